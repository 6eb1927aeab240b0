//! `workbook`: a learner's command. What it can do is in `commands/`, a file each.

mod cli;
mod commands;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use clap_complete::env::CompleteEnv;
use cli::Cli;
use launch::supervise;
use workbook::{find_root, transcript};

fn main() -> ExitCode {
    // `source <(COMPLETE=bash target/debug/workbook)` teaches a shell to complete words.
    CompleteEnv::with_factory(Cli::command).complete();
    let command = Cli::parse().command;
    // For `make report`, should it fail.
    let kept = command.kept();
    if kept.is_some() {
        transcript::begin();
    }
    let result = supervise::catch_interrupts().and_then(|()| command.run());
    if let Some(name) = kept
        && let Ok(root) = find_root()
    {
        if let Err(error) = &result {
            transcript::note(&format!("workbook: {error:#}"));
        }
        transcript::end(&root, &name, matches!(result, Ok(0)));
    }
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("workbook: {error:#}");
            ExitCode::FAILURE
        }
    }
}
