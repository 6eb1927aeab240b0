//! Chapter 1: one greeting from each rank, in any order; the gathered lines in rank order.

#[path = "exercises/check.rs"]
pub mod exercises;

use check::{Finished, Verdict};

pub fn check(run: &Finished) -> Verdict {
    run.ended_well()?;
    let ranks = run.ranks;
    for rank in 0..ranks {
        once(run, &format!("Hello World (from process {rank})"))?;
        once(run, &format!("I am rank {rank} of {ranks}"))?;
    }
    let gathered: Vec<&str> = run
        .printed
        .lines()
        .filter(|line| line.starts_with("gathered:"))
        .collect();
    let expected: Vec<String> = (0..ranks)
        .map(|rank| format!("gathered: rank {rank} of {ranks}"))
        .collect();
    if gathered != expected {
        return Err(format!(
            "rank 0 should print {expected:?} in this order, not {gathered:?}"
        ));
    }
    Ok(format!(
        "{}, each greeted once; rank 0 listed them in order",
        run.ranks_in_words()
    ))
}

fn once(run: &Finished, wanted: &str) -> Result<(), String> {
    match run.printed.lines().filter(|line| *line == wanted).count() {
        1 => Ok(()),
        0 => Err(format!("nobody printed `{wanted}`")),
        times => Err(format!("`{wanted}` was printed {times} times")),
    }
}
