//! Chapter 3: every distance in the file is that of its point, computed again by one
//! process, row by row.

#[path = "exercises/check.rs"]
pub mod exercises;

use std::path::PathBuf;

use hdf5::{Dataset, File};
use ndarray::{Array2, s};

use check::{Finished, Verdict, saying};

/// So many rows are looked at together; a file may be larger than the memory.
const BLOCK: usize = 1 << 18;

pub fn check(run: &Finished) -> Verdict {
    run.ended_well()?;
    let stem = if run.args.iter().any(|arg| arg == "--naive") {
        "naive"
    } else {
        "coords"
    };
    let path = match (option(run, "--file"), option(run, "--rows")) {
        (Some(path), _) => PathBuf::from(path),
        (None, Some(rows)) => run.data.join(format!("{stem}-{rows}.hdf5")),
        (None, None) => run.data.join(format!("{stem}.hdf5")),
    };
    let shown = path.display();
    let name = option(run, "--dataset").unwrap_or("coords");
    let name = name.trim_matches('/');
    let beside = match name.rsplit_once('/') {
        Some((group, _)) => format!("{group}/distances"),
        None => "distances".to_owned(),
    };
    let file = saying(&shown.to_string(), File::open(&path))?;
    let points = saying(name, file.dataset(name))?;
    let distances = saying(&beside, file.dataset(&beside))?;
    let [rows, columns] = points.shape()[..] else {
        return Err(format!("{name} has the shape {:?}", points.shape()));
    };
    if distances.shape() != [rows] {
        return Err(format!(
            "{beside} has the shape {:?}, not [{rows}]",
            distances.shape()
        ));
    }
    compare(&points, &distances, rows, columns)?;
    Ok(format!(
        "{rows} distances are right, computed again by one process"
    ))
}

fn compare(
    points: &Dataset,
    distances: &Dataset,
    rows: usize,
    columns: usize,
) -> Result<(), String> {
    // Numbers of one precision, computed in another: they agree to that precision.
    let tolerance = if distances.dtype().is_ok_and(|it| it.size() == 4) {
        1e-6
    } else {
        1e-14
    };
    for start in (0..rows).step_by(BLOCK) {
        let block = start..rows.min(start + BLOCK);
        let points = match columns {
            0 => Array2::zeros((block.len(), 0)),
            _ => saying(
                "coords",
                points.read_slice_2d::<f64, _>(s![block.clone(), ..]),
            )?,
        };
        let found = saying("distances", distances.read_slice_1d::<f64, _>(s![block]))?;
        for (row, (point, found)) in points.rows().into_iter().zip(found).enumerate() {
            let right = point.iter().map(|x| x * x).sum::<f64>().sqrt();
            let same = (found - right).abs() <= tolerance * right
                || found.is_nan() && right.is_nan();
            if !same && found != right {
                let row = start + row;
                return Err(format!("distances[{row}] is {found}, should be {right}"));
            }
        }
    }
    Ok(())
}

/// The value of an option: `--file F` or `--file=F`.
fn option<'a>(run: &'a Finished, name: &str) -> Option<&'a str> {
    let with_equals = format!("{name}=");
    let mut args = run.args.iter();
    while let Some(arg) = args.next() {
        if arg == name {
            return args.next().map(String::as_str);
        }
        if let Some(value) = arg.strip_prefix(&with_equals) {
            return Some(value);
        }
    }
    None
}
