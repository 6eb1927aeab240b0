//! The checks of the exercises: shares that are fair, and read and written by their owners.

use std::ops::Range;

use hdf5::{Dataset, Datatype, H5Type};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use record::{Call, Selection};

use check::exercise::{Case, Exercise, Finding, Given, Trial, Wrong, counted};
use check::shares::{Shares, even};

pub const ALL: &[Exercise] = &[
    Exercise {
        name: "uneven",
        prepare: |case| make_points(case, case.rows()),
        judge: |trial| {
            distances(trial, trial.case.rows())?;
            let rows = trial.case.rows();
            Ok(format!("{rows} distances, each by the rank that owns it"))
        },
    },
    Exercise {
        name: "columns",
        prepare: make_rain,
        judge: columns,
    },
    Exercise {
        name: "mean",
        prepare: make_heights,
        judge: mean,
    },
    Exercise {
        name: "blocks",
        prepare: |case| make_points(case, streamed_rows(case)),
        judge: blocks,
    },
];

/// The most rows in a call of exercise 4.
const BLOCK: u64 = 64;

// --- 1 and 4: points -------------------------------------------------------------------

fn points(case: &Case, rows: usize) -> Array2<f32> {
    let mut random = case.random(1);
    // None at the origin: a distance of 0 is one that nobody wrote.
    Array2::from_shape_simple_fn((rows, 2), || 1.0 + 99.0 * random.f32())
}

fn make_points(case: &Case, rows: usize) -> Result<Given, String> {
    case.make("points.hdf5", |file| {
        let points = points(case, rows);
        file.new_dataset_builder()
            .with_data(&points)
            .create("coords")
    })?;
    Ok(Given::files(counted(rows, "row")))
}

/// `distances` holds what it should, and each rank has read and written its own part.
fn distances(trial: &Trial, rows: usize) -> Result<(), Wrong> {
    let points = points(&trial.case, rows).mapv(f64::from);
    let right = points.map_axis(Axis(1), |point| point.dot(&point).sqrt() as f32);
    let file = trial.open("points.hdf5")?;
    let dataset = trial.dataset(&file, "distances", &[rows])?;
    let found: Array1<f32> = trial.read(&dataset)?;

    let shared = Shared::of(trial, "distances", 0, rows);
    let near = |found: &f32, right: &f32| (found - right).abs() <= 1e-5 * right;
    let (found, right) = (found.view(), right.view());
    let compared = shared
        .shares
        .compare(trial, "distances", found, right, near);
    compared.map_err(|wrong| match wrong {
        Wrong::Result(text) if !shared.of_program && !rows.is_multiple_of(trial.ranks()) => {
            Wrong::Result(format!(
                "{text}. The shares named here are those of `rows_of`; others that are as even \
                 pass, too"
            ))
        }
        wrong => wrong,
    })?;
    shared.hold(trial, "coords", "distances")
}

// --- 2: columns ------------------------------------------------------------------------

/// How many days and gauges; fewer gauges than ranks for 7 ranks.
fn extents(case: &Case) -> (usize, usize) {
    let gauges = match case.ranks {
        1 => 3,
        2 => 5,
        3 => 7,
        4 => 10,
        ranks => ranks - 3,
    };
    (30 + case.random(1).usize(0..10), gauges)
}

fn rain(case: &Case) -> Array2<i64> {
    let mut random = case.random(2);
    // In micrometres, so that the totals fit into no `i16`.
    Array2::from_shape_simple_fn(extents(case), || random.i64(1..100_000))
}

fn make_rain(case: &Case) -> Result<Given, String> {
    case.make("rain.hdf5", |file| {
        file.new_dataset_builder()
            .with_data(&rain(case))
            .create("rain")
    })?;
    let (days, gauges) = extents(case);
    let (days, gauges) = (counted(days, "day"), counted(gauges, "gauge"));
    Ok(Given::files(format!("{days}, {gauges}")))
}

