//! Exercise 6.1: asked, and granted?
//!
//! `readings.hdf5` holds three datasets, `a`, `b` and `c`, of as many rows. Some are of `f64`,
//! some of `f32`; which ones is another matter each time. Each rank has computed its rows, as
//! `f64`, and writes them into all three.
//!
//! Write them collectively, so that HDF5 really does it: what goes into a dataset of `f32` you
//! convert before, with `mapv`. Then let rank 0 print for each dataset whether it was written
//! `collective` or `independent`: what was done, not what was asked for. In one of the trials,
//! whatever you do, HDF5 is kept from it by a variable of the environment. Then the program is
//! to say so.
//!
//! Checked are all numbers, which rows each rank wrote, what it asked for, what HDF5 did, and
//! what rank 0 says of it.
//! `make exercise-6-1` checks, `make hint-6-1` helps.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{Slab, Transfer, rows_of, write_slab};

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("readings.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        for name in ["a", "b", "c"] {
            let dataset = file.dataset(name)?;
            let rows = dataset.shape()[0];
            let mine = rows_of(world.rank(), world.size(), rows);
            let numbers: Array1<f64> = mine.clone().map(reading).collect();
            let slab = Slab::of(&dataset).along(0, mine);

            // YOUR PART BEGINS
            let transfer = Transfer::Independent;
            write_slab(&dataset, &slab, numbers.view(), transfer)?;
            let together = transfer == Transfer::Collective;
            // YOUR PART ENDS

            if world.rank() == 0 {
                let how = if together {
                    "collective"
                } else {
                    "independent"
                };
                println!("{name}: {how}");
            }
        }
        file.close()?;
        Ok(())
    })
}

/// What is in a row.
fn reading(row: usize) -> f64 {
    1.0 + row as f64 / 3.0
}
