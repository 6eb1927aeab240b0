//! The first version: 4 ranks, 250 rows each. It does what the Python lesson does, and the
//! page shows where it fails.

use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{Array1, Array2, Axis, s};
use parallel_hdf5::{Result, agree, create_dataset};

use crate::coords;

pub fn run(world: &SimpleCommunicator, rows: Option<usize>) -> Result<()> {
    let path = coords::make("naive", rows, world)?;
    // ANCHOR: naive
    let file = parallel_hdf5::open(&path, world)?;
    let coords = file.dataset("coords")?;
    let distances = agree(world, create_dataset::<f32>(&file, "distances", 1000))?;

    // Rank 0 handles rows 0 to 249, rank 1 rows 250 to 499, and so on.
    let start = world.rank() as usize * 250;
    let points: Array2<f32> = coords.read_slice(s![start..start + 250, ..])?;
    let result: Array1<f32> = points.map_axis(Axis(1), |point| point.dot(&point).sqrt());
    distances.write_slice(&result, s![start..start + 250])?;

    // A file can be closed when nothing in it is open any more.
    drop((coords, distances));
    file.close()?;
    // ANCHOR_END: naive
    if world.rank() == 0 {
        println!("distances written, 250 rows a rank");
    }
    Ok(())
}