fn columns(trial: &Trial) -> Finding {
    let (days, gauges) = extents(&trial.case);
    let mut right = rain(&trial.case);
    right.accumulate_axis_inplace(Axis(0), |before, day| *day += before);
    let file = trial.open("rain.hdf5")?;
    let dataset = trial.dataset(&file, "total", &[days, gauges])?;
    let found: Array2<i64> = trial.read(&dataset)?;

    let shared = Shared::of(trial, "total", 1, gauges);
    let (found, right) = (found.view(), right.view());
    let mut pairs = found.indexed_iter().zip(right);
    let first = pairs.find(|((_, found), right)| found != right);
    let place = first.map(|((at, _), _)| at);
    if let Some(text) = not_blocks(trial, &shared, (days, gauges), place) {
        return Err(match first {
            Some((((day, gauge), found), should)) => Wrong::Result(format!(
                "`total[{day}, {gauge}]` is {found}, should be {should}. R{text}"
            )),
            None => Wrong::Silent(format!("The totals are right. But r{text}")),
        });
    }
    let equal = |found: &i64, right: &i64| found == right;
    let compared = shared.shares.compare(trial, "total", found, right, equal);
    compared.map_err(|wrong| match wrong {
        Wrong::Result(text) if shared.any_transposed(&found, &right) => Wrong::Result(format!(
            "{text}. The numbers are right, but transposed: `write_slice` does not compare the \
             array's shape with the slice's"
        )),
        Wrong::Result(text) if !is_of::<i64>(&dataset.dtype()) => Wrong::Result(format!(
            "{text}. `total` is of {}; do the totals fit into that?",
            type_of(&dataset.dtype())
        )),
        wrong => wrong,
    })?;
    shared.hold(trial, "rain", "total")?;
    let gauges = counted(gauges, "column");
    Ok(format!("{gauges} of totals, each by the rank that owns it"))
}

/// What is to be said if the ranks share out `total` in another way than by blocks of columns:
/// of a rank that wrote `place`, if there is one. Without its first letter.
fn not_blocks(
    trial: &Trial,
    shared: &Shared,
    (days, gauges): (usize, usize),
    place: Option<(usize, usize)>,
) -> Option<String> {
    let written = trial.record.written(None, "total")?;
    let of = |rank: usize| {
        let rows = written.rows(rank).ranges.into_iter();
        let rows = rows.map(|it| it.start as usize..it.end as usize);
        let columns = shared.shares.written(trial, "total", rank);
        (rows.collect::<Vec<_>>(), columns)
    };
    let has = |ranges: &[Range<usize>], at| ranges.iter().any(|it| it.contains(&at));
    let mut ranks: Vec<usize> = (0..trial.ranks()).collect();
    ranks.sort_by_key(|rank| {
        let (rows, columns) = of(*rank);
        !place.is_some_and(|(day, gauge)| has(&rows, day) && has(&columns, gauge))
    });
    for rank in ranks {
        let (rows, columns) = of(rank);
        let some_days = rows.iter().map(Range::len).sum::<usize>() < days;
        let wrote = match (rows.as_slice(), columns.as_slice()) {
            ([_, ..], [all]) if some_days && gauges > 1 && all.len() == gauges => {
                format!("{} with all columns", ranges("row", &rows))
            }
            (_, [_, _, ..]) => ranges("column", &columns),
            _ => continue,
        };
        return Some(format!(
            "ank {rank} wrote {wrote}. The exercise asks for a block of columns for each \
             rank, all days of them: rank {rank} of {} might have {}",
            trial.ranks(),
            ranges("column", &[evenly(trial.ranks(), gauges)[rank].clone()])
        ));
    }
    None
}

/// `row 3`, `columns 0–2`, `columns 0, 2, 4`.
fn ranges(what: &str, ranges: &[Range<usize>]) -> String {
    let shown = ranges.iter().filter(|it| !it.is_empty()).take(4);
    let shown: Vec<String> = shown
        .map(|it| match it.len() {
            1 => it.start.to_string(),
            _ => format!("{}–{}", it.start, it.end - 1),
        })
        .collect();
    match (ranges.iter().map(Range::len).sum(), ranges.len()) {
        (0, _) => format!("no {what}s"),
        (1, _) => format!("{what} {}", shown[0]),
        (_, 5..) => format!("{what}s {}, …", shown.join(", ")),
        _ => format!("{what}s {}", shown.join(", ")),
    }
}

/// Whether elements are of a type.
fn is_of<T: H5Type>(found: &hdf5::Result<Datatype>) -> bool {
    found.as_ref().is_ok_and(Datatype::is::<T>)
}

