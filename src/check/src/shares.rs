//! Whose part of a dataset is whose: what a rank was to write, and what it did write.

use std::fmt::Display;
use std::ops::Range;

use ndarray::{ArrayView, Dimension};

use crate::exercise::{Trial, Wrong};

/// How a dataset is shared out between the ranks, along one of its dimensions.
#[derive(Clone, Debug)]
pub struct Shares {
    axis: usize,
    ranges: Vec<Range<usize>>,
}

impl Shares {
    /// A slab of rows for each rank, as [`parallel_hdf5::rows_of`] shares them out.
    pub fn rows(ranks: usize, total: usize) -> Shares {
        Shares::evenly(0, ranks, total)
    }

    /// A block of columns for each rank, shared out in the same way.
    pub fn columns(ranks: usize, total: usize) -> Shares {
        Shares::evenly(1, ranks, total)
    }

    fn evenly(axis: usize, ranks: usize, total: usize) -> Shares {
        let range = |rank| parallel_hdf5::rows_of(rank as i32, ranks as i32, total);
        Shares {
            axis,
            ranges: (0..ranks).map(range).collect(),
        }
    }

    /// The rows of `dataset` as the program shared them out, if that is even: consecutive rows
    /// for each rank, in rank order, and no rank with more than one more than another. Else as
    /// [`Shares::rows`] shares them out.
    pub fn rows_as_written(trial: &Trial, dataset: &str, total: usize) -> Shares {
        let usual = Shares::rows(trial.ranks(), total);
        match usual.one_after_the_other(trial, dataset, total) {
            Some(ranges) if even(&ranges) => Shares::new(0, ranges),
            _ => usual,
        }
    }

    /// What each rank wrote, if these ranges follow each other from 0 to `total`.
    pub fn one_after_the_other(
        &self,
        trial: &Trial,
        dataset: &str,
        total: usize,
    ) -> Option<Vec<Range<usize>>> {
        let mut end = 0;
        let mut ranges = Vec::new();
        for rank in 0..trial.ranks() {
            let range = match self.written(trial, dataset, rank).as_slice() {
                [] => end..end,
                [one] if one.start == end => one.clone(),
                _ => return None,
            };
            end = range.end;
            ranges.push(range);
        }
        (end == total).then_some(ranges)
    }

    /// Any other way: for each rank its part of the dimension `axis`.
    pub fn new(axis: usize, ranges: Vec<Range<usize>>) -> Shares {
        Shares { axis, ranges }
    }

