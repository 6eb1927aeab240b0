//! Bytes of a file, put in order: what a rank touched, as ranges and as patterns.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::model::{Access, Trace, What};

/// Ranges of equal length at equal distances. One range is a run of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The first byte of the first range.
    pub start: u64,
    /// The length of each, in bytes.
    pub length: u64,
    /// From the begin of one to the begin of the next; of one alone, its length.
    pub stride: u64,
    /// How many.
    pub count: u64,
}

impl Run {
    /// The byte after the last.
    pub fn end(&self) -> u64 {
        self.start + (self.count - 1) * self.stride + self.length
    }
}

/// Sorted ranges as runs, as few as a look at two neighbours at a time can find.
pub(crate) fn runs(ranges: &[Range<u64>]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for range in ranges {
        let length = range.end - range.start;
        if let Some(last) = runs.last_mut()
            && last.length == length
            && (last.count == 1 || range.start == last.start + last.count * last.stride)
            && range.start > last.start
        {
            last.stride = (range.start - last.start) / last.count;
            last.count += 1;
            continue;
        }
        runs.push(Run {
            start: range.start,
            length,
            stride: length,
            count: 1,
        });
    }
    // Two that are no pattern are two ranges.
    runs.into_iter()
        .flat_map(|run| {
            let one = |start| Run {
                start,
                length: run.length,
                stride: run.length,
                count: 1,
            };
            match run.count {
                2 => vec![one(run.start), one(run.start + run.stride)],
                _ => vec![run],
            }
        })
        .collect()
}

/// Sorts ranges, drops the empty ones, and joins those that overlap or touch.
pub(crate) fn union(ranges: impl IntoIterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    let mut ranges: Vec<_> = ranges.into_iter().filter(|it| it.start < it.end).collect();
    ranges.sort_unstable_by_key(|it| (it.start, it.end));
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// The part of `range` that lies in `window`; empty if none does.
pub(crate) fn within(range: &Range<u64>, window: &Range<u64>) -> Range<u64> {
    let start = range.start.max(window.start);
    start..range.end.min(window.end).max(start)
}

/// Bytes that are drawn as one box: a dataset, or what lies between datasets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Section {
    /// Where it lies in the file.
    pub bytes: Range<u64>,
    /// What it is.
    pub kind: Kind,
}

impl Section {
    /// Where there is metadata between the chunks of a dataset.
    pub fn gaps(&self) -> Vec<Range<u64>> {
        let Kind::Dataset(_, chunks) = &self.kind else {
            return Vec::new();
        };
        let between = chunks.windows(2).map(|it| it[0].end..it[1].start);
        between.filter(|it| it.start < it.end).collect()
    }
}

/// What a [`Section`] is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A dataset, or a part of one: its path; where its chunks are, if it has any.
    Dataset(String, Vec<Range<u64>>),
    /// HDF5's own bytes.
    Metadata,
    /// Datasets that nobody touched: their paths.
    Untouched(BTreeSet<String>),
    /// Bytes of a file of which no layout is known.
    Unknown,
    /// Bytes that were touched but are behind the end of the file.
    Beyond,
}

