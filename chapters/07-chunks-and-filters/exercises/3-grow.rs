//! Exercise 7.3: let it grow.
//!
//! `station.hdf5` holds a dataset `counts`: how many rows each step of a measurement brings. All
//! ranks can read it. Wanted is `series`, compressed, which begins without rows and grows with
//! each step by just the rows of this step. In it the rows of a step stand behind those of the
//! step before. The ranks share out the rows of each step, evenly. A step may bring fewer rows
//! than there are ranks, or none.
//!
//! In the program below each step writes over the one before. Let `series` grow.
//!
//! Checked are all rows, which of them each rank wrote, and how long `series` was when they were
//! written.
//! `make exercise-7-3` checks, `make hint-7-3` helps.

use std::ops::Range;
use std::process::ExitCode;

use mpi::traits::*;
use ndarray::{Array1, Array2};
use parallel_hdf5::{DatasetOptions, Transfer, read_rows, rows_of, write_rows};

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("station.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        let list = file.dataset("counts")?;
        let counts: Array1<u64> = read_rows(&list, 0..list.size(), Transfer::Independent)?;
        let series = DatasetOptions::new()
            .chunks(&[16, 3])
            .deflate(6)
            .unlimited(0)
            .create::<i64>(&file, "series", &[0, 3])?;

        for (step, count) in counts.iter().enumerate() {
            let count = *count as usize;

            // YOUR PART BEGINS
            series.resize((count, 3))?;
            let mine = rows_of(world.rank(), world.size(), count);
            let rows = measured(step, mine.clone());
            write_rows(&series, mine, rows.view(), Transfer::Collective)?;
            // YOUR PART ENDS
        }

        drop((list, series));
        file.close()?;
        Ok(())
    })
}

/// Some of the rows of a step, counted from 0 in each step: `measured(2, 0..5)` are the first
/// five of step 2.
fn measured(step: usize, rows: Range<usize>) -> Array2<i64> {
    Array2::from_shape_fn((rows.len(), 3), |(row, column)| {
        let row = rows.start + row;
        [step as i64, row as i64, (step * 1000 + row) as i64 * 3][column]
    })
}
