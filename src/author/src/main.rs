//! `author`: the command of those who write the workbook.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use author::{bench, book, dist, exercises, figures, picture, scaling, session, suite};
use clap::{Args, Parser, Subcommand};
use launch::cargo::{Chatter, cargo};
use launch::{Mpi, Toolchain, cargo_config, supervise};
use workbook::chapter::Chapter;
use workbook::find_root;

/// Makes the book, and all in it that comes from runs; checks the exercises.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all tests: `cargo test` with this MPI, in its own target folder; the examples of
    /// the documentation on three ranks.
    Test {
        /// Which MPI: openmpi or mpich.
        #[arg(long, env = "MPI", default_value = "openmpi")]
        mpi: Mpi,
        /// The folder of another HDF5, with include and lib.
        #[arg(long)]
        hdf5: Option<PathBuf>,
        /// More arguments for `cargo test`.
        #[arg(last = true)]
        args: Vec<String>,
    },
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
    /// Write the starters anew, from the solutions.
    Starters,
    /// Make the book.
    #[command(subcommand)]
    Book(Book),
    /// Run every transcript of the book again, and write those anew that no longer hold.
    Bless(Which),
    /// Draw the book's pictures of real runs again, and write those anew that no longer hold.
    Pictures(Which),
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
    /// Make a release of the last commit: the sources and the built book, in target/dist.
    Dist {
        /// Write it into this folder.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
}

/// What is made anew.
#[derive(Args)]
struct Which {
    /// Only that of this chapter: its number or name.
    chapter: Option<String>,
    /// Which MPI: openmpi or mpich.
    #[arg(long, env = "MPI", default_value = "openmpi")]
    mpi: Mpi,
}

impl Which {
    /// The chapter that is meant, and the toolchain with which all is built.
    fn find(self, root: &Path) -> Result<(Option<Chapter>, Toolchain)> {
        let only = self
            .chapter
            .map(|it| Chapter::find(root, &it))
            .transpose()?;
        let toolchain = Toolchain::find(self.mpi, root, None)?;
        cargo_config::write(root)?;
        Ok((only, toolchain))
    }
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
    Preprocess { supports: Vec<String> },
}

impl Book {
    fn run(self, root: &Path) -> Result<bool> {
        match self {
            Book::Build => {
                let page = book::build(root)?;
                println!("{}", page.strip_prefix(root).unwrap_or(&page).display());
            }
            Book::Serve { port } => book::serve(root, port)?,
            // mdBook asks first whether we want to see pages for HTML: yes.
            Book::Preprocess { supports } if supports.is_empty() => {
                book::preprocess(root, std::io::stdin(), std::io::stdout())?;
            }
            Book::Preprocess { .. } => {}
        }
        Ok(true)
    }
}

impl Command {
    fn run(self, root: &Path) -> Result<bool> {
        match self {
            Command::Test { mpi, hdf5, args } => {
                let toolchain = Toolchain::find(mpi, root, hdf5.as_deref())?;
                suite::run(root, &toolchain, &args)
            }
            Command::Check {
                exercise,
                mpi,
                hdf5,
                in_turn,
            } => {
                let mpis = mpi.map_or(Mpi::ALL.to_vec(), |it| vec![it]);
                exercises::check(root, &mpis, hdf5.as_deref(), exercise.as_deref(), in_turn)
            }
            Command::Starters => exercises::starters(root),
            Command::Book(book) => book.run(root),
            Command::Bless(which) => {
                let (only, toolchain) = which.find(root)?;
                let built = cargo(root, &toolchain, "build", &[], Chatter::OnTerminal)?;
                if !built || !session::bless(root, &toolchain, only.as_ref())? {
                    return Ok(false);
                }
                picture::bless(root, &toolchain, only.as_ref())?;
                Ok(true)
            }
            Command::Pictures(which) => {
                let (only, toolchain) = which.find(root)?;
                let built =
                    cargo(root, &toolchain, "build", &["--bins"], Chatter::OnTerminal)?;
                if built {
                    picture::bless(root, &toolchain, only.as_ref())?;
                }
                Ok(built)
            }
            Command::Figures {
                chapter,
                args,
                file,
            } => {
                let chapter = Chapter::find(root, &chapter)?;
                let more = shell_words::split(&args.unwrap_or_default())?;
                if chapter.name == scaling::CHAPTER {
                    return scaling::make(root, &chapter, &more);
                }
                figures::make(root, &chapter, &more, file.as_deref())
            }
            Command::Bench {
                out: Some(out),
                runs,
                ..
            } if !runs.is_empty() => bench::render(&runs, &out).map(|()| true),
            Command::Bench {
                size, rounds, out, ..
            } => {
                let rounds = rounds.map(|it| it as usize);
                bench::run(root, &bench::Request { size, rounds, out })
            }
            Command::Dist { out } => {
                let file = dist::dist(root, out.as_deref())?;
                println!("{}", file.strip_prefix(root).unwrap_or(&file).display());
                Ok(true)
            }
        }
    }
}

fn main() -> ExitCode {
    let run = || {
        supervise::catch_interrupts()?;
        Cli::parse().command.run(&find_root()?)
    };
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("author: {error:#}");
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
