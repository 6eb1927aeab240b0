//! Runs a command under a time limit and leaves no process behind.
//!
//! An MPI launcher starts its ranks in process groups of their own, so killing the
//! launcher's group is not enough. Every process of a run therefore inherits a mark in
//! its environment (`WORKBOOK_RUN`), and what still bears the mark when the run is over
//! is ended. The mark is found through `/proc`; where there is none (macOS), only the
//! launcher's process group is ended.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

/// The environment variable that marks every process of one run.
pub const MARK: &str = "WORKBOOK_RUN";

/// How long a process may take to end once it has been asked to (SIGTERM), before it is
/// killed (SIGKILL). Open MPI takes a second to end its ranks.
const GRACE: Duration = Duration::from_secs(3);

/// No line of output is longer than this, in bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The command exited by itself with this status.
    Exit(i32),
    /// The command was ended by this signal, which did not come from us.
    Signal(i32),
    /// The time limit was reached, and the run was ended.
    Limit(Duration),
    /// Whoever watched the run had it ended.
    Stopped,
    /// The reader pressed Ctrl-C (or we were asked to end), and the run was ended.
    Interrupted,
}

impl Ended {
    /// True if the command exited by itself with status 0.
    pub fn success(self) -> bool {
        self == Ended::Exit(0)
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ended::Exit(status) => write!(f, "exit status {status}"),
            Ended::Signal(signal) => write!(f, "killed by signal {signal}"),
            Ended::Limit(limit) => {
                write!(f, "no end after {} s, so it was stopped", limit.as_secs())
            }
            Ended::Stopped => write!(f, "stopped"),
            Ended::Interrupted => write!(f, "interrupted"),
        }
    }
}

/// Which of the command's streams a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// One line that the command printed, without its line end.
#[derive(Clone, Debug)]
pub struct Line {
    /// Where it was printed.
    pub stream: Stream,
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// All that a run did.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// What it printed, in the order in which it arrived.
    pub lines: Vec<Line>,
    /// Processes that were still there after the end, or when the launcher had been stopped, and
    /// were killed: (pid, name).
    pub left_behind: Vec<(i32, String)>,
}

/// Runs `command` until it ends, or for `limit`; calls `on_line` for each line as it
/// arrives. Standard input is empty. Afterwards no process of the run is left.
pub fn supervise(
    command: Command,
    limit: Duration,
    on_line: impl FnMut(&Line),
) -> Result<Outcome> {
    supervise_while(command, limit, on_line, || true)
}

/// The same, but only as long as `go_on` says so; it is asked some fifty times a second.
pub fn supervise_while(
    mut command: Command,
    limit: Duration,
    mut on_line: impl FnMut(&Line),
    mut go_on: impl FnMut() -> bool,
) -> Result<Outcome> {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let mark = format!(
        "{}-{}",
        std::process::id(),
        RUNS.fetch_add(1, Ordering::Relaxed)
    );
    command
        .env(MARK, &mark)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    end_with_parent(&mut command);
    close_what_it_need_not_have(&mut command);
    let interrupted = interrupt_flag();

    let started = Instant::now();
    let mut child = command.spawn().with_context(|| {
        format!("cannot start {}", command.get_program().to_string_lossy())
    })?;
    // Bounded: a program that prints without end fills its pipe, not our memory.
    let (sender, receiver) = mpsc::sync_channel(1024);
    pump(
        Stream::Out,
        child.stdout.take().expect("stdout is a pipe"),
        sender.clone(),
    );
    pump(
        Stream::Err,
        child.stderr.take().expect("stderr is a pipe"),
        sender,
    );

    let mut lines = Vec::new();
    let mut exited: Option<Instant> = None;
    let stopped = loop {
        match receiver.recv_timeout(Duration::from_millis(20)) {
            Ok(line) => {
                on_line(&line);
                lines.push(line);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) if exited.is_some() => break None,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        if exited.is_none() && child.try_wait()?.is_some() {
            exited = Some(Instant::now());
        }
        // A process that outlives the launcher may hold the pipes open for ever.
        if exited.is_some_and(|at| at.elapsed() > Duration::from_secs(1)) {
            break None;
        }
        if exited.is_none() && started.elapsed() >= limit {
            break Some(Ended::Limit(limit));
        }
        if exited.is_none() && !go_on() {
            break Some(Ended::Stopped);
        }
        if exited.is_none() && interrupted.load(Ordering::Relaxed) {
            break Some(Ended::Interrupted);
        }
    };
    if stopped.is_some() {
        stop(&mut child);
    }
    let left_behind = if let Some(why) = stopped {
        let met = kill_marked(&mark);
        // Else they are those that were to be ended.
        if why == Ended::Stopped {
            met
        } else {
            Vec::new()
        }
    } else {
        // Give daemons of the launcher a moment to end by themselves.
        let wait_until = Instant::now() + Duration::from_millis(500);
        while !marked(&mark).is_empty() && Instant::now() < wait_until {
            std::thread::sleep(Duration::from_millis(20));
        }
        kill_marked(&mark)
    };
    while let Ok(line) = receiver.recv_timeout(Duration::from_millis(50)) {
        on_line(&line);
        lines.push(line);
    }
    let status = child.wait()?;
    let ended = stopped.unwrap_or_else(|| match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exit(code),
        (None, signal) => Ended::Signal(signal.unwrap_or(0)),
    });
    Ok(Outcome {
        ended,
        lines,
        left_behind,
    })
}

