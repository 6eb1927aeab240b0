//! Chapter 9: what makes parallel I/O faster, and what only looks as if it did.

mod cache;
mod cases;
mod clocks;
mod measure;
mod metadata;
#[path = "../06-collective-io/os_calls.rs"]
mod os_calls;
mod report;
mod transfer;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::{Result, agree};

/// Measures ways to write and to read one file, and compares them.
#[derive(Parser)]
#[command(args_override_self = true)]
pub struct Args {
    /// The comparisons to make, by name, separated by commas; all of them with `all`.
    #[arg(long, value_name = "NAMES", default_value = "methods,calls")]
    table: String,
    /// How often each case is measured.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How much a rank writes, in KiB, where much is written.
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(8..))]
    kib: u32,
    /// The order of the cases in each round is drawn from this number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write all times, and what was measured where, to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Say which hints are in effect, of some that are asked for.
    #[arg(long)]
    hints: bool,
    /// Count how often each rank reads to open many groups, with and without collective
    /// metadata.
    #[arg(long)]
    metadata_reads: bool,
    /// Say which cases there are, and measure none.
    #[arg(long)]
    list: bool,
}

// ANCHOR: main
fn main() -> ExitCode {
    // Subfiling works with threads, and MPI wants to know before it starts.
    match std::env::args().any(|arg| arg.contains("subfiling")) {
        true => parallel_hdf5::run_threaded_with(start),
        false => parallel_hdf5::run_with(start),
    }
}

fn start(world: &SimpleCommunicator, args: Args) -> Result<()> {
    match args {
        Args { list: true, .. } => report::list(world),
        Args { hints: true, .. } => transfer::hints_in_effect(world),
        Args {
            metadata_reads: true,
            ..
        } => metadata::count_reads(world),
        args => compare(world, &args),
    }
}

fn compare(world: &SimpleCommunicator, args: &Args) -> Result<()> {
    let tables = agree(world, cases::chosen(&args.table))?;
    let mut results = Vec::new();
    for table in tables {
        let cases = (table.cases)(args.kib as usize * 1024);
        results.push(measure::in_rounds(
            world,
            table,
            cases,
            args.rounds,
            args.seed,
        )?);
    }
    if world.rank() == 0 {
        report::print(&results);
    }
    report::save(world, args, &results)
}
// ANCHOR_END: main
