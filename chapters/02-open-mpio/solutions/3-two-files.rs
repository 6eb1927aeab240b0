//! Exercise 2.3: two files.
//!
//! The ranks 0, 2, 4 … write `even.hdf5` together, and the ranks 1, 3, 5 … `odd.hdf5`. Each
//! file has a dataset `numbers` (of `u64`) with `ROWS` rows, in the one the first even numbers
//! (0, 2, 4 …), in the other the first odd ones (1, 3, 5 …). The ranks of a file share its
//! rows as evenly as `rows_of` does. With one rank there is only `even.hdf5`.
//!
//! `rows_of(rank, size, rows)`, `write_rows` and `Transfer` are explained in chapter 3; what
//! stands below the hole need not be changed.
//!
//! Checked, on 1, 2, 3, 4 and 7 ranks: the files, which ranks opened which, each with a
//! communicator of just its ranks, and which rank wrote which rows.
//! `make exercise-2-3` checks it, `make hint-2-3` gives a hint.

use std::process::ExitCode;

use mpi::topology::Color;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{Transfer, create_dataset, rows_of, write_rows};

const ROWS: usize = 3;

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let folder = parallel_hdf5::data_folder()?;

        // YOUR PART BEGINS
        //~ // So far all ranks write one file, with the even numbers.
        //~ let (half, first, name) = (world, 0, "even.hdf5");
        // Who gives the same colour gets the same communicator. The call is collective over
        // `world`; what follows is collective over one half, and the halves do not wait for
        // each other.
        let parity = world.rank() % 2;
        let half = world
            .split_by_color(Color::with_value(parity))
            .ok_or("a rank that gives a colour gets a communicator")?;
        let half = &half;
        let (first, name) = match parity {
            0 => (0, "even.hdf5"),
            _ => (1, "odd.hdf5"),
        };
        // YOUR PART ENDS

        let file = parallel_hdf5::create(folder.join(name), half)?;
        let numbers = create_dataset::<u64>(&file, "numbers", ROWS)?;
        let mine = rows_of(half.rank(), half.size(), ROWS);
        let values = Array1::from_iter(mine.clone().map(|row| 2 * row as u64 + first));
        write_rows(&numbers, mine, values.view(), Transfer::Independent)?;

        drop(numbers);
        file.close()?;
        Ok(())
    })
}
