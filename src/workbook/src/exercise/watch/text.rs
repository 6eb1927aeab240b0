//! Text with colours, cut into the rows of a terminal.

use std::rc::Rc;

use console::AnsiCodeIterator;
use unicode_width::UnicodeWidthChar as _;

/// Cuts `text` into rows of at most `width` columns, between words where that is possible.
/// What goes on in another row is indented as its line.
///
/// Each row stands for itself: it begins with the colour that goes on, and ends without.
/// Escape sequences other than colours, and control characters, are taken out: a program
/// that prints them must not draw on the learner's screen.
pub fn rows(text: &str, width: usize, colours: bool) -> Vec<String> {
    let mut style: Rc<str> = "".into();
    let mut rows = Vec::new();
    for line in text.lines() {
        let cells = cells(line, &mut style);
        let blanks = cells.iter().take_while(|it| it.letter == ' ').count();
        let indent = blanks.min(width / 2);
        for (index, row) in wrap(&cells, width, indent).into_iter().enumerate() {
            let indent = if index == 0 { 0 } else { indent };
            rows.push(" ".repeat(indent) + &drawn(row, colours));
        }
    }
    rows
}

/// One character, and the escape sequences that colour it.
struct Cell {
    style: Rc<str>,
    letter: char,
}

fn cells(line: &str, style: &mut Rc<str>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (piece, is_escape) in AnsiCodeIterator::new(line) {
        if !is_escape {
            let piece = piece.replace('\t', "    ");
            let letters = piece.chars().filter(|it| !it.is_control());
            cells.extend(letters.map(|letter| Cell {
                style: Rc::clone(style),
                letter,
            }));
        } else if let "\x1b[0m" | "\x1b[m" = piece {
            *style = "".into();
        } else if piece.starts_with("\x1b[") && piece.ends_with('m') {
            *style = format!("{style}{piece}").into();
        }
    }
    cells
}

fn wrap(cells: &[Cell], width: usize, indent: usize) -> Vec<&[Cell]> {
    let mut rows = Vec::new();
    let mut rest = cells;
    let mut room = width;
    loop {
        let mut used = 0;
        let fits = rest.iter().take_while(|it| {
            used += it.letter.width().unwrap_or(0);
            used <= room
        });
        let fits = fits.count();
        if fits == rest.len() {
            rows.push(rest);
            return rows;
        }
        // At the last blank, unless that leaves half of the row empty; one cell at least.
        let blank = rest[..=fits].iter().rposition(|it| it.letter == ' ');
        let (end, next) = match blank {
            Some(blank) if blank > fits / 2 => (blank, blank + 1),
            _ => (fits.max(1), fits.max(1)),
        };
        rows.push(&rest[..end]);
        rest = &rest[next..];
        room = width - indent;
    }
}

fn drawn(cells: &[Cell], colours: bool) -> String {
    const RESET: &str = "\x1b[0m";
    let mut row = String::new();
    let mut style: &str = "";
    for cell in cells {
        if colours && *cell.style != *style {
            if !style.is_empty() {
                row.push_str(RESET);
            }
            style = &cell.style;
            row.push_str(style);
        }
        row.push(cell.letter);
    }
    if !style.is_empty() {
        row.push_str(RESET);
    }
    row
}

/// How far `rows` can be scrolled down if there is room for `room` of them.
pub fn furthest(rows: usize, room: usize) -> usize {
    match rows <= room {
        true => 0,
        // One line says what is above.
        false => rows + 1 - room.max(1),
    }
}

/// What is seen of `rows` from `offset` on if there is room for `room` of them. `marks` makes
/// the line that says how many more there are above (`true`) or below.
pub fn window(
    mut rows: Vec<String>,
    room: usize,
    offset: usize,
    marks: impl Fn(bool, usize) -> String,
) -> Vec<String> {
    let all = rows.len();
    let offset = offset.min(furthest(all, room));
    let above = usize::from(offset > 0);
    let below = usize::from(offset + room - above < all);
    if room <= above + below {
        rows.drain(..offset);
        rows.truncate(room);
        return rows;
    }
    let shown = (room - above - below).min(all - offset);
    let mut seen = Vec::new();
    if above > 0 {
        seen.push(marks(true, offset));
    }
    seen.extend(rows.drain(offset..offset + shown));
    if below > 0 {
        seen.push(marks(false, all - offset - shown));
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_and_rows_are_indented_as_their_line() {
        let all = rows("  one two three four\nfive", 12, true);
        assert_eq!(all, ["  one two", "  three four", "five"]);
        assert_eq!(rows("0123456789", 4, true), ["0123", "4567", "89"]);
        assert_eq!(rows("a\n\nb", 4, true), ["a", "", "b"]);
    }

    #[test]
    fn a_wide_letter_takes_two_columns_and_no_width_is_too_small() {
        assert_eq!(rows("水水水", 4, true), ["水水", "水"]);
        assert_eq!(rows("水a", 1, true), ["水", "a"]);
        assert_eq!(rows("    a", 1, true).last().unwrap(), "a");
    }

    #[test]
    fn a_colour_goes_on_in_the_next_row() {
        let red = "\x1b[31mone two\x1b[0m.";
        let all = rows(red, 4, true);
        assert_eq!(all, ["\x1b[31mone\x1b[0m", "\x1b[31mtwo\x1b[0m."]);
        assert_eq!(rows(red, 4, false), ["one", "two."]);
    }

    #[test]
    fn a_program_cannot_draw_on_the_screen() {
        assert_eq!(rows("a\x1b[2J\x1b[H\rb\u{7}\tc", 80, true), ["ab    c"]);
    }

    #[test]
    fn a_window_says_what_is_above_and_below() {
        let of = |room, offset| {
            let rows = (0..6).map(|it| it.to_string()).collect();
            let mark = |above, more| format!("{} {more}", if above { "^" } else { "v" });
            window(rows, room, offset, mark).join(",")
        };
        assert_eq!(of(6, 0), "0,1,2,3,4,5");
        assert_eq!(of(4, 0), "0,1,2,v 3");
        assert_eq!(of(4, 2), "^ 2,2,3,v 2");
        assert_eq!(of(4, 99), "^ 3,3,4,5");
        assert_eq!(of(1, 0), "0");
        assert_eq!(of(0, 0), "");
    }
}
