//! Looks at what a chapter's run printed, and at the file it left, and says in one line
//! whether it is right. `make chapter-N` calls it after the run.
//!
//! It runs as one process and reads files without MPI: what it sees is what any serial
//! tool would see afterwards. Each chapter's own part is `check.rs` in its folder.

use std::fmt::Display;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

#[path = "../chapters/04-atomicity/check.rs"]
mod atomicity;
#[path = "../chapters/05-build-parallel-hdf5/check.rs"]
mod build_parallel_hdf5;
#[path = "../chapters/03-distances/check.rs"]
mod distances;
#[path = "../chapters/01-hello-rank/check.rs"]
mod hello_rank;
#[path = "../chapters/02-open-mpio/check.rs"]
mod open_mpio;

/// Checks what a chapter's run left behind; its output is read from standard input.
#[derive(Parser)]
struct Cli {
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

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut printed = String::new();
    // Output that is not UTF-8 is kept out of the check, not fatal to it.
    let mut bytes = Vec::new();
    if std::io::stdin().read_to_end(&mut bytes).is_ok() {
        printed = String::from_utf8_lossy(&bytes).into_owned();
    }
    let data = std::env::var_os("WORKBOOK_DATA")
        .unwrap_or("target/data".into())
        .into();
    let Cli {
        chapter,
        ranks,
        ended,
        args,
    } = cli;
    let run = Finished {
        ranks,
        ended,
        args,
        printed,
        data,
    };
    if run.args.iter().any(|arg| arg == "--help" || arg == "-h") {
        println!("ok: that was the help; nothing was run");
        return ExitCode::SUCCESS;
    }
    let verdict = match chapter.as_str() {
        "hello-rank" => hello_rank::check(&run),
        "open-mpio" => open_mpio::check(&run),
        "distances" => distances::check(&run),
        "atomicity" => atomicity::check(&run),
        "build-parallel-hdf5" => build_parallel_hdf5::check(&run),
        other => Err(format!(
            "no check is known for `{other}`: name it in src/check.rs"
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
