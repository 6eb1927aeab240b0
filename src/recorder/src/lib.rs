//! Writes down what a rank calls in MPI and HDF5.
//!
//! Loaded into each rank by `LD_PRELOAD`, it has functions of the same names as those of
//! MPI and HDF5, which the program then calls in their place: they write a line into the
//! folder that `WORKBOOK_RECORD` names, call the real function, and write another. Without
//! `WORKBOOK_RECORD` they only call. The crate `record` has the format, and the reader.
//!
//! It must disturb nothing: no output, no panic, the same `errno`; HDF5's error stack is as
//! the real call leaves it. It calls no function that waits for other ranks.

#![cfg(target_os = "linux")]

#[cfg(target_pointer_width = "64")]
mod bytes;
#[cfg(not(target_pointer_width = "64"))]
#[path = "no_bytes.rs"]
mod bytes;
mod hdf5;
mod intercept;
mod load;
mod mpi;
mod objects;
mod stack;
mod symbols;
mod text;
mod thread;
mod wrappers;
mod writer;
