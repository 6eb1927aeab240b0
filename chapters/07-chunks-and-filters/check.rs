//! Chapter 7: every number is in the file, compressed, read by one process; and what is said of
//! space, unwritten parts and reading again is what HDF5 did.

#[path = "exercises/check.rs"]
pub mod exercises;

#[path = "heights.rs"]
mod heights;

use hdf5::File;
use ndarray::Array2;

use check::{Finished, Verdict, saying};

pub fn check(run: &Finished) -> Verdict {
    run.ended_well()?;
    // Without arguments `make chapter-7` makes all runs, one after the other.
    let does = |option: &str| {
        run.args.is_empty() || run.args.iter().any(|arg| arg.starts_with(option))
    };
    let mut held = Vec::new();
    if does("--slabs") {
        held.push(check_heights(run, "heights.hdf5", 1000)?);
    }
    if does("--append") {
        held.push(check_heights(run, "growing.hdf5", 389)?);
    }
    if does("--space") {
        held.push(check_space(run)?);
    }
    if does("--unwritten") {
        held.push(check_unwritten(run)?);
    }
    if does("--again") {
        held.push(check_again(run)?);
    }
    if held.is_empty() {
        held.push("measured; nobody is held to a time".to_owned());
    }
    Ok(held.join("; "))
}

/// All heights of a file, and that they are packed.
fn check_heights(run: &Finished, name: &str, rows: usize) -> Result<String, String> {
    let file = saying(name, File::open(run.data.join(name)))?;
    let dataset = saying(name, file.dataset("heights"))?;
    let found: Array2<i32> = saying(name, dataset.read())?;
    let right = heights::of(0..rows, 64);
    if found.shape() != right.shape() {
        return Err(format!("{name}: the shape is {:?}", found.shape()));
    }
    let mut pairs = found.indexed_iter().zip(&right);
    if let Some(((place, is), should)) = pairs.find(|((_, is), should)| is != should) {
        return Err(format!(
            "{name}: heights{place:?} is {is}, should be {should}"
        ));
    }
    let (plain, packed) = (rows * 64 * 4, dataset.storage_size() as usize);
    if 2 * packed > plain {
        return Err(format!("{name}: {packed} bytes for {plain} are not packed"));
    }
    Ok(format!("{rows} rows are right in {name}, packed"))
}

/// In the parallel file all space that is not for compressed chunks is there at once.
fn check_space(run: &Finished) -> Result<String, String> {
    for (layout, plain) in [("contiguous", "256000"), ("chunked", "262144")] {
        for allocation in ["early", "late"] {
            let alone = if allocation == "early" { plain } else { "0" };
            printed(run, &[layout, allocation, plain, alone])?;
        }
    }
    Ok("space is taken as the page says".to_owned())
}

/// What is filled at allocation holds no old numbers.
fn check_unwritten(run: &Finished) -> Result<String, String> {
    for layout in ["contiguous", "chunked"] {
        let filled = ["at", "allocation", "0", "old", "numbers,", "1000", "zeros"];
        printed(run, &[&[layout], &filled[..]].concat())?;
    }
    Ok("what is filled holds no old numbers".to_owned())
}

/// What is read collectively, or after opening again, is what was written last.
fn check_again(run: &Finished) -> Result<String, String> {
    for when in [["then,", "collectively:"], ["again,", "independently:"]] {
        printed(run, &[&when[..], &["0", "ones,", "1000", "twos"]].concat())?;
    }
    Ok("the second write is read".to_owned())
}

/// An error unless some line ends with these words.
fn printed(run: &Finished, wanted: &[&str]) -> Result<(), String> {
    let ends = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.ends_with(wanted)
    };
    match run.printed.lines().any(ends) {
        true => Ok(()),
        false => Err(format!("nobody printed `{}`", wanted.join(" "))),
    }
}
