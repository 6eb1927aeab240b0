//! `make chapter-N`: builds the chapter's program, runs it, checks the result.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use launch::cargo::{Chatter, cargo};
use launch::supervise::{Ended, Stream, supervise};
use launch::{Launch, Mpi, Toolchain, cargo_config};
use protocol::ChapterRun;
use record::lines::Resolver;
use trace::Trace;
use virtual_cluster::hosts::{self, Hosts};
use virtual_cluster::slurm::{Launcher, Slurm};

use crate::catalogue;
use crate::chapter::{Chapter, Step};
use crate::checker;
use crate::prove_hdf5;
use crate::table::table;
use crate::traced::{self, Recording, Shown, Tools};
use crate::transcript;

/// What the reader asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which MPI.
    pub mpi: Mpi,
    /// How many ranks, one run after the other; the chapter's own number if empty.
    pub ranks: Vec<usize>,
    /// Arguments for the program, instead of the chapter's own runs.
    pub args: Vec<String>,
    /// An HDF5 other than the system's.
    pub hdf5: Option<PathBuf>,
    /// A time limit other than the chapter's.
    pub limit: Option<Duration>,
    /// Write below this folder; below `target/data` if `None`.
    pub data: Option<PathBuf>,
    /// The release of HDF5 that chapter 5 builds; the newest if `None`.
    pub release: Option<String>,
    /// Whether chapter 5 builds h5py as well.
    pub python: bool,
    /// Whether the runs are recorded and drawn.
    pub trace: bool,
    /// Who starts the ranks.
    pub launcher: Launcher,
    /// On how many hosts, if not on this machine alone.
    pub hosts: Option<usize>,
}

