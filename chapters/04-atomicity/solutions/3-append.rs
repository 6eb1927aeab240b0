//! Exercise 4.3: append together.
//!
//! `log.hdf5` is to hold a dataset `log` that grows. `arrivals[round, rank]` says how many rows
//! a rank has to add in a round; that may be none, and is known to this rank only. In `log` the
//! rows of a round stand behind those of the round before, and in a round those of rank 0 come
//! first, then those of rank 1, and so on; without a gap.
//!
//! In the program below all ranks write to the same place. Put each rank's rows in their own.
//!
//! Checked are the rows of `log`, which of them each rank wrote, and that each rank reads only
//! its own column of `arrivals`.
//! `make exercise-4-3` checks, `make hint-4-3` helps.

use std::process::ExitCode;

use mpi::collective::SystemOperation;
use mpi::traits::*;
use ndarray::{Array1, Array2, s};
use parallel_hdf5::{Transfer, agree, write_rows};

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("log.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        let arrivals = file.dataset("arrivals")?;
        let rounds = arrivals.shape()[0];
        let rank = world.rank() as usize;
        // No rows yet, and as many as will come; three numbers in each.
        let log = file
            .new_dataset::<i64>()
            .chunk((8, 3))
            .shape((0.., 3))
            .create("log")?;

        for round in 0..rounds {
            let count: Array1<i64> = arrivals.read_slice(s![round, rank..rank + 1])?;
            let count = count[0] as usize;
            let rows = Array2::from_shape_fn((count, 3), |(i, column)| {
                [round, rank, i][column] as i64
            });

            // YOUR PART BEGINS
            //~ let end = log.shape()[0];
            //~ let mut arrived = 0;
            //~ world.all_reduce_into(&count, &mut arrived, SystemOperation::sum());
            //~ log.resize((end + arrived, 3))?;
            //~ let mine = end..end + count;
            //~ let written = write_rows(&log, mine, rows.view(), Transfer::Independent);
            //~ agree(world, written)?;
            let end = log.shape()[0];

            // The new end is the same for all, and all move it there: a shape is metadata.
            let mut arrived = 0;
            world.all_reduce_into(&count, &mut arrived, SystemOperation::sum());
            log.resize((end + arrived, 3))?;

            // This rank's rows come after those of the ranks before it. MPI leaves open what
            // rank 0 gets, which has none before it.
            let mut before = 0;
            world.exclusive_scan_into(&count, &mut before, SystemOperation::sum());
            if rank == 0 {
                before = 0;
            }
            let mine = end + before..end + before + count;
            let written = write_rows(&log, mine, rows.view(), Transfer::Independent);
            // Should it fail on one rank, all leave the loop.
            agree(world, written)?;
            // YOUR PART ENDS
        }
        Ok(())
    })
}
