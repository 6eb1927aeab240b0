//! Subfiling: what is one HDF5 file to the program is several files on the disk, each with
//! every n-th stripe of it, and each written by a rank that works for the others.
//!
//! It came with HDF5 1.14, and is there only if the library was built with it
//! (`HDF5_ENABLE_SUBFILING_VFD`); Debian's is not, that of chapter 5 is. Its functions are
//! looked up when they are needed, so that a program still starts with another library.
//!
//! How large a stripe is, and how many ranks of a machine work for the others, is said by
//! environment variables: `H5FD_SUBFILING_STRIPE_SIZE` (bytes; 32 MiB), and
//! `H5FD_SUBFILING_IOC_PER_NODE` (1), the same on all ranks (`H5FDsubfiling.h`).

use std::ffi::{CString, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use hdf5::File;
use hdf5::plist::FileAccess;
use hdf5_sys::h5::herr_t;
use hdf5_sys::h5f::{H5F_ACC_RDWR, H5F_ACC_TRUNC, H5Fcreate, H5Fopen};
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::H5P_DEFAULT;
use libloading::os::unix::{Library, Symbol};
use mpi::ffi;
use mpi::traits::*;

type SetMpiParams = unsafe extern "C" fn(hid_t, ffi::MPI_Comm, ffi::MPI_Info) -> herr_t;
type SetSubfiling = unsafe extern "C" fn(hid_t, *const c_void) -> herr_t;

/// True if the HDF5 that is loaded was built with subfiling. Not collective.
pub fn has_subfiling() -> bool {
    functions().is_some()
}

/// Creates a file in subfiles, for all ranks of `comm`. **Collective** over `comm`.
///
/// At `path` there is then a short file; beside it `path.subfile_…_1_of_2` and so on, and
/// `path.subfile_….config`. All of them are the file. A serial tool needs them put together
/// by `h5fuse`, which HDF5 brings along.
///
/// # Errors
/// If HDF5 was built without subfiling, MPI was not started for threads
/// ([`run_threaded`](crate::run_threaded)), or the file cannot be created.
pub fn create_in_subfiles<C: Communicator>(
    path: impl AsRef<Path>,
    comm: &C,
) -> hdf5::Result<File> {
    let access = access(comm)?;
    let path = c_path(path.as_ref())?;
    // SAFETY: the path ends with a zero byte; it and the list outlive the call.
    let id = hdf5::sync::sync(|| unsafe {
        H5Fcreate(path.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id())
    });
    opened(id)
}

/// Opens a file that was created in subfiles, for reading and writing. **Collective** over
/// `comm`.
///
/// # Errors
/// As [`create_in_subfiles`]; and if the file, or one of its parts, is missing.
pub fn open_in_subfiles<C: Communicator>(
    path: impl AsRef<Path>,
    comm: &C,
) -> hdf5::Result<File> {
    let access = access(comm)?;
    let path = c_path(path.as_ref())?;
    // SAFETY: as above.
    let id =
        hdf5::sync::sync(|| unsafe { H5Fopen(path.as_ptr(), H5F_ACC_RDWR, access.id()) });
    opened(id)
}

/// A property list that chooses subfiling.
fn access<C: Communicator>(comm: &C) -> hdf5::Result<FileAccess> {
    let Some((set_mpi_params, set_subfiling)) = functions() else {
        return Err(
            "this HDF5 was built without subfiling; that of chapter 5 has it".into(),
        );
    };
    if mpi::environment::threading_support() != mpi::Threading::Multiple {
        return Err("subfiling needs an MPI that was started for threads \
            (MPI_THREAD_MULTIPLE): parallel_hdf5::run_threaded"
            .into());
    }
    let access = FileAccess::try_new()?;
    // SAFETY: the functions are those of this HDF5, of these types (H5Ppublic.h and
    // H5FDsubfiling.h of 1.14 and 2.2); HDF5 copies the communicator; no configuration
    // means the default one.
    let status = hdf5::sync::sync(|| unsafe {
        match set_mpi_params(access.id(), comm.as_raw(), ffi::RSMPI_INFO_NULL) {
            0.. => set_subfiling(access.id(), ptr::null()),
            failed => failed,
        }
    });
    hdf5::h5check(status)?;
    Ok(access)
}

fn functions() -> Option<(Symbol<SetMpiParams>, Symbol<SetSubfiling>)> {
    let this = Library::this();
    // SAFETY: if HDF5 has functions of these names, they have these types.
    unsafe {
        Some((
            this.get(b"H5Pset_mpi_params\0").ok()?,
            this.get(b"H5Pset_fapl_subfiling\0").ok()?,
        ))
    }
}

fn c_path(path: &Path) -> hdf5::Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_| "the file's name holds a zero byte".into())
}

fn opened(id: hid_t) -> hdf5::Result<File> {
    hdf5::h5check(id as c_int)?;
    // SAFETY: the id is that of a file that was just opened, and nobody else has it.
    unsafe { hdf5::from_id(id) }
}
