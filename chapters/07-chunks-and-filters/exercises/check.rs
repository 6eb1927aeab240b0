//! The checks of the exercises: whole chunks, changed tiles, and rows that come in steps.

use std::ops::Range;

use hdf5::Dataset;
use ndarray::{Array2, s};
use record::{Call, Selection, prose};

use check::exercise::{Case, Exercise, Finding, Given, Trial, Wrong, counted};
use check::shares::Shares;

pub const ALL: &[Exercise] = &[
    Exercise {
        name: "whole-chunks",
        prepare: make_survey,
        judge: whole_chunks,
    },
    Exercise {
        name: "changed",
        prepare: make_map,
        judge: only_changed,
    },
    Exercise {
        name: "grow",
        prepare: make_station,
        judge: grown,
    },
];

// --- 1: whole chunks -------------------------------------------------------------------

const COLUMNS: usize = 8;

/// The rows of a chunk: seldom a divisor of the rows of the dataset, or of those of a rank.
fn chunk_rows(case: &Case) -> usize {
    match case.ranks {
        1 => 4,
        2 => 64,
        3 => 48,
        4 => 80,
        _ => 2,
    }
}

fn survey(case: &Case) -> Array2<i32> {
    let mut random = case.random(1);
    Array2::from_shape_simple_fn((case.rows(), COLUMNS), || random.i32(1..100))
}

fn make_survey(case: &Case) -> Result<Given, String> {
    let chunk = chunk_rows(case);
    case.make("survey.hdf5", |file| {
        let builder = file.new_dataset_builder().chunk((chunk, COLUMNS));
        builder.with_data(&survey(case)).create("raw")
    })?;
    let rows = counted(case.rows(), "row");
    Ok(Given::files(format!("{rows} in chunks of {chunk}")))
}

fn whole_chunks(trial: &Trial) -> Finding {
    let (ranks, rows, chunk) = (trial.ranks(), trial.case.rows(), chunk_rows(&trial.case));
    let chunks = rows.div_ceil(chunk);
    let file = trial.open("survey.hdf5")?;
    let dataset = trial.dataset(&file, "depth", &[rows, COLUMNS])?;
    packed(&dataset, &[chunk, COLUMNS])?;
    let found: Array2<i32> = trial.read(&dataset)?;
    let right = survey(&trial.case).mapv(|number| 10 * number);
    let share =
        |rank| parallel_hdf5::chunked_rows_of(rank as i32, ranks as i32, rows, chunk);
    let shares = Shares::new(0, (0..ranks).map(share).collect());
    let equal = |found: &i32, right: &i32| found == right;
    shares.compare(trial, "depth", found.view(), right.view(), equal)?;

    // Which ranks wrote to a chunk, and how many chunks a rank wrote to.
    let mut writers = vec![Vec::new(); chunks];
    for rank in 0..ranks {
        for written in shares.written(trial, "depth", rank) {
            for number in written.start / chunk..written.end.div_ceil(chunk) {
                writers[number.min(chunks - 1)].push(rank);
            }
        }
    }
    for (number, ranks) in writers.iter_mut().enumerate() {
        ranks.dedup();
        if ranks.len() > 1 {
            let its_rows = number * chunk..rows.min((number + 1) * chunk);
            let wrote = ranks.iter().map(|rank| {
                let of_rank = shares.written(trial, "depth", *rank);
                format!("rank {rank} wrote {}", rows_in_words(&of_rank))
            });
            let wrote = prose::list(&wrote.collect::<Vec<_>>());
            return Err(Wrong::Silent(format!(
                "The numbers are right. But chunk {number}, which is {}, has rows of {}: {wrote}",
                rows_in_words(&[its_rows]),
                prose::ranks(ranks),
            )));
        }
    }
    let count = |rank: usize| writers.iter().filter(|it| it.contains(&rank)).count();
    let counts: Vec<usize> = (0..ranks).map(count).collect();
    let most = (0..ranks).max_by_key(|rank| counts[*rank]).unwrap_or(0);
    let least = (0..ranks).min_by_key(|rank| counts[*rank]).unwrap_or(0);
    if counts[most] > counts[least] + 1 {
        return Err(Wrong::Silent(format!(
            "The numbers are right, and no chunk is shared. But rank {most} has {}, rank \
             {least} has {}; no rank should have more than one more than another",
            counted(counts[most], "chunk"),
            counts[least]
        )));
    }
    let mut end = 0;
    for rank in 0..ranks {
        match shares.written(trial, "depth", rank).as_slice() {
            [] => {}
            [one] if one.start >= end => end = one.end,
            several => {
                return Err(Wrong::Silent(format!(
                    "The numbers are right, and no chunk is shared. But rank {rank} wrote {}; \
                     each rank should have consecutive chunks, in rank order",
                    rows_in_words(several)
                )));
            }
        }
    }
    Ok(format!(
        "{rows} rows, {} of {chunk}, each of one rank",
        counted(chunks, "chunk")
    ))
}

