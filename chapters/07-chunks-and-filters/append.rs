//! A dataset that grows.

use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::{DatasetOptions, Result, Slab, Transfer, agree, rows_of, write_slab};

use crate::heights;

const COLUMNS: usize = 64;
/// How many rows each step brings. Every rank knows it.
pub const ROWS: [usize; 5] = [100, 37, 0, 250, 2];

/// Appends the rows of each step, all ranks together. **Collective**.
pub fn steps(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("growing.hdf5");
    let file = parallel_hdf5::create(path, world)?;
    // ANCHOR: create
    let dataset = DatasetOptions::new()
        .chunks(&[64, COLUMNS])
        .shuffle()
        .deflate(6)
        .unlimited(0)
        .create::<i32>(&file, "heights", &[0, COLUMNS])?;
    // ANCHOR_END: create

    for (step, rows) in ROWS.into_iter().enumerate() {
        // ANCHOR: step
        // Where the new rows begin: ask before the dataset grows.
        let old_end = dataset.shape()[0];
        // The shape is metadata: all ranks, and all the same.
        agree(world, dataset.resize((old_end + rows, COLUMNS)))?;

        // The new rows are shared out; there may be none for some, or for all.
        let share = rows_of(world.rank(), world.size(), rows);
        let mine = old_end + share.start..old_end + share.end;
        let values = heights::of(mine.clone(), COLUMNS);
        let slab = Slab::of(&dataset).along(0, mine);
        let written = write_slab(&dataset, &slab, values.view(), Transfer::Collective);
        agree(world, written)?;
        // ANCHOR_END: step
        if world.rank() == 0 {
            println!("step {step}: {rows} rows more, {} in all", old_end + rows);
        }
    }
    drop(dataset);
    agree(world, file.close())?;
    Ok(())
}
