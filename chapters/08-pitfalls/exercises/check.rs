//! The checks of the exercises.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use hdf5::File;
use hdf5::types::TypeDescriptor;
use ndarray::{Array1, Array2};
use record::Call;

use check::exercise::{Case, Exercise, Finding, Given, Trial, Wrong};
use check::shares::Shares;

pub const ALL: &[Exercise] = &[
    Exercise {
        name: "three-mistakes",
        prepare: prepare_visitors,
        judge: three_mistakes,
    },
    Exercise {
        name: "one-step",
        prepare: prepare_plan,
        judge: one_step,
    },
    Exercise {
        name: "all-or-nothing",
        prepare: prepare_parts,
        judge: all_or_nothing,
    },
];

fn write(case: &Case, name: &str, text: &str) -> Result<(), String> {
    std::fs::write(case.data.join(name), text).map_err(|error| format!("{name}: {error}"))
}

// --- 8.1 -------------------------------------------------------------------------------

/// The visitors of each day. Some days have more than a `u32` can count, and no two days have
/// the same number.
fn visitors(case: &Case) -> Vec<u64> {
    let mut random = case.random(81);
    let days = case.rows().min(40) as u64;
    (0..days)
        .map(|day| (day % 2) * 5_000_000_000 + 1000 * random.u64(1..1_000_000) + day)
        .collect()
}

fn prepare_visitors(case: &Case) -> Result<Given, String> {
    let mut text = String::new();
    let visitors = visitors(case);
    for day in &visitors {
        let _ = writeln!(text, "{day}");
    }
    write(case, "visitors.txt", &text)?;
    Ok(Given::files(format!("{} days", visitors.len())))
}

fn three_mistakes(trial: &Trial) -> Finding {
    let right = visitors(&trial.case);
    let file = trial.open("visitors.hdf5")?;
    let dataset = trial.dataset(&file, "visitors", &[right.len()])?;
    match dataset.dtype().and_then(|it| it.to_descriptor()) {
        Ok(TypeDescriptor::Unsigned(size)) if size as usize == 8 => {}
        Ok(other) => {
            return Err(Wrong::Result(format!(
                "the numbers of `visitors` are of the type {other}, should be uint64 (`u64` in \
                 Rust)"
            )));
        }
        Err(error) => {
            return Err(Wrong::Result(format!("the type of `visitors`: {error}")));
        }
    }
    let shares = Shares::rows_as_written(trial, "visitors", right.len());
    let found: Array1<u64> = trial.read(&dataset)?;
    let right = Array1::from(right);
    shares.compare(trial, "visitors", found.view(), right.view(), |a, b| a == b)?;
    shares.each_wrote_its_own(trial, "visitors")?;
    let total: u64 = right.sum();
    match dataset.attr("total").and_then(|it| it.read_scalar::<u64>()) {
        Ok(it) if it == total => {
            Ok("the numbers, who wrote them, and the total".to_owned())
        }
        Ok(it) => Err(Wrong::Result(format!("`total` is {it}, should be {total}"))),
        Err(_) => Err(Wrong::Result(
            "`visitors` has no attribute `total` that can be read".to_owned(),
        )),
    }
}

// --- 8.2 -------------------------------------------------------------------------------

/// As in the exercise.
const CELLS: usize = 12;
const STEPS: usize = 6;

/// In which step the ranks die; not with 2 ranks. The first step is among them, before which
/// nothing need have been flushed, and the last, after which nothing follows.
fn dies_in(case: &Case) -> Option<usize> {
    match case.ranks {
        1 => Some(case.random(82).usize(1..STEPS - 1)),
        2 => None,
        3 => Some(0),
        4 => Some(STEPS - 1),
        _ => Some(case.random(82).usize(1..STEPS - 1)),
    }
}

fn prepare_plan(case: &Case) -> Result<Given, String> {
    let (plan, words) = match dies_in(case) {
        Some(step) => (step.to_string(), format!("all ranks die in step {step}")),
        None => ("nobody".to_owned(), "nobody dies".to_owned()),
    };
    write(case, "plan.txt", &format!("{plan}\n"))?;
    Ok(Given {
        words,
        fails: dies_in(case).is_some(),
        ..Given::default()
    })
}

