//! Chapter 3 without HDF5: the same rows of the same file, by MPI-IO, in the same blocks. It
//! must be told where in the file they are.

#[path = "../../chapters/03-distances/lengths.rs"]
mod lengths;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mpi::traits::*;
use ndarray::{Array1, Array2, s};
use parallel_hdf5::mpiio::MpiFile;
use parallel_hdf5::{Clock, Result, Transfer, agree, rows_of};

/// Computes the distance of each point from the origin, by MPI-IO.
#[derive(Parser)]
struct Args {
    /// The file.
    file: PathBuf,
    /// At which byte of it the points begin: two f32 each.
    coords: u64,
    /// At which byte the distances begin: an f32 each.
    distances: u64,
    /// How many points there are.
    rows: usize,
    /// How many of them are worked on at once.
    block: usize,
}

fn main() -> ExitCode {
    parallel_hdf5::run_with(|world, args: Args| {
        let mut clock = Clock::start(world);
        let file = agree(world, MpiFile::<f32>::open(&args.file, world, &[]))?;
        clock.lap("open");
        let mine = rows_of(world.rank(), world.size(), args.rows);
        agree(world, work(&file, &args, mine))?;
        clock.lap("work");
        agree(world, file.close())?;
        clock.lap("close");
        if world.rank() == 0 {
            println!("{clock}");
        }
        Ok(())
    })
}

fn work(file: &MpiFile<f32>, args: &Args, mine: std::ops::Range<usize>) -> Result<()> {
    let most = args.block.min(args.rows);
    let mut points: Array2<f32> = Array2::zeros((most, 2));
    let mut distances: Array1<f32> = Array1::zeros(most);
    let element = |begin: u64, index: usize| begin / 4 + index as u64;
    let for_itself = Transfer::Independent;
    for first in mine.clone().step_by(args.block) {
        let rows = args.block.min(mine.end - first);
        let mut points = points.slice_mut(s![..rows, ..]);
        let mut distances = distances.slice_mut(s![..rows]);
        let room = points.as_slice_mut().expect("row by row");
        file.read_at(element(args.coords, 2 * first), room, for_itself)?;
        lengths::lengths(points.view(), distances.view_mut());
        let values = distances.as_slice().expect("row by row");
        file.write_at(element(args.distances, first), values, for_itself)?;
    }
    Ok(())
}
