//! The commands of the exercises.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use launch::ranks;
use workbook::exercise::{commands, trial::Options, watch};

use super::args::{Machine, exercises};

/// One exercise.
#[derive(Args)]
pub(crate) struct Which {
    /// The exercise: 3.2, or its name.
    #[arg(add = ArgValueCandidates::new(exercises))]
    exercise: String,
}

impl Which {
    pub(crate) fn hint(self, root: &Path) -> Result<bool> {
        commands::hint(root, &self.exercise)
    }

    pub(crate) fn reset(self, root: &Path) -> Result<bool> {
        commands::reset(root, &self.exercise)
    }
}

#[derive(Args)]
pub(crate) struct SolutionArgs {
    #[command(flatten)]
    which: Which,
    /// Do not ask if it is not solved yet.
    #[arg(long)]
    yes: bool,
}

impl SolutionArgs {
    pub(crate) fn run(self, root: &Path) -> Result<bool> {
        commands::solution(root, &self.which.exercise, self.yes)
    }
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// The exercise: 3.2, or its name; or a chapter: 3.
    #[arg(add = ArgValueCandidates::new(exercises))]
    pub(crate) exercise: String,
    #[command(flatten)]
    machine: Machine,
    /// Only with these numbers of ranks: 1,3,7.
    #[arg(long, env = "NP", value_delimiter = ',', value_parser = ranks)]
    ranks: Vec<usize>,
    /// The seed of the input, to have that of an earlier check again.
    #[arg(long, env = "SEED")]
    seed: Option<u64>,
    /// Another file than that in answers/.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Show the launcher's own words, too.
    #[arg(long)]
    noise: bool,
    /// Print the verdicts as JSON.
    #[arg(long)]
    json: bool,
}

impl CheckArgs {
    pub(crate) fn check(self, root: &Path) -> Result<bool> {
        commands::check(root, &self.exercise, &self.request())
    }

    pub(crate) fn try_out(self, root: &Path) -> Result<bool> {
        commands::try_out(root, &self.exercise, &self.request())
    }

    fn request(&self) -> commands::Request {
        commands::Request {
            mpi: self.machine.mpi,
            hdf5: self.machine.hdf5.clone(),
            options: Options {
                ranks: self.ranks.clone(),
                seed: self.seed,
            },
            file: self.file.clone(),
            noise: self.noise,
            json: self.json,
        }
    }
}

pub(crate) fn watch(root: &Path, machine: &Machine) -> Result<bool> {
    watch::watch(root, machine.mpi, machine.hdf5.as_deref())
}

pub(crate) fn progress(root: &Path) -> Result<bool> {
    commands::progress(root)
}
