//! h5py, built with parallel extensions on the library, in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::cmake::pip_environment;
use crate::compiler::{Compiler, Library};
use crate::job::{Count, Job};
use crate::stamp::Stamp;

/// What h5py is built with, and needs afterwards.
const AROUND: &str = include_str!("h5py-requirements.txt");

/// h5py itself, which is compiled here.
const H5PY: &str = "h5py==3.16.0";

/// How it is compiled: with what is installed already, and all of it here and now.
const PIP: &str = "-m pip install --disable-pip-version-check --verbose \
                   --no-build-isolation --no-deps --no-cache-dir --no-binary h5py";

/// The Python interpreter that has this h5py; builds it unless it is there already.
pub fn environment(
    root: &Path,
    folder: &Path,
    compiler: &Compiler,
    library: &Library,
) -> Result<PathBuf> {
    let mpi = compiler.mpi;
    let name = format!("{}-{}-h5py", library.version, mpi.name());
    let home = folder.join(&name);
    let interpreter = home.join("bin/python");
    let prefix = library.prefix.display().to_string();
    let stamp = Stamp::new(&[AROUND, H5PY, &compiler.version, &prefix]);
    if stamp.is_on(&home) {
        let shown = home.strip_prefix(root).unwrap_or(&home);
        println!("{H5PY} for {mpi} is built already: {}", shown.display());
        return Ok(interpreter);
    }
    let mut job = Job::new(&folder.join(format!("{name}.log")))?;
    Stamp::begin(&home)?;
    // All that the build needs is installed first, and the build is told to use it: left to
    // itself pip would make an environment for the build, with the mpi4py 4.0 that h5py asks for
    // (before Python 3.14), and compile that from source: it takes very long and much memory.
    pip_environment(&home, AROUND, &mut job)?;
    let mut pip = Command::new(&interpreter);
    pip.args(PIP.split_whitespace())
        .arg(H5PY)
        .env("CC", &compiler.mpicc)
        .env("HDF5_MPI", "ON")
        .env("HDF5_DIR", &library.prefix)
        // These are for `make chapter-5`, not for h5py's build.
        .env_remove("HDF5")
        .env_remove("PYTHON");
    let doing = format!(
        "Building {H5PY} on HDF5 {} for {mpi} (a minute or two)",
        library.version
    );
    job.step(&doing, pip, Count::Nothing)?;
    stamp.put_on(&home)?;
    Ok(interpreter)
}
