//! Cuts what is too long for one slide into parts that fit.
//!
//! A slide is 1280 by 720 units; the numbers here go with the sizes in `deck.css`. A test
//! looks in a real browser whether they do.

use super::html;

/// How much a slide has room for below its heading, in lines of a listing.
pub(super) const ROOM: f64 = 23.5;
/// How many characters a line of a listing has.
const WIDTH: usize = 102;
/// What is around a listing, and what says that it is a part of a longer one.
const FRAME: f64 = 1.4;
const PART: f64 = 0.9;

/// How high a paragraph of text is: `characters` of it.
pub(super) fn text_height(characters: usize) -> f64 {
    match characters {
        0 => 0.0,
        _ => characters.div_ceil(88) as f64 * 1.36 + 0.55,
    }
}

/// By how much smaller letters are that are chosen so that a listing fits in one piece.
pub(super) const DENSE: f64 = 0.86;

/// How large the letters of a listing may be, where 1 is the usual size: a table that a program
/// has printed is not to be broken.
pub(crate) fn scale(text: &str) -> f64 {
    let table = text.lines().filter(|it| it.starts_with('|'));
    let longest = table.map(|it| it.chars().count()).max().unwrap_or(0);
    (WIDTH as f64 / longest.max(1) as f64).clamp(0.66, 1.0)
}

/// How high a listing is that is not cut.
pub(super) fn listing_height(text: &str, scale: f64) -> f64 {
    FRAME + text.lines().map(|it| rows(it, scale)).sum::<usize>() as f64 * scale
}

fn rows(line: &str, scale: f64) -> usize {
    let width = (WIDTH as f64 / scale) as usize;
    line.chars().count().div_ceil(width).max(1)
}

/// Cuts a listing of which the first part stands below something `above` high. It is cut
/// before an empty line if there is one in the lower half, else before the line that is
/// indented least.
pub(super) fn listing(text: &str, above: f64, scale: f64) -> Vec<String> {
    let lines: Vec<&str> = text.trim_end_matches('\n').lines().collect();
    let whole = listing_height(text, scale) + above <= ROOM;
    let room = |above: f64| {
        let part = if whole { 0.0 } else { PART };
        ((ROOM - above - FRAME - part) / scale).max(3.0) as usize
    };
    let mut parts = Vec::new();
    let mut rest = lines.as_slice();
    let mut room_here = room(above);
    while !rest.is_empty() {
        let mut fit = 0;
        let mut used = 0;
        while fit < rest.len() && used + rows(rest[fit], scale) <= room_here {
            used += rows(rest[fit], scale);
            fit += 1;
        }
        // The last part is to be more than a few brackets.
        let most = match rest.len() - fit {
            1..=3 => rest.len().saturating_sub(4),
            _ => fit,
        };
        let fit = fit.min(most).max(1);
        let cut = match fit < rest.len() {
            false => rest.len(),
            true => {
                let half = (fit / 2).max(1);
                let empty = (half..=fit).rev().find(|it| rest[*it].trim().is_empty());
                let indent = |it: &usize| rest[*it].len() - rest[*it].trim_start().len();
                // What closes something belongs to what is closed.
                let begins =
                    |it: &usize| !rest[*it].trim_start().starts_with([')', '}', ']', '.']);
                let least = (half..=fit).rev().filter(begins).min_by_key(indent);
                empty.or(least).unwrap_or(fit)
            }
        };
        let (part, more) = rest.split_at(cut);
        parts.push(part.join("\n"));
        rest = more;
        while rest.first().is_some_and(|it| it.trim().is_empty()) {
            rest = &rest[1..];
        }
        room_here = room(0.0);
    }
    if parts.is_empty() {
        parts.push(String::new());
    }
    parts
}

