//! The first place where the ranks do not make the same collective calls.

use crate::{Call, Lines, Record};

/// The first call at which the ranks of one communicator differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// In what they differ.
    pub kind: Kind,
    /// The ranks of the communicator.
    pub group: Vec<usize>,
    /// How many collective calls of this communicator were the same before.
    pub before: usize,
    /// The call that it is about: one that some of the ranks made and others did not.
    pub call: Call,
    /// The ranks by what they did; who made `call` first.
    pub sides: Vec<Side>,
}

/// In what ranks differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Some ranks leave a call out.
    Missing,
    /// All make it, but for another file, object or attribute.
    Names,
    /// With another shape.
    Shapes,
    /// With another type of elements.
    Elements,
    /// All make the same calls, in another order.
    Order,
    /// With another root.
    Roots,
    /// With another number of bytes.
    Sizes,
    /// They make calls that have nothing to do with each other.
    Functions,
}

/// Ranks that did the same at the place of a [`Difference`].
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// The ranks.
    pub ranks: Vec<usize>,
    /// The call that they made there (that of the first of them), if they made one.
    pub call: Option<Call>,
    /// What became, on these ranks, of the call that the difference is about.
    pub fate: Fate,
}

/// What became of a call on ranks where it was expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// They made it.
    Made,
    /// They made it later.
    Later(Box<Call>),
    /// They ended without it.
    Ended,
    /// They wait in this call for something that cannot come any more.
    Stuck(Box<Call>),
    /// They might still have made it: the run ended too early to say.
    NotYet,
}

impl Record {
    /// The first collective call at which the ranks of a communicator differ.
    ///
    /// A rank that is behind, or that was stopped while it computed, is none.
    pub fn first_difference(&self) -> Option<Difference> {
        None
    }
}

impl Difference {
    /// What differs, in a sentence: ``ranks 1–3 created dataset `x` (line 7), rank 0 never
    /// did``.
    pub fn sentence(&self, _lines: Lines<'_>) -> String {
        String::new()
    }

    /// The rule that it breaks, and the chapter that explains it.
    pub fn rule(&self) -> String {
        String::new()
    }

    /// The ranks that did not make the call.
    pub fn odd_ranks(&self) -> Vec<usize> {
        let odd = self.sides.iter().filter(|side| side.fate != Fate::Made);
        let mut ranks: Vec<usize> = odd.flat_map(|side| side.ranks.clone()).collect();
        ranks.sort_unstable();
        ranks
    }
}
