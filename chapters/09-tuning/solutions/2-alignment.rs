//! Exercise 9.2: begin where the file system does.
//!
//! The file system of this exercise hands out a file in blocks of 64 KiB, and locks it block
//! by block. Three large datasets are to be written, of 64 KiB and more, and three small ones.
//! Each large one is to begin at a multiple of 64 KiB in `aligned.hdf5`, so that the ranks
//! that write it do not meet those of another. The small ones are to lie close together: they
//! must not cost 64 KiB each.
//!
//! The program below leaves it to HDF5 where they begin. Set the option when the file is
//! created.
//!
//! Checked is where each dataset begins, how long the file is, and what the datasets hold.
//! `make exercise-9-2` checks, `make hint-9-2` helps.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{FileOptions, Transfer, create_dataset, rows_of, write_rows};

const SMALL: usize = 100;
const LARGE: [usize; 3] = [8192, 10_001, 20_000];

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("aligned.hdf5");
        // YOUR PART BEGINS
        //~ let options = FileOptions::new();
        // What is as large as a block, or larger, begins with a block; on all ranks, since
        // each of them works out where a dataset will lie.
        let options = FileOptions::new().alignment(64 << 10, 64 << 10);
        // YOUR PART ENDS
        let file = options.create(path, world)?;

        for (number, large) in LARGE.into_iter().enumerate() {
            for (name, extent) in [("small", SMALL), ("large", large)] {
                let name = format!("{name}-{number}");
                let dataset = create_dataset::<i64>(&file, &name, extent)?;
                let rows = rows_of(world.rank(), world.size(), extent);
                let first = (1000 * number + rows.start) as i64;
                let mine = Array1::from_iter((first..).take(rows.len()));
                write_rows(&dataset, rows, mine.view(), Transfer::Independent)?;
            }
        }
        Ok(())
    })
}
