//! A run as text, for a terminal: the files as strips of letters, and time against rank.

use crate::extents::{Kind, Section, Share, sections, shares};
use crate::model::{Access, Span, Trace};
use crate::prose;
use crate::time_axis::{TimeAxis, drawn, waiting};
use crate::track::{Placed, Widths, rows};
use crate::zoom;

/// Left of the strips: `rank 12 `.
const LABEL: usize = 8;
/// No strip is longer: letters far from their rank are hard to read.
const MOST: usize = 120;
/// No rows of boxes of one file but these.
const MOST_ROWS: usize = 12;
/// No calls of the program have a letter but these.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The whole run, in lines of at most `width` letters (and at least 30), each rank in a
/// colour of its own if `colour`.
///
/// Which rank touched what can be read without the colours.
pub fn draw(trace: &Trace, width: usize, colour: bool) -> String {
    let mut page = Page {
        width: width.clamp(30, LABEL + MOST),
        colour,
        text: String::new(),
    };
    page.wrapped(&trace.command);
    page.wrapped(&trace.libraries.join(", "));
    for file in 0..trace.files.len() {
        page.file(trace, file);
    }
    page.time(trace);
    for note in &trace.notes {
        page.wrapped(&format!("Note: {note}."));
    }
    page.text
}

struct Page {
    width: usize,
    colour: bool,
    text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text += line.trim_end();
        self.text.push('\n');
    }

    /// Text in as many lines as it needs. Control characters are left out.
    fn wrapped(&mut self, text: &str) {
        let text = plain(text);
        let mut line = String::new();
        for word in text.split_whitespace() {
            let mut word = word;
            if !line.is_empty() && length(&line) + 1 + length(word) > self.width {
                self.line(&line.clone());
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            while length(word) > self.width {
                let split = word
                    .char_indices()
                    .nth(self.width)
                    .map_or(word.len(), |it| it.0);
                self.line(&word[..split]);
                word = &word[split..];
            }
            line += word;
        }
        if !line.is_empty() {
            self.line(&line);
        }
    }

    /// A line of a rank's strip.
    fn strip(&mut self, label: &str, rank: Option<usize>, strip: &str) {
        let (on, off) = match rank {
            Some(rank) if self.colour => (ansi(rank), "\x1b[0m"),
            _ => ("", ""),
        };
        let strip = strip.trim_end();
        self.line(&format!("{label:<LABEL$}{on}{strip}{off}"));
    }

    fn room(&self) -> usize {
        self.width - LABEL
    }

    // --- Files -------------------------------------------------------------------------

    fn file(&mut self, trace: &Trace, file: usize) {
        let of = &trace.files[file];
        self.line("");
        let size = prose::amount(of.size as usize, "byte");
        self.wrapped(&format!("{}, {size}", of.name));
        // A line between two boxes belongs to the one that begins there.
        let widths = Widths {
            row: self.room() as f64 - 1.0,
            metadata: 3.0,
            least: 11.0,
        };
        let mut rows = rows(sections(trace, file), widths);
        let more: usize = rows.iter().skip(MOST_ROWS).map(Vec::len).sum();
        rows.truncate(MOST_ROWS);
        let mut seen = String::new();
        for row in &mut rows {
            on_columns(row);
            self.boxes(row);
            for (what, touches) in [("asked for", &trace.asked), ("moved", &trace.moved)] {
                self.group(trace, file, row, what, touches, &mut seen);
            }
            for placed in row {
                self.magnified(trace, file, placed);
            }
        }
        if more > 0 {
            self.line(&format!("and {more} more parts, which are not drawn"));
        }
        self.legend(&seen);
    }

    /// The names of the boxes, and where they begin.
    fn boxes(&mut self, row: &[Placed]) {
        let (mut names, mut starts) = (String::new(), String::new());
        for placed in row {
            let width = placed.width as usize;
            let name = match &placed.section.kind {
                Kind::Metadata => "::".to_owned(),
                Kind::Dataset(path, _) => plain(path),
                Kind::Untouched(_) => "untouched".to_owned(),
                Kind::Beyond => "behind the end".to_owned(),
                Kind::Unknown => String::new(),
            };
            let name = end_of(&name, width - 1);
            let mut name: Vec<char> = format!("{name:^0$}", width - 1).chars().collect();
            for gap in placed.section.gaps() {
                let (from, to) = placed.place(&gap);
                let [from, to] = [from, to].map(|it| (it - placed.left) as usize);
                let cells = name.iter_mut().take(to).skip(from);
                cells.filter(|it| **it == ' ').for_each(|it| *it = ':');
            }
            names.push('|');
            names.extend(name);
            let start = placed.section.bytes.start.to_string();
            let is_free = starts.is_empty() || !starts.ends_with(|it: char| it != ' ');
            let here = placed.left as usize;
            if length(&starts) <= here && is_free && start.len() < width.max(3) {
                starts = format!("{starts:<here$}{start} ");
            }
        }
        let end = row.last().map_or(0, |it| it.section.bytes.end).to_string();
        let at = self.room().saturating_sub(end.len());
        if length(&starts) <= at {
            starts = format!("{starts:<at$}{end}");
        }
        self.strip("", None, &(names + "|"));
        self.strip("byte", None, &starts);
    }

    /// All ranks, one below the other.
    fn group(
        &mut self,
        trace: &Trace,
        file: usize,
        row: &[Placed],
        what: &str,
        touches: &[Access],
        seen: &mut String,
    ) {
        let inside = |it: &&Access| {
            it.file == file
                && row.iter().any(|placed| {
                    it.start < placed.section.bytes.end
                        && it.end > placed.section.bytes.start
                })
        };
        let sections: Vec<&Section> = row.iter().map(|it| &it.section).collect();
        let summary = prose::summary(touches, file, &sections, what == "asked for");
        self.wrapped(&format!("{what}: {summary}"));
        let ranks = touches.iter().filter(inside).map(|it| it.rank + 1).max();
        let of_all: Vec<_> = row
            .iter()
            .map(|it| {
                [true, false].map(|write| shares(touches, file, write, &it.section.bytes))
            })
            .map(|[written, read]| (written, read))
            .collect();
        for rank in 0..trace.ranks.max(ranks.unwrap_or(0)) {
            let mut strip = String::new();
            for (placed, (written, read)) in row.iter().zip(&of_all) {
                strip.push('|');
                let mut letters = letters(placed, written.get(&rank), read.get(&rank));
                if placed.section.kind == Kind::Metadata {
                    // Not to scale, so that gaps are nothing to speak of.
                    letters.make_ascii_uppercase();
                }
                *seen += &letters;
                strip += &letters;
            }
            strip.push('|');
            self.strip(&format!("rank {rank}"), Some(rank), &strip);
        }
    }

    fn magnified(&mut self, trace: &Trace, file: usize, placed: &Placed) {
        let room = self.room();
        let visible = 4.0 / placed.width;
        let section = &placed.section;
        let Some(window) = zoom::window(trace, file, section, room / 2, visible) else {
            return;
        };
        self.wrapped(&format!(
            "magnified: {}; a digit or letter for each rank",
            prose::bytes(&window)
        ));
        let length = (window.end - window.start) as usize;
        let times = (room / length.max(1)).clamp(1, 8);
        let columns = (length * times).min(room);
        for (what, touches) in [("asked", &trace.asked), ("moved", &trace.moved)] {
            for pieces in zoom::rows(touches, file, &window) {
                let mut strip = vec![' '; columns];
                for piece in pieces {
                    let column = |byte: u64| {
                        let into = byte.clamp(window.start, window.end) - window.start;
                        into as usize * columns / length
                    };
                    let digit = char::from_digit(piece.rank as u32, 36).unwrap_or('+');
                    strip[column(piece.start)..column(piece.end)].fill(digit);
                }
                self.strip(what, None, &strip.iter().collect::<String>());
            }
        }
    }

    fn legend(&mut self, seen: &str) {
        let entries: Vec<&str> = [
            ('W', "W written"),
            ('w', "w written in small pieces"),
            ('R', "R read"),
            ('r', "r read in small pieces"),
            ('B', "B both"),
            ('b', "b both in small pieces"),
        ]
        .iter()
        .filter(|it| seen.contains(it.0))
        .map(|it| it.1)
        .chain(["::  metadata, not to scale"])
        .collect();
        self.wrapped(&format!("({})", entries.join(", ").replace("::  ", ":: ")));
    }

    // --- Time --------------------------------------------------------------------------

    fn time(&mut self, trace: &Trace) {
        let spans = drawn(&trace.spans);
        if spans.is_empty() {
            return;
        }
        self.line("");
        self.wrapped("time, short times stretched");
        let room = self.room() - 1;
        let scale = TimeAxis::new(spans.iter().copied(), room as f64);
        let mut ticks = String::new();
        for (place, name) in scale.ticks(9.0) {
            let place = place as usize;
            if length(&ticks) <= place && place + length(&name) <= room {
                ticks = format!("{ticks:<place$}{name} ");
            }
        }
        self.strip("", None, &ticks);
        let mut calls: Vec<(String, Option<u32>)> = Vec::new();
        let mut sorted = spans.clone();
        sorted.sort_by_key(|it| it.start);
        for span in sorted {
            let call = (span.call.clone(), span.line);
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        let letter = |span: &Span| {
            let call = calls
                .iter()
                .position(|it| it.0 == span.call && it.1 == span.line);
            call.and_then(|it| LETTERS.chars().nth(it)).unwrap_or('?')
        };
        let mut waits = false;
        let mut hangs = Vec::new();
        for rank in 0..trace.ranks {
            let mut strip = vec![' '; room + 1];
            for span in spans.iter().filter(|it| it.rank == rank) {
                let column = |time: u64| (scale.place(time) as usize).min(room - 1);
                let start = column(span.start);
                let end = span.end.map_or(room, column).max(start + 1);
                if let Some(waiting) = waiting(span) {
                    strip[start..column(waiting.end).clamp(start, end)].fill('~');
                    waits |= column(waiting.end) > start;
                }
                let calls =
                    waiting(span).map_or(start, |it| column(it.end).clamp(start, end - 1));
                strip[calls..end].fill(letter(span));
                // What waits all the time has its letter once.
                strip[start] = letter(span);
                if span.end.is_none() {
                    strip[start + 1..room].fill('~');
                    strip[room] = '!';
                    waits = true;
                    hangs.push(span);
                }
            }
            let strip: String = strip.into_iter().collect();
            self.strip(&format!("rank {rank}"), Some(rank), &strip);
        }
        let key: Vec<String> = calls
            .iter()
            .zip(LETTERS.chars())
            .map(|((call, line), letter)| match line {
                Some(line) => format!("{letter} {call}\u{a0}(line\u{a0}{line})"),
                None => format!("{letter} {call}"),
            })
            .chain(waits.then(|| "~ waits for others".to_owned()))
            .chain((!hangs.is_empty()).then(|| "! never returned".to_owned()))
            .collect();
        self.wrapped(&format!("({})", key.join(", ")).replace('\u{a0}', " "));
        for span in hangs {
            let line = span
                .line
                .map_or_else(String::new, |it| format!(" (line {it})"));
            self.wrapped(&format!(
                "rank {} never returned from {}{line}: {}",
                span.rank, span.call, span.words
            ));
        }
    }
}

/// Moves boxes to whole columns.
fn on_columns(row: &mut [Placed]) {
    for placed in row {
        let right = (placed.left + placed.width).round();
        placed.left = placed.left.round();
        placed.width = right - placed.left;
    }
}

/// What a rank did in a box, as letters: `W` where it wrote, `w` where it wrote pieces with
/// gaps between them.
fn letters(placed: &Placed, written: Option<&Share>, read: Option<&Share>) -> String {
    let columns = placed.width as usize - 1;
    let cells = |share: Option<&Share>| {
        // How much of each cell is covered, and by how many pieces.
        let mut cells = vec![(0.0, 0); columns];
        let bytes = &placed.section.bytes;
        let scale = columns as f64 / (bytes.end - bytes.start) as f64;
        for range in share.map_or(&[][..], |it| &it.covered) {
            let [from, to] =
                [range.start, range.end].map(|it| (it - bytes.start) as f64 * scale);
            let last = (to.ceil() as usize).min(columns);
            for (cell, state) in cells.iter_mut().enumerate().take(last).skip(from as usize)
            {
                let part = to.min(cell as f64 + 1.0) - from.max(cell as f64);
                // What is smaller than a cell is seen all the same.
                let is_small = to - from < 1.0;
                state.0 += part;
                if part > 0.5 || is_small {
                    state.1 += 1;
                }
            }
        }
        cells
    };
    let (written, read) = (cells(written), cells(read));
    let letter = |(written, read): (&(f64, usize), &(f64, usize))| {
        let letter = match (written.1 > 0, read.1 > 0) {
            (true, true) => 'B',
            (true, false) => 'W',
            (false, true) => 'R',
            (false, false) => return ' ',
        };
        let scattered = |it: &(f64, usize)| it.1 > 1 && it.0 < 0.99;
        match scattered(written) || scattered(read) {
            true => letter.to_ascii_lowercase(),
            false => letter,
        }
    };
    written.iter().zip(&read).map(letter).collect()
}

/// The escape code of a rank's colour.
fn ansi(rank: usize) -> &'static str {
    const CODES: [&str; 6] = [
        "\x1b[34m", "\x1b[33m", "\x1b[32m", "\x1b[35m", "\x1b[36m", "\x1b[31m",
    ];
    CODES[rank % CODES.len()]
}

/// Text without what would move a terminal's cursor.
fn plain(text: &str) -> String {
    text.chars().filter(|it| !it.is_control()).collect()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The text, or its end behind `…`.
fn end_of(text: &str, width: usize) -> String {
    let count = length(text);
    match count <= width {
        true => text.to_owned(),
        false => std::iter::once('…')
            .chain(text.chars().skip(count + 1 - width))
            .take(width)
            .collect(),
    }
}
