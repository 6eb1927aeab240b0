//! A wrong answer to exercise 2.1, for the page on exercises: it hangs, and the check says why.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::create_dataset;

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("groups.hdf5");
        let file = parallel_hdf5::create(&path, world)?;

        // ANCHOR: wrong
        if world.rank() == 0 {
            for rank in 0..world.size() {
                let group = file.create_group(&format!("rank-{rank}"))?;
                let values = numbers_of(rank);
                let numbers = create_dataset::<u64>(&group, "numbers", values.len())?;
                numbers.write(&values)?;
            }
        }
        // ANCHOR_END: wrong

        file.close()?;
        Ok(())
    })
}

/// The numbers of a rank: three for rank 0, four for rank 1, and so on. Every rank can
/// compute those of all.
fn numbers_of(rank: i32) -> Array1<u64> {
    let rank = rank as u64;
    (0..3 + rank).map(|i| 100 * (rank + 1) + i).collect()
}
