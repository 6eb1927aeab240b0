//! What a process does that makes namespaces (`namespaces(7)`) for others: who it is in there,
//! and how it waits for what runs in them. For sandboxes, and for virtual
//! hosts.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::libc;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Pid, Uid, fork};

/// In a new user namespace: makes the account `outside` the user and group `inside`. An ordinary
/// account may name no other than itself: `user_namespaces(7)`.
pub fn map_own_user(outside: (Uid, Gid), inside: (u32, u32)) -> Result<()> {
    let write = |file: &'static str, text: String| fs::write(file, text).context(file);
    write("/proc/self/setgroups", "deny".to_owned())?;
    write(
        "/proc/self/uid_map",
        format!("{} {} 1", inside.0, outside.0),
    )?;
    write(
        "/proc/self/gid_map",
        format!("{} {} 1", inside.1, outside.1),
    )
}

/// Starts the first process of a new process namespace, which does `first` and ends with that
/// status, or when we are ended. Tells its number to `started`, waits for it, and returns its
/// status. To be called by a process of one thread.
pub fn with_first_process(
    started: impl FnOnce(Pid) -> Result<()>,
    first: impl FnOnce() -> i32,
) -> Result<i32> {
    // SAFETY: this process has one thread.
    match unsafe { fork() }.context("cannot start a process")? {
        ForkResult::Parent { child } => {
            started(child)?;
            loop {
                match waitpid(child, None) {
                    Ok(WaitStatus::Exited(_, status)) => return Ok(status),
                    Ok(WaitStatus::Signaled(_, signal, _)) => {
                        return Ok(128 + signal as i32);
                    }
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(error) => bail!("cannot wait for the first process: {error}"),
                }
            }
        }
        ForkResult::Child => {
            end_with_parent();
            std::process::exit(first());
        }
    }
}

/// For the first process of a process namespace, which gets all orphans: waits until `child`
/// ends, and returns its status, or what `look` says in the meantime.
pub fn wait_for(child: Pid, mut look: impl FnMut() -> Result<Option<i32>>) -> Result<i32> {
    loop {
        match waitpid(None::<Pid>, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, status)) if pid == child => return Ok(status),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Ok(128 + signal as i32);
            }
            Ok(WaitStatus::StillAlive) => std::thread::sleep(Duration::from_millis(3)),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => bail!("cannot wait: {error}"),
        }
        if let Some(status) = look()? {
            return Ok(status);
        }
    }
}

/// Asks the kernel to kill this process when its parent ends.
pub fn end_with_parent() {
    // SAFETY: prctl is one system call.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}
