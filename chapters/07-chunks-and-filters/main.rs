//! Chapter 7: a dataset in chunks, compressed, written by all ranks together; and what that
//! does to its space, its unwritten parts, and what is read back.

mod again;
mod append;
mod args;
mod compare;
mod heights;
mod report;
mod space;
mod unwritten;

use std::process::ExitCode;

use args::Args;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::{
    DatasetOptions, Result, Slab, Transfer, agree, chunked_rows_of, rows_of, write_slab,
};

// ANCHOR: main
fn main() -> ExitCode {
    parallel_hdf5::run_with(|world, args: Args| match args {
        Args { append: true, .. } => append::steps(world),
        Args { space: true, .. } => space::table(world),
        Args {
            unwritten: true, ..
        } => unwritten::table(world),
        Args { gap: true, .. } => unwritten::gap(world),
        Args { again: true, .. } => again::read_twice(world),
        Args {
            compare: Some(rounds),
            ..
        } => compare::layouts(world, rounds),
        _ => compressed(world, &args),
    })
}
// ANCHOR_END: main

const ROWS: usize = 1000;
const COLUMNS: usize = 64;
/// The rows of a chunk.
const CHUNK: usize = 64;

fn compressed(world: &SimpleCommunicator, args: &Args) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("heights.hdf5");
    let file = parallel_hdf5::create(path, world)?;
    // ANCHOR: create
    let dataset = DatasetOptions::new()
        .chunks(&[CHUNK, COLUMNS])
        .shuffle()
        .deflate(6)
        .create::<i32>(&file, "heights", &[ROWS, COLUMNS])?;
    // ANCHOR_END: create

    // ANCHOR: mine
    let mut mine = chunked_rows_of(world.rank(), world.size(), ROWS, CHUNK);
    let mut transfer = Transfer::Collective;
    // ANCHOR_END: mine
    if args.slabs {
        mine = rows_of(world.rank(), world.size(), ROWS);
    }
    if args.independent {
        transfer = Transfer::Independent;
    }
    // ANCHOR: write
    let heights = heights::of(mine.clone(), COLUMNS);
    let slab = Slab::of(&dataset).along(0, mine.clone());
    let written = write_slab(&dataset, &slab, heights.view(), transfer);
    let what_happened = agree(world, written)?;
    // ANCHOR_END: write

    report::rows_and_chunks(world, &mine, ROWS, CHUNK);
    report::sizes(world, &dataset, &what_happened);
    drop(dataset);
    agree(world, file.close())?;
    Ok(())
}
