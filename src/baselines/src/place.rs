//! Where in a file the points and their distances lie, for those who do not ask HDF5.

use std::ops::Range;
use std::path::PathBuf;

use parallel_hdf5::rows_of;

/// The file that `bench-file` has made, and what it has said of it.
#[derive(clap::Args)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// At which byte of it the points begin: two f32 each.
    pub coords: u64,
    /// At which byte the distances begin: an f32 each.
    pub distances: u64,
    /// How many points there are.
    pub rows: usize,
    /// How many of them are worked on at once.
    pub block: usize,
}

impl Place {
    /// The length of the longest block.
    pub fn most(&self) -> usize {
        self.block.min(self.rows)
    }

    /// The rows of a rank, in blocks.
    pub fn blocks(&self, rank: i32, size: i32) -> impl Iterator<Item = Range<usize>> {
        let (block, mine) = (self.block, rows_of(rank, size, self.rows));
        let end = mine.end;
        mine.step_by(block)
            .map(move |first| first..end.min(first + block))
    }
}
