//! Chapter 3 without HDF5: the same rows of the same file, by MPI-IO, in the same blocks. It
//! must be told where in the file they are.

#[path = "../../../chapters/03-distances/lengths.rs"]
mod lengths;
mod place;

use std::process::ExitCode;

use clap::Parser;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{Array1, Array2, s};
use parallel_hdf5::mpiio::MpiFile;
use parallel_hdf5::{Clock, Result, Transfer, agree};
use place::Place;

/// Computes the distance of each point from the origin, by MPI-IO.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    place: Place,
}

fn main() -> ExitCode {
    parallel_hdf5::run_with(|world, args: Args| {
        let place = &args.place;
        let mut clock = Clock::start(world);
        let file = agree(world, MpiFile::<f32>::open(&place.file, world, &[]))?;
        clock.lap("open");
        agree(world, work(&file, place, world))?;
        clock.lap("work");
        agree(world, file.close())?;
        clock.lap("close");
        if world.rank() == 0 {
            println!("{clock}");
        }
        Ok(())
    })
}

fn work(file: &MpiFile<f32>, place: &Place, world: &SimpleCommunicator) -> Result<()> {
    let mut points: Array2<f32> = Array2::zeros((place.most(), 2));
    let mut distances: Array1<f32> = Array1::zeros(place.most());
    let element = |begin: u64, index: usize| begin / 4 + index as u64;
    let for_itself = Transfer::Independent;
    for block in place.blocks(world.rank(), world.size()) {
        let mut points = points.slice_mut(s![..block.len(), ..]);
        let mut distances = distances.slice_mut(s![..block.len()]);
        let room = points.as_slice_mut().expect("row by row");
        file.read_at(element(place.coords, 2 * block.start), room, for_itself)?;
        lengths::lengths(points.view(), distances.view_mut());
        let values = distances.as_slice().expect("row by row");
        file.write_at(element(place.distances, block.start), values, for_itself)?;
    }
    Ok(())
}
