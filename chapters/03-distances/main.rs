//! Chapter 3: each rank reads its rows of `coords`, and writes its rows of `distances`.

mod coords;
mod files;
mod forms;
mod lengths;
mod naive;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::{Clock, Result, agree, print_in_order, rows_of};

use files::{Files, Float};
use forms::{Form, Number};

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
    /// Which form of the computation: each is faster than the one before.
    #[arg(long, value_enum, default_value_t = Form::Reuse)]
    form: Form,
    /// Say how long it took, and how much memory.
    #[arg(long)]
    time: bool,
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
        let mut clock = Clock::start(world);
        let files = Files::open(&path, &args.dataset, world)?;
        clock.lap("open");
        match files.float {
            Float::F32 => distances::<f32>(&files, args.form, world),
            Float::F64 => distances::<f64>(&files, args.form, world),
        }?;
        clock.lap("work");
        report(&files, world);
        clock.lap("report");
        files.close(world)?;
        clock.lap("close");
        if args.time && world.rank() == 0 {
            println!("{clock}");
        }
        Ok(())
    })
}
// ANCHOR_END: main

fn distances<T: Number>(
    files: &Files,
    form: Form,
    world: &SimpleCommunicator,
) -> Result<()> {
    let outcome = match form {
        Form::Whole => forms::whole::<T>(files, world),
        Form::Blocks => forms::blocks::<T>(files, world),
        Form::Vector => forms::vector::<T>(files, world),
        Form::Reuse => forms::reuse::<T>(files, world),
    };
    agree(world, outcome)?;
    Ok(())
}

fn report(files: &Files, world: &SimpleCommunicator) {
    let mine = rows_of(world.rank(), world.size(), files.rows);
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
}
