//! Chapter 8: each mistake shows the symptom that the page says, and each cure cures; the
//! simulation is right, or leaves what the page says.

#[path = "catalogue.rs"]
mod catalogue;
#[path = "exercises/check.rs"]
pub mod exercises;
#[path = "left.rs"]
mod left;
#[path = "model.rs"]
mod model;

use std::collections::BTreeSet;
use std::fmt::Debug;

use catalogue::{CATALOGUE, Entry, Symptom};
use hdf5::types::FixedUnicode;
use hdf5::{File, H5Type};

use check::{Finished, Verdict};
use protocol::RunEnd;

pub fn check(run: &Finished) -> Verdict {
    let after = |option: &str| {
        let at = run.args.iter().position(|arg| arg == option)?;
        run.args.get(at + 1).map(String::as_str)
    };
    if run.ended == RunEnd::Exit(2) {
        return Err("the arguments make no sense: see the message above".to_owned());
    }
    match (after("--wrong"), after("--cure"), after("--steps")) {
        (Some(name), _, _) => {
            let entry = CATALOGUE.iter().find(|it| it.name == name);
            mistake(run, entry.ok_or(format!("there is no mistake `{name}`"))?)
        }
        (_, Some(name), _) => {
            if !CURES_THAT_FAIL.contains(&name) {
                run.ended_well()?;
            }
            right(run, name, true)?;
            Ok(format!(
                "`{name}` cured: {} did it right",
                run.ranks_in_words()
            ))
        }
        (_, _, Some(steps)) => simulation(run, steps.parse().unwrap_or(0)),
        _ => {
            run.ended_well()?;
            Ok("nothing to check: see what it says".to_owned())
        }
    }
}

/// These are ended by a killed rank, or by an error that is the cure.
const CURES_THAT_FAIL: [&str; 3] = ["killed-unflushed", "killed-in-place", "error"];

// --- Symptoms --------------------------------------------------------------------------

fn mistake(run: &Finished, entry: &Entry) -> Verdict {
    let (seen, words) = symptom(run, entry.name);
    let mpi = parallel_hdf5::about::mpi_library();
    let expected = match mpi.contains("MPICH") {
        true => entry.mpich,
        false => entry.open_mpi,
    };
    let as_expected = seen == expected;
    let words = match words.is_empty() {
        true => String::new(),
        false => format!(": {words}"),
    };
    if run.args.iter().any(|arg| arg == "--row") {
        // The runner adds where the ranks wait, and whether the cure cures.
        let row = format!("| {} | {expected} | {seen}{words}", entry.name);
        run.row.get_or_init(|| row);
    }
    let known = ["Open MPI 4.1", "MPICH 4.0"]
        .iter()
        .any(|it| mpi.starts_with(it))
        && hdf5::library_version().0 == 1
        && hdf5::library_version().1 == 10;
    let seen = format!("{}: {seen}{words}", entry.what);
    match (as_expected, known) {
        (true, _) => Ok(format!("{seen}, as the page says")),
        (_, _) if run.ranks == 1 => Ok(format!(
            "{seen} (with one rank there is nobody to differ from; try more)"
        )),
        (_, false) => Ok(format!(
            "{seen} (with {mpi} and this HDF5; the page has seen: {expected})"
        )),
        (false, true) => Err(format!("{seen}; the page says: {expected}")),
    }
}

/// What the run looked like from outside, and a few words on it.
fn symptom(run: &Finished, name: &str) -> (Symptom, String) {
    let mut complaints = run.printed.lines().filter_map(complaint).peekable();
    let words = complaints.peek().map(|it| short(it.1)).unwrap_or_default();
    let ranks: BTreeSet<usize> = complaints.map(|it| it.0).collect();
    match (run.ended == RunEnd::Limit, ranks.len()) {
        (true, 0) => (Symptom::Hang, String::new()),
        (_, all) if all == run.ranks => (Symptom::ErrorOnAll, words),
        (_, 1..) => (Symptom::ErrorOnOne, words),
        (false, 0) if crashed(run.ended) => (Symptom::Crash, String::new()),
        (false, 0) => match right(run, name, false) {
            Ok(()) => (Symptom::Nothing, String::new()),
            Err(Wrong::Unreadable(words)) => (Symptom::Unreadable, short(&words)),
            Err(Wrong::Numbers(words)) => (Symptom::SilentlyWrong, words),
        },
    }
}

/// Whether a rank was ended by a signal that a fault in a program sends: `SIGILL`, `SIGABRT`,
/// `SIGBUS`, `SIGFPE` or `SIGSEGV`. A launcher gives its number, or that and 128.
fn crashed(ended: RunEnd) -> bool {
    match ended {
        RunEnd::Exit(status) | RunEnd::Signal(status) => {
            matches!(status % 128, 4 | 6 | 7 | 8 | 11)
        }
        RunEnd::Limit | RunEnd::Interrupted => false,
    }
}

