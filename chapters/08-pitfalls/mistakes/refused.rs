//! What HDF5 or MPI-IO refuses, with the words that it has for it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hdf5::File;
use hdf5::types::{FixedUnicode, VarLenUnicode};
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{
    DatasetOptions, Result, Transfer, agree, create, create_dataset, data_folder, open,
    rows_of, write_rows,
};

use super::collective::{all_create, all_create_at, with_numbers};
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

// ANCHOR: large_attribute
pub fn large_attribute(world: &SimpleCommunicator) -> Result<()> {
    all_create(world)?;
    let file = open(path()?, world)?;
    // Where each rank's part begins: a few numbers in a test, 80 000 bytes on the cluster.
    file.new_attr::<u64>().shape(10_000).create("offsets")?;
    file.close()?;
    Ok(())
}
// ANCHOR_END: large_attribute

pub fn a_dataset_for_it(world: &SimpleCommunicator) -> Result<()> {
    all_create(world)?;
    let file = open(path()?, world)?;
    create_dataset::<u64>(&file, "offsets", 10_000)?;
    file.close()?;
    Ok(())
}

pub fn colon(world: &SimpleCommunicator) -> Result<()> {
    by_the_crate(data_folder()?.join("run-12:30.hdf5"), world)
}

pub fn long_path(world: &SimpleCommunicator) -> Result<()> {
    let folder = deep_folder(world)?;
    by_the_crate(folder.join("pitfall.hdf5"), world)
}

/// From within the folder, the path is short.
pub fn short_path(world: &SimpleCommunicator) -> Result<()> {
    let entered = std::env::set_current_dir(deep_folder(world)?);
    agree(world, entered)?;
    all_create_at("pitfall.hdf5", world)
}

/// A folder whose path alone has more than 256 bytes. **Collective**.
fn deep_folder(world: &SimpleCommunicator) -> Result<PathBuf> {
    let folder = data_folder()?.join("a".repeat(150)).join("b".repeat(150));
    let made = std::fs::create_dir_all(&folder);
    agree(world, made)?;
    Ok(folder)
}

pub fn one_letter(world: &SimpleCommunicator) -> Result<()> {
    let entered = std::env::set_current_dir(data_folder()?);
    agree(world, entered)?;
    by_the_crate("q", world)
}

/// All ranks create a file as `hdf5-metno` does it. The library of this workbook knows these three
/// paths, and what MPI-IO makes of them.
fn by_the_crate(path: impl AsRef<Path>, world: &SimpleCommunicator) -> Result<()> {
    let file = File::with_options()
        .with_fapl(|access| access.mpio(world.as_raw(), None))
        .create(path)?;
    with_numbers(file, world)
}

/// The same file by its whole path.
pub fn whole_path(world: &SimpleCommunicator) -> Result<()> {
    all_create_at(data_folder()?.join("q"), world)
}

// ANCHOR: child
pub fn child_inherits(world: &SimpleCommunicator) -> Result<()> {
    if world.rank() == 0 {
        let mut child = Command::new(std::env::current_exe()?); // a program that starts MPI
        run_to_the_end(child.arg("--list"))?;
    }
    Ok(())
}
// ANCHOR_END: child

// ANCHOR: child_on_its_own
pub fn child_on_its_own(world: &SimpleCommunicator) -> Result<()> {
    if world.rank() == 0 {
        let mut child = Command::new(std::env::current_exe()?);
        for (name, _) in std::env::vars_os() {
            let known = name.to_string_lossy();
            let mut of_launchers = ["OMPI_", "PMIX_", "PRTE_", "PMI_", "SLURM_"].iter();
            if of_launchers.any(|it| known.starts_with(it)) {
                child.env_remove(&name);
            }
        }
        run_to_the_end(child.arg("--list"))?;
    }
    Ok(())
}
// ANCHOR_END: child_on_its_own

fn run_to_the_end(child: &mut Command) -> Result<()> {
    let ended = child.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    match ended.code() {
        Some(0) => Ok(()),
        Some(status) => {
            Err(format!("the program that it started has status {status}").into())
        }
        None => Err("the program that it started was killed".into()),
    }
}