fn one_step(trial: &Trial) -> Finding {
    let whole = dies_in(&trial.case).unwrap_or(STEPS);
    if trial.status == 0 && whole < STEPS {
        return Err(Wrong::Result(format!(
            "the ranks should have died in step {whole}, and the run ended well; leave \
             `write_step` as it is, and pass it `dies_in == Some(step)`"
        )));
    }
    // A run that was ended is not compared otherwise.
    if let Some(difference) = trial.record.first_difference() {
        return Err(Wrong::Silent(format!(
            "{}. {}",
            difference.sentence(&|_| None),
            difference.rule()
        )));
    }
    let file = trial.open("steps.hdf5").map_err(|wrong| match wrong {
        Wrong::Result(_) if whole < STEPS => Wrong::Result(format!(
            "the ranks died in step {whole}, and `steps.hdf5` does not open{}, because its \
             structure was still in their memory",
            match whole {
                0 => String::new(),
                1 => ": the step before is lost with it".to_owned(),
                _ => format!(": all {whole} steps before are lost with it"),
            }
        )),
        wrong => wrong,
    })?;
    let states = trial.dataset(&file, "states", &[STEPS, CELLS])?;
    let complete = trial.dataset(&file, "complete", &[1])?;
    let complete: Array1<u64> = trial.read(&complete)?;
    let complete = complete[0] as usize;
    let states: Array2<f64> = trial.read(&states)?;
    let value = |step: usize, cell: usize| (step + 1) as f64 + cell as f64 / 100.0;
    let torn = (0..complete.min(STEPS))
        .find(|step| (0..CELLS).any(|cell| states[[*step, cell]] != value(*step, cell)));
    if let Some(step) = torn {
        let cells = (0..CELLS).filter(|cell| states[[step, *cell]] == value(step, *cell));
        return Err(Wrong::Result(format!(
            "`complete` says that {complete} steps are whole, but of step {step} only {} of \
             {CELLS} cells are in the file: whoever goes on from there goes on with garbage",
            cells.count()
        )));
    }
    if complete != whole {
        let lost = whole.saturating_sub(complete);
        return Err(Wrong::Result(format!(
            "`complete` is {complete}, should be {whole}: {}",
            match whole < STEPS {
                true if lost == 0 => format!("the ranks died in step {whole}"),
                true => format!(
                    "the ranks died in step {whole}, and that is to cost this one step, not \
                     {} of them",
                    lost + 1
                ),
                false => "nobody died".to_owned(),
            }
        )));
    }
    Ok(match whole < STEPS {
        true if whole == 0 => {
            "the ranks died in step 0; the file opens, and says so".to_owned()
        }
        true => format!(
            "the ranks died in step {whole}; the {} before it whole, and marked",
            match whole {
                1 => "step".to_owned() + " is",
                _ => format!("{whole} steps are"),
            }
        ),
        false => format!("nobody died, and all {STEPS} steps are whole"),
    })
}

// --- 8.3 -------------------------------------------------------------------------------

/// As in the exercise.
const PART: usize = 5;
const DAYS: usize = 3;

/// The part that is bad: its day and its rank. With 1 and with 3 ranks all are good. It is one
/// of rank 0, of the last rank and of one in between; of a later day, when part of the new file
/// is written already, and of the first.
fn bad_part(case: &Case) -> Option<(usize, usize)> {
    match case.ranks {
        1 | 3 => None,
        2 => Some((1, 1)),
        4 => Some((DAYS - 1, 0)),
        ranks => Some((0, case.random(83).usize(1..ranks - 1))),
    }
}

fn parts(case: &Case, day: usize) -> Array1<f64> {
    let mut random = case.random(830 + day as u64);
    (0..case.ranks * PART)
        .map(|_| random.u32(1..1000).into())
        .collect()
}

const OLD: [f64; 3] = [1.5, 2.5, 3.5];

fn prepare_parts(case: &Case) -> Result<Given, String> {
    for day in 0..DAYS {
        let all = parts(case, day);
        for rank in 0..case.ranks {
            let mut text = String::new();
            for number in all.iter().skip(rank * PART).take(PART) {
                let _ = writeln!(text, "{number}");
            }
            if bad_part(case) == Some((day, rank)) {
                text = text.replacen('\n', "\nbroken sensor\n", 1);
            }
            write(case, &name(day, rank), &text)?;
        }
    }
    make_old(case, "results.hdf5")?;
    let old = std::fs::File::options()
        .write(true)
        .open(case.data.join("results.hdf5"));
    let aged = old.and_then(|it| it.set_modified(long_ago()));
    aged.map_err(|error| format!("results.hdf5: {error}"))?;
    Ok(Given {
        words: match bad_part(case) {
            Some((day, rank)) => format!("{} is bad", name(day, rank)),
            None => "all parts are good".to_owned(),
        },
        fails: bad_part(case).is_some(),
        ..Given::default()
    })
}

/// Makes the old file, which has the same bytes each time.
fn make_old(case: &Case, name: &str) -> Result<(), String> {
    case.make(name, |file| {
        let builder = file.new_dataset::<f64>().shape(3).obj_track_times(false);
        builder.create("old")?.write(&OLD)
    })
}

/// When the old file was written.
fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
}

fn name(day: usize, rank: usize) -> String {
    format!("day-{day}-part-{rank}.txt")
}

