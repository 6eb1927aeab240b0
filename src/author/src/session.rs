//! The transcripts of the book: `session.txt` and `session-….txt` in a chapter's folder.
//!
//! Line 1 is the command as a reader types it, `$ mpirun -n 4 hello-rank`; below it is what
//! it prints, without the launcher's own words, and `[exit status N]` if that is not 0. A
//! comment at the end of line 1 says what may differ from run to run:
//! `# in any order` (the order of lines), `# numbers vary`, `# Open MPI only` or
//! `# Open MPI 4.1 only` or `# HDF5 1.10 only` (is not replayed with another); several are
//! joined by commas.
//!
//! `# on the cluster` says that it needs a Slurm: one is started for it, with two nodes, and
//! stopped afterwards. It is not replayed where Slurm is not installed, or where nodes cannot have
//! names of their own.
//!
//! `# on hosts` says that it needs hosts of its own: it is not replayed where the system refuses
//! namespaces.
//!
//! `# hangs` says that the command does not end: it is stopped, and the last line says so.
//! (`timeout 5 mpirun …` will not do: now and then Open MPI 4.1 hangs on its signal too.)

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use launch::supervise::{Ended, supervise};
use launch::{Mpi, Toolchain, launcher_output};
use regex::Regex;
use virtual_cluster::hosts;
use virtual_cluster::slurm::{self, Cluster, Lifetime, NodeIsolation};
use workbook::chapter::Chapter;

/// How long a command that hangs is watched.
const HANGS: Duration = Duration::from_secs(8);

/// A transcript.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its file.
    pub file: PathBuf,
    /// The command, for a shell.
    pub command: String,
    /// The first line, whole.
    first_line: String,
    /// What the file says that the command prints.
    pub expected: String,
    any_order: bool,
    numbers_vary: bool,
    hangs: bool,
    on_the_cluster: bool,
    on_hosts: bool,
    only: Option<String>,
}

impl Session {
    /// All transcripts of all chapters.
    pub fn all(root: &Path) -> Result<Vec<Session>> {
        let mut sessions = Vec::new();
        for chapter in Chapter::all(root)? {
            let mut files: Vec<PathBuf> = fs::read_dir(&chapter.folder)?
                .map(|entry| Ok(entry?.path()))
                .collect::<Result<_>>()?;
            files.retain(|file| {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("session") && name.ends_with(".txt")
            });
            files.sort();
            for file in files {
                sessions.push(Session::read(&file)?);
            }
        }
        Ok(sessions)
    }