/// The name of a type, as Rust has it: `f32`.
fn type_of(found: &hdf5::Result<Datatype>) -> String {
    let Ok(Ok(described)) = found.as_ref().map(Datatype::to_descriptor) else {
        return "another".to_owned();
    };
    let long = described.to_string();
    let words = [("float", "f"), ("uint", "u"), ("int", "i")];
    let mut short = words
        .iter()
        .filter_map(|(word, letter)| Some(format!("{letter}{}", long.strip_prefix(word)?)));
    short.next().unwrap_or(long.clone())
}

// --- 3: a mean -------------------------------------------------------------------------

fn heights(case: &Case) -> Array1<f64> {
    let mut random = case.random(1);
    // They rise, so that no part has the mean of the whole.
    Array1::from_shape_fn(case.rows(), |row| 100.0 + row as f64 + random.f64())
}

fn make_heights(case: &Case) -> Result<Given, String> {
    case.make("heights.hdf5", |file| {
        let heights = heights(case);
        file.new_dataset_builder()
            .with_data(&heights)
            .create("heights")
    })?;
    Ok(Given::files(counted(case.rows(), "row")))
}

fn mean(trial: &Trial) -> Finding {
    let (ranks, rows) = (trial.ranks(), trial.case.rows());
    let file = trial.open("heights.hdf5")?;
    let dataset = trial.dataset(&file, "heights", &[rows])?;
    let found = attribute(&dataset, "mean")?;

    let heights = heights(&trial.case);
    let right = heights.sum() / rows as f64;
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs() || a.is_nan() && b.is_nan();
    if !near(found, right) {
        let of_part = |part: Range<usize>| {
            let count = part.len() as f64;
            heights.slice(s![part]).sum() / count
        };
        let means: Vec<f64> = evenly(ranks, rows).into_iter().map(of_part).collect();
        let of_means = means.iter().sum::<f64>() / ranks as f64;
        let sum = heights.sum();
        let guess = if found.is_nan() {
            "; that is 0 divided by 0: the mean of no rows, as a rank without rows has it"
                .into()
        } else if let Some(rank) = means.iter().position(|it| near(found, *it)) {
            format!("; that is the mean of rank {rank}'s rows alone")
        } else if near(found, of_means) {
            "; that is the mean of the ranks' means, but not all ranks have as many rows"
                .into()
        } else if near(found, sum) {
            "; that is the sum".into()
        } else {
            String::new()
        };
        return Err(Wrong::Result(format!(
            "The attribute `mean` of `heights` is {}, should be {right}{guess}",
            sane(found)
        )));
    }

    let shares = read_evenly(trial, "heights", rows).unwrap_or_else(|| evenly(ranks, rows));
    reads_its_own(trial, "heights", &shares, 0)?;
    for (rank, of_rank) in trial.record.ranks.iter().enumerate() {
        if ranks > 1 && !of_rank.calls.iter().any(|call| hears(call, rank)) {
            return Err(Wrong::Silent(format!(
                "Rank {rank} has received nothing from the other ranks, so it cannot know the \
                 mean; yet it wrote one. The file holds what one of the ranks wrote, and that \
                 the right one came through was luck"
            )));
        }
    }
    Ok(format!("the mean of {}", counted(rows, "row")))
}

/// The number in an attribute.
fn attribute(dataset: &Dataset, name: &str) -> Result<f64, Wrong> {
    let attribute = dataset.attr(name).map_err(|_| {
        let there = dataset.attr_names().unwrap_or_default();
        format!(
            "The dataset `heights` has no attribute `{name}`; it has {}",
            check::exercise::names(&there)
        )
    })?;
    // Whole if read as `f64`, but some digits are lost.
    let is = attribute.dtype();
    if !is_of::<f64>(&is) {
        return Err(Wrong::Result(format!(
            "The attribute `{name}` of `heights` is there; its type is {}, should be f64",
            type_of(&is)
        )));
    }
    let number = attribute.as_reader().conversion(hdf5::Conversion::Soft);
    let number = number.read_raw::<f64>().map_err(|error| {
        Wrong::Result(format!("The attribute `{name}` cannot be read: {error}"))
    })?;
    match number[..] {
        [one] => Ok(one),
        _ => Err(Wrong::Result(format!(
            "The attribute `{name}` holds {} numbers, should be one",
            number.len()
        ))),
    }
}

/// A number as one would write it by hand: `0.1`, `1e-300`.
fn sane(number: f64) -> String {
    match number.abs() {
        0.0 | 1e-4..1e15 => number.to_string(),
        _ => format!("{number:e}"),
    }
}

