//! A sandbox: a place for a program that nobody has looked at, from which it sees little and can
//! harm nothing.
//!
//! `teacher grade` compiles and runs the answers of strangers. Each compiler, and each run,
//! gets a sandbox: namespaces of its own (mounts, processes, network, IPC, host name), in which
//! only the system's libraries and the few folders that it needs are to be seen, all of them
//! read-only but its own. When the first process of a sandbox ends, the kernel kills all others
//! (`pid_namespaces(7)`), so none is left behind, whatever it did to hide.
//!
//! As root the program runs as a user that nobody else is, also in a user namespace: the
//! kernel's limit on processes is not for root. An ordinary user makes a user namespace first (`user_namespaces(7)`), where the system allows it.
//!
//! Not a wall against a fault of the kernel: see `chapters/grading.md`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use launch::{Confined, Isolate, Toolchain, Workload, Wrap, run_inside, supervise};
use serde::{Deserialize, Serialize};

/// The hidden subcommand of the `workbook` command that makes a sandbox and runs a program in it.
pub const SUBCOMMAND: &str = "sandbox";

/// The exit status of a sandbox that could not be made.
pub const NOT_MADE: i32 = 125;

/// How much all processes of a run may have together, in MiB.
const MEMORY: u64 = 3072;
/// The same for a compiler and its linker.
const COMPILER_MEMORY: u64 = 4096;
/// How many processes and threads there may be in a sandbox: seven ranks of MPI have some 40.
const PROCESSES: u64 = 120;
/// What is added to all these for each rank after the eighth.
const OF_A_RANK: (u64, u64) = (256, 12);
/// How much `/tmp` and `/dev/shm` hold, in MiB: both are memory.
pub const SHARED: u64 = 512;

/// Users that do not exist: one for each sandbox that is in use at a time.
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

/// How a sandbox is separated from the rest of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// We are root: the program becomes a user that nobody else is.
    Uid,
    /// We are not: the program is in a user namespace.
    UserNamespace,
}

/// Makes sandboxes of one kind.
#[derive(Clone, Debug)]
pub struct SandboxFactory {
    pub(crate) mechanism: Mechanism,
    /// Where the reports of the sandboxes are; also the place at which their root is mounted.
    scratch: PathBuf,
    /// What all may read, besides the system's folders.
    pub(crate) read: Vec<PathBuf>,
    /// The user that the program becomes.
    pub(crate) user: u32,
}

/// A sandbox: what the process is told that makes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sandbox {
    pub(crate) mechanism: Mechanism,
    pub(crate) user: u32,
    /// An empty folder, over which the root of the sandbox is mounted. (Nobody else sees it.)
    pub(crate) root: PathBuf,
    /// What became of it: `init PID`, `over WHAT`, `failed WHY`.
    pub(crate) report: PathBuf,
    pub(crate) read: Vec<PathBuf>,
    pub(crate) write: Vec<PathBuf>,
    /// In MiB.
    pub(crate) memory: u64,
    /// Threads included. With more of them, the sandbox is ended. (The kernel refuses to start
    /// many more, which a program may try for ever.)
    pub(crate) processes: u64,
}

impl SandboxFactory {
    /// Finds the first of these mechanisms in which a sandbox can be made here, by making one.
    ///
    /// # Errors
    /// If they cannot: says why.
    pub fn new(
        scratch: &Path,
        toolchain: &Toolchain,
        mechanisms: &[Mechanism],
    ) -> Result<SandboxFactory> {
        if !cfg!(target_os = "linux") {
            bail!("only Linux has namespaces");
        }
        let scratch = std::path::absolute(scratch)?;
        std::fs::create_dir_all(scratch.join("root"))?;
        let is_root = nix::unistd::geteuid().is_root();
        let mut why = Vec::new();
        let can =
            |mechanism: &&Mechanism| is_root || **mechanism == Mechanism::UserNamespace;
        for &mechanism in mechanisms.iter().filter(can) {
            let mut sandboxes = SandboxFactory {
                mechanism,
                scratch: scratch.clone(),
                read: Vec::new(),
                user: FIRST_USER,
            };
            sandboxes.read = folders_of(toolchain);
            match sandboxes.try_one() {
                Ok(()) => return Ok(sandboxes),
                Err(error) => why.push(format!("{error:#}")),
            }
        }
        bail!("{}", why.join("; "))
    }