/// Runs `chapter` as asked. `Ok(true)` if every check held.
pub fn run(root: &Path, chapter: &Chapter, request: &Request) -> Result<bool> {
    if request.hosts.is_some() {
        can_be_spread(chapter, request)?;
    }
    if chapter.plan.build_hdf5 && request.hdf5.is_none() {
        return prove_hdf5::run(root, chapter, request);
    }
    let ranks = match request.ranks.as_slice() {
        [] => vec![chapter.plan.ranks],
        given => given.to_vec(),
    };
    for ranks in ranks {
        if let Some(held) = mistakes(root, chapter, request, ranks)? {
            if !held {
                return Ok(false);
            }
            continue;
        }
        if !run_once(root, chapter, request, ranks)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether what is asked for can be done on several hosts.
fn can_be_spread(chapter: &Chapter, request: &Request) -> Result<()> {
    if request.launcher == Launcher::Slurm {
        bail!("HOSTS or LAUNCHER=slurm, not both: Slurm has nodes of its own");
    }
    let many = !chapter.plan.mistake.is_empty() || chapter.plan.build_hdf5;
    let wrong = request.args.first().is_some_and(|it| it == "--wrong");
    if many && (request.args.is_empty() || wrong) {
        bail!(
            "`make chapter-{}` does more than one run, and HOSTS is for one; \
             `cargo run -- hosts -- mpirun --host h1:2,h2:2 -n 4 PROGRAM` runs any",
            chapter.number
        );
    }
    hosts::are_possible(request.mpi)
}

/// A run that is one of the chapter's [catalogue], or the whole of it.
fn mistakes(
    root: &Path,
    chapter: &Chapter,
    request: &Request,
    ranks: usize,
) -> Result<Option<bool>> {
    let all = &chapter.plan.mistake;
    match request.args.as_slice() {
        [] if !all.is_empty() => catalogue::run(root, chapter, request, ranks).map(Some),
        [wrong, name] if wrong == "--wrong" => {
            match all.iter().find(|it| it.name == *name) {
                Some(mistake) => {
                    catalogue::show(root, chapter, request, ranks, mistake).map(Some)
                }
                None => Ok(None),
            }
        }
        _ => Ok(None),
    }
}

fn run_once(
    root: &Path,
    chapter: &Chapter,
    request: &Request,
    ranks: usize,
) -> Result<bool> {
    let steps = if request.args.is_empty() {
        chapter.steps()
    } else {
        vec![Step {
            args: request.args.clone(),
            ..Step::default()
        }]
    };
    let slurm = match request.launcher {
        Launcher::Mpirun => None,
        Launcher::Slurm => Some(Slurm::find(root)?),
    };
    let data = data_folder(root, chapter, request)?;
    let mut printed = String::new();
    let mut toolchain = build(root, chapter, request.mpi, request.hdf5.as_deref())?;
    let tools = request.trace.then(|| Tools::build(root, &toolchain));
    let tools = tools.transpose()?;
    let mut pages = Vec::new();
    let mut ended = Ended::Exit(0);
    for (number, step) in steps.iter().enumerate() {
        let mpi = step.mpi.map_or(request.mpi, Mpi::from);
        if request.hosts.is_some() && mpi != request.mpi {
            println!("(left out: a run under {mpi}; HOSTS is for Open MPI)");
            continue;
        }
        if toolchain.mpi != mpi && request.hdf5.is_some() {
            println!("(left out: a run under {mpi}, which is not the MPI of this HDF5)");
            continue;
        }
        if toolchain.mpi != mpi {
            toolchain = build(root, chapter, mpi, request.hdf5.as_deref())?;
        }
        let ranks = match step.ranks {
            Some(of_step) if request.ranks.is_empty() => of_step,
            _ => ranks,
        };
        let mut launch = Launch::new(
            mpi,
            &toolchain.launcher,
            ranks,
            &toolchain.program(&chapter.name),
        );
        launch.args = step.args.iter().map(OsString::from).collect();
        launch.limit = request.limit.unwrap_or_else(|| chapter.limit(&step.args));
        launch
            .environment
            .push(("WORKBOOK_DATA".to_owned(), data.display().to_string()));
        if let Some(io) = &step.io {
            launch.options = toolchain.io_options(io)?;
        }
        if let Some(slurm) = &slurm {
            slurm.submit(&mut launch)?;
        }
        if let Some(hosts) = request.hosts {
            hosts::distribute(&mut launch, Hosts::new(&std::env::current_exe()?, hosts));
        }
        let recording = tools.as_ref().map(Recording::new).transpose()?;
        if let Some(recording) = &recording {
            launch.environment.extend(recording.environment());
        }
        println!("$ {}", launch.shown(root));
        transcript::note(&format!("$ {}", launch.shown(root)));
        // The chapter's table is shown once, at the end, not row by row.
        let tabled = chapter.plan.table.is_some();
        let outcome = supervise(launch.command(&[]), launch.limit, |line| {
            if line.stream == Stream::Out {
                let _ = writeln!(printed, "{}", line.text);
            }
            transcript::note(&line.text);
            match line.stream {
                Stream::Out if tabled && line.text.starts_with("| ") => {}
                Stream::Out => println!("{}", line.text),
                Stream::Err => eprintln!("{}", line.text),
            }
        })?;
        ended = launch.ended(&outcome);
        if ended == Ended::Interrupted {
            bail!("interrupted; all ranks were stopped");
        }
        if let Ended::Limit(limit) = ended {
            let says = format!(
                "(no end after {} s, so all ranks were stopped; LIMIT=seconds allows more)",
                limit.as_secs()
            );
            println!("{says}");
            transcript::note(&says);
        } else if !ended.success() {
            transcript::note(&format!("({ended})"));
        }
        if let Some(recording) = recording {
            let trace = draw(chapter, &recording, &launch, step, ended, &data)?;
            let name = match steps.len() {
                1 => "trace".to_owned(),
                _ => format!("trace-{}", number + 1),
            };
            pages.push(traced::show(&trace, &pages_folder(root, chapter)?, &name)?);
        }
        if !ended.success() {
            break;
        }
    }
    if let Some(heading) = &chapter.plan.table {
        let rows: Vec<&str> = printed.lines().filter(|it| it.starts_with("| ")).collect();
        if !rows.is_empty() {
            print!("{}", table(heading, &rows));
        }
    }
    let args = if request.args.is_empty() {
        &[][..]
    } else {
        &request.args
    };
    let toolchain = Toolchain::find(request.mpi, root, request.hdf5.as_deref())?;
    let right = check(&toolchain, chapter, ranks, args, ended, &data, &printed)?;
    pages.iter().for_each(|page| traced::say(page));
    Ok(right)
}

/// What is to be drawn of a run of the chapter's program.
fn draw(
    chapter: &Chapter,
    recording: &Recording,
    launch: &Launch,
    step: &Step,
    ended: Ended,
    data: &Path,
) -> Result<Trace> {
    let resolver = Resolver::new(&launch.program, &chapter.source(&step.args)).ok();
    let mut words = vec!["mpirun".to_owned()];
    words.extend(launch.options.iter().cloned());
    words.extend([
        "-n".to_owned(),
        launch.ranks.to_string(),
        chapter.name.clone(),
    ]);
    words.extend(step.args.iter().cloned());
    let shown = Shown {
        command: shell_words::join(words),
        folder: data,
        ended,
        resolver: resolver.as_ref(),
    };
    Ok(recording.trace(&recording.record()?, shown))
}

/// Where the pictures of a chapter's runs are written: `target/trace/03-distances`.
fn pages_folder(root: &Path, chapter: &Chapter) -> Result<PathBuf> {
    let name = chapter.folder.file_name();
    let name = name.context("a chapter's folder has a name")?;
    Ok(root.join("target/trace").join(name))
}

/// Where a chapter's program writes: `target/data/03-distances`.
pub fn data_folder(root: &Path, chapter: &Chapter, request: &Request) -> Result<PathBuf> {
    let name = chapter
        .folder
        .file_name()
        .context("a chapter's folder has a name")?;
    let data = match &request.data {
        Some(folder) => folder.join(name),
        None => root.join("target/data").join(name),
    };
    std::fs::create_dir_all(&data)
        .with_context(|| format!("cannot make the folder {}", data.display()))?;
    Ok(data)
}

/// Builds the chapter's program, and the one that checks what it did.
pub fn build(
    root: &Path,
    chapter: &Chapter,
    mpi: Mpi,
    hdf5: Option<&Path>,
) -> Result<Toolchain> {
    let toolchain = Toolchain::find(mpi, root, hdf5)?;
    cargo_config::write(root)?;
    if !toolchain.program(&chapter.name).is_file() {
        eprintln!(
            "Building with {mpi} and {}; the first time takes a few minutes.",
            toolchain.hdf5.display()
        );
    }
    let words = ["--bin", &chapter.name, "--bin", "check"];
    if !cargo(root, &toolchain, "build", &words, Chatter::OnTerminal)? {
        note_complaints(root, &toolchain, &words);
        bail!(
            "the chapter's program does not build; if the message above speaks of MPI, HDF5 \
             or libclang, `make doctor` says what to do"
        );
    }
    Ok(toolchain)
}

/// Notes what cargo complains of: what it said before went to the terminal.
fn note_complaints(root: &Path, toolchain: &Toolchain, words: &[&str]) {
    let mut again = Command::new("cargo");
    again
        .args(["build", "--locked", "--quiet", "--color=never"])
        .args(words)
        .current_dir(root)
        .envs(toolchain.build_environment());
    transcript::note(&format!("$ cargo build {}", words.join(" ")));
    // It fails at once where it failed before; but nobody waits for it for ever.
    let said = supervise(again, Duration::from_secs(120), |line| {
        transcript::note(&line.text);
    });
    if let Err(error) = said {
        transcript::note(&format!("{error:#}"));
    }
}

/// Lets the `check` program look at what the run printed and at the file it left, and prints what
/// it says.
pub(crate) fn check(
    toolchain: &Toolchain,
    chapter: &Chapter,
    ranks: usize,
    args: &[String],
    ended: Ended,
    data: &Path,
    printed: &str,
) -> Result<bool> {
    let run = ChapterRun {
        chapter: chapter.name.clone(),
        ranks,
        ended: checker::run_end(ended),
        args: args.to_vec(),
        printed: printed.to_owned(),
        data: data.to_owned(),
    };
    let verdict = checker::judge(&toolchain.program("check"), run)?;
    println!("{verdict}");
    transcript::note(&verdict.to_string());
    Ok(verdict.verdict.is_ok())
}
