//! Exercise 6.3: dealt out like cards.
//!
//! The ranks paint a picture: the dataset `picture` in `picture.hdf5`, of `i32`, a number for
//! each pixel, all of them 0 so far. Some parts of a picture take longer than others. So that all
//! ranks are done at about the same time, its columns are cut into bands of `BAND` columns, and
//! these are dealt out like cards: the first band to rank 0, the next one to rank 1, and so on,
//! then to rank 0 again. The last band may be narrower, and there may be fewer bands than ranks.
//!
//! The program below gives each rank a block of columns instead. Deal them out, and let each rank
//! write all of its bands by one collective call.
//!
//! Checked are all pixels, which of them each rank wrote, and by how many calls.
//! `make exercise-6-3` checks, `make hint-6-3` helps.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::Array2;
use parallel_hdf5::{Slab, Transfer, cyclic, rows_of, write_slab};

/// How many columns a band has.
const BAND: usize = 4;

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("picture.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        let picture = file.dataset("picture")?;
        let (rows, columns) = (picture.shape()[0], picture.shape()[1]);
        let (rank, size) = (world.rank(), world.size());

        // YOUR PART BEGINS
        let mine = rows_of(rank, size, columns);
        let slab = Slab::of(&picture).along(1, mine.clone());
        let pixels = Array2::from_shape_fn((rows, mine.len()), |(row, j)| {
            paint(row, mine.start + j)
        });
        write_slab(&picture, &slab, pixels.view(), Transfer::Independent)?;
        // YOUR PART ENDS

        drop(picture);
        file.close()?;
        Ok(())
    })
}

/// The colour of a pixel. In a real picture this takes a while, and longer for some than others.
fn paint(row: usize, column: usize) -> i32 {
    (1000 * (row + 1) + column) as i32
}
