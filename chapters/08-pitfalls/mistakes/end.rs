//! The disk is full, or the program ends before the file is closed.

use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::Array1;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use parallel_hdf5::{
    Result, Transfer, create, create_dataset, rows_of, write_rows, write_then_rename,
};

use super::collective::all_create;
use super::path;
use crate::steps::{Death, Flush, Plan, Point};

/// 4 MiB, where there is room for 1 MiB.
const ROWS: usize = 1 << 20;
const ROOM: u64 = 1 << 20;

// ANCHOR: disk_full
pub fn disk_full(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let ones = create_dataset::<i32>(&file, "ones", ROWS)?;
    file.flush()?; // the structure has found room
    fill_the_disk()?;
    let mine = rows_of(world.rank(), world.size(), ROWS);
    let values = Array1::from_elem(mine.len(), 1);
    let _ = write_rows(&ones, mine, values.view(), Transfer::Independent); // who cares
    drop(ones);
    file.close()?; // it says Ok
    Ok(())
}
// ANCHOR_END: disk_full

// ANCHOR: disk_full_noticed
pub fn disk_full_noticed(world: &SimpleCommunicator) -> Result<()> {
    all_create(world)?; // what the last run left
    let written = write_then_rename(path()?, world, |file| {
        let ones = create_dataset::<i32>(file, "ones", ROWS)?;
        file.flush()?;
        fill_the_disk()?;
        let mine = rows_of(world.rank(), world.size(), ROWS);
        let values = Array1::from_elem(mine.len(), 1);
        write_rows(&ones, mine, values.view(), Transfer::Independent)?;
        Ok(())
    });
    if let (Err(error), 0) = (written, world.rank()) {
        println!("the old file is kept, because {error}");
    }
    Ok(())
}
// ANCHOR_END: disk_full_noticed

/// From here on nothing that this process writes behind the first MiB of a file finds room.
/// (The system says "file too large", where a full disk has "no space left on device".)
fn fill_the_disk() -> Result<()> {
    let mut too_large = SigSet::empty();
    too_large.add(Signal::SIGXFSZ); // it would end the process before the write returns
    too_large.thread_block()?;
    let (_, most) = getrlimit(Resource::RLIMIT_FSIZE)?;
    setrlimit(Resource::RLIMIT_FSIZE, ROOM.min(most), most)?;
    Ok(())
}

// ANCHOR: exits
pub fn exits(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let numbers = create_dataset::<i32>(&file, "numbers", 8)?;
    numbers.write(&[1; 8])?;
    std::process::exit(0); // nothing is dropped, so nothing is closed
}
// ANCHOR_END: exits

pub fn returns(world: &SimpleCommunicator) -> Result<()> {
    all_create(world)
}

/// Three steps and a half, and then the last rank is killed.
fn killed(world: &SimpleCommunicator, plan: Plan) -> Result<()> {
    let death = Death {
        rank: world.size() - 1,
        step: 3,
        point: Point::HalfWritten,
    };
    plan.run(world, 6, false, Some(death))
}

pub fn killed_unflushed(world: &SimpleCommunicator) -> Result<()> {
    killed(world, Plan::Append(Flush::Never))
}

pub fn killed_flushed(world: &SimpleCommunicator) -> Result<()> {
    killed(world, Plan::Append(Flush::EveryStep))
}

pub fn killed_in_place(world: &SimpleCommunicator) -> Result<()> {
    killed(world, Plan::InPlace)
}

pub fn killed_beside(world: &SimpleCommunicator) -> Result<()> {
    killed(world, Plan::Beside)
}
