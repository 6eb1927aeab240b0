//! Exercise 4.2: a counter that loses nothing.
//!
//! `tickets.hdf5` holds the dataset `counter`: one number, that of the next ticket to be sold.
//! Each rank sells some tickets: `wanted[r]` says how many rank r sells, and that may be none.
//! Then `first[r]` is to be the number of its first one; the others follow it. No number is
//! sold twice or left out, and in the end `counter` is the number of the next ticket again.
//!
//! In the program below each rank reads the counter, adds its tickets, and writes the counter.
//! The ranks sell the same tickets. Make it right, with messages of MPI; one rank alone writes
//! the counter, once.
//!
//! Checked are `first` and `counter`, who wrote the counter, and that nobody reads it at the
//! same time: the rank that writes it must wait for those that read it, by a message or by a
//! collective call of MPI.
//! `make exercise-4-2` checks, `make hint-4-2` helps.

use std::process::ExitCode;

use mpi::collective::SystemOperation;
use mpi::traits::*;
use ndarray::{Array1, array};
use parallel_hdf5::{Transfer, create_dataset, read_rows, write_rows};

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        let path = parallel_hdf5::data_folder()?.join("tickets.hdf5");
        let file = parallel_hdf5::open(path, world)?;
        let (rank, size) = (world.rank() as usize, world.size() as usize);
        let counter = file.dataset("counter")?;
        let wanted = file.dataset("wanted")?;
        let first = create_dataset::<i64>(&file, "first", size)?;

        let mine = rank..rank + 1;
        let wanted: Array1<i64> = read_rows(&wanted, mine.clone(), Transfer::Independent)?;
        let wanted: i64 = wanted[0];

        // YOUR PART BEGINS
        //~ let next: Array1<i64> = read_rows(&counter, 0..1, Transfer::Independent)?;
        //~ let my_first = next[0];
        //~ world.barrier(); // so that all ranks read the same
        //~ let next = array![my_first + wanted];
        //~ write_rows(&counter, 0..1, next.view(), Transfer::Independent)?;
        // How many tickets the ranks before this one sell. MPI leaves the answer open on rank
        // 0, which has none before it.
        let mut before = 0;
        world.exclusive_scan_into(&wanted, &mut before, SystemOperation::sum());
        if rank == 0 {
            before = 0;
        }
        // How many all ranks sell.
        let mut sold = 0;
        world.all_reduce_into(&wanted, &mut sold, SystemOperation::sum());

        // Rank 0 alone has to do with the counter. The others get it by message.
        let mut next = 0;
        if rank == 0 {
            let read: Array1<i64> = read_rows(&counter, 0..1, Transfer::Independent)?;
            next = read[0];
            let after = array![next + sold];
            write_rows(&counter, 0..1, after.view(), Transfer::Independent)?;
        }
        world.process_at_rank(0).broadcast_into(&mut next);
        let my_first = next + before;
        // YOUR PART ENDS

        let my_first = array![my_first];
        write_rows(&first, mine, my_first.view(), Transfer::Independent)?;
        Ok(())
    })
}
