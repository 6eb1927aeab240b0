//! Exercise 9.3: many small writes become one.
//!
//! The ranks take turns with the rows of `grid`: rank 0 has the rows 0, 1 and 2, rank 1 the
//! rows 3, 4 and 5, and so on, and after the last rank it begins again with rank 0. The last
//! block may be short, and a rank may have none.
//!
//! The program below is right, and slow: it writes each number by a call of its own. Let each
//! rank write all of its numbers in one call, collectively, so that the ranks' pieces can be
//! put together before they go to the file.
//!
//! Checked is what `grid` holds, which rows each rank wrote, and in how many calls.
//! `make exercise-9-3` checks, `make hint-9-3` helps.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::Array2;
use parallel_hdf5::{Slab, Transfer, cyclic, write_slab};

const BLOCK: usize = 3;

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("grid.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        let grid = file.dataset("grid")?;
        let (rows, columns) = (grid.shape()[0], grid.shape()[1]);

        // My rows, and the numbers that belong there.
        let mine = cyclic(world.rank(), world.size(), rows, BLOCK);
        let numbers: Vec<i64> = mine
            .iter()
            .flat_map(|row| (0..columns).map(move |column| (100 * row + column) as i64))
            .collect();
        let numbers = Array2::from_shape_vec((mine.len(), columns), numbers)?;

        // YOUR PART BEGINS
        for (at, row) in mine.iter().enumerate() {
            for column in 0..columns {
                let one = Slab::of(&grid)
                    .along(0, row..row + 1)
                    .along(1, column..column + 1);
                let number = Array2::from_elem((1, 1), numbers[[at, column]]);
                write_slab(&grid, &one, number.view(), Transfer::Independent)?;
            }
        }
        // YOUR PART ENDS
        Ok(())
    })
}
