//! Writes `.cargo/config.toml`, so that plain `cargo build`, `cargo test` and an editor's
//! rust-analyzer build with the same MPI and HDF5 as the commands of the Makefile.

use std::path::Path;

use anyhow::{Context, Result};

use crate::{Mpi, Toolchain};

const FIRST_LINE: &str =
    "# Written by the workbook's set-up; delete it and it is made anew.";

/// Whether a file with this text was written by the workbook, not by the reader.
pub fn is_ours(text: &str) -> bool {
    text.starts_with(FIRST_LINE)
}

/// Writes the file for the first MPI that is installed with its HDF5 (Open MPI before
/// MPICH), unless it says that already, or is the reader's own.
pub fn write(root: &Path) -> Result<()> {
    let installed = Mpi::ALL
        .into_iter()
        .find_map(|mpi| Toolchain::find(mpi, root, None).ok());
    let Some(toolchain) = installed else {
        return Ok(());
    };
    let file = root.join(".cargo/config.toml");
    let old = std::fs::read_to_string(&file).unwrap_or_default();
    if !old.is_empty() && !is_ours(&old) {
        return Ok(());
    }
    let mut new = format!("{FIRST_LINE}\n[env]\n");
    let launch = toolchain.mpi.launch_environment();
    let launch = launch
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()));
    let build = toolchain.build_environment().into_iter();
    for (name, value) in build
        .filter(|(name, _)| *name != "CARGO_TARGET_DIR")
        .chain(launch)
    {
        new.push_str(&format!("{name} = {value:?}\n"));
    }
    if new == old {
        return Ok(());
    }
    let folder = root.join(".cargo");
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&file, new))
        .with_context(|| format!("cannot write {}", file.display()))
}
