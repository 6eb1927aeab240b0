//! What HDF5 or MPI-IO refuses, with the words that it has for it.

use hdf5::types::{FixedUnicode, VarLenUnicode};
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{
    DatasetOptions, Result, Transfer, agree, create, create_dataset, data_folder, open,
    rows_of, write_rows,
};

use super::collective::all_create;
use super::path;

pub fn no_folder(world: &SimpleCommunicator) -> Result<()> {
    let file = create(data_folder()?.join("results/pitfall.hdf5"), world)?;
    file.close()?;
    Ok(())
}

// ANCHOR: folder_made
pub fn folder_made(world: &SimpleCommunicator) -> Result<()> {
    let folder = data_folder()?.join("results");
    // One rank makes it; `agree` lets no rank go on before, and tells all if it failed.
    let made = match world.rank() {
        0 => std::fs::create_dir_all(&folder),
        _ => Ok(()),
    };
    agree(world, made)?;
    let file = create(folder.join("pitfall.hdf5"), world)?;
    file.close()?;
    Ok(())
}
// ANCHOR_END: folder_made

pub fn name_taken(world: &SimpleCommunicator) -> Result<()> {
    all_create(world)?;
    let file = open(path()?, world)?;
    create_dataset::<i32>(&file, "numbers", 8)?;
    file.close()?;
    Ok(())
}

pub fn name_looked_up(world: &SimpleCommunicator) -> Result<()> {
    all_create(world)?;
    let file = open(path()?, world)?;
    let numbers = match file.link_exists("numbers") {
        true => file.dataset("numbers")?,
        false => create_dataset::<i32>(&file, "numbers", 8)?,
    };
    drop(numbers);
    file.close()?;
    Ok(())
}

pub fn independent(world: &SimpleCommunicator) -> Result<()> {
    compressed(world, Transfer::Independent)
}

pub fn collective(world: &SimpleCommunicator) -> Result<()> {
    compressed(world, Transfer::Collective)
}

fn compressed(world: &SimpleCommunicator, transfer: Transfer) -> Result<()> {
    let file = create(path()?, world)?;
    let options = DatasetOptions::new().chunks(&[4]).deflate(4);
    let numbers = options.create::<i32>(&file, "numbers", &[8])?;
    let mine = rows_of(world.rank(), world.size(), 8);
    let values = Array1::from_iter(mine.clone().map(|row| row as i32));
    write_rows(&numbers, mine, values.view(), transfer)?;
    drop(numbers);
    file.close()?;
    Ok(())
}

pub fn texts(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let names = create_dataset::<VarLenUnicode>(&file, "names", world.size() as usize)?;
    let row = world.rank() as usize;
    let mine: VarLenUnicode = format!("rank {row}").parse()?;
    names.write_slice(&[mine], row..row + 1)?;
    Ok(())
}

pub fn texts_of_one_length(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let names = create_dataset::<FixedUnicode<16>>(&file, "names", world.size() as usize)?;
    let row = world.rank() as usize;
    let mine: FixedUnicode<16> = format!("rank {row}").parse()?;
    names.write_slice(&[mine], row..row + 1)?;
    drop(names);
    file.close()?;
    Ok(())
}

pub fn no_chunks(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let growing = file.new_dataset::<i32>().no_chunk().shape(8..);
    growing.create("numbers")?;
    file.close()?;
    Ok(())
}

pub fn chunks(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let growing = file.new_dataset::<i32>().chunk(4).shape(8..);
    growing.create("numbers")?;
    file.close()?;
    Ok(())
}

pub fn still_open(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let numbers = create_dataset::<i32>(&file, "numbers", 8)?;
    file.close()?;
    drop(numbers);
    Ok(())
}

pub fn dropped_before(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let numbers = create_dataset::<i32>(&file, "numbers", 8)?;
    drop(numbers);
    file.close()?;
    Ok(())
}

// ANCHOR: serial_driver
pub fn serial_driver(world: &SimpleCommunicator) -> Result<()> {
    let file = hdf5::File::create(path()?)?; // an error on all ranks but the first to come
    world.barrier(); // where that one waits for them
    file.close()?;
    Ok(())
}
// ANCHOR_END: serial_driver
