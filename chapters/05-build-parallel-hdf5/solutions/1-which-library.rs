//! Exercise 5.1: which of them are parallel?
//!
//! The program is given the names of some files. Rank 0 prints each name with a verdict:
//! `library-1.so: parallel` for an HDF5 library with which several ranks can open one file,
//! `serial` for another HDF5 library, and `not HDF5` for anything else, or nothing at all.
//! Write `verdict`. Some of the files pretend to be what they are not.
//!
//! Checked, on 1 and 3 ranks: the verdict on each file.
//! `make exercise-5-1` checks it, `make hint-5-1` gives a hint.

use std::path::Path;
use std::process::ExitCode;

use mpi::traits::*;
use parallel_hdf5::inspect::Library;

fn main() -> ExitCode {
    parallel_hdf5::run(|world| {
        if world.rank() == 0 {
            let folder = parallel_hdf5::data_folder()?;
            for name in std::env::args().skip(1) {
                println!("{name}: {}", verdict(&folder.join(&name)));
            }
        }
        Ok(())
    })
}

fn verdict(file: &Path) -> &'static str {
    // YOUR PART BEGINS
    //~ // The word is in it, so ...
    //~ let bytes = std::fs::read(file).unwrap_or_default();
    //~ let text = String::from_utf8_lossy(&bytes);
    //~ match text.contains("Parallel HDF5") {
    //~     true => "parallel",
    //~     false => "serial",
    //~ }
    match Library::inspect(file) {
        // Missing, no library, or one without HDF5's functions.
        Err(_) => "not HDF5",
        // What counts is the function that a program would call. Settings are what somebody
        // says, and who needs an MPI library need not use it for files.
        Ok(library) if library.has_mpio => "parallel",
        Ok(_) => "serial",
    }
    // YOUR PART ENDS
}