/// Reads a stream line by line on a thread of its own, until it is closed.
fn pump(stream: Stream, from: impl Read + Send + 'static, to: mpsc::SyncSender<Line>) {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut bytes = Vec::new();
        // A line without an end is cut into pieces.
        let mut next =
            |bytes: &mut Vec<u8>| (&mut from).take(LONGEST_LINE).read_until(b'\n', bytes);
        while matches!(next(&mut bytes), Ok(n) if n > 0) {
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_end_matches(['\n', '\r']).to_owned();
            if to.send(Line { stream, text }).is_err() {
                return;
            }
            bytes.clear();
        }
    });
}

/// Asks the launcher to end, which lets it end its ranks; then kills its group.
fn stop(child: &mut Child) {
    let group = Pid::from_raw(child.id() as i32);
    let _ = killpg(group, Signal::SIGTERM);
    let deadline = Instant::now() + GRACE;
    while Instant::now() < deadline {
        if matches!(child.try_wait(), Ok(Some(_))) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = killpg(group, Signal::SIGKILL);
}

/// The processes that bear `mark` and still run: (pid, name). Empty without `/proc`.
fn marked(mark: &str) -> Vec<(i32, String)> {
    let wanted = format!("{MARK}={mark}");
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            if !environment
                .split(|byte| *byte == 0)
                .any(|it| it == wanted.as_bytes())
            {
                return None;
            }
            // "Z" is a process that has ended and waits for its parent to notice.
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let after_name = stat.rsplit_once(") ")?.1;
            if after_name.starts_with('Z') {
                return None;
            }
            let name = std::fs::read_to_string(entry.path().join("comm")).ok()?;
            Some((pid, name.trim().to_owned()))
        })
        .collect()
}

/// Kills the processes that bear `mark`, until there are none; returns whom it met.
fn kill_marked(mark: &str) -> Vec<(i32, String)> {
    let mut met = Vec::new();
    for _ in 0..100 {
        let now = marked(mark);
        if now.is_empty() {
            break;
        }
        for (pid, name) in now {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            if !met.iter().any(|(known, _)| *known == pid) {
                met.push((pid, name));
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    met
}

/// Asks the kernel to kill the command when we die, whatever the reason. The ranks of a
/// launcher that is gone end by themselves, within 3 s under both MPIs. (Not SIGTERM: once
/// in about 75 times Open MPI 4.1's `mpirun` hangs on it.)
fn end_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: prctl is async-signal-safe, and touches nothing that the parent owns.
    unsafe {
        command.pre_exec(|| {
            if nix::libc::prctl(nix::libc::PR_SET_PDEATHSIG, nix::libc::SIGKILL) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// Lets the command inherit its three standard streams, and nothing else.
///
/// HDF5 opens files so that children inherit them, with the lock on them. Without this, a
/// file that one thread of ours has open while another starts a run stays locked until that
/// run has ended (seen in the tests, once in some hundred runs).
fn close_what_it_need_not_have(command: &mut Command) {
    #[cfg(target_os = "linux")]
    // SAFETY: one system call, which is async-signal-safe. Where it does not exist (before
    // Linux 5.11) nothing happens.
    unsafe {
        use nix::libc;
        command.pre_exec(|| {
            let last = libc::c_uint::MAX;
            libc::syscall(libc::SYS_close_range, 3, last, libc::CLOSE_RANGE_CLOEXEC);
            Ok(())
        });
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// Set when the reader presses Ctrl-C, or when we are asked to end.
///
/// A program that wants this calls [`catch_interrupts`] first; without it (in a test,
/// say) the signal ends the program as usual.
fn interrupt_flag() -> Arc<AtomicBool> {
    INTERRUPTED.get().cloned().unwrap_or_default()
}

/// Whether the reader pressed Ctrl-C, or we were asked to end.
pub fn interrupted() -> bool {
    interrupt_flag().load(Ordering::Relaxed)
}

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Makes Ctrl-C (and SIGTERM, SIGHUP) end the run in progress instead of only us.
pub fn catch_interrupts() -> Result<()> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signal_hook::flag::register(signal as i32, Arc::clone(flag))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_command_inherits_no_open_file() {
        use std::os::fd::AsRawFd;
        let file = tempfile::tempfile().unwrap();
        // as HDF5 opens its files
        nix::fcntl::fcntl(
            &file,
            nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()),
        )
        .unwrap();
        let mut list = Command::new("sh");
        list.args(["-c", "ls /proc/$$/fd"]);
        let outcome = supervise(list, Duration::from_secs(10), |_| {}).unwrap();
        let inherited = outcome
            .lines
            .iter()
            .any(|it| it.text == file.as_raw_fd().to_string());
        assert!(!inherited, "{:?}", outcome.lines);
    }
}
