//! `teacher`: a teacher's command.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use launch::{Mpi, ranks, supervise};
use teacher::{classroom, grade};
use workbook::find_root;

/// Marks what a class has handed in, and makes its repository.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check what many people have handed in, each in a sandbox, and print a table of marks.
    Grade(Grade),
    /// Make a repository for a class: the workbook without solutions, and workflows that check
    /// the exercises.
    Classroom(Classroom),
    /// Part of the grading: makes a sandbox, and runs a program in it.
    #[command(hide = true, name = sandbox::SUBCOMMAND)]
    Sandbox {
        spec: String,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

#[derive(Args)]
struct Grade {
    /// A submission (a copy or clone of the workbook, or only its answers), or a folder of
    /// submissions.
    #[arg(required = true)]
    folders: Vec<PathBuf>,
    /// Only this exercise, or chapter; may be given several times.
    #[arg(long = "exercise", value_name = "EXERCISE")]
    exercises: Vec<String>,
    /// Which MPI: openmpi or mpich.
    #[arg(long, env = "MPI", default_value = "openmpi")]
    mpi: Mpi,
    /// The folder of another HDF5, with include and lib.
    #[arg(long)]
    hdf5: Option<PathBuf>,
    /// Only with these numbers of ranks: 1,3,7.
    #[arg(long, env = "NP", value_delimiter = ',', value_parser = ranks)]
    ranks: Vec<usize>,
    /// The seed of the input, to have that of an earlier check again.
    #[arg(long, env = "SEED")]
    seed: Option<u64>,
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

impl Grade {
    fn run(self, root: &Path) -> Result<bool> {
        let request = grade::Request {
            folders: self.folders,
            exercises: self.exercises,
            mpi: self.mpi,
            hdf5: self.hdf5,
            ranks: self.ranks,
            seed: self.seed,
            jobs: self.jobs,
            isolation: self.isolation,
            again: self.again,
            json: self.json,
            csv: self.csv,
            junit: self.junit,
            texts: self.texts,
        };
        grade::grade(root, &request)
    }
}

#[derive(Args)]
struct Classroom {
    /// The folder to make.
    folder: PathBuf,
    /// For GitHub Classroom: an exercise counts so many points.
    #[arg(long, value_name = "NUMBER")]
    points: Option<u32>,
}

impl Classroom {
    fn run(self, root: &Path) -> Result<bool> {
        classroom::make(root, &self.folder, self.points)?;
        let folder = self.folder.display();
        println!(
            "The class repository is in {folder}. Look at it, then hand it to git:\n  \
             cd {folder} && git init --initial-branch=main && git add --all && git commit \
             --message='The workbook'"
        );
        Ok(true)
    }
}

fn jobs(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(jobs @ 1..=256) => Ok(jobs),
        _ => Err(format!("the number of jobs is 1 to 256, not `{text}`")),
    }
}

fn run(command: Command) -> Result<u8> {
    supervise::catch_interrupts()?;
    let held = match command {
        Command::Sandbox { spec, command } => {
            return Ok(sandbox::enter(&spec, &command) as u8);
        }
        Command::Grade(args) => args.run(&find_root()?)?,
        Command::Classroom(args) => args.run(&find_root()?)?,
    };
    Ok(u8::from(!held))
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("teacher: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_makes_sense() {
        Cli::command().debug_assert();
    }
}