/// `rank 1: no such file`, as the program prints an error.
fn complaint(line: &str) -> Option<(usize, &str)> {
    let (rank, words) = line.strip_prefix("rank ")?.split_once(": ")?;
    Some((rank.parse().ok()?, words))
}

/// The end of an error's message, which says most, without paths.
fn short(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let first = first.split(", error stack").next().unwrap_or_default();
    let first = first.split(", errno").next().unwrap_or_default();
    let last = first.rsplit(": ").next().unwrap_or_default();
    let last = last
        .rsplit("MPI error string is '")
        .next()
        .unwrap_or_default();
    last.trim_matches(['\'', '.', ' ']).to_owned()
}

// --- What is right ---------------------------------------------------------------------

/// How a file is wrong.
enum Wrong {
    /// It, or a dataset in it, cannot be read.
    Unreadable(String),
    /// It can, and holds something else.
    Numbers(String),
}

impl From<Wrong> for String {
    fn from(wrong: Wrong) -> String {
        match wrong {
            Wrong::Unreadable(words) | Wrong::Numbers(words) => words,
        }
    }
}

fn unreadable(error: hdf5::Error) -> Wrong {
    Wrong::Unreadable(error.to_string())
}

/// Whether the files are as the program of that name should leave them.
fn right(run: &Finished, name: &str, cured: bool) -> Result<(), Wrong> {
    let open = |name: &str| File::open(run.data.join(name)).map_err(unreadable);
    let pitfall = || open("pitfall.hdf5");
    let ranks = run.ranks as i32;
    let eight: Vec<i32> = (0..8).collect();
    match name {
        "rank-zero-creates" | "never-closed" if cured => open("shared.hdf5")?
            .group("made-together")
            .map(drop)
            .map_err(unreadable),
        "never-closed" => holds::<f32>(&open("never-closed.hdf5")?, "x", &[0.0; 10]),
        "rank-zero-creates" | "error" => Ok(()), // their runs say all there is to say
        "one-rank-flushes" | "still-open" => holds(&pitfall()?, "numbers", &[0; 8]),
        "shapes-differ" => holds(&pitfall()?, "numbers", &[0; 9]),
        "no-rows-no-call" => holds(&pitfall()?, "numbers", &[42]),
        "a-call-for-each-row" => {
            let rows: Vec<i32> = (0..=ranks).collect();
            holds(&pitfall()?, "numbers", &rows)
        }
        "one-rank-attribute" => {
            let numbers = pitfall()?.dataset("numbers").map_err(unreadable)?;
            match numbers.attr("step").and_then(|it| it.read_scalar::<i32>()) {
                Ok(7) => Ok(()),
                Ok(other) => Err(Wrong::Numbers(format!("`step` is {other}"))),
                Err(_) => Err(Wrong::Numbers("`numbers` has no attribute".to_owned())),
            }
        }
        "paths-differ" => (0..ranks).try_for_each(|rank| {
            holds(&open(&format!("pitfall-{rank}.hdf5"))?, "numbers", &[0; 8])
        }),
        "datasets-differ" => {
            let file = pitfall()?;
            (0..ranks).rev().try_for_each(|rank| {
                let mine = parallel_hdf5::rows_of(rank, ranks, 8);
                let of_row = |row| if mine.contains(&row) { rank + 1 } else { 0 };
                let rows: [i32; 8] = std::array::from_fn(of_row);
                holds(&file, &format!("numbers-{rank}"), &rows)
            })
        }
        "values-differ" => {
            let numbers = pitfall()?.dataset("numbers").map_err(unreadable)?;
            let found = numbers.attr("found").and_then(|it| it.read_raw::<i32>());
            let found = found.map_err(unreadable)?;
            match found.iter().copied().eq((0..ranks).map(|rank| 10 + rank)) {
                true => Ok(()),
                false => Err(Wrong::Numbers(format!("`found` is {found:?}"))),
            }
        }
        "missing-source" => {
            let numbers = pitfall()?.dataset("numbers").map_err(unreadable)?;
            let numbers = numbers.read_raw::<f64>().map_err(unreadable)?;
            let there = 4 * (run.ranks - 1);
            let right = numbers
                .iter()
                .enumerate()
                .all(|(row, it)| match row < there {
                    true => *it == (row + 1) as f64,
                    false => it.is_nan(),
                });
            match right {
                true => Ok(()),
                false => Err(Wrong::Numbers(format!("`numbers` holds {numbers:?}"))),
            }
        }
        "colon" if !cured => holds(&open("run-12:30.hdf5")?, "numbers", &eight),
        "long-path" => {
            let (a, b) = ("a".repeat(150), "b".repeat(150));
            holds(&open(&format!("{a}/{b}/pitfall.hdf5"))?, "numbers", &eight)
        }
        "one-letter" => holds(&open("q")?, "numbers", &eight),
        "child-inherits" => Ok(()), // its run says all there is to say
        "names-differ" => all_there(&pitfall()?, ranks, |_| [0; 8]),
        "alone" => all_there(&pitfall()?, ranks, |rank| [rank; 8]),
        "order-differs" => {
            let file = pitfall()?;
            let mut names = ["pressure", "speed", "temperature"].into_iter();
            names.try_for_each(|name| holds(&file, name, &[0; 8]))
        }
        "overlap" => {
            let mut owners = Vec::new();
            for rank in 0..ranks {
                let rows = parallel_hdf5::rows_of(rank, ranks, 8);
                owners.extend(rows.map(|_| rank));
            }
            holds(&pitfall()?, "owner", &owners)
        }
        "scrambled" => {
            let rows: Vec<i32> = (0..12).map(|it| 10 * (it / 3) + it % 3).collect();
            holds(&pitfall()?, "rows", &rows)
        }
        "narrow" => holds(&pitfall()?, "bytes", &vec![3_000_000_000_i64; run.ranks]),
        "disk-full" if !cured => {
            let ones = pitfall()?.dataset("ones").map_err(unreadable)?;
            let ones = ones.read_raw::<i32>().map_err(unreadable)?;
            match ones.iter().all(|it| *it == 1) {
                true => Ok(()),
                false => Err(Wrong::Numbers("`ones` holds zeros, too".to_owned())),
            }
        }
        "no-folder" => open("results/pitfall.hdf5").map(drop),
        "texts" => {
            let text = |rank| format!("rank {rank}").parse::<FixedUnicode<16>>();
            let texts = (0..ranks).map(text).collect::<Result<Vec<_>, _>>();
            holds(&pitfall()?, "names", &texts.unwrap_or_default())
        }
        "no-chunks" => holds(&pitfall()?, "numbers", &[0; 8]),
        "killed-unflushed" | "killed-in-place" => {
            let said = left::look(&run.data);
            let whole = |it: &&String| {
                it.contains("opens: 3 steps are whole, 3 are marked complete")
                    || it.contains("state.hdf5 opens: the state after 3 steps, whole")
            };
            match (said.iter().find(whole), said.first()) {
                (Some(_), _) => Ok(()),
                (None, Some(it)) if it.contains("does not open") => {
                    Err(Wrong::Unreadable(it.clone()))
                }
                (None, it) => Err(Wrong::Numbers(it.map_or("no file", |it| it).to_owned())),
            }
        }
        // `numbers` with 0 to 7, as most cures leave it.
        _ => holds(&pitfall()?, "numbers", &eight),
    }
}