    /// The same for the worker with this number: what runs at the same time runs as
    /// different users.
    pub fn for_worker(&self, number: usize) -> SandboxFactory {
        SandboxFactory {
            user: FIRST_USER + number as u32,
            ..self.clone()
        }
    }

    /// In words, for people.
    pub fn words(&self) -> &'static str {
        match self.mechanism {
            Mechanism::Uid => {
                "in sandboxes: namespaces for files, processes and network, and a user of their own"
            }
            Mechanism::UserNamespace => {
                "in sandboxes: namespaces for users, files, processes and network"
            }
        }
    }

    fn try_one(&self) -> Result<()> {
        let sandbox = self.make(&[], &[], 64)?;
        let command = sandbox.wrap(&Command::new("true"));
        let outcome = supervise::supervise(command, Duration::from_secs(20), |_| {})?;
        sandbox.exceeded()?;
        if !outcome.ended.success() {
            let said: Vec<_> = outcome.lines.iter().map(|it| it.text.as_str()).collect();
            bail!(
                "a sandbox ended with {}: {}",
                outcome.ended,
                said.join("\n").trim()
            );
        }
        Ok(())
    }

    fn make(&self, read: &[&Path], write: &[&Path], memory: u64) -> Result<Sandbox> {
        static SANDBOXES: AtomicU32 = AtomicU32::new(0);
        let number = SANDBOXES.fetch_add(1, Ordering::Relaxed);
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
        Ok(Sandbox {
            mechanism: self.mechanism,
            user: self.user,
            root: self.scratch.join("root"),
            report,
            read: all,
            write: absolute(write)?,
            memory,
            processes: PROCESSES,
        })
    }
}

impl Isolate for SandboxFactory {
    fn sandbox(
        &self,
        workload: Workload,
        read: &[&Path],
        write: &[&Path],
    ) -> Result<Arc<dyn Confined>> {
        let sandbox = match workload {
            Workload::Compiler => self.make(read, write, COMPILER_MEMORY)?,
            Workload::Ranks(ranks) => self.make(read, write, MEMORY)?.for_ranks(ranks),
            Workload::Reader => self.make(read, write, MEMORY)?,
        };
        Ok(Arc::new(sandbox))
    }

    /// As root, the program is another user.
    fn hand_over(&self, folder: &Path) -> Result<()> {
        if nix::unistd::geteuid().is_root() {
            chown(folder, self.user)
                .with_context(|| format!("cannot give away {}", folder.display()))?;
        }
        Ok(())
    }
}

impl Sandbox {
    /// A sandbox that is large enough for so many ranks.
    fn for_ranks(mut self, ranks: usize) -> Sandbox {
        let more = (ranks as u64).saturating_sub(8);
        self.memory += more * OF_A_RANK.0;
        self.processes += more * OF_A_RANK.1;
        self
    }
}

impl Wrap for Sandbox {
    /// The same command in the sandbox, with an environment that holds no secrets.
    fn wrap(&self, command: &Command) -> Command {
        let spec = serde_json::to_string(self).expect("it has no maps");
        // Also if it is compiled anew meanwhile.
        let mut sandbox = Command::new("/proc/self/exe");
        sandbox.arg(SUBCOMMAND).arg(spec).env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                sandbox.env(name, value);
            }
        }
        sandbox.env("HOME", "/tmp").env("TMPDIR", "/tmp");
        run_inside(sandbox, command)
    }
}

impl Confined for Sandbox {
    fn exceeded(&self) -> Result<Option<String>> {
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

    fn proc(&self) -> Option<PathBuf> {
        let report = std::fs::read_to_string(&self.report).ok()?;
        let pid = report.lines().find_map(|it| it.strip_prefix("init "))?;
        Some(PathBuf::from(format!("/proc/{pid}/root/proc")))
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

fn chown(path: &Path, user: u32) -> std::io::Result<()> {
    std::os::unix::fs::lchown(path, Some(user), Some(user))?;
    if std::fs::symlink_metadata(path)?.is_dir() {
        for entry in std::fs::read_dir(path)? {
            chown(&entry?.path(), user)?;
        }
    }
    Ok(())
}
