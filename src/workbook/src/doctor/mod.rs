//! `make doctor`: what this machine has, what is wrong with it, and the cure.
//!
//! Each check tries the real thing where it can: two processes are started and asked
//! whether they know of each other, a lock is taken and contested, libclang is made to
//! read a header. What follows from another finding is not looked at: without an MPI
//! nothing is said of its HDF5.

mod environment;
mod hdf5;
mod libclang;
mod locks;
mod machine;
mod mpi;
mod mpiio;

use std::path::Path;

use anyhow::Result;
use launch::wheel::Wheel;

use machine::Machine;
pub use machine::{Finding, Mark, Report, Request};

/// Looks at everything.
pub fn examine(root: &Path, request: &Request) -> Result<Report> {
    let mut report = Report {
        mpi: request.mpi.name(),
        findings: Vec::new(),
        skipped: Vec::new(),
    };
    let machine = Machine { root, request };

    environment::rust(&machine, &mut report)?;
    environment::c_compiler(&machine, &mut report);
    let mpi = mpi::check(&machine, &mut report)?;
    if mpi.is_some() && Wheel::chosen(root, request.mpi).is_some() {
        report.ok(
            "rootless",
            format!(
                "this {} comes from Python's package index, without root; ROOTLESS=0 with \
                 any command goes back to the system's packages",
                request.mpi
            ),
        );
    }
    environment::cores(&machine, &mut report, mpi.as_ref())?;
    libclang::check(&machine, &mut report);
    let data = locks::check(&machine, &mut report, mpi.as_ref());
    match &mpi {
        Some(mpi) => hdf5::check(&machine, &mut report, mpi, data.as_deref())?,
        None => report.skipped.push("HDF5"),
    }
    if let (Some(mpi), Some(data)) = (&mpi, &data) {
        mpiio::check(&machine, &mut report, mpi, data)?;
    }
    environment::cargo_config(&machine, &mut report);
    environment::environment(&machine, &mut report);
    environment::optional(&machine, &mut report);
    Ok(report)
}