    /// What a step along the dimension is called.
    fn word(&self) -> &'static str {
        match self.axis {
            0 => "row",
            1 => "column",
            _ => "index",
        }
    }

    fn in_words(&self, ranges: &[Range<usize>]) -> String {
        let one = |range: &Range<usize>| match range.len() {
            1 => range.start.to_string(),
            _ => format!("{}–{}", range.start, range.end - 1),
        };
        let some: Vec<&Range<usize>> = ranges.iter().filter(|it| !it.is_empty()).collect();
        let word = self.word();
        match some.as_slice() {
            [] => format!("no {word}s"),
            [range] if range.len() == 1 => format!("{word} {}", one(range)),
            some => {
                let shown: Vec<String> = some.iter().take(4).map(|it| one(it)).collect();
                let more = if some.len() > 4 { ", …" } else { "" };
                format!("{word}s {}{more}", shown.join(", "))
            }
        }
    }

    /// Whose the element at `index` is, and which part that rank has.
    fn owner(&self, index: &[usize]) -> Option<(usize, &Range<usize>)> {
        let along = *index.get(self.axis)?;
        let mut shares = self.ranges.iter().enumerate();
        shares.find(|(_, range)| range.contains(&along))
    }

    /// Compares all numbers of a dataset, and says of the first that is wrong what it is,
    /// what it should be, whose it is and what that rank wrote. `same(found, right)` says
    /// whether two numbers may pass for each other.
    ///
    /// # Errors
    /// [`Wrong::Result`] if a number, or the shape, differs.
    pub fn compare<T: Display + Clone, D: Dimension>(
        &self,
        trial: &Trial,
        dataset: &str,
        found: ArrayView<T, D>,
        right: ArrayView<T, D>,
        same: impl Fn(&T, &T) -> bool,
    ) -> Result<(), Wrong> {
        let (found, right) = (found.into_dyn(), right.into_dyn());
        if found.shape() != right.shape() {
            return Err(Wrong::Result(format!(
                "`{dataset}` has the shape {:?}, should be {:?}",
                found.shape(),
                right.shape()
            )));
        }
        let pairs = found.indexed_iter().zip(right.iter());
        let wrong: Vec<_> = pairs
            .filter(|((_, found), right)| !same(found, right))
            .map(|((index, found), right)| (index.slice().to_vec(), found, right))
            .collect();
        let Some((index, value, should)) = wrong.first() else {
            return Ok(());
        };
        let place: Vec<String> = index.iter().map(usize::to_string).collect();
        let mut text = format!(
            "`{dataset}[{}]` is {value}, should be {should}",
            place.join(", ")
        );
        if let Some((owner, share)) = self.owner(index) {
            let (word, along) = (self.word(), index[self.axis]);
            let ranks = trial.ranks();
            let all = self.in_words(std::slice::from_ref(share));
            text += &format!("; {word} {along} belongs to rank {owner} of {ranks} ({all})");
            let wrote = self.written(trial, dataset, owner);
            text += &match wrote.is_empty() {
                true => ", which wrote nothing".to_owned(),
                false => format!(", which wrote {}", self.in_words(&wrote)),
            };
        }
        if wrong.len() > 1 {
            let total = found.len();
            text += &format!(
                ". {} of {total} numbers are wrong; this is the first",
                wrong.len()
            );
        }
        Err(Wrong::Result(text))
    }

    /// Holds the ranks to their shares: each must have written its own part of `dataset`,
    /// all of it and nothing else, whatever the file holds in the end.
    ///
    /// # Errors
    /// [`Wrong::Silent`] if a rank wrote more or less.
    pub fn each_wrote_its_own(&self, trial: &Trial, dataset: &str) -> Result<(), Wrong> {
        let written: Vec<Vec<Range<usize>>> = (0..trial.ranks())
            .map(|rank| self.written(trial, dataset, rank))
            .collect();
        let word = self.word();
        for (rank, (wrote, share)) in written.iter().zip(&self.ranges).enumerate() {
            let beyond = minus(wrote, std::slice::from_ref(share));
            let Some(first) = beyond.first() else {
                continue;
            };
            let whose = match self.ranges.iter().position(|it| it.contains(&first.start)) {
                Some(owner) => {
                    let them = self.in_words(&beyond);
                    let belong = match beyond.iter().map(Range::len).sum() {
                        1 => "belongs",
                        _ => "belong",
                    };
                    format!("of which {them} {belong} to rank {owner}")
                }
                None => "which belong to no rank".to_owned(),
            };
            let mut text = format!(
                "rank {rank} wrote {} of `{dataset}`, {whose}; its own are {}",
                self.in_words(wrote),
                self.in_words(std::slice::from_ref(share)),
            );
            let others = written
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != rank);
            let twice = |other: &[Range<usize>]| minus(wrote, &minus(wrote, other));
            if others
                .into_iter()
                .any(|(_, other)| !twice(other).is_empty())
            {
                text += &format!(
                    ". Two ranks that write the same {word} are no error to HDF5: the file \
                     holds whatever came last"
                );
            }
            return Err(Wrong::Silent(text));
        }
        for (rank, (wrote, share)) in written.iter().zip(&self.ranges).enumerate() {
            let missing = minus(std::slice::from_ref(share), wrote);
            if !missing.is_empty() {
                return Err(Wrong::Silent(format!(
                    "nobody wrote {} of `{dataset}`, {} to rank {rank} ({}); what the file \
                     holds there is luck",
                    self.in_words(&missing),
                    match missing.iter().map(Range::len).sum() {
                        1 => "which belongs",
                        _ => "which belong",
                    },
                    self.in_words(std::slice::from_ref(share)),
                )));
            }
        }
        Ok(())
    }

    /// The parts of `dataset` that a rank wrote, along our dimension, in order, joined.
    pub fn written(&self, trial: &Trial, dataset: &str, rank: usize) -> Vec<Range<usize>> {
        let Some(touched) = trial.record.written(None, dataset) else {
            return Vec::new();
        };
        let blocks = touched.by_rank.get(rank).map_or(&[][..], |it| it);
        let along = blocks.iter().filter_map(|block| {
            let (start, end) = (block.start.get(self.axis)?, block.end.get(self.axis)?);
            Some(*start as usize..*end as usize)
        });
        joined(along.collect())
    }
}

/// Whether no rank has more than one more than another.
pub fn even(ranges: &[Range<usize>]) -> bool {
    let most = ranges.iter().map(Range::len).max().unwrap_or(0);
    ranges.iter().all(|it| it.len() + 1 >= most)
}

/// The ranges, in order, and joined where they touch.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|it| !it.is_empty());
    ranges.sort_by_key(|it| it.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// What `these` have and `those` do not. Both in order and joined.
fn minus(these: &[Range<usize>], those: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut left = Vec::new();
    for range in these {
        let mut start = range.start;
        for other in those
            .iter()
            .filter(|it| it.end > range.start && it.start < range.end)
        {
            left.push(start..other.start.max(start));
            start = start.max(other.end);
        }
        left.push(start..range.end.max(start));
    }
    joined(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_joined_and_subtracted() {
        assert_eq!(joined(vec![3..5, 0..2, 2..3, 9..9, 7..8]), [0..5, 7..8]);
        let minus = |these: Range<usize>, those: &[Range<usize>]| {
            minus(std::slice::from_ref(&these), those)
        };
        assert_eq!(minus(0..10, &[2..3, 5..7]), [0..2, 3..5, 7..10]);
        assert_eq!(minus(2..4, &[0..2, 3..9]), vec![2..3]);
        assert_eq!(minus(2..4, &[0..1, 2..9]), []);
        assert_eq!(minus(0..2, &[]), vec![0..2]);
    }
}
