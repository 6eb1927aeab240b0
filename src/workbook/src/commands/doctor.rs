//! `workbook doctor`: what is wrong with this machine.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use launch::{Mpi, ranks, wheel};
use workbook::doctor;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which MPI: openmpi or mpich.
    #[arg(long, env = "MPI", default_value = "openmpi")]
    mpi: Mpi,
    /// How many ranks there are to be.
    #[arg(long, env = "NP", value_delimiter = ',', value_parser = ranks)]
    ranks: Vec<usize>,
    /// The folder of another HDF5, with include and lib.
    #[arg(long)]
    hdf5: Option<PathBuf>,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(crate) fn run(self, root: &Path) -> Result<bool> {
        see_libclang(root)?;
        let request = doctor::Request {
            mpi: self.mpi,
            ranks: self.ranks.into_iter().max(),
            hdf5: self.hdf5,
        };
        let report = doctor::examine(root, &request)?;
        match self.json {
            true => println!("{}", serde_json::to_string_pretty(&report)?),
            false => report.print(),
        }
        Ok(report.wrongs() == 0)
    }
}

/// Lets the crate that looks for libclang find the one that came without root: it reads where that is
/// from the environment, so this process is started once more with it.
///
/// # Errors
/// If it cannot be started.
pub(crate) fn see_libclang(root: &Path) -> Result<()> {
    let mut missing = wheel::libclang(root);
    missing.retain(|(name, _)| std::env::var_os(name).is_none());
    if missing.is_empty() {
        return Ok(());
    }
    let mut again = Command::new(std::env::current_exe()?);
    again.args(std::env::args_os().skip(1)).envs(missing);
    Err(again.exec()).context("cannot start the workbook again")
}
