//! Exercise 7.2: only what changed.
//!
//! `map.hdf5` holds a dataset `heights`, of `i32`, compressed. Each of its chunks is a tile of the
//! map: some rows with all their columns. `changed` is a list of tiles: their numbers, from 0.
//! In these tiles all numbers are to be raised by 1. The other tiles are not to be written.
//!
//! The list is shared out to the ranks. In the program below each of them goes through its
//! part, tile by tile, and writes for itself. Run it, and see what HDF5 says to that.
//!
//! Checked are all numbers, and that each changed tile, and no other, was written once.
//! `make exercise-7-2` checks, `make hint-7-2` helps.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::{Array1, Array2};
use parallel_hdf5::{Transfer, read_rows, rows_of, write_rows};

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("map.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        let heights = file.dataset("heights")?;
        let rows = heights.shape()[0];
        // The rows of a tile. The last tile of the map may have fewer.
        let tile_rows = heights.chunk().ok_or("`heights` is not in chunks")?[0];
        let list = file.dataset("changed")?;
        let changed: Array1<u64> = read_rows(&list, 0..list.size(), Transfer::Independent)?;
        // This rank's part of the list.
        let mine = rows_of(world.rank(), world.size(), changed.len());

        // YOUR PART BEGINS
        //~ for number in mine {
        //~     let start = changed[number] as usize * tile_rows;
        //~     let tile = start..(start + tile_rows).min(rows);
        //~     let mut values: Array2<i32> =
        //~         read_rows(&heights, tile.clone(), Transfer::Independent)?;
        //~     values += 1;
        //~     write_rows(&heights, tile, values.view(), Transfer::Independent)?;
        //~ }
        // As many rounds as the rank with the longest part needs; that is rank 0.
        let rounds = rows_of(0, world.size(), changed.len()).len();
        for round in 0..rounds {
            let tile = match mine.clone().nth(round) {
                Some(number) => {
                    let start = changed[number] as usize * tile_rows;
                    start..(start + tile_rows).min(rows)
                }
                // A rank that has finished takes part with nothing.
                None => 0..0,
            };
            let mut values: Array2<i32> =
                read_rows(&heights, tile.clone(), Transfer::Collective)?;
            values += 1;
            write_rows(&heights, tile, values.view(), Transfer::Collective)?;
        }
        // YOUR PART ENDS

        drop((heights, list));
        file.close()?;
        Ok(())
    })
}