/// How high the rows of a table are, each for itself.
pub(super) fn row_heights(rows: &[&str]) -> Vec<f64> {
    let cells = |row: &str| -> Vec<usize> {
        let cells: Vec<usize> =
            row.split('|').map(|it| it.trim().chars().count()).collect();
        cells
            .get(1..cells.len().max(2) - 1)
            .unwrap_or_default()
            .to_vec()
    };
    let all: Vec<Vec<usize>> = rows.iter().map(|it| cells(it)).collect();
    let columns = all.iter().map(Vec::len).max().unwrap_or(1).max(1);
    // A browser gives each column room by its longest cell, but not less than some.
    let longest: Vec<usize> = (0..columns)
        .map(|column| {
            let lengths = all.iter().filter_map(|it| it.get(column));
            lengths.copied().max().unwrap_or(0).max(6)
        })
        .collect();
    let total: usize = longest.iter().sum();
    let line = 108.0 - 2.0 * columns as f64;
    let height = |row: &Vec<usize>| {
        let lines = row.iter().zip(&longest).map(|(length, longest)| {
            let width = (*longest as f64).min(line * *longest as f64 / total as f64);
            (*length as f64 / width.max(6.0)).ceil()
        });
        lines.fold(1.0, f64::max) * 1.13 + 0.35
    };
    all.iter().map(height).collect()
}

/// Cuts the rows of a table that stands below something `above` high. `heights` are those of
/// its head and of its rows.
pub(super) fn table<'a>(
    rows: &[&'a str],
    heights: &[f64],
    above: f64,
) -> Vec<Vec<(&'a str, f64)>> {
    let rows = rows.iter().copied().zip(heights[1..].iter().copied());
    let room = ROOM - heights[0] - 0.9 - PART;
    pieces(rows, room - above, room, |(_, height)| *height)
}

/// One thing that a slide with text says.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) html: String,
    /// It is an item of a list.
    pub(super) is_item: bool,
    /// The whole text.
    pub(super) notes: String,
}

impl Point {
    /// How high it is.
    pub(super) fn height(&self) -> f64 {
        text_height(html::text_length(&self.html))
    }
}

/// Cuts a list of points.
pub(super) fn points(points: Vec<Point>) -> Vec<Vec<Point>> {
    pieces(points, ROOM - PART, ROOM - PART, Point::height)
}

fn pieces<T>(
    all: impl IntoIterator<Item = T>,
    first: f64,
    others: f64,
    height: impl Fn(&T) -> f64,
) -> Vec<Vec<T>> {
    let all: Vec<T> = all.into_iter().collect();
    // The last one is not to be left with a crumb.
    let whole: f64 = all.iter().map(&height).sum();
    let number = ((whole - first) / others).ceil().max(0.0) + 1.0;
    let even = whole / number;
    let mut pieces: Vec<Vec<T>> = vec![Vec::new()];
    let (mut room, mut used) = (first, 0.0);
    for it in all {
        let needed = height(&it);
        let full = used + needed > room || used >= even && number > 1.0;
        if full && !pieces.last().is_some_and(Vec::is_empty) {
            pieces.push(Vec::new());
            (room, used) = (others, 0.0);
        }
        used += needed;
        pieces.last_mut().expect("one at least").push(it);
    }
    pieces
}

/// Points as HTML: items in a list, the others in paragraphs.
pub(super) fn to_html(points: &[Point]) -> String {
    let mut html = String::new();
    let mut open = false;
    for point in points {
        if point.is_item != open {
            html += if open { "</ul>" } else { "<ul>" };
            open = point.is_item;
        }
        let numbered = point.html.strip_prefix("<strong>");
        html += match (
            open,
            numbered.is_some_and(|it| it.starts_with(char::is_numeric)),
        ) {
            (true, true) => "<li class=\"numbered\">",
            (true, false) => "<li>",
            (false, _) => "<p>",
        };
        html += &point.html;
        html += if open { "</li>" } else { "</p>" };
    }
    if open {
        html += "</ul>";
    }
    html
}
