//! Chapter 1: every process says hello, in no order; then rank 0 puts the answers in order.

// ANCHOR: traits
use mpi::traits::*;
// ANCHOR_END: traits

fn main() {
    // ANCHOR: hello
    let universe = mpi::initialize().expect("MPI can be started once in a process");
    let world = universe.world();
    println!("Hello World (from process {})", world.rank());
    // ANCHOR_END: hello

    // ANCHOR: size
    println!("I am rank {} of {}", world.rank(), world.size());
    // ANCHOR_END: size

    // ANCHOR: gather
    // Every rank hands in the same two numbers; rank 0 gets all of them, in rank order.
    let mine = [world.rank(), world.size()];
    let root = world.process_at_rank(0);
    if world.rank() == 0 {
        let mut all = vec![0; 2 * world.size() as usize];
        root.gather_into_root(&mine[..], &mut all[..]);
        for pair in all.chunks(2) {
            println!("gathered: rank {} of {}", pair[0], pair[1]);
        }
    } else {
        root.gather_into(&mine[..]);
    }
    // ANCHOR_END: gather

    // ANCHOR: alone
    parallel_hdf5::warn_if_alone(&world);
    // ANCHOR_END: alone
}