fn all_or_nothing(trial: &Trial) -> Finding {
    if let Some(difference) = trial.record.first_difference() {
        return Err(Wrong::Silent(format!(
            "{}. {}",
            difference.sentence(&|_| None),
            difference.rule()
        )));
    }
    match bad_part(&trial.case) {
        Some((day, rank)) => nothing(trial, &name(day, rank)),
        None => all(trial),
    }
}

fn all(trial: &Trial) -> Finding {
    let file = trial.open("results.hdf5")?;
    for day in 0..DAYS {
        let right = parts(&trial.case, day);
        let name = format!("day-{day}");
        let dataset = trial.dataset(&file, &name, &[right.len()])?;
        let found: Array1<f64> = trial.read(&dataset)?;
        let shares = Shares::rows(trial.ranks(), right.len());
        shares.compare(trial, &name, found.view(), right.view(), |a, b| a == b)?;
    }
    match file.link_exists("old") {
        true => Err(Wrong::Result(
            "`results.hdf5` still has the dataset `old`: it is the old file, with more in it"
                .to_owned(),
        )),
        false => Ok("all parts are good, and in the new file".to_owned()),
    }
}

/// The old file, a status, and one message.
fn nothing(trial: &Trial, bad: &str) -> Finding {
    match old(&trial.case.data.join("results.hdf5")) {
        Ok(()) => {}
        Err(what) => {
            return Err(Wrong::Result(format!(
                "{bad} is bad, so `results.hdf5` should be the old file, with nothing but the \
                 dataset `old`; {what}"
            )));
        }
    }
    untouched(trial, bad)?;
    if trial.status == 0 {
        return Err(Wrong::Result(format!(
            "the run ended with status 0, although {bad} is bad: whoever started it believes \
             that all is well"
        )));
    }
    let speakers: Vec<usize> = (0..trial.ranks())
        .filter(|rank| trial.complained[*rank].contains("part-"))
        .collect();
    let said = trial.complained.concat();
    // A message may name it twice.
    let messages = said.lines().filter(|it| it.contains(bad)).count();
    if messages == 0 {
        return Err(Wrong::Result(format!(
            "no message on standard error names {bad}"
        )));
    }
    if speakers.len() > 1 || messages > 1 {
        return Err(Wrong::Result(format!(
            "{messages} messages on standard error name {bad}, by {}; one is enough, and with \
             a thousand ranks more than one is none",
            record::prose::ranks(&speakers)
        )));
    }
    if let Some(rank) = trial.record.ranks.iter().find(|it| it.aborted.is_some()) {
        return Err(Wrong::Result(format!(
            "rank {} ended all ranks by an abort; they should all have the error, and end by \
             themselves",
            rank.rank
        )));
    }
    Ok(format!(
        "{bad} is bad; the old file is as it was, and one message says why"
    ))
}

/// The old file was there all the time: nobody has made a new one in its place, or written into
/// it, and then put back what it was. Who dies, or looks, in between has no old file.
fn untouched(trial: &Trial, bad: &str) -> Result<(), Wrong> {
    let path = trial.case.data.join("results.hdf5");
    let creates = |call: &&Call| {
        let is_it = |file: &str| file.ends_with("/results.hdf5");
        call.name == "H5Fcreate" && call.file.as_deref().is_some_and(is_it)
    };
    let mut ranks = trial.record.ranks.iter();
    let created = ranks.find(|rank| rank.calls.iter().any(|it| creates(&it)));
    let how = match created {
        Some(rank) => format!("rank {} created a new one in its place", rank.rank),
        None => {
            let modified = std::fs::metadata(&path).and_then(|it| it.modified());
            make_old(&trial.case, "again.hdf5")?;
            let again = std::fs::read(trial.case.data.join("again.hdf5"));
            match (modified, std::fs::read(&path), again) {
                (Ok(at), Ok(is), Ok(was)) if at == long_ago() && is == was => return Ok(()),
                _ => "it was written to".to_owned(),
            }
        }
    };
    Err(Wrong::Silent(format!(
        "{bad} is bad, so `results.hdf5` has to stay as it is, byte for byte, all the time; but \
         {how}. What is put back in the end is lost if the program dies before"
    )))
}

/// An error that says what is there instead of the old file.
fn old(path: &Path) -> Result<(), String> {
    let file = File::open(path).map_err(|error| format!("it does not open: {error}"))?;
    let there = file.member_names().unwrap_or_default();
    if there != ["old"] {
        return Err(format!("it has {}", check::exercise::names(&there)));
    }
    match file.dataset("old").and_then(|it| it.read_raw::<f64>()) {
        Ok(numbers) if numbers == OLD => Ok(()),
        _ => Err("the numbers of `old` are others".to_owned()),
    }
}
