//! `make slides`: the chapters as a deck, one HTML file that needs nothing else.
//!
//! The deck has no text of its own. mdBook hands over the pages as the book has them, listings
//! and transcripts included; each listing, transcript, picture, table and question of a chapter
//! becomes a slide, under its section's heading and with the sentences that lead to it. The
//! whole text stands in the speaker's notes, with the talking points of the page
//! (`<details class="talk">`) in front of it. What does not fit on one slide is continued on the
//! next one, which says so.
//!
//! On a page, the line `<!-- not a slide -->` leaves the block that follows out of the deck,
//! or, before a heading, its section.

mod cut;
mod html;
mod page;

pub(crate) use cut::scale;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use crate::book;
use crate::chapter::Chapter;
use crate::exercise::Exercise;

use page::Block;

/// One slide.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slide {
    /// The heading of its section, as HTML.
    pub title: String,
    /// What stands above the title: the chapter, and the section that its section is in.
    pub above: String,
    /// What is shown, as HTML.
    pub body: String,
    /// What the speaker sees, as HTML.
    pub notes: String,
    /// What it is: `start`, `title`, `text`, `picture`, `quiz`.
    pub kind: &'static str,
    /// How high its body is, roughly, in lines of a listing.
    height: f64,
}

/// The slides of a chapter.
#[derive(Debug)]
pub struct Part {
    /// The chapter's number.
    pub number: usize,
    /// The chapter's title, as HTML.
    pub title: String,
    /// How long the chapter takes.
    pub minutes: u32,
    /// The first one is its title.
    pub slides: Vec<Slide>,
}

/// Builds the deck into `target/slides`, and returns its path.
pub fn build(root: &Path) -> Result<PathBuf> {
    let file = root.join("target/slides/index.html");
    build_into(root, &file)?;
    Ok(file)
}

/// Builds the deck of the workbook in `root`, and writes it to `file`.
pub fn build_into(root: &Path, file: &Path) -> Result<Vec<Part>> {
    let work = tempfile::tempdir()?;
    // Also as HTML, for the colours of the listings: mdBook brings its own highlighter.
    let output = json!({ "markdown": {}, "html": {} });
    book::render(root, work.path(), &output)?;
    let parts = parts(root, &work.path().join("markdown"))?;
    let deck = deck(&parts, &Colours::of(&work.path().join("html"))?);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    std::fs::write(file, deck)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(parts)
}

/// The slides of all chapters, from their pages in the folder `pages`, as mdBook's
/// preprocessors left them.
fn parts(root: &Path, pages: &Path) -> Result<Vec<Part>> {
    let chapters = Chapter::all(root)?;
    let parts = chapters.iter().map(|chapter| {
        let room = chapter.folder.file_name().unwrap_or_default();
        // mdBook calls the page of a folder index.md here.
        let page = pages.join(room).join("index.md");
        let page = match page.is_file() {
            true => page,
            false => pages.join(room).join("README.md"),
        };
        let text = std::fs::read_to_string(&page)
            .with_context(|| format!("cannot read {}", page.display()))?;
        let exercises = Exercise::of(chapter)?;
        part(chapter, &exercises, &text)
    });
    parts.collect()
}

/// What colours the listings: mdBook's own highlighter, and its styles.
#[derive(Default)]
pub(crate) struct Colours {
    pub(crate) script: String,
    pub(crate) light: String,
    dark: String,
}

impl Colours {
    /// From a folder into which mdBook has put the book as HTML.
    pub(crate) fn of(html: &Path) -> Result<Colours> {
        let read = |begins: &str, ends: &str| -> Result<String> {
            let mut found = std::fs::read_dir(html)?.flatten().map(|it| it.path());
            let found = found.find(|it| {
                let name = it.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(begins) && name.ends_with(ends)
            });
            let file = found.with_context(|| format!("mdBook made no {begins}*{ends}"))?;
            Ok(std::fs::read_to_string(file)?)
        };
        Ok(Colours {
            script: read("highlight-", ".js")?,
            light: read("highlight-", ".css")?,
            dark: read("tomorrow-night-", ".css")?,
        })
    }
}

