//! What is in a dataset that nobody wrote to.

use hdf5::File;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{Array1, Ix1};
use parallel_hdf5::{
    DatasetOptions, FillTime, Result, Slab, Transfer, agree, read_slab, rows_of, write_slab,
};

const NUMBERS: usize = 1000;
/// What was in the file before.
const OLD: i32 = 7;

/// Prints the table. **Collective**.
pub fn table(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("unwritten.hdf5");
    if world.rank() == 0 {
        println!("{:<11} {:<14} what is read", "layout", "fill time");
    }
    for layout in ["contiguous", "chunked"] {
        for (word, fill) in [
            ("never", FillTime::Never),
            ("if set", FillTime::IfSet),
            ("at allocation", FillTime::Alloc),
        ] {
            let file = agree(world, parallel_hdf5::create(&path, world))?;
            let old = agree(world, how_many_old(&file, world, layout, fill))?;
            agree(world, file.close())?;
            if world.rank() == 0 {
                let zeros = NUMBERS - old;
                println!("{layout:<11} {word:<14} {old} old numbers, {zeros} zeros");
            }
        }
    }
    Ok(())
}

/// How many numbers of a new dataset are those of one that was deleted before. **Collective**.
fn how_many_old(
    file: &File,
    world: &SimpleCommunicator,
    layout: &str,
    fill: FillTime,
) -> Result<usize> {
    // ANCHOR: old
    let options = || match layout {
        "contiguous" => DatasetOptions::new(),
        _ => DatasetOptions::new().chunks(&[100]),
    };
    // Written, and deleted: its place in the file is free again.
    let old = options().create::<i32>(file, "old", &[NUMBERS])?;
    let mine = rows_of(world.rank(), world.size(), NUMBERS);
    let sevens = Array1::from_elem(mine.len(), OLD);
    let slab = Slab::of(&old).along(0, mine);
    write_slab(&old, &slab, sevens.view(), Transfer::Collective)?;
    drop(old);
    file.unlink("old")?;

    // The next one of this size gets that place. Nobody writes to it.
    let new = options()
        .fill(fill)
        .create::<i32>(file, "new", &[NUMBERS])?;
    let read = read_slab::<i32, Ix1>(&new, &Slab::of(&new), Transfer::Collective)?;
    // ANCHOR_END: old
    drop(new);
    file.unlink("new")?;
    Ok(read.iter().filter(|it| **it == OLD).count())
}
