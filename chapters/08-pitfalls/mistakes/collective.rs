//! Collective calls that not all ranks make, or not with the same arguments.

use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{Array1, arr1};
use parallel_hdf5::{
    Result, Transfer, create, create_dataset, data_folder, open, rows_of, write_rows,
};

use super::path;

/// A file with eight numbers, made by all ranks as it should be.
pub fn all_create(world: &SimpleCommunicator) -> Result<()> {
    let file = create(path()?, world)?;
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
