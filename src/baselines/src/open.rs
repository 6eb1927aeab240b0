//! An MPI program that only opens the file: what every program needs in memory.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mpi::traits::*;
use parallel_hdf5::{Clock, agree};

/// Opens a file on all ranks, and closes it.
#[derive(Parser)]
struct Args {
    /// The file.
    file: PathBuf,
}

fn main() -> ExitCode {
    parallel_hdf5::run_with(|world, args: Args| {
        let mut clock = Clock::start(world);
        let file = agree(world, parallel_hdf5::open(&args.file, world))?;
        clock.lap("open");
        agree(world, file.close())?;
        clock.lap("close");
        if world.rank() == 0 {
            println!("{clock}");
        }
        Ok(())
    })
}