    /// Reads a transcript.
    pub fn read(file: &Path) -> Result<Session> {
        let text = fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let (first_line, expected) = text.split_once('\n').unwrap_or((&text, ""));
        let Some(command) = first_line.strip_prefix("$ ") else {
            bail!("{}: line 1 must be `$ ` and a command", file.display());
        };
        let (command, comment) = command.split_once("  # ").unwrap_or((command, ""));
        let mut session = Session {
            file: file.to_owned(),
            command: command.trim().to_owned(),
            first_line: first_line.to_owned(),
            expected: expected.to_owned(),
            any_order: false,
            numbers_vary: false,
            hangs: false,
            on_the_cluster: false,
            on_hosts: false,
            only: None,
        };
        for word in comment
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            match word {
                "in any order" => session.any_order = true,
                "numbers vary" => session.numbers_vary = true,
                "hangs" => session.hangs = true,
                "on the cluster" => session.on_the_cluster = true,
                "on hosts" => session.on_hosts = true,
                _ if word.ends_with(" only") => {
                    session.only = word.strip_suffix(" only").map(str::to_owned);
                }
                _ => bail!("{}: line 1 has an unknown comment: {word}", file.display()),
            }
        }
        Ok(session)
    }

    /// Whether it is to be replayed with these releases ([`Toolchain::releases`]).
    pub fn is_for(&self, releases: &[String]) -> bool {
        let runs = |only| releases.iter().any(|release| release.starts_with(only));
        if self.on_the_cluster && !slurm::is_possible() {
            println!(
                "not tried: {}: no Slurm, or no namespaces",
                self.file.display()
            );
            return false;
        }
        if !self.only.as_deref().is_none_or(runs) {
            return false;
        }
        if let Some(why) = self.on_hosts.then(hosts::refused).flatten() {
            println!("not tried: {}: {why}", self.file.display());
            return false;
        }
        true
    }

    /// Runs the command in a folder of its own, where `mpirun` is the toolchain's launcher,
    /// the chapters' programs are on the PATH, and their Python programs are at hand.
    /// Returns what it prints.
    pub fn replay(&self, root: &Path, toolchain: &Toolchain) -> Result<String> {
        let scratch = tempfile::tempdir()?;
        let bin = scratch.path().join("bin");
        let folder = scratch.path().join("work");
        fs::create_dir(&bin)?;
        fs::create_dir(&folder)?;
        let launcher = bin.join("mpirun");
        fs::write(
            &launcher,
            format!("#!/bin/sh\nexec {} \"$@\"\n", launcher_path(toolchain)?),
        )?;
        fs::set_permissions(&launcher, fs::Permissions::from_mode(0o755))?;
        for chapter in Chapter::all(root)? {
            symlink(toolchain.program(&chapter.name), bin.join(&chapter.name))?;
            for entry in fs::read_dir(&chapter.folder)? {
                let file = entry?.path();
                if file.extension().is_some_and(|it| it == "py") {
                    let name = file.file_name().context("a file has a name")?;
                    fs::copy(&file, folder.join(name))?;
                }
            }
        }
        let slurm = scratch.path().join("cluster");
        let slurm = match self.on_the_cluster {
            true => Some(Cluster::up(
                &slurm,
                slurm::NODES,
                NodeIsolation::Own,
                Lifetime::ParentBound,
            )?),
            false => None,
        };
        let path = std::env::var("PATH").unwrap_or_default();
        // These look for their files in the current folder.
        let needs_root = ["cargo ", "make "]
            .iter()
            .any(|it| self.command.starts_with(it));
        let mut command = Command::new("sh");
        command
            .args(["-c", &self.command])
            .current_dir(if needs_root { root } else { &folder })
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("WORKBOOK_DATA", &folder)
            .env("RUST_BACKTRACE", "0")
            .env("LC_ALL", "C.UTF-8")
            // Set, it makes Python write a line in two pieces, which launchers mix.
            .env_remove("PYTHONUNBUFFERED")
            .envs(Mpi::OpenMpi.launch_environment())
            .envs(toolchain.mpi.launch_environment())
            .envs(toolchain.build_environment());
        // What an outer `make` handed to us is not meant for this command.
        for name in [
            "MAKEFLAGS",
            "MAKELEVEL",
            "MFLAGS",
            "NP",
            "ARGS",
            "LIMIT",
            "HDF5",
            "TRACE",
            "ROOTLESS",
            "LAUNCHER",
            "HOSTS",
            "NODES",
        ] {
            command.env_remove(name);
        }
        command.env("MPI", toolchain.mpi.name());
        if let Some(cluster) = &slurm {
            command
                .env("WORKBOOK_CLUSTER", cluster.folder())
                .envs(cluster.environment(toolchain.mpi));
        }
        let limit = match needs_root {
            true => Duration::from_secs(600), // it may have to build
            false if self.hangs => HANGS,
            false => Duration::from_secs(90),
        };
        let outcome = supervise(command, limit, |_| {});
        if let Some(cluster) = slurm {
            cluster.down()?;
        }
        let outcome = outcome?;
        let mut printed = launcher_output::without_streams(&outcome.lines);
        while printed.last().is_some_and(|line| line.is_empty()) {
            printed.pop();
        }
        let mut text: String = printed.iter().map(|line| format!("{line}\n")).collect();
        match outcome.ended {
            Ended::Exit(0) => {}
            Ended::Limit(limit) if self.hangs => {
                text.push_str(&format!("[no end after {} s: stopped]\n", limit.as_secs()));
            }
            Ended::Exit(status) => text.push_str(&format!("[exit status {status}]\n")),
            other => bail!(
                "{}: `{}`: {other}\n{text}",
                self.file.display(),
                self.command
            ),
        }
        Ok(text)
    }

    /// Whether `printed` is what the transcript says, but for what may differ.
    pub fn agrees(&self, printed: &str) -> bool {
        self.comparable(printed) == self.comparable(&self.expected)
    }

    /// The text without what may differ from run to run.
    pub fn comparable(&self, text: &str) -> String {
        // With the numbers the width of a table's columns varies.
        static VARIES: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"\d+(\.\d+)*|  +|---+").expect("the pattern is valid")
        });
        let mask = |found: &regex::Captures| match found[0].chars().next() {
            Some(' ') => " ",
            Some('-') => "---",
            _ => "N",
        };
        let mut lines: Vec<String> = text
            .lines()
            .map(|line| match self.numbers_vary {
                true => VARIES.replace_all(line, mask).into_owned(),
                false => line.to_owned(),
            })
            .collect();
        if self.any_order {
            lines.sort();
        }
        lines.into_iter().map(|line| line + "\n").collect()
    }

    /// Replaces what the file says by `printed`.
    pub fn rewrite(&self, printed: &str) -> Result<()> {
        fs::write(&self.file, format!("{}\n{printed}", self.first_line))
            .with_context(|| format!("cannot write {}", self.file.display()))
    }
}

