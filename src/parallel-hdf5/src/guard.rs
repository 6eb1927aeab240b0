//! The abort guard: no rank leaves the others waiting.

use std::panic;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use mpi::Threading;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

use crate::agree::Disagreement;
use crate::print::complain;
use crate::{Result, alone};

/// Runs `program` on all ranks, between starting MPI and ending it, and sees to it that a
/// rank that fails does not leave the others waiting. For use in `main`:
///
/// ```standalone_crate
/// fn main() -> std::process::ExitCode {
///     parallel_hdf5::run(|world| {
///         let path = parallel_hdf5::data_folder()?.join("guarded.hdf5");
///         let file = parallel_hdf5::create(path, world)?;
///         parallel_hdf5::create_dataset::<f32>(&file, "x", 10)?;
///         Ok(file.close()?)
///     })
/// }
/// ```
///
/// - MPI is started before the first HDF5 call, and ended after `program` has returned and
///   its HDF5 handles are closed.
/// - If `program` panics or returns an error on one rank, the message is printed with the
///   rank, and **all** ranks are ended (`MPI_Abort`). Without this the others would wait in
///   their next collective call for ever, because leaving `main` calls `MPI_Finalize`,
///   which is collective too (rsmpi issue 197).
/// - If `program` returns a [`Disagreement`], all ranks have the same error: rank 0 prints
///   it, and every rank ends in good order with exit status 1.
/// - A program that runs alone although the launcher meant several processes is an error.
///
/// A file that was open when the ranks are aborted is lost unless it was flushed.
// ANCHOR: run
pub fn run(program: impl FnOnce(&SimpleCommunicator) -> Result<()>) -> ExitCode {
    let universe = mpi::initialize().expect("MPI can be started once in a process");
    guarded(&universe.world(), program)
}

fn guarded(
    world: &SimpleCommunicator,
    program: impl FnOnce(&SimpleCommunicator) -> Result<()>,
) -> ExitCode {
    abort_on_panic(world.rank());
    if let Some(alone) = alone::detect(world) {
        if alone.first {
            complain(&format!("Error: {alone}"));
        }
        return ExitCode::FAILURE;
    }

    let Err(error) = program(world) else {
        return ExitCode::SUCCESS;
    };
    let agreed = error.downcast_ref::<Disagreement>().is_some() || world.size() == 1;
    if agreed {
        if world.rank() == 0 {
            complain(&format!("Error: {}", with_cure(&*error)));
        }
        return ExitCode::FAILURE;
    }
    let (rank, size) = (world.rank(), world.size());
    let says = with_cure(&*error);
    complain(&format!("Error on rank {rank} of {size}: {says}"));
    wait_for_turn(rank);
    world.abort(1)
}
// ANCHOR_END: run

/// Like [`run`], with an MPI that several threads of a rank may call at the same time
/// (`MPI_THREAD_MULTIPLE`; MPI 4.1, section 11.6). HDF5's subfiling needs that. It may make
/// all of MPI slower.
pub fn run_threaded(program: impl FnOnce(&SimpleCommunicator) -> Result<()>) -> ExitCode {
    let started = mpi::initialize_with_threading(Threading::Multiple);
    let (universe, threading) = started.expect("MPI can be started once in a process");
    let world = universe.world();
    if threading != Threading::Multiple {
        if world.rank() == 0 {
            complain(&format!(
                "Error: this MPI lets only one thread call it at a time ({threading:?})"
            ));
        }
        return ExitCode::FAILURE;
    }
    guarded(&world, program)
}

/// Like [`run`], for a program with arguments (clap). What is wrong with them, or the help,
/// is printed once, by rank 0, and every rank ends in good order.
pub fn run_with<A: Parser>(
    program: impl FnOnce(&SimpleCommunicator, A) -> Result<()>,
) -> ExitCode {
    with_arguments(|program| run(program), program)
}

/// Like [`run_threaded`], for a program with arguments (clap).
pub fn run_threaded_with<A: Parser>(
    program: impl FnOnce(&SimpleCommunicator, A) -> Result<()>,
) -> ExitCode {
    with_arguments(|program| run_threaded(program), program)
}

type Program<'a> = Box<dyn FnOnce(&SimpleCommunicator) -> Result<()> + 'a>;

fn with_arguments<A: Parser>(
    run: impl FnOnce(Program) -> ExitCode,
    program: impl FnOnce(&SimpleCommunicator, A) -> Result<()>,
) -> ExitCode {
    let mut usage = ExitCode::SUCCESS;
    let ended = run(Box::new(|world| match A::try_parse() {
        Ok(args) => program(world, args),
        Err(error) => {
            if world.rank() == 0 {
                explain_usage(&error);
            }
            usage = usage_status(&error);
            Ok(())
        }
    }));
    if usage == ExitCode::SUCCESS {
        ended
    } else {
        usage
    }
}

/// Reads the arguments of a program that starts MPI itself, or not at all. What is wrong with
/// them, or the help, is printed by the process that the launcher counts as its first.
///
/// # Errors
/// The status to exit with, if there is nothing to run.
pub fn parse_args<A: Parser>() -> std::result::Result<A, ExitCode> {
    A::try_parse().map_err(|error| {
        if alone::is_first() {
            explain_usage(&error);
        }
        usage_status(&error)
    })
}

fn explain_usage(error: &clap::Error) {
    let text = error.render().to_string();
    match error.use_stderr() {
        true => complain(text.trim_end()),
        false => print!("{text}"),
    }
}

fn usage_status(error: &clap::Error) -> ExitCode {
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Lets a panic print its message as usual, and then ends all ranks.
// ANCHOR: panic
fn abort_on_panic(rank: i32) {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        usual(info);
        complain(&format!("Error: rank {rank} panicked (message above)"));
        wait_for_turn(rank);
        // Universe::drop would call MPI_Finalize, and wait there for the other ranks.
        SimpleCommunicator::world().abort(101)
    }));
}
// ANCHOR_END: panic

/// Lets lower ranks abort first: where many fail alike, one of them is enough. Several
/// `MPI_Abort` at the same moment can crash the `mpirun` of Open MPI 4.1.4. And lets the
/// launcher collect this rank's message before it ends everything.
fn wait_for_turn(rank: i32) {
    let turn = 1 + rank.clamp(0, 9) as u64;
    std::thread::sleep(Duration::from_millis(100 * turn));
}

/// What the error says, and the cure, if HDF5's words do not lead to it.
fn with_cure(error: &dyn std::error::Error) -> String {
    let says = error.to_string();
    match says.contains("object header message is too large") {
        true => format!(
            "{says}; an attribute may take 64 KiB at most: make it a dataset, or create the file \
             with `FileOptions::versions`, from `LibraryVersion::V18` on"
        ),
        false => says,
    }
}
