//! What HDF5 is built with, and what comes out.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use launch::{Mpi, output_of};

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

/// True if version `is` (`1.10.8`) belongs to the release `wanted` (`1.10`).
pub(crate) fn belongs_to(is: &str, wanted: &str) -> bool {
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
