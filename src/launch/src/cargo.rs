//! Runs cargo for a toolchain.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::Toolchain;

/// How much cargo may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chatter {
    /// Its progress bar where there is a terminal, else warnings and errors only.
    OnTerminal,
    /// As much as it likes.
    Always,
}

/// Runs cargo for a toolchain in the folder `root`; `Ok(true)` if it succeeds.
///
/// # Errors
/// If cargo cannot be run.
pub fn cargo(
    root: &Path,
    toolchain: &Toolchain,
    subcommand: &str,
    args: &[&str],
    chatter: Chatter,
) -> Result<bool> {
    let mut cargo = Command::new("cargo");
    cargo
        .args([subcommand, "--locked"])
        .args(args)
        .current_dir(root)
        .envs(toolchain.build_environment());
    if chatter == Chatter::OnTerminal && !std::io::stderr().is_terminal() {
        cargo.arg("--quiet");
    }
    Ok(cargo.status().context("cannot run cargo")?.success())
}
