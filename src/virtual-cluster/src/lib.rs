//! A cluster on one machine, in two ways: [`hosts`], network namespaces between which `mpirun` goes by
//! TCP, and [`slurm`], the real daemons of Slurm with a `slurmd` for each node.

pub mod hosts;
#[cfg(target_os = "linux")]
mod namespaces;
pub mod slurm;

#[cfg(target_os = "linux")]
pub use namespaces::{enter, ssh};

/// Only Linux has namespaces.
#[cfg(not(target_os = "linux"))]
pub fn enter(_spec: &str, _command: &[std::ffi::OsString]) -> i32 {
    hosts::NOT_MADE
}

/// Only Linux has namespaces. The exit status is that of ssh(1).
#[cfg(not(target_os = "linux"))]
pub fn ssh(_args: &[std::ffi::OsString]) -> i32 {
    255
}
