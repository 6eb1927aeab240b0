//! `make doctor`: what this machine has, what is wrong with it, and the cure.
//!
//! Each check tries the real thing where it can: two processes are started and asked
//! whether they know of each other, a lock is taken and contested, libclang is made to
//! read a header. What follows from another finding is not looked at: without an MPI
//! nothing is said of its HDF5.

mod hdf5;
mod libclang;
mod locks;
mod mpi;
mod mpiio;
mod surroundings;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::builder::styling::{AnsiColor, Style};
use launch::wheel::Wheel;
use launch::{Mpi, output_of};
use serde::Serialize;

use crate::chapter::Chapter;

/// What the reader asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which MPI.
    pub mpi: Mpi,
    /// How many ranks the reader wants; what the chapters start if `None`.
    pub ranks: Option<usize>,
    /// An HDF5 other than the system's.
    pub hdf5: Option<PathBuf>,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// It is there, and works.
    Ok,
    /// Good to know; the workbook works nevertheless.
    Note,
    /// The workbook, or a part of it, does not work like this.
    Wrong,
}

/// One thing that the doctor looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// How grave it is.
    pub mark: Mark,
    /// What it is about, in a word that does not change: `mpi`, `hdf5`, `locks`, …
    pub about: &'static str,
    /// What was found, in a line.
    pub says: String,
    /// What to do, a line each: a command where there is one.
    pub cures: Vec<String>,
}

/// All findings, in the order in which they are shown.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The MPI that was asked for.
    pub mpi: &'static str,
    /// The findings.
    pub findings: Vec<Finding>,
    /// What was not looked at, because something that it needs is wrong.
    pub skipped: Vec<&'static str>,
}

impl Report {
    fn ok(&mut self, about: &'static str, says: impl Into<String>) {
        self.add(Mark::Ok, about, says.into(), Vec::new());
    }

    fn note(&mut self, about: &'static str, says: impl Into<String>, cures: Vec<String>) {
        self.add(Mark::Note, about, says.into(), cures);
    }

    fn wrong(&mut self, about: &'static str, says: impl Into<String>, cures: Vec<String>) {
        self.add(Mark::Wrong, about, says.into(), cures);
    }

    fn add(&mut self, mark: Mark, about: &'static str, says: String, cures: Vec<String>) {
        self.findings.push(Finding {
            mark,
            about,
            says,
            cures,
        });
    }

    /// How many things are wrong.
    pub fn wrongs(&self) -> usize {
        self.findings
            .iter()
            .filter(|it| it.mark == Mark::Wrong)
            .count()
    }

    fn is_wrong(&self, about: &str) -> bool {
        self.findings
            .iter()
            .any(|it| it.mark == Mark::Wrong && it.about == about)
    }

    /// Shows the report to a person; in colours if it is a terminal that reads it.
    pub fn print(&self) {
        anstream::print!("{}", self.shown());
    }

    /// What is shown to a person, in colours.
    pub fn shown(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        let mut shown = Vec::new();
        for Finding {
            mark, says, cures, ..
        } in &self.findings
        {
            let (word, style) = match mark {
                Mark::Ok => ("ok", AnsiColor::Green.on_default()),
                Mark::Note => ("note", AnsiColor::Yellow.on_default()),
                Mark::Wrong => ("WRONG", AnsiColor::Red.on_default().bold()),
            };
            let _ = writeln!(text, "{style}{word:<5}{style:#}  {says}");
            for cure in cures {
                // A long command that cures several findings is shown once.
                match shown.contains(&cure) && cure.contains(" install ") {
                    true => _ = writeln!(text, "         cure: the same command as above"),
                    false => _ = writeln!(text, "         cure: {cure}"),
                }
                shown.push(cure);
            }
        }
        if !self.skipped.is_empty() {
            let _ = writeln!(
                text,
                "\nNot looked at, because of what is wrong above: {}.",
                self.skipped.join(", ")
            );
        }
        let bold = Style::new().bold();
        let again = "once it is cured, run `make doctor` again";
        match self.wrongs() {
            0 => _ = writeln!(text, "\n{bold}Nothing is wrong.{bold:#}"),
            1 => _ = writeln!(text, "\n{bold}One thing is wrong{bold:#}; {again}."),
            n => {
                _ = writeln!(
                    text,
                    "\n{bold}{n} things are wrong{bold:#}; start with the first, and {again}."
                )
            }
        }
        text
    }
}

