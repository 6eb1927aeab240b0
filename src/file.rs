//! Opening one file from all ranks.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use hdf5::File;
use hdf5::file::FileBuilder;
use hdf5_sys::h5f::H5Fis_hdf5;
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

/// True if the file is there and begins as an HDF5 file does. Not collective: it is looked
/// at without MPI. (Opening an empty file for all ranks succeeds with HDF5 1.10, as if it
/// were a file with nothing in it.)
pub fn is_hdf5(path: impl AsRef<Path>) -> bool {
    let Ok(path) = CString::new(path.as_ref().as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: the path ends with a zero byte, and outlives the call.
    hdf5::sync::sync(|| unsafe { H5Fis_hdf5(path.as_ptr()) }) > 0
}
