//! Exercise 3.2: a block of columns for each rank.
//!
//! `rain.hdf5` holds a dataset `rain`: a row for each day, a column for each gauge, in
//! micrometres, of `i64`. Wanted is `total`, of the same shape and type: how much each gauge has
//! collected from the first day up to and including this one.
//!
//! A total needs the days before it, so the rows cannot be cut as in this chapter: each rank
//! would begin at 0 again. The columns can. Give each rank a block of columns, shared out as
//! evenly as the rows were: consecutive columns, in rank order. There may be more ranks than
//! columns.
//!
//! Checked are all totals, and which columns each rank read and wrote.
//! `make exercise-3-2` checks, `make hint-3-2` helps.

use std::process::ExitCode;

use mpi::traits::*;
use ndarray::{Array2, Axis, s};
use parallel_hdf5::{create_dataset, rows_of};

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("rain.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        let rain = file.dataset("rain")?;
        let (days, gauges) = (rain.shape()[0], rain.shape()[1]);
        let total = create_dataset::<i64>(&file, "total", (days, gauges))?;

        // YOUR PART BEGINS
        let mine = rows_of(world.rank(), world.size(), days);
        let mut block: Array2<i64> = rain.read_slice(s![mine.clone(), ..])?;
        block.accumulate_axis_inplace(Axis(0), |before, day| *day += before);
        total.write_slice(&block, s![mine, ..])?;
        // YOUR PART ENDS

        drop((rain, total));
        file.close()?;
        Ok(())
    })
}
