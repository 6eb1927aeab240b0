//! What is drawn on: the frame of a picture, and what fits into it.

use std::fmt::{Display, Write};

/// The width of every picture.
pub(crate) const WIDTH: f64 = 420.0;
/// What stays free at the left and at the right.
pub(crate) const MARGIN: f64 = 12.0;
/// Where bytes and times begin: left of it are the names of the ranks.
pub(crate) const LEFT: f64 = 62.0;
/// How wide bytes and times are.
pub(crate) const ROOM: f64 = WIDTH - MARGIN - LEFT;

// --- Colours ---------------------------------------------------------------------------

/// What a rank is drawn with.
pub(crate) struct Colour {
    /// Of what it wrote.
    pub(crate) full: &'static str,
    /// Of what it read.
    pub(crate) pale: &'static str,
    /// Of text on `full`.
    pub(crate) ink: &'static str,
}

/// Okabe and Ito's colours, which those tell apart who do not see all colours, in an order
/// in which neighbours differ in grey as well:
/// <https://jfly.uni-koeln.de/color/>.
pub(crate) const COLOURS: [Colour; 8] = [
    colour("#0072b2", "#cce3f0", "#fff"),
    colour("#e69f00", "#faeccc", "#111"),
    colour("#009e73", "#ccece3", "#111"),
    colour("#cc79a7", "#f5e4ed", "#111"),
    colour("#56b4e9", "#ddf0fb", "#111"),
    colour("#d55e00", "#f7dfcc", "#111"),
    colour("#f0e442", "#fcfad9", "#111"),
    colour("#666666", "#e0e0e0", "#fff"),
];

pub(crate) const fn colour(
    full: &'static str,
    pale: &'static str,
    ink: &'static str,
) -> Colour {
    Colour { full, pale, ink }
}

/// The colour of a rank. Those of more than eight ranks come again: its place and its number
/// say which rank it is.
pub(crate) fn of_rank(rank: usize) -> &'static Colour {
    &COLOURS[rank % COLOURS.len()]
}

// --- Paper -----------------------------------------------------------------------------

/// What was drawn so far, and how far down that is.
#[derive(Default)]
pub(crate) struct Paper {
    body: String,
    patterns: Vec<(String, String)>,
    pub(crate) y: f64,
}

impl Paper {
    pub(crate) fn down(&mut self, by: f64) {
        self.y += by;
    }

    /// Adds an element; `attributes` may be followed by its content.
    pub(crate) fn add(&mut self, element: impl Display) {
        writeln!(self.body, "{element}").expect("memory");
    }

    pub(crate) fn rect(
        &mut self,
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        attributes: impl Display,
    ) {
        let [x, y, width, height] = [x, y, width, height].map(number);
        self.add(format_args!(
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" {attributes}/>"#
        ));
    }

