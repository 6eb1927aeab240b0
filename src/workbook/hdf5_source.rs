//! Chapter 5: builds HDF5 with parallel extensions from its source, and proves the build.
//!
//! All that is built lies in `target/hdf5`: `2.2.0-openmpi` is the library, with `include`
//! and `lib`; `2.2.0-openmpi-build` is where it is built; `2.2.0-openmpi.log` is what the
//! commands printed. A library counts as built when its stamp says so, and that is written
//! last; so what was interrupted is gone on with, and never mistaken for a whole.

mod cmake;
mod debian;
mod h5py;
mod job;
mod proof;
mod stamp;
mod zlib;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use launch::wheel::{self, Wheel};
use launch::{Mpi, output_of};
use nix::fcntl::{Flock, FlockArg};

use crate::chapter::Chapter;
use crate::run::Request;

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

/// The compiler wrapper that a library is built with.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// Which MPI it belongs to.
    pub mpi: Mpi,
    /// Its name or path.
    pub mpicc: String,
    /// The launcher of its MPI, if there is one: HDF5's own tests need it.
    pub launcher: Option<String>,
    /// What it says of its MPI's version; a library for another version is another one.
    pub version: String,
}

impl Compiler {
    /// Finds the compiler wrapper of `mpi`.
    pub fn find(root: &Path, mpi: Mpi) -> Result<Compiler> {
        let Some(mpicc) = mpi.compiler(root) else {
            bail!(
                "HDF5 is built with the mpicc of {mpi}, and there is none on the PATH; \
                 `make doctor MPI={}` says what to do",
                mpi.name()
            )
        };
        let option = match mpi {
            Mpi::OpenMpi => "-showme:version",
            Mpi::Mpich => "-v",
        };
        let says = output_of(&mpicc, &[option]).unwrap_or_default();
        let version = says.lines().next().unwrap_or("unknown").to_owned();
        Ok(Compiler {
            mpi,
            mpicc,
            launcher: mpi.launcher(root),
            version,
        })
    }
}

/// A library that was built here.
#[derive(Clone, Debug)]
pub struct Library {
    /// Its version: `2.2.0`.
    pub version: String,
    /// The folder that holds its `include` and `lib`.
    pub prefix: PathBuf,
}

/// `make chapter-5`: builds the library, unless it is there, and with PYTHON=1 h5py on it;
/// then proves it with the programs of the chapters. `Ok(true)` if every check held.
pub fn run(root: &Path, chapter: &Chapter, request: &Request) -> Result<bool> {
    let compiler = Compiler::find(root, request.mpi)?;
    let folder = wheel::folder_for_hdf5(root, request.mpi);
    let library = library(root, &folder, &compiler, request.release.as_deref())?;
    let python = if request.python {
        let _lock = lock(&folder)?;
        Some(h5py::environment(root, &folder, &compiler, &library)?)
    } else {
        None
    };
    proof::run(root, chapter, request, &library, python.as_deref())
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
fn lock(folder: &Path) -> Result<Flock<File>> {
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

/// True if version `is` (`1.10.8`) belongs to the release `wanted` (`1.10`).
fn belongs_to(is: &str, wanted: &str) -> bool {
    is.strip_prefix(wanted).is_some_and(|rest| {
        rest.is_empty() || !rest.starts_with(|c: char| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::belongs_to;

    #[test]
    fn a_release_is_a_whole_part_of_a_version() {
        assert!(belongs_to("1.10.8", "1.10"));
        assert!(belongs_to("2.2.0", "2"));
        assert!(belongs_to("2.2.0", "2.2.0"));
        assert!(!belongs_to("1.10.8", "1.1"));
        assert!(!belongs_to("1.14.5", "1.10"));
    }
}
