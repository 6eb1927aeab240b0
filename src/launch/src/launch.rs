//! Starts a chapter's program on several ranks, and keeps what each rank printed apart.

use std::cell::Cell;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use regex::Regex;

use crate::mpi::Mpi;
use crate::supervise::{Ended, Line, Outcome, Stream, supervise_while};
use crate::{launcher_output, limits, output_of};

/// A program to be started on several ranks.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Whose launcher.
    pub mpi: Mpi,
    /// The launcher's name or path.
    pub launcher: String,
    /// Options of the launcher other than the number of ranks.
    pub options: Vec<String>,
    /// How many ranks.
    pub ranks: usize,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// More environment for all ranks.
    pub environment: Vec<(String, String)>,
    /// The folder in which it runs; ours if `None`.
    pub folder: Option<PathBuf>,
    /// After this long the run is ended.
    pub limit: Duration,
    /// Whether memory and disk are limited: for a program that nobody has looked at.
    pub limited: bool,
    /// What it runs inside of, the innermost first.
    pub wrappers: Vec<Arc<dyn Wrap>>,
}

/// Something in which a command can run: a sandbox, or hosts that are not this machine.
pub trait Wrap: std::fmt::Debug + Send + Sync {
    /// The command that does the same inside.
    fn wrap(&self, command: &Command) -> Command;
}

/// Lets `outer`, a command that takes another as its last arguments, run `inner`: with its
/// environment, and in its folder.
pub fn run_inside(mut outer: Command, inner: &Command) -> Command {
    outer
        .arg("--")
        .arg(inner.get_program())
        .args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    if let Some(folder) = inner.get_current_dir() {
        outer.current_dir(folder);
    }
    outer
}

/// What a run printed, rank by rank, and how it ended.
#[derive(Debug)]
pub struct Run {
    /// How it ended.
    pub ended: Ended,
    /// What each rank printed on standard output.
    pub out: Vec<String>,
    /// What each rank printed on standard error.
    pub err: Vec<String>,
    /// All that the ranks printed on standard output, in the order of its arrival.
    pub stdout: String,
    /// What the launcher itself had to say.
    pub launcher_said: String,
    /// Processes that outlived the run, and were killed: (pid, name).
    pub left_behind: Vec<(i32, String)>,
}

impl Launch {
    /// A run of `program` on `ranks` ranks under `mpi`, limited to 60 s.
    pub fn new(mpi: Mpi, launcher: &str, ranks: usize, program: &Path) -> Launch {
        Launch {
            mpi,
            launcher: launcher.to_owned(),
            options: Vec::new(),
            ranks,
            program: program.to_owned(),
            args: Vec::new(),
            environment: Vec::new(),
            folder: None,
            limit: Duration::from_secs(60),
            limited: false,
            wrappers: Vec::new(),
        }
    }

    /// The command as a reader types it: `mpirun -n 4 target/debug/hello-rank`.
    pub fn shown(&self, root: &Path) -> String {
        let launcher = Path::new(&self.launcher);
        let launcher = launcher.strip_prefix(root).unwrap_or(launcher);
        let mut words = vec![launcher.display().to_string()];
        words.extend(self.options.iter().cloned());
        words.extend(["-n".to_owned(), self.ranks.to_string()]);
        let program = self.program.strip_prefix(root).unwrap_or(&self.program);
        words.push(program.display().to_string());
        words.extend(
            self.args
                .iter()
                .map(|arg| arg.to_string_lossy().into_owned()),
        );
        // `--mpi=pmix` means itself to a shell, and need not be quoted.
        let plain = |word: &str| {
            let safe = |it: char| it.is_ascii_alphanumeric() || "-_=./,:+@%".contains(it);
            !word.is_empty() && word.chars().all(safe)
        };
        let quoted = words.iter().map(|word| match plain(word) {
            true => word.clone(),
            false => shell_words::quote(word).into_owned(),
        });
        quoted.collect::<Vec<_>>().join(" ")
    }

    /// The command to run; `tags` are options that make the launcher name the rank in
    /// front of each line.
    pub fn command(&self, tags: &[&str]) -> Command {
        let mut command = Command::new(&self.launcher);
        command
            .args(tags)
            .args(&self.options)
            .arg("-n")
            .arg(self.ranks.to_string())
            .arg(&self.program)
            .args(&self.args)
            // Set, it makes Python write a line in two pieces, which launchers mix.
            .env("PYTHONUNBUFFERED", "");
        // What is right for one machine is wrong for the nodes of a cluster.
        for (name, value) in self.mpi.launch_environment() {
            match self.launcher == "srun" {
                true => command.env_remove(name),
                false => command.env(name, value),
            };
        }
        command.envs(self.environment.iter().cloned());
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        for wrapper in &self.wrappers {
            command = wrapper.wrap(&command);
        }
        if self.limited {
            limits::of_a_run(&mut command);
        }
        command
    }

    /// Runs the program, keeping each rank's lines apart.
    ///
    /// The launcher is asked to name the rank in front of each line; the names are taken
    /// off again. A line without one came from the launcher itself.
    pub fn run(&self) -> Result<Run> {
        self.run_while(|_| true)
    }

