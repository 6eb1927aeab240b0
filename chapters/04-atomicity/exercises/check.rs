//! The checks of the exercises: what was passed on, and whether anything but luck saw to it.

use std::ops::Range;

use ndarray::{Array1, Array2};
use record::{Call, Selection};

use crate::exercise::{Case, Exercise, Finding, Given, Trial, Wrong};
use crate::shares::Shares;

pub const ALL: &[Exercise] = &[
    Exercise {
        name: "handover",
        prepare: |_| Ok(Given::default()),
        judge: handover,
    },
    Exercise {
        name: "counter",
        prepare: make_tickets,
        judge: counter,
    },
    Exercise {
        name: "append",
        prepare: make_arrivals,
        judge: append,
    },
];

// --- 1: hand over ----------------------------------------------------------------------

const ROUNDS: usize = 3;
const NUMBERS: usize = 1000;

fn handover(trial: &Trial) -> Finding {
    in_order(trial)?;

    let file = trial.open("handover.hdf5")?;
    let dataset = trial.dataset(&file, "seen", &[trial.ranks() * ROUNDS, NUMBERS])?;
    let seen: Array2<i64> = trial.read(&dataset)?;
    for ((row, place), found) in seen.indexed_iter() {
        let (rank, round) = (row / ROUNDS, row % ROUNDS);
        let right = (1000 * (round + 1) + place) as i64;
        if *found != right {
            return Err(Wrong::Result(format!(
                "`seen[{row}, {place}]` is {found}, should be {right}: what rank {rank} read in \
                 round {round}"
            )));
        }
    }
    let shares = (0..trial.ranks()).map(|rank| rank * ROUNDS..(rank + 1) * ROUNDS);
    Shares::new(0, shares.collect()).each_wrote_its_own(trial, "seen")?;
    Ok(match trial.ranks() {
        1 => "one rank, nobody to hand over to".to_owned(),
        _ => format!("{ROUNDS} rounds; flush, barrier, flush in each"),
    })
}

/// Between each write of rank 0 and the reads of the others there is a flush, a barrier and a
/// flush; and between a read and the next write a barrier.
fn in_order(trial: &Trial) -> Result<(), Wrong> {
    let atomic = trial
        .record
        .ranks
        .iter()
        .flat_map(|it| &it.calls)
        .any(|call| call.name == "H5Fset_mpi_atomicity");
    let silent = |text: String| {
        let text = match atomic {
            true => format!(
                "{text} (By the MPI standard atomic mode and a barrier would do. But there are \
                 MPI libraries that accept the mode and do nothing, as this chapter shows; so \
                 do without it)"
            ),
            false => text,
        };
        Err(Wrong::Silent(text))
    };
    let writes = accesses(trial, 0, "board", true);
    if writes.len() != ROUNDS {
        return Err(Wrong::Result(format!(
            "rank 0 wrote `board` {} times, should be once in each of the {ROUNDS} rounds",
            writes.len()
        )));
    }
    for rank in 1..trial.ranks() {
        if !accesses(trial, rank, "board", true).is_empty() {
            return silent(format!(
                "rank {rank} wrote `board`; only rank 0 is to write it"
            ));
        }
        let reads = accesses(trial, rank, "board", false);
        if reads.len() != ROUNDS {
            return silent(format!(
                "rank {rank} read `board` {} times, should be once in each of the {ROUNDS} \
                 rounds: the numbers are to go through the file",
                reads.len()
            ));
        }
        for (round, (write, read)) in writes.iter().zip(&reads).enumerate() {
            let between = meetings(trial, (0, *write), (rank, *read));
            if between.is_empty() {
                return silent(format!(
                    "in round {round} nothing makes rank {rank} wait until rank 0 has written: \
                     there is no barrier between the write and the read. (A flush does not \
                     wait for the other ranks.)"
                ));
            }
            let handed_over =
                |(there, _): &&(usize, usize)| flushes(trial, 0, *write..*there);
            let looked_again =
                |(_, here): &&(usize, usize)| flushes(trial, rank, *here..*read);
            if !between.iter().any(|it| handed_over(&it)) {
                return silent(format!(
                    "in round {round} rank 0 does not flush between its write and the barrier: \
                     when the others go on, the numbers may not have left it"
                ));
            }
            if !between
                .iter()
                .filter(handed_over)
                .any(|it| looked_again(&it))
            {
                return silent(format!(
                    "in round {round} rank {rank} does not flush between the barrier and its \
                     read: it may read what it remembers of the file"
                ));
            }
        }
        for (round, (read, next)) in reads.iter().zip(&writes[1..]).enumerate() {
            if meetings(trial, (rank, *read), (0, *next)).is_empty() {
                return silent(format!(
                    "nothing keeps rank 0 from writing the numbers of round {} while rank \
                     {rank} still reads those of round {round}",
                    round + 1
                ));
            }
        }
    }
    Ok(())
}

