//! On which node is a rank, and which folders do all nodes see?

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::{Result, agree};

// ANCHOR: node
/// The number of this rank's node; the node of rank 0 is 0. **Collective**.
pub fn node_of(world: &SimpleCommunicator) -> usize {
    // Ranks that can share memory are on one node.
    let here = world.split_shared(world.rank());
    let mut first = world.rank();
    here.process_at_rank(0).broadcast_into(&mut first);
    // So many nodes begin before this one:
    let mut firsts = vec![0; world.size() as usize];
    world.all_gather_into(&first, &mut firsts[..]);
    let before: BTreeSet<i32> = firsts.into_iter().filter(|it| *it < first).collect();
    before.len()
}
// ANCHOR_END: node

// ANCHOR: seen
/// An error on each rank that does not see in `folder` what rank 0 writes there. **Collective**.
pub fn seen_by_all(world: &SimpleCommunicator, folder: &Path) -> Result<()> {
    let probe = folder.join("written-by-rank-0");
    let written = match world.rank() {
        0 => fs::write(&probe, "").map_err(|error| format!("{}: {error}", probe.display())),
        _ => Ok(()),
    };
    agree(world, written)?;
    let seen = probe.exists();
    world.barrier(); // all have looked
    if world.rank() == 0 {
        fs::remove_file(&probe)?;
    }
    match seen {
        true => Ok(()),
        false => Err(format!(
            "what rank 0 writes into {} is not there on this rank's node: the folder is not on \
             a file system that the nodes share",
            folder.display()
        ))?,
    }
}
// ANCHOR_END: seen
