//! Pictures of runs: `make chapter-N TRACE=1`, and `workbook trace -- mpirun …` for any
//! program.
//!
//! The recorder (`src/recorder`) is loaded into every process of the run, whoever starts it:
//! by the launcher, on this machine only, a script or an interpreter. Those that never start
//! MPI are left out.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use launch::cargo::{Chatter, cargo};
use launch::supervise::{Ended, Stream, supervise};
use launch::{Launch, Mpi, Toolchain, launcher_output};
use protocol::{Exchange, Question};
use record::lines::Resolver;
use record::{Call, Record};
use tempfile::TempDir;
use trace::layout::Layout;
use trace::{Trace, page, text};

/// HDF5 is given up on a file after this long: one that is damaged may lead it in circles.
const LAYOUT_LIMIT: Duration = Duration::from_secs(30);

/// What a run is recorded and looked at with.
#[derive(Clone, Debug)]
pub struct Tools {
    recorder: PathBuf,
    check: PathBuf,
}

impl Tools {
    /// Builds them by cargo, or finds them built.
    pub fn build(root: &Path, toolchain: &Toolchain) -> Result<Tools> {
        if !cfg!(target_os = "linux") {
            bail!(
                "a run is recorded by a library that is loaded into each rank (LD_PRELOAD), \
                 and that works on Linux only"
            );
        }
        let words = [
            "--package",
            "recorder",
            "--package",
            "parallel-hdf5-workbook",
            "--lib",
            "--bin",
            "check",
        ];
        if !cargo(root, toolchain, "build", &words, Chatter::OnTerminal)? {
            bail!(
                "the recorder does not build; if the message above speaks of MPI, HDF5 or \
                   libclang, `make doctor` says what to do"
            );
        }
        Ok(Tools::of(&toolchain.target.join("debug")))
    }

    /// Those that are built, in this folder.
    pub fn of(folder: &Path) -> Tools {
        Tools {
            recorder: folder.join("librecorder.so"),
            check: folder.join("check"),
        }
    }
}

/// A run that is recorded.
pub struct Recording<'a> {
    tools: &'a Tools,
    /// Where its record is.
    folder: TempDir,
}

impl<'a> Recording<'a> {
    /// Of the next run that gets its [environment](Self::environment).
    pub fn new(tools: &'a Tools) -> Result<Recording<'a>> {
        let folder = tempfile::Builder::new().prefix("record-").tempdir()?;
        Ok(Recording { tools, folder })
    }

    /// What the run must find in its environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut preload = self.tools.recorder.display().to_string();
        if let Ok(others) = std::env::var("LD_PRELOAD") {
            preload = format!("{preload}:{others}");
        }
        let pairs = [
            ("LD_PRELOAD", preload),
            (record::FOLDER, self.folder.path().display().to_string()),
            (record::BYTES, "1".to_owned()),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).into()
    }

    /// Its record.
    pub fn record(&self) -> Result<Record> {
        Ok(Record::read_all(self.folder.path())?)
    }

    /// What is to be drawn of the run.
    pub fn trace(&self, record: &Record, shown: Shown<'_>) -> Trace {
        // The same places call again and again, and looking up a line takes long.
        let known: RefCell<HashMap<Vec<u64>, Option<u32>>> = RefCell::default();
        let lines = |call: &Call| {
            let resolver = shown.resolver?;
            let mut known = known.borrow_mut();
            let line = known.entry(call.stack.clone());
            *line.or_insert_with(|| resolver.line(call))
        };
        let run = trace::Run {
            command: shown.command,
            folder: Some(shown.folder.to_owned()),
            stopped: match shown.ended {
                Ended::Limit(_) | Ended::Signal(_) | Ended::Interrupted => {
                    Some(shown.ended.to_string())
                }
                _ => None,
            },
            lines: &lines,
            layout: &|file| layout(&self.tools.check, file),
        };
        trace::trace(record, &run)
    }
}

/// What is shown of a run that the record does not know.
pub struct Shown<'a> {
    /// The command as a reader types it.
    pub command: String,
    /// The folder whose files are shown by their names alone.
    pub folder: &'a Path,
    /// How it ended.
    pub ended: Ended,
    /// Finds the lines of the program.
    pub resolver: Option<&'a Resolver>,
}