// --- 2: a counter ----------------------------------------------------------------------

/// The next ticket, and how many each rank sells: two ranks sell some, and one of four none.
fn tickets(case: &Case) -> (i64, Array1<i64>) {
    let mut random = case.random(1);
    let next = random.i64(100..1000);
    let wanted = Array1::from_shape_fn(case.ranks, |rank| match rank % 4 {
        2 => 0,
        _ => random.i64(2..9),
    });
    (next, wanted)
}

fn make_tickets(case: &Case) -> Result<Given, String> {
    let (next, wanted) = tickets(case);
    case.make("tickets.hdf5", |file| {
        let next = Array1::from_elem(1, next);
        file.new_dataset_builder()
            .with_data(&next)
            .create("counter")?;
        file.new_dataset_builder()
            .with_data(&wanted)
            .create("wanted")
    })?;
    Ok(Given::files(format!("{} tickets to sell", wanted.sum())))
}

fn counter(trial: &Trial) -> Finding {
    let (next, wanted) = tickets(&trial.case);
    let after = next + wanted.sum();
    let file = trial.open("tickets.hdf5")?;
    let first = trial.dataset(&file, "first", &[trial.ranks()])?;
    let first: Array1<i64> = trial.read(&first)?;
    let counter = trial.dataset(&file, "counter", &[1])?;
    let counter: Array1<i64> = trial.read(&counter)?;

    let sold: Vec<(usize, Range<i64>)> = first
        .iter()
        .zip(&wanted)
        .map(|(first, wanted)| *first..first.saturating_add(*wanted))
        .enumerate()
        .filter(|(_, tickets)| !tickets.is_empty())
        .collect();
    for (at, (rank, tickets)) in sold.iter().enumerate() {
        if tickets.start < next || tickets.end > after {
            return Err(Wrong::Result(format!(
                "rank {rank} sold the tickets {}–{}; those to be sold were {next}–{}",
                tickets.start,
                tickets.end - 1,
                after - 1
            )));
        }
        for (other, theirs) in &sold[..at] {
            let twice = tickets.start.max(theirs.start);
            if twice < tickets.end.min(theirs.end) {
                return Err(Wrong::Result(format!(
                    "ticket {twice} was sold twice: by rank {other} ({}–{}) and by rank {rank} \
                     ({}–{})",
                    theirs.start,
                    theirs.end - 1,
                    tickets.start,
                    tickets.end - 1
                )));
            }
        }
    }
    if counter[0] != after {
        return Err(Wrong::Result(format!(
            "`counter` is {}, should be {after}: {} tickets were sold from {next} on",
            counter[0],
            wanted.sum()
        )));
    }

    let (writer, write) = only_write(trial)?;
    for rank in (0..trial.ranks()).filter(|it| *it != writer) {
        for read in accesses(trial, rank, "counter", false) {
            if meetings(trial, (rank, read), (writer, write)).is_empty() {
                return Err(Wrong::Silent(format!(
                    "rank {rank} read `counter`, and nothing sees to it that this is before \
                     rank {writer} wrote it. This time it was"
                )));
            }
        }
    }
    let own = (0..trial.ranks()).map(|rank| rank..rank + 1).collect();
    Shares::new(0, own).each_wrote_its_own(trial, "first")?;
    Ok(format!("{} tickets sold, each once", wanted.sum()))
}

/// Who wrote the counter, and when; an error unless it was one rank, once.
fn only_write(trial: &Trial) -> Result<(usize, usize), Wrong> {
    let writes: Vec<(usize, usize)> = (0..trial.ranks())
        .flat_map(|rank| {
            let writes = accesses(trial, rank, "counter", true);
            writes.into_iter().map(move |write| (rank, write))
        })
        .collect();
    match writes[..] {
        [one] => Ok(one),
        [] => Err(Wrong::Silent("nobody wrote `counter`".to_owned())),
        [(one, _), .., (other, _)] if one != other => Err(Wrong::Silent(format!(
            "rank {one} and rank {other} both wrote `counter`: it holds what came last. Let \
             one rank write it, once"
        ))),
        [(one, _), ..] => Err(Wrong::Silent(format!(
            "rank {one} wrote `counter` {} times; once is enough",
            writes.len()
        ))),
    }
}

// --- 3: append -------------------------------------------------------------------------

