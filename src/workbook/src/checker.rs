//! Asks the program `check`, which reads files without MPI.

use std::path::Path;

use anyhow::{Context, Result, bail};
use launch::supervise::Ended;
use protocol::{ChapterRun, ChapterVerdict, Exchange, Question, RunEnd};
use serde::de::DeserializeOwned;

/// How a run ended, for the check.
pub(crate) fn run_end(ended: Ended) -> RunEnd {
    match ended {
        Ended::Exit(status) => RunEnd::Exit(status),
        Ended::Signal(signal) => RunEnd::Signal(signal),
        Ended::Limit(_) | Ended::Stopped => RunEnd::Limit,
        Ended::Interrupted => RunEnd::Interrupted,
    }
}

/// What the check says of a chapter's run.
///
/// # Errors
/// If it cannot be run, or gives no answer.
pub(crate) fn judge(check: &Path, run: ChapterRun) -> Result<ChapterVerdict> {
    ask(check, &Question::Chapter(run), &[])
}

/// What the check answers, with more environment.
///
/// # Errors
/// If it cannot be run, or gives no answer.
pub(crate) fn ask<T: DeserializeOwned>(
    check: &Path,
    question: &Question,
    environment: &[(&str, &str)],
) -> Result<T> {
    let exchange = Exchange::new(question)?;
    let mut command = exchange.command(check);
    let output = command
        .envs(environment.iter().copied())
        .output()
        .with_context(|| format!("cannot start {}", check.display()))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    exchange.answer()
}
