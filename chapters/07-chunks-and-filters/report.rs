//! What the program prints of a dataset: which rank wrote what, and how large it became.

use std::ops::Range;

use hdf5::Dataset;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::{Report, print_in_order};

/// `rows 0 to 249`, `row 3`, `no rows`.
pub fn range(what: &str, range: &Range<usize>) -> String {
    match range.len() {
        0 => format!("no {what}s"),
        1 => format!("{what} {}", range.start),
        _ => format!("{what}s {} to {}", range.start, range.end - 1),
    }
}

/// The chunks in which these rows lie.
pub fn chunks_of(rows: &Range<usize>, chunk: usize) -> Range<usize> {
    match rows.is_empty() {
        true => 0..0,
        false => rows.start / chunk..rows.end.div_ceil(chunk),
    }
}

/// Each rank says which rows it has, and in which chunks they lie; rank 0 adds how many chunks
/// have rows of more than one rank. **Collective**.
pub fn rows_and_chunks(
    world: &SimpleCommunicator,
    mine: &Range<usize>,
    rows: usize,
    chunk: usize,
) {
    let chunks = chunks_of(mine, chunk);
    let line = format!(
        "rank {}: {}, in {}",
        world.rank(),
        range("row", mine),
        range("chunk", &chunks)
    );
    print_in_order(world, &line);

    let mut ranks_in_chunk = vec![0_i32; rows.div_ceil(chunk)];
    for ranks in &mut ranks_in_chunk[chunks] {
        *ranks += 1;
    }
    let mut sum = vec![0_i32; ranks_in_chunk.len()];
    let add = mpi::collective::SystemOperation::sum();
    world.all_reduce_into(&ranks_in_chunk[..], &mut sum[..], add);
    if world.rank() == 0 {
        let shared = sum.iter().filter(|ranks| **ranks > 1).count();
        println!("{} chunks, {shared} of them shared by ranks", sum.len());
    }
}

/// Rank 0 says what HDF5 did, and how many bytes the numbers take now.
/// **Collective** over the file's communicator, as is asking for the size.
pub fn sizes(world: &SimpleCommunicator, dataset: &Dataset, what_happened: &Report) {
    let plain = dataset.size() * dataset.dtype().map_or(0, |it| it.size());
    let packed = dataset.storage_size();
    if world.rank() == 0 {
        println!("{what_happened}");
        println!("{plain} bytes of numbers take {packed} bytes of the file");
    }
}
