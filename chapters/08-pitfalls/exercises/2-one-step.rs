//! Exercise 8.2: one step, not the file.
//!
//! A simulation with a number for each cell. After each step it writes the cells to a row of
//! `states` (of `f64`), in `steps.hdf5`. In the step that `plan.txt` names, all ranks die in the
//! middle of writing. Afterwards the file must open. `complete` (of `u64`, one number) must say
//! how many steps were whole by then, and these must be in `states`. If `plan.txt` names none,
//! nobody dies, and in the end all steps are complete.
//!
//! `file.flush()` is collective. Writing with `Transfer::Independent` is not.
//!
//! Checked, on 1, 2, 3, 4 and 7 ranks: that the file opens, the steps, and `complete`.
//! `make exercise-8-2` checks it, `make hint-8-2` gives a hint.

use std::process::ExitCode;

use hdf5::Dataset;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{Array2, arr1};
use parallel_hdf5::{
    Result, Slab, Transfer, create_dataset, data_folder, rows_of, write_rows, write_slab,
};

const CELLS: usize = 12;
const STEPS: usize = 6;

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let folder = data_folder()?;
        let plan = std::fs::read_to_string(folder.join("plan.txt"))?;
        let dies_in: Option<usize> = plan.trim().parse().ok();
        let file = parallel_hdf5::create(folder.join("steps.hdf5"), world)?;
        let states = create_dataset::<f64>(&file, "states", (STEPS, CELLS))?;
        let complete = create_dataset::<u64>(&file, "complete", 1)?;

        // YOUR PART BEGINS
        // Done before the loop, so that no step can forget it.
        count(world, &complete, STEPS)?;
        for step in 0..STEPS {
            write_step(world, &states, step, dies_in == Some(step))?;
        }
        // YOUR PART ENDS

        drop((states, complete));
        file.close()?;
        Ok(())
    })
}

/// Writes this rank's cells of a step, in two halves; dies between them if it is to. Not
/// collective, except for dying: all ranks die at once.
fn write_step(
    world: &SimpleCommunicator,
    states: &Dataset,
    step: usize,
    dies: bool,
) -> Result<()> {
    let mine = rows_of(world.rank(), world.size(), CELLS);
    let middle = mine.start + mine.len() / 2;
    for half in [mine.start..middle, middle..mine.end] {
        let second = half.start == middle;
        if dies && second {
            world.barrier(); // all have come this far
            std::process::abort();
        }
        let value = |cell: usize| (step + 1) as f64 + cell as f64 / 100.0;
        let row = Array2::from_shape_fn((1, half.len()), |(_, it)| value(half.start + it));
        let slab = Slab::of(states).along(0, step..step + 1).along(1, half);
        write_slab(states, &slab, row.view(), Transfer::Independent)?;
    }
    Ok(())
}

/// Rank 0 writes how many steps are complete. Not collective.
fn count(world: &SimpleCommunicator, complete: &Dataset, steps: usize) -> Result<()> {
    if world.rank() == 0 {
        let steps = arr1(&[steps as u64]);
        write_rows(complete, 0..1, steps.view(), Transfer::Independent)?;
    }
    Ok(())
}
