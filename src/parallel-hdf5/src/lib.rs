//! Parallel HDF5 in Rust: what the chapters share, and what neither `mpi` nor
//! `hdf5-metno` gives safely.
//!
//! Every function says whether it is **collective**: called by all ranks of the
//! communicator (or of the file's communicator), in the same order, or the program hangs.

pub mod about;
mod agree;
mod alone;
mod atomic;
mod clock;
mod dataset;
mod file;
mod guard;
pub mod inspect;
pub mod mpiio;
mod print;
mod report;
mod slab;
mod subfiling;
mod survive;
mod transfer;

pub use about::hints;
pub use agree::{Disagreement, agree};
pub use alone::warn_if_alone;
pub use atomic::{atomic_mode, set_atomic_mode};
pub use clock::Clock;
pub use dataset::{AllocTime, DatasetOptions, FillTime, create_dataset};
pub use file::{FileOptions, create, is_hdf5, open, open_read_only};
pub use guard::{parse_args, run, run_threaded, run_threaded_with, run_with};
pub use print::print_in_order;
pub use report::{Actual, Cause, ChunkIo, Report};
pub use slab::{Indices, Slab, chunked_rows_of, cyclic, rows_of};
pub use subfiling::{create_in_subfiles, has_subfiling, open_in_subfiles};
pub use survive::{hand_over, write_then_rename};
pub use transfer::{
    SlabError, Transfer, read_rows, read_rows_into, read_slab, read_slab_into, write_rows,
    write_slab,
};

use std::path::PathBuf;

/// Any error, with the message that a reader sees.
pub type Error = Box<dyn std::error::Error>;

/// The result of what can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Where the programs write if they are not given a path: `$WORKBOOK_DATA` (which
/// `make chapter-N` sets), else `target/data` below the current folder. It is created.
///
/// # Errors
/// If the folder cannot be created.
pub fn data_folder() -> Result<PathBuf> {
    let folder = std::env::var_os("WORKBOOK_DATA").unwrap_or("target/data".into());
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder)
        .map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))?;
    Ok(folder)
}
