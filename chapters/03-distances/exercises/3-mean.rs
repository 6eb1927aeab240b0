//! Exercise 3.3: one mean of all ranks' rows.
//!
//! `heights.hdf5` holds a dataset `heights`: numbers, one a row. Wanted is their mean, as the
//! attribute `mean` of `heights`, an `f64`.
//!
//! Each rank reads its own rows. In the program below each rank then writes the mean of *its*
//! rows, and the file keeps one of those means. Let all ranks write the one right number: an
//! attribute is metadata, and that is changed by all ranks, alike.
//!
//! Checked are the attribute, and which rows each rank read.
//! `make exercise-3-3` checks, `make hint-3-3` helps.

use std::process::ExitCode;

use mpi::collective::SystemOperation;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{Transfer, read_rows, rows_of};

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("heights.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        let heights = file.dataset("heights")?;
        let rows = heights.shape()[0];

        let mine = rows_of(world.rank(), world.size(), rows);
        let my_heights: Array1<f64> = read_rows(&heights, mine, Transfer::Independent)?;

        // An attribute is a handle too. What is made in here is dropped in here, before the
        // file is closed.
        {
            // YOUR PART BEGINS
            let mean = my_heights.sum() / my_heights.len() as f64;
            let attribute = heights.new_attr::<f64>().create("mean")?;
            attribute.write_scalar(&mean)?;
            // YOUR PART ENDS
        }

        drop(heights);
        file.close()?;
        Ok(())
    })
}
