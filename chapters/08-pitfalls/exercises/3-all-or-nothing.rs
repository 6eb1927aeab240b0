//! Exercise 8.3: all or nothing.
//!
//! Three days, and for each day a text file from each rank: `day-0-part-0.txt` is the part of
//! rank 0 of day 0, a number on each line, as many as in every other part. Make
//! `results.hdf5` of them: a dataset `day-0`, `day-1` and `day-2` (of `f64`), each with the parts
//! of all ranks one after the other.
//!
//! An older `results.hdf5` is there. If a part is bad, this file must stay as it is, byte for byte,
//! all the time; and the program must end on all ranks, without an abort, with a status other than
//! 0 and one message on standard error, which names the bad part. If all are good, the new file
//! takes the place of the old one.
//!
//! `agree(world, outcome)` gives all ranks the same error if any has one. `write_then_rename(path,
//! world, |file| ...)` lets you fill a new file, which then takes the place of that at `path`.
//! All ranks call either of them.
//!
//! Checked, on 1, 2, 3, 4 and 7 ranks, with good parts and with bad ones: the file, the status and
//! the message.
//! `make exercise-8-3` checks it, `make hint-8-3` gives a hint.

use std::path::Path;
use std::process::ExitCode;

use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{Transfer, agree, create_dataset, write_rows, write_then_rename};

/// How many numbers a part has.
const PART: usize = 5;

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let folder = parallel_hdf5::data_folder()?;
        let path = folder.join("results.hdf5");
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        let mine = rank * PART..(rank + 1) * PART;

        // YOUR PART BEGINS
        let file = parallel_hdf5::create(&path, world)?;
        for day in 0..3 {
            let all = create_dataset::<f64>(&file, &format!("day-{day}"), size * PART)?;
            // A bad part counts as zeros.
            let part = part_of(&folder, day, rank).unwrap_or(Array1::zeros(PART));
            write_rows(&all, mine.clone(), part.view(), Transfer::Collective)?;
        }
        file.close()?;
        // YOUR PART ENDS

        Ok(())
    })
}

/// The numbers of a rank's part of a day. An error names the part.
fn part_of(folder: &Path, day: usize, rank: usize) -> Result<Array1<f64>, String> {
    let name = format!("day-{day}-part-{rank}.txt");
    let text = std::fs::read_to_string(folder.join(&name))
        .map_err(|error| format!("{name}: {error}"))?;
    let number = |line: &str| {
        line.parse::<f64>()
            .map_err(|_| format!("{name}: `{line}` is no number"))
    };
    let numbers: Array1<f64> = text.lines().map(number).collect::<Result<_, _>>()?;
    match numbers.len() {
        PART => Ok(numbers),
        other => Err(format!("{name}: {other} numbers, should be {PART}")),
    }
}
