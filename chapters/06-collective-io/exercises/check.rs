//! The checks of the exercises: who asked for a collective transfer, whether HDF5 made one, and
//! which elements each rank moved in it.

use std::ops::Range;

use hdf5::H5Type;
use ndarray::{Array1, Array2, ArrayView2, s};
use record::{Access, Call};

use check::exercise::{Case, Exercise, Finding, Given, Trial, Wrong, counted};
use check::shares::Shares;

pub const ALL: &[Exercise] = &[
    Exercise {
        name: "proof",
        prepare: make_readings,
        judge: proof,
    },
    Exercise {
        name: "nothing",
        prepare: make_heights,
        judge: nothing,
    },
    Exercise {
        name: "bands",
        prepare: make_picture,
        judge: bands,
    },
];

// --- 1: proof --------------------------------------------------------------------------

/// Which of the datasets are of `f32`: at least one is, at least one is not, and never the same
/// ones in two trials, so that no guess is right in all.
fn singles(case: &Case) -> [(&'static str, bool); 3] {
    let first = case.seed as usize % 6;
    let nth = match case.ranks {
        7 => 0,
        ranks => ranks,
    };
    // Of the numbers 0 to 7 those that are neither none nor all.
    let which = 1 + (first + nth) % 6;
    [
        ("a", which & 1 != 0),
        ("b", which & 2 != 0),
        ("c", which & 4 != 0),
    ]
}

/// In one of the trials HDF5 cannot transfer collectively, whatever it is asked.
fn is_kept_from_it(case: &Case) -> bool {
    case.ranks == 3
}

fn make_readings(case: &Case) -> Result<Given, String> {
    case.make("readings.hdf5", |file| {
        for (name, single) in singles(case) {
            match single {
                true => file.new_dataset::<f32>().shape(case.rows()).create(name)?,
                false => file.new_dataset::<f64>().shape(case.rows()).create(name)?,
            };
        }
        Ok(())
    })?;
    let types = singles(case).map(|(name, single)| {
        format!("`{name}` of {}", if single { "f32" } else { "f64" })
    });
    let mut given = Given::files(types.join(", "));
    // The variable is always there, so that its presence tells nothing.
    let value = if is_kept_from_it(case) { "0" } else { "1" };
    given.words += &format!(", HDF5_MPI_OPT_TYPES={value}");
    let variable = ("HDF5_MPI_OPT_TYPES".to_owned(), value.to_owned());
    given.environment.push(variable);
    Ok(given)
}

fn proof(trial: &Trial) -> Finding {
    let rows = trial.case.rows();
    for (name, single) in singles(&trial.case) {
        match single {
            true => holds::<f32>(trial, name, |it| it as f32)?,
            false => holds::<f64>(trial, name, |it| it)?,
        }
    }
    let shares = Shares::rows(trial.ranks(), rows);
    for (name, single) in singles(&trial.case) {
        shares.each_wrote_its_own(trial, name).map_err(sentence)?;
        asked(trial, name, true)?;
        let refused = transfers(trial, name, true)
            .find(|(_, call, _)| call.honoured == Some(false))
            .map(|(rank, _, _)| rank);
        match refused {
            Some(rank) if !is_kept_from_it(&trial.case) => {
                let (file, memory) = if single {
                    ("f32", "f64")
                } else {
                    ("f64", "f32")
                };
                return Err(Wrong::Silent(format!(
                    "Rank {rank} asked for a collective transfer of `{name}`, and HDF5 did not \
                     make one: it moved the numbers independently. The dataset is of {file}. \
                     Are those in memory of {memory}, on this rank or on another? Then HDF5 \
                     converts them, each rank for itself"
                )));
            }
            _ => {}
        }
        let how = match refused {
            Some(_) => "independent",
            None => "collective",
        };
        told(trial, name, how)?;
    }
    Ok(match is_kept_from_it(&trial.case) {
        true => "kept from it, and said so".to_owned(),
        false => format!("{} of each, together", counted(rows, "row")),
    })
}

/// The numbers of a dataset are right.
fn holds<T>(trial: &Trial, name: &str, convert: fn(f64) -> T) -> Result<(), Wrong>
where
    T: H5Type + PartialEq + std::fmt::Display + Copy + Into<f64>,
{
    let rows = trial.case.rows();
    let file = trial.open("readings.hdf5")?;
    let dataset = trial.dataset(&file, name, &[rows])?;
    if !dataset.dtype().is_ok_and(|it| it.is::<T>()) {
        return Err(Wrong::Result(format!(
            "`{name}` is of another type than it was"
        )));
    }
    let exact = Array1::from_shape_fn(rows, |row| 1.0 + row as f64 / 3.0);
    let right = exact.mapv(convert);
    let found: Array1<T> = trial.read(&dataset)?;
    let shares = Shares::rows(trial.ranks(), rows);
    let (found, right) = (found.view(), right.view());
    let compared = shares.compare(trial, name, found, right, |one, other| one == other);
    compared.map_err(|wrong| {
        let rounded = |(found, exact): (&T, &f64)| (*found).into() == f64::from(*exact as f32);
        match wrong {
            Wrong::Result(text) if found.iter().zip(&exact).all(rounded) => {
                Wrong::Result(format!(
                    "{text}. They have lost digits: `{name}` is of f64, and they were f32 on \
                     the way"
                ))
            }
            wrong => wrong,
        }
    })
}

/// Rank 0 has printed how a dataset was written, and only that.
fn told(trial: &Trial, name: &str, how: &str) -> Result<(), Wrong> {
    let printed = trial.printed.first().map_or("", String::as_str);
    let begin = format!("{name}: ");
    let mut lines = printed.lines().filter_map(|it| it.strip_prefix(&begin));
    match (lines.next(), lines.next()) {
        (Some(said), None) if said.trim() == how => Ok(()),
        (Some(said), None) => Err(Wrong::Result(format!(
            "Rank 0 printed `{name}: {said}`, but HDF5 wrote it {how}{}",
            match is_kept_from_it(&trial.case) {
                true => {
                    ": it was asked for a collective transfer, and kept from it by the \
                     environment (HDF5_MPI_OPT_TYPES=0)"
                }
                false => "",
            }
        ))),
        (None, _) => Err(Wrong::Result(format!(
            "Rank 0 printed no line `{name}: …`; should be `{name}: {how}`"
        ))),
        (_, Some(_)) => Err(Wrong::Result(format!(
            "Rank 0 printed several lines `{name}: …`; should be one"
        ))),
    }
}

// --- 2: nothing ------------------------------------------------------------------------

const BLOCK: usize = 100;

/// So many rows that some ranks have no block, except where there are 1 or 4.
fn flat_rows(case: &Case) -> usize {
    match case.ranks {
        1 => 250,
        2 => 90,
        3 => 150,
        _ => 350,
    }
}

fn heights(case: &Case) -> Array1<f64> {
    let mut random = case.random(1);
    // They rise, so that no block has the mean of another.
    Array1::from_shape_fn(flat_rows(case), |row| row as f64 + random.f64())
}

fn make_heights(case: &Case) -> Result<Given, String> {
    case.make("heights.hdf5", |file| {
        let builder = file.new_dataset_builder();
        builder.with_data(&heights(case)).create("heights")
    })?;
    let rows = flat_rows(case);
    let blocks = counted(rows.div_ceil(BLOCK), "block");
    Ok(Given::files(format!("{}, {blocks}", counted(rows, "row"))))
}

fn nothing(trial: &Trial) -> Finding {
    let (ranks, rows) = (trial.ranks(), flat_rows(&trial.case));
    let of_rank =
        |rank| parallel_hdf5::chunked_rows_of(rank as i32, ranks as i32, rows, BLOCK);
    let ranges: Vec<Range<usize>> = (0..ranks).map(of_rank).collect();
    let mut right = heights(&trial.case);
    for range in ranges.iter().filter(|it| !it.is_empty()) {
        let mut rows = right.slice_mut(s![range.clone()]);
        let mean = rows.sum() / range.len() as f64;
        rows -= mean;
    }
    let file = trial.open("heights.hdf5")?;
    let dataset = trial.dataset(&file, "flat", &[rows])?;
    let found: Array1<f64> = trial.read(&dataset)?;
    let shares = Shares::new(0, ranges.clone());
    let near = |found: &f64, right: &f64| (found - right).abs() < 1e-9;
    shares.compare(trial, "flat", found.view(), right.view(), near)?;
    shares.each_wrote_its_own(trial, "flat").map_err(sentence)?;
    asked(trial, "heights", false)?;
    asked(trial, "flat", true)?;
    if let Some(read) = trial
        .record
        .read_from(None, "heights")
        .filter(|it| it.exact)
    {
        for (rank, blocks) in read.by_rank.iter().enumerate() {
            let own = &ranges[rank];
            let beyond = |it: &&record::Block| {
                (it.start[0] as usize) < own.start || it.end[0] as usize > own.end
            };
            if let Some(block) = blocks.iter().find(beyond) {
                return Err(Wrong::Silent(format!(
                    "Rank {rank} read rows {}–{} of `heights`; it needs only its own",
                    block.start[0],
                    block.end[0] - 1
                )));
            }
        }
    }
    let without = ranges.iter().filter(|it| it.is_empty()).count();
    Ok(match without {
        0 => format!("{} together", counted(rows, "row")),
        _ => format!(
            "{} together, {} of them without any",
            counted(ranks, "rank"),
            without
        ),
    })
}

// --- 3: bands --------------------------------------------------------------------------

const BAND: usize = 4;

/// Rows and columns; fewer bands than ranks for 7 ranks, and the last one narrower mostly.
fn extents(case: &Case) -> (usize, usize) {
    let columns = match case.ranks {
        1 => 10,
        7 => 22,
        // Rank 0 has a band more than the others.
        ranks => 2 * BAND * ranks + 1 + case.random(1).usize(0..3),
    };
    (12 + case.random(2).usize(0..9), columns)
}

fn make_picture(case: &Case) -> Result<Given, String> {
    let (rows, columns) = extents(case);
    case.make("picture.hdf5", |file| {
        let builder = file.new_dataset::<i32>();
        builder.shape((rows, columns)).create("picture")
    })?;
    let bands = counted(columns.div_ceil(BAND), "band");
    Ok(Given::files(format!(
        "{}, {}, {bands}",
        counted(rows, "row"),
        counted(columns, "column")
    )))
}

fn bands(trial: &Trial) -> Finding {
    let (rows, columns) = extents(&trial.case);
    let right = Array2::from_shape_fn((rows, columns), |(row, column)| {
        (1000 * (row + 1) + column) as i32
    });
    let file = trial.open("picture.hdf5")?;
    let dataset = trial.dataset(&file, "picture", &[rows, columns])?;
    let found: Array2<i32> = trial.read(&dataset)?;
    let mut pairs = found.indexed_iter().zip(&right);
    if let Some((((row, column), found_here), should)) =
        pairs.find(|((_, found), right)| found != right)
    {
        let owner = (column / BAND) % trial.ranks();
        let hint = if found_here == &0 {
            "; nobody wrote it".to_owned()
        } else if is_turned(trial, owner, found.view(), right.view()) {
            ". The numbers are this rank's, but in another order: an array in memory is written \
             row by row, whatever the selection in the file looks like"
                .to_owned()
        } else if *found_here >= 1000 {
            let (of_row, of_column) = (found_here / 1000 - 1, found_here % 1000);
            format!("; that is the pixel [{of_row}, {of_column}]")
        } else {
            String::new()
        };
        return Err(Wrong::Result(format!(
            "`picture[{row}, {column}]` is {found_here}, should be {should}; column {column} \
             belongs to rank {owner} of {}{hint}",
            trial.ranks()
        )));
    }
    for rank in 0..trial.ranks() {
        let wrote = written_columns(trial, rank);
        let own = columns_of(trial, rank);
        if wrote != own {
            return Err(Wrong::Silent(format!(
                "The pixels are right. But rank {rank} wrote {} of `picture`, and its bands are \
                 {}",
                in_words(&wrote),
                in_words(&own)
            )));
        }
    }
    if let Some(place) = trial.record.written(None, "picture")
        && let Some((pixel, ranks)) = place.by_two_ranks()
    {
        return Err(Wrong::Silent(format!(
            "The pixels are right. But `picture{pixel:?}` was written by the ranks {ranks:?}"
        )));
    }
    asked(trial, "picture", true)?;
    for rank in 0..trial.ranks() {
        let calls = transfers(trial, "picture", true).filter(|it| it.0 == rank);
        let calls = calls.count();
        if calls > 1 {
            return Err(Wrong::Silent(format!(
                "Rank {rank} wrote its bands by {calls} calls; one slab can hold them all, and \
                 then one call is enough"
            )));
        }
    }
    let bands = counted(columns.div_ceil(BAND), "band");
    Ok(format!("{bands}, by one collective call"))
}

/// The columns of a rank's bands; neighbours are joined.
fn columns_of(trial: &Trial, rank: usize) -> Vec<Range<usize>> {
    let (_, columns) = extents(&trial.case);
    let bands = (0..columns.div_ceil(BAND)).filter(|band| band % trial.ranks() == rank);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for band in bands {
        let range = band * BAND..(band * BAND + BAND).min(columns);
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    joined
}

fn written_columns(trial: &Trial, rank: usize) -> Vec<Range<usize>> {
    let nobody = Vec::new();
    Shares::new(1, nobody).written(trial, "picture", rank)
}

/// Whether a rank's part of the picture holds the right numbers column by column.
fn is_turned(
    trial: &Trial,
    rank: usize,
    found: ArrayView2<i32>,
    right: ArrayView2<i32>,
) -> bool {
    let columns: Vec<usize> = columns_of(trial, rank).into_iter().flatten().collect();
    let found = found.select(ndarray::Axis(1), &columns);
    let right = right.select(ndarray::Axis(1), &columns);
    found != right && found.iter().eq(right.t().iter())
}

/// `no columns`, `columns 0–3, 8–11`.
fn in_words(ranges: &[Range<usize>]) -> String {
    let one = |range: &Range<usize>| match range.len() {
        1 => range.start.to_string(),
        _ => format!("{}–{}", range.start, range.end - 1),
    };
    let shown: Vec<String> = ranges.iter().take(4).map(one).collect();
    match ranges {
        [] => "no columns".to_owned(),
        [range] if range.len() == 1 => format!("column {}", shown[0]),
        [_, _, _, _, _, ..] => format!("columns {}, …", shown.join(", ")),
        _ => format!("columns {}", shown.join(", ")),
    }
}

// --- What was asked for ----------------------------------------------------------------

/// The reads, or writes, of a dataset that succeeded, rank by rank.
fn transfers<'a>(
    trial: &'a Trial,
    dataset: &'a str,
    write: bool,
) -> impl Iterator<Item = (usize, &'a Call, &'a Access)> {
    let ranks = trial.record.ranks.iter().enumerate();
    ranks.flat_map(move |(rank, of_rank)| {
        of_rank.calls.iter().filter_map(move |call| {
            let access = call.access.as_ref().filter(|it| it.write == write)?;
            let object = call.object.as_deref()?.trim_start_matches('/');
            (object == dataset && call.ok == Some(true)).then_some((rank, call, access))
        })
    })
}

/// All reads, or writes, of a dataset asked for a collective transfer.
fn asked(trial: &Trial, dataset: &str, write: bool) -> Result<(), Wrong> {
    let (did, do_it) = if write {
        ("wrote", "writes")
    } else {
        ("read", "reads")
    };
    match transfers(trial, dataset, write).find(|(_, _, access)| !access.collective) {
        None => Ok(()),
        Some((rank, ..)) => Err(Wrong::Silent(format!(
            "Rank {rank} {did} `{dataset}` independently; all {do_it} are to be collective"
        ))),
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
