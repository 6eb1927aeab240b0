//! Looks at what a run printed, and at the file it left, and says whether it is right.
//!
//! The program `check` (`chapters/check.rs`) is this with what each chapter brings along. `make
//! chapter-N` asks it after the run of a chapter, `make exercise-N` before and after the run of a
//! learner's answer: in one file, it answers in another ([`protocol`]). It runs as one process and
//! reads files without MPI, so what it sees is what any serial tool would see afterwards.

pub mod exercise;
mod layout;
pub mod order;
pub mod shares;

use std::cell::OnceCell;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use exercise::Exercise;
use protocol::{ChapterRun, ChapterVerdict, Question, RunEnd};

/// What a chapter brings along.
pub struct Chapter {
    /// The chapter's name: `distances`.
    pub name: &'static str,
    /// Judges a run of its program.
    pub check: fn(&Finished) -> Verdict,
    /// Its exercises.
    pub exercises: &'static [Exercise],
}

/// Answers what the workbook asks of a run.
#[derive(Parser)]
struct Cli {
    /// What is asked, as JSON.
    question: PathBuf,
    /// The file for the answer, as JSON.
    reply: PathBuf,
}

/// What a check knows of a chapter's run.
pub struct Finished {
    /// How many ranks ran.
    pub ranks: usize,
    /// How the run ended.
    pub ended: RunEnd,
    /// The arguments that the program was given.
    pub args: Vec<String>,
    /// What the ranks printed on standard output.
    pub printed: String,
    /// Where the program wrote.
    pub data: PathBuf,
    /// The run's row of the chapter's table, if it has one.
    pub row: OnceCell<String>,
}

/// What a check found: what holds, or what is wrong, in one line.
pub type Verdict = Result<String, String>;

impl Finished {
    /// An error unless the run ended by itself with status 0.
    pub fn ended_well(&self) -> Result<(), String> {
        match self.ended {
            RunEnd::Exit(0) => Ok(()),
            RunEnd::Limit => {
                Err("the run did not end in time; is there a collective call \
                that not all ranks make? (chapter 2, the rule)"
                    .to_owned())
            }
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

/// The whole of the program `check`.
pub fn main(chapters: &[Chapter]) -> ExitCode {
    let cli = Cli::parse();
    match answer(chapters, &cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("check: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer(chapters: &[Chapter], cli: &Cli) -> Result<(), String> {
    let question = protocol::read_question(&cli.question);
    let question = question.map_err(|error| format!("{error:#}"))?;
    let reply = &cli.reply;
    match question {
        Question::Chapter(run) => say(reply, &chapter(chapters, run)),
        Question::Prepare(case) => say(reply, &exercise::prepare(chapters, case)?),
        Question::Answer(answer) => say(reply, &exercise::judge(chapters, answer)?),
        Question::Layout(file) => say(reply, &layout::of(&file)?),
    }
}

fn say(reply: &Path, answer: &impl serde::Serialize) -> Result<(), String> {
    protocol::write_reply(reply, answer).map_err(|error| format!("{error:#}"))
}

fn chapter(chapters: &[Chapter], run: ChapterRun) -> ChapterVerdict {
    let name = run.chapter;
    let run = Finished {
        ranks: run.ranks,
        ended: run.ended,
        args: run.args,
        printed: run.printed,
        data: run.data,
        row: OnceCell::new(),
    };
    let verdict = if run.args.iter().any(|arg| arg == "--help" || arg == "-h") {
        Ok("that was the help; nothing was run".to_owned())
    } else {
        match chapters.iter().find(|it| it.name == name) {
            Some(chapter) => (chapter.check)(&run),
            None => Err(format!(
                "no check is known for `{name}`: name it in chapters/check.rs"
            )),
        }
    };
    let row = run.row.into_inner();
    ChapterVerdict { verdict, row }
}
