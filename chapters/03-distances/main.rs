//! Chapter 3: each rank reads its rows of `coords`, and writes its rows of `distances`.

mod coords;
mod files;
mod naive;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use hdf5::H5Type;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{Array1, Array2, Axis, LinalgScalar};
use parallel_hdf5::{
    Result, Transfer, agree, print_in_order, read_rows, rows_of, write_rows,
};

use files::{Files, Float};

/// Computes the distance of each point from the origin, on all ranks.
#[derive(Parser)]
struct Args {
    /// The HDF5 file; without it one is made, with 1000 points in `coords`.
    #[arg(long)]
    file: Option<PathBuf>,
    /// The dataset of points: (rows, columns), f32 or f64.
    #[arg(long, default_value = "coords", requires = "file")]
    dataset: String,
    /// Make another file, with this many points.
    #[arg(long, conflicts_with = "file")]
    rows: Option<usize>,
    /// Run the first version of the page, which holds for 4 ranks only.
    #[arg(long, conflicts_with = "file")]
    naive: bool,
}

// ANCHOR: main
fn main() -> ExitCode {
    parallel_hdf5::run_with(|world, args: Args| {
        if args.naive {
            return naive::run(world, args.rows);
        }
        let path = match &args.file {
            Some(path) => path.clone(),
            None => coords::make("coords", args.rows, world)?,
        };
        let files = Files::open(&path, &args.dataset, world)?;
        match files.float {
            Float::F32 => distances::<f32>(&files, world),
            Float::F64 => distances::<f64>(&files, world),
        }?;
        files.close(world)
    })
}
// ANCHOR_END: main

// ANCHOR: distances
fn distances<T>(files: &Files, world: &SimpleCommunicator) -> Result<()>
where
    T: H5Type + LinalgScalar + Default + num_traits::Float,
{
    // Which rows are mine? Every rank can tell, without asking.
    let mine = rows_of(world.rank(), world.size(), files.rows);

    // Each rank reads its own rows ...
    let points = read_rows(&files.input, mine.clone(), Transfer::Independent);
    let points: Array2<T> = agree(world, points)?;

    // ... computes its own distances ...
    let distances: Array1<T> = points.map_axis(Axis(1), |point| point.dot(&point).sqrt());

    // ... and writes them to its own rows.
    let written = write_rows(
        &files.output,
        mine.clone(),
        distances.view(),
        files.transfer,
    );
    agree(world, written)?;
    // ANCHOR_END: distances

    // ANCHOR: report
    let rows = match mine.len() {
        0 => "no rows".to_owned(),
        1 => format!("row {}", mine.start),
        _ => format!("rows {} to {}", mine.start, mine.end - 1),
    };
    print_in_order(world, &format!("rank {}: {rows}", world.rank()));
    if world.rank() == 0 {
        println!(
            "{} distances written beside `{}`",
            files.rows, files.input_name
        );
    }
    Ok(())
    // ANCHOR_END: report
}
