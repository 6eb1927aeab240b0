//! Exercise 2.1: a group for each rank.
//!
//! Make `groups.hdf5` hold a group for each rank, `/rank-0`, `/rank-1` and so on, and in each
//! group a dataset `numbers` (of `u64`) with what `numbers_of` returns for that rank. Each
//! rank writes the numbers of its own group and no others.
//!
//! `create_dataset::<T>(where, name, shape)` is this workbook's: it makes a dataset of numbers
//! of the type `T`. All ranks call it, with the same name and shape.
//!
//! Checked, on 1, 2, 3, 4 and 7 ranks: the groups, the numbers and their type, and which rank
//! wrote what.
//! `make exercise-2-1` checks it, `make hint-2-1` gives a hint.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::create_dataset;

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("groups.hdf5");
        let file = parallel_hdf5::create(&path, world)?;

        // YOUR PART BEGINS
        // Each rank makes its own group. No rank gets an error, and yet ...
        let group = file.create_group(&format!("rank-{}", world.rank()))?;
        // ... and the dataset in it is still to come.
        drop(group);
        // YOUR PART ENDS

        file.close()?;
        Ok(())
    })
}

/// The numbers of a rank: three for rank 0, four for rank 1, and so on. Every rank can
/// compute those of all.
fn numbers_of(rank: i32) -> Array1<u64> {
    let rank = rank as u64;
    (0..3 + rank).map(|i| 100 * (rank + 1) + i).collect()
}
