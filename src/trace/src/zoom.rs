//! A few pieces of a dataset whose pieces are too small to be seen: which bytes to show, and
//! what lies in them.

use std::ops::Range;

use crate::extents::{Kind, Section, Share, period, shares};
use crate::model::{Access, Trace};

/// The bytes to magnify, about two periods of the pattern, with no more than `most` pieces;
/// `None` if nothing is scattered, or if a period takes more than `visible` of the section,
/// so that it is seen as it is.
pub(crate) fn window(
    trace: &Trace,
    file: usize,
    section: &Section,
    most: usize,
    visible: f64,
) -> Option<Range<u64>> {
    if !matches!(section.kind, Kind::Dataset(..) | Kind::Unknown) {
        return None;
    }
    let all = |window: &Range<u64>| -> [Vec<Share>; 4] {
        [
            (&trace.asked, true),
            (&trace.asked, false),
            (&trace.moved, true),
            (&trace.moved, false),
        ]
        .map(|(touches, write)| {
            shares(touches, file, write, window).into_values().collect()
        })
    };
    let whole = all(&section.bytes);
    let whole: Vec<&Share> = whole.iter().flatten().collect();
    let period = period(whole.iter().copied())?;
    let length = section.bytes.end - section.bytes.start;
    if period as f64 / length as f64 > visible {
        return None;
    }
    let firsts = whole.iter().filter_map(|it| it.covered.first());
    let first = firsts.map(|it| it.start).min()?;
    let pieces = |window: &Range<u64>| -> usize {
        let count =
            |it: &Vec<Share>| it.iter().map(|it| it.operations.len()).sum::<usize>();
        all(window).iter().map(count).max().unwrap_or(0)
    };
    let mut window = first..(first + 2 * period).min(section.bytes.end);
    if pieces(&window) > most {
        window.end = window.end.min(first + period);
    }
    while pieces(&window) > most && window.end - window.start > 1 {
        window.end = window.start + (window.end - window.start) / 2;
    }
    Some(window)
}

/// What was touched in these bytes, in as few rows as there are if no two that overlap may
/// be in one.
pub(crate) fn rows<'a>(
    touches: &'a [Access],
    file: usize,
    window: &Range<u64>,
) -> Vec<Vec<&'a Access>> {
    let mut pieces: Vec<&Access> = touches
        .iter()
        .filter(|it| it.file == file && it.start < window.end && it.end > window.start)
        .collect();
    pieces.sort_by_key(|it| (it.start, it.rank, it.write, it.end));
    let mut rows: Vec<Vec<&Access>> = Vec::new();
    for piece in pieces {
        let free =
            |row: &&mut Vec<&Access>| row.last().is_none_or(|it| it.end <= piece.start);
        match rows.iter_mut().find(free) {
            Some(row) => row.push(piece),
            None => rows.push(vec![piece]),
        }
    }
    rows
}
