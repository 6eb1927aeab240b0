//! What goes wrong: ranks that have nothing to write leave out a collective call.

use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::{Result, Transfer, write_slab};

use crate::table::{Share, create_table, readings};

/// Fewer columns than the ranks that are started.
const SHAPE: [usize; 2] = [256, 3];

/// Hangs on four ranks or more.
pub fn leave_out(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("leave-out.hdf5");
    let file = parallel_hdf5::create(&path, world)?;
    let table = create_table(&file, "columns", SHAPE)?;
    // ANCHOR: leave_out
    let slab = Share::Columns.of(world.rank(), world.size(), &table);
    let mine = readings(&slab);
    if slab.is_empty() {
        println!("rank {}: nothing to write, on to the close", world.rank());
    } else {
        write_slab(&table, &slab, mine.view(), Transfer::Collective)?;
    }
    // ANCHOR_END: leave_out
    drop(table);
    file.close()?;
    println!("rank {}: closed", world.rank());
    Ok(())
}
