//! The checks of the exercises: what was measured, where datasets begin, how often was written.
//! How long anything took is not judged.

use std::collections::BTreeSet;
use std::ops::Range;

use ndarray::{Array1, Array2};
use record::{Call, Selection};

use check::exercise::{Case, Exercise, Finding, Given, Trial, Wrong, counted};
use check::order::Order;

pub const ALL: &[Exercise] = &[
    Exercise {
        name: "measure",
        prepare: make_input,
        judge: measure,
    },
    Exercise {
        name: "alignment",
        prepare: |_| Ok(Given::default()),
        judge: alignment,
    },
    Exercise {
        name: "one-call",
        prepare: make_grid,
        judge: one_call,
    },
];

/// Where among a rank's calls are those that moved elements of a dataset.
fn accesses(trial: &Trial, rank: usize, dataset: &str, write: bool) -> Vec<usize> {
    let is_one = |call: &Call| {
        let named = call.object.as_deref().unwrap_or_default();
        call.access.as_ref().is_some_and(|access| {
            access.write == write && access.selection != Selection::Nothing
        }) && named.trim_start_matches('/') == dataset
    };
    let calls = trial.record.ranks[rank].calls.iter().enumerate();
    calls
        .filter(|(_, it)| is_one(it))
        .map(|(at, _)| at)
        .collect()
}

// --- 1: measure right ------------------------------------------------------------------

const ROUNDS: usize = 3;

fn input(case: &Case) -> Array1<i64> {
    let mut random = case.random(1);
    Array1::from_shape_fn(40 * case.ranks, |_| random.i64(0..1000))
}

fn make_input(case: &Case) -> Result<Given, String> {
    let input = input(case);
    case.make("measure.hdf5", |file| {
        let builder = file.new_dataset_builder().with_data(&input);
        builder.create("input")
    })?;
    Ok(Given::files(format!(
        "{} rows in {ROUNDS} rounds",
        input.len()
    )))
}

fn measure(trial: &Trial) -> Finding {
    let ranks = trial.ranks();
    let right = input(&trial.case) + (ROUNDS as i64 - 1);
    let file = trial.open("measure.hdf5")?;
    let x: Array1<i64> = trial.read(&trial.dataset(&file, "x", &[right.len()])?)?;
    if let Some(row) = (0..right.len()).find(|row| x[*row] != right[*row]) {
        return Err(Wrong::Result(format!(
            "`x[{row}]` is {}, should be {}: a time does not count if what was written is wrong",
            x[row], right[row]
        )));
    }
    let own: Array2<f64> = trial.read(&trial.dataset(&file, "own", &[ROUNDS, ranks])?)?;
    let seconds: Array1<f64> =
        trial.read(&trial.dataset(&file, "seconds", &[ROUNDS])?)?;

    let order = Order::of(&trial.record);
    for round in 0..ROUNDS {
        let measured: Vec<Measured> = (0..ranks)
            .map(|rank| Measured::find(trial, rank, round))
            .collect::<Result<_, _>>()?;
        all_ready(&order, &measured, round)?;
        only_the_write(trial, &measured, round)?;
        rank_0_heard_of_all(trial, &order, &measured, round)?;
    }
    for (round, (own, said)) in own.outer_iter().zip(&seconds).enumerate() {
        slowest(round, &own.to_vec(), *said)?;
    }
    Ok(format!("{ROUNDS} rounds, each as long as its slowest rank"))
}

/// Where among its calls a rank did what, in one round. It may read and write its rows by
/// several calls.
struct Measured {
    /// The last of its reads.
    read: usize,
    start: usize,
    /// From its first write to behind the last.
    writes: Range<usize>,
    stop: usize,
}

