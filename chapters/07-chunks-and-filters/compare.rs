//! Layouts against each other, measured in turns.

use std::ops::Range;
use std::path::Path;

use hdf5::{Dataset, File};
use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{Array2, Ix2};
use parallel_hdf5::{
    DatasetOptions, FillTime, Indices, Result, Slab, Transfer, agree, chunked_rows_of,
    cyclic, read_slab, rows_of, write_slab,
};

use crate::heights;

const SHAPE: [usize; 2] = [2000, 2048];
/// The rows of a chunk, where it has all columns.
const CHUNK: usize = 64;

/// A name, and the chunks if it has any; then they are compressed.
type Layout = (&'static str, Option<[usize; 2]>);

const LAYOUTS: [Layout; 4] = [
    ("contiguous, not packed", None),
    ("chunks of 64 rows", Some([CHUNK, SHAPE[1]])),
    ("chunks of 64 columns", Some([SHAPE[0], 64])),
    ("chunks of 256 by 256", Some([256, 256])),
];
const WRITES: [&str; 3] = [
    "no chunk shared",
    "some shared, where slabs meet",
    "all shared, rows dealt out",
];
const CREATES: [(&str, FillTime); 2] = [
    ("fill time: never", FillTime::Never),
    ("fill time: if set", FillTime::IfSet),
];

/// Prints three tables. **Collective**.
pub fn layouts(world: &SimpleCommunicator, rounds: usize) -> Result<()> {
    let path = parallel_hdf5::data_folder()?.join("layouts.hdf5");
    make(world, &path)?;
    let mut reads = vec![Vec::new(); 2 * LAYOUTS.len()];
    let mut writes = vec![Vec::new(); WRITES.len()];
    let mut creates = vec![Vec::new(); CREATES.len()];
    // ANCHOR: rounds
    for _ in 0..rounds.max(1) {
        // Each round has all of them: what disturbs the machine disturbs them alike.
        for (n, seconds) in reads.iter_mut().enumerate() {
            seconds.push(read(world, &path, LAYOUTS[n / 2].0, n % 2)?);
        }
        for (n, seconds) in writes.iter_mut().enumerate() {
            seconds.push(write(world, &path, n)?);
        }
        for (n, seconds) in creates.iter_mut().enumerate() {
            seconds.push(create_only(world, &path, CREATES[n].1)?);
        }
    }
    // ANCHOR_END: rounds
    if world.rank() == 0 {
        println!(
            "read, and chunks unpacked  blocks of rows               blocks of columns"
        );
        for (n, (name, chunks)) in LAYOUTS.iter().enumerate() {
            let cell = |axis: usize| {
                let unpacked = chunks_of_rank_0(world.size(), *chunks, axis);
                // Against rows from chunks of rows.
                let ratio = ratio(&reads[2 * n + axis], &reads[2]);
                format!("{ratio}{unpacked}")
            };
            println!("{name:<25}  {:<28} {}", cell(0), cell(1));
        }
        println!("write compressed, against no chunk shared");
        for (name, seconds) in WRITES.iter().zip(&writes) {
            println!("{name:<30} {}", ratio(seconds, &writes[0]));
        }
        println!("create in chunks, not compressed, against never");
        for ((name, _), seconds) in CREATES.iter().zip(&creates) {
            println!("{name:<30} {}", ratio(seconds, &creates[0]));
        }
        std::fs::remove_file(&path)?;
        std::fs::remove_file(path.with_extension("written"))?;
    }
    Ok(())
}

/// The median of the rounds' ratios, with their quartiles.
fn ratio(these: &[f64], those: &[f64]) -> String {
    let pairs = these.iter().zip(those);
    let mut ratios: Vec<f64> = pairs.map(|(one, other)| one / other).collect();
    ratios.sort_by(f64::total_cmp);
    let [low, median, high] =
        [1, 2, 3].map(|quarter| ratios[(ratios.len() - 1) * quarter / 4]);
    format!("{median:.1} ({low:.1}–{high:.1})")
}

/// How many chunks rank 0 unpacks for its block along an axis, of how many.
fn chunks_of_rank_0(size: i32, chunks: Option<[usize; 2]>, axis: usize) -> String {
    let Some(chunks) = chunks else {
        return String::new();
    };
    let all = [0, 1].map(|it| SHAPE[it].div_ceil(chunks[it]));
    let mut its_own = all;
    its_own[axis] = rows_of(0, size, SHAPE[axis]).end.div_ceil(chunks[axis]);
    format!(", {} of {}", its_own[0] * its_own[1], all[0] * all[1])
}

fn create(file: &File, (name, chunks): &Layout) -> Result<Dataset> {
    let options = match chunks {
        Some(chunks) => DatasetOptions::new().chunks(chunks).shuffle().deflate(1),
        None => DatasetOptions::new(),
    };
    options.create::<i32>(file, name, &SHAPE)
}

/// A file with a dataset for each layout, all with the same numbers.
fn make(world: &SimpleCommunicator, path: &Path) -> Result<()> {
    let file = agree(world, parallel_hdf5::create(path, world))?;
    let mine = rows_of(world.rank(), world.size(), SHAPE[0]);
    let values = heights::of(mine.clone(), SHAPE[1]);
    for layout in &LAYOUTS {
        let dataset = create(&file, layout)?;
        let slab = Slab::of(&dataset).along(0, mine.clone());
        let written = write_slab(&dataset, &slab, values.view(), Transfer::Collective);
        agree(world, written)?;
    }
    agree(world, file.close())?;
    Ok(())
}

/// Reads a block of rows (axis 0) or of columns (axis 1) on each rank.
fn read(world: &SimpleCommunicator, path: &Path, layout: &str, axis: usize) -> Result<f64> {
    let file = agree(world, parallel_hdf5::open_read_only(path, world))?;
    let dataset = agree(world, file.dataset(layout))?;
    let mine: Range<usize> = rows_of(world.rank(), world.size(), SHAPE[axis]);
    let slab = Slab::of(&dataset).along(axis, mine);
    let seconds = slowest(world, || {
        read_slab::<i32, Ix2>(&dataset, &slab, Transfer::Independent)
    })?;
    drop(dataset);
    agree(world, file.close())?;
    Ok(seconds)
}

/// Writes a new compressed dataset; which rows a rank has depends on the way.
fn write(world: &SimpleCommunicator, path: &Path, way: usize) -> Result<f64> {
    let path = path.with_extension("written");
    let file = agree(world, parallel_hdf5::create(&path, world))?;
    let dataset = create(&file, &("heights", Some([CHUNK, SHAPE[1]])))?;
    let (rank, size) = (world.rank(), world.size());
    let mine: Indices = match way {
        0 => chunked_rows_of(rank, size, SHAPE[0], CHUNK).into(),
        1 => rows_of(rank, size, SHAPE[0]).into(),
        _ => cyclic(rank, size, SHAPE[0], 1),
    };
    let rows: Vec<usize> = mine.iter().collect();
    let values = Array2::from_shape_fn((rows.len(), SHAPE[1]), |(row, column)| {
        heights::height(rows[row], column)
    });
    let slab = Slab::of(&dataset).along(0, mine);
    let seconds = slowest(world, || {
        write_slab(&dataset, &slab, values.view(), Transfer::Collective)
    })?;
    drop(dataset);
    agree(world, file.close())?;
    Ok(seconds)
}

/// Creates a dataset, and writes nothing.
fn create_only(world: &SimpleCommunicator, path: &Path, fill: FillTime) -> Result<f64> {
    let path = path.with_extension("written");
    let file = agree(world, parallel_hdf5::create(&path, world))?;
    let options = DatasetOptions::new().chunks(&[CHUNK, SHAPE[1]]).fill(fill);
    let seconds = slowest(world, || options.create::<i32>(&file, "heights", &SHAPE))?;
    agree(world, file.close())?;
    Ok(seconds)
}

/// How many seconds the slowest rank needs. **Collective**.
fn slowest<T, E: std::fmt::Display>(
    world: &SimpleCommunicator,
    work: impl FnOnce() -> std::result::Result<T, E>,
) -> Result<f64> {
    world.barrier();
    let start = mpi::time();
    let done = work();
    let seconds = mpi::time() - start;
    agree(world, done)?;
    let mut most = 0.0;
    world.all_reduce_into(&seconds, &mut most, SystemOperation::max());
    Ok(most)
}
