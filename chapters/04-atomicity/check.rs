//! Chapter 4: the number arrives; where atomic mode is honoured no read is torn; and what
//! is passed on by the recipe or by a message is whole.

#[path = "exercises/check.rs"]
pub mod exercises;

use hdf5::File;

use check::{Finished, Verdict, saying};

pub fn check(run: &Finished) -> Verdict {
    run.ended_well()?;
    if run.ranks == 1 {
        return Ok("one rank can write, but there is nobody to read; try NP=2".to_owned());
    }
    let mut held = Vec::new();
    let does = |option: &str| {
        run.args.is_empty() || run.args.iter().any(|arg| arg.starts_with(option))
    };
    if run.args.is_empty() {
        held.push(check_demo(run)?);
    }
    if does("--torn-reads") {
        held.push(check_torn_reads(run)?);
    }
    for (option, how) in [
        ("--recipe", "through the file"),
        ("--message", "by message"),
    ] {
        if does(option) {
            let wanted = format!("{how}: rank 1 read 100 times, 0 of them wrong");
            printed(run, &wanted)?;
            held.push(format!("nothing lost {how}"));
        }
    }
    Ok(held.join("; "))
}

fn check_demo(run: &Finished) -> Result<String, String> {
    printed(run, "rank 1 reads 42")?;
    let file = saying("atomic.hdf5", File::open(run.data.join("atomic.hdf5")))?;
    let number = saying("x", file.dataset("x").and_then(|x| x.read_1d::<i32>()))?;
    match number.as_slice() {
        Some([42]) => Ok("42 arrived".to_owned()),
        _ => Err(format!("x holds {number}, not 42")),
    }
}

/// ROMIO (MPICH's, and Open MPI's second) must keep the promise. Open MPI's own OMPIO is
/// only reported: 4.1 does not keep it.
fn check_torn_reads(run: &Finished) -> Result<String, String> {
    let rows: Vec<&str> = run
        .printed
        .lines()
        .filter(|line| line.starts_with("| "))
        .collect();
    if rows.is_empty() {
        return Err("nobody counted torn reads".to_owned());
    }
    for row in &rows {
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let [library, _off, on] = cells[..] else {
            return Err(format!("this row has not three cells: {row}"));
        };
        if library.starts_with("ROMIO") && !on.starts_with("0 of ") {
            return Err(format!("{library}: {on} in atomic mode; it should be none"));
        }
    }
    match rows.iter().any(|row| row.starts_with("| ROMIO")) {
        true => Ok("no torn read in ROMIO's atomic mode".to_owned()),
        false => Ok("reported as it is: OMPIO is held to nothing".to_owned()),
    }
}

fn printed(run: &Finished, wanted: &str) -> Result<(), String> {
    match run.printed.lines().any(|line| line == wanted) {
        true => Ok(()),
        false => Err(format!("nobody printed `{wanted}`")),
    }
}
