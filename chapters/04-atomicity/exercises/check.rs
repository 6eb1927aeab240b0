//! The checks of the exercises: what was passed on, and whether anything but luck saw to it.

use std::ops::Range;

use ndarray::{Array1, Array2};
use record::{Call, RankRecord, Record, Selection};

use check::exercise::{Case, Exercise, Finding, Given, Trial, Wrong};
use check::order::Order;
use check::shares::Shares;

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

/// Between each write of rank 0 and the reads of the others there is a flush, something for
/// which they wait, and a flush; and the next write waits for the reads.
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
    let writes = rounds(trial, 0, true);
    if writes.len() != ROUNDS {
        return Err(Wrong::Result(format!(
            "rank 0 wrote all of `board` {} times, should be once in each of the {ROUNDS} \
             rounds",
            writes.len()
        )));
    }
    let order = Order::of(&trial.record);
    for rank in 1..trial.ranks() {
        if !accesses(trial, rank, "board", true).is_empty() {
            return silent(format!(
                "rank {rank} wrote `board`; only rank 0 is to write it"
            ));
        }
        let reads = rounds(trial, rank, false);
        if reads.len() != ROUNDS {
            return silent(format!(
                "rank {rank} read all of `board` {} times, should be once in each of the \
                 {ROUNDS} rounds: the numbers are to go through the file",
                reads.len()
            ));
        }
        for (round, (write, read)) in writes.iter().zip(&reads).enumerate() {
            let (write, read) = ((0, write.end - 1), (rank, read.start));
            match passed_on(trial, &order, write, read) {
                Passed::On => {}
                Passed::Unordered => {
                    return silent(format!(
                        "in round {round} nothing makes rank {rank} wait until rank 0 has \
                         written: there is no barrier between the write and the read, no \
                         message from rank 0, nor another call in which rank {rank} waits \
                         for it. (A flush does not wait for the other ranks.)"
                    ));
                }
                Passed::Kept => {
                    return silent(format!(
                        "in round {round} rank 0 does not flush between its write and the \
                         barrier (or what stands for it): when rank {rank} goes on, the numbers \
                         may not have left rank 0"
                    ));
                }
                Passed::Overlooked => {
                    return silent(format!(
                        "in round {round} rank {rank} does not flush between the barrier and its \
                         read (another call may stand for the barrier): it may read what it \
                         remembers of the file"
                    ));
                }
            }
        }
        for (round, (read, next)) in reads.iter().zip(&writes[1..]).enumerate() {
            if !order.is_before((rank, read.end - 1), (0, next.start)) {
                return silent(format!(
                    "nothing keeps rank 0 from writing the numbers of round {} while rank \
                     {rank} still reads those of round {round}: no barrier, no message from \
                     rank {rank}, nor another call in which rank 0 waits for it",
                    round + 1
                ));
            }
        }
    }
    Ok(())
}

/// From the first call to behind the last with which a rank read, or wrote, all of `board`
/// once: one after the other. What remains in the end is one more.
fn rounds(trial: &Trial, rank: usize, write: bool) -> Vec<Range<usize>> {
    let mut rounds = Vec::new();
    let mut calls: Vec<usize> = Vec::new();
    for at in accesses(trial, rank, "board", write) {
        calls.push(at);
        let all = 0..NUMBERS as u64;
        if rows(trial, rank, &calls, write) == std::slice::from_ref(&all) {
            rounds.push(calls[0]..at + 1);
            calls.clear();
        }
    }
    if let (Some(first), Some(last)) = (calls.first(), calls.last()) {
        rounds.push(*first..last + 1);
    }
    rounds
}

/// The rows of `board` that a rank read, or wrote, with some of its calls.
fn rows(trial: &Trial, rank: usize, calls: &[usize], write: bool) -> Vec<Range<u64>> {
    let of_rank = &trial.record.ranks[rank].calls;
    let part = Record {
        ranks: vec![RankRecord {
            calls: calls.iter().map(|at| of_rank[*at].clone()).collect(),
            ..RankRecord::default()
        }],
        ..Record::default()
    };
    let touched = match write {
        true => part.written(None, "board"),
        false => part.read_from(None, "board"),
    };
    touched.map(|it| it.rows(0).ranges).unwrap_or_default()
}

// --- 2: a counter ----------------------------------------------------------------------

/// The next ticket, and how many each rank sells: two ranks sell some, one of four none, and no
/// two as many. That one is rank 0 with 4 ranks, the last rank with 3 and 7, and with 7 also one
/// in between.
fn tickets(case: &Case) -> (i64, Array1<i64>) {
    let mut random = case.random(1);
    let next = random.i64(100..1000);
    let some = different(&mut random, case.ranks);
    let none = if case.ranks == 4 { 0 } else { 2 };
    let wanted = Array1::from_shape_fn(case.ranks, |rank| match rank % 4 {
        it if it == none => 0,
        _ => some[rank],
    });
    (next, wanted)
}

