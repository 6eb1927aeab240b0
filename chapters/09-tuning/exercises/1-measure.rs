//! Exercise 9.1: measure right.
//!
//! In each of three rounds each rank reads its rows of `input`, computes, and writes its rows
//! of `x`. The last rank has many more rows than the others. How long do the ranks take
//! together to write `x`? The program says in `own[round, rank]` how long each rank took, and
//! in `seconds[round]` how long the round took.
//!
//! The program below believes rank 0, and begins while others are still computing. Make it
//! measure the write of `x`, and nothing else: from when all ranks are ready until the last
//! has written. `slowest` is to be that time, on rank 0 at least.
//!
//! Checked is what each rank calls before, between and after its two looks at MPI's clock
//! (`mpi::time()`), and that `seconds` follows from `own`. How long it takes is not.
//! `make exercise-9-1` checks, `make hint-9-1` helps.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::{Array1, Array2, arr2};
use parallel_hdf5::{Transfer, create_dataset, read_rows, write_rows};

const ROUNDS: usize = 3;

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("measure.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        let input = file.dataset("input")?;
        let x = create_dataset::<i64>(&file, "x", input.shape())?;
        let own_times = create_dataset::<f64>(&file, "own", (ROUNDS, size))?;
        let seconds = create_dataset::<f64>(&file, "seconds", ROUNDS)?;
        let rows = rows_of_rank(rank, size, input.shape()[0]);

        for round in 0..ROUNDS {
            let mut mine: Array1<i64> =
                read_rows(&input, rows.clone(), Transfer::Independent)?;
            mine += round as i64;

            // YOUR PART BEGINS
            let start = mpi::time();
            write_rows(&x, rows.clone(), mine.view(), Transfer::Independent)?;
            let own = mpi::time() - start;
            let slowest = own;
            // YOUR PART ENDS

            write_own(&own_times, round, rank, own)?;
            if rank == 0 {
                let slowest = Array1::from_elem(1, slowest);
                write_rows(
                    &seconds,
                    round..round + 1,
                    slowest.view(),
                    Transfer::Independent,
                )?;
            }
        }
        Ok(())
    })
}

/// The last rank has half of the rows; the others share the rest.
fn rows_of_rank(rank: usize, size: usize, total: usize) -> std::ops::Range<usize> {
    let few = total / 2 / size;
    match rank + 1 == size {
        true => rank * few..total,
        false => rank * few..(rank + 1) * few,
    }
}

/// Writes the time of one rank in one round.
fn write_own(
    own_times: &hdf5::Dataset,
    round: usize,
    rank: usize,
    own: f64,
) -> parallel_hdf5::Result<()> {
    let slab = parallel_hdf5::Slab::of(own_times)
        .along(0, round..round + 1)
        .along(1, rank..rank + 1);
    let own: Array2<f64> = arr2(&[[own]]);
    parallel_hdf5::write_slab(own_times, &slab, own.view(), Transfer::Independent)?;
    Ok(())
}
