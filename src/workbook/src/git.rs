//! Asks git, where the workbook is a clone. An unpacked release is none.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The clone whose top folder is the workbook's.
#[derive(Clone, Debug)]
pub struct Git {
    root: PathBuf,
}

impl Git {
    /// The clone in `root`; `None` if there is none, as in an unpacked release, also if that
    /// lies inside a clone of something else.
    ///
    /// # Errors
    /// If there is one, but git is missing or refuses to work in it.
    pub fn of(root: &Path) -> Result<Option<Git>> {
        if std::fs::symlink_metadata(root.join(".git")).is_err() {
            return Ok(None);
        }
        let git = Git {
            root: root.to_owned(),
        };
        git.ask(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
            .context("git cannot work in this folder")?;
        Ok(Some(git))
    }

    /// A command of git's, with its words in English, and without what a hook may have set.
    pub fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(&self.root)
            .args(args)
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
            command.env_remove(name);
        }
        command
    }

    /// What it prints, without the last line's end.
    pub fn ask<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<String> {
        let bytes = output(self.command(args))?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    /// What it prints, if it succeeds.
    pub fn answer<S: AsRef<OsStr>>(&self, args: &[S]) -> Option<String> {
        self.ask(args).ok().filter(|it| !it.is_empty())
    }

    /// Files that are not as they were committed, and files that git does not know: a line
    /// each, as `git status --short` shows them.
    pub fn uncommitted(&self) -> Result<Vec<String>> {
        let text = self.ask(&["status", "--porcelain", "--untracked-files=all"])?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// The files of the workbook, as paths in it, sorted.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let bytes = output(self.command(&["ls-files", "-z"]))?;
        Ok(paths(&bytes))
    }
}

/// Paths of which git ends each with a zero.
fn paths(bytes: &[u8]) -> Vec<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;
    let parts = bytes.split(|it| *it == 0).filter(|it| !it.is_empty());
    parts
        .map(|it| PathBuf::from(OsStr::from_bytes(it)))
        .collect()
}

/// What a command prints; an error with its complaint if it fails.
pub fn output(mut command: Command) -> Result<Vec<u8>> {
    let shown = format!("{command:?}").replace('"', "");
    let output = command.output().with_context(|| {
        format!("cannot run {}", command.get_program().to_string_lossy())
    })?;
    if !output.status.success() {
        let says = String::from_utf8_lossy(&output.stderr);
        bail!("this failed: {shown}: {}", says.trim());
    }
    Ok(output.stdout)
}
