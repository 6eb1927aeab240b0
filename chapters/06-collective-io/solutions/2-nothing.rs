//! Exercise 6.2: nothing to write.
//!
//! `heights.hdf5` holds a dataset `heights`, cut into blocks of `BLOCK` rows; the last one may be
//! shorter. Each rank has whole blocks. `chunked_rows_of` says which rows: where there are fewer
//! blocks than ranks, the last ranks have none. Each rank subtracts from its rows their mean,
//! and writes what is left into `flat`.
//!
//! The program below transfers independently. Make all its transfers collective, the reads and
//! the writes, on any number of ranks.
//!
//! Checked are all numbers, which rows each rank read and wrote, and that all transfers are
//! collective.
//! `make exercise-6-2` checks, `make hint-6-2` helps.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{Transfer, chunked_rows_of, create_dataset, read_rows, write_rows};

/// How many rows a block has.
const BLOCK: usize = 100;

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("heights.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        let heights = file.dataset("heights")?;
        let rows = heights.shape()[0];
        let flat = create_dataset::<f64>(&file, "flat", rows)?;
        let mine = chunked_rows_of(world.rank(), world.size(), rows, BLOCK);

        // YOUR PART BEGINS
        //~ if !mine.is_empty() {
        //~     let mut numbers: Array1<f64> =
        //~         read_rows(&heights, mine.clone(), Transfer::Independent)?;
        //~     let mean = numbers.mean().ok_or("no rows have no mean")?;
        //~     numbers -= mean;
        //~     write_rows(&flat, mine, numbers.view(), Transfer::Independent)?;
        //~ }
        // Every rank comes by both calls. One without rows reads an empty array, and writes it.
        let mut numbers: Array1<f64> =
            read_rows(&heights, mine.clone(), Transfer::Collective)?;
        // No rows have no mean: `mean` gives `None`, and there is nothing to subtract it from.
        if let Some(mean) = numbers.mean() {
            numbers -= mean;
        }
        write_rows(&flat, mine, numbers.view(), Transfer::Collective)?;
        // YOUR PART ENDS

        drop((heights, flat));
        file.close()?;
        Ok(())
    })
}
