//! Chapter 6: the tables hold the same however they were written; what was asked for was done
//! where it can be; and together ROMIO needs fewer calls of the operating system.

#[path = "exercises/check.rs"]
pub mod exercises;

use hdf5::File;
use ndarray::{Array1, Array2};

use check::{Finished, Verdict, saying};

pub fn check(run: &Finished) -> Verdict {
    run.ended_well()?;
    let has = |option: &str| run.args.iter().any(|arg| arg.starts_with(option));
    let compares = run.args.is_empty() || has("--compare");
    let wishes = run.args.is_empty() || has("--wish");
    let mut held = Vec::new();
    if run.args.is_empty() || !(compares || wishes || has("--wrong")) {
        held.push(check_tables(run)?);
    }
    if wishes {
        held.push(check_wishes(run)?);
    }
    if compares {
        held.push(check_comparison(run)?);
    }
    Ok(match held.is_empty() {
        true => "it has not hung".to_owned(),
        false => held.join("; "),
    })
}

fn check_tables(run: &Finished) -> Result<String, String> {
    let name = "readings.hdf5";
    let file = saying(name, File::open(run.data.join(name)))?;
    let tables = saying(name, file.member_names())?;
    for name in &tables {
        let table = saying(name, file.dataset(name))?;
        let found: Array2<f64> = saying(name, table.read())?;
        for ((moment, sensor), number) in found.indexed_iter() {
            let right = moment as f64 + sensor as f64 / 1000.0;
            if *number != right {
                return Err(format!(
                    "`{name}[{moment}, {sensor}]` is {number}, should be {right}"
                ));
            }
        }
        let (share, transfer) = name.split_once('-').unwrap_or((name, ""));
        let wanted = format!("{share}: {transfer}, as asked; ");
        if !run.printed.lines().any(|line| line.starts_with(&wanted)) {
            return Err(format!("nobody printed `{wanted}…`"));
        }
    }
    match tables.as_slice() {
        [] => Err(format!("{name} holds no table")),
        [one] => Ok(format!("`{one}` is right")),
        all => Ok(format!("{} tables hold the same", all.len())),
    }
}

fn check_wishes(run: &Finished) -> Result<String, String> {
    let name = "wishes.hdf5";
    let file = saying(name, File::open(run.data.join(name)))?;
    let right = Array1::from_shape_fn(1000, |row| row as f32 / 8.0);
    for name in [
        "converted-by-hdf5",
        "converted-before",
        "converted-on-rank-0",
    ] {
        let dataset = saying(name, file.dataset(name))?;
        let found: Array1<f32> = saying(name, dataset.read())?;
        if found != right {
            return Err(format!("`{name}` does not hold what was written"));
        }
    }
    let mut lines = run.printed.lines();
    lines.find(|line| *line == "converted-before:");
    match lines
        .next()
        .is_some_and(|it| it.ends_with(": collective, as asked"))
    {
        true => Ok("where nothing is converted, the wish is granted".to_owned()),
        false => Err("numbers of the same type were not written collectively".to_owned()),
    }
}

/// What is faster is not held against anybody. What ROMIO does with columns is.
fn check_comparison(run: &Finished) -> Result<String, String> {
    let rows = run.printed.lines().filter(|line| line.starts_with("| "));
    let mut fewer = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let [library, _ranks, share, _writing, writes, _reading, _reads] = cells[..] else {
            return Err(format!("this row has not seven cells: {row}"));
        };
        let numbers = writes.split_once(" → ");
        let numbers = numbers.and_then(|(one, other)| {
            Some((one.parse::<u64>().ok()?, other.parse::<u64>().ok()?))
        });
        let (alone, together) = numbers.ok_or(format!("no numbers: {writes}"))?;
        // 0: nobody counts on this system.
        if library.starts_with("ROMIO") && share.starts_with("columns") && alone > 0 {
            if together * 100 > alone {
                return Err(format!(
                    "{library}: {writes} writes; it should be far fewer"
                ));
            }
            fewer += 1;
        }
    }
    match fewer {
        0 => Ok("compared".to_owned()),
        _ => Ok("ROMIO writes columns together in few calls".to_owned()),
    }
}
