//! A cell: a place for a program that nobody has looked at, from which it sees little and can
//! harm nothing.
//!
//! `workbook grade` compiles and runs the answers of strangers. Each compiler, and each run,
//! gets a cell: namespaces of its own (mounts, processes, network, IPC, host name), in which
//! only the system's libraries and the few folders that it needs are to be seen, all of them
//! read-only but its own. When the first process of a cell ends, the kernel kills all others
//! (`pid_namespaces(7)`), so none is left behind, whatever it did to hide.
//!
//! As root the program runs as a user that nobody else is, also in a user namespace: the
//! kernel's limit on processes is not for root. An ordinary user makes a user namespace first (`user_namespaces(7)`), where the system allows it.
//!
//! Not a wall against a fault of the kernel: see `chapters/grading.md`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use launch::supervise::{self, Ended};
use launch::{Toolchain, Wrap, run_inside};
use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
mod inside;

/// The hidden door of the `workbook` command through which a cell is entered.
pub const DOOR: &str = "cell";

/// The exit status of a cell that could not be made.
pub const NOT_MADE: i32 = 125;

/// How much all processes of a run may have together, in MiB.
pub const MEMORY: u64 = 3072;
/// The same for a compiler and its linker.
pub const COMPILER_MEMORY: u64 = 4096;
/// How many processes and threads there may be in a cell: seven ranks of MPI have some 40.
pub const PROCESSES: u64 = 120;
/// What is added to all these for each rank after the eighth.
const OF_A_RANK: (u64, u64) = (256, 12);
/// How much `/tmp` and `/dev/shm` hold, in MiB: both are memory.
pub const SHARED: u64 = 512;

/// Users that do not exist: one for each cell that is in use at a time.
const FIRST_USER: u32 = 1_950_000_000;

/// What is inherited of the environment; all else may be secret.
const INHERITED: [&str; 6] = [
    "PATH",
    "LD_LIBRARY_PATH",
    "OPAL_PREFIX",
    "LANG",
    "LC_ALL",
    "RUST_MIN_STACK",
];

/// How a cell is separated from the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// We are root: the program becomes a user that nobody else is.
    AnotherUser,
    /// We are not: the program is in a user namespace.
    UserNamespace,
}

/// Makes cells.
#[derive(Clone, Debug)]
pub struct Cells {
    way: Way,
    /// Where the reports of the cells are; also the place at which their root is mounted.
    scratch: PathBuf,
    /// What all may read, besides the system's folders.
    read: Vec<PathBuf>,
    /// The user that the program becomes.
    user: u32,
}

/// What is said to the process that makes a cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cell {
    way: Way,
    user: u32,
    /// An empty folder, over which the root of the cell is mounted. (Nobody else sees it.)
    root: PathBuf,
    /// What became of it: `init PID`, `over WHAT`, `failed WHY`.
    report: PathBuf,
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
    /// In MiB.
    memory: u64,
    /// Threads included. With more of them, the cell is ended. (The kernel refuses to start
    /// many more, which a program may try for ever.)
    processes: u64,
}

impl Cells {
    /// Finds out in which of these ways cells can be made here, and makes one.
    ///
    /// # Errors
    /// If they cannot: says why.
    pub fn new(scratch: &Path, toolchain: &Toolchain, ways: &[Way]) -> Result<Cells> {
        if !cfg!(target_os = "linux") {
            bail!("only Linux has namespaces");
        }
        let scratch = std::path::absolute(scratch)?;
        std::fs::create_dir_all(scratch.join("root"))?;
        let is_root = nix::unistd::geteuid().is_root();
        let mut why = Vec::new();
        let can = |way: &&Way| is_root || **way == Way::UserNamespace;
        for &way in ways.iter().filter(can) {
            let mut cells = Cells {
                way,
                scratch: scratch.clone(),
                read: Vec::new(),
                user: FIRST_USER,
            };
            cells.read = folders_of(toolchain);
            match cells.try_one() {
                Ok(()) => return Ok(cells),
                Err(error) => why.push(format!("{error:#}")),
            }
        }
        bail!("{}", why.join("; "))
    }

    /// The same for the worker with this number: what runs at the same time runs as
    /// different users.
    pub fn of_worker(&self, number: usize) -> Cells {
        Cells {
            user: FIRST_USER + number as u32,
            ..self.clone()
        }
    }

