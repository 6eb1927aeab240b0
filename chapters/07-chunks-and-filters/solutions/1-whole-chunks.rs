//! Exercise 7.1: whole chunks.
//!
//! `survey.hdf5` holds a dataset `raw`, of `i32`, in chunks of some rows and all columns. Wanted
//! is `depth`: the same numbers times ten, in chunks of the same size, compressed. A chunk is
//! packed as a whole. So no chunk of `depth` is to have rows of two ranks.
//!
//! In the program below the ranks share out the rows. Let them share out chunks: consecutive
//! ones, in rank order, and no rank more than one chunk more than another. The last chunk may
//! have fewer rows than the others. There may be more ranks than chunks.
//!
//! Checked are all numbers, and which chunks each rank has written to.
//! `make exercise-7-1` checks, `make hint-7-1` helps.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::Array2;
use parallel_hdf5::{DatasetOptions, Transfer, agree, read_rows, rows_of, write_rows};

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("survey.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        let raw = file.dataset("raw")?;
        let (rows, columns) = (raw.shape()[0], raw.shape()[1]);
        // How many rows a chunk has.
        let chunk = raw.chunk().ok_or("`raw` is not in chunks")?[0];
        let depth = DatasetOptions::new()
            .chunks(&[chunk, columns])
            .shuffle()
            .deflate(6)
            .create::<i32>(&file, "depth", &[rows, columns])?;

        // YOUR PART BEGINS
        //~ let mine = rows_of(world.rank(), world.size(), rows);
        // So many chunks; the last one may not be full.
        let chunks = rows.div_ceil(chunk);
        // `rows_of` only counts; it does not mind that they are chunks.
        let mine = rows_of(world.rank(), world.size(), chunks);
        // In rows. The last chunk ends with the dataset, and so does a rank without chunks.
        let mine = (mine.start * chunk).min(rows)..(mine.end * chunk).min(rows);
        // YOUR PART ENDS

        let numbers = read_rows(&raw, mine.clone(), Transfer::Collective);
        let numbers: Array2<i32> = agree(world, numbers)?;
        let numbers = numbers.mapv(|number| 10 * number);
        let written = write_rows(&depth, mine, numbers.view(), Transfer::Collective);
        agree(world, written)?;

        drop((raw, depth));
        file.close()?;
        Ok(())
    })
}
