//! The proof that all ranks can write one file, and read it.

use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{Result, Transfer, agree, read_rows, rows_of, write_rows};

const ROWS: usize = 1000;

/// Writes one file from all ranks, reads it on all, and says what each got.
pub fn write_and_read(world: &SimpleCommunicator) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("proof.hdf5");
    let mine = rows_of(world.rank(), world.size(), ROWS);

    // ANCHOR: write
    // All ranks write one file; the second dataset goes through a filter on its way.
    let file = parallel_hdf5::create(&path, world)?;
    let values = Array1::from_iter(mine.clone().map(|row| (row * row) as u64));
    let squares = file.new_dataset::<u64>().shape(ROWS).create("squares")?;
    write_rows(&squares, mine.clone(), values.view(), Transfer::Independent)?;
    let builder = file.new_dataset::<u64>().chunk(100).shuffle();
    let filtered = builder.shape(ROWS).create("squares-filtered")?;
    agree(
        world,
        write_rows(&filtered, mine.clone(), values.view(), Transfer::Collective),
    )?;
    drop((squares, filtered));
    file.close()?;
    // ANCHOR_END: write

    // ANCHOR: read
    // Each rank reads all rows: its own, and those that the others wrote.
    let file = parallel_hdf5::open_read_only(&path, world)?;
    let is_right = |(row, value): (usize, &u64)| (row * row) as u64 == *value;
    let mut right = vec![0_u64; 2];
    for (count, name) in right.iter_mut().zip(["squares", "squares-filtered"]) {
        let all: Array1<u64> =
            read_rows(&file.dataset(name)?, 0..ROWS, Transfer::Collective)?;
        *count = all.iter().enumerate().filter(|it| is_right(*it)).count() as u64;
    }
    file.close()?;
    // ANCHOR_END: read

    report(&right, world)
}

fn report(right: &[u64], world: &SimpleCommunicator) -> Result<()> {
    let root = world.process_at_rank(0);
    if world.rank() != 0 {
        root.gather_into(right);
        return Ok(());
    }
    let mut all = vec![0_u64; 2 * world.size() as usize];
    root.gather_into_root(right, &mut all[..]);
    for (rank, right) in all.chunks(2).enumerate() {
        let wrote = rows_of(rank as i32, world.size(), ROWS);
        println!(
            "rank {rank}: wrote rows {wrote:?}, read {} and {} right",
            right[0], right[1]
        );
    }
    Ok(())
}
