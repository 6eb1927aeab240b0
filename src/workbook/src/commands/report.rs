//! `workbook report`: one text for somebody who is to help.

use std::path::Path;

use anyhow::Result;
use workbook::{doctor, report};

use crate::cli::Machine;

pub(crate) fn run(root: &Path, machine: &Machine) -> Result<bool> {
    super::doctor::see_libclang(root)?;
    let request = doctor::Request {
        mpi: machine.mpi,
        ranks: None,
        hdf5: machine.hdf5.clone(),
    };
    report::report(root, &request)
}