/// Whether a rank learns something from the others by this call.
fn hears(call: &Call, rank: usize) -> bool {
    let name = call.name.strip_prefix("MPI_").unwrap_or_default();
    let name = name.trim_start_matches('I').to_lowercase();
    let name = name.trim_end_matches("_c");
    match name {
        "reduce" | "gather" | "gatherv" => call.root == Some(rank),
        "bcast" | "scatter" | "scatterv" => true,
        "scan" | "exscan" | "recv" | "mrecv" | "sendrecv" | "sendrecv_replace" => true,
        _ => ["all", "reduce_scatter", "neighbor"]
            .iter()
            .any(|it| name.starts_with(it)),
    }
}

// --- 4: blocks -------------------------------------------------------------------------

/// So many rows that not all ranks need as many rounds; fewer than ranks for 7 ranks.
fn streamed_rows(case: &Case) -> usize {
    match case.ranks {
        1 => 200,
        4 => 4 * 64 + 2,
        // One row more than whole blocks for one rank, and one row less.
        2 => 2 * 64 * 2 + 1,
        3 => 2 * 64 * 3 - 1,
        ranks => ranks - 2,
    }
}

fn blocks(trial: &Trial) -> Finding {
    let rows = streamed_rows(&trial.case);
    distances(trial, rows)?;
    let mut most = 0;
    let mut rounds = vec![0; trial.ranks()];
    for (rank, call, did) in transfers(trial) {
        let dataset = call.object.as_deref().unwrap_or_default();
        let dataset = dataset.trim_start_matches('/');
        let Some(access) = &call.access else { continue };
        let rows = match &access.selection {
            Selection::All => first(call.shape.as_deref().unwrap_or_default()),
            Selection::Regular { count, block, .. } => first(count) * first(block),
            Selection::Blocks { blocks, .. } => {
                let rows = |it: &record::Block| first(&it.end) - first(&it.start);
                blocks.iter().map(rows).sum()
            }
            _ => 0,
        };
        most = most.max(rows);
        rounds[rank] += usize::from(access.write);
        if rows > BLOCK {
            return Err(Wrong::Silent(format!(
                "Rank {rank} {did} {rows} rows of `{dataset}` in one call; the most is {BLOCK}"
            )));
        }
        if !access.collective {
            return Err(Wrong::Silent(format!(
                "Rank {rank} {did} {} of `{dataset}` independently; all reads and writes are to \
                 be collective",
                counted(rows as usize, "row")
            )));
        }
    }
    let most = counted(most as usize, "row");
    let rounds = rounds.into_iter().max().unwrap_or(0);
    let needed = evenly(trial.ranks(), rows)[0]
        .len()
        .div_ceil(BLOCK as usize);
    let enough = match rounds > needed {
        true => format!("; {needed} would do"),
        false => String::new(),
    };
    Ok(format!(
        "{rows} distances, at most {most} at a time, together, in {}{enough}",
        counted(rounds, "round")
    ))
}

/// The extent of the first dimension; a single number has none.
fn first(extents: &[u64]) -> u64 {
    extents.first().copied().unwrap_or(1)
}

/// All reads and writes of the run, with the word for what the rank did.
fn transfers(trial: &Trial) -> impl Iterator<Item = (usize, &Call, &'static str)> {
    let ranks = trial.record.ranks.iter().enumerate();
    ranks.flat_map(|(rank, of_rank)| {
        of_rank.calls.iter().filter_map(move |call| {
            let write = call.access.as_ref()?.write;
            Some((rank, call, if write { "wrote" } else { "read" }))
        })
    })
}

// --- Whose is what ---------------------------------------------------------------------

/// How a dataset was shared out: as the program did it if that is fair, else as `rows_of`
/// does.
struct Shared {
    axis: usize,
    shares: Shares,
    /// The same, rank by rank.
    ranges: Vec<Range<usize>>,
    /// They are the program's own, not those of `rows_of`.
    of_program: bool,
    /// How many of what there is each rank wrote, if all was written by someone in order.
    counts: Option<Vec<usize>>,
}

