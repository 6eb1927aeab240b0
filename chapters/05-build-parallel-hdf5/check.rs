//! Chapter 5: the library says that it is parallel, every rank read what all ranks wrote,
//! and the file opens without MPI. With `--compare-python`: Python's file holds the same.

#[path = "exercises/check.rs"]
pub mod exercises;

use hdf5::File;

use check::{Finished, Verdict, saying};

const ROWS: u64 = 1000;

/// The datasets that the program writes: one as it is, one through a filter.
const DATASETS: [&str; 2] = ["squares", "squares-filtered"];

pub fn check(run: &Finished) -> Verdict {
    if run.args.iter().any(|arg| arg == "--compare-python") {
        return compare_with_python(run);
    }
    run.ended_well()?;
    if run.args.iter().any(|arg| arg.starts_with("--library")) {
        return Ok("it is an HDF5 library; what kind is said above".to_owned());
    }
    if run.args.iter().any(|arg| arg == "--help" || arg == "-h") {
        return Ok("the program told how it is used".to_owned());
    }
    if !run.printed.lines().any(|line| line == "parallel: yes") {
        return Err("the library does not say that it is parallel".to_owned());
    }
    for rank in 0..run.ranks {
        let begin = format!("rank {rank}: wrote rows ");
        let end = format!(", read {ROWS} and {ROWS} right");
        if !run
            .printed
            .lines()
            .any(|it| it.starts_with(&begin) && it.ends_with(&end))
        {
            return Err(format!(
                "rank {rank} did not read back all that was written"
            ));
        }
    }
    let wanted: Vec<u64> = (0..ROWS).map(|row| row * row).collect();
    for name in DATASETS {
        if read(run, "proof.hdf5", name)? != wanted {
            return Err(format!("proof.hdf5: {name} does not hold the squares"));
        }
    }
    let version = run
        .printed
        .lines()
        .find(|line| line.starts_with("HDF5 "))
        .unwrap_or("HDF5");
    let ranks = run.ranks_in_words();
    Ok(format!(
        "{version} is parallel: {ranks} wrote one file, and it opens without MPI"
    ))
}

fn compare_with_python(run: &Finished) -> Verdict {
    for name in DATASETS {
        if read(run, "proof.hdf5", name)? != read(run, "proof-python.hdf5", name)? {
            return Err(format!(
                "{name} is not the same in Rust's file and in Python's"
            ));
        }
    }
    Ok("Python's file holds the same as Rust's".to_owned())
}

fn read(run: &Finished, file: &str, dataset: &str) -> Result<Vec<u64>, String> {
    let path = run.data.join(file);
    let file = saying(&path.display().to_string(), File::open(&path))?;
    let dataset = saying(dataset, file.dataset(dataset))?;
    saying(&dataset.name(), dataset.read_raw::<u64>())
}