    /// In words, for people.
    pub fn words(&self) -> &'static str {
        match self.way {
            Way::AnotherUser => {
                "in cells: namespaces for files, processes and network, and a user of their own"
            }
            Way::UserNamespace => {
                "in cells: namespaces for users, files, processes and network"
            }
        }
    }

    /// A cell in which `read` can be read, and `write` written; `memory` in MiB.
    ///
    /// # Errors
    /// If no file can be made in the scratch folder.
    pub fn cell(&self, read: &[&Path], write: &[&Path], memory: u64) -> Result<Cell> {
        static CELLS: AtomicU32 = AtomicU32::new(0);
        let number = CELLS.fetch_add(1, Ordering::Relaxed);
        let report = self.scratch.join(format!("report-{number}"));
        std::fs::File::create(&report)
            .with_context(|| format!("cannot write {}", report.display()))?;
        let absolute = |paths: &[&Path]| -> Result<Vec<PathBuf>> {
            paths
                .iter()
                .map(|it| Ok(std::path::absolute(it)?))
                .collect()
        };
        let mut all = self.read.clone();
        all.extend(absolute(read)?);
        Ok(Cell {
            way: self.way,
            user: self.user,
            root: self.scratch.join("root"),
            report,
            read: all,
            write: absolute(write)?,
            memory,
            processes: PROCESSES,
        })
    }

    /// Lets the program of a cell change what is in a folder: as root, it is another user.
    ///
    /// # Errors
    /// If the owner cannot be changed.
    pub fn give(&self, path: &Path) -> Result<()> {
        if nix::unistd::geteuid().is_root() {
            give(path, self.user)
                .with_context(|| format!("cannot give away {}", path.display()))?;
        }
        Ok(())
    }

    fn try_one(&self) -> Result<()> {
        let cell = self.cell(&[], &[], 64)?;
        let command = cell.wrap(&Command::new("true"));
        let outcome = supervise::supervise(command, Duration::from_secs(20), |_| {})?;
        cell.over()?;
        if !outcome.ended.success() {
            let said: Vec<_> = outcome.lines.iter().map(|it| it.text.as_str()).collect();
            bail!(
                "a cell ended with {}: {}",
                outcome.ended,
                said.join("\n").trim()
            );
        }
        Ok(())
    }
}

impl Cell {
    /// A cell that is large enough for so many ranks.
    pub fn for_ranks(mut self, ranks: usize) -> Cell {
        let more = (ranks as u64).saturating_sub(8);
        self.memory += more * OF_A_RANK.0;
        self.processes += more * OF_A_RANK.1;
        self
    }

    /// What its processes used too much of, if that is why they were ended.
    ///
    /// # Errors
    /// If the cell could not be made.
    pub fn over(&self) -> Result<Option<String>> {
        let report = std::fs::read_to_string(&self.report).unwrap_or_default();
        let line = |word: &str| {
            let lines = report.lines();
            lines
                .filter_map(|it| it.strip_prefix(word))
                .map(str::to_owned)
                .next()
        };
        if let Some(why) = line("failed ") {
            bail!("{why}");
        }
        Ok(line("over "))
    }

    /// Where the cell's own `/proc` can be seen from outside, once it is there.
    pub fn proc(&self) -> Option<PathBuf> {
        let report = std::fs::read_to_string(&self.report).ok()?;
        let pid = report.lines().find_map(|it| it.strip_prefix("init "))?;
        Some(PathBuf::from(format!("/proc/{pid}/root/proc")))
    }
}

impl Wrap for Cell {
    /// The same command in the cell, with an environment that holds no secrets.
    fn wrap(&self, command: &Command) -> Command {
        let spec = serde_json::to_string(self).expect("it has no maps");
        // Also if it is compiled anew meanwhile.
        let mut cell = Command::new("/proc/self/exe");
        cell.arg(DOOR).arg(spec).env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                cell.env(name, value);
            }
        }
        cell.env("HOME", "/tmp").env("TMPDIR", "/tmp");
        run_inside(cell, command)
    }
}

/// Makes the cell, and runs the command in it; the exit status is the command's.
pub fn enter(spec: &str, command: &[OsString]) -> i32 {
    let cell: Cell = match serde_json::from_str(spec) {
        Ok(cell) => cell,
        Err(error) => {
            eprintln!("workbook: this is no cell: {error}");
            return NOT_MADE;
        }
    };
    #[cfg(target_os = "linux")]
    return inside::enter(&cell, command);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (cell, command);
        NOT_MADE
    }
}

/// Folders of the MPI and the HDF5 that are not among the system's.
fn folders_of(toolchain: &Toolchain) -> Vec<PathBuf> {
    let mut folders = vec![toolchain.hdf5.clone()];
    for tool in [&toolchain.launcher, &toolchain.mpicc] {
        let Some(path) = launch::on_path(tool) else {
            continue;
        };
        // …/bin/mpirun, as it is called and as it really is.
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        for path in [path, real] {
            let folder = path.ancestors().nth(2);
            folders.extend(folder.map(Path::to_owned));
        }
    }
    // Never all there is.
    folders.retain(|it| it.components().count() > 1);
    folders
}

fn give(path: &Path, user: u32) -> std::io::Result<()> {
    std::os::unix::fs::lchown(path, Some(user), Some(user))?;
    if std::fs::symlink_metadata(path)?.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give(&entry?.path(), user)?;
        }
    }
    Ok(())
}

/// Deletes a folder in which a stranger's program was, whatever it did to it.
pub fn delete(folder: &Path) {
    if std::fs::remove_dir_all(folder).is_ok() {
        return;
    }
    // Folders that may not be entered, or that lie very deep.
    for (tool, options) in [("chmod", ["-R", "u+rwx"]), ("rm", ["-r", "-f"])] {
        let mut command = Command::new(tool);
        command.args(options).arg("--").arg(folder);
        let done = supervise::supervise(command, Duration::from_secs(60), |_| {});
        if done.is_ok_and(|it| it.ended == Ended::Interrupted) {
            return;
        }
    }
}
