//! `workbook report`: one text for somebody who is to help.

use std::path::Path;

use anyhow::Result;
use workbook::{doctor, report};

use super::args::Machine;
use super::doctor::see_libclang;

pub(crate) fn run(root: &Path, machine: &Machine) -> Result<bool> {
    see_libclang(root)?;
    let request = doctor::Request {
        mpi: machine.mpi,
        ranks: None,
        hdf5: machine.hdf5.clone(),
    };
    report::report(root, &request)
}
