//! Arguments that several commands have.

use std::path::PathBuf;

use clap::Args;
use clap_complete::engine::CompletionCandidate;
use launch::Mpi;
use workbook::exercise::Exercise;
use workbook::find_root;

/// With which MPI and HDF5 answers are compiled and run.
#[derive(Args)]
pub(crate) struct Machine {
    /// Which MPI: openmpi or mpich.
    #[arg(long, env = "MPI", default_value = "openmpi")]
    pub(crate) mpi: Mpi,
    /// The folder of another HDF5, with include and lib.
    #[arg(long)]
    pub(crate) hdf5: Option<PathBuf>,
}

/// The exercises, for a shell that completes words.
pub(crate) fn exercises() -> Vec<CompletionCandidate> {
    let all = find_root().and_then(|root| Exercise::all(&root));
    let all = all.unwrap_or_default().into_iter();
    all.flat_map(|it| {
        let help = Some(it.plan.title.clone().into());
        let words = [it.to_string(), it.name];
        words.map(|word| CompletionCandidate::new(word).help(help.clone()))
    })
    .collect()
}