/// Looks at everything.
pub fn examine(root: &Path, request: &Request) -> Result<Report> {
    let mut report = Report {
        mpi: request.mpi.name(),
        findings: Vec::new(),
        skipped: Vec::new(),
    };
    let patient = Patient { root, request };

    surroundings::rust(&patient, &mut report)?;
    surroundings::c_compiler(&patient, &mut report);
    let mpi = mpi::look(&patient, &mut report)?;
    if mpi.is_some() && Wheel::chosen(root, request.mpi).is_some() {
        report.ok(
            "rootless",
            format!(
                "this {} comes from Python's package index, without root; ROOTLESS=0 with \
                 any command goes back to the system's packages",
                request.mpi
            ),
        );
    }
    surroundings::cores(&patient, &mut report, mpi.as_ref())?;
    libclang::look(&patient, &mut report);
    let data = locks::look(&patient, &mut report, mpi.as_ref());
    match &mpi {
        Some(mpi) => hdf5::look(&patient, &mut report, mpi, data.as_deref())?,
        None => report.skipped.push("HDF5"),
    }
    if let (Some(mpi), Some(data)) = (&mpi, &data) {
        mpiio::look(&patient, &mut report, mpi, data)?;
    }
    surroundings::cargo_config(&patient, &mut report);
    surroundings::environment(&patient, &mut report);
    surroundings::optional(&patient, &mut report);
    Ok(report)
}

/// What all checks need to know.
struct Patient<'a> {
    root: &'a Path,
    request: &'a Request,
}

impl Patient<'_> {
    /// The command that installs what `need` (a word of `setup.sh`) lacks here; `None` if
    /// nothing lacks, or the system's packages are unknown.
    fn install(&self, need: &str) -> Option<String> {
        let mpi = need.parse().ok();
        if let Some(wheel) = mpi.and_then(|mpi| Wheel::chosen(self.root, mpi)) {
            return Some(wheel.anew());
        }
        let script = self.root.join("src/workbook/setup.sh");
        let output = Command::new("sh")
            .arg(script)
            .args(["--missing", need])
            .current_dir(self.root)
            .output()
            .ok()?;
        let command = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if command.is_empty() || !output.status.success() {
            return None;
        }
        let whole = match command.starts_with("apt-get ") {
            true => format!("apt-get update && {command}"),
            false => command,
        };
        if nix::unistd::geteuid().is_root() || whole.starts_with("brew ") {
            return Some(format!("`{whole}`"));
        }
        let without_root = match need.parse::<Mpi>() {
            Ok(mpi) => format!(
                "; without root: `make chapter-1 ROOTLESS=1 MPI={}`",
                mpi.name()
            ),
            Err(_) => String::new(),
        };
        Some(format!(
            "`sudo sh -c '{whole}'` (or ask your administrator to run that{without_root})"
        ))
    }

    /// The cure for a program of the packages of `need` not being found: install it, or, if
    /// it is installed, put its folder on the `PATH`.
    fn provide(&self, need: &str, what: &str, is_it: impl Fn(&Path) -> bool) -> String {
        if let Some(command) = self.install(need) {
            return command;
        }
        let folders = [
            "/usr/bin",
            "/usr/local/bin",
            "/usr/lib64/openmpi/bin",
            "/usr/lib64/mpich/bin",
            "/opt/homebrew/bin",
        ];
        match folders.into_iter().find(|folder| is_it(Path::new(folder))) {
            Some(folder) => format!("it is in {folder}: `export PATH={folder}:$PATH`"),
            None => {
                format!("install {what}, and put the folder of its programs on the PATH")
            }
        }
    }

    /// How many ranks the chapters start by themselves.
    fn ranks(&self) -> Result<usize> {
        if let Some(ranks) = self.request.ranks {
            return Ok(ranks);
        }
        let chapters = Chapter::all(self.root)?;
        chapters
            .iter()
            .map(|chapter| chapter.plan.ranks)
            .max()
            .context("the workbook has no chapters")
    }
}

/// The first program called `name` on the `PATH`.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|it| is_program(it))
}

fn is_program(path: &Path) -> bool {
    use nix::unistd::{AccessFlags, access};
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

/// The version in what `program --version` prints, `1.95.0` say.
fn version_of(program: &str) -> Option<String> {
    let says = output_of(program, &["--version"])?;
    first_version(&says)
}

fn first_version(text: &str) -> Option<String> {
    let number = regex::Regex::new(r"\d+\.\d+(\.\d+)?").expect("the pattern is valid");
    number.find(text).map(|it| it.as_str().to_owned())
}
