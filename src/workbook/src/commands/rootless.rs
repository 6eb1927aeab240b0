//! Part of the set-up without root.

use std::path::Path;

use anyhow::Result;
use launch::Mpi;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which MPI: openmpi or mpich.
    #[arg(long)]
    mpi: Mpi,
}

impl Args {
    pub(crate) fn run(self, root: &Path) -> Result<bool> {
        hdf5_build::for_wheel(root, self.mpi).map(|()| true)
    }
}
