//! MPI-IO's atomic mode, which `hdf5-metno` does not offer.

use hdf5::File;
use hdf5_sys::h5::hbool_t;
use hdf5_sys::h5f::{H5Fget_mpi_atomicity, H5Fset_mpi_atomicity};

/// Turns MPI-IO's atomic mode on or off for `file`. **Collective** over the file's
/// communicator.
///
/// With it on, the MPI standard promises (MPI 4.1, section 14.6.1) that what one rank
/// writes in one call, another rank sees wholly or not at all. HDF5 passes the request
/// on; whether it is kept depends on the implementation of MPI-IO, and HDF5 gives the
/// promise for contiguous accesses only (reference manual, `H5Fset_mpi_atomicity`).
///
/// # Errors
/// If `file` was not opened through MPI-IO.
pub fn set_atomic_mode(file: &File, on: bool) -> hdf5::Result<()> {
    // SAFETY: the id is that of an open file for as long as `file` is borrowed, and
    // `sync` keeps other threads out of the library.
    let status = hdf5::sync::sync(|| unsafe { H5Fset_mpi_atomicity(file.id(), on.into()) });
    hdf5::h5check(status).map(drop)
}

/// Whether atomic mode was asked for; not whether the MPI library honours it (Open MPI
/// 4.1's OMPIO says yes and does nothing: open-mpi/ompi issue 11240). Not collective.
///
/// # Errors
/// If `file` was not opened through MPI-IO.
pub fn atomic_mode(file: &File) -> hdf5::Result<bool> {
    let mut on = hbool_t::from(false);
    // SAFETY: as above; `on` outlives the call.
    let status =
        hdf5::sync::sync(|| unsafe { H5Fget_mpi_atomicity(file.id(), &raw mut on) });
    hdf5::h5check(status).map(|_| u32::from(on) != 0)
}
