//! Runs the commands of a build: with a progress bar, a log, and a cure if one fails.

use std::fs::File;
use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use launch::supervise::{Ended, Line, Stream, supervise};
use regex::Regex;

/// A command that takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(3600);

/// Without a terminal, a line about the progress is printed this often.
const NOW_AND_THEN: Duration = Duration::from_secs(20);

/// How many lines of the log a failure shows.
const END_OF_LOG: usize = 15;

/// How a command's progress can be read from what it prints.
#[derive(Clone, Copy, Debug)]
pub enum Count {
    /// It cannot.
    Nothing,
    /// Ninja's `[12/386] Building …`.
    Ninja,
    /// Lines of `make` that begin with `  CC` (a file compiled), of so many in all.
    Compiled(u64),
}

/// A series of commands with one log.
pub struct Job {
    path: PathBuf,
    log: File,
}

impl Job {
    /// Goes on with the log at `path`, or starts it.
    pub fn new(path: &Path) -> Result<Job> {
        let log = File::options().create(true).append(true).open(path);
        let log = log.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Job {
            path: path.to_owned(),
            log,
        })
    }

    /// Runs `command`, telling the reader that we are `doing` it. Returns what it printed
    /// on standard output.
    ///
    /// If it fails, the error says how, shows the log's end, where the whole log is, and
    /// what is likely to help.
    pub fn step(&mut self, doing: &str, command: Command, count: Count) -> Result<String> {
        let program = Path::new(command.get_program())
            .file_name()
            .unwrap_or_default();
        let program = program.to_string_lossy().into_owned();
        writeln!(self.log, "$ {}", shown(&command)).context("cannot write the log")?;
        let started = Instant::now();
        let mut progress = Progress::new(doing, count);
        let mut out = String::new();
        let outcome = supervise(command, LIMIT, |line| {
            // A log that cannot be written (disk full) is no reason to end the build; what
            // fails next says so.
            let _ = writeln!(self.log, "{}", line.text);
            if line.stream == Stream::Out {
                out.push_str(&line.text);
                out.push('\n');
            }
            progress.see(&line.text);
        });
        progress.end();
        let outcome = outcome.map_err(|error| match cure(&format!("{error:#}")) {
            Some(cure) => anyhow!("{error:#}\nLikely cure: {cure}"),
            None => error,
        })?;
        match outcome.ended {
            Ended::Exit(0) => {
                let seconds = started.elapsed().as_secs();
                if seconds > 1 {
                    eprintln!("{doing}: done in {seconds} s");
                }
                Ok(out)
            }
            Ended::Interrupted => {
                bail!(
                    "interrupted while {}; the same command goes on from here",
                    lower(doing)
                )
            }
            ended => Err(self.failure(doing, &program, ended, &outcome.lines)),
        }
    }

    /// Adds to the log.
    pub fn note(&mut self, text: &str) {
        let _ = writeln!(self.log, "{text}");
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn failure(
        &self,
        doing: &str,
        program: &str,
        ended: Ended,
        lines: &[Line],
    ) -> anyhow::Error {
        let mut message = format!("{doing} failed: {program}: {ended}\n");
        let told: Vec<&str> = lines
            .iter()
            .map(|it| it.text.trim_end())
            .filter(|it| !it.is_empty())
            .collect();
        if !told.is_empty() {
            message.push_str("The log's end:\n");
        }
        for line in &told[told.len().saturating_sub(END_OF_LOG)..] {
            message.push_str(&format!("    {line}\n"));
        }
        message.push_str(&format!("The whole log: {}", self.path.display()));
        let cure = lines.iter().rev().find_map(|line| cure(&line.text));
        if let Some(cure) = cure {
            message.push_str(&format!("\nLikely cure: {cure}"));
        }
        anyhow!(message)
    }
}

