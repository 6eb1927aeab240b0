//! Looks at what a run printed, and at the file it left, and says whether it is right.
//! `make chapter-N` calls it after the run of a chapter, `make exercise-N` before and after
//! the run of a learner's answer.
//!
//! It runs as one process and reads files without MPI: what it sees is what any serial
//! tool would see afterwards. Each chapter's own part is `check.rs` in its folder; that for
//! its exercises is `exercises/check.rs`.

use std::fmt::Display;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use exercise::Exercise;

mod exercise;
mod layout;
mod order;
mod shares;

#[path = "../../chapters/04-atomicity/check.rs"]
mod atomicity;
#[path = "../../chapters/05-build-parallel-hdf5/check.rs"]
mod build_parallel_hdf5;
#[path = "../../chapters/07-chunks-and-filters/check.rs"]
mod chunks_and_filters;
#[path = "../../chapters/10-cluster/check.rs"]
mod cluster;
#[path = "../../chapters/06-collective-io/check.rs"]
mod collective_io;
#[path = "../../chapters/03-distances/check.rs"]
mod distances;
#[path = "../../chapters/01-hello-rank/check.rs"]
mod hello_rank;
#[path = "../../chapters/02-open-mpio/check.rs"]
mod open_mpio;
#[path = "../../chapters/08-pitfalls/check.rs"]
mod pitfalls;
#[path = "../../chapters/09-tuning/check.rs"]
mod tuning;

/// What a chapter brings along.
struct Chapter {
    name: &'static str,
    check: fn(&Finished) -> Verdict,
    exercises: &'static [Exercise],
}

const CHAPTERS: &[Chapter] = &[
    Chapter {
        name: "hello-rank",
        check: hello_rank::check,
        exercises: hello_rank::exercises::ALL,
    },
    Chapter {
        name: "open-mpio",
        check: open_mpio::check,
        exercises: open_mpio::exercises::ALL,
    },
    Chapter {
        name: "distances",
        check: distances::check,
        exercises: distances::exercises::ALL,
    },
    Chapter {
        name: "atomicity",
        check: atomicity::check,
        exercises: atomicity::exercises::ALL,
    },
    Chapter {
        name: "build-parallel-hdf5",
        check: build_parallel_hdf5::check,
        exercises: build_parallel_hdf5::exercises::ALL,
    },
    Chapter {
        name: "collective-io",
        check: collective_io::check,
        exercises: collective_io::exercises::ALL,
    },
    Chapter {
        name: "chunks-and-filters",
        check: chunks_and_filters::check,
        exercises: chunks_and_filters::exercises::ALL,
    },
    Chapter {
        name: "pitfalls",
        check: pitfalls::check,
        exercises: pitfalls::exercises::ALL,
    },
    Chapter {
        name: "tuning",
        check: tuning::check,
        exercises: tuning::exercises::ALL,
    },
    Chapter {
        name: "cluster",
        check: cluster::check,
        exercises: &[],
    },
];

/// Checks what a run left behind.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// What a chapter's run left behind; its output is read from standard input.
    Chapter(ChapterArgs),
    /// Make what an exercise's program is given to work on.
    Prepare(exercise::Args),
    /// What a learner's answer left behind.
    Answer(exercise::Args),
    /// What lies where in an HDF5 file: which bytes are which dataset's.
    Layout(layout::Args),
}

#[derive(Args)]
struct ChapterArgs {
    /// The chapter's name.
    chapter: String,
    /// How many ranks ran.
    #[arg(long)]
    ranks: usize,
    /// How the run ended: its exit status, `limit`, or `signal N`.
    #[arg(long)]
    ended: String,
    /// The arguments that the program was given.
    #[arg(last = true)]
    args: Vec<String>,
}

/// What a check knows of the run.
pub struct Finished {
    /// How many ranks ran.
    pub ranks: usize,
    /// How the run ended: its exit status, `limit`, or `signal N`.
    pub ended: String,
    /// The arguments that the program was given.
    pub args: Vec<String>,
    /// What the ranks printed on standard output.
    pub printed: String,
    /// Where the program wrote.
    pub data: PathBuf,
}

/// What a check found: what holds, or what is wrong, in one line.
pub type Verdict = Result<String, String>;

impl Finished {
    /// An error unless the run ended by itself with status 0.
    pub fn ended_well(&self) -> Result<(), String> {
        match self.ended.as_str() {
            "0" => Ok(()),
            "limit" => Err("the run did not end in time; is there a collective call \
                that not all ranks make? (chapter 2, the rule)"
                .to_owned()),
            other => Err(format!("the run ended with status {other}")),
        }
    }

    /// `1 rank`, `4 ranks`.
    pub fn ranks_in_words(&self) -> String {
        let plural = if self.ranks == 1 { "" } else { "s" };
        format!("{} rank{plural}", self.ranks)
    }
}

/// Puts what was being done in front of an error's message.
pub fn saying<T, E: Display>(what: &str, result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error}"))
}

/// Where the run wrote.
fn data_folder() -> PathBuf {
    std::env::var_os("WORKBOOK_DATA")
        .unwrap_or("target/data".into())
        .into()
}

/// All of standard input; what is not UTF-8 is kept out of the check, not fatal to it.
fn standard_input() -> String {
    let mut bytes = Vec::new();
    match std::io::stdin().read_to_end(&mut bytes) {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => String::new(),
    }
}

fn main() -> ExitCode {
    match Cli::parse().what {
        What::Chapter(args) => chapter(args),
        What::Prepare(args) => exercise::prepare(&args),
        What::Answer(args) => exercise::answer(&args),
        What::Layout(args) => layout::print(&args),
    }
}

fn chapter(args: ChapterArgs) -> ExitCode {
    let ChapterArgs {
        chapter,
        ranks,
        ended,
        args,
    } = args;
    let run = Finished {
        ranks,
        ended,
        args,
        printed: standard_input(),
        data: data_folder(),
    };
    if run.args.iter().any(|arg| arg == "--help" || arg == "-h") {
        println!("ok: that was the help; nothing was run");
        return ExitCode::SUCCESS;
    }
    let verdict = match CHAPTERS.iter().find(|it| it.name == chapter) {
        Some(chapter) => (chapter.check)(&run),
        None => Err(format!(
            "no check is known for `{chapter}`: name it in src/check/main.rs"
        )),
    };
    match verdict {
        Ok(holds) => {
            println!("ok: {holds}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            println!("NOT OK: {wrong}");
            ExitCode::FAILURE
        }
    }
}