impl Measured {
    fn find(trial: &Trial, rank: usize, round: usize) -> Result<Measured, Wrong> {
        let reads = accesses(trial, rank, "input", false);
        let writes = accesses(trial, rank, "x", true);
        // A round goes on to the next read that has a write before it.
        let begins = |at: usize| {
            let last = reads.iter().rfind(|it| **it < at).copied();
            last.is_none_or(|last| writes.iter().any(|it| (last..at).contains(it)))
        };
        let begins: Vec<usize> = reads.iter().copied().filter(|it| begins(*it)).collect();
        let calls = &trial.record.ranks[rank].calls;
        let next = |round: usize| begins.get(round + 1).copied().unwrap_or(calls.len());
        let of_round = |all: &[usize], round: usize| -> Vec<usize> {
            let round = begins[round]..next(round);
            all.iter()
                .copied()
                .filter(|it| round.contains(it))
                .collect()
        };
        let whole = |round| !of_round(&writes, round).is_empty();
        if begins.len() != ROUNDS || !(0..ROUNDS).all(whole) {
            return Err(Wrong::Silent(format!(
                "rank {rank} read `input` in {} and wrote `x` in {}; it should do so in each of \
                 the {ROUNDS} rounds, first the one and then the other",
                counted(reads.len(), "call"),
                counted(writes.len(), "call")
            )));
        }
        let (its_reads, its_writes) = (of_round(&reads, round), of_round(&writes, round));
        let read = its_reads.last().copied().unwrap_or(begins[round]);
        let first = its_writes.first().copied().unwrap_or(read);
        let writes = first..its_writes.last().copied().unwrap_or(first) + 1;
        let looks = |at: &usize| calls[*at].name == "MPI_Wtime";
        let start = (read..writes.start).rev().find(looks);
        let stop = (writes.end..next(round)).find(looks);
        match (start, stop) {
            (Some(start), Some(stop)) => Ok(Measured {
                read,
                start,
                writes,
                stop,
            }),
            (None, _) => Err(Wrong::Silent(format!(
                "in round {round} rank {rank} does not look at MPI's clock (`mpi::time()`) \
                 between its read of `input` and its write of `x`"
            ))),
            (_, None) => Err(Wrong::Silent(format!(
                "in round {round} rank {rank} does not look at MPI's clock (`mpi::time()`) after \
                 its write of `x`"
            ))),
        }
    }
}

/// No clock starts before all ranks have read.
fn all_ready(order: &Order, measured: &[Measured], round: usize) -> Result<(), Wrong> {
    for (rank, here) in measured.iter().enumerate() {
        for (other, there) in measured.iter().enumerate().filter(|it| it.0 != rank) {
            if !order.is_before((other, there.read), (rank, here.start)) {
                return Err(Wrong::Silent(format!(
                    "in round {round} rank {rank} looks at the clock and writes, and nothing \
                     sees to it that rank {other} has read its rows by then: the two do not \
                     write at the same time, but one after the other, or one reads while the \
                     other writes"
                )));
            }
        }
    }
    Ok(())
}

/// Between the two looks at the clock lies the write, and no waiting for something else.
fn only_the_write(trial: &Trial, measured: &[Measured], round: usize) -> Result<(), Wrong> {
    for (rank, it) in measured.iter().enumerate() {
        let calls = &trial.record.ranks[rank].calls;
        let before = calls[it.start + 1..it.writes.start].first();
        let harmless = |call: &Call| {
            matches!(&*call.name, "MPI_Barrier" | "H5Fflush" | "MPI_File_sync")
        };
        let writes = |call: &&Call| call.access.as_ref().is_some_and(|it| it.write);
        let between = calls[it.writes.clone()].iter();
        let after = between
            .filter(|it| !writes(it))
            .chain(&calls[it.writes.end..it.stop])
            .find(|it| !harmless(it));
        if let Some(call) = before {
            return Err(Wrong::Silent(format!(
                "in round {round} rank {rank} calls {} between its first look at the clock and \
                 its write: what it waits for there is measured, too",
                call.name
            )));
        }
        if let Some(call) = after {
            return Err(Wrong::Silent(format!(
                "in round {round} rank {rank} calls {} between its write and its second look at \
                 the clock: that is measured, too",
                call.name
            )));
        }
    }
    Ok(())
}

