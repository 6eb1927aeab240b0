//! Builds HDF5 with parallel extensions from its source, and h5py on it.
//!
//! All that is built lies in `target/hdf5`: `2.2.0-openmpi` is the library, with `include`
//! and `lib`; `2.2.0-openmpi-build` is where it is built; `2.2.0-openmpi.log` is what the
//! commands printed. A library counts as built when its stamp says so, and that is written
//! last; so what was interrupted is gone on with, and never mistaken for a whole.

mod cmake;
mod compiler;
mod debian;
mod h5py;
mod job;
mod source;
mod stamp;
mod zlib;

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result, bail};
use launch::Mpi;
use launch::wheel::{self, Wheel};
use nix::fcntl::{Flock, FlockArg};

pub use compiler::{Compiler, Library};
pub use h5py::environment as h5py;
pub use job::{Count, Job};
pub use stamp::Stamp;

/// Builds HDF5 for an MPI that came from a wheel, unless that is done already.
///
/// # Errors
/// If it cannot be built, or if this MPI does not come from a wheel.
pub fn for_wheel(root: &Path, mpi: Mpi) -> Result<()> {
    let wheel = Wheel::chosen(root, mpi).context("setup.sh chose no wheel")?;
    let compiler = Compiler::find(root, mpi)?;
    let folder = wheel::folder_for_hdf5(root, mpi);
    let library = library(root, &folder, &compiler, None)?;
    let link = wheel.hdf5_link();
    let new = link.with_extension("new");
    let _ = std::fs::remove_file(&new);
    let name = library.prefix.file_name().context("a prefix has a name")?;
    std::os::unix::fs::symlink(name, &new)
        .and_then(|()| std::fs::rename(&new, &link))
        .with_context(|| format!("cannot make the link {}", link.display()))
}

/// The library of the release that is asked for (`1.10`; the crate's own if `None`), built
/// in `folder` unless it is there already.
pub fn library(
    root: &Path,
    folder: &Path,
    compiler: &Compiler,
    release: Option<&str>,
) -> Result<Library> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let _lock = lock(folder)?;
    match release {
        // The autotools, and with them `configure`, end with 1.14.
        Some(release) if release == "1" || release.starts_with("1.") => {
            debian::library(folder, compiler, release)
        }
        _ => cmake::library(root, folder, compiler, release),
    }
}

/// Keeps two builds out of one folder; the kernel lets go when we end, however that is.
pub fn lock(folder: &Path) -> Result<Flock<File>> {
    let path = folder.join("lock");
    let open =
        || File::create(&path).with_context(|| format!("cannot make {}", path.display()));
    match Flock::lock(open()?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(lock),
        Err(_) => bail!(
            "another build of HDF5 is running here (it holds {}); wait for its end",
            path.display()
        ),
    }
}
