//! The checks of the exercises.

use std::fmt::Write as _;

use hdf5::types::TypeDescriptor;
use hdf5::{Dataset, Group};
use ndarray::Array1;
use record::Call;

use check::exercise::{Case, Exercise, Finding, Given, Trial, Wrong, names};
use check::shares::Shares;

pub const ALL: &[Exercise] = &[
    Exercise {
        name: "groups",
        prepare: |_| Ok(Given::default()),
        judge: groups,
    },
    Exercise {
        name: "rank-zero",
        prepare: prepare_rows,
        judge: rank_zero,
    },
    Exercise {
        name: "two-files",
        prepare: |_| Ok(Given::default()),
        judge: two_files,
    },
    Exercise {
        name: "one-cannot",
        prepare: prepare_parts,
        judge: one_cannot,
    },
];

// --- 2.1 -------------------------------------------------------------------------------

fn groups(trial: &Trial) -> Finding {
    let file = trial.open("groups.hdf5")?;
    let ranks = trial.ranks();
    for rank in 0..ranks {
        let group = format!("rank-{rank}");
        group_of(&file, &group)?;
        let right =
            Array1::from_iter((0..3 + rank as u64).map(|i| 100 * (rank as u64 + 1) + i));
        let name = format!("{group}/numbers");
        let dataset = trial.dataset(&file, &name, &[right.len()])?;
        of_u64(&dataset, &name)?;
        let shares = only(ranks, rank, right.len());
        let found: Array1<u64> = trial.read(&dataset)?;
        shares.compare(trial, &name, found.view(), right.view(), |a, b| a == b)?;
    }
    for rank in 0..ranks {
        let shares = only(ranks, rank, 3 + rank);
        shares.each_wrote_its_own(trial, &format!("rank-{rank}/numbers"))?;
    }
    Ok(format!(
        "{ranks} groups, each with the numbers of its rank, which wrote them"
    ))
}

/// Reading converts, so the type is looked at by itself.
fn of_u64(dataset: &Dataset, name: &str) -> Result<(), Wrong> {
    let element = dataset.dtype().and_then(|it| it.to_descriptor());
    match element {
        Ok(TypeDescriptor::Unsigned(size)) if size as usize == 8 => Ok(()),
        Ok(other) => Err(Wrong::Result(format!(
            "the numbers of `{name}` are of the type {other}, should be uint64 (`u64` in Rust)"
        ))),
        Err(error) => Err(Wrong::Result(format!("the type of `{name}`: {error}"))),
    }
}

/// A dataset that belongs to one rank as a whole.
fn only(ranks: usize, owner: usize, rows: usize) -> Shares {
    let range = |rank| if rank == owner { 0..rows } else { 0..0 };
    Shares::new(0, (0..ranks).map(range).collect())
}

fn group_of(file: &hdf5::File, name: &str) -> Result<Group, Wrong> {
    file.group(name).map_err(|_| {
        let there = file.member_names().unwrap_or_default();
        Wrong::Result(format!(
            "`groups.hdf5` has no group `{name}`; it has {}",
            names(&there)
        ))
    })
}

// --- 2.2 -------------------------------------------------------------------------------

fn prepare_rows(case: &Case) -> Result<Given, String> {
    let rows = case.rows();
    write(case, "rows.txt", &format!("{rows}\n"))?;
    Ok(Given {
        words: format!("{rows} rows"),
        ..Given::default()
    })
}

fn rank_zero(trial: &Trial) -> Finding {
    let rows = trial.case.rows();
    let file = trial.open("squares.hdf5")?;
    let dataset = trial.dataset(&file, "squares", &[rows])?;
    of_u64(&dataset, "squares")?;
    let right = Array1::from_iter((0..rows as u64).map(|row| row * row));
    let shares = Shares::rows_as_written(trial, "squares", rows);
    let found: Array1<u64> = trial.read(&dataset)?;
    shares.compare(trial, "squares", found.view(), right.view(), |a, b| a == b)?;
    shares.each_wrote_its_own(trial, "squares")?;
    Ok(format!(
        "{rows} squares, each written by the rank that it belongs to"
    ))
}

// --- 2.3 -------------------------------------------------------------------------------

/// As in the exercise.
const ROWS: usize = 3;