/// An error unless the dataset is there and holds these elements, in row-major order.
fn holds<T>(file: &File, name: &str, right: &[T]) -> Result<(), Wrong>
where
    T: H5Type + PartialEq + Debug,
{
    let listed = file.member_names().map_err(unreadable)?;
    if let Some(broken) = listed.iter().find(|it| file.dataset(it).is_err()) {
        let words = format!("`{broken}` is listed, and cannot be opened");
        return Err(Wrong::Unreadable(words));
    }
    if !listed.iter().any(|it| it == name) {
        return Err(Wrong::Numbers(format!("there is no `{name}`")));
    }
    let dataset = file.dataset(name).map_err(unreadable)?;
    let found = dataset.read_raw::<T>().map_err(unreadable)?;
    match found == right {
        true => Ok(()),
        false => Err(Wrong::Numbers(format!("`{name}` holds {found:?}"))),
    }
}

/// A dataset for each rank.
fn all_there(
    file: &File,
    ranks: i32,
    right: impl Fn(i32) -> [i32; 8],
) -> Result<(), Wrong> {
    let there = file.member_names().map_err(unreadable)?;
    if there.len() != ranks as usize {
        let there: Vec<String> = there.iter().map(|it| format!("`{it}`")).collect();
        return Err(Wrong::Numbers(format!(
            "there is only {}",
            there.join(", ")
        )));
    }
    (0..ranks).try_for_each(|rank| holds(file, &format!("numbers-{rank}"), &right(rank)))
}

// --- The simulation --------------------------------------------------------------------

fn simulation(run: &Finished, steps: usize) -> Verdict {
    let said = left::look(&run.data).join("; ");
    if run.args.iter().any(|arg| arg.starts_with("--die")) {
        return Ok(format!("a rank was killed. {said}"));
    }
    run.ended_well()?;
    let wanted = match run
        .args
        .iter()
        .any(|it| it == "--checkpoint" || it == "--in-place")
    {
        true => format!("state.hdf5 opens: the state after {steps} steps, whole"),
        false => format!("steps.hdf5 opens: {steps} steps are whole"),
    };
    match said.contains(&wanted) {
        true => Ok(said),
        false => Err(format!("{said}; it should be: {wanted}")),
    }
}
