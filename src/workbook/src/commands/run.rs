//! `workbook run`: a chapter.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use launch::{Mpi, ranks};
use virtual_cluster::hosts;
use virtual_cluster::slurm::Launcher;
use workbook::chapter::Chapter;
use workbook::{catalogue, prove_hdf5, run};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The chapter's number or name.
    pub(crate) chapter: String,
    /// Which MPI: openmpi or mpich.
    #[arg(long, env = "MPI", default_value = "openmpi")]
    mpi: Mpi,
    /// How many ranks; several numbers run one after the other: 1,3,7.
    #[arg(long, env = "NP", value_delimiter = ',', value_parser = ranks)]
    pub(crate) ranks: Vec<usize>,
    /// The folder of another HDF5, with include and lib.
    #[arg(long)]
    pub(crate) hdf5: Option<PathBuf>,
    /// Stop the run after this many seconds.
    #[arg(long, env = "LIMIT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Arguments for the program, in one string, as a shell would split them.
    #[arg(long, env = "ARGS", value_name = "STRING", allow_hyphen_values = true)]
    pub(crate) args: Option<String>,
    /// Chapter 5: build this release of HDF5, such as 1.10, instead of the newest.
    #[arg(long, env = "HDF5", value_name = "RELEASE")]
    pub(crate) release: Option<String>,
    /// Chapter 5: `1` to build h5py as well.
    // Not a flag: PYTHON is a common name, and may hold the path of an interpreter.
    #[arg(long, env = "PYTHON", default_value = "0", value_name = "0|1")]
    pub(crate) python: String,
    /// `1` to record the runs, and to draw who read and wrote what.
    // Not a flag: TRACE is a common name.
    #[arg(long, env = "TRACE", default_value = "0", value_name = "0|1")]
    pub(crate) trace: String,
    /// Who starts the ranks: slurm, after `make cluster-up` or on a cluster's login node.
    #[arg(long, env = "LAUNCHER", value_enum, default_value_t)]
    pub(crate) launcher: Launcher,
    /// On so many hosts: namespaces of this machine, joined by TCP. Open MPI only.
    #[arg(long, env = "HOSTS", value_parser = clap::value_parser!(u64).range(1..=hosts::MOST))]
    pub(crate) hosts: Option<u64>,
}

impl Args {
    pub(crate) fn run(self, root: &Path) -> Result<bool> {
        let chapter = Chapter::find(root, &self.chapter)?;
        let request = run::Request {
            mpi: self.mpi,
            ranks: self.ranks,
            args: shell_words::split(&self.args.unwrap_or_default())?,
            hdf5: self.hdf5,
            limit: self.limit.map(Duration::from_secs),
            data: std::env::var_os("WORKBOOK_DATA").map(PathBuf::from),
            release: self.release,
            python: self.python == "1",
            trace: self.trace == "1",
            launcher: self.launcher,
            hosts: self.hosts.map(|it| it as usize),
        };
        dispatch(root, &chapter, &request)
    }
}

/// Runs the chapter, each in its own way. `Ok(true)` if every check held.
fn dispatch(root: &Path, chapter: &Chapter, request: &run::Request) -> Result<bool> {
    if request.hosts.is_some() {
        can_be_spread(chapter, request)?;
    }
    if chapter.plan.build_hdf5 && request.hdf5.is_none() {
        return prove_hdf5::run(root, chapter, request);
    }
    for ranks in request.all_ranks(chapter) {
        let held = match mistakes(root, chapter, request, ranks)? {
            Some(held) => held,
            None => run::run_once(root, chapter, request, ranks)?,
        };
        if !held {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether what is asked for can be done on several hosts.
fn can_be_spread(chapter: &Chapter, request: &run::Request) -> Result<()> {
    if request.launcher == Launcher::Slurm {
        bail!("HOSTS or LAUNCHER=slurm, not both: Slurm has nodes of its own");
    }
    let many = !chapter.plan.mistake.is_empty() || chapter.plan.build_hdf5;
    let wrong = request.args.first().is_some_and(|it| it == "--wrong");
    if many && (request.args.is_empty() || wrong) {
        bail!(
            "`make chapter-{}` does more than one run, and HOSTS is for one; \
             `cargo run -- hosts -- mpirun --host h1:2,h2:2 -n 4 PROGRAM` runs any",
            chapter.number
        );
    }
    hosts::are_possible(request.mpi)
}

/// A run that is one of the chapter's [catalogue], or the whole of it.
fn mistakes(
    root: &Path,
    chapter: &Chapter,
    request: &run::Request,
    ranks: usize,
) -> Result<Option<bool>> {
    let all = &chapter.plan.mistake;
    match request.args.as_slice() {
        [] if !all.is_empty() => catalogue::run(root, chapter, request, ranks).map(Some),
        [wrong, name] if wrong == "--wrong" => {
            match all.iter().find(|it| it.name == *name) {
                Some(mistake) => {
                    catalogue::show(root, chapter, request, ranks, mistake).map(Some)
                }
                None => Ok(None),
            }
        }
        _ => Ok(None),
    }
}
