//! Watches a run: ends one that hangs, or that uses up too much.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use launch::{Confined, limits};
use record::{Progress, Record, Watch};

/// All ranks wait in MPI, none has moved for this long, and their calls differ: they will
/// not move again.
const ALL_WAIT: Duration = Duration::from_secs(3);
/// The same, but their calls do not differ: perhaps it is only the disk that is slow.
const ALL_WAIT_ALIKE: Duration = Duration::from_secs(8);
/// No rank has called MPI or HDF5 for this long, and at least one is not in MPI.
const NOTHING_CALLED: Duration = Duration::from_secs(15);

/// Why a run was stopped.
pub(super) enum Why {
    /// Nothing moved for this long.
    Still(Duration),
    /// It used up more than it may.
    Over(String),
}

/// Looks at a run while it goes on.
pub(crate) struct Watcher {
    watch: Watch,
    data: PathBuf,
    looked: Instant,
    moved: Instant,
    last: Progress,
    recorded: PathBuf,
    ranks: usize,
    /// Whether the ranks' calls differ, and when that was looked at.
    differ: Option<(Progress, bool)>,
    pub(super) why: Option<Why>,
    /// In which it runs, until it was found where its processes are seen.
    pub(super) sandbox: Option<Arc<dyn Confined>>,
}

impl Watcher {
    pub(crate) fn new(recorded: &Path, data: &Path, ranks: usize) -> Watcher {
        Watcher {
            watch: Watch::open(recorded),
            data: data.to_owned(),
            looked: Instant::now(),
            moved: Instant::now(),
            last: Progress::default(),
            recorded: recorded.to_owned(),
            ranks,
            differ: None,
            why: None,
            sandbox: None,
        }
    }

    fn printed_too_much(&mut self) -> bool {
        self.why = Some(Why::Over(format!(
            "it printed more than {} KiB; is there a loop without an end?",
            limits::OUTPUT
        )));
        false
    }

    /// Whether the ranks' calls differ. Nothing moves, so the answer stays.
    fn they_differ(&mut self) -> bool {
        if self.differ.is_none_or(|(at, _)| at != self.last) {
            let record = Record::read(&self.recorded, self.ranks);
            let differ = record.is_ok_and(|it| it.first_difference().is_some());
            self.differ = Some((self.last, differ));
        }
        self.differ.is_some_and(|(_, differ)| differ)
    }

    /// Whether the run may go on, which has `printed` so many bytes.
    pub(crate) fn go_on(&mut self, printed: usize) -> bool {
        if printed > limits::OUTPUT << 10 {
            return self.printed_too_much();
        }
        if self.looked.elapsed() < Duration::from_millis(100) {
            return true;
        }
        self.looked = Instant::now();
        if complained(&self.recorded) > limits::OUTPUT << 10 {
            return self.printed_too_much();
        }
        if let Some(over) = too_large(&self.data, &self.recorded) {
            self.why = Some(Why::Over(over));
            return false;
        }
        if let Some(proc) = self.sandbox.as_ref().and_then(|it| it.proc()) {
            self.watch = self.watch.clone().with_proc(proc);
            self.sandbox = None;
        }
        let now = self.watch.progress();
        if now != self.last {
            self.last = now;
            self.moved = Instant::now();
            return true;
        }
        let mut patience = match now.all_in_mpi {
            true => ALL_WAIT,
            false => NOTHING_CALLED,
        };
        if self.moved.elapsed() < patience {
            return true;
        }
        if now.all_in_mpi && !self.they_differ() {
            patience = ALL_WAIT_ALIKE;
            if self.moved.elapsed() < patience {
                return true;
            }
        }
        self.why = Some(Why::Still(patience));
        false
    }
}

/// How much all ranks have written on standard error, in bytes.
fn complained(recorded: &Path) -> usize {
    let files = std::fs::read_dir(recorded).into_iter().flatten().flatten();
    let errors = files.filter(|it| it.path().extension().is_some_and(|it| it == "err"));
    let sizes = errors.filter_map(|it| Some(it.metadata().ok()?.len() as usize));
    sizes.sum()
}

/// What a program's folders hold too much of.
fn too_large(data: &Path, recorded: &Path) -> Option<String> {
    let [data, record] = [data, recorded].map(|folder| {
        let mut held = Held::default();
        held.count(folder, 0);
        held
    });
    if data.bytes > limits::FOLDER << 20 {
        return Some(format!(
            "its files have grown beyond {} MiB",
            limits::FOLDER
        ));
    }
    if record.bytes > limits::RECORD << 20 {
        let most = limits::RECORD;
        return Some(format!(
            "the record of its calls has grown beyond {most} MiB"
        ));
    }
    let files = data.files.max(record.files);
    (files > limits::FILES).then(|| format!("it made more than {} files", limits::FILES))
}

/// Folders are not looked into any deeper: each takes one of our open files.
const DEEPEST: usize = 100;

/// What is in a folder and below it.
#[derive(Default)]
struct Held {
    /// On the disk.
    bytes: u64,
    files: u64,
}

impl Held {
    fn count(&mut self, folder: &Path, depth: usize) {
        use std::os::unix::fs::MetadataExt as _;
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            self.files += 1;
            if depth > DEEPEST {
                self.files = limits::FILES + 1;
            }
            if self.files > limits::FILES {
                return;
            }
            // Of the link, not of what it points to.
            let Ok(is) = entry.metadata() else { continue };
            match is.is_dir() {
                true => self.count(&entry.path(), depth + 1),
                false => self.bytes += is.blocks() * 512,
            }
        }
    }
}
