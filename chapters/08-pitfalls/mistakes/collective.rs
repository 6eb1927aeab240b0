//! Collective calls that not all ranks make, or not with the same arguments.

use std::path::Path;

use hdf5::File;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{Array1, arr1};
use parallel_hdf5::{
    DatasetOptions, Result, Transfer, create, create_dataset, data_folder, open, rows_of,
    write_rows,
};

use super::path;

/// A file with eight numbers, made by all ranks as it should be.
pub fn all_create(world: &SimpleCommunicator) -> Result<()> {
    all_create_at(path()?, world)
}

/// The same in another place.
pub fn all_create_at(path: impl AsRef<Path>, world: &SimpleCommunicator) -> Result<()> {
    with_numbers(create(path, world)?, world)
}

pub fn with_numbers(file: File, world: &SimpleCommunicator) -> Result<()> {
    let numbers = create_dataset::<i32>(&file, "numbers", 8)?;
    let mine = rows_of(world.rank(), world.size(), 8);
    let values = Array1::from_iter(mine.clone().map(|row| row as i32));
    write_rows(&numbers, mine, values.view(), Transfer::Independent)?;
    drop(numbers);
    file.close()?;
    Ok(())
}

// ANCHOR: one_opens
pub fn one_opens(world: &SimpleCommunicator) -> Result<()> {
    all_create(world)?;
    if world.rank() == 0 {
        let file = open(path()?, world)?; // for all ranks, and only rank 0 is here
        println!("{:?}", file.dataset("numbers")?.read_raw::<i32>()?);
    }
    Ok(())
}
// ANCHOR_END: one_opens

// ANCHOR: one_reads
pub fn one_reads(world: &SimpleCommunicator) -> Result<()> {
    all_create(world)?;
    let mut second = 0_i32;
    if world.rank() == 0 {
        let file = hdf5::File::open(path()?)?; // as in any program: no communicator
        second = file.dataset("numbers")?.read_raw::<i32>()?[1];
    }
    world.process_at_rank(0).broadcast_into(&mut second); // what it read goes to all
    if world.rank() == world.size() - 1 {
        println!("the last rank knows: {second}");
    }
    Ok(())
}
// ANCHOR_END: one_reads

// ANCHOR: one_creates
pub fn one_creates(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    if world.rank() == 0 {
        create_dataset::<i32>(&file, "numbers", 8)?;
    }
    file.close()?;
    Ok(())
}
// ANCHOR_END: one_creates

// ANCHOR: one_flushes
pub fn one_flushes(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    create_dataset::<i32>(&file, "numbers", 8)?;
    if world.rank() == 0 {
        file.flush()?;
    }
    file.close()?;
    Ok(())
}
// ANCHOR_END: one_flushes

pub fn all_flush(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    create_dataset::<i32>(&file, "numbers", 8)?;
    file.flush()?;
    file.close()?;
    Ok(())
}

// ANCHOR: no_rows_no_call
pub fn no_rows_no_call(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let number = create_dataset::<i32>(&file, "numbers", 1)?;
    let mine = rows_of(world.rank(), world.size(), 1); // one row: rank 0 has it
    if !mine.is_empty() {
        write_rows(&number, mine, arr1(&[42]).view(), Transfer::Collective)?;
    }
    drop(number);
    file.close()?;
    Ok(())
}
// ANCHOR_END: no_rows_no_call

// ANCHOR: no_rows_but_a_call
pub fn no_rows_but_a_call(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let number = create_dataset::<i32>(&file, "numbers", 1)?;
    let mine = rows_of(world.rank(), world.size(), 1);
    let values = Array1::from_elem(mine.len(), 42); // of no numbers, on the other ranks
    write_rows(&number, mine, values.view(), Transfer::Collective)?;
    drop(number);
    file.close()?;
    Ok(())
}
// ANCHOR_END: no_rows_but_a_call

// ANCHOR: a_call_for_each_row
pub fn a_call_for_each_row(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let rows = world.size() as usize + 1; // rank 0 has two of them, the others one
    let numbers = create_dataset::<i32>(&file, "numbers", rows)?;
    for row in rows_of(world.rank(), world.size(), rows) {
        let value = arr1(&[row as i32]);
        write_rows(&numbers, row..row + 1, value.view(), Transfer::Collective)?;
    }
    drop(numbers);
    file.close()?;
    Ok(())
}
// ANCHOR_END: a_call_for_each_row

pub fn a_call_for_all_rows(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let rows = world.size() as usize + 1;
    let numbers = create_dataset::<i32>(&file, "numbers", rows)?;
    let mine = rows_of(world.rank(), world.size(), rows);
    let values = Array1::from_iter(mine.clone().map(|row| row as i32));
    write_rows(&numbers, mine, values.view(), Transfer::Collective)?;
    drop(numbers);
    file.close()?;
    Ok(())
}

// ANCHOR: one_attribute
pub fn one_attribute(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let numbers = create_dataset::<i32>(&file, "numbers", 8)?;
    if world.rank() == 0 {
        numbers.new_attr::<i32>().create("step")?.write_scalar(&7)?;
    }
    drop(numbers);
    file.close()?;
    Ok(())
}
// ANCHOR_END: one_attribute

