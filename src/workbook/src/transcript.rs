//! Keeps what a command has printed when it fails, for `make report`: `target/report/failed.json`,
//! one at a time, and of bounded size.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// So much of the beginning and of the end is kept, in bytes; what is between is counted.
const BEGINNING: usize = 16 << 10;
const END: usize = 32 << 10;
/// No line is longer, in characters.
const LONGEST: usize = 500;

/// A command that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// What was asked for: `run 3`.
    pub command: String,
    /// When it ended, in seconds since 1970.
    pub at: u64,
    /// What it printed.
    pub text: String,
}

impl Failed {
    /// The last one, if there is one.
    pub fn last(root: &Path) -> Option<Failed> {
        let text = std::fs::read(file(root)).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

fn file(root: &Path) -> PathBuf {
    root.join("target/report/failed.json")
}

/// What is printed now.
static NOW: Mutex<Option<Text>> = Mutex::new(None);

#[derive(Default)]
struct Text {
    beginning: Vec<String>,
    size: usize,
    end: VecDeque<String>,
    end_size: usize,
    left_out: usize,
}

impl Text {
    fn push(&mut self, line: &str) {
        let line = console::strip_ansi_codes(line);
        let mut line: String = line
            .chars()
            .filter(|it| !it.is_control() || *it == '\t')
            .collect();
        if let Some((cut, _)) = line.char_indices().nth(LONGEST) {
            line.truncate(cut);
            line.push_str(" ...");
        }
        if self.size + line.len() < BEGINNING && self.end.is_empty() {
            self.size += line.len() + 1;
            self.beginning.push(line);
            return;
        }
        self.end_size += line.len() + 1;
        self.end.push_back(line);
        while self.end_size > END {
            let Some(first) = self.end.pop_front() else {
                break;
            };
            self.end_size -= first.len() + 1;
            self.left_out += 1;
        }
    }

    fn whole(self) -> String {
        let mut lines = self.beginning;
        if self.left_out > 0 {
            lines.push(format!("[... {} lines are left out ...]", self.left_out));
        }
        lines.extend(self.end);
        lines.iter().flat_map(|it| [it, "\n"]).collect()
    }
}

/// Begins to keep what is printed.
pub fn begin() {
    *NOW.lock().unwrap_or_else(PoisonError::into_inner) = Some(Text::default());
}

/// Notes lines that a command prints; without effect unless it was begun.
pub fn note(lines: &str) {
    let mut now = NOW.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(text) = now.as_mut() {
        lines.lines().for_each(|line| text.push(line));
    }
}

/// Keeps what was printed if `command` has failed; if it has not, what it left when it last failed
/// is of no interest any more. That the disk is full is not worth a word here.
pub fn end(root: &Path, command: &str, passed: bool) {
    let text = NOW.lock().unwrap_or_else(PoisonError::into_inner).take();
    let file = file(root);
    if passed {
        if Failed::last(root).is_some_and(|it| it.command == command) {
            let _ = std::fs::remove_file(file);
        }
        return;
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let failed = Failed {
        command: command.to_owned(),
        at: since.map_or(0, |it| it.as_secs()),
        text: text.unwrap_or_default().whole(),
    };
    let write = || -> anyhow::Result<()> {
        let folder = file.parent().unwrap_or(root);
        std::fs::create_dir_all(folder)?;
        let new = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&new, &failed)?;
        new.persist(&file)?;
        Ok(())
    };
    let _ = write();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_and_the_end_of_a_long_one_are_kept() {
        let mut text = Text::default();
        for number in 0..100_000 {
            text.push(&format!("\x1b[31mline {number}\x1b[0m\x07"));
        }
        text.push(&"x".repeat(10_000));
        let text = text.whole();
        assert!(text.len() < BEGINNING + END + 1000, "{}", text.len());
        assert!(text.starts_with("line 0\nline 1\n"), "{text}");
        assert!(text.contains(" lines are left out ...]\nline "), "{text}");
        assert!(text.contains("line 99999\nxxx") && text.ends_with("x ...\n"));
    }

    #[test]
    fn the_same_command_forgets_its_failure_when_it_passes() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Failed::last(root.path()), None);
        // Without lines, because the place for them is shared with the other tests.
        end(root.path(), "run 3", false);
        end(root.path(), "check 3.1", true);
        assert_eq!(Failed::last(root.path()).unwrap().command, "run 3");
        end(root.path(), "run 3", true);
        assert_eq!(Failed::last(root.path()), None);
    }
}