/// What lies where in a file, by the word of the HDF5 that `check` is linked with.
fn layout(check: &Path, file: &Path) -> Result<Layout, String> {
    let exchange = Exchange::new(&Question::Layout(file.to_owned()));
    let exchange = exchange.map_err(|it| format!("{it:#}"))?;
    let outcome = supervise(exchange.command(check), LAYOUT_LIMIT, |_| {});
    let outcome = outcome.map_err(|it| format!("{it:#}"))?;
    match outcome.ended {
        Ended::Exit(0) => exchange.answer().map_err(|it| format!("{it:#}")),
        Ended::Exit(_) => {
            let mut lines = outcome.lines.iter();
            let said = lines.find_map(|it| it.text.strip_prefix("check: "));
            let said = said.unwrap_or("HDF5 cannot read it");
            Err(match said.contains("file signature not found") {
                true => "it is no HDF5 file, or was never closed".to_owned(),
                false => said.to_owned(),
            })
        }
        ended => Err(format!("HDF5 cannot read it ({ended})")),
    }
}

/// Prints the picture for a terminal, writes the page and what it is made of into a folder,
/// and gives the page.
pub fn show(trace: &Trace, folder: &Path, name: &str) -> Result<PathBuf> {
    let terminal = console::Term::stdout();
    let width = match std::io::stdout().is_terminal() {
        true => usize::from(terminal.size().1),
        false => 100,
    };
    println!();
    print!("{}", text::draw(trace, width, console::colors_enabled()));
    if trace.files.is_empty() {
        println!("No file was read or written through MPI-IO or HDF5.");
    }
    println!();
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let json = folder.join(format!("{name}.json"));
    fs::write(&json, serde_json::to_vec(trace)?)
        .with_context(|| format!("cannot write {}", json.display()))?;
    write_page(trace, &folder.join(format!("{name}.html")))
}

fn write_page(trace: &Trace, page: &Path) -> Result<PathBuf> {
    fs::write(page, page::draw(trace))
        .with_context(|| format!("cannot write {}", page.display()))?;
    Ok(page.to_owned())
}

/// Says where the page is: the last line.
pub fn say(page: &Path) {
    let here = std::env::current_dir().unwrap_or_default();
    let page = page.strip_prefix(&here).unwrap_or(page);
    println!("The picture, for a browser: {}", page.display());
}

/// `workbook trace --json FILE`: draws it again.
pub fn redraw(json: &Path) -> Result<()> {
    let bytes =
        fs::read(json).with_context(|| format!("cannot read {}", json.display()))?;
    let trace: Trace = serde_json::from_slice(&bytes)
        .with_context(|| format!("{} is not a trace.json", json.display()))?;
    let folder = json.parent().unwrap_or(Path::new("."));
    let name = json.file_stem().unwrap_or_default().to_string_lossy();
    say(&show(&trace, folder, &name)?);
    Ok(())
}

/// What the reader asked for: `workbook trace -- mpirun -n 4 program`.
#[derive(Clone, Debug)]
pub struct Request {
    /// The command.
    pub command: Vec<OsString>,
    /// With whose HDF5 the files are looked at; with that of the first MPI that is installed
    /// if `None`.
    pub mpi: Option<Mpi>,
    /// Another HDF5 to look at the files with.
    pub hdf5: Option<PathBuf>,
    /// After this long the run is stopped.
    pub limit: Duration,
    /// Where the page is written; below `target/trace` if `None`.
    pub out: Option<PathBuf>,
}

/// Runs the reader's command, records and draws it. `Ok(true)` if it succeeded.
pub fn run(root: &Path, request: &Request) -> Result<bool> {
    let toolchain = toolchain(root, request)?;
    let tools = Tools::build(root, &toolchain)?;
    let (program, args) = request.command.split_first().context("a command")?;
    if launch::on_path(program).is_none() {
        bail!(
            "there is no program `{}`: neither a file nor on the PATH",
            program.to_string_lossy()
        );
    }
    let recording = Recording::new(&tools)?;
    let mut command = Command::new(program);
    command
        .args(args)
        .envs(launch_environment())
        .envs(recording.environment());
    let outcome = supervise(command, request.limit, |line| match line.stream {
        Stream::Out => println!("{}", line.text),
        Stream::Err => eprintln!("{}", line.text),
    })?;
    let record = recording.record()?;
    let words: Vec<_> = request
        .command
        .iter()
        .map(|it| it.to_string_lossy())
        .collect();
    let shown = shell_words::join(&words);
    explain_if_alone(&record, &shown, outcome.ended)?;
    let own = own_program(&request.command);
    let resolver = own.as_deref().and_then(|it| Resolver::of_main(it).ok());
    let here = std::env::current_dir()?;
    let trace = recording.trace(
        &record,
        Shown {
            command: shown,
            folder: &here,
            ended: outcome.ended,
            resolver: resolver.as_ref(),
        },
    );
    let folder = match &request.out {
        Some(out) => out.clone(),
        None => root.join("target/trace").join(name_of(&request.command)),
    };
    let page = show(&trace, &folder, "trace")?;
    if !outcome.ended.success() {
        println!("The command failed: {}.", outcome.ended);
    }
    say(&page);
    Ok(outcome.ended.success())
}

