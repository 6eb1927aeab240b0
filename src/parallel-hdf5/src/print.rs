//! One rank prints for all.

use mpi::datatype::PartitionMut;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use std::io::Write as _;

/// Prints each rank's `text` on a line of its own, in rank order: rank 0 gathers the texts
/// and prints them. **Collective** over `comm`.
pub fn print_in_order(comm: &SimpleCommunicator, text: &str) {
    let root = comm.process_at_rank(0);
    let bytes = text.as_bytes();
    let length = bytes.len() as i32;
    if comm.rank() != 0 {
        root.gather_into(&length);
        root.gather_varcount_into(bytes);
        return;
    }
    let mut lengths = vec![0_i32; comm.size() as usize];
    root.gather_into_root(&length, &mut lengths[..]);
    let starts: Vec<i32> = lengths
        .iter()
        .scan(0, |end, length| {
            *end += length;
            Some(*end - length)
        })
        .collect();
    let mut all = vec![0_u8; lengths.iter().sum::<i32>() as usize];
    root.gather_varcount_into_root(
        bytes,
        &mut PartitionMut::new(&mut all[..], &lengths[..], &starts[..]),
    );
    for (start, length) in starts.into_iter().zip(lengths) {
        let text = &all[start as usize..(start + length) as usize];
        println!("{}", String::from_utf8_lossy(text));
    }
}

/// Writes a line to standard error in one piece. `eprintln!` hands over its parts one by
/// one, and a launcher may put another rank's words between them.
pub(crate) fn complain(message: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = std::io::stderr().write_all(format!("{message}\n").as_bytes());
}
