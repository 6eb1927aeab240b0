//! The same computation in four forms, each faster than the one before. A rank's part of each
//! is here; what all have in common is in `main.rs`.

use std::ops::Range;

use hdf5::H5Type;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::{Array1, Array2, Axis, LinalgScalar, s};
use parallel_hdf5::{
    Result, Transfer, agree, read_rows, read_rows_into, rows_of, write_rows,
};

use crate::files::Files;
use crate::lengths::lengths;

/// How the distances are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// All rows of a rank at once.
    Whole,
    /// Block by block, each in new memory.
    Blocks,
    /// The same, computed by vector instructions.
    Vector,
    /// The same, in memory that is used again.
    Reuse,
}

/// What can be a coordinate: f32, f64.
pub trait Number: H5Type + LinalgScalar + Default + num_traits::Float {}
impl Number for f32 {}
impl Number for f64 {}

// ANCHOR: whole
/// Reads all rows of this rank, computes, and writes.
pub fn whole<T: Number>(files: &Files, world: &SimpleCommunicator) -> Result<()> {
    // Which rows are mine? Every rank can tell, without asking.
    let mine = rows_of(world.rank(), world.size(), files.rows);

    // Each rank reads its own rows ...
    let points = read_rows(&files.input, mine.clone(), Transfer::Independent);
    let points: Array2<T> = agree(world, points)?;

    // ... computes its own distances ...
    let distances: Array1<T> = points.map_axis(Axis(1), |point| point.dot(&point).sqrt());

    // ... and writes them to its own rows.
    let written = write_rows(&files.output, mine, distances.view(), files.transfer);
    agree(world, written)?;
    Ok(())
}
// ANCHOR_END: whole

// ANCHOR: blocks
/// The same, but never more than a block at once.
pub fn blocks<T: Number>(files: &Files, world: &SimpleCommunicator) -> Result<()> {
    for block in blocks_of(files, world) {
        let points = read_rows(&files.input, block.clone(), Transfer::Independent);
        let points: Array2<T> = files.settle(points, world)?;
        let distances: Array1<T> =
            points.map_axis(Axis(1), |point| point.dot(&point).sqrt());
        let written = write_rows(&files.output, block, distances.view(), files.transfer);
        files.settle(written, world)?;
    }
    Ok(())
}
// ANCHOR_END: blocks

/// The same as `blocks`, with `lengths`.
pub fn vector<T: Number>(files: &Files, world: &SimpleCommunicator) -> Result<()> {
    for block in blocks_of(files, world) {
        let points = read_rows(&files.input, block.clone(), Transfer::Independent);
        let points: Array2<T> = files.settle(points, world)?;
        let mut distances: Array1<T> = Array1::zeros(block.len());
        lengths(points.view(), distances.view_mut());
        let written = write_rows(&files.output, block, distances.view(), files.transfer);
        files.settle(written, world)?;
    }
    Ok(())
}

// ANCHOR: reuse
/// The same, with the memory of the first block for all of them.
pub fn reuse<T: Number>(files: &Files, world: &SimpleCommunicator) -> Result<()> {
    let most = files.block.min(files.rows);
    let mut points: Array2<T> = Array2::zeros((most, files.columns));
    let mut distances: Array1<T> = Array1::zeros(most);
    for block in blocks_of(files, world) {
        let mut points = points.slice_mut(s![..block.len(), ..]);
        let mut distances = distances.slice_mut(s![..block.len()]);
        let read = read_rows_into(
            &files.input,
            block.clone(),
            points.view_mut(),
            Transfer::Independent,
        );
        files.settle(read, world)?;
        lengths(points.view(), distances.view_mut());
        let written = write_rows(&files.output, block, distances.view(), files.transfer);
        files.settle(written, world)?;
    }
    Ok(())
}
// ANCHOR_END: reuse

// ANCHOR: blocks_of
/// The rows of this rank, cut at the multiples of [`Files::block`]. Every rank has
/// as many blocks, the last ones perhaps empty: a collective write needs all ranks.
fn blocks_of(
    files: &Files,
    world: &SimpleCommunicator,
) -> impl Iterator<Item = Range<usize>> {
    let (size, rows, block) = (world.size(), files.rows, files.block);
    let mine = rows_of(world.rank(), size, rows);
    let blocks = |rows: Range<usize>| rows.start / block..rows.end.div_ceil(block);
    let most = (0..size).map(|rank| blocks(rows_of(rank, size, rows)).len());
    let first = mine.start / block;
    (first..first + most.max().unwrap_or(0)).map(move |index| {
        let cut = |index: usize| (index * block).clamp(mine.start, mine.end);
        cut(index)..cut(index + 1)
    })
}
// ANCHOR_END: blocks_of