/// A file's sections, from its first byte to the last that exists or was touched.
pub(crate) fn sections(trace: &Trace, file: usize) -> Vec<Section> {
    let Some(of) = trace.files.get(file) else {
        return Vec::new();
    };
    let touched = union(
        trace
            .asked
            .iter()
            .chain(&trace.moved)
            .filter(|it| it.file == file)
            .map(|it| it.start..it.end),
    );
    let is_touched = |bytes: &Range<u64>| {
        let next = touched.partition_point(|it| it.end <= bytes.start);
        touched.get(next).is_some_and(|it| it.start < bytes.end)
    };
    let parts = of.parts.iter().filter(|it| it.start < it.end);
    let of_interest: BTreeSet<&str> = parts
        .clone()
        .filter(|it| is_touched(&(it.start..it.end)))
        .filter_map(|it| match &it.what {
            What::Dataset(path) | What::Chunk(path, _) => Some(path.as_str()),
            What::Metadata => None,
        })
        .collect();
    let mut sections: Vec<Section> = Vec::new();
    for part in parts {
        let kind = match &part.what {
            What::Metadata => Kind::Metadata,
            What::Dataset(path) | What::Chunk(path, _)
                if !of_interest.contains(path.as_str()) =>
            {
                Kind::Untouched(BTreeSet::from([path.clone()]))
            }
            What::Dataset(path) => Kind::Dataset(path.clone(), Vec::new()),
            What::Chunk(path, _) => {
                let chunk = part.start..part.end;
                Kind::Dataset(path.clone(), vec![chunk])
            }
        };
        sections.push(Section {
            bytes: part.start..part.end,
            kind,
        });
    }
    // Between two chunks of a dataset, or two datasets that nobody touched, a little
    // metadata is not worth a box of its own.
    let mut joined: Vec<Section> = Vec::new();
    for section in sections {
        let before = joined.len().saturating_sub(2);
        let is_small = |it: &Section| {
            it.kind == Kind::Metadata
                && it.bytes.end - it.bytes.start
                    < (section.bytes.end - section.bytes.start).max(4096)
        };
        if joined.len() >= 2
            && is_small(&joined[before + 1])
            && joins(&joined[before].kind, &section.kind)
        {
            joined.pop();
        }
        match joined.last_mut() {
            Some(last) if joins(&last.kind, &section.kind) => {
                last.bytes.end = section.bytes.end;
                match (&mut last.kind, section.kind) {
                    (Kind::Dataset(_, chunks), Kind::Dataset(_, more)) => {
                        chunks.extend(more)
                    }
                    (Kind::Untouched(paths), Kind::Untouched(more)) => paths.extend(more),
                    _ => {}
                }
            }
            _ => joined.push(section),
        }
    }
    let mut sections = joined;
    let known = sections.last().map_or(0, |it| it.bytes.end);
    if sections.is_empty() && of.size > 0 {
        sections.push(Section {
            bytes: 0..of.size,
            kind: Kind::Unknown,
        });
    }
    let known = known.max(of.size);
    if let Some(last) = touched.last().filter(|it| it.end > known) {
        sections.push(Section {
            bytes: known..last.end,
            kind: Kind::Beyond,
        });
    }
    sections
}

fn joins(one: &Kind, next: &Kind) -> bool {
    match (one, next) {
        (Kind::Dataset(one, chunks), Kind::Dataset(next, more)) => {
            one == next && !chunks.is_empty() && !more.is_empty()
        }
        (Kind::Metadata, Kind::Metadata) | (Kind::Untouched(_), Kind::Untouched(_)) => true,
        _ => false,
    }
}

/// What one rank did to some bytes of a file, in the order of the bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Share {
    /// Each operation of its own: they may overlap.
    pub operations: Vec<Range<u64>>,
    /// The bytes that they cover.
    pub covered: Vec<Range<u64>>,
}

/// Which bytes of `window` each rank touched, by rank: those of `touches` in `file` that are
/// writes, or reads.
pub(crate) fn shares(
    touches: &[Access],
    file: usize,
    write: bool,
    window: &Range<u64>,
) -> BTreeMap<usize, Share> {
    let mut shares: BTreeMap<usize, Share> = BTreeMap::new();
    for touch in touches {
        let inside = within(&(touch.start..touch.end), window);
        if touch.file == file && touch.write == write && inside.start < inside.end {
            shares
                .entry(touch.rank)
                .or_default()
                .operations
                .push(inside);
        }
    }
    for share in shares.values_mut() {
        share
            .operations
            .sort_unstable_by_key(|it| (it.start, it.end));
        share.covered = union(share.operations.iter().cloned());
    }
    shares
}

/// The distance at which pieces of the ranks come again, if there is one that is usual.
pub(crate) fn period<'a>(shares: impl IntoIterator<Item = &'a Share>) -> Option<u64> {
    let mut distances: BTreeMap<u64, usize> = BTreeMap::new();
    for share in shares {
        for pair in share.operations.windows(2) {
            if pair[1].start > pair[0].end {
                *distances.entry(pair[1].start - pair[0].start).or_default() += 1;
            }
        }
    }
    // Of those that are as usual, the shortest.
    let most = distances.values().copied().max()?;
    distances
        .into_iter()
        .find(|it| it.1 == most && most >= 2)
        .map(|it| it.0)
}
