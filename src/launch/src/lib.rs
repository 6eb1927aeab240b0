//! Finds the MPI and the HDF5 of this machine, and starts programs on several ranks.
//!
//! # Layout
//! - [`mpi`], [`toolchain`]: which MPI and HDF5 there are, and what cargo needs to build with them;
//!   [`wheel`]: an MPI that came without root. [`cargo_config`], [`cargo`]: cargo itself.
//! - [`launch`]: a program on several ranks; [`supervise`]: any command, under a time limit and
//!   with no process left behind; [`limits`]: what it may use up;
//!   [`isolate`]: what a sandbox for a stranger's program must offer.
//! - [`namespaces`]: a first process in namespaces of its own, on which sandboxes and virtual hosts
//!   are built.
//! - [`launcher_output`]: tells what a launcher says from what the ranks printed.
//!
//! It depends on neither MPI nor HDF5, so that it can say that they are missing.

pub mod cargo;
pub mod cargo_config;
mod find;
pub mod isolate;
pub mod launch;
pub mod launcher_output;
pub mod limits;
pub mod mpi;
#[cfg(target_os = "linux")]
pub mod namespaces;
mod path;
pub mod supervise;
pub mod toolchain;
pub mod wheel;

pub use isolate::{Confined, Isolate, Workload};
pub use launch::{Launch, Run, Wrap, ranks, run_inside};
pub use mpi::Mpi;
pub use path::{cores, is_program, on_path, on_path_of_root, output_of};
pub use toolchain::Toolchain;
