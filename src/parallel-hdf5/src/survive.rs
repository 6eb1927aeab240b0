//! Data that outlives the program: in order between ranks, and after a crash.

use std::fs;
use std::path::{Path, PathBuf};

use hdf5::File;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

use crate::{Result, agree, create};

/// Lets every rank read what any rank has written before: flush, barrier, flush.
/// **Collective** over `comm`, which must be the communicator that `file` was opened for.
///
/// This is the order that MPI-IO asks for where atomic mode is off (MPI 4.1, section 14.6.1,
/// `MPI_File_sync`): what was written goes to the file before the barrier, and nothing from
/// before the barrier is kept for reading after it.
///
/// It does not help with a compressed dataset that a rank has read independently before: HDF5
/// 1.10.8 keeps the unpacked chunks, and shows the old numbers (chapter 7).
///
/// # Errors
/// If the file cannot be flushed (a disk that is full, say), on the ranks where that is so.
pub fn hand_over(file: &File, comm: &SimpleCommunicator) -> hdf5::Result<()> {
    let before = file.flush();
    comm.barrier();
    let after = file.flush();
    before.and(after)
}

/// Writes a new file `path` as a whole or not at all: `fill` fills a file beside it,
/// `path.part`, which gets its name only when it is closed and on the disk. Whoever opens
/// `path`, also after a crash at any moment, finds the old file or the new one, complete.
/// **Collective** over `comm`; `fill` is called on all ranks.
///
/// `fill` must not leave the file open elsewhere (a dataset is closed when it is dropped), and
/// where a rank may fail in it, it makes the outcomes one by [`agree`]. What a crash leaves
/// behind is `path.part`, which the next call replaces.
///
/// That the name changes at one moment is what POSIX promises of `rename`; a network file
/// system may show the old name to other machines for a while. To outlive a power failure,
/// the disk must keep what it says is stored.
///
/// ```standalone_crate
/// use mpi::traits::*;
/// use ndarray::Array1;
/// use parallel_hdf5::{
///     Transfer, create_dataset, data_folder, rows_of, write_rows, write_then_rename,
/// };
///
/// fn main() -> std::process::ExitCode {
///     parallel_hdf5::run(|world| {
///         let path = data_folder()?.join("step-7.hdf5");
///         write_then_rename(&path, world, |file| {
///             let dataset = create_dataset::<f64>(file, "temperature", 1000)?;
///             let mine = rows_of(world.rank(), world.size(), 1000);
///             let values = Array1::from_elem(mine.len(), 293.15);
///             write_rows(&dataset, mine, values.view(), Transfer::Independent)?;
///             Ok(())
///         })
///     })
/// }
/// ```
///
/// # Errors
/// On all ranks the same, if a rank failed; `path` is then as it was.
// ANCHOR: write_then_rename
pub fn write_then_rename(
    path: impl AsRef<Path>,
    comm: &SimpleCommunicator,
    fill: impl FnOnce(&File) -> Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    let part = part_of(path)?;
    let file = agree(comm, create(&part, comm))?;
    let filled = agree(comm, fill(&file));
    let closed = agree(comm, file.close());
    let complete = filled.and(closed);
    // One rank changes names, when all have closed the file.
    let renamed = match (&complete, comm.rank()) {
        (Ok(()), 0) => rename(&part, path),
        (Err(_), 0) => fs::remove_file(&part),
        _ => Ok(()),
    };
    let renamed = renamed.map_err(|error| {
        format!(
            "cannot make {} of {}: {error}",
            path.display(),
            part.display()
        )
    });
    complete?;
    agree(comm, renamed)?;
    Ok(())
}
// ANCHOR_END: write_then_rename

/// Where a file is while it is written: `step.hdf5.part`.
fn part_of(path: &Path) -> Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(format!("{} is not the name of a file", path.display()).into());
    };
    let mut name = name.to_owned();
    name.push(".part");
    Ok(path.with_file_name(name))
}

/// Data first, then the name, then the folder that holds the name: each on the disk before the
/// next.
fn rename(part: &Path, path: &Path) -> std::io::Result<()> {
    fs::File::open(part)?.sync_all()?;
    fs::rename(part, path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::File::open(folder)?.sync_all()
}