    /// A line from point to point, in the notation of a path.
    pub(crate) fn line(&mut self, path: impl Display, attributes: impl Display) {
        self.add(format_args!(r#"<path d="{path}" {attributes}/>"#));
    }

    /// Text whose base line is at `y`.
    pub(crate) fn text(&mut self, x: f64, y: f64, attributes: impl Display, text: &str) {
        let (x, y) = (number(x), number(y));
        let text = escaped(text);
        self.add(format_args!(
            r#"<text x="{x}" y="{y}" {attributes}>{text}</text>"#
        ));
    }

    /// Bold text, and plain text after it.
    pub(crate) fn heading(&mut self, y: f64, bold: &str, plain: &str) {
        let (bold, plain) = (escaped(bold), escaped(plain));
        self.add(format_args!(
            r##"<text x="{MARGIN}" y="{}"><tspan font-weight="bold">{bold}</tspan><tspan dx="9" fill="#444">{plain}</tspan></text>"##,
            number(y)
        ));
    }

    /// What the fills of some boxes mean; words without a box are just words.
    pub(crate) fn legend(&mut self, entries: &[(String, &str)]) {
        if entries.is_empty() {
            return;
        }
        self.down(10.0);
        let mut x = MARGIN;
        for (style, words) in entries {
            let box_ = if style.is_empty() { 0.0 } else { 18.0 };
            let width = box_ + width_of(words, 12.0);
            if x + width > WIDTH - MARGIN {
                x = MARGIN;
                self.down(18.0);
            }
            let y = self.y;
            if !style.is_empty() {
                self.rect(x, y, 13.0, 11.0, style);
            }
            self.text(x + box_, y + 10.0, r##"font-size="12" fill="#444""##, words);
            x += width + 8.0;
        }
        self.down(14.0);
    }

    /// The name of a pattern, which is defined when it is first asked for.
    pub(crate) fn pattern(
        &mut self,
        name: &str,
        definition: impl FnOnce() -> String,
    ) -> String {
        if !self.patterns.iter().any(|it| it.0 == name) {
            self.patterns.push((name.to_owned(), definition()));
        }
        format!("url(#{name})")
    }

    /// A pattern of upright lines: pieces with gaps between them.
    pub(crate) fn scattered(&mut self, rank: usize) -> String {
        let rank = rank % COLOURS.len();
        let full = of_rank(rank).full;
        self.pattern(&format!("scattered{rank}"), || {
            format!(
                r#"width="4" height="8" patternUnits="userSpaceOnUse"><path d="M1.2 0V8" stroke="{full}" stroke-width="2.4"/>"#
            )
        })
    }

    /// A pattern of slanting lines: waiting.
    pub(crate) fn waiting(&mut self) -> String {
        self.pattern("waiting", || {
            r##"width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#fff"/><path d="M1 0V6" stroke="#555" stroke-width="1.6"/>"##.to_owned()
        })
    }

    /// A pattern of dots: metadata.
    pub(crate) fn metadata(&mut self) -> String {
        self.pattern("metadata", || {
            r##"width="4" height="4" patternUnits="userSpaceOnUse"><rect width="4" height="4" fill="#e4e4e4"/><circle cx="1.5" cy="1.5" r="0.9" fill="#888"/>"##.to_owned()
        })
    }

    pub(crate) fn finish(self, title: &str, description: &str) -> String {
        let height = number(self.y.ceil() + MARGIN);
        let (title, description) = (escaped(title), escaped(description));
        let mut definitions = String::new();
        for (name, definition) in &self.patterns {
            definitions += &format!("<pattern id=\"{name}\" {definition}</pattern>\n");
        }
        if !definitions.is_empty() {
            definitions = format!("<defs>\n{definitions}</defs>\n");
        }
        let width = number(WIDTH);
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title desc" font-family="sans-serif" font-size="13">
<title id="title">{title}</title>
<desc id="desc">{description}</desc>
{definitions}<rect width="{width}" height="{height}" rx="8" fill="#fff"/>
<g fill="#111">
{}</g>
</svg>
"##,
            self.body
        )
    }
}

/// A number with at most one decimal.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0" } else { text }.to_owned()
}

/// Text that stands for itself in XML and HTML. What XML does not allow is replaced.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            it if it.is_control() => out.push('\u{fffd}'),
            it => out.push(it),
        }
    }
    out
}

/// How wide a text of this font size is at most, about: fonts differ.
pub(crate) fn width_of(text: &str, size: f64) -> f64 {
    let wide = |it: char| match it {
        'm' | 'w' | 'M' | 'W' | '@' => 0.95,
        'i' | 'j' | 'l' | ' ' | ',' | '.' | ':' | '/' | '\'' => 0.36,
        it if it.is_ascii() => 0.61,
        _ => 1.0,
    };
    text.chars().map(wide).sum::<f64>() * size
}

/// The text, or as much of its begin as fits.
pub(crate) fn cut(text: &str, width: f64, size: f64) -> String {
    let mut cut = text.to_owned();
    while !cut.is_empty() && width_of(&cut, size) > width {
        cut = cut.trim_end_matches('…').to_owned();
        cut.pop();
        cut.push('…');
    }
    cut
}

/// The text, or as much of its end as fits: of a path, what counts.
pub(crate) fn fitted(text: &str, width: f64, size: f64) -> String {
    if width_of(text, size) <= width {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    for start in 1..letters.len() {
        let rest: String = std::iter::once('…')
            .chain(letters[start..].iter().copied())
            .collect();
        if width_of(&rest, size) - size * 0.4 <= width {
            return rest;
        }
    }
    String::new()
}