/// An error unless the dataset is compressed, in chunks of this shape.
fn packed(dataset: &Dataset, chunks: &[usize]) -> Result<(), Wrong> {
    let name = dataset.name();
    let name = name.trim_start_matches('/');
    if dataset.chunk().as_deref() != Some(chunks) {
        return Err(Wrong::Result(format!(
            "`{name}` has chunks of {:?}, should be {chunks:?}",
            dataset.chunk().unwrap_or_default()
        )));
    }
    match dataset.filters().is_empty() {
        true => Err(Wrong::Result(format!("`{name}` is not compressed"))),
        false => Ok(()),
    }
}

fn rows_in_words(ranges: &[Range<usize>]) -> String {
    let ranges = ranges.iter().map(|it| it.start as u64..it.end as u64);
    prose::rows(&ranges.collect::<Vec<_>>())
}

// --- 2: changed tiles ------------------------------------------------------------------

const TILE: usize = 16;

/// How many tiles the map has, the last of them with fewer rows, and which of them changed.
fn tiles(case: &Case) -> (usize, Vec<u64>) {
    // 5 on 2 ranks, 7 on 3, 6 on 4: not all have as many. 5 on 7: two have none.
    let (tiles, changed) = match case.ranks {
        1 => (5, 3),
        2 => (12, 5),
        3 => (16, 7),
        4 => (14, 6),
        _ => (9, 5),
    };
    let mut all: Vec<u64> = (0..tiles as u64 - 1).collect();
    let mut random = case.random(2);
    random.shuffle(&mut all);
    all.truncate(changed - 1);
    // The last tile is the one that is not full; it is always among them.
    all.push(tiles as u64 - 1);
    all.sort_unstable();
    (tiles, all)
}

fn map_rows(case: &Case) -> usize {
    tiles(case).0 * TILE - 5
}

fn map(case: &Case) -> Array2<i32> {
    let mut random = case.random(1);
    Array2::from_shape_simple_fn((map_rows(case), COLUMNS), || random.i32(1..50))
}

fn make_map(case: &Case) -> Result<Given, String> {
    let (tiles, changed) = tiles(case);
    case.make("map.hdf5", |file| {
        let builder = file.new_dataset_builder().chunk((TILE, COLUMNS)).deflate(6);
        builder.with_data(&map(case)).create("heights")?;
        file.new_dataset_builder()
            .with_data(&changed)
            .create("changed")
    })?;
    Ok(Given::files(format!("{} of {tiles} tiles", changed.len())))
}

