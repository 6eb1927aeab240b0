//! Files as strips: datasets named, and below them, rank by rank, what each asked for and
//! what each moved. A lane for each rank: two ranks that touch the same bytes are seen, and
//! no rank is known by its colour alone.

use std::collections::BTreeMap;
use std::ops::Range;

use super::paper::{LEFT, MARGIN, Paper, ROOM, WIDTH, fitted, number, of_rank, width_of};
use crate::extents::{Kind, Section, Share, sections, shares};
use crate::model::{Access, Trace};
use crate::prose;
use crate::track::{Placed, Widths, bars, rows};
use crate::zoom;

const WIDTHS: Widths = Widths {
    row: ROOM,
    metadata: 14.0,
    least: 80.0,
};
/// No more files are drawn, and no more rows of boxes of one file.
const MOST_FILES: usize = 4;
const MOST_ROWS: usize = 8;

/// What needs a word in the legend.
#[derive(Default)]
struct Seen {
    written: bool,
    read: bool,
    scattered: bool,
    metadata: bool,
    /// Some box is of data.
    data: bool,
    /// Boxes are not all drawn to one scale.
    scales: bool,
}

pub(super) fn draw(paper: &mut Paper, trace: &Trace) {
    let mut seen = Seen::default();
    for file in 0..trace.files.len().min(MOST_FILES) {
        one(paper, trace, file, &mut seen);
    }
    let more = trace.files.len().saturating_sub(MOST_FILES);
    if more > 0 {
        paper.down(18.0);
        let y = paper.y;
        paper.text(
            MARGIN,
            y,
            "",
            &format!("and {} more", prose::amount(more, "file")),
        );
    }
    if trace.files.is_empty() {
        paper.down(28.0);
        let y = paper.y;
        paper.text(MARGIN, y, "", "No file was touched.");
    }
    legend(paper, &seen);
}

