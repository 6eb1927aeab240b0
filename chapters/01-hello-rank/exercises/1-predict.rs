//! Exercise 1.1: predict, then run.
//!
//! Read `program`. How many lines will it print, and what will be on the last of them? Do
//! not run it yet: write down what you think, as the three functions below. Your answers are
//! compared with what really happens.
//!
//! Checked, on 1, 2, 3, 4 and 7 ranks: your three predictions, against the lines that the
//! ranks printed. `make exercise-1-1` checks it, `make hint-1-1` gives a hint.

use std::process::ExitCode;

use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        program(world);
        say_predictions(world);
        Ok(())
    })
}

/// All ranks run this. Leave it as it is.
fn program(world: &SimpleCommunicator) {
    let (rank, size) = (world.rank(), world.size());
    println!("I am rank {rank}");
    if size > 1 {
        println!("I am not alone");
    }
    for other in 0..rank {
        println!("rank {other} comes before me");
    }

    let mine = 10 * (rank + 1);
    let root = world.process_at_rank(0);
    if rank == 0 {
        let mut all = vec![0; size as usize];
        root.gather_into_root(&mine, &mut all[..]);
        println!("the sum is {}", all.iter().sum::<i32>());
    } else {
        root.gather_into(&mine);
    }
}

// YOUR PART BEGINS
/// How many lines one rank prints.
fn lines_of(rank: i32, size: i32) -> i32 {
    1
}

/// How many lines all `size` ranks print together.
fn lines_in_total(size: i32) -> i32 {
    size
}

/// The number behind "the sum is".
fn sum(size: i32) -> i32 {
    10 * size
}
// YOUR PART ENDS

/// Rank 0 tells what you predicted. Leave it as it is.
fn say_predictions(world: &SimpleCommunicator) {
    if world.rank() != 0 {
        return;
    }
    let size = world.size();
    for rank in 0..size {
        println!(
            "predicted: rank {rank} prints {} lines",
            lines_of(rank, size)
        );
    }
    println!("predicted: {} lines in total", lines_in_total(size));
    println!("predicted: the sum is {}", sum(size));
}