/// What is likely to help against an error message, and the pattern that knows it.
static CURES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (
            r"No space left on device|Disk quota exceeded",
            "free some space; a build of HDF5 takes about 300 MB below target/.",
        ),
        (
            r"Killed signal|internal compiler error: Killed|Cannot allocate memory",
            "there is too little memory; end other programs, then run the same command again.",
        ),
        (
            r"is not able to compile a simple test program|C compiler cannot create executables|CMAKE_C_COMPILER.*(not a full path|not found)|No such file or directory: .*mpicc|cannot start .*mpicc",
            "mpicc does not work; `make doctor` says what is wrong with it. Try it by hand: \
             write `int main(void) { return 0; }` into a.c, then `mpicc a.c`.",
        ),
        (
            r"CMake [\d.]+ or higher is required",
            "this CMake is too old; take it off the PATH, and the workbook brings its own.",
        ),
        (
            r"ensurepip is not|No module named '?(venv|ensurepip)",
            "install Python's venv module (on Debian: apt-get install python3-venv).",
        ),
        (
            r"fatal error: Python\.h",
            "install Python's headers (on Debian: apt-get install python3-dev).",
        ),
        (
            r"fatal error: mpi\.h",
            "install MPI's headers (on Debian: apt-get install libopenmpi-dev).",
        ),
        (
            r"(?i)could not resolve|temporary failure (in name )?resol|failed to establish a new connection|connection (timed out|refused)|network is unreachable",
            "there is no way to the network; the source and the tools are fetched once.",
        ),
        (
            r"cannot start (apt-get|dpkg-source|make|ninja|cmake)",
            "that program is missing; `make chapter-5` installs it.",
        ),
        (
            r"Permission denied|Read-only file system",
            "the folder target/ must be writable for you.",
        ),
    ]
    .into_iter()
    .map(|(pattern, cure)| (Regex::new(pattern).expect("the pattern is valid"), cure))
    .collect()
});

fn cure(text: &str) -> Option<&'static str> {
    CURES
        .iter()
        .find(|(pattern, _)| pattern.is_match(text))
        .map(|(_, cure)| *cure)
}

/// The command as one would type it, its environment left out.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    shell_words::join(words.map(|word| word.to_string_lossy()))
}

/// `Compiling HDF5` in the middle of a sentence.
fn lower(doing: &str) -> String {
    let mut letters = doing.chars();
    let first = letters.next().map(|it| it.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

/// A progress bar on a terminal, a line now and then without one.
struct Progress {
    doing: String,
    count: Count,
    bar: Option<ProgressBar>,
    done: u64,
    total: u64,
    said: Instant,
}

impl Progress {
    fn new(doing: &str, count: Count) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let (bar, style) = match count {
                Count::Nothing => (ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}"),
                _ => (
                    ProgressBar::new(0),
                    "{msg} [{bar:30}] {pos}/{len} {elapsed}, {eta} to go",
                ),
            };
            let style = ProgressStyle::with_template(style).expect("the template is valid");
            bar.set_style(style.progress_chars("=> "));
            bar.set_message(doing.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        if bar.is_none() {
            eprintln!("{doing} ...");
        }
        let total = match count {
            Count::Compiled(total) => total,
            _ => 0,
        };
        Progress {
            doing: doing.to_owned(),
            count,
            bar,
            done: 0,
            total,
            said: Instant::now(),
        }
    }

    fn see(&mut self, line: &str) {
        static NINJA: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"^\[(\d+)/(\d+)\] ").expect("the pattern is valid")
        });
        match self.count {
            Count::Nothing => {}
            Count::Ninja => {
                if let Some(parts) = NINJA.captures(line) {
                    self.done = parts[1].parse().unwrap_or(self.done);
                    self.total = parts[2].parse().unwrap_or(self.total);
                }
            }
            Count::Compiled(_) => {
                if line.starts_with("  CC ") {
                    self.done += 1;
                    self.total = self.total.max(self.done);
                }
            }
        }
        if let Some(bar) = &self.bar {
            bar.set_length(self.total);
            bar.set_position(self.done);
        } else if self.total > 0 && self.said.elapsed() > NOW_AND_THEN {
            self.said = Instant::now();
            eprintln!("{}: {} of {}", self.doing, self.done, self.total);
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_cure_for_what_often_fails() {
        for message in [
            "/usr/bin/ld: final link failed: No space left on device",
            "  is not able to compile a simple test program.",
            "configure: error: C compiler cannot create executables",
            "  CMake 3.26 or higher is required.  You are running version 3.25.1",
            "fatal error: Python.h: No such file or directory",
        ] {
            assert!(cure(message).is_some(), "{message}");
        }
        assert!(cure("error: expected ';' before 'int'").is_none());
    }
}