impl Shared {
    fn of(trial: &Trial, dataset: &str, axis: usize, total: usize) -> Shared {
        let usual = evenly(trial.ranks(), total);
        let shares = match axis {
            0 => Shares::rows(trial.ranks(), total),
            _ => Shares::columns(trial.ranks(), total),
        };
        let wrote = shares.one_after_the_other(trial, dataset, total);
        let counts: Option<Vec<usize>> = wrote
            .as_ref()
            .map(|ranges| ranges.iter().map(Range::len).collect());
        let of_program = wrote.as_deref().is_some_and(even);
        let ranges = wrote.filter(|_| of_program).unwrap_or(usual);
        Shared {
            axis,
            shares: Shares::new(axis, ranges.clone()),
            ranges,
            of_program,
            counts,
        }
    }

    /// Whether some rank's columns hold the right numbers gauge by gauge, not day by day.
    fn any_transposed(&self, found: &ArrayView2<i64>, right: &ArrayView2<i64>) -> bool {
        self.ranges.iter().any(|part| {
            let found = found.slice(s![.., part.clone()]);
            let right = right.slice(s![.., part.clone()]);
            found != right && found.iter().eq(right.t().iter())
        })
    }

    /// Holds each rank to its share, in reading and in writing.
    fn hold(&self, trial: &Trial, input: &str, output: &str) -> Result<(), Wrong> {
        let what = if self.axis == 0 { "row" } else { "column" };
        if let Some(counts) = self.counts.as_ref().filter(|_| !self.of_program) {
            let by_count = |rank: &usize| counts[*rank];
            let most = (0..counts.len()).max_by_key(by_count).unwrap_or(0);
            let least = (0..counts.len()).min_by_key(by_count).unwrap_or(0);
            return Err(Wrong::Silent(format!(
                "The {what}s are not shared out evenly: rank {most} wrote {} of `{output}`, \
                 rank {least} {}. No rank should have more than one {what} more than another",
                counted(counts[most], what),
                match counts[least] {
                    0 => "none".to_owned(),
                    some => some.to_string(),
                }
            )));
        }
        let written = self.shares.each_wrote_its_own(trial, output);
        written.map_err(sentence)?;
        reads_its_own(trial, input, &self.ranges, self.axis)
    }
}

/// The same with a capital letter.
fn sentence(wrong: Wrong) -> Wrong {
    let capital = |text: String| {
        let mut letters = text.chars();
        let first = letters.next().map(|it| it.to_uppercase());
        first.into_iter().flatten().chain(letters).collect()
    };
    match wrong {
        Wrong::Result(text) => Wrong::Result(capital(text)),
        Wrong::Silent(text) => Wrong::Silent(capital(text)),
    }
}

/// A share for each rank, as [`parallel_hdf5::rows_of`] makes them.
fn evenly(ranks: usize, total: usize) -> Vec<Range<usize>> {
    let share = |rank| parallel_hdf5::rows_of(rank as i32, ranks as i32, total);
    (0..ranks).map(share).collect()
}

/// What each rank read of `input`, if these are consecutive rows for each rank, in rank order,
/// as many for each, or one more.
fn read_evenly(trial: &Trial, input: &str, total: usize) -> Option<Vec<Range<usize>>> {
    let read = trial.record.read_from(None, input).filter(|it| it.exact)?;
    let mut end = 0;
    let mut shares = Vec::new();
    for rank in 0..trial.ranks() {
        let share = match read.rows(rank).ranges.as_slice() {
            [] => end..end,
            [one] if one.start as usize == end => end..one.end as usize,
            _ => return None,
        };
        end = share.end;
        shares.push(share);
    }
    (end == total && even(&shares)).then_some(shares)
}

/// Each rank has read no more of `input` than its share.
fn reads_its_own(
    trial: &Trial,
    input: &str,
    shares: &[Range<usize>],
    axis: usize,
) -> Result<(), Wrong> {
    let Some(read) = trial.record.read_from(None, input).filter(|it| it.exact) else {
        return Ok(());
    };
    let word = if axis == 0 { "row" } else { "column" };
    for (rank, blocks) in read.by_rank.iter().enumerate() {
        let share = &shares[rank];
        let mut read = blocks.iter().filter_map(|it| {
            Some(*it.start.get(axis)? as usize..*it.end.get(axis)? as usize)
        });
        let is_beyond = |it: &Range<usize>| it.start < share.start || it.end > share.end;
        if let Some(beyond) = read.find(is_beyond) {
            return Err(Wrong::Silent(format!(
                "Rank {rank} read {} of `{input}`; it needs only its own, {}",
                ranges(word, std::slice::from_ref(&beyond)),
                ranges(word, std::slice::from_ref(share))
            )));
        }
    }
    Ok(())
}
