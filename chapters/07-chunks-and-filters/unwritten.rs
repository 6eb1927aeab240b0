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

/// In how many files.
const FILES: usize = 20;

/// Each rank has a row, and all write together, but the ranks 2 and 3 write nothing. Prints in
/// how many files there is something in their rows. **Collective**.
pub fn gap(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("gap.hdf5");
    let (rank, size) = (world.rank() as usize, world.size() as usize);
    for (word, fill) in [
        ("if set", FillTime::IfSet),
        ("at allocation", FillTime::Alloc),
    ] {
        let mut stray = 0;
        for _ in 0..FILES {
            // ANCHOR: gap
            let file = parallel_hdf5::create(&path, world)?;
            let rows = DatasetOptions::new().fill(fill);
            let rows = rows.create::<i64>(&file, "rows", &[size])?;
            let mine = match rank {
                2 | 3 => rank..rank,
                _ => rank..rank + 1,
            };
            let numbers = Array1::from_elem(mine.len(), 100_i64);
            let slab = Slab::of(&rows).along(0, mine);
            write_slab(&rows, &slab, numbers.view(), Transfer::Collective)?;
            // ANCHOR_END: gap
            drop(rows);
            file.close()?;
            if rank == 0 {
                let written = File::open(&path)?.dataset("rows")?.read_1d::<i64>()?;
                stray += usize::from(written.iter().skip(2).take(2).any(|it| *it != 0));
            }
            world.barrier();
        }
        if rank == 0 {
            println!(
                "{word:<14} rows that nobody wrote hold something in {stray} of {FILES} files"
            );
        }
    }
    Ok(())
}
