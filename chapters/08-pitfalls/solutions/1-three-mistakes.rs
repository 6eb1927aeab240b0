//! Exercise 8.1: three mistakes.
//!
//! Each rank has counted the visitors of some days. All write their numbers to the dataset
//! `visitors` (of `u64`) of `visitors.hdf5`, each rank its own days, and the dataset gets an
//! attribute `total` (of `u64`), the sum of all days. The program ends well on any number of
//! ranks, and the file is wrong. There are three mistakes in it. Find and mend them.
//!
//! Checked, on 1, 2, 3, 4 and 7 ranks: the type and the numbers of `visitors`, which rank wrote
//! which rows, and the attribute.
//! `make exercise-8-1` checks it, `make hint-8-1` gives a hint.

use std::process::ExitCode;

use mpi::collective::SystemOperation;
use mpi::traits::*;
use ndarray::Array1;
use parallel_hdf5::{Transfer, create_dataset, rows_of, write_rows};

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let folder = parallel_hdf5::data_folder()?;
        let counted = std::fs::read_to_string(folder.join("visitors.txt"))?;
        let counted: Vec<u64> =
            counted.lines().map(str::parse).collect::<Result<_, _>>()?;
        let file = parallel_hdf5::create(folder.join("visitors.hdf5"), world)?;

        // YOUR PART BEGINS
        //~ let days = counted.len();
        //~ let visitors = create_dataset::<u32>(&file, "visitors", days)?;
        //~ let mine = rows_of(world.rank(), world.size(), days);
        //~
        //~ // From the day before its first, to be on the safe side.
        //~ let mine = mine.start.saturating_sub(1)..mine.end;
        //~ let numbers = Array1::from(counted[mine.clone()].to_vec());
        //~ write_rows(&visitors, mine, numbers.view(), Transfer::Independent)?;
        //~
        //~ // The sum of all ranks' sums; each rank gets it.
        //~ let (sum, mut total) = (numbers.sum(), 0_u64);
        //~ world.all_reduce_into(&sum, &mut total, SystemOperation::sum());
        //~ if world.rank() == 0 {
        //~     let attribute = visitors.new_attr::<u64>();
        //~     attribute.create("total")?.write_scalar(&total)?;
        //~ }
        let days = counted.len();
        let visitors = create_dataset::<u64>(&file, "visitors", days)?;
        let mine = rows_of(world.rank(), world.size(), days);

        let numbers = Array1::from(counted[mine.clone()].to_vec());
        write_rows(&visitors, mine, numbers.view(), Transfer::Independent)?;

        // The sum of all ranks' sums; each rank gets it.
        let (sum, mut total) = (numbers.sum(), 0_u64);
        world.all_reduce_into(&sum, &mut total, SystemOperation::sum());
        // An attribute is structure: all create it, and write the same.
        let attribute = visitors.new_attr::<u64>();
        attribute.create("total")?.write_scalar(&total)?;
        // YOUR PART ENDS

        drop(visitors);
        file.close()?;
        Ok(())
    })
}
