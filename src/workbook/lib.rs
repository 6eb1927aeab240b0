//! The `workbook` command, as a library for the tests: finds MPI and HDF5 on the
//! machine, launches programs under a time limit, replays the transcripts of the book.
//!
//! Depends on neither MPI nor HDF5, so that it can say that they are missing.

pub mod bench;
pub mod book;
mod catalogue;
pub mod cell;
pub mod chapter;
pub mod classroom;
pub mod cluster;
pub mod config;
pub mod dist;
pub mod doctor;
pub mod exercise;
pub mod figures;
pub mod git;
pub mod grade;
pub mod hdf5_source;
pub mod hosts;
pub mod launch;
pub mod mpi;
#[cfg(target_os = "linux")]
mod namespaces;
pub mod noise;
pub mod picture;
pub mod print;
pub mod quiz;
pub mod report;
pub mod rootless;
pub mod run;
pub mod scaling;
pub mod session;
pub mod slides;
pub mod supervise;
pub mod teaching;
pub mod traced;
pub mod transcript;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// How many things that compute can be done at the same time.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The program that a shell would start: a file that is named with its folder, else the first of
/// this name in a folder of the `PATH`.
pub fn on_path(program: impl AsRef<Path>) -> Option<PathBuf> {
    in_folders(program.as_ref(), &[])
}

/// The same for an administrator's program; an ordinary account's `PATH` may lack its folder.
pub(crate) fn on_path_of_root(program: &str) -> Option<PathBuf> {
    in_folders(program.as_ref(), &["/usr/sbin", "/usr/local/sbin", "/sbin"])
}

fn in_folders(program: &Path, more: &[&str]) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(more.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|it| it.is_file())
}

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
