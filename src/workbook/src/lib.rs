//! The `workbook` command, as a library for the tests: finds MPI and HDF5 on the
//! machine, launches programs under a time limit, replays the transcripts of the book.
//!
//! Depends on neither MPI nor HDF5, so that it can say that they are missing.

pub mod catalogue;
pub mod chapter;
pub mod checker;
pub mod doctor;
pub mod exercise;
pub mod git;
pub mod prove_hdf5;
mod recording;
pub mod release;
pub mod report;
pub mod run;
pub mod table;
pub mod traced;
pub mod transcript;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The folder of the workbook: the current folder, or the nearest above that holds
/// `chapters/SUMMARY.md`.
pub fn find_root() -> Result<PathBuf> {
    let here = std::env::current_dir()?;
    let root = here
        .ancestors()
        .find(|it| it.join("chapters/SUMMARY.md").is_file());
    match root.map(Path::to_owned) {
        Some(root) => Ok(root),
        None => bail!("{} is not inside the workbook", here.display()),
    }
}