fn only_changed(trial: &Trial) -> Finding {
    let (rows, (count, changed)) = (map_rows(&trial.case), tiles(&trial.case));
    let file = trial.open("map.hdf5")?;
    let dataset = trial.dataset(&file, "heights", &[rows, COLUMNS])?;
    packed(&dataset, &[TILE, COLUMNS])?;
    let found: Array2<i32> = trial.read(&dataset)?;
    let before = map(&trial.case);
    for tile in 0..count {
        let its_rows = tile * TILE..rows.min((tile + 1) * TILE);
        let part = s![its_rows.clone(), ..];
        let raise = i32::from(changed.contains(&(tile as u64)));
        let right = before.slice(part).mapv(|it| it + raise);
        let found = found.slice(part);
        let mut pairs = found.indexed_iter().zip(&right);
        if let Some((((row, column), is), should)) =
            pairs.find(|((_, is), should)| is != should)
        {
            let row = its_rows.start + row;
            let writers: Vec<usize> = writes(trial, "heights")
                .filter(|it| it.rows.contains(&(row as u64)))
                .map(|it| it.rank)
                .collect();
            let who = match writers.len() {
                0 => "nobody wrote it".to_owned(),
                1 => format!("rank {} wrote it", writers[0]),
                times => format!(
                    "it was written {times} times, by {}",
                    prose::ranks(&writers)
                ),
            };
            return Err(Wrong::Result(format!(
                "`heights[{row}, {column}]` is {is}, should be {should}. It is in tile {tile}, \
                 which {}; {who}",
                if raise == 1 {
                    "changed"
                } else {
                    "did not change"
                },
            )));
        }
    }

    let mut times = vec![Vec::new(); count];
    for write in writes(trial, "heights") {
        for tile in write.rows.start / TILE as u64..write.rows.end.div_ceil(TILE as u64) {
            if let Some(times) = times.get_mut(tile as usize) {
                times.push(write.rank);
            }
        }
    }
    for (tile, ranks) in times.iter().enumerate() {
        let wanted = changed.contains(&(tile as u64));
        if ranks.len() == usize::from(wanted) {
            continue;
        }
        let all = changed.iter().map(u64::to_string).collect::<Vec<_>>();
        return Err(Wrong::Silent(match wanted {
            false => format!(
                "The numbers are right. But tile {tile} did not change, and was written all the \
                 same, by {}. Only {} changed",
                prose::ranks(ranks),
                prose::list(&all)
            ),
            true => format!(
                "The numbers are right. But tile {tile} was written {} times, by {}; once is \
                 what it takes",
                ranks.len(),
                prose::ranks(ranks)
            ),
        }));
    }
    let each = |rank: usize| times.iter().flatten().filter(|it| **it == rank).count();
    if let Some(idle) = (0..trial.ranks()).find(|rank| each(*rank) == 0)
        && changed.len() >= trial.ranks()
    {
        return Err(Wrong::Silent(format!(
            "The numbers are right. But rank {idle} did nothing of it, although {} tiles \
             changed: the work is not shared",
            changed.len()
        )));
    }
    Ok(format!(
        "{} of {count} tiles raised, each by one rank",
        changed.len()
    ))
}

/// Some consecutive rows that a rank wrote in one call.
struct Write<'a> {
    rank: usize,
    call: &'a Call,
    rows: Range<u64>,
}

/// All writes to a dataset that succeeded, by rank and then by time.
fn writes<'a>(trial: &'a Trial, dataset: &'a str) -> impl Iterator<Item = Write<'a>> {
    let ranks = trial.record.ranks.iter().enumerate();
    ranks.flat_map(move |(rank, of_rank)| {
        let is_it = move |call: &&Call| {
            let object = call.object.as_deref().unwrap_or_default();
            call.ok == Some(true)
                && object.trim_start_matches('/') == dataset
                && call.access.as_ref().is_some_and(|it| it.write)
        };
        of_rank.calls.iter().filter(is_it).flat_map(move |call| {
            let rows = rows_of_call(call).into_iter();
            rows.map(move |rows| Write { rank, call, rows })
        })
    })
}

/// The rows of a transfer, as far as they are recorded.
fn rows_of_call(call: &Call) -> Vec<Range<u64>> {
    let Some(access) = &call.access else {
        return Vec::new();
    };
    let mut rows: Vec<Range<u64>> = match &access.selection {
        Selection::All => {
            let extent = call.shape.as_ref().and_then(|it| it.first());
            std::iter::once(0..extent.copied().unwrap_or(0)).collect()
        }
        Selection::Regular {
            start,
            stride,
            count,
            block,
        } => (0..count[0])
            .map(|n| start[0] + n * stride[0])
            .map(|start| start..start + block[0])
            .collect(),
        Selection::Blocks { blocks, .. } => {
            blocks.iter().map(|it| it.start[0]..it.end[0]).collect()
        }
        _ => Vec::new(),
    };
    rows.retain(|it| !it.is_empty());
    rows.sort_by_key(|it| it.start);
    rows.dedup_by(|next, last| {
        let touches = next.start <= last.end;
        if touches {
            last.end = last.end.max(next.end);
        }
        touches
    });
    rows
}

// --- 3: it grows -----------------------------------------------------------------------

