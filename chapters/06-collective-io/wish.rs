//! A collective transfer is a wish, which HDF5 does not always fulfil.

use hdf5::{File, H5Type};
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{
    Result, Slab, Transfer, agree, create_dataset, print_in_order, rows_of, write_slab,
};

const NUMBERS: usize = 1000;

/// Asks for a collective write three times, and prints what came of it. Collective.
pub fn wishes(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("wishes.hdf5");
    let file = agree(world, parallel_hdf5::create(&path, world))?;
    // ANCHOR: wishes
    let rows = rows_of(world.rank(), world.size(), NUMBERS);
    let double: Array1<f64> = rows.map(|row| row as f64 / 8.0).collect();
    let single: Array1<f32> = double.mapv(|it| it as f32);

    // The datasets are of f32.
    write(world, &file, "converted-by-hdf5", &double)?;
    write(world, &file, "converted-before", &single)?;
    match world.rank() {
        0 => write(world, &file, "converted-on-rank-0", &double)?,
        _ => write(world, &file, "converted-on-rank-0", &single)?,
    }
    // ANCHOR_END: wishes
    agree(world, file.close())?;
    Ok(())
}

/// Creates a dataset of `f32` and writes this rank's rows, collectively. Collective: each rank
/// with its own rows, and perhaps its own type.
fn write<T: H5Type>(
    world: &SimpleCommunicator,
    file: &File,
    name: &str,
    rows: &Array1<T>,
) -> Result<()> {
    let dataset = agree(world, create_dataset::<f32>(file, name, NUMBERS))?;
    // ANCHOR: write
    let mine = rows_of(world.rank(), world.size(), NUMBERS);
    let slab = Slab::of(&dataset).along(0, mine);
    let outcome = write_slab(&dataset, &slab, rows.view(), Transfer::Collective);
    let report = agree(world, outcome)?;
    // ANCHOR_END: write
    if world.rank() == 0 {
        println!("{name}:");
    }
    print_in_order(world, &format!("rank {}: {report}", world.rank()));
    Ok(())
}