/// Rank 0 knows the times of the others before it writes `seconds`.
fn rank_0_heard_of_all(
    trial: &Trial,
    order: &Order,
    measured: &[Measured],
    round: usize,
) -> Result<(), Wrong> {
    let writes = accesses(trial, 0, "seconds", true);
    let Some(write) = writes.get(round) else {
        return Err(Wrong::Silent(format!(
            "rank 0 did not write `seconds[{round}]`"
        )));
    };
    for (rank, it) in measured.iter().enumerate().skip(1) {
        if !order.is_before((rank, it.stop), (0, *write)) {
            return Err(Wrong::Silent(format!(
                "in round {round} rank 0 writes `seconds` without having heard how long rank \
                 {rank} took: no reduction, no gather, no message from it"
            )));
        }
    }
    Ok(())
}

fn slowest(round: usize, own: &[f64], said: f64) -> Result<(), Wrong> {
    let most = own.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = own.iter().copied().fold(f64::INFINITY, f64::min);
    if own.iter().any(|it| !it.is_finite() || *it <= 0.0) {
        return Err(Wrong::Result(format!(
            "in `own[{round}, :]` there is a time that is not above 0"
        )));
    }
    let sum: f64 = own.iter().sum();
    let near = |one: f64, other: f64| (one - other).abs() <= 1e-9 * other.abs();
    let what = match said {
        _ if said == most => return Ok(()),
        _ if near(said, sum / own.len() as f64) => "the mean of the ranks' times",
        _ if near(said, sum) => "the sum of the ranks' times",
        _ if said == least => "the time of the fastest rank",
        _ if said == own[0] => "rank 0's own time",
        _ => "none of the ranks' times",
    };
    Err(Wrong::Result(format!(
        "`seconds[{round}]` is {what}; the ranks are done when the slowest of them is"
    )))
}

// --- 2: alignment ----------------------------------------------------------------------

const BLOCK: u64 = 64 << 10;
const SMALL: usize = 100;
const LARGE: [usize; 3] = [8192, 10_001, 20_000];

fn alignment(trial: &Trial) -> Finding {
    let file = trial.open("aligned.hdf5")?;
    let mut multiple = 0;
    let mut small = Vec::new();
    for (number, large) in LARGE.into_iter().enumerate() {
        for (kind, extent) in [("small", SMALL), ("large", large)] {
            let name = format!("{kind}-{number}");
            let dataset = trial.dataset(&file, &name, &[extent])?;
            let found: Array1<i64> = trial.read(&dataset)?;
            let right = |row: usize| (1000 * number + row) as i64;
            if let Some(row) = (0..extent).find(|row| found[*row] != right(*row)) {
                return Err(Wrong::Result(format!(
                    "`{name}[{row}]` is {}, should be {}. Where a dataset lies, each rank works \
                     out for itself: do all of them have the same options?",
                    found[row],
                    right(row)
                )));
            }
            let Some(offset) = dataset.offset() else {
                return Err(Wrong::Result(format!("`{name}` has no place in the file")));
            };
            match kind {
                "large" if offset % BLOCK != 0 => {
                    return Err(Wrong::Result(format!(
                        "`{name}` ({} bytes) begins at byte {offset}, which is no multiple of \
                         {BLOCK}",
                        8 * extent
                    )));
                }
                "large" => multiple = gcd(multiple, offset),
                _ => small.push(offset),
            }
        }
    }
    let path = trial.case.data.join("aligned.hdf5");
    let size = std::fs::metadata(&path)
        .map_err(|error| error.to_string())?
        .len();
    // Whoever aligns to 128 KiB aligns to 64 KiB as well. The large ones in whole blocks of
    // what they are aligned to, and two blocks for all that is small.
    let blocks: u64 = LARGE
        .iter()
        .map(|it| (8 * *it as u64).div_ceil(multiple))
        .sum();
    let most = (blocks + 2) * multiple;
    let aligned = small.iter().filter(|it| *it % BLOCK == 0).count();
    if size > most || aligned > 1 {
        return Err(Wrong::Result(format!(
            "the large datasets begin where they should, but {}. Are small things aligned as \
             well?",
            match aligned {
                0 | 1 => format!("the file has {size} bytes, and {most} are enough"),
                some => format!("so do {some} of the small ones"),
            }
        )));
    }
    Ok(format!("{} large datasets begin with a block", LARGE.len()))
}

