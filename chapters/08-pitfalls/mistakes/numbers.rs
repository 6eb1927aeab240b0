//! Every call succeeds, and the numbers are wrong.

use std::path::PathBuf;

use hdf5::Dataset;
use mpi::topology::{Color, SimpleCommunicator};
use mpi::traits::*;
use ndarray::{Array1, Array2, arr1};
use parallel_hdf5::{
    Result, Transfer, agree, create, create_dataset, data_folder, read_rows, rows_of,
    write_rows,
};

use super::path;

// ANCHOR: overlap
pub fn overlap(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let owner = create_dataset::<i32>(&file, "owner", 8)?;
    let mut mine = rows_of(world.rank(), world.size(), 8);
    mine.start = mine.start.saturating_sub(1); // one row too many
    let values = Array1::from_elem(mine.len(), world.rank());
    in_turn(world, || {
        write_rows(&owner, mine, values.view(), Transfer::Independent)?;
        Ok(())
    })?;
    drop(owner);
    file.close()?;
    Ok(())
}
// ANCHOR_END: overlap

pub fn no_overlap(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let owner = create_dataset::<i32>(&file, "owner", 8)?;
    let mine = rows_of(world.rank(), world.size(), 8);
    let values = Array1::from_elem(mine.len(), world.rank());
    write_rows(&owner, mine, values.view(), Transfer::Independent)?;
    drop(owner);
    file.close()?;
    Ok(())
}

// ANCHOR: scrambled
pub fn scrambled(world: &SimpleCommunicator) -> Result<()> {
    let columns = table(); // 3 × 4
    into_a_file(world, |rows| Ok(rows.write_slice(&columns, (0..4, 0..3))?))
}
// ANCHOR_END: scrambled

// ANCHOR: shape_checked
pub fn shape_checked(world: &SimpleCommunicator) -> Result<()> {
    let rows = table().t().as_standard_layout().into_owned(); // 4 × 3
    into_a_file(world, |in_file| {
        // With an array of 3 × 4, this is an error.
        write_rows(in_file, 0..4, rows.view(), Transfer::Independent)?;
        Ok(())
    })
}
// ANCHOR_END: shape_checked

/// Three columns of four numbers: 0, 10, 20, 30; 1, 11, 21, 31; 2, 12, 22, 32.
fn table() -> Array2<i32> {
    Array2::from_shape_fn((3, 4), |(column, row)| 10 * row as i32 + column as i32)
}

/// A dataset with four rows of three numbers, which rank 0 writes.
fn into_a_file(
    world: &SimpleCommunicator,
    write: impl Fn(&Dataset) -> Result<()>,
) -> Result<()> {
    let file = create(path()?, world)?;
    let rows = create_dataset::<i32>(&file, "rows", (4, 3))?;
    let written = match world.rank() {
        0 => write(&rows),
        _ => Ok(()),
    };
    agree(world, written)?;
    drop(rows);
    file.close()?;
    Ok(())
}

// ANCHOR: narrow
pub fn narrow(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let bytes = create_dataset::<i32>(&file, "bytes", world.size() as usize)?;
    let row = world.rank() as usize;
    let mine: i64 = 3_000_000_000; // an i32 ends at 2_147_483_647
    write_rows(
        &bytes,
        row..row + 1,
        arr1(&[mine]).view(),
        Transfer::Independent,
    )?;
    drop(bytes);
    file.close()?;
    Ok(())
}
// ANCHOR_END: narrow

pub fn wide(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let bytes = create_dataset::<i64>(&file, "bytes", world.size() as usize)?;
    let row = world.rank() as usize;
    let mine: i64 = 3_000_000_000;
    write_rows(
        &bytes,
        row..row + 1,
        arr1(&[mine]).view(),
        Transfer::Independent,
    )?;
    // Where the type of the dataset was somebody else's choice: does it come back?
    let read: Array1<i64> = read_rows(&bytes, row..row + 1, Transfer::Independent)?;
    let fits = match read[0] == mine {
        true => Ok(()),
        false => Err(format!("{mine} does not fit into `bytes`")),
    };
    agree(world, fits)?;
    drop(bytes);
    file.close()?;
    Ok(())
}

