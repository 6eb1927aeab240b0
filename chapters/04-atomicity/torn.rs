//! Counts torn reads: one rank writes a dataset over and over, each time filled with one
//! number; another reads it all the time. A read that holds two numbers is torn.

use hdf5::{Dataset, File};
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::about::{mpi_io_library, mpi_library};
use parallel_hdf5::{
    Result, Transfer, agree, create_dataset, read_rows, set_atomic_mode, write_rows,
};

/// 4 MiB: large enough that a write takes a while.
const ELEMENTS: usize = 1 << 20;

/// So often the experiment without atomic mode is tried, if it sees nothing.
const ATTEMPTS: usize = 5;

/// What the reader saw.
#[derive(Clone, Copy, Default)]
struct Seen {
    reads: usize,
    torn: usize,
}

/// Counts torn reads without and with atomic mode, and prints a row of a table.
pub fn count(world: &SimpleCommunicator, reads: usize) -> Result<()> {
    if world.size() < 2 {
        println!("the experiment needs two ranks or more: one writes, one reads");
        return Ok(());
    }
    let path = parallel_hdf5::data_folder()?.join("torn-reads.hdf5");
    // ANCHOR: count
    let file = agree(world, parallel_hdf5::create(&path, world))?;
    let dataset = agree(world, create_dataset::<i32>(&file, "x", ELEMENTS))?;

    agree(world, set_atomic_mode(&file, false))?;
    let mut off = Seen::default();
    for _ in 0..ATTEMPTS {
        let seen = write_and_read(&dataset, reads, world)?;
        off = Seen {
            reads: off.reads + seen.reads,
            torn: off.torn + seen.torn,
        };
        if off.torn > 0 {
            break;
        }
    }

    agree(world, set_atomic_mode(&file, true))?;
    let on = write_and_read(&dataset, reads, world)?;
    // ANCHOR_END: count
    report(&file, off, on, world)?;
    drop(dataset);
    agree(world, file.close())?;
    Ok(())
}

/// Rank 0 writes until rank 1 has read `reads` times. All ranks return what rank 1 saw.
/// Collective over `world`.
// ANCHOR: write_and_read
fn write_and_read(
    dataset: &Dataset,
    reads: usize,
    world: &SimpleCommunicator,
) -> Result<Seen> {
    const DONE: i32 = 1;
    let mut torn = 0;
    world.barrier();
    let outcome = match world.rank() {
        0 => write_until(dataset, || {
            world
                .process_at_rank(1)
                .immediate_probe_with_tag(DONE)
                .is_some()
        }),
        1 => {
            let outcome = count_torn(dataset, reads, &mut torn);
            world.process_at_rank(0).send_with_tag(&torn, DONE);
            outcome
        }
        _ => Ok(()), // the others have nothing to do
    };
    if world.rank() == 0 {
        (torn, _) = world.process_at_rank(1).receive_with_tag::<u64>(DONE);
    }
    // ANCHOR_END: write_and_read
    agree(world, outcome)?;
    world.process_at_rank(0).broadcast_into(&mut torn);
    Ok(Seen {
        reads,
        torn: torn as usize,
    })
}

// ANCHOR: write_until
fn write_until(dataset: &Dataset, done: impl Fn() -> bool) -> Result<()> {
    let mut k = 0;
    while !done() {
        k += 1;
        let all_k = Array1::from_elem(ELEMENTS, k);
        write_rows(dataset, 0..ELEMENTS, all_k.view(), Transfer::Independent)?;
    }
    Ok(())
}
// ANCHOR_END: write_until

// ANCHOR: count_torn
fn count_torn(dataset: &Dataset, reads: usize, torn: &mut u64) -> Result<()> {
    for _ in 0..reads {
        let read: Array1<i32> = read_rows(dataset, 0..ELEMENTS, Transfer::Independent)?;
        if read.iter().any(|it| *it != read[0]) {
            *torn += 1;
        }
    }
    Ok(())
}
// ANCHOR_END: count_torn

fn report(file: &File, off: Seen, on: Seen, world: &SimpleCommunicator) -> Result<()> {
    let library = agree(world, mpi_io_library(file))?; // collective
    let cell = |seen: Seen| match seen.torn {
        0 => format!("0 of {} torn", seen.reads),
        torn => format!("{torn} of {} torn", seen.reads),
    };
    let off = match off.torn {
        0 => format!("could not provoke (0 of {} torn)", off.reads),
        _ => cell(off),
    };
    if world.rank() == 0 {
        println!("| {library} in {} | {off} | {} |", mpi_library(), cell(on));
    }
    Ok(())
}
