//! What the checker says of an answer.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use serde::{Deserialize, Serialize};

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is right.
    Passes,
    /// The compiler refuses it.
    DoesNotCompile,
    /// What it left behind is not what was asked for.
    WrongResult,
    /// It may look right, but what the ranks did is not.
    WrongInSilence,
    /// A rank ended with an error.
    RankFailed,
    /// It never ends.
    Hangs,
    /// It used more memory, time, disk or output than it may.
    OverLimit,
}

impl Outcome {
    /// In words: `wrong result`.
    pub fn words(self) -> &'static str {
        match self {
            Outcome::Passes => "passes",
            Outcome::DoesNotCompile => "does not compile",
            Outcome::WrongResult => "wrong result",
            Outcome::WrongInSilence => "wrong in silence",
            Outcome::RankFailed => "a rank failed",
            Outcome::Hangs => "it hangs",
            Outcome::OverLimit => "over the limit",
        }
    }
}

/// What the checker says of one answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verdict {
    /// Which exercise: `3.2`.
    pub exercise: String,
    /// What it is called.
    pub title: String,
    /// The file that was checked.
    pub file: String,
    /// Under which MPI: `openmpi`.
    pub mpi: String,
    /// What became of it.
    pub outcome: Outcome,
    /// What was checked, or what is wrong; lines of plain text.
    pub text: String,
    /// The number of ranks at which that was found; `None` if it never ran.
    pub ranks: Option<usize>,
    /// What the program was given there, in words.
    pub given: String,
    /// The numbers of ranks at which it passes.
    pub passed_at: Vec<usize>,
    /// The numbers of ranks at which it does not.
    pub failed_at: Vec<usize>,
    /// The numbers of ranks at which it was not tried any more.
    pub not_tried_at: Vec<usize>,
    /// The launcher's own words, which are left out of `text`.
    pub launcher_said: String,
    /// The seed of the input, with which it can be had again.
    pub seed: u64,
    /// Where the time went, in seconds.
    pub seconds: Seconds,
}

/// Where the time of a check went, in seconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Seconds {
    /// The compiler, the linker included.
    pub compile: f64,
    /// The launcher and the program.
    pub run: f64,
    /// Making the input, and looking at what was left behind.
    pub check: f64,
}

impl Seconds {
    /// Adds the time since `start` to one of the three.
    pub fn add(to: &mut f64, spent: Duration) {
        *to += spent.as_secs_f64();
    }
}

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const QUIET: Style = Style::new().dimmed();

impl Verdict {
    /// True if the answer is right.
    pub fn passes(&self) -> bool {
        self.outcome == Outcome::Passes
    }

    /// For the learner to read; with colours, which [`anstream`] takes out where there is no
    /// terminal.
    pub fn shown(&self, noise: bool) -> String {
        let style = if self.passes() { GOOD } else { BAD };
        let mark = if self.passes() { "✓" } else { "✗" };
        let words = self.outcome.words();
        let mut text = format!(
            "{style}{mark} {} {}: {words}{style:#}",
            self.exercise, self.title
        );
        if let (Some(ranks), false) = (self.ranks, self.passes()) {
            let _ = write!(text, " with {}", count(ranks));
            if !self.given.is_empty() {
                let _ = write!(text, " ({})", self.given);
            }
        }
        if self.passes() {
            let _ = write!(text, " with {}", counts(&self.passed_at));
        }
        text.push('\n');
        for line in self.text.trim_end().lines() {
            let _ = writeln!(text, "  {line}");
        }
        if !self.passes() {
            if let Some(where_else) = self.where_else() {
                let _ = writeln!(text, "  {where_else}");
            }
            let _ = writeln!(text, "{QUIET}  {}{QUIET:#}", self.file);
        }
        if noise && !self.launcher_said.trim().is_empty() {
            let _ = writeln!(text, "{QUIET}  what the launcher said:{QUIET:#}");
            for line in self.launcher_said.lines() {
                let _ = writeln!(text, "  | {line}");
            }
        }
        text
    }

    /// `It passes with 1 and 2 ranks, not with 3, 4 and 7.`
    fn where_else(&self) -> Option<String> {
        let mut parts = Vec::new();
        if !self.passed_at.is_empty() {
            parts.push(format!("passes with {}", counts(&self.passed_at)));
        }
        if self.failed_at.len() > 1 {
            parts.push(format!("fails with {}", counts(&self.failed_at)));
        }
        if !self.not_tried_at.is_empty() && self.ranks.is_some() {
            parts.push(format!("was not tried with {}", counts(&self.not_tried_at)));
        }
        let (last, others) = parts.split_last()?;
        Some(match others {
            [] => format!("It {last}."),
            others => format!("It {}, and {last}.", others.join(", ")),
        })
    }
}

/// `1 rank`, `4 ranks`.
pub(super) fn count(ranks: usize) -> String {
    match ranks {
        1 => "1 rank".to_owned(),
        ranks => format!("{ranks} ranks"),
    }
}

/// `1 rank`, `1, 2 and 4 ranks`.
pub fn counts(ranks: &[usize]) -> String {
    match ranks {
        [] => "no ranks".to_owned(),
        [one] => count(*one),
        [others @ .., last] => {
            let others: Vec<String> = others.iter().map(usize::to_string).collect();
            format!("{} and {last} ranks", others.join(", "))
        }
    }
}