/// How many rows each step brings: not the same, in one step fewer than ranks, in one none.
fn counts(case: &Case) -> Vec<u64> {
    let mut random = case.random(1);
    let ranks = case.ranks as u64;
    let some = |least: u64, random: &mut fastrand::Rng| random.u64(least..least + 9);
    vec![
        some(3 * ranks, &mut random),
        some(2 * ranks + 20, &mut random),
        0,
        ranks.div_ceil(2),
        some(ranks + 1, &mut random),
    ]
}

fn make_station(case: &Case) -> Result<Given, String> {
    let counts = counts(case);
    case.make("station.hdf5", |file| {
        file.new_dataset_builder()
            .with_data(&counts)
            .create("counts")
    })?;
    let rows: Vec<String> = counts.iter().map(u64::to_string).collect();
    Ok(Given::files(format!("{} rows", prose::list(&rows))))
}

fn grown(trial: &Trial) -> Finding {
    let counts = counts(&trial.case);
    let total = counts.iter().sum::<u64>() as usize;
    let file = trial.open("station.hdf5")?;
    let dataset = trial.dataset(&file, "series", &[total, 3])?;
    packed(&dataset, &[16, 3])?;
    if !dataset.is_resizable() {
        return Err(Wrong::Result(
            "`series` cannot grow any more: it was made with all its rows".to_owned(),
        ));
    }
    let found: Array2<i64> = trial.read(&dataset)?;

    let mut end = 0_u64;
    for (step, count) in counts.iter().enumerate() {
        let rows = end..end + count;
        for row in rows.clone() {
            let n = (row - rows.start) as i64;
            let right = [step as i64, n, (step as i64 * 1000 + n) * 3];
            let found = found.row(row as usize).to_vec();
            if found != right {
                let writer = writes(trial, "series").find(|it| it.rows.contains(&row));
                let who = writer.map_or("nobody wrote it".to_owned(), |it| {
                    format!("rank {} wrote it", it.rank)
                });
                return Err(Wrong::Result(format!(
                    "Row {row} of `series` is {found:?}, should be {right:?}; {who}. The rows of \
                     step {step} are {}",
                    prose::rows(std::slice::from_ref(&rows)),
                )));
            }
        }
        step_is_shared(trial, step, rows.clone())?;
        end = rows.end;
    }
    Ok(format!("{total} rows in {}", counted(counts.len(), "step")))
}

/// The rows of a step were written once each, when `series` was just long enough, and no rank
/// has more than one more than another.
fn step_is_shared(trial: &Trial, step: usize, rows: Range<u64>) -> Result<(), Wrong> {
    let mut times = vec![0; (rows.end - rows.start) as usize];
    let mut counts = vec![0; trial.ranks()];
    for Write {
        rank,
        call,
        rows: written,
    } in writes(trial, "series")
    {
        let part = written.start.max(rows.start)..written.end.min(rows.end);
        if part.is_empty() {
            continue;
        }
        let length = call.shape.as_ref().map_or(0, |it| it[0]);
        if length != rows.end {
            return Err(Wrong::Silent(format!(
                "When rank {rank} wrote {} of step {step}, `series` had {length} rows; after \
                 this step it is to have {}. Whoever looks at it meanwhile finds rows that \
                 nobody has written yet",
                prose::rows(std::slice::from_ref(&part)),
                rows.end
            )));
        }
        for row in part.clone() {
            times[(row - rows.start) as usize] += 1;
        }
        counts[rank] += part.end - part.start;
    }
    if let Some(at) = times.iter().position(|it| *it > 1) {
        return Err(Wrong::Silent(format!(
            "Row {} of `series` was written {} times; once is what it takes",
            rows.start + at as u64,
            times[at]
        )));
    }
    let most = (0..counts.len()).max_by_key(|it| counts[*it]).unwrap_or(0);
    let least = (0..counts.len()).min_by_key(|it| counts[*it]).unwrap_or(0);
    if counts[most] > counts[least] + 1 {
        return Err(Wrong::Silent(format!(
            "The rows are right. But those of step {step} are not shared out evenly: rank \
             {most} wrote {}, rank {least} {}",
            counted(counts[most] as usize, "row"),
            counts[least]
        )));
    }
    Ok(())
}
