//! Exercise 3.4: block by block, together.
//!
//! `points.hdf5` holds a dataset `coords`: some number of points, two numbers each. Wanted are
//! their distances from the origin in `distances`, as ever. Each rank has the rows that
//! `rows_of` gives it, as ever. But they do not fit into its memory: no call may read or write
//! more than `BLOCK` rows. And all calls that read or write are to be collective.
//!
//! Checked are all distances, which rows each rank wrote, that no call reads or writes more
//! than `BLOCK` rows, and that each is collective. How many rounds you need is told, not checked.
//! `make exercise-3-4` checks, `make hint-3-4` helps.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::{Array1, Array2, Axis};
use parallel_hdf5::{Transfer, create_dataset, read_rows, rows_of, write_rows};

/// The most rows that a rank may read or write in one call.
const BLOCK: usize = 64;

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("points.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        let coords = file.dataset("coords")?;
        let rows = coords.shape()[0];
        let distances = create_dataset::<f32>(&file, "distances", rows)?;
        let mine = rows_of(world.rank(), world.size(), rows);

        // YOUR PART BEGINS
        let points = read_rows(&coords, mine.clone(), Transfer::Collective)?;
        let result = distances_of(&points);
        write_rows(&distances, mine, result.view(), Transfer::Collective)?;
        // YOUR PART ENDS

        drop((coords, distances));
        file.close()?;
        Ok(())
    })
}

fn distances_of(points: &Array2<f32>) -> Array1<f32> {
    points.map_axis(Axis(1), |point| point.dot(&point).sqrt())
}
