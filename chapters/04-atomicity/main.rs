//! Chapter 4: what another rank sees of a write, in atomic mode and without it.

mod recipe;
mod torn;

use std::process::ExitCode;

use clap::Parser;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{Array1, arr1};
use parallel_hdf5::{
    Result, Transfer, create_dataset, read_rows, set_atomic_mode, write_rows,
};

/// Shows what one rank sees of what another writes.
#[derive(Parser)]
struct Args {
    /// Count torn reads, with atomic mode off and on: so many reads each.
    #[arg(long, value_name = "READS", num_args = 0..=1, default_missing_value = "200")]
    torn_reads: Option<usize>,
    /// Pass data through the file: flush, barrier, flush.
    #[arg(long)]
    recipe: bool,
    /// Pass data by a message instead.
    #[arg(long)]
    message: bool,
}

// ANCHOR: main
fn main() -> ExitCode {
    parallel_hdf5::run_with(|world, args: Args| match args {
        Args {
            torn_reads: Some(reads),
            ..
        } => torn::count(world, reads),
        Args { recipe: true, .. } => recipe::through_the_file(world),
        Args { message: true, .. } => recipe::by_message(world),
        _ => write_then_read(world),
    })
}
// ANCHOR_END: main

fn write_then_read(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("atomic.hdf5");
    // ANCHOR: demo
    let file = parallel_hdf5::create(&path, world)?;
    set_atomic_mode(&file, true)?; // collective
    let number = create_dataset::<i32>(&file, "x", 1)?;

    if world.rank() == 0 {
        write_rows(&number, 0..1, arr1(&[42]).view(), Transfer::Independent)?;
    }

    world.barrier();

    if world.rank() == 1 {
        let read: Array1<i32> = read_rows(&number, 0..1, Transfer::Independent)?;
        println!("rank 1 reads {}", read[0]);
    }
    // ANCHOR_END: demo
    if world.size() == 1 {
        println!("there is no rank 1 to read: start two ranks or more");
    }
    drop(number);
    file.close()?;
    Ok(())
}
