//! The blocks of which a page consists.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Parser, Tag};

use super::html;

/// A block of a page, with its Markdown.
#[derive(Debug)]
pub(super) enum Block<'a> {
    Heading {
        level: u8,
        html: String,
        plain: String,
    },
    Paragraph(&'a str),
    /// A list; the Markdown of each item, without its mark.
    List(Vec<String>),
    /// A quotation.
    Quote(&'a str),
    Code {
        language: String,
        text: String,
    },
    /// Its first two lines, and the others.
    Table {
        head: String,
        rows: Vec<&'a str>,
    },
    Picture {
        alt: String,
        target: String,
    },
    /// A question, and its name: `quiz-2`.
    Quiz {
        source: &'a str,
        name: String,
    },
    /// Talking points.
    Talk(&'a str),
    /// Something else that is folded away: what a picture shows, in words.
    InWords(&'a str),
    /// The mark that what follows is not for the deck.
    NotASlide,
}

impl Block<'_> {
    /// The Markdown of text.
    pub(super) fn source(&self) -> Option<&str> {
        match self {
            Block::Paragraph(source) | Block::Quote(source) => Some(source),
            _ => None,
        }
    }
}

/// Takes a page apart.
pub(super) fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut outermost = outermost(page).into_iter().peekable();
    while let Some((tag, range)) = outermost.next() {
        let source = &page[range.clone()];
        match tag {
            Tag::HtmlBlock => {
                let element = source.trim_start_matches('<');
                let element = element.split(|it: char| !it.is_alphanumeric()).next();
                let end = format!("</{}>", element.unwrap_or_default());
                let mut range = range;
                while !page[range.clone()].contains(&end) && !source.starts_with("<!--") {
                    let Some((_, more)) = outermost.next() else {
                        break;
                    };
                    range.end = more.end;
                }
                blocks.extend(of_html(&page[range]));
            }
            tag => blocks.extend(of_markdown(&tag, source)),
        }
    }
    blocks
}

/// The blocks that are in no other one, and where they are.
fn outermost(page: &str) -> Vec<(Tag<'_>, Range<usize>)> {
    let mut found = Vec::new();
    let mut depth = 0;
    for (event, range) in Parser::new_ext(page, html::OPTIONS).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if depth == 0 {
                    found.push((tag, range));
                }
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    found
}

fn of_html(source: &str) -> Option<Block<'_>> {
    if source.trim() == "<!-- not a slide -->" {
        Some(Block::NotASlide)
    } else if source.starts_with("<fieldset") {
        let name = source.split("id=\"").nth(1)?.split('"').next()?.to_owned();
        Some(Block::Quiz { source, name })
    } else if source.starts_with("<details class=\"talk\"") {
        Some(Block::Talk(source))
    } else if source.starts_with("<details") {
        Some(Block::InWords(source))
    } else {
        None
    }
}

fn of_markdown<'a>(tag: &Tag, source: &'a str) -> Option<Block<'a>> {
    Some(match tag {
        Tag::Heading { level, .. } => {
            let level = match level {
                HeadingLevel::H1 => 1,
                HeadingLevel::H2 => 2,
                _ => 3,
            };
            let plain = source.trim_start_matches('#').trim().to_owned();
            let html = html::inline(&plain, std::path::Path::new(""));
            Block::Heading { level, html, plain }
        }
        Tag::Paragraph => picture(source).unwrap_or(Block::Paragraph(source)),
        Tag::List(_) => Block::List(items(source)),
        Tag::BlockQuote(_) => Block::Quote(source),
        Tag::CodeBlock(kind) => {
            let language = match kind {
                CodeBlockKind::Fenced(words) => words.to_string(),
                CodeBlockKind::Indented => String::new(),
            };
            let text = Parser::new_ext(source, html::OPTIONS)
                .filter_map(|it| match it {
                    Event::Text(text) => Some(text.to_string()),
                    _ => None,
                })
                .collect();
            Block::Code { language, text }
        }
        Tag::Table(_) => {
            let lines: Vec<&str> = source.lines().collect();
            let (head, rows) = lines.split_at_checked(2)?;
            Block::Table {
                head: head.join("\n"),
                rows: rows.to_vec(),
            }
        }
        _ => return None,
    })
}

/// A paragraph that is nothing but a picture.
fn picture(source: &str) -> Option<Block<'_>> {
    let mut target = None;
    let mut alt = String::new();
    let mut inside = false;
    for event in Parser::new_ext(source, html::OPTIONS) {
        match event {
            Event::Start(Tag::Image { dest_url, .. }) => {
                target = Some(dest_url.to_string());
                inside = true;
            }
            Event::End(pulldown_cmark::TagEnd::Image) => inside = false,
            Event::Text(text) | Event::Code(text) if inside => alt += &text,
            Event::SoftBreak if inside => alt.push(' '),
            Event::Start(Tag::Paragraph) | Event::End(_) => {}
            _ if inside => {}
            _ => return None,
        }
    }
    target.map(|target| Block::Picture { alt, target })
}

/// The items of a list, without their marks and what they are indented by.
fn items(source: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut depth = 0;
    for (event, range) in Parser::new_ext(source, html::OPTIONS).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if matches!(tag, Tag::Item) && depth == 1 {
                    items.push(item(&source[range]));
                }
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    items
}

fn item(source: &str) -> String {
    let mark = source.find(' ').map_or(0, |it| it + 1);
    let mut text = String::new();
    for (number, line) in source.lines().enumerate() {
        let cut = line.len() - line.trim_start_matches(' ').len();
        let cut = if number == 0 { mark } else { cut.min(mark) };
        if number == 0 && line.starts_with(|it: char| it.is_ascii_digit()) {
            // Others name an item of a numbered list by its number.
            text += &format!("**{}** ", line[..mark].trim());
        }
        text.push_str(line.get(cut..).unwrap_or_default());
        text.push('\n');
    }
    text
}

/// What is in `<details>`, its summary as a heading.
pub(super) fn inside_details(source: &str) -> String {
    let source = source.trim();
    let begin = source.find('>').map_or(0, |it| it + 1);
    let end = source.rfind("</details>").unwrap_or(source.len());
    source[begin..end]
        .replace("<summary>", "<h3>")
        .replace("</summary>", "</h3>")
}