    /// The same, but only as long as `go_on` says so; it is given how many bytes were
    /// printed.
    pub fn run_while(&self, mut go_on: impl FnMut(usize) -> bool) -> Result<Run> {
        let tagging = Tagging::of(self.mpi, &self.launcher);
        let printed = Cell::new(0);
        let outcome = supervise_while(
            self.command(tagging.options),
            self.limit,
            |line| printed.set(printed.get() + line.text.len() + 1),
            || go_on(printed.get()),
        )?;
        let mut run = Run {
            ended: self.ended(&outcome),
            out: vec![String::new(); self.ranks],
            err: vec![String::new(); self.ranks],
            stdout: String::new(),
            launcher_said: String::new(),
            left_behind: outcome.left_behind,
        };
        for line in outcome.lines {
            let Some((rank, stream, text)) = tagging.split(&line.text, line.stream) else {
                let _ = writeln!(run.launcher_said, "{}", line.text);
                continue;
            };
            let of_rank = match stream {
                Stream::Out => &mut run.out[rank],
                Stream::Err => &mut run.err[rank],
            };
            let _ = writeln!(of_rank, "{text}");
            if stream == Stream::Out {
                let _ = writeln!(run.stdout, "{text}");
            }
        }
        Ok(run)
    }

    /// How the run ended, which is not always what the launcher's exit status says.
    ///
    /// When the only node of a job fails, no rank has an exit status, and Slurm's `srun` exits
    /// with 0 (seen with 22.05). It reports the failure on standard error.
    pub fn ended(&self, outcome: &Outcome) -> Ended {
        let reports = |it: &Line| it.text.starts_with("srun: error: Node failure on ");
        let node_failed = self.launcher == "srun" && outcome.lines.iter().any(reports);
        match outcome.ended {
            Ended::Exit(0) if node_failed => Ended::Exit(1),
            ended => ended,
        }
    }
}

impl Run {
    /// All that is known of the run, for the message of a test that fails.
    pub fn report(&self) -> String {
        let mut report = format!("the run ended with: {}\n", self.ended);
        for (rank, (out, err)) in self.out.iter().zip(&self.err).enumerate() {
            for (what, text) in [("printed", out), ("complained", err)] {
                if text.is_empty() {
                    continue;
                }
                let _ = writeln!(report, "rank {rank} {what}:");
                for line in text.lines() {
                    let _ = writeln!(report, "    {line}");
                }
            }
            if out.is_empty() && err.is_empty() {
                let _ = writeln!(report, "rank {rank} printed nothing");
            }
        }
        if !self.launcher_said.trim().is_empty() {
            let _ = writeln!(report, "the launcher said:\n{}", self.launcher_said);
        }
        report
    }

    /// What all ranks wrote on standard error, without the launcher's own words.
    pub fn complaints(&self) -> String {
        launcher_output::without(self.err.concat().lines()).join("\n")
    }
}

/// A number of ranks, as somebody types it.
///
/// # Errors
/// If it is none, or one that no machine of a reader's starts.
pub fn ranks(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(ranks @ 1..=1024) => Ok(ranks),
        _ => Err(format!("the number of ranks is 1 to 1024, not `{text}`")),
    }
}

/// How a launcher names the rank in front of a line.
struct Tagging {
    options: &'static [&'static str],
    pattern: Regex,
}

impl Tagging {
    fn of(mpi: Mpi, launcher: &str) -> Tagging {
        let (options, pattern): (&[&str], &str) = match mpi {
            // 2: text, with blanks in front where there are ten ranks or more
            _ if launcher == "srun" => (&["--label"], r"^ *(\d+):()(?: (.*))?$"),
            // [1,2]<stdout>:text
            Mpi::OpenMpi if !is_open_mpi_5(launcher) => {
                (&["--tag-output"], r"^\[\d+,(\d+)\]<std(out|err)>:(.*)$")
            }
            // [1,2]<stdout>: text, or [prterun-host-123@1,2]<stdout>: text
            Mpi::OpenMpi => (
                &["--output", "tag"],
                r"^\[[^\]]*,(\d+)\]<std(out|err)>:(?: (.*))?$",
            ),
            // [2] text
            Mpi::Mpich => (&["-prepend-rank"], r"^\[(\d+)\]()(?: (.*))?$"),
        };
        Tagging {
            options,
            pattern: Regex::new(pattern).expect("the pattern is valid"),
        }
    }

    fn split<'a>(&self, line: &'a str, stream: Stream) -> Option<(usize, Stream, &'a str)> {
        let parts = self.pattern.captures(line)?;
        let rank = parts[1].parse().ok()?;
        let stream = match &parts[2] {
            "out" => Stream::Out,
            "err" => Stream::Err,
            _ => stream,
        };
        let text = parts.get(3).map_or("", |it| it.as_str());
        Some((rank, stream, text))
    }
}

/// Open MPI 5 replaced its launcher (by PRRTE), and with it the options.
fn is_open_mpi_5(launcher: &str) -> bool {
    let says = output_of(launcher, &["--version"]).unwrap_or_default();
    Regex::new(r"(Open MPI|PRRTE)\)? (\d+)")
        .expect("the pattern is valid")
        .captures(&says)
        .is_some_and(|it| &it[1] == "PRRTE" || it[2].parse::<u32>().is_ok_and(|it| it >= 5))
}
