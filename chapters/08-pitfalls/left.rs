//! What a run left behind, as any program without MPI sees it.

use std::path::Path;

use hdf5::File;

use super::model::{CELLS, after};

/// Says of each file of the simulation in `folder` what it is good for. Not collective.
pub fn look(folder: &Path) -> Vec<String> {
    let mut said = Vec::new();
    for (name, look) in [
        ("steps.hdf5", steps as fn(&File) -> hdf5::Result<String>),
        ("state.hdf5", state),
        ("state.hdf5.part", state),
    ] {
        let path = folder.join(name);
        if !path.exists() {
            continue;
        }
        let what = match File::open(&path) {
            // The last part of the message is the cause, and the same in each release of HDF5.
            Err(error) => {
                let message = error.to_string();
                let cause = message.rsplit(": ").next().unwrap_or(&message);
                format!("does not open: {cause}")
            }
            Ok(file) => match look(&file) {
                Err(error) => format!("opens, and cannot be read: {error}"),
                Ok(what) => format!("opens: {what}"),
            },
        };
        said.push(format!("{name} {what}"));
    }
    said
}

/// A row for each step.
fn steps(file: &File) -> hdf5::Result<String> {
    let states = file.dataset("states")?.read_2d::<f64>()?;
    let complete = file.dataset("complete")?.read_raw::<u64>()?[0] as usize;
    let mut whole = 0;
    let mut torn = Vec::new();
    for (step, row) in states.rows().into_iter().enumerate() {
        let right = after(step + 1);
        match row
            .iter()
            .zip(&right)
            .filter(|(is, should)| is == should)
            .count()
        {
            CELLS if step == whole => whole += 1,
            0 => {}
            some => torn.push(format!("; step {step} is torn: {some} of {CELLS} cells")),
        }
    }
    let marked = format!("{whole} steps are whole, {complete} are marked complete");
    Ok(marked + &torn.concat())
}

/// The last step only.
fn state(file: &File) -> hdf5::Result<String> {
    let cells = file.dataset("state")?.read_raw::<f64>()?;
    let complete = file.dataset("complete")?.read_raw::<u64>()?[0] as usize;
    let of = |steps: usize| {
        let right = after(steps);
        cells
            .iter()
            .zip(&right)
            .filter(|(is, should)| is == should)
            .count()
    };
    let (now, next) = (of(complete), of(complete + 1));
    Ok(match (now, next) {
        (CELLS, _) => format!("the state after {complete} steps, whole"),
        _ => format!(
            "{now} of {CELLS} cells are those after {complete} steps, {next} those after {}",
            complete + 1
        ),
    })
}