/// The launcher's path, so that our own `mpirun` on the PATH does not call itself.
fn launcher_path(toolchain: &Toolchain) -> Result<String> {
    let launcher = Path::new(&toolchain.launcher);
    let path = match launcher.components().count() > 1 {
        true => Some(launcher.to_owned()),
        false => launch::on_path(launcher),
    };
    let path =
        path.with_context(|| format!("{} is not on the PATH", toolchain.launcher))?;
    Ok(path.display().to_string())
}

/// `make bless`: replays every transcript (or those of one chapter), and writes those anew that
/// no longer hold.
pub fn bless(root: &Path, toolchain: &Toolchain, only: Option<&Chapter>) -> Result<bool> {
    let releases = toolchain.releases();
    let mut sessions = Session::all(root)?;
    if let Some(chapter) = only {
        sessions.retain(|it| it.file.starts_with(&chapter.folder));
    }
    for session in sessions {
        let shown = session
            .file
            .strip_prefix(root)
            .unwrap_or(&session.file)
            .display();
        if !session.is_for(&releases) {
            println!("left     {shown} (not for {})", releases.join(" and "));
            continue;
        }
        let printed = session.replay(root, toolchain)?;
        if session.agrees(&printed) {
            println!("holds    {shown}");
        } else {
            session.rewrite(&printed)?;
            println!("written  {shown}");
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(text: &str) -> Session {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        Session::read(file.path()).unwrap()
    }

    #[test]
    fn the_comment_says_what_may_differ() {
        let strict = session("$ mpirun -n 2 x\na 1\nb 2\n");
        assert_eq!(strict.command, "mpirun -n 2 x");
        assert!(strict.agrees("a 1\nb 2\n"));
        assert!(!strict.agrees("b 2\na 1\n"));
        assert!(!strict.agrees("a 1\nb 3\n"));

        let loose =
            session("$ x  # in any order, numbers vary, Open MPI only\na 1\nb 2.0.1\n");
        assert_eq!(loose.command, "x");
        assert!(loose.agrees("b 3\na 17.5\n"));
        assert!(!loose.agrees("b 3\n"));
        let table = session("$ x  # numbers vary\n| 7 of 9   |\n|----------|\n");
        assert!(table.agrees("| 17 of 200 |\n|-----------|\n"));
        let debian_13 = ["Open MPI 5.0.7", "HDF5 1.14.5"].map(str::to_owned);
        assert!(loose.is_for(&debian_13));
        assert!(!loose.is_for(&["MPICH 4.0.2".to_owned()]));
        assert!(!session("$ x  # Open MPI 4.1 only\n").is_for(&debian_13));
        assert!(!session("$ x  # HDF5 1.10 only\n").is_for(&debian_13));
    }

    #[test]
    fn a_comment_that_nobody_knows_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "$ x  # whatever\n").unwrap();
        assert!(Session::read(file.path()).is_err());
        fs::write(file.path(), "no command\n").unwrap();
        assert!(Session::read(file.path()).is_err());
    }
}
