//! A file as rows of boxes of limited width: where each byte is drawn.

use std::ops::Range;

use crate::extents::{Kind, Section};

/// A section and its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placed {
    pub section: Section,
    /// From the left edge of the row.
    pub left: f64,
    pub width: f64,
}

impl Placed {
    /// Where bytes are drawn: from the left edge of the row to the left and right end.
    pub fn place(&self, bytes: &Range<u64>) -> (f64, f64) {
        let all = &self.section.bytes;
        let length = (all.end - all.start) as f64;
        let at = |byte: u64| {
            let into = byte.clamp(all.start, all.end) - all.start;
            self.left + into as f64 / length * self.width
        };
        (at(bytes.start), at(bytes.end))
    }
}

/// The widths that boxes need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Widths {
    /// Of a row.
    pub row: f64,
    /// Of metadata, whose bytes are not of interest, exactly.
    pub metadata: f64,
    /// Of all else, at least.
    pub least: f64,
}

/// Places sections in rows. Within a row, boxes are as wide as their bytes, so far as that
/// leaves each its least width.
pub(crate) fn rows(sections: Vec<Section>, widths: Widths) -> Vec<Vec<Placed>> {
    let mut rows: Vec<Vec<Section>> = Vec::new();
    let mut room = 0.0;
    for section in sections {
        let need = match section.kind {
            Kind::Metadata => widths.metadata,
            _ => widths.least,
        };
        if rows.is_empty() || room < need {
            rows.push(Vec::new());
            room = widths.row;
        }
        room -= need;
        rows.last_mut().expect("a row").push(section);
    }
    rows.into_iter().map(|it| place(it, widths)).collect()
}

fn place(sections: Vec<Section>, widths: Widths) -> Vec<Placed> {
    let bytes = |it: &Section| (it.bytes.end - it.bytes.start) as f64;
    let is_fixed = |it: &Section| it.kind == Kind::Metadata;
    let only_metadata = sections.iter().all(is_fixed);
    // Who gets the least; as long as another one falls below it, once more.
    let mut least: Vec<bool> = vec![false; sections.len()];
    let mut scale;
    loop {
        let (mut room, mut to_share) = (widths.row, 0.0);
        for (section, least) in sections.iter().zip(&least) {
            match (is_fixed(section), least) {
                (true, _) => room -= widths.metadata,
                (_, true) => room -= widths.least,
                _ => to_share += bytes(section),
            }
        }
        scale = room.max(0.0) / f64::max(to_share, 1.0);
        let small = sections.iter().zip(&least).position(|(it, least)| {
            !is_fixed(it) && !least && bytes(it) * scale < widths.least
        });
        match small {
            Some(small) => least[small] = true,
            None => break,
        }
    }
    let mut left = 0.0;
    let count = sections.len() as f64;
    let placed = sections.into_iter().zip(least).map(|(section, least)| {
        let width = match (is_fixed(&section), least) {
            (true, _) if only_metadata => widths.row / count,
            (true, _) => widths.metadata,
            (_, true) => widths.least,
            _ => bytes(&section) * scale,
        };
        left += width;
        Placed {
            left: left - width,
            width,
            section,
        }
    });
    placed.collect()
}

/// Extents of one rank that are drawn as one bar.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bar {
    pub left: f64,
    pub right: f64,
    /// True if there is something between the pieces, too little to be drawn.
    pub scattered: bool,
}

/// The bars of sorted, disjoint ranges; what is nearer than `gap`, and itself smaller than
/// `small`, is drawn together.
pub(crate) fn bars(
    ranges: &[Range<u64>],
    placed: &Placed,
    gap: f64,
    small: f64,
) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for range in ranges {
        let (left, right) = placed.place(range);
        match bars.last_mut() {
            Some(last)
                if left - last.right < gap
                    && right - left < small
                    && (last.scattered || last.right - last.left < small) =>
            {
                last.right = right;
                last.scattered = true;
            }
            _ => bars.push(Bar {
                left,
                right,
                scattered: false,
            }),
        }
    }
    bars
}