fn one(paper: &mut Paper, trace: &Trace, file: usize, seen: &mut Seen) {
    let of = &trace.files[file];
    paper.down(28.0);
    let y = paper.y;
    let size = prose::amount(of.size as usize, "byte");
    let name = fitted(
        &of.name,
        WIDTH - 2.0 * MARGIN - width_of(&size, 13.0) - 16.0,
        15.0,
    );
    paper.text(MARGIN, y, r#"font-size="15" font-weight="bold""#, &name);
    paper.text(WIDTH - MARGIN, y, r#"text-anchor="end""#, &size);
    paper.down(8.0);

    let lanes = Lanes::of(trace, file);
    let mut rows = rows(sections(trace, file), WIDTHS);
    let more: usize = rows.iter().skip(MOST_ROWS).map(Vec::len).sum();
    rows.truncate(MOST_ROWS);
    let scale =
        |it: &&Placed| it.width / (it.section.bytes.end - it.section.bytes.start) as f64;
    let mut scales: Vec<f64> = rows
        .iter()
        .flatten()
        .filter(|it| it.section.kind != Kind::Metadata)
        .map(|it| scale(&it))
        .collect();
    scales.sort_by(f64::total_cmp);
    seen.scales |= scales
        .first()
        .zip(scales.last())
        .is_some_and(|it| it.0 * 1.01 < *it.1);
    for row in &rows {
        strip(paper, row, seen);
        let end = row.last().map_or(0, |it| it.section.bytes.end);
        offsets(paper, row, end);
        lanes.draw(paper, row, seen);
        for placed in row {
            magnified(paper, trace, file, placed, seen);
        }
        paper.down(6.0);
    }
    if more > 0 {
        paper.down(14.0);
        let y = paper.y;
        let words = format!("and {more} more parts, which are not drawn");
        paper.text(LEFT, y, "", &words);
    }
}

/// The boxes, with their names in them.
fn strip(paper: &mut Paper, row: &[Placed], seen: &mut Seen) {
    let (y, height) = (paper.y, 20.0);
    for placed in row {
        let left = LEFT + placed.left;
        let fill = match &placed.section.kind {
            Kind::Metadata => {
                seen.metadata = true;
                paper.metadata()
            }
            _ => {
                seen.data = true;
                "#fff".to_owned()
            }
        };
        paper.rect(
            left,
            y,
            placed.width,
            height,
            format_args!(r##"fill="{fill}" stroke="#222""##),
        );
        let name = match &placed.section.kind {
            Kind::Dataset(path, _) => path.clone(),
            Kind::Untouched(_) => "untouched".to_owned(),
            Kind::Beyond => "behind the end".to_owned(),
            Kind::Metadata if placed.width > 80.0 => "metadata".to_owned(),
            Kind::Metadata | Kind::Unknown => String::new(),
        };
        let colour = match &placed.section.kind {
            Kind::Dataset(..) => "#111",
            _ => "#555",
        };
        for gap in placed.section.gaps() {
            let (from, to) = placed.place(&gap);
            if to - from >= 2.0 {
                let pattern = paper.metadata();
                seen.metadata = true;
                let style = format!(r##"fill="{pattern}" stroke="#222""##);
                paper.rect(LEFT + from, y, to - from, height, style);
            }
        }
        for x in seams(placed) {
            let x = number(LEFT + x);
            let ends = [y + 4.0, y + height - 4.0, y + height].map(number);
            paper.line(
                format_args!("M{x} {}V{}M{x} {}V{}", number(y), ends[0], ends[1], ends[2]),
                r##"stroke="#222""##,
            );
        }
        let (from, to) = widest(placed);
        let name = fitted(&name, to - from - 6.0, 13.0);
        paper.text(
            LEFT + (from + to) / 2.0,
            y + 14.5,
            format_args!(
                r##"text-anchor="middle" fill="{colour}" stroke="#fff" stroke-width="3" paint-order="stroke""##
            ),
            &name,
        );
    }
    paper.down(height);
}

/// The widest part of a box without metadata in it.
fn widest(placed: &Placed) -> (f64, f64) {
    let mut from = placed.left;
    let mut parts = Vec::new();
    for gap in placed.section.gaps() {
        let (left, right) = placed.place(&gap);
        parts.push((from, left));
        from = right;
    }
    parts.push((from, placed.left + placed.width));
    let width = |it: &(f64, f64)| it.1 - it.0;
    let widest = parts
        .iter()
        .copied()
        .max_by(|a, b| width(a).total_cmp(&width(b)));
    widest.unwrap_or((placed.left, placed.left + placed.width))
}

/// Where one chunk ends and the next begins, if there is room to show it.
fn seams(placed: &Placed) -> Vec<f64> {
    let Kind::Dataset(_, chunks) = &placed.section.kind else {
        return Vec::new();
    };
    let ends = chunks.windows(2).map(|it| it[0].end..it[1].start);
    let mut seams: Vec<f64> = ends
        .flat_map(|it| <[f64; 2]>::from(placed.place(&it)))
        .collect();
    seams.dedup();
    let room = |it: &[f64]| it[1] - it[0] >= 3.0;
    match seams.len() < 200 && seams.windows(2).all(room) {
        true => seams,
        false => Vec::new(),
    }
}

/// Where datasets begin, and where the row ends.
fn offsets(paper: &mut Paper, row: &[Placed], end: u64) {
    paper.down(13.0);
    let y = paper.y;
    let small = r##"font-size="12" fill="#444""##;
    let right = format!(r#"text-anchor="end" {small}"#);
    let last = end.to_string();
    let limit = LEFT + ROOM - width_of(&last, 12.0) - 6.0;
    let mut free = LEFT;
    paper.text(LEFT - 6.0, y, &right, "byte");
    for (index, placed) in row.iter().enumerate() {
        if placed.section.kind == Kind::Metadata && index > 0 {
            continue;
        }
        let start = placed.section.bytes.start.to_string();
        let (x, width) = (LEFT + placed.left, width_of(&start, 12.0));
        if x >= free && x + width <= limit {
            paper.text(x, y, small, &start);
            free = x + width + 5.0;
        }
    }
    paper.text(LEFT + ROOM, y, &right, &last);
}

/// The ranks, one below the other, in two groups: who asked, and who moved.
struct Lanes<'a> {
    trace: &'a Trace,
    file: usize,
    ranks: Vec<usize>,
    height: f64,
}

impl<'a> Lanes<'a> {
    fn of(trace: &'a Trace, file: usize) -> Lanes<'a> {
        let touches = || {
            let all = trace.asked.iter().chain(&trace.moved);
            all.filter(move |it| it.file == file)
        };
        let beyond = touches().map(|it| it.rank + 1).max().unwrap_or(0);
        let count = trace.ranks.max(beyond);
        let height = match count {
            0..=4 => 16.0,
            5..=8 => 12.0,
            9..=32 => 8.0,
            _ => 4.0,
        };
        Lanes {
            trace,
            file,
            ranks: (0..count).collect(),
            height,
        }
    }

    fn draw(&self, paper: &mut Paper, row: &[Placed], seen: &mut Seen) {
        self.group(paper, row, "asked for", &self.trace.asked, seen);
        self.group(paper, row, "moved", &self.trace.moved, seen);
    }

    fn group(
        &self,
        paper: &mut Paper,
        row: &[Placed],
        what: &str,
        touches: &[Access],
        seen: &mut Seen,
    ) {
        let window = row.first().map_or(0, |it| it.section.bytes.start)
            ..row.last().map_or(0, |it| it.section.bytes.end);
        paper.down(19.0);
        let y = paper.y;
        let sections: Vec<&Section> = row.iter().map(|it| &it.section).collect();
        let words = prose::summary(touches, self.file, &sections, what == "asked for");
        paper.heading(y, what, &words);
        let is_metadata = |it: &Placed| it.section.kind == Kind::Metadata;
        if what == "asked for" && row.iter().all(is_metadata) {
            return;
        }
        paper.down(5.0);

        let (top, all) = (paper.y, self.height * self.ranks.len() as f64);
        for placed in row {
            let fill = match placed.section.kind {
                Kind::Metadata => "#ececec",
                _ => "#f6f6f6",
            };
            let fill = format!(r#"fill="{fill}""#);
            paper.rect(LEFT + placed.left, top, placed.width, all, fill);
            for x in seams(placed) {
                let path = format!("M{} {}v{}", number(LEFT + x), number(top), number(all));
                paper.line(path, r##"stroke="#d8d8d8""##);
            }
        }
        let written = by_rank(touches, self.file, true, &window, row);
        let read = by_rank(touches, self.file, false, &window, row);
        for rank in &self.ranks {
            let y = paper.y;
            self.label(paper, *rank, y);
            for (index, placed) in row.iter().enumerate() {
                let (written, read) =
                    (written.get(&(*rank, index)), read.get(&(*rank, index)));
                let halves = written.is_some() && read.is_some();
                let full = self.height - 2.0;
                for (share, write) in [(read, false), (written, true)] {
                    let Some(share) = share else { continue };
                    let (y, height) = match (halves, write) {
                        (false, _) => (y + 1.0, full),
                        (true, false) => (y + 1.0, full / 2.0 - 0.5),
                        (true, true) => (y + 1.5 + full / 2.0, full / 2.0 - 0.5),
                    };
                    let lane = Lane {
                        rank: *rank,
                        write,
                        y,
                        height,
                    };
                    lane.draw(paper, placed, share, seen);
                }
            }
            paper.down(self.height);
        }
        // Where one box ends and the next begins.
        let bottom = paper.y;
        for placed in row.iter().skip(1) {
            let x = number(LEFT + placed.left);
            paper.line(
                format_args!("M{x} {}V{}", number(top), number(bottom)),
                r##"stroke="#aaa""##,
            );
        }
    }

    /// The number of a rank; of many, of some.
    fn label(&self, paper: &mut Paper, rank: usize, y: f64) {
        let last = self.ranks.len() - 1;
        let step = (12.0 / self.height).ceil() as usize;
        if rank != last && (!rank.is_multiple_of(step) || last - rank < step) {
            return;
        }
        paper.text(
            LEFT - 6.0,
            y + self.height / 2.0 + 4.5,
            r#"text-anchor="end""#,
            &format!("rank {rank}"),
        );
    }
}

/// What each rank touched in each box of a row.
fn by_rank(
    touches: &[Access],
    file: usize,
    write: bool,
    window: &Range<u64>,
    row: &[Placed],
) -> BTreeMap<(usize, usize), Share> {
    let mut by_rank = BTreeMap::new();
    if touches.iter().any(|it| {
        it.file == file
            && it.write == write
            && it.start < window.end
            && it.end > window.start
    }) {
        for (index, placed) in row.iter().enumerate() {
            for (rank, share) in shares(touches, file, write, &placed.section.bytes) {
                by_rank.insert((rank, index), share);
            }
        }
    }
    by_rank
}

/// The lane of one rank, or a half of it.
struct Lane {
    rank: usize,
    write: bool,
    y: f64,
    height: f64,
}

impl Lane {
    fn draw(&self, paper: &mut Paper, placed: &Placed, share: &Share, seen: &mut Seen) {
        let colour = of_rank(self.rank);
        match self.write {
            true => seen.written = true,
            false => seen.read = true,
        }
        let bars = bars(&share.covered, placed, 1.2, 3.0);
        let seams = operation_seams(placed, share);
        for bar in &bars {
            let width = (bar.right - bar.left).max(1.2);
            let left = LEFT + bar.left.min(placed.left + placed.width - width);
            seen.scattered |= bar.scattered;
            let style = match (bar.scattered, self.write) {
                (true, _) => format!(r#"fill="{}""#, paper.scattered(self.rank)),
                (false, true) => format!(r#"fill="{}""#, colour.full),
                (false, false) => {
                    format!(
                        r#"fill="{}" stroke="{}" stroke-width="1.4""#,
                        colour.pale, colour.full
                    )
                }
            };
            let inset = if !bar.scattered && !self.write && width > 3.0 {
                0.7
            } else {
                0.0
            };
            paper.rect(
                left + inset,
                self.y + inset,
                width - 2.0 * inset,
                self.height - 2.0 * inset,
                style,
            );
            let number = self.rank.to_string();
            // In the middle of what is one operation, or of the first one.
            let seam = seams.iter().find(|it| **it > bar.left + 1.0);
            let whole = seam.map_or(bar.right, |it| it.min(bar.right)) - bar.left;
            let fits = whole > width_of(&number, 12.0) + 5.0;
            if !bar.scattered && self.height >= 12.0 && fits {
                let ink = if self.write { colour.ink } else { "#111" };
                paper.text(
                    left + whole / 2.0,
                    self.y + self.height / 2.0 + 4.3,
                    format_args!(r#"font-size="12" text-anchor="middle" fill="{ink}""#),
                    &number,
                );
            }
        }
        // White lines where one operation ends and the next begins.
        let (y, height) = (number(self.y), number(self.height));
        let path = seams
            .iter()
            .map(|x| format!("M{} {y}v{height}", number(LEFT + x)));
        let path: String = path.collect();
        if !path.is_empty() {
            paper.line(path, r##"stroke="#fff" stroke-width="1.4""##);
        }
    }
}

/// Where one operation ends and the next begins, if there is room to show it.
fn operation_seams(placed: &Placed, share: &Share) -> Vec<f64> {
    let mut seams = Vec::new();
    let mut before = f64::NEG_INFINITY;
    for pair in share.operations.windows(2) {
        if pair[1].start != pair[0].end {
            continue;
        }
        let (x, right) = placed.place(&pair[1]);
        if x - before >= 4.0 && right - x >= 4.0 {
            seams.push(x);
        }
        before = x;
    }
    seams
}

/// No more pieces are drawn under the magnifying glass, and no narrower ones.
const MOST_PIECES: usize = 20;

/// A few pieces of a section whose pieces are too small to be seen: as one strip, with the
/// numbers of the ranks in it.
fn magnified(
    paper: &mut Paper,
    trace: &Trace,
    file: usize,
    whole: &Placed,
    seen: &mut Seen,
) {
    let section = &whole.section;
    // Large pieces are seen as they are.
    let visible = 24.0 / whole.width;
    let Some(window) = zoom::window(trace, file, section, MOST_PIECES, visible) else {
        return;
    };
    let name = match &section.kind {
        Kind::Dataset(path, _) => path.as_str(),
        _ => "",
    };
    // From where it lies to where it is large.
    let (left, right) = whole.place(&window);
    let (top, bottom) = (number(paper.y + 1.0), number(paper.y + 25.0));
    let [left, right] = [LEFT + left, LEFT + right.max(left + 1.0)].map(number);
    paper.line(
        format_args!("M{left} {top}H{right}L{} {bottom}H{LEFT}Z", LEFT + ROOM),
        r##"fill="#e6e6e6""##,
    );
    paper.down(19.0);
    let y = paper.y;
    let what = format!("{} of ", prose::bytes(&window));
    let name = fitted(
        name,
        WIDTH - 2.0 * MARGIN - 90.0 - width_of(&what, 13.0),
        13.0,
    );
    paper.heading(y, "magnified", &format!("{what}{name}"));
    paper.down(6.0);
    let placed = Placed {
        section: Section {
            bytes: window.clone(),
            kind: section.kind.clone(),
        },
        left: 0.0,
        width: ROOM,
    };
    for (what, touches) in [("asked", &trace.asked), ("moved", &trace.moved)] {
        glass(paper, what, touches, file, &placed, seen);
    }
    let y = paper.y + 9.0;
    let small = r##"font-size="12" fill="#444""##;
    paper.text(LEFT, y, small, &window.start.to_string());
    paper.text(
        LEFT + ROOM,
        y,
        format_args!(r#"text-anchor="end" {small}"#),
        &window.end.to_string(),
    );
    paper.down(11.0);
}

/// One row under the magnifying glass; more than one where pieces overlap.
fn glass(
    paper: &mut Paper,
    what: &str,
    touches: &[Access],
    file: usize,
    placed: &Placed,
    seen: &mut Seen,
) {
    let window = &placed.section.bytes;
    let mut rows = zoom::rows(touches, file, window);
    let y = paper.y;
    paper.text(
        LEFT - 6.0,
        y + 13.0,
        r#"font-size="12" text-anchor="end""#,
        what,
    );
    if rows.is_empty() {
        rows.push(Vec::new());
    }
    let height = if rows.len() > 4 { 10.0 } else { 18.0 };
    for pieces in rows {
        let y = paper.y;
        paper.rect(LEFT, y, ROOM, height, r##"fill="#f6f6f6""##);
        for piece in pieces {
            let colour = of_rank(piece.rank);
            let (left, right) = placed.place(&(piece.start..piece.end));
            let (left, right) = (LEFT + left, LEFT + right);
            match piece.write {
                true => seen.written = true,
                false => seen.read = true,
            }
            let style = match piece.write {
                true => format!(r##"fill="{}" stroke="#fff""##, colour.full),
                false => format!(r#"fill="{}" stroke="{}""#, colour.pale, colour.full),
            };
            paper.rect(left + 0.5, y + 0.5, right - left - 1.0, height - 1.0, style);
            let ink = if piece.write { colour.ink } else { "#111" };
            let goes_on = piece.start < window.start || piece.end > window.end;
            let number = piece.rank.to_string();
            let long = format!(
                "{} by rank {number}: {}",
                if piece.write { "written" } else { "read" },
                prose::bytes(&(piece.start..piece.end))
            );
            let text = match () {
                _ if height < 12.0 => continue,
                _ if goes_on && width_of(&long, 12.0) < right - left - 6.0 => long,
                _ if width_of(&number, 12.0) <= right - left => number,
                _ => continue,
            };
            paper.text(
                (left + right) / 2.0,
                y + 13.2,
                format_args!(r#"font-size="12" text-anchor="middle" fill="{ink}""#),
                &text,
            );
        }
        paper.down(height);
    }
    paper.down(3.0);
}

/// What the patterns mean: only of those that were drawn.
fn legend(paper: &mut Paper, seen: &Seen) {
    let mut entries: Vec<(String, &str)> = Vec::new();
    if seen.written {
        entries.push((r##"fill="#666""##.to_owned(), "written"));
    }
    if seen.read {
        let style = r##"fill="#eee" stroke="#666" stroke-width="1.4""##;
        entries.push((style.to_owned(), "read"));
    }
    if seen.scattered {
        let pattern = paper.scattered(7);
        entries.push((format!(r#"fill="{pattern}""#), "many small pieces"));
    }
    if seen.metadata {
        let pattern = paper.metadata();
        let style = format!(r##"fill="{pattern}" stroke="#222""##);
        let words = match seen.data {
            true => "metadata, not to scale",
            false => "metadata",
        };
        entries.push((style, words));
    }
    if seen.scales {
        entries.push((
            r#"fill="none""#.to_owned(),
            "each box has a scale of its own",
        ));
    }
    paper.legend(&entries);
}
