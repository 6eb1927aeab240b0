//! Reads a compressed dataset, writes it again, and reads it again.

use hdf5::{Dataset, File};
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{Array1, Ix1};
use parallel_hdf5::{
    DatasetOptions, Result, Slab, Transfer, agree, chunked_rows_of, read_slab, write_slab,
};

const NUMBERS: usize = 1000;
const CHUNK: usize = 100;

/// Prints what is read after the second write, in three ways. **Collective**.
pub fn read_twice(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("again.hdf5");
    let file = parallel_hdf5::create(path, world)?;
    let dataset = DatasetOptions::new()
        .chunks(&[CHUNK])
        .deflate(6)
        .create::<i32>(&file, "x", &[NUMBERS])?;

    // ANCHOR: again
    write_all(world, &dataset, 1)?;
    say(
        world,
        "first, independently",
        ones_and_twos(&dataset, Transfer::Independent)?,
    );

    write_all(world, &dataset, 2)?;
    say(
        world,
        "then, independently",
        ones_and_twos(&dataset, Transfer::Independent)?,
    );
    say(
        world,
        "then, collectively",
        ones_and_twos(&dataset, Transfer::Collective)?,
    );

    let dataset = opened_again(&file, dataset)?;
    say(
        world,
        "opened again, independently",
        ones_and_twos(&dataset, Transfer::Independent)?,
    );
    // ANCHOR_END: again
    drop(dataset);
    agree(world, file.close())?;
    Ok(())
}

/// Writes one number everywhere, each rank its own chunks. **Collective**.
fn write_all(world: &SimpleCommunicator, dataset: &Dataset, number: i32) -> Result<()> {
    let mine = chunked_rows_of(world.rank(), world.size(), NUMBERS, CHUNK);
    let values = Array1::from_elem(mine.len(), number);
    let slab = Slab::of(dataset).along(0, mine);
    let written = write_slab(dataset, &slab, values.view(), Transfer::Collective);
    agree(world, written)?;
    dataset.file()?.flush()?;
    world.barrier();
    Ok(())
}

/// Reads all numbers, on each rank.
fn ones_and_twos(dataset: &Dataset, transfer: Transfer) -> Result<[usize; 2]> {
    let read = read_slab::<i32, Ix1>(dataset, &Slab::of(dataset), transfer)?;
    Ok([1, 2].map(|number| read.iter().filter(|it| **it == number).count()))
}

fn opened_again(file: &File, dataset: Dataset) -> Result<Dataset> {
    drop(dataset); // and with it what HDF5 remembers of its chunks
    Ok(file.dataset("x")?)
}

/// Rank 0 prints what it has read.
fn say(world: &SimpleCommunicator, when: &str, [ones, twos]: [usize; 2]) {
    if world.rank() == 0 {
        println!("{when}: {ones} ones, {twos} twos");
    }
}
