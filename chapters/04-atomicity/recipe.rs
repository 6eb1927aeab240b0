//! How to pass data from one rank to another so that it arrives.

use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{Result, Transfer, agree, create_dataset, read_rows, write_rows};

const NUMBERS: usize = 1 << 20;

/// Through the file, without atomic mode: flush, barrier, flush.
pub fn through_the_file(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("recipe.hdf5");
    let file = agree(world, parallel_hdf5::create(&path, world))?;
    let dataset = agree(world, create_dataset::<i32>(&file, "x", NUMBERS))?;
    let mut wrong = 0;
    for k in 1..=100 {
        // ANCHOR: recipe
        let written = match world.rank() {
            0 => write_rows(
                &dataset,
                0..NUMBERS,
                numbers(k).view(),
                Transfer::Independent,
            ),
            _ => Ok(()),
        };
        written?; // if it fails, the guard ends all ranks

        file.flush()?; // collective: what rank 0 wrote goes to the file ...
        world.barrier(); // ... before anybody goes on ...
        file.flush()?; // ... and nobody reads what was there before

        if world.rank() == 1 {
            let read: Array1<i32> = read_rows(&dataset, 0..NUMBERS, Transfer::Independent)?;
            wrong += u32::from(read != numbers(k));
        }

        world.barrier(); // rank 0 writes again only when rank 1 has read
        // ANCHOR_END: recipe
    }
    report("through the file", wrong, world);
    drop(dataset);
    agree(world, file.close())?;
    Ok(())
}

/// By MPI: the numbers never touch the file.
pub fn by_message(world: &SimpleCommunicator) -> Result<()> {
    let mut wrong = 0;
    for k in 1..=100 {
        // ANCHOR: message
        if world.rank() == 0 && world.size() > 1 {
            world.process_at_rank(1).send(&numbers(k).to_vec());
        }
        if world.rank() == 1 {
            let (read, _status) = world.process_at_rank(0).receive_vec::<i32>();
            wrong += u32::from(read != numbers(k).to_vec());
        }
        // ANCHOR_END: message
    }
    report("by message", wrong, world);
    Ok(())
}

fn numbers(k: i32) -> Array1<i32> {
    Array1::from_elem(NUMBERS, k)
}

fn report(how: &str, wrong: u32, world: &SimpleCommunicator) {
    if world.size() == 1 {
        println!("{how}: there is no rank 1 to read");
    } else if world.rank() == 1 {
        println!("{how}: rank 1 read 100 times, {wrong} of them wrong");
    }
}
