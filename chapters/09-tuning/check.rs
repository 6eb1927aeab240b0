//! Chapter 9: every case was measured, and read back right; how long it took is not judged.

#[path = "exercises/check.rs"]
pub mod exercises;

use check::{Finished, Verdict};

pub fn check(run: &Finished) -> Verdict {
    run.ended_well()?;
    let asked = |option: &str| run.args.iter().any(|arg| arg.starts_with(option));
    if asked("--list") {
        return Ok("nothing was measured".to_owned());
    }
    if asked("--metadata-reads") {
        return metadata_reads(&run.printed);
    }
    let mut held = Vec::new();
    if !asked("--hints") {
        held.push(measured(&run.printed)?);
    }
    if run.args.is_empty() || asked("--hints") {
        held.push(hints(&run.printed)?);
    }
    Ok(held.join("; "))
}

/// The program reads everything back before it counts a time, and fails if something is
/// wrong. Here: each table has ratios, and its first case is compared with itself.
fn measured(printed: &str) -> Result<String, String> {
    let (mut tables, mut cases) = (0, 0);
    let mut lines = printed.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.contains(": how many times as long as \"") {
            continue;
        }
        tables += 1;
        let mut rows = Vec::new();
        while let Some(row) = lines.next_if(|line| line.starts_with("  ")) {
            let cells = row.trim().split("  ").map(str::trim);
            rows.push(cells.filter(|it| !it.is_empty()).collect::<Vec<_>>());
        }
        let [_, base, others @ ..] = rows.as_slice() else {
            return Err(format!("a table without cases: {line}"));
        };
        if base[1..].iter().any(|ratio| *ratio != "1") {
            return Err(format!("`{}` is not the baseline", base[0]));
        }
        for row in others {
            if let Some(cell) = row[1..].iter().find(|cell| !is_ratio(cell)) {
                return Err(format!("`{}`: `{cell}` is no ratio", row[0]));
            }
        }
        cases += rows.len() - 1;
    }
    match tables {
        0 => Err("nothing was measured".to_owned()),
        _ => Ok(format!("{cases} cases measured, all read back right")),
    }
}

/// `1.52 (1.31–1.80)`, in that order.
fn is_ratio(cell: &str) -> bool {
    let numbers: Vec<f64> = cell
        .split(['(', '–', ')'])
        .filter_map(|number| number.trim().parse().ok())
        .collect();
    matches!(numbers[..], [median, low, high] if low <= median && median <= high)
}

/// Alone, each rank reads once for each group and more. Together, only one of them does, unless
/// this HDF5 ignores the option.
fn metadata_reads(printed: &str) -> Result<String, String> {
    let reads = |start: &str| -> Result<Vec<u64>, String> {
        let line = printed.lines().find(|it| it.trim().starts_with(start));
        let numbers = line.and_then(|it| it.split(['[', ']']).nth(1));
        let numbers = numbers.ok_or(format!("no line `{start}`"))?;
        let numbers = numbers.split(", ").map(str::parse);
        let numbers: Result<_, _> = numbers.collect();
        numbers.map_err(|_| format!("no numbers after `{start}`"))
    };
    let (alone, together) = (reads("each rank alone")?, reads("collective metadata")?);
    if alone.iter().any(|it| *it < 500) {
        return Err(format!(
            "a rank opened 500 groups with fewer reads: {alone:?}"
        ));
    }
    if printed.contains("which this HDF5 ignores for reads") {
        return match together.iter().any(|it| *it < 500) {
            true => Err(format!("it is not ignored: {together:?}")),
            false => {
                Ok("each rank reads all metadata, with the option and without".to_owned())
            }
        };
    }
    match together.split_first() {
        Some((first, others)) if *first >= 500 && others.iter().all(|it| *it < 50) => {
            Ok("with the option, rank 0 reads the metadata for all".to_owned())
        }
        _ => Err(format!("not one rank reads for all: {together:?}")),
    }
}

/// A row for each MPI-IO that was asked, and a number of hints in each.
fn hints(printed: &str) -> Result<String, String> {
    let rows = printed
        .lines()
        .filter(|line| line.starts_with("| OMPIO in ") || line.starts_with("| ROMIO in "));
    let mut count = 0;
    for row in rows {
        let last = row.trim_matches(['|', ' ']).split(" | ").last();
        last.and_then(|it| it.parse::<usize>().ok())
            .ok_or(format!("no number of hints: {row}"))?;
        count += 1;
    }
    match count {
        0 => Err("nobody said which hints are in effect".to_owned()),
        1 => Ok("one MPI-IO asked for its hints".to_owned()),
        count => Ok(format!("{count} MPI-IOs asked for their hints")),
    }
}
