//! `workbook trace`: the picture of any run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use launch::Mpi;
use workbook::traced;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Do not run anything: draw this trace.json again.
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    json: Option<PathBuf>,
    /// Stop the run after this many seconds; the picture then shows where the ranks are.
    #[arg(long, env = "LIMIT", default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// With whose HDF5 the files are looked at, openmpi or mpich: it matters little.
    #[arg(long)]
    mpi: Option<Mpi>,
    /// The folder of another HDF5 to look at the files with, with include and lib.
    #[arg(long)]
    hdf5: Option<PathBuf>,
    /// Write the page into this folder, not below target/trace.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// The command: `mpirun -n 4 program`.
    #[arg(last = true, required_unless_present = "json")]
    command: Vec<OsString>,
}

impl Args {
    pub(crate) fn run(self, root: &Path) -> Result<bool> {
        if let Some(json) = self.json {
            return traced::redraw(&json).map(|()| true);
        }
        let request = traced::Request {
            command: self.command,
            mpi: self.mpi,
            hdf5: self.hdf5,
            limit: Duration::from_secs(self.limit),
            out: self.out,
        };
        traced::run(root, &request)
    }
}
