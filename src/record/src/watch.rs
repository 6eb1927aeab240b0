//! A cheap look at a run while it goes on.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::Slot;

/// Looks at the `.state` files of a run, which may appear later.
#[derive(Clone, Debug)]
pub struct Watch {
    folder: PathBuf,
    proc: PathBuf,
}

/// How far a run is. Two looks that are equal, some time apart, with `all_in_mpi`: every
/// rank waits for another, and none moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many calls of all processes began or ended.
    pub total: u64,
    /// How many processes were recorded.
    pub processes: usize,
    /// How many of them live: they did not end by themselves, and were not killed.
    pub living: usize,
    /// True if there are living ones, and each is in a call of MPI (made by HDF5, perhaps).
    pub all_in_mpi: bool,
}

impl Watch {
    /// Watches the run that is recorded into `folder`, which need not be there yet.
    pub fn open(folder: &Path) -> Watch {
        Watch {
            folder: folder.to_owned(),
            proc: PathBuf::from("/proc"),
        }
    }

    /// The same of processes in another process namespace than ours, whose `/proc` is seen
    /// at `proc`.
    pub fn with_proc(self, proc: PathBuf) -> Watch {
        Watch { proc, ..self }
    }

    /// Looks once.
    pub fn progress(&self) -> Progress {
        let mut progress = Progress::default();
        let mut in_mpi = 0;
        for (pid, slot) in slots(&self.folder) {
            progress.processes += 1;
            progress.total = progress.total.wrapping_add(slot.progress);
            if slot.over || !lives(&self.proc, pid) {
                continue;
            }
            progress.living += 1;
            in_mpi += usize::from(slot.mpi.is_some());
        }
        progress.all_in_mpi = progress.living > 0 && in_mpi == progress.living;
        progress
    }
}

/// The slots in `folder`, each with its process.
pub(crate) fn slots(folder: &Path) -> Vec<(u32, Slot)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let pid_of = |path: &Path| {
        let is_state = path.extension().is_some_and(|it| it == "state");
        let pid = path.file_stem()?.to_str()?.parse().ok();
        pid.filter(|_| is_state)
    };
    let mut slots: Vec<(u32, Slot)> = entries
        .flatten()
        .take(10_000)
        .filter_map(|entry| {
            let path = entry.path();
            let pid = pid_of(&path)?;
            // Whatever else is called so may be large, or a pipe that never ends.
            let file = open_regular(&path).ok()?;
            if file.metadata().ok()?.len() != Slot::SIZE as u64 {
                return None;
            }
            let mut bytes = Vec::new();
            file.take(Slot::SIZE as u64).read_to_end(&mut bytes).ok()?;
            Some((pid, Slot::parse(&bytes)?))
        })
        .collect();
    slots.sort_by_key(|(pid, _)| *pid);
    slots
}

/// Opens a file to read it, if it is one: not a pipe, on which we would wait for ever, nor a
/// link to something else. A program that runs may put them there at any time.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is not a file")),
    }
}

/// Whether the process runs: not one that has ended and waits for its parent to notice.
fn lives(proc: &Path, pid: u32) -> bool {
    if !proc.join("stat").exists() {
        return true;
    }
    fs::read_to_string(proc.join(format!("{pid}/stat"))).is_ok_and(|stat| {
        stat.rsplit_once(") ")
            .is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    })
}
