//! Opening one file from all ranks.

use std::path::Path;

use hdf5::File;
use hdf5::file::FileBuilder;
use mpi::traits::*;

fn for_all_ranks<C: Communicator>(comm: &C) -> FileBuilder {
    let mut builder = File::with_options();
    builder.with_fapl(|access| access.mpio(comm.as_raw(), None));
    builder
}

/// Creates the file for all ranks of `comm`, through MPI-IO; a file of that name is
/// replaced. **Collective** over `comm`: each rank must name the same file.
///
/// MPI must be initialised first and finalised after the file is closed ([`run`](crate::run)
/// sees to both).
///
/// # Errors
/// If the file cannot be created; HDF5 then fails on all ranks.
pub fn create<C: Communicator>(path: impl AsRef<Path>, comm: &C) -> hdf5::Result<File> {
    for_all_ranks(comm).create(path)
}

/// Opens an existing file for reading and writing by all ranks of `comm`, through MPI-IO.
/// **Collective** over `comm`.
///
/// # Errors
/// If the file is missing, not HDF5, or not writable; HDF5 then fails on all ranks.
pub fn open<C: Communicator>(path: impl AsRef<Path>, comm: &C) -> hdf5::Result<File> {
    for_all_ranks(comm).open_rw(path)
}

/// Opens an existing file for reading by all ranks of `comm`, through MPI-IO.
/// **Collective** over `comm`.
///
/// # Errors
/// If the file is missing or not HDF5; HDF5 then fails on all ranks.
pub fn open_read_only<C: Communicator>(
    path: impl AsRef<Path>,
    comm: &C,
) -> hdf5::Result<File> {
    for_all_ranks(comm).open(path)
}