fn two_files(trial: &Trial) -> Finding {
    let ranks = trial.ranks();
    let files = [(0, "even.hdf5"), (1, "odd.hdf5")];
    let half_of = |parity: usize| (parity..ranks).step_by(2).collect::<Vec<usize>>();
    for (parity, name) in files {
        let half = half_of(parity);
        match (trial.case.data.join(name).exists(), half.is_empty()) {
            (true, true) => {
                return Err(Wrong::Result(format!(
                    "there is a file `{name}`, but no rank that it could belong to"
                )));
            }
            (false, false) => {
                return Err(Wrong::Result(format!(
                    "there is no file `{name}`, which {} of {ranks} should have written",
                    record::prose::ranks(&half)
                )));
            }
            _ => {}
        }
    }
    for (parity, name) in files {
        who_opened(trial, name, &half_of(parity))?;
    }
    for (parity, name) in files {
        let half = half_of(parity);
        if half.is_empty() {
            continue;
        }
        let file = trial.open(name)?;
        let dataset = trial.dataset(&file, "numbers", &[ROWS])?;
        let found: Array1<u64> = trial.read(&dataset)?;
        let right: Array1<u64> = (0..ROWS).map(|row| (2 * row + parity) as u64).collect();
        let wrong = found
            .iter()
            .zip(&right)
            .position(|(is, should)| is != should);
        if let Some(row) = wrong {
            return Err(Wrong::Result(format!(
                "`numbers[{row}]` of `{name}` is {}, should be {}",
                found[row], right[row]
            )));
        }
        who_wrote(trial, name, &half)?;
    }
    Ok(match ranks {
        1 => "even.hdf5, and no other".to_owned(),
        _ => format!("two files, each written by its half of {ranks} ranks"),
    })
}