/// The slides of one chapter, whose page is `text`.
fn part(chapter: &Chapter, exercises: &[Exercise], text: &str) -> Result<Part> {
    let blocks = page::blocks(text);
    let mut builder = Builder::new(chapter.number, &chapter.folder);
    builder.chapter(&blocks, exercises)?;
    Ok(Part {
        number: chapter.number,
        title: builder.chapter,
        minutes: chapter.plan.minutes,
        slides: builder.slides,
    })
}

/// Goes through the blocks of a page, and puts them on slides.
struct Builder<'a> {
    number: usize,
    folder: &'a Path,
    /// The chapter's title.
    chapter: String,
    /// The heading of the section, and of the one above it.
    title: String,
    outer: String,
    /// Paragraphs and lists that no slide has yet.
    pending: Vec<&'a Block<'a>>,
    /// Talking points for the next slide.
    talks: String,
    /// Sections of a few sentences: they share a slide, which has the heading above theirs.
    small: Vec<cut::Point>,
    small_title: String,
    /// The number of the section's first slide.
    section: usize,
    slides: Vec<Slide>,
}

/// What becomes of a section, by its heading.
#[derive(Clone, Copy, PartialEq)]
enum Section {
    Usual,
    /// All of each item is shown, not only its first sentence.
    Whole,
    Exercises,
    LeftOut,
}

impl<'a> Builder<'a> {
    fn new(number: usize, folder: &'a Path) -> Self {
        Builder {
            number,
            folder,
            chapter: String::new(),
            title: String::new(),
            outer: String::new(),
            pending: Vec::new(),
            talks: String::new(),
            small: Vec::new(),
            small_title: String::new(),
            section: 0,
            slides: Vec::new(),
        }
    }