/// As many numbers from 2 on, no two alike.
fn different(random: &mut fastrand::Rng, count: usize) -> Vec<i64> {
    let mut all: Vec<i64> = (2..count as i64 + 4).collect();
    random.shuffle(&mut all);
    all.truncate(count);
    all
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
    let order = Order::of(&trial.record);
    for rank in (0..trial.ranks()).filter(|it| *it != writer) {
        for read in accesses(trial, rank, "counter", false) {
            if order.is_before((rank, read), (writer, write)) {
                continue;
            }
            match passed_on(trial, &order, (writer, write), (rank, read)) {
                Passed::On => {}
                Passed::Unordered => {
                    return Err(Wrong::Silent(format!(
                        "rank {rank} read `counter`, and nothing sees to it that this is \
                         before rank {writer} wrote it: no barrier, no message from rank \
                         {rank}, nor another call in which rank {writer} waits for it. This \
                         time it went well"
                    )));
                }
                Passed::Kept | Passed::Overlooked => {
                    return Err(Wrong::Silent(format!(
                        "rank {rank} read `counter` after rank {writer} had written it, \
                         without a flush on both: it may have read what was there before"
                    )));
                }
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

/// How many rows each rank adds in each round: now and then none, rank 0 and the last as well,
/// and no two ranks as many. Of 7 ranks none adds any in the second round: the third comes all the
/// same.
fn arrivals(case: &Case) -> Array2<i64> {
    let mut random = case.random(1);
    let mut some: Vec<Vec<i64>> = (0..ROUNDS)
        .map(|_| different(&mut random, case.ranks))
        .collect();
    if case.ranks == 2 {
        // Rows that are put too far on go beyond the end on rank 1 alone.
        some.iter_mut().for_each(|it| it.sort_unstable());
    }
    Array2::from_shape_fn((ROUNDS, case.ranks), |(round, rank)| {
        match (round + rank) % 3 {
            2 => 0,
            _ if round == 1 && case.ranks == 7 => 0,
            _ => some[round][rank],
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
    knows_its_own_only(trial)?;
    Ok(format!("{total} rows in {ROUNDS} rounds, each by its rank"))
}

/// Each rank may have read its own column of `arrivals`, and no other.
fn knows_its_own_only(trial: &Trial) -> Result<(), Wrong> {
    let Some(read) = trial.record.read_from(None, "arrivals") else {
        return Ok(());
    };
    for (rank, blocks) in read.by_rank.iter().enumerate() {
        let own = rank as u64..rank as u64 + 1;
        let columns = |it: &record::Block| it.start[1]..it.end[1];
        if let Some(columns) = blocks.iter().map(columns).find(|it| *it != own) {
            return Err(Wrong::Silent(format!(
                "the rows are right; but rank {rank} read the columns {}–{} of `arrivals`, and \
                 is to know its own only, {rank}. The ranks can tell each other the numbers",
                columns.start,
                columns.end - 1
            )));
        }
    }
    Ok(())
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
    record::prose::rows(&ranges)
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

/// Whether what one rank wrote reaches the read of another, and what is missing.
enum Passed {
    On,
    /// The reader does not wait for the writer.
    Unordered,
    /// It waits, but not for a flush of the writer.
    Kept,
    /// It does not flush after it has waited.
    Overlooked,
}

/// `write` and `read` are (rank, call).
fn passed_on(
    trial: &Trial,
    order: &Order,
    write: (usize, usize),
    read: (usize, usize),
) -> Passed {
    let flushes = |rank| positions(trial, rank, |call| call.name == "H5Fflush");
    let mut of_writer = flushes(write.0).into_iter();
    let mut of_reader = flushes(read.0).into_iter().rev();
    if !order.is_before(write, read) {
        return Passed::Unordered;
    }
    let flushed = of_writer.find(|it| *it > write.1).map(|it| (write.0, it));
    let Some(flushed) = flushed.filter(|it| order.is_before(*it, read)) else {
        return Passed::Kept;
    };
    let again = of_reader.find(|it| *it < read.1).map(|it| (read.0, it));
    match again.is_some_and(|it| order.is_before(flushed, it)) {
        true => Passed::On,
        false => Passed::Overlooked,
    }
}

fn positions(trial: &Trial, rank: usize, wanted: impl Fn(&Call) -> bool) -> Vec<usize> {
    let calls = trial.record.ranks[rank].calls.iter().enumerate();
    calls
        .filter(|(_, call)| wanted(call))
        .map(|(at, _)| at)
        .collect()
}