/// The ranks of `half` must have opened the file together, and nobody else.
fn who_opened(trial: &Trial, name: &str, half: &[usize]) -> Result<(), Wrong> {
    let ranks = trial.ranks();
    let opens = |call: &&Call| {
        let ends = |path: &str| path.ends_with(&format!("/{name}"));
        matches!(&*call.name, "H5Fcreate" | "H5Fopen")
            && call.ok == Some(true)
            && call.file.as_deref().is_some_and(ends)
    };
    let opened = |rank: usize| trial.record.ranks[rank].calls.iter().filter(opens);
    let together = |call: &Call| {
        let mut group = call.group.clone()?;
        group.sort_unstable();
        Some(group)
    };
    let silent = |text: String| Err(Wrong::Silent(text));
    if let Some(rank) = (0..ranks).find(|it| !half.contains(it) && opened(*it).count() > 0)
    {
        let with = opened(rank).find_map(together);
        return silent(format!(
            "rank {rank} of {ranks} opened `{name}`, which is not its file{}. It is a file of \
             {} only",
            match with {
                Some(with) if with.len() > 1 => format!(
                    ": its communicator was that of {}",
                    record::prose::ranks(&with)
                ),
                _ => String::new(),
            },
            record::prose::ranks(half),
        ));
    }
    if half.len() < 2 {
        return Ok(());
    }
    let alone = |rank: &&usize| {
        let one = |it: &Call| together(it).is_some_and(|it| it == [**rank]);
        opened(**rank).any(one)
    };
    let each: Vec<usize> = half.iter().filter(alone).copied().collect();
    if let [one, another, ..] = each[..] {
        return silent(format!(
            "rank {one} and rank {another} of {ranks} each opened `{name}` for itself alone, \
             with a communicator of one rank; neither knows what the other does in the file. \
             {} are to open it together: they need the same colour",
            capital(&record::prose::ranks(half))
        ));
    }
    for rank in half {
        if opened(*rank).any(|it| together(it).as_deref() == Some(half)) {
            continue;
        }
        let how = match opened(*rank).next().map(together) {
            None => "did not open it".to_owned(),
            Some(None) => "opened it without MPI-IO".to_owned(),
            Some(Some(with)) => {
                format!(
                    "opened it with the communicator of {}",
                    record::prose::ranks(&with)
                )
            }
        };
        return silent(format!(
            "`{name}` is to be opened by {} of {ranks} together; rank {rank} {how}",
            record::prose::ranks(half)
        ));
    }
    Ok(())
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|it| it.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// Each rank of `half` must have written its rows of the file, and nobody else any. Any even
/// way to share them out will do, in whatever order the ranks are.
fn who_wrote(trial: &Trial, name: &str, half: &[usize]) -> Result<(), Wrong> {
    let written = trial.record.written(Some(&format!("/{name}")), "numbers");
    let wrote = |rank: usize| {
        let rows = written.as_ref().map(|it| it.rows(rank).ranges);
        rows.unwrap_or_default()
    };
    let count = |rank: &usize| wrote(*rank).iter().map(|it| it.end - it.start).sum::<u64>();
    let counts: Vec<u64> = half.iter().map(count).collect();
    let mut rows: Vec<u64> = half
        .iter()
        .flat_map(|rank| wrote(*rank).into_iter().flatten())
        .collect();
    rows.sort_unstable();
    let each_once = rows.into_iter().eq(0..ROWS as u64);
    let even = counts.iter().max() <= counts.iter().min().map(|it| it + 1).as_ref();
    for rank in 0..trial.ranks() {
        let place = half.iter().position(|it| *it == rank);
        let should = match place {
            Some(_) if each_once && even => continue,
            Some(place) => parallel_hdf5::rows_of(place as i32, half.len() as i32, ROWS),
            None => 0..0,
        };
        let wrote = wrote(rank);
        let rows: Vec<u64> = wrote.iter().cloned().flatten().collect();
        if rows
            .iter()
            .copied()
            .eq(should.clone().map(|row| row as u64))
        {
            continue;
        }
        let its = match (place, should.is_empty()) {
            (None, _) => format!("`{name}` is not its file"),
            (_, true) => "`rows_of` gives it none there".to_owned(),
            (_, false) => format!(
                "`rows_of` gives it {}",
                in_words(std::slice::from_ref(
                    &(should.start as u64..should.end as u64)
                ))
            ),
        };
        return Err(Wrong::Silent(format!(
            "rank {rank} of {} wrote {} of `{name}`; {its}",
            trial.ranks(),
            in_words(&wrote),
        )));
    }
    Ok(())
}

fn in_words(rows: &[std::ops::Range<u64>]) -> String {
    record::prose::rows(rows)
}

// --- 2.4 -------------------------------------------------------------------------------

/// What is in the parts: for each rank the numbers, or what else there is.
enum Part {
    Numbers(Vec<i64>),
    Word(&'static str),
    Missing,
}

/// The same in `prepare` and in `judge`. With one rank and with three all parts are good, with
/// seven two are not. Rank 0 is the only bad one once, and good beside a bad one twice: what
/// only rank 0 knows, or only the ranks after a bad one, is not enough.
fn parts(case: &Case) -> Vec<Part> {
    let mut random = case.random(4);
    let bad = match case.ranks {
        1 | 3 => vec![],
        2 => vec![1],
        4 => vec![0],
        ranks => vec![random.usize(1..ranks - 1), ranks - 1],
    };
    let part = |rank| match bad.iter().position(|it| *it == rank) {
        // Each of the two once alone, and both together.
        Some(nth) if (case.ranks / 2 + nth).is_multiple_of(2) => Part::Missing,
        Some(_) => Part::Word("n/a"),
        None => {
            let mut numbers: Vec<i64> =
                (0..1 + rank % 3).map(|_| random.i64(1..1000)).collect();
            // A sum of 0 is as good as any.
            if rank == 1 {
                numbers[1] = -numbers[0];
            }
            Part::Numbers(numbers)
        }
    };
    (0..case.ranks).map(part).collect()
}

fn prepare_parts(case: &Case) -> Result<Given, String> {
    let mut bad = Vec::new();
    for (rank, part) in parts(case).into_iter().enumerate() {
        let name = format!("part-{rank}.txt");
        let mut text = String::new();
        match part {
            Part::Numbers(numbers) => {
                for number in numbers {
                    let _ = writeln!(text, "{number}");
                }
            }
            Part::Word(word) => {
                let _ = writeln!(text, "7\n{word}");
                bad.push(format!("{name} is no good"));
            }
            Part::Missing => {
                bad.push(format!("{name} is missing"));
                continue;
            }
        }
        write(case, &name, &text)?;
    }
    Ok(Given {
        words: match bad.is_empty() {
            true => "all parts are good".to_owned(),
            false => bad.join(", "),
        },
        fails: !bad.is_empty(),
        ..Given::default()
    })
}

fn one_cannot(trial: &Trial) -> Finding {
    let parts = parts(&trial.case);
    let (ranks, sums) = (trial.ranks(), parts.iter().map(sum).collect::<Vec<_>>());
    let bad: Vec<usize> = (0..ranks).filter(|rank| sums[*rank].is_none()).collect();
    // Such a run is not compared otherwise: a rank that is ended may be behind the others.
    if let Some(difference) = trial.record.first_difference() {
        return Err(Wrong::Silent(format!(
            "{}. {}",
            difference.sentence(&|_| None),
            difference.rule()
        )));
    }
    let lost = |wrong| match rank_that_ended_all(trial) {
        Some(rank) => Wrong::Result(format!(
            "rank {rank} ended all ranks before `sums.hdf5` was closed, and with it the sums \
             of the others are lost: it panicked (`unwrap`?), or an error left the program"
        )),
        None => wrong,
    };
    let file = trial.open("sums.hdf5").map_err(lost)?;
    let dataset = trial.dataset(&file, "sums", &[ranks]).map_err(lost)?;
    let complete = file.group("complete").is_ok();
    if !bad.is_empty() {
        all_heard_of(trial, &bad, complete)?;
    }

    let found: Array1<i64> = trial.read(&dataset)?;
    let own = Shares::rows(ranks, ranks);
    // What is in a row that nobody wrote is not judged: OMPIO may leave stray memory there.
    let written: Vec<_> = (0..ranks)
        .flat_map(|rank| own.written(trial, "sums", rank))
        .collect();
    let unwritten = |row: usize| !written.iter().any(|it| it.contains(&row));
    let right: Array1<i64> = sums
        .iter()
        .zip(&found)
        .enumerate()
        .map(|(row, (sum, found))| match sum {
            Some(sum) => *sum,
            None if unwritten(row) => *found,
            None => 0,
        })
        .collect();
    let compared = own.compare(trial, "sums", found.view(), right.view(), |a, b| a == b);
    compared.map_err(|wrong| match wrong {
        Wrong::Result(text) => match rank_that_ended_all(trial) {
            Some(rank) => Wrong::Result(format!(
                "{text}. Rank {rank} ended all ranks before the file was closed"
            )),
            None => Wrong::Result(text),
        },
        wrong => wrong,
    })?;
    // Without a good part a rank may leave its row as it is, or write the 0 that is there.
    let range = |rank: usize| match sums[rank] {
        None if own.written(trial, "sums", rank).is_empty() => rank..rank,
        _ => rank..rank + 1,
    };
    let shares = Shares::new(0, (0..ranks).map(range).collect());
    shares.each_wrote_its_own(trial, "sums")?;

    match (bad.is_empty(), complete) {
        (true, true) => Ok(format!("{ranks} sums, and nothing to complain of")),
        (true, false) => Err(Wrong::Result(
            "all sums are there, but `sums.hdf5` has no group `complete`".to_owned(),
        )),
        (false, _) => Ok(format!(
            "the other sums are there; {} had no good part, and said so",
            record::prose::ranks(&bad)
        )),
    }
}

/// The group, the status and the message of a run in which these ranks had no good part.
fn all_heard_of(trial: &Trial, bad: &[usize], complete: bool) -> Result<(), Wrong> {
    let which = record::prose::ranks(bad);
    let mut faults = Vec::new();
    if complete {
        faults.push(format!(
            "`sums.hdf5` has a group `complete`, although {which} had no good part"
        ));
    }
    if trial.status == 0 {
        let although = match complete {
            true => String::new(),
            false => format!(", although {which} had no good part"),
        };
        faults.push(format!(
            "the run ended with status 0{although}: whoever started it believes that all is \
             well"
        ));
    }
    if !faults.is_empty() {
        return Err(Wrong::Result(faults.join("; and ")));
    }
    let part = |rank: usize| format!("part-{rank}.txt");
    let (said, printed) = (trial.complained.concat(), trial.printed.concat());
    let parts: Vec<String> = bad.iter().map(|rank| part(*rank)).collect();
    if !parts.iter().any(|name| said.contains(name)) {
        return Err(Wrong::Result(format!(
            "no rank said on standard error which part was bad: {}{}",
            parts.join(", "),
            match parts.iter().any(|name| printed.contains(name)) {
                true =>
                    ". One said it on standard output, where the results of a program go",
                false => "",
            }
        )));
    }
    let good = (0..trial.ranks()).filter(|it| !bad.contains(it)).map(part);
    for name in good {
        if said.contains(&name) {
            return Err(Wrong::Result(format!(
                "standard error names {name}, which is good, besides the bad part ({}): nobody \
                 can tell which is which",
                parts.join(", ")
            )));
        }
    }
    Ok(())
}

/// Who ended all ranks while the file was open on some.
fn rank_that_ended_all(trial: &Trial) -> Option<usize> {
    let closes = |call: &Call| {
        matches!(&*call.name, "H5Fclose" | "H5Idec_ref")
            && call.ok == Some(true)
            && call
                .file
                .as_deref()
                .is_some_and(|it| it.ends_with("/sums.hdf5"))
    };
    let ranks = &trial.record.ranks;
    let left_open = ranks.iter().any(|it| !it.calls.iter().any(closes));
    let aborted = ranks.iter().find(|it| it.aborted.is_some());
    aborted.filter(|_| left_open).map(|it| it.rank)
}

fn sum(part: &Part) -> Option<i64> {
    match part {
        Part::Numbers(numbers) => Some(numbers.iter().sum()),
        Part::Word(_) | Part::Missing => None,
    }
}

/// Writes an input file.
fn write(case: &Case, name: &str, text: &str) -> Result<(), String> {
    std::fs::write(case.data.join(name), text).map_err(|error| format!("{name}: {error}"))
}
