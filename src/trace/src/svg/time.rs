//! Time against rank: the calls as bars, with what part of them was waiting for others.

use super::paper::{
    LEFT, MARGIN, Paper, ROOM, WIDTH, cut, fitted, number, of_rank, width_of,
};
use crate::model::{Span, Trace};
use crate::time_axis::{TimeAxis, drawn, waiting};

/// How a call is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Write,
    Read,
    Other,
}

fn kind(call: &str) -> Kind {
    let starts = |starts: &[&str]| starts.iter().any(|it| call.starts_with(it));
    if starts(&["H5Dwrite", "MPI_File_write", "MPI_File_iwrite"]) {
        Kind::Write
    } else if starts(&["H5Dread", "MPI_File_read", "MPI_File_iread"]) {
        Kind::Read
    } else {
        Kind::Other
    }
}

/// The room for the words of a call that never returned.
const TAIL: f64 = 122.0;
/// The colour of what went wrong.
const WRONG: &str = "#b00020";

pub(super) fn draw(paper: &mut Paper, trace: &Trace) {
    let spans = drawn(&trace.spans);
    paper.down(28.0);
    let y = paper.y;
    paper.text(
        MARGIN,
        y,
        r#"font-size="15" font-weight="bold""#,
        "time, rank by rank",
    );
    if spans.is_empty() {
        paper.down(20.0);
        let y = paper.y;
        paper.text(MARGIN, y, "", "No call was recorded.");
        return;
    }
    paper.down(6.0);
    let hangs = spans.iter().any(|it| it.end.is_none());
    // So that the last call is seen to go on.
    let length = if hangs { ROOM - TAIL - 30.0 } else { ROOM };
    let scale = TimeAxis::new(spans.iter().copied(), length);
    ticks(paper, &scale, trace.ranks);
    let key = Key::of(&spans);
    let height = lane_height(trace.ranks);
    for rank in 0..trace.ranks {
        let y = paper.y;
        let step = (12.0 / height).ceil() as usize;
        let last = trace.ranks - 1;
        if rank == last || rank.is_multiple_of(step) && last - rank >= step {
            paper.text(
                LEFT - 6.0,
                y + height / 2.0 + 4.5,
                r#"text-anchor="end""#,
                &format!("rank {rank}"),
            );
        }
        paper.rect(LEFT, y + 1.0, ROOM, height - 2.0, r##"fill="#f6f6f6""##);
        let mut free = f64::NEG_INFINITY;
        for span in spans.iter().filter(|it| it.rank == rank) {
            let bar = Bar {
                left: scale.place(span.start),
                right: span.end.map(|it| scale.place(it)),
                waits_until: waiting(span).map(|it| scale.place(it.end)),
                y: y + 1.0,
                height: height - 2.0,
            };
            // Of calls that lie on top of each other, the first is enough.
            let right = bar.right.unwrap_or(f64::INFINITY);
            if right < free + 0.8 {
                continue;
            }
            free = right;
            bar.draw(paper, span, &key);
        }
        paper.down(height);
    }
    key.draw(paper, &spans);
}

fn lane_height(ranks: usize) -> f64 {
    match ranks {
        0..=4 => 24.0,
        5..=8 => 18.0,
        9..=32 => 10.0,
        _ => 4.0,
    }
}

fn ticks(paper: &mut Paper, scale: &TimeAxis, ranks: usize) {
    paper.down(13.0);
    let y = paper.y;
    let bottom = y + 4.0 + lane_height(ranks) * ranks as f64;
    for (place, name) in scale.ticks(56.0) {
        let x = LEFT + place;
        let anchor = if place == 0.0 { "start" } else { "middle" };
        let style = format!(r##"font-size="12" fill="#444" text-anchor="{anchor}""##);
        paper.text(x, y, style, &name);
        let path = format!("M{} {}V{}", number(x), number(y + 3.0), number(bottom));
        paper.line(path, r##"stroke="#bbb""##);
    }
    paper.down(4.0);
}

struct Bar {
    left: f64,
    right: Option<f64>,
    waits_until: Option<f64>,
    y: f64,
    height: f64,
}

impl Bar {
    fn draw(&self, paper: &mut Paper, span: &Span, key: &Key) {
        let colour = of_rank(span.rank);
        let x = LEFT + self.left;
        let end = self.right.map_or(LEFT + ROOM - TAIL, |it| LEFT + it);
        let width = (end - x).max(1.2);
        let (fill, stroke) = match kind(&span.call) {
            Kind::Write => (colour.full, colour.full),
            Kind::Read => (colour.pale, colour.full),
            Kind::Other => ("#d4d4d4", "#777"),
        };
        let stroke = match span.ok {
            Some(false) | None => WRONG,
            _ => stroke,
        };
        let style = format!(r#"fill="{fill}" stroke="{stroke}" stroke-width="0.8""#);
        paper.rect(x, self.y, width, self.height, style);
        let waits = match self.waits_until {
            _ if span.end.is_none() => width,
            Some(until) => (LEFT + until - x).min(width),
            None => 0.0,
        };
        if waits > 1.0 {
            let pattern = paper.waiting();
            let style = format!(r#"fill="{pattern}" stroke="{stroke}" stroke-width="0.8""#);
            paper.rect(x, self.y, waits, self.height, style);
        }
        if self.height >= 14.0 {
            self.name(paper, span, key, x, width, waits);
        }
        if self.right.is_none() {
            self.tail(paper, span, x, width);
        }
    }

    /// The name, if it fits, or the number that stands for it in the key.
    fn name(
        &self,
        paper: &mut Paper,
        span: &Span,
        key: &Key,
        x: f64,
        width: f64,
        waits: f64,
    ) {
        let number = key
            .number(span)
            .map(|it| it.to_string())
            .unwrap_or_default();
        let name = format!("{number} {}", short(&span.call));
        // Beside the waiting part if it fits there, else in the middle of the bar.
        let rest = (x + waits, width - waits);
        let fits = |text: &str, room: f64| width_of(text, 12.0) + 3.0 <= room;
        let ((x, width), text) = match () {
            _ if fits(&name, rest.1) => (rest, name),
            _ if fits(&name, width) => ((x, width), name),
            _ if fits(&number, rest.1) => (rest, number),
            _ if fits(&number, width + 2.0) => ((x, width), number),
            _ => return,
        };
        let on_colour = kind(&span.call) == Kind::Write && x == rest.0;
        let ink = match on_colour {
            true => format!(r#"fill="{}""#, of_rank(span.rank).ink),
            // Legible on the slanting lines.
            false => r##"fill="#111" stroke="#fff" stroke-width="3" paint-order="stroke""##
                .to_owned(),
        };
        paper.text(
            x + width / 2.0,
            self.y + self.height / 2.0 + 4.3,
            format_args!(r#"font-size="12" text-anchor="middle" {ink}"#),
            &text,
        );
    }

    /// An end that is none.
    fn tail(&self, paper: &mut Paper, span: &Span, x: f64, width: f64) {
        let right = x + width;
        let (top, middle) = (self.y, self.y + self.height / 2.0);
        let bottom = self.y + self.height;
        let [right_, top_, tip, middle_, bottom_] =
            [right, top, right + 8.0, middle, bottom].map(number);
        paper.line(
            format_args!("M{right_} {top_}L{tip} {middle_}L{right_} {bottom_}Z"),
            format_args!(r#"fill="{WRONG}""#),
        );
        if self.height < 14.0 {
            return;
        }
        let words = match span.line {
            Some(line) => format!("hangs, line {line}"),
            None => "hangs".to_owned(),
        };
        let words = fitted(&words, WIDTH - MARGIN - right - 10.0, 12.0);
        paper.text(
            right + 12.0,
            middle + 4.3,
            format_args!(r#"font-size="12" font-weight="bold" fill="{WRONG}""#),
            &words,
        );
    }
}

/// `H5Dwrite` and `MPI_Barrier` without what all of their kind begin with.
fn short(call: &str) -> &str {
    call.strip_prefix("MPI_").unwrap_or(call)
}

/// Numbers for the calls of the program, in the order in which they first began.
struct Key {
    entries: Vec<(String, Option<u32>)>,
}

impl Key {
    fn of(spans: &[&Span]) -> Key {
        let mut sorted = spans.to_vec();
        sorted.sort_by_key(|it| it.start);
        let mut entries = Vec::new();
        for span in sorted {
            let entry = (span.call.clone(), span.line);
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        Key { entries }
    }

    fn number(&self, span: &Span) -> Option<usize> {
        let same = |it: &(String, Option<u32>)| it.0 == span.call && it.1 == span.line;
        self.entries.iter().position(same).map(|it| it + 1)
    }

    fn draw(&self, paper: &mut Paper, spans: &[&Span]) {
        paper.down(20.0);
        let entries: Vec<String> = self
            .entries
            .iter()
            .enumerate()
            .map(|(index, (call, line))| {
                let line = line.map_or_else(String::new, |it| format!("line {it}: "));
                format!("{} {line}{call}", index + 1)
            })
            .take(24)
            .collect();
        // Two columns, read downwards, if there is room for both.
        let room = WIDTH - 2.0 * MARGIN;
        let widest = |entries: &[String]| {
            entries
                .iter()
                .map(|it| width_of(it, 12.0))
                .fold(0.0, f64::max)
        };
        let (first, second) = entries.split_at(entries.len().div_ceil(2));
        let column = (widest(first) + 12.0).max(room / 2.0);
        let fits = column + widest(second) <= room;
        let rows = if fits { first.len() } else { entries.len() }.max(1);
        let top = paper.y;
        for (index, entry) in entries.iter().enumerate() {
            let x = MARGIN + (index / rows) as f64 * column;
            let y = top + (index % rows) as f64 * 16.0;
            paper.text(x, y, r#"font-size="12""#, &cut(entry, room, 12.0));
        }
        paper.down(rows as f64 * 16.0);
        let has = |wanted: Kind| spans.iter().any(|it| kind(&it.call) == wanted);
        let mut legend = Vec::new();
        if has(Kind::Write) {
            legend.push((r##"fill="#666" stroke="#666""##.to_owned(), "writes"));
        }
        if has(Kind::Read) {
            legend.push((
                r##"fill="#eee" stroke="#666" stroke-width="1.4""##.to_owned(),
                "reads",
            ));
        }
        if spans.iter().any(|it| it.waited > 0 || it.end.is_none()) {
            let pattern = paper.waiting();
            legend.push((
                format!(r##"fill="{pattern}" stroke="#777""##),
                "waits for others",
            ));
        }
        legend.push((String::new(), "short times are stretched"));
        paper.down(-14.0);
        paper.legend(&legend);
    }
}