pub fn attribute_of_all(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let numbers = create_dataset::<i32>(&file, "numbers", 8)?;
    numbers.new_attr::<i32>().create("step")?.write_scalar(&7)?;
    drop(numbers);
    file.close()?;
    Ok(())
}

// ANCHOR: paths_differ
pub fn paths_differ(world: &SimpleCommunicator) -> Result<()> {
    let name = format!("pitfall-{}.hdf5", world.rank());
    let file = create(data_folder()?.join(name), world)?;
    create_dataset::<i32>(&file, "numbers", 8)?;
    file.close()?;
    Ok(())
}
// ANCHOR_END: paths_differ

/// A file of one rank is opened by that rank, without MPI-IO.
pub fn own_file(world: &SimpleCommunicator) -> Result<()> {
    let name = format!("pitfall-{}.hdf5", world.rank());
    let file = hdf5::File::create(data_folder()?.join(name))?;
    create_dataset::<i32>(&file, "numbers", 8)?;
    file.close()?;
    Ok(())
}

// ANCHOR: shapes_differ
pub fn shapes_differ(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let rows = 9 + world.rank() as usize; // each rank counts one more
    create_dataset::<i32>(&file, "numbers", rows)?;
    file.close()?;
    Ok(())
}
// ANCHOR_END: shapes_differ

pub fn same_shape(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    create_dataset::<i32>(&file, "numbers", 9)?;
    file.close()?;
    Ok(())
}

// ANCHOR: names_differ
pub fn names_differ(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let name = format!("numbers-{}", world.rank());
    create_dataset::<i32>(&file, &name, 8)?;
    file.close()?;
    Ok(())
}
// ANCHOR_END: names_differ

pub fn all_names(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    for rank in 0..world.size() {
        create_dataset::<i32>(&file, &format!("numbers-{rank}"), 8)?;
    }
    file.close()?;
    Ok(())
}

// ANCHOR: datasets_differ
pub fn datasets_differ(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let numbers = one_for_each_rank(world, &file)?; // compressed
    let mine = rows_of(world.rank(), world.size(), 8);
    let values = Array1::from_elem(mine.len(), world.rank() + 1);
    // Together, and each rank to its own dataset.
    let own = &numbers[world.rank() as usize];
    write_rows(own, mine, values.view(), Transfer::Collective)?;
    drop(numbers);
    file.close()?;
    Ok(())
}
// ANCHOR_END: datasets_differ

// ANCHOR: one_dataset_after_another
pub fn one_dataset_after_another(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let numbers = one_for_each_rank(world, &file)?;
    for (rank, dataset) in (0..).zip(&numbers) {
        let mine = match rank == world.rank() {
            true => rows_of(world.rank(), world.size(), 8),
            false => 0..0, // nothing of mine is in it, but I make the call
        };
        let values = Array1::from_elem(mine.len(), world.rank() + 1);
        write_rows(dataset, mine, values.view(), Transfer::Collective)?;
    }
    drop(numbers);
    file.close()?;
    Ok(())
}
// ANCHOR_END: one_dataset_after_another

fn one_for_each_rank(
    world: &SimpleCommunicator,
    file: &hdf5::File,
) -> Result<Vec<hdf5::Dataset>> {
    let options = DatasetOptions::new().chunks(&[4]).deflate(4);
    let created = (0..world.size()).map(|rank| {
        let name = format!("numbers-{rank}");
        options.create::<i32>(file, &name, &[8])
    });
    created.collect()
}

// ANCHOR: values_differ
pub fn values_differ(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let numbers = create_dataset::<i32>(&file, "numbers", 8)?;
    let found = 10 + world.rank(); // what this rank has counted
    let attribute = numbers.new_attr::<i32>().create("found")?;
    attribute.write_scalar(&found)?;
    drop((attribute, numbers));
    file.close()?;
    Ok(())
}
// ANCHOR_END: values_differ

// ANCHOR: values_gathered
pub fn values_gathered(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let numbers = create_dataset::<i32>(&file, "numbers", 8)?;
    let found = 10 + world.rank();
    let mut all = vec![0; world.size() as usize];
    world.all_gather_into(&found, &mut all[..]); // now all ranks have the same to write
    let attribute = numbers.new_attr::<i32>().shape(all.len()).create("found")?;
    attribute.write(&all)?;
    drop((attribute, numbers));
    file.close()?;
    Ok(())
}
// ANCHOR_END: values_gathered

// ANCHOR: order_differs
pub fn order_differs(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    let mut names = ["pressure", "speed", "temperature"];
    names.rotate_left(world.rank() as usize % 3); // a HashMap would mix them like that
    for name in names {
        create_dataset::<i32>(&file, name, 8)?;
    }
    file.close()?;
    Ok(())
}
// ANCHOR_END: order_differs

pub fn same_order(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
    for name in ["pressure", "speed", "temperature"] {
        create_dataset::<i32>(&file, name, 8)?;
    }
    file.close()?;
    Ok(())
}
