//! What the `workbook` command asks the program `check`, and what that answers.
//!
//! The command writes a [`Question`] into a file, starts `check QUESTION REPLY`, and reads the answer
//! from the second file: neither side prints it, because libraries that a program is linked with may
//! print, too (UCX does). If there is no answer, the check has said on standard error why.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// What the check is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Did a chapter's run do what its page says? The reply is a [`ChapterVerdict`].
    Chapter(ChapterRun),
    /// Make what an exercise's program is given to work on. The reply is what that is, [`Given`].
    Prepare(Case),
    /// Is what an answer left behind right? The reply is a [`Finding`].
    Answer(Answer),
    /// What lies where in this HDF5 file? The reply is the layout that the crate `trace` draws.
    Layout(PathBuf),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunEnd {
    /// By itself, with this status.
    Exit(i32),
    /// By a signal.
    Signal(i32),
    /// It did not: it was ended, because it took too long or because nothing moved any more.
    Limit,
    /// Somebody interrupted it.
    Interrupted,
}

impl RunEnd {
    /// By itself, with status 0.
    pub fn success(self) -> bool {
        self == RunEnd::Exit(0)
    }
}

impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunEnd::Exit(status) => write!(f, "{status}"),
            RunEnd::Signal(signal) => write!(f, "signal {signal}"),
            RunEnd::Limit => f.write_str("limit"),
            RunEnd::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// A run of a chapter's program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChapterRun {
    /// The chapter's name.
    pub chapter: String,
    /// How many ranks ran.
    pub ranks: usize,
    /// How it ended.
    pub ended: RunEnd,
    /// The arguments that the program was given.
    pub args: Vec<String>,
    /// What the ranks printed on standard output.
    pub printed: String,
    /// The folder in which the program wrote.
    pub data: PathBuf,
}

/// What the check says of a chapter's run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChapterVerdict {
    /// What holds, or what is wrong, in one line.
    pub verdict: Result<String, String>,
    /// The run's row of the chapter's table, for a chapter that has one: cells, separated by ` | `.
    pub row: Option<String>,
}

impl fmt::Display for ChapterVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Ok(holds) => write!(f, "ok: {holds}"),
            Err(wrong) => write!(f, "NOT OK: {wrong}"),
        }
    }
}

/// One trial of an answer to an exercise: each is for another number of ranks, with another input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
    /// The name of the exercise's chapter.
    pub chapter: String,
    /// The exercise's name.
    pub exercise: String,
    /// How many ranks.
    pub ranks: usize,
    /// Where the numbers of the input come from: another seed, other numbers.
    pub seed: u64,
    /// The folder in which the program works.
    pub data: PathBuf,
}

/// What an exercise's program is given.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Given {
    /// Its arguments.
    pub args: Vec<String>,
    /// The same in words, for the learner: `1000 rows`. May be empty.
    pub words: String,
    /// More environment for all ranks.
    pub environment: Vec<(String, String)>,
    /// The program is meant to end with a status other than 0; then that is not reported as a
    /// failure, but left to the judgement.
    pub fails: bool,
}

impl Given {
    /// Files only, which are `words`.
    pub fn files(words: impl Into<String>) -> Given {
        Given {
            words: words.into(),
            ..Given::default()
        }
    }
}

/// What a trial left behind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Which trial.
    pub case: Case,
    /// What each rank printed on standard output.
    pub printed: Vec<String>,
    /// What each rank printed on standard error.
    pub complained: Vec<String>,
    /// The launcher's exit status: 0 unless the program is [meant to fail](Given::fails).
    pub status: i32,
    /// All lines that the ranks printed, in the order in which they arrived.
    pub lines: Vec<String>,
    /// The folder in which the ranks recorded what they called.
    pub record: PathBuf,
}

/// What was checked, in one line; or what is wrong.
pub type Finding = Result<String, Wrong>;

/// What is wrong with an answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "wrong", content = "text", rename_all = "kebab-case")]
pub enum Wrong {
    /// The result is not what was asked for.
    Result(String),
    /// The result may be what was asked for, by luck: what the ranks did to get it is not.
    Silent(String),
}

impl From<String> for Wrong {
    fn from(text: String) -> Wrong {
        Wrong::Result(text)
    }
}

/// A question to the check, on its way.
#[derive(Debug)]
pub struct Exchange {
    folder: TempDir,
}

impl Exchange {
    /// Writes it down.
    ///
    /// # Errors
    /// If no temporary file can be written.
    pub fn new(question: &Question) -> anyhow::Result<Exchange> {
        let folder = tempfile::Builder::new().prefix("check-").tempdir()?;
        let exchange = Exchange { folder };
        fs::write(exchange.question(), serde_json::to_vec(question)?)
            .context("cannot write what the check is asked")?;
        Ok(exchange)
    }

    /// The folder of both files, in which the check writes its reply.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn question(&self) -> PathBuf {
        self.folder().join("question.json")
    }

    fn reply(&self) -> PathBuf {
        self.folder().join("reply.json")
    }

    /// The command that asks: `check`, with its two files.
    pub fn command(&self, check: &Path) -> Command {
        let mut command = Command::new(check);
        command.arg(self.question()).arg(self.reply());
        command
    }

    /// What the check answered.
    ///
    /// # Errors
    /// If it did not answer, or something else than `T`.
    pub fn answer<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        let file = self.reply();
        // Not a link that a broken check, or what broke it, may have left there.
        let is_file = fs::symlink_metadata(&file).is_ok_and(|it| it.is_file());
        if !is_file {
            bail!("the check gave no answer");
        }
        let text = fs::read(&file).context("cannot read the answer of the check")?;
        serde_json::from_slice(&text).context("the answer of the check makes no sense")
    }
}

/// For the check: what it is asked, in the file `question`.
///
/// # Errors
/// If the file cannot be read, or is no question.
pub fn read_question(question: &Path) -> anyhow::Result<Question> {
    let text = fs::read(question)
        .with_context(|| format!("cannot read {}", question.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is no question", question.display()))
}

/// For the check: answers, in the file `reply`.
///
/// # Errors
/// If the file cannot be written.
pub fn write_reply(reply: &Path, answer: &impl Serialize) -> anyhow::Result<()> {
    fs::write(reply, serde_json::to_vec(answer)?)
        .with_context(|| format!("cannot write {}", reply.display()))
}