/// The greatest common divisor.
fn gcd(one: u64, other: u64) -> u64 {
    match other {
        0 => one,
        _ => gcd(other, one % other),
    }
}

// --- 3: one call -----------------------------------------------------------------------

const COLUMNS: usize = 4;
const TURN: usize = 3;

/// For 7 ranks fewer blocks than ranks; seldom whole blocks.
fn rows(case: &Case) -> usize {
    match case.ranks {
        1 => 10,
        ranks @ 2..=4 => 9 * ranks + 2,
        ranks => TURN * (ranks - 1) - 1,
    }
}

fn make_grid(case: &Case) -> Result<Given, String> {
    let rows = rows(case);
    case.make("grid.hdf5", |file| {
        let builder = file.new_dataset::<i64>();
        builder.shape((rows, COLUMNS)).create("grid")
    })?;
    Ok(Given::files(format!("{rows} rows of {COLUMNS} numbers")))
}

fn one_call(trial: &Trial) -> Finding {
    let (rows, ranks) = (rows(&trial.case), trial.ranks());
    let owner = |row: usize| row / TURN % ranks;
    let file = trial.open("grid.hdf5")?;
    let grid = trial.dataset(&file, "grid", &[rows, COLUMNS])?;
    let grid: Array2<i64> = trial.read(&grid)?;
    for ((row, column), found) in grid.indexed_iter() {
        let right = (100 * row + column) as i64;
        if *found != right {
            return Err(Wrong::Result(format!(
                "`grid[{row}, {column}]` is {found}, should be {right}; row {row} belongs to \
                 rank {}",
                owner(row)
            )));
        }
    }
    each_wrote_its_rows(trial, rows)?;
    for rank in 0..ranks {
        let writes = accesses(trial, rank, "grid", true);
        if writes.len() > 1 {
            return Err(Wrong::Silent(format!(
                "`grid` is right, but rank {rank} wrote it in {}; it can be one",
                counted(writes.len(), "call")
            )));
        }
        let calls = &trial.record.ranks[rank].calls;
        let access = writes.first().and_then(|at| calls[*at].access.as_ref());
        if access.is_some_and(|it| !it.collective) {
            return Err(Wrong::Silent(format!(
                "rank {rank} wrote in one call, but independently: MPI-IO may not put together \
                 what several ranks write, and the pieces between lie apart in the file"
            )));
        }
    }
    Ok(format!(
        "{rows} rows, in one call on each of {}",
        counted(ranks, "rank")
    ))
}

fn each_wrote_its_rows(trial: &Trial, rows: usize) -> Result<(), Wrong> {
    let Some(written) = trial.record.written(None, "grid") else {
        return Err(Wrong::Silent("nobody wrote `grid`".to_owned()));
    };
    for rank in 0..trial.ranks() {
        let blocks = written.by_rank.get(rank).map_or(&[][..], |it| it);
        let wrote: BTreeSet<usize> = blocks
            .iter()
            .flat_map(|it| it.start[0] as usize..it.end[0] as usize)
            .collect();
        let own = |row: &usize| row / TURN % trial.ranks() == rank;
        if let Some(row) = wrote.iter().find(|row| !own(row)) {
            return Err(Wrong::Silent(format!(
                "rank {rank} wrote row {row}, which belongs to rank {}",
                row / TURN % trial.ranks()
            )));
        }
        if let Some(row) = (0..rows).filter(own).find(|row| !wrote.contains(row)) {
            return Err(Wrong::Silent(format!(
                "rank {rank} did not write row {row}, which is its own"
            )));
        }
    }
    Ok(())
}
