//! Exercise 3.1: uneven slabs.
//!
//! `points.hdf5` holds a dataset `coords`: some number of points, two numbers each. Each rank
//! reads its own points and writes their distances from the origin into `distances`.
//!
//! The program below holds if the rows can be divided evenly. Make it hold for any number of
//! rows and ranks: each row belongs to one rank, each rank has consecutive rows, in rank order,
//! and no rank has more than one row more than another. `rows_of` does that. Do it without, for
//! practice; that is not checked.
//!
//! Checked are all distances, and which rows each rank read and wrote.
//! `make exercise-3-1` checks, `make hint-3-1` helps.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::{Array2, Axis};
use parallel_hdf5::{Transfer, create_dataset, read_rows, write_rows};

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("points.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        let coords = file.dataset("coords")?;
        let rows = coords.shape()[0];
        let distances = create_dataset::<f32>(&file, "distances", rows)?;
        let (rank, size) = (world.rank() as usize, world.size() as usize);

        // YOUR PART BEGINS
        //~ let share = rows / size;
        //~ let mine = rank * share..(rank + 1) * share;
        //~
        //~ let points: Array2<f32> = read_rows(&coords, mine.clone(), Transfer::Independent)?;
        //~ let result = points.map_axis(Axis(1), |point| point.dot(&point).sqrt());
        //~ write_rows(&distances, mine, result.view(), Transfer::Independent)?;
        let (share, remainder) = (rows / size, rows % size);
        // The first ranks have one row more. So before this rank's rows there are `share` for
        // each rank before it, and one more for each of those that has one more.
        let start = rank * share + rank.min(remainder);
        let count = share + usize::from(rank < remainder);
        let mine = start..start + count;

        // A rank without rows reads an empty array and writes it: nothing special.
        let points: Array2<f32> = read_rows(&coords, mine.clone(), Transfer::Independent)?;
        let result = points.map_axis(Axis(1), |point| point.dot(&point).sqrt());
        write_rows(&distances, mine, result.view(), Transfer::Independent)?;
        // YOUR PART ENDS

        drop((coords, distances));
        file.close()?;
        Ok(())
    })
}
