//! Exercise 4.1: hand over, through the file.
//!
//! In each of three rounds rank 0 writes new numbers into the dataset `board`, and all ranks
//! read them and keep what they have read. In the end it is all written into `seen`.
//!
//! On your machine the program below may get it right now and then. Make it right on every
//! machine: each rank reads all of what rank 0 wrote in this round, and nothing of the next.
//! Do it without atomic mode.
//!
//! In the end the program prints, for each rank, the first and the last number that it saw in
//! each round. `make try-4-1` runs it once and shows this.
//!
//! Checked is what was read, but above all what each rank called between the writes and the
//! reads: luck does not count.
//! `make exercise-4-1` checks, `make hint-4-1` helps.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::{Array1, Array2};
use parallel_hdf5::{Transfer, create_dataset, print_in_order, read_rows, write_rows};

const ROUNDS: usize = 3;
const NUMBERS: usize = 1000;

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("handover.hdf5");
        let file = parallel_hdf5::create(path, world)?;
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        let board = create_dataset::<i64>(&file, "board", NUMBERS)?;
        let seen = create_dataset::<i64>(&file, "seen", (size * ROUNDS, NUMBERS))?;

        let mut kept = Array2::<i64>::zeros((ROUNDS, NUMBERS));
        for round in 0..ROUNDS {
            // YOUR PART BEGINS
            //~ if rank == 0 {
            //~     let new = numbers(round);
            //~     write_rows(&board, 0..NUMBERS, new.view(), Transfer::Independent)?;
            //~ }
            //~ let read: Array1<i64> = read_rows(&board, 0..NUMBERS, Transfer::Independent)?;
            if rank == 0 {
                let new = numbers(round);
                write_rows(&board, 0..NUMBERS, new.view(), Transfer::Independent)?;
            }

            // Each of the three on all ranks.
            file.flush()?; // what rank 0 has written and still keeps goes to the file;
            world.barrier(); // nobody goes on before that is done;
            file.flush()?; // what a reader remembers of the file is forgotten.

            let read: Array1<i64> = read_rows(&board, 0..NUMBERS, Transfer::Independent)?;

            // Rank 0 writes the next numbers only when everybody has read these.
            world.barrier();
            // YOUR PART ENDS
            kept.row_mut(round).assign(&read);
        }

        let mine = rank * ROUNDS..(rank + 1) * ROUNDS;
        write_rows(&seen, mine, kept.view(), Transfer::Independent)?;

        let ends = kept.rows().into_iter();
        let ends = ends.map(|row| format!("{}–{}", row[0], row[NUMBERS - 1]));
        let ends = ends.collect::<Vec<_>>().join(", ");
        print_in_order(world, &format!("rank {rank} saw {ends}"));
        Ok(())
    })
}

/// What rank 0 writes in this round: 1000, 1001, 1002, … in round 0; then 2000, 2001, …
fn numbers(round: usize) -> Array1<i64> {
    let first = 1000 * (round as i64 + 1);
    Array1::from_iter((first..).take(NUMBERS))
}
