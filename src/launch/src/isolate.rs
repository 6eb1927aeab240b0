//! What somebody who runs programs that nobody has looked at needs of a sandbox. The crate `sandbox`
//! makes them.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::launch::Wrap;
use crate::supervise::{Ended, supervise};

/// What runs in a sandbox, which decides how much memory and how many processes it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// A compiler and its linker.
    Compiler,
    /// So many ranks and their launcher.
    Ranks(usize),
    /// One process that reads what a program has left behind.
    Reader,
}

/// Makes sandboxes: a program in one sees little of the machine and can harm nothing.
pub trait Isolate: Debug + Send + Sync {
    /// A sandbox in which `read` can be read, and `write` written.
    ///
    /// # Errors
    /// If it cannot be prepared.
    fn sandbox(
        &self,
        workload: Workload,
        read: &[&Path],
        write: &[&Path],
    ) -> Result<Arc<dyn Confined>>;

    /// Lets the programs in these sandboxes change what is in a folder, which may mean that it becomes
    /// another user's.
    ///
    /// # Errors
    /// If the owner cannot be changed.
    fn hand_over(&self, folder: &Path) -> Result<()>;
}

/// One sandbox.
pub trait Confined: Wrap {
    /// What its processes used too much of, if they were ended for it.
    ///
    /// # Errors
    /// If it could not be made.
    fn exceeded(&self) -> Result<Option<String>>;

    /// Where its own `/proc` can be seen from outside, once it is there.
    fn proc(&self) -> Option<PathBuf>;
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
        let done = supervise(command, Duration::from_secs(60), |_| {});
        if done.is_ok_and(|it| it.ended == Ended::Interrupted) {
            return;
        }
    }
}