/// The MPI and the HDF5 with which the files are looked at: those asked for, or the first that
/// are installed, rather those with which it was built before.
fn toolchain(root: &Path, request: &Request) -> Result<Toolchain> {
    let hdf5 = request.hdf5.as_deref();
    if let Some(mpi) = request.mpi {
        return Toolchain::find(mpi, root, hdf5);
    }
    let found = Mpi::ALL.map(|mpi| Toolchain::find(mpi, root, hdf5));
    let is_built = |it: &Toolchain| it.program("check").is_file();
    let mut installed = found.iter().flatten();
    let built = installed.clone().find(|it| is_built(it));
    match built.or(installed.next()) {
        Some(toolchain) => Ok(toolchain.clone()),
        None => found.into_iter().next().context("there are two MPIs")?,
    }
}

/// What lets a launcher run here at all, unless the reader has set it: as root, say. How the
/// ranks talk is left to Open MPI: the command may be for a machine with a network.
fn launch_environment() -> Vec<(&'static str, &'static str)> {
    let of_mpi = Mpi::OpenMpi.launch_environment().into_iter();
    of_mpi
        .filter(|(name, _)| *name != "OMPI_MCA_pml" && std::env::var_os(name).is_none())
        .collect()
}

/// An error if there is nothing to draw: nobody started MPI, or each for itself.
fn explain_if_alone(record: &Record, command: &str, ended: Ended) -> Result<()> {
    let ranks = record.ranks.len();
    if ranks == 0 {
        if !ended.success() {
            bail!(
                "`{command}` failed before any process started MPI, so there is nothing to \
                 draw: {ended}"
            );
        }
        bail!(
            "no process of `{command}` started MPI, so there is nothing to draw. Is it started by a launcher, `mpirun -n 4 program`? h5py uses MPI only after \
             `from mpi4py import MPI`. A program that is linked statically, or runs on \
             another machine, cannot be recorded."
        );
    }
    if record.surplus > 0 && ranks == 1 {
        bail!(
            "{} processes were started, and each says that it is rank 0 of 1: the launcher \
             and the program belong to different MPIs",
            record.surplus + 1
        );
    }
    Ok(())
}

/// The program that the launcher starts: the first word after the launcher that is a program.
fn own_program(command: &[OsString]) -> Option<PathBuf> {
    let after = command.iter().skip(1).filter_map(launch::on_path);
    let is_elf =
        |it: &PathBuf| fs::read(it).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF"));
    after.into_iter().find(is_elf)
}

/// What the folder of its pictures is called: the program's name, or the script's.
fn name_of(command: &[OsString]) -> String {
    let script = command.iter().skip(1).find(|it| {
        let path = Path::new(it);
        path.is_file() && path.extension().is_some_and(|it| it == "py")
    });
    let program = script.map(PathBuf::from).or_else(|| own_program(command));
    let program = program.unwrap_or_else(|| PathBuf::from(&command[0]));
    let name = program.file_stem().unwrap_or_default().to_string_lossy();
    match name.is_empty() {
        true => "run".to_owned(),
        false => name.into_owned(),
    }
}

/// Runs and records a program of the workbook, quietly; an error if it fails, or if it ends
/// though it `hangs`. Lines are those of `source`, or of the file that has `main`.
pub fn record_quietly(
    tools: &Tools,
    launch: &Launch,
    shown: String,
    source: Option<&str>,
    hangs: bool,
) -> Result<Trace> {
    let recording = Recording::new(tools)?;
    let mut launch = launch.clone();
    launch.environment.extend(recording.environment());
    let outcome = supervise(launch.command(&[]), launch.limit, |_| {})?;
    let right = match outcome.ended {
        Ended::Limit(_) => hangs,
        ended => ended.success() && !hangs,
    };
    if !right {
        bail!(
            "`{shown}`: {}\n{}",
            outcome.ended,
            launcher_output::without_streams(&outcome.lines).join("\n")
        );
    }
    let record = recording.record()?;
    let resolver = match source {
        Some(source) => Resolver::new(&launch.program, source).ok(),
        None => Resolver::of_main(&launch.program).ok(),
    };
    let folder = launch.folder.clone().unwrap_or_default();
    Ok(recording.trace(
        &record,
        Shown {
            command: shown,
            folder: &folder,
            ended: outcome.ended,
            resolver: resolver.as_ref(),
        },
    ))
}