// ANCHOR: alone
pub fn alone(world: &SimpleCommunicator) -> Result<()> {
    let color = Color::with_value(world.rank());
    let myself = world.split_by_color(color).ok_or("no communicator")?;
    let file = create(path()?, &myself)?; // through MPI-IO, which knows of one rank only
    world.barrier(); // now all have it open
    let name = format!("numbers-{}", world.rank());
    create_dataset::<i32>(&file, &name, 8)?.write(&[world.rank(); 8])?;
    in_turn(world, || Ok(file.close()?))
}
// ANCHOR_END: alone

pub fn together(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    for rank in 0..world.size() {
        let numbers = create_dataset::<i32>(&file, &format!("numbers-{rank}"), 8)?;
        if rank == world.rank() {
            numbers.write(&[rank; 8])?;
        }
    }
    file.close()?;
    Ok(())
}

// ANCHOR: missing_source
pub fn missing_source(world: &SimpleCommunicator) -> Result<()> {
    a_file_for_each_rank(world)?;
    if world.rank() == 0 {
        let file = hdf5::File::create(path()?)?;
        let mut all = file.new_dataset::<f64>().shape(4 * world.size() as usize);
        for rank in 0..world.size() as usize {
            let part = format!("part-{rank}.hdf5");
            let rows = 4 * rank..4 * rank + 4;
            all = all.virtual_map(part, "numbers", 4, .., 4 * world.size() as usize, rows);
        }
        all.create("numbers")?; // a view of all files
        lose_the_last(world)?; // somebody moves a file
    }
    Ok(())
}
// ANCHOR_END: missing_source

pub fn sources_looked_for(world: &SimpleCommunicator) -> Result<()> {
    a_file_for_each_rank(world)?;
    if world.rank() == 0 {
        let file = hdf5::File::create(path()?)?;
        // ANCHOR: sources_looked_for
        let all = file.new_dataset::<f64>().shape(4 * world.size() as usize);
        let mut all = all.fill_value(f64::NAN); // what is missing is not a number
        // ANCHOR_END: sources_looked_for
        for rank in 0..world.size() as usize {
            let part = format!("part-{rank}.hdf5");
            let rows = 4 * rank..4 * rank + 4;
            all = all.virtual_map(part, "numbers", 4, .., 4 * world.size() as usize, rows);
        }
        let all = all.create("numbers")?;
        lose_the_last(world)?;
        // ANCHOR: look_for_sources
        for source in all.dcpl()?.virtual_map() {
            if !data_folder()?.join(&source.src_filename).exists() {
                println!("{} is missing", source.src_filename);
            }
        }
        // ANCHOR_END: look_for_sources
    }
    Ok(())
}

/// `part-0.hdf5` with 1 to 4, `part-1.hdf5` with 5 to 8, and so on.
fn a_file_for_each_rank(world: &SimpleCommunicator) -> Result<()> {
    let file = hdf5::File::create(part(world.rank())?)?;
    let numbers = create_dataset::<f64>(&file, "numbers", 4)?;
    numbers.write(&Array1::from_iter(
        (1..=4).map(|it| f64::from(4 * world.rank() + it)),
    ))?;
    drop(numbers);
    let closed = file.close();
    agree(world, closed)?;
    Ok(())
}

fn lose_the_last(world: &SimpleCommunicator) -> Result<()> {
    Ok(std::fs::remove_file(part(world.size() - 1)?)?)
}

fn part(rank: i32) -> Result<PathBuf> {
    Ok(data_folder()?.join(format!("part-{rank}.hdf5")))
}

/// Rank after rank does it, so that it comes out the same each time.
fn in_turn(world: &SimpleCommunicator, what: impl FnOnce() -> Result<()>) -> Result<()> {
    for _ in 0..world.rank() {
        world.barrier();
    }
    let outcome = what();
    for _ in world.rank()..world.size() {
        world.barrier();
    }
    outcome
}
