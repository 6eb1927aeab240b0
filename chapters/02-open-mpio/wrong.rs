//! The mistakes of chapter 2, each a whole program. Some hang: start them by
//! `make chapter-2 ARGS='--wrong …'`, which stops them.

use std::process::ExitCode;

use clap::ValueEnum;
use hdf5::File;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::{Result, create_dataset};

/// A mistake that a beginner makes, and what becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mistake {
    /// All ranks open the file without MPI-IO.
    SerialDriver,
    /// Only rank 0 creates the file.
    RankZeroCreates,
    /// One rank leaves `main` with an error.
    Error,
    /// The same, with the abort guard.
    ErrorGuarded,
    /// One rank panics.
    Panic,
    /// The same, with the abort guard.
    PanicGuarded,
    /// The file is not closed before MPI ends.
    NeverClosed,
}

/// Makes the mistake.
pub fn make(mistake: Mistake) -> ExitCode {
    match mistake {
        Mistake::SerialDriver => parallel_hdf5::run(serial_driver),
        Mistake::RankZeroCreates => parallel_hdf5::run(rank_zero_creates),
        Mistake::Error => match unguarded(fails_on_rank_1) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // Too late: on rank 1, `universe` was dropped on the way here.
                eprintln!("Error: {error}");
                ExitCode::FAILURE
            }
        },
        Mistake::ErrorGuarded => parallel_hdf5::run(fails_on_rank_1),
        Mistake::Panic => match unguarded(panics_on_rank_1) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Mistake::PanicGuarded => parallel_hdf5::run(panics_on_rank_1),
        Mistake::NeverClosed => parallel_hdf5::run(never_closed),
    }
}

// ANCHOR: serial_driver
fn serial_driver(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("serial.hdf5");
    let file = File::create(&path); // no communicator: each rank for itself
    world.barrier(); // whoever has the file still holds it here
    // ANCHOR_END: serial_driver

    let have_it = i32::from(file.is_ok());
    let mut how_many = 0;
    let sum = mpi::collective::SystemOperation::sum();
    world.all_reduce_into(&have_it, &mut how_many, sum);
    if world.rank() == 0 {
        println!("{how_many} of {} ranks have the file", world.size());
    }
    let locked = file
        .as_ref()
        .err()
        .filter(|error| error.to_string().contains("unable to lock"));
    let complaint = match (&file, locked) {
        (Ok(_), _) => Ok(()),
        (Err(_), Some(_)) => {
            Err("the others got: unable to lock file, errno = 11".to_owned())
        }
        (Err(error), None) => Err(error.to_string()),
    };
    // Which rank was first changes from run to run, so the message names none.
    parallel_hdf5::agree(world, complaint).map_err(|mut disagreement| {
        disagreement.all = true;
        disagreement.into()
    })
}

// ANCHOR: rank_zero_creates
fn rank_zero_creates(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("rank-0.hdf5");
    if world.rank() == 0 {
        println!("rank 0 creates the file ...");
        let _file = parallel_hdf5::create(&path, world)?; // waits here for the others
        println!("rank 0 has created the file");
    }
    world.barrier(); // the others wait here for rank 0
    if world.rank() == 0 {
        println!("all ranks go on");
    }
    Ok(())
}
// ANCHOR_END: rank_zero_creates

// ANCHOR: unguarded
/// What `fn main() -> Result<()>` does without the guard.
fn unguarded(program: fn(&SimpleCommunicator) -> Result<()>) -> Result<()> {
    let universe = mpi::initialize().expect("MPI can be started once in a process");
    let world = universe.world();
    program(&world)?;
    Ok(())
} // here `universe` is dropped, which calls MPI_Finalize: it waits for all ranks
// ANCHOR_END: unguarded

// ANCHOR: fails
fn fails_on_rank_1(world: &SimpleCommunicator) -> Result<()> {
    if world.rank() == 1 {
        std::fs::read_to_string("no-such-file.txt")?; // only rank 1 gets an error
    }
    world.barrier(); // the others wait here for rank 1
    Ok(())
}
// ANCHOR_END: fails

fn panics_on_rank_1(world: &SimpleCommunicator) -> Result<()> {
    if world.rank() == 1 {
        let numbers: Vec<i32> = Vec::new();
        println!("{}", numbers[world.rank() as usize]);
    }
    world.barrier();
    Ok(())
}

// ANCHOR: never_closed
fn never_closed(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("never-closed.hdf5");
    let file = parallel_hdf5::create(&path, world)?;
    create_dataset::<f32>(&file, "x", 10)?;
    std::mem::forget(file); // a handle kept in a static, or in a leaked box, does the same
    Ok(())
}
// ANCHOR_END: never_closed