/// How many rows each rank adds in each round; now and then none.
fn arrivals(case: &Case) -> Array2<i64> {
    let mut random = case.random(1);
    Array2::from_shape_fn((ROUNDS, case.ranks), |(round, rank)| {
        match (round + rank) % 4 {
            3 => 0,
            _ => random.i64(2..9),
        }
    })
}

fn make_arrivals(case: &Case) -> Result<Given, String> {
    let arrivals = arrivals(case);
    case.make("log.hdf5", |file| {
        let builder = file.new_dataset_builder().with_data(&arrivals);
        builder.create("arrivals")
    })?;
    Ok(Given::files(format!(
        "{} rows in {ROUNDS} rounds",
        arrivals.sum()
    )))
}

fn append(trial: &Trial) -> Finding {
    let arrivals = arrivals(&trial.case);
    let total = arrivals.sum() as usize;
    let file = trial.open("log.hdf5")?;
    let dataset = trial.dataset(&file, "log", &[total, 3])?;
    let found: Array2<i64> = trial.read(&dataset)?;

    let log = Shares::new(0, Vec::new());
    let mut own = vec![Vec::new(); trial.ranks()];
    let mut row = 0;
    for ((round, rank), count) in arrivals.indexed_iter() {
        let rows = row..row + *count as usize;
        for (number, row) in rows.clone().enumerate() {
            let right = [round, rank, number].map(|it| it as i64);
            let found = found.row(row).to_vec();
            if found != right {
                return Err(Wrong::Result(format!(
                    "row {row} of `log` is {found:?}, should be {right:?}. In round {round} the \
                     rows of rank {rank} are {}; in all rounds it wrote {}",
                    in_words(std::slice::from_ref(&rows)),
                    in_words(&log.written(trial, "log", rank)),
                )));
            }
        }
        row = rows.end;
        own[rank].push(rows);
    }
    for (rank, own) in own.into_iter().enumerate() {
        let (own, wrote) = (joined(own), log.written(trial, "log", rank));
        if own != wrote {
            return Err(Wrong::Silent(format!(
                "rank {rank} wrote {} of `log`, its own are {}",
                in_words(&wrote),
                in_words(&own),
            )));
        }
    }
    Ok(format!("{total} rows in {ROUNDS} rounds, each by its rank"))
}

/// Neighbours joined, those without rows left out. In order already.
fn joined(ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges.into_iter().filter(|it| !it.is_empty()) {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}

fn in_words(ranges: &[Range<usize>]) -> String {
    let ranges: Vec<_> = ranges
        .iter()
        .map(|it| it.start as u64..it.end as u64)
        .collect();
    record::words::rows(&ranges)
}

// --- What came before what -------------------------------------------------------------

/// The calls of a rank by which it read, or wrote, something of a dataset; as indices.
fn accesses(trial: &Trial, rank: usize, dataset: &str, write: bool) -> Vec<usize> {
    let is_one = |call: &Call| {
        let named = call.object.as_deref().unwrap_or_default();
        call.access.as_ref().is_some_and(|access| {
            access.write == write && access.selection != Selection::Nothing
        }) && named.trim_start_matches('/') == dataset
    };
    positions(trial, rank, is_one)
}

/// The places at which `rank` waits for all others, in order: the same for all ranks.
fn waits(trial: &Trial, rank: usize) -> Vec<usize> {
    let for_all = |call: &Call| {
        let all = call
            .group
            .as_ref()
            .is_none_or(|it| it.len() == trial.ranks());
        let name = call.name.trim_end_matches("_c");
        all && (name == "MPI_Barrier"
            || name.starts_with("MPI_All")
            || name.starts_with("MPI_Reduce_scatter"))
    };
    positions(trial, rank, for_all)
}

/// The places, on either rank, where all ranks wait for each other so that the call of the
/// one, `before`, is over when the other comes to its own, `after`. Both are (rank, call).
fn meetings(
    trial: &Trial,
    before: (usize, usize),
    after: (usize, usize),
) -> Vec<(usize, usize)> {
    let pairs = waits(trial, before.0)
        .into_iter()
        .zip(waits(trial, after.0));
    pairs
        .filter(|(there, here)| before.1 < *there && *here < after.1)
        .collect()
}

/// Whether a rank flushes the file in this part of its calls.
fn flushes(trial: &Trial, rank: usize, calls: Range<usize>) -> bool {
    let flush = positions(trial, rank, |call| call.name == "H5Fflush");
    flush.iter().any(|it| calls.contains(it))
}

fn positions(trial: &Trial, rank: usize, wanted: impl Fn(&Call) -> bool) -> Vec<usize> {
    let calls = trial.record.ranks[rank].calls.iter().enumerate();
    calls
        .filter(|(_, call)| wanted(call))
        .map(|(at, _)| at)
        .collect()
}