    fn chapter(&mut self, blocks: &'a [Block<'a>], exercises: &[Exercise]) -> Result<()> {
        let mut section = Section::Usual;
        let mut leave_out = false;
        let mut depth_left_out = 7;
        let mut head = true;
        for block in blocks {
            if let Block::Heading { level, html, plain } = block {
                if head && *level > 1 {
                    self.head(exercises);
                    head = false;
                }
                self.end_of_section(section);
                if *level <= depth_left_out {
                    depth_left_out = if leave_out { *level } else { 7 };
                }
                leave_out = false;
                if *level < 3 {
                    self.gathered();
                }
                match level {
                    1 => self.chapter.clone_from(html),
                    2 => {
                        self.outer.clear();
                        self.title.clone_from(html);
                        section = match plain.as_str() {
                            "Links" => Section::LeftOut,
                            "Exercises" => Section::Exercises,
                            "Summary" | "Topics for discussion" => Section::Whole,
                            _ => Section::Usual,
                        };
                        if section == Section::Exercises {
                            self.exercises(exercises);
                        }
                    }
                    _ => {
                        if self.outer.is_empty() {
                            self.outer = std::mem::take(&mut self.title);
                        }
                        self.title.clone_from(html);
                    }
                }
                self.section = self.slides.len();
                continue;
            }
            if matches!(block, Block::NotASlide) {
                leave_out = true;
                continue;
            }
            if let Block::Talk(source) = block {
                self.talk(source);
                continue;
            }
            let shown = depth_left_out == 7 && !std::mem::take(&mut leave_out);
            if !shown || matches!(section, Section::LeftOut | Section::Exercises) && !head {
                continue;
            }
            self.block(block, section)?;
        }
        self.end_of_section(section);
        self.gathered();
        for slide in &mut self.slides {
            if slide.notes.is_empty() {
                slide.notes = format!("<p>{}</p>", slide.title);
            }
        }
        Ok(())
    }

    /// The slide with the chapter's title, and what stands on the page before the first section.
    fn head(&mut self, exercises: &[Exercise]) {
        let pending = std::mem::take(&mut self.pending);
        let body: String = pending.iter().map(|it| self.whole(it)).collect();
        let mut notes = std::mem::take(&mut self.talks);
        let door = format!("The door: <code>make chapter-{}</code>.", self.number);
        let minutes: u32 = exercises.iter().map(|it| it.plan.minutes).sum();
        notes += &match exercises.len() {
            0 => format!("<p>{door}</p>"),
            many => format!("<p>Exercises: {many}, {minutes} minutes in all. {door}</p>"),
        };
        self.slides.push(Slide {
            title: self.chapter.clone(),
            above: format!("Chapter {}", self.number),
            body,
            notes,
            kind: "title",
            height: f64::INFINITY,
        });
    }

    fn exercises(&mut self, exercises: &[Exercise]) {
        let mut body =
            "<table><thead><tr><th></th><th>Exercise</th><th>Minutes</th></tr></thead><tbody>"
                .to_owned();
        for it in exercises {
            let title = html::escape(&it.plan.title);
            let _ = write!(
                body,
                "<tr><td>{it}</td><td>{title}</td><td>{}</td></tr>",
                it.plan.minutes
            );
        }
        let _ = write!(
            body,
            "</tbody></table><p><code>make exercise-{0}</code> checks them, \
             <code>make hint-{0}-1</code> gives a hint, <code>make watch</code> checks \
             whenever a file is saved.</p>",
            self.number
        );
        let first = exercises.iter().filter_map(|it| {
            let hint = it.plan.hints.first()?;
            Some(format!("<li><b>{it}</b> {}</li>", html::escape(hint)))
        });
        let notes = format!(
            "<p>The first hint of each, to be asked, not told:</p><ul>{}</ul>",
            first.collect::<String>()
        );
        let height = 6.0 + 1.5 * exercises.len() as f64;
        self.push("text", true, &body, &notes, height);
    }

    /// Puts something `height` high onto the section's last slide if there is room, else, or
    /// if it is to be `fresh`, onto a new one.
    fn push(
        &mut self,
        kind: &'static str,
        fresh: bool,
        body: &str,
        notes: &str,
        height: f64,
    ) {
        self.gathered();
        let talks = std::mem::take(&mut self.talks);
        let notes = talks + notes;
        let last = self
            .slides
            .get_mut(self.section..)
            .and_then(<[Slide]>::last_mut);
        if let Some(last) = last
            && !fresh
            && kind == "text"
            && last.kind == "text"
            && last.height + height <= cut::ROOM
        {
            last.body += body;
            last.notes += &notes;
            last.height += height;
            return;
        }
        let above = match self.outer.is_empty() {
            true => format!("{} {}", self.number, self.chapter),
            false => format!("{} {} · {}", self.number, self.chapter, self.outer),
        };
        self.slides.push(Slide {
            title: self.title.clone(),
            above,
            body: body.to_owned(),
            notes,
            kind,
            height,
        });
    }

    /// Slides for the small sections gathered so far, under the heading that is above them.
    fn gathered(&mut self) {
        let gathered = std::mem::take(&mut self.small);
        if gathered.is_empty() {
            return;
        }
        let title = std::mem::replace(&mut self.title, self.small_title.clone());
        let outer = std::mem::take(&mut self.outer);
        let talks = std::mem::take(&mut self.talks);
        self.section = self.slides.len();
        self.show(gathered);
        self.section = self.slides.len();
        (self.title, self.outer, self.talks) = (title, outer, talks);
    }

    /// The talking points belong to what the page has just shown.
    fn talk(&mut self, source: &str) {
        let talk = format!(
            "<div class=\"talk\">{}</div>",
            html::of(&page::inside_details(source), self.folder)
        );
        match self
            .slides
            .get_mut(self.section..)
            .and_then(<[Slide]>::last_mut)
        {
            Some(last) if self.pending.is_empty() => last.notes.insert_str(0, &talk),
            _ => self.talks += &talk,
        }
    }

    fn block(&mut self, block: &'a Block<'a>, section: Section) -> Result<()> {
        let folder = self.folder;
        match block {
            Block::Paragraph(_) | Block::List(_) | Block::Quote(_) => {
                self.pending.push(block);
            }
            Block::InWords(source) => {
                let words = html::of(&page::inside_details(source), folder);
                if let Some(last) = self.slides.last_mut() {
                    last.notes += &words;
                }
            }
            Block::Code { language, text } => {
                let (mut lead, notes, mut above) = self.lead(section);
                let mut scale = cut::scale(text);
                let height = cut::listing_height(text, scale);
                let dense = cut::listing_height(text, scale.min(cut::DENSE));
                let used = cut::ROOM - self.room();
                let whole = vec![text.trim_end().to_owned()];
                let pieces = if used + above + height <= cut::ROOM {
                    whole
                } else if used + above + dense <= cut::ROOM || above + dense <= cut::ROOM {
                    // In one piece it is worth more than in large letters,
                    if above + height > cut::ROOM || used + above + dense <= cut::ROOM {
                        scale = scale.min(cut::DENSE);
                    }
                    whole
                } else if height <= cut::ROOM {
                    // and than with what leads to it, which is in the notes.
                    (lead, above) = (String::new(), 0.0);
                    whole
                } else {
                    let anew = cut::listing(text, above, scale);
                    // Begun on the last slide, if that has room for more than a few lines.
                    let here = match cut::ROOM - used - above > 10.0 {
                        true => cut::listing(text, used + above, scale),
                        false => anew.clone(),
                    };
                    if here.len() <= anew.len() { here } else { anew }
                };
                let size = match scale < 1.0 {
                    true => format!(" style=\"font-size: {:.3}rem\"", 0.77 * scale),
                    false => String::new(),
                };
                let mut class = html::class(language);
                if cut::scale(text) < 1.0 {
                    class += " wide";
                }
                for (number, piece) in pieces.iter().enumerate() {
                    let (lead, above) = if number == 0 {
                        (&*lead, above)
                    } else {
                        ("", 0.0)
                    };
                    let body = format!(
                        "{lead}{}<pre><code class=\"{class}\"{size}>{}</code></pre>",
                        counted(number, pieces.len()),
                        html::escape(piece)
                    );
                    let notes = if number == 0 { &*notes } else { "" };
                    let height = above + cut::listing_height(piece, scale);
                    self.push("text", number > 0, &body, notes, height);
                }
            }
            Block::Picture { alt, target } => {
                let (lead, notes, _) = self.lead(section);
                let body = format!(
                    "{lead}<img src=\"{}\" alt=\"{}\">",
                    html::picture(&folder.join(target))?,
                    html::escape(alt)
                );
                let notes = format!("{notes}<p>{}</p>", html::escape(alt));
                self.push("picture", true, &body, &notes, f64::INFINITY);
            }
            Block::Table { head, rows } => {
                let (lead, notes, above) = self.lead(section);
                let head_rows: Vec<&str> = head.lines().take(1).collect();
                let all: Vec<&str> = head_rows.iter().chain(rows).copied().collect();
                let heights = cut::row_heights(&all);
                let pieces = cut::table(rows, &heights, above);
                for (number, piece) in pieces.iter().enumerate() {
                    let (lead, above) = if number == 0 {
                        (&*lead, above)
                    } else {
                        ("", 0.0)
                    };
                    let lines: Vec<&str> = piece.iter().map(|it| it.0).collect();
                    let table = html::of(&format!("{head}\n{}", lines.join("\n")), folder);
                    let body = format!("{lead}{}{table}", counted(number, pieces.len()));
                    let notes = if number == 0 { &*notes } else { "" };
                    let height: f64 = piece.iter().map(|it| it.1).sum();
                    let height = above + heights[0] + 0.9 + height;
                    self.push("text", number > 0, &body, notes, height);
                }
            }
            Block::Quiz { source, name } => {
                let (lead, mut notes, _) = self.lead(section);
                let id = format!("slide-{}-{name}", self.number);
                let quiz = html::of(&source.replace(name, &id), folder);
                notes += "<p>Let them vote before you choose. The keys 1 to 9 choose.</p>";
                self.push(
                    "quiz",
                    true,
                    &format!("{lead}{quiz}"),
                    &notes,
                    f64::INFINITY,
                );
            }
            Block::Heading { .. } | Block::Talk(_) | Block::NotASlide => {}
        }
        Ok(())
    }

    /// What leads to something that gets a slide: sentences from the paragraphs before it, and
    /// the whole text of those for the notes. Lists before it get slides of their own.
    fn lead(&mut self, section: Section) -> (String, String, f64) {
        let many = self.pending.len() > 3
            || self.pending.iter().any(|it| matches!(it, Block::List(_)));
        let last = match self.pending.last() {
            Some(Block::Paragraph(_)) if many => self.pending.pop(),
            _ => None,
        };
        if many {
            self.points(section);
        }
        self.pending.extend(last);
        let pending = std::mem::take(&mut self.pending);
        let sources: Vec<&str> = pending.iter().filter_map(|it| it.source()).collect();
        let lead = match sources.as_slice() {
            [] => String::new(),
            [one] => html::abridged(one, 240, self.folder),
            [first, .., last] => {
                html::abridged(first, 120, self.folder)
                    + &html::abridged(last, 160, self.folder)
            }
        };
        let notes = pending.iter().map(|it| self.whole(it)).collect();
        let heights = lead
            .split("</p>")
            .map(|it| cut::text_height(html::text_length(it)));
        let height = heights.sum();
        (lead, notes, height)
    }

    /// How much room the section's last slide has left.
    fn room(&self) -> f64 {
        match self.slides.get(self.section..).and_then(<[Slide]>::last) {
            Some(last) if last.kind == "text" => cut::ROOM - last.height,
            _ => 0.0,
        }
    }

    /// Slides with the pending paragraphs and lists: the first sentence of each.
    fn points(&mut self, section: Section) {
        let points = self.pending_points(section);
        self.show(points);
    }

    /// How high the pending paragraphs would be.
    fn pending_points_height(&self) -> f64 {
        let sources = self.pending.iter().filter_map(|it| it.source());
        let heights = sources.map(|it| {
            let html = html::beginning(it, 180, self.folder);
            cut::text_height(html::text_length(&html))
        });
        heights.sum()
    }

    fn pending_points(&mut self, section: Section) -> Vec<cut::Point> {
        let pending = std::mem::take(&mut self.pending);
        let mut points: Vec<cut::Point> = Vec::new();
        for block in &pending {
            match block {
                Block::List(items) => points.extend(items.iter().map(|it| {
                    let html = match section {
                        Section::Whole => html::inline(it, self.folder),
                        _ => html::beginning(it, 140, self.folder),
                    };
                    let notes = html::of(it, self.folder);
                    cut::Point {
                        html,
                        is_item: true,
                        notes,
                    }
                })),
                other => {
                    let Some(source) = other.source() else {
                        continue;
                    };
                    let html = html::beginning(source, 180, self.folder);
                    let notes = html::of(source, self.folder);
                    points.push(cut::Point {
                        html,
                        is_item: false,
                        notes,
                    });
                }
            }
        }
        points
    }

    fn show(&mut self, points: Vec<cut::Point>) {
        let whole: f64 = points.iter().map(cut::Point::height).sum();
        let pieces = match whole <= self.room() {
            true => vec![points],
            false => cut::points(points),
        };
        for (number, piece) in pieces.iter().enumerate() {
            let body = format!("{}{}", counted(number, pieces.len()), cut::to_html(piece));
            let notes: String = piece.iter().map(|it| it.notes.as_str()).collect();
            let height = piece.iter().map(cut::Point::height).sum();
            self.push("text", number > 0, &body, &notes, height);
        }
    }

    fn end_of_section(&mut self, section: Section) {
        if matches!(section, Section::LeftOut) || self.chapter.is_empty() {
            self.pending.clear();
            return;
        }
        let has_list = self.pending.iter().any(|it| matches!(it, Block::List(_)));
        let none_yet = self.slides.len() == self.section;
        if none_yet && !has_list && !self.outer.is_empty() && !self.pending.is_empty() {
            if self.small.is_empty() {
                self.small_title.clone_from(&self.outer);
            }
            let points = self.pending_points(section);
            let talks = std::mem::take(&mut self.talks);
            let notes: String = points.iter().map(|it| it.notes.as_str()).collect();
            let said = points
                .first()
                .map(|it| it.html.as_str())
                .unwrap_or_default();
            self.small.push(cut::Point {
                html: format!("<b>{}</b><br>{said}", self.title),
                is_item: false,
                notes: format!("{talks}<h3>{}</h3>{notes}", self.title),
            });
            return;
        }
        let points = self.pending_points_height();
        // Less than that says little by itself, and is left to the speaker.
        let worth = has_list || none_yet || points > 6.0 || points <= self.room();
        if !self.pending.is_empty() && worth {
            self.points(section);
        } else {
            let rest: String = self.pending.iter().map(|it| self.whole(it)).collect();
            self.pending.clear();
            if let Some(last) = self.slides.last_mut() {
                last.notes += &rest;
            }
        }
        let talks = std::mem::take(&mut self.talks);
        if let Some(last) = self.slides.last_mut() {
            last.notes.insert_str(0, &talks);
        }
    }

    /// All of a block, as the page has it.
    fn whole(&self, block: &Block) -> String {
        match block {
            Block::List(items) => {
                let items = items
                    .iter()
                    .map(|it| format!("<li>{}</li>", html::of(it, self.folder)));
                format!("<ul>{}</ul>", items.collect::<String>())
            }
            other => html::of(other.source().unwrap_or_default(), self.folder),
        }
    }
}

