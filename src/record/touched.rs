//! Which elements of a dataset each rank read or wrote.

use std::ops::Range;

use crate::{Block, Record};

/// The elements of one dataset that each rank read, or wrote, in the whole run, in no order:
/// only what succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Touched {
    /// The file.
    pub file: Option<String>,
    /// The dataset's path.
    pub dataset: String,
    /// Its shape; the largest, if it grew.
    pub shape: Vec<u64>,
    /// The elements, rank by rank. Blocks of one rank may overlap.
    pub by_rank: Vec<Vec<Block>>,
    /// False if a selection could not be recorded in full; then the blocks hold more than
    /// was touched.
    pub exact: bool,
}

/// Rows of a dataset: indices of its first dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The rows, in order; neighbours are joined.
    pub ranges: Vec<Range<u64>>,
    /// True if of each of these rows every element was touched.
    pub whole: bool,
}

impl Record {
    /// The datasets that some rank read or wrote: (file, path).
    pub fn datasets(&self) -> Vec<(Option<String>, String)> {
        Vec::new()
    }

    /// What was written to `dataset` (its path; `x` and `/x` are the same), in the file
    /// whose path ends with `file`, or in any. `None` if nobody wrote to it.
    pub fn written(&self, _file: Option<&str>, _dataset: &str) -> Option<Touched> {
        None
    }

    /// The same for what was read.
    pub fn read_from(&self, _file: Option<&str>, _dataset: &str) -> Option<Touched> {
        None
    }
}

impl Touched {
    /// The ranks that touched it at all.
    pub fn ranks(&self) -> Vec<usize> {
        let touched = |rank: &usize| !self.by_rank[*rank].is_empty();
        (0..self.by_rank.len()).filter(touched).collect()
    }

    /// The rows that `rank` touched.
    pub fn rows(&self, _rank: usize) -> Rows {
        Rows::default()
    }

    /// The first element that two ranks or more touched, and which. Exact if
    /// [`Touched::exact`].
    pub fn by_two_ranks(&self) -> Option<(Vec<u64>, Vec<usize>)> {
        None
    }

    /// The first element that nobody touched.
    pub fn by_nobody(&self) -> Option<Vec<u64>> {
        None
    }
}
