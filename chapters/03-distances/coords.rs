//! Makes the input: a file with the points of the chapter.

use std::ops::Range;
use std::path::PathBuf;

use hdf5::Dataset;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use ndarray::Array2;
use parallel_hdf5::{
    Result, SlabError, Transfer, agree, create_dataset, rows_of, write_rows,
};

/// Makes the file `NAME.hdf5` with 1000 points in `coords`, together on all ranks, unless it
/// is there already. With `rows`, makes `NAME-ROWS.hdf5` with so many points, anew.
pub fn make(
    name: &str,
    rows: Option<usize>,
    world: &SimpleCommunicator,
) -> Result<PathBuf> {
    let name = match rows {
        None => format!("{name}.hdf5"),
        Some(rows) => format!("{name}-{rows}.hdf5"),
    };
    let path = parallel_hdf5::data_folder()?.join(name);
    // All ranks must come to the same decision, so one of them decides.
    let mut keep = rows.is_none() && path.exists();
    world.process_at_rank(0).broadcast_into(&mut keep);
    if keep {
        return Ok(path);
    }
    let rows = rows.unwrap_or(1000);
    // Under another name until it is whole: a run that is interrupted leaves no half file.
    let unfinished = path.with_extension("unfinished");
    let file = agree(world, parallel_hdf5::create(&unfinished, world))?;
    let dataset = create_dataset::<f32>(&file, "coords", (rows, 2))?;
    let mine = rows_of(world.rank(), world.size(), rows);
    agree(world, fill(&dataset, mine))?;
    drop(dataset);
    agree(world, file.close())?;
    let renamed = match world.rank() {
        0 => std::fs::rename(&unfinished, &path),
        _ => Ok(()),
    };
    agree(world, renamed)?;
    Ok(path)
}

/// Writes the points of some rows, block by block: they may not fit into the memory.
fn fill(dataset: &Dataset, rows: Range<usize>) -> std::result::Result<(), SlabError> {
    const BLOCK: usize = 1 << 16;
    for first in rows.clone().step_by(BLOCK) {
        let block = first..rows.end.min(first + BLOCK);
        let points = Array2::from_shape_fn((block.len(), 2), |(row, column)| {
            point((first + row) as u64)[column]
        });
        write_rows(dataset, block, points.view(), Transfer::Independent)?;
    }
    Ok(())
}

/// The point of a row: some number or other, but the same in each run.
fn point(row: u64) -> [f32; 2] {
    [
        ((row * 37 + 11) % 1009) as f32 / 100.0,
        ((row * 73 + 5) % 997) as f32 / 100.0,
    ]
}