/// Says of a part of something that it is one.
fn counted(number: usize, all: usize) -> String {
    match all {
        1 => String::new(),
        _ => format!("<span class=\"part\">part {} of {all}</span>", number + 1),
    }
}

const STYLE: &str = include_str!("deck.css");
const SCRIPT: &str = include_str!("deck.js");

/// The deck's file.
fn deck(parts: &[Part], colours: &Colours) -> String {
    let mut slides = String::new();
    let list: String = parts
        .iter()
        .map(|it| {
            format!(
                "<li><a href=\"#{0}-1\">{1}</a> <small>{2} minutes, {3} slides</small></li>",
                it.number,
                it.title,
                it.minutes,
                it.slides.len()
            )
        })
        .collect();
    let keys = "<p class=\"keys\"><kbd>→</kbd> <kbd>←</kbd> next and back · <kbd>Home</kbd> \
                <kbd>End</kbd> first and last · <kbd>n</kbd> notes · <kbd>s</kbd> notes in a \
                window of their own · <kbd>1</kbd> … <kbd>4</kbd> choose an answer</p>";
    let start = Slide {
        title: "Parallel HDF5 in Rust".to_owned(),
        above: String::new(),
        body: format!("<ol>{list}</ol>{keys}"),
        notes:
            "<p>These slides are cut out of the book’s pages. The notes of each slide have \
                the talking points for the teacher first, then the page’s own text.</p>"
                .to_owned(),
        kind: "start",
        height: f64::INFINITY,
    };
    section(&mut slides, "start", &start);
    for part in parts {
        for (number, slide) in part.slides.iter().enumerate() {
            section(
                &mut slides,
                &format!("{}-{}", part.number, number + 1),
                slide,
            );
        }
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Parallel HDF5 in Rust: slides</title>\n<link rel=\"icon\" href=\"data:,\">\n\
         <style>\n@media print, (prefers-color-scheme: light) {{\n{}\n}}\n@media screen and (prefers-color-scheme: dark) {{\n{}\n}}\n{STYLE}</style>\n\
         </head>\n<body>\n<main>\n{slides}</main>\n\
         <aside id=\"notes\" aria-label=\"Notes\" hidden></aside>\n\
         <nav aria-label=\"Slides\"><button id=\"back\" aria-label=\"Back\">‹</button>\
         <span id=\"where\" aria-live=\"polite\"></span>\
         <button id=\"show-notes\">Notes</button>\
         <button id=\"next\" aria-label=\"Next\">›</button></nav>\n\
         <script>\n{}\n</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        colours.light, colours.dark, colours.script
    )
}

fn section(deck: &mut String, id: &str, slide: &Slide) {
    let Slide {
        title,
        above,
        body,
        notes,
        kind,
        ..
    } = slide;
    let heading = match *kind {
        "start" | "title" => format!("<h1>{title}</h1>"),
        _ => format!("<h2>{title}</h2>"),
    };
    let _ = writeln!(
        deck,
        "<section class=\"slide {kind}\" id=\"{id}\" aria-roledescription=\"slide\">\n\
         <header><p class=\"above\">{above}</p>{heading}</header>\n\
         <div class=\"body\">{body}</div>\n<template>{notes}</template>\n</section>"
    );
}

#[cfg(test)]
mod tests;
