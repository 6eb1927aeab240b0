//! HTML for the slides, from the Markdown of the pages.

use std::path::Path;

use anyhow::{Context, Result};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd};

/// As mdBook reads the pages.
pub(super) const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS);

/// Markdown as HTML. Links to other pages of the book are text: there is no book beside the
/// deck. Pictures are put in.
pub(super) fn of(markdown: &str, folder: &Path) -> String {
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events(markdown, folder).into_iter());
    html
}

/// The same without the paragraph around it.
pub(super) fn inline(markdown: &str, folder: &Path) -> String {
    let events = events(markdown, folder);
    let paragraph = |it: &Event| {
        matches!(
            it,
            Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph)
        )
    };
    let single = events.iter().filter(|it| paragraph(it)).count() == 2;
    let events = events.into_iter().filter(|it| !(single && paragraph(it)));
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    html.trim().to_owned()
}

fn events<'a>(markdown: &'a str, folder: &Path) -> Vec<Event<'a>> {
    let mut outside = Vec::new();
    let events = Parser::new_ext(markdown, OPTIONS).filter_map(|event| match event {
        Event::Start(Tag::Link { ref dest_url, .. }) => {
            let keep = dest_url.starts_with("http");
            outside.push(keep);
            keep.then_some(event)
        }
        Event::End(TagEnd::Link) => outside.pop().unwrap_or(false).then_some(event),
        Event::Start(Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            let dest_url = match picture(&folder.join(&*dest_url)) {
                Ok(data) => CowStr::from(data),
                Err(_) => dest_url,
            };
            Some(Event::Start(Tag::Image {
                link_type,
                dest_url,
                title,
                id,
            }))
        }
        other => Some(other),
    });
    events.collect()
}

/// The sentences of a paragraph, or of the first one of several.
fn sentences<'a>(markdown: &'a str, folder: &Path) -> Vec<Vec<Event<'a>>> {
    let mut all = vec![Vec::new()];
    let mut depth = 0;
    let mut ended = false;
    for event in events(markdown, folder) {
        match &event {
            Event::Start(Tag::Paragraph) => continue,
            Event::End(TagEnd::Paragraph) => break,
            // A list or listing within an item comes after what it says.
            Event::Start(Tag::List(_) | Tag::CodeBlock(_) | Tag::Table(_)) => break,
            Event::Start(Tag::BlockQuote(_)) => continue,
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
        match event {
            Event::SoftBreak | Event::HardBreak if ended => {
                all.push(Vec::new());
                ended = false;
            }
            Event::Text(text) if depth == 0 => {
                let mut rest: &str = &text;
                if ended && rest.starts_with(' ') {
                    all.push(Vec::new());
                    rest = rest.trim_start();
                }
                while let Some(end) = end_of_sentence(rest) {
                    push_text(&mut all, &rest[..end]);
                    all.push(Vec::new());
                    rest = rest[end..].trim_start();
                }
                push_text(&mut all, rest);
                ended = ends_sentence(rest);
            }
            other => {
                // "**Rows:** about 1." ends in its text; a code that ends in a dot does not.
                ended = false;
                all.last_mut().expect("one at least").push(other);
            }
        }
    }
    all.retain(|it| !it.is_empty());
    all
}

fn push_text(all: &mut [Vec<Event>], text: &str) {
    let text = CowStr::from(text.to_owned());
    all.last_mut()
        .expect("one at least")
        .push(Event::Text(text));
}

fn ends_sentence(text: &str) -> bool {
    let bare = text.trim_end_matches(['"', ')', '”', '’', '*']);
    bare.ends_with(['.', '!', '?']) && !bare.ends_with("e.g.")
}

/// Where the first sentence ends within `text`, if another one begins there.
fn end_of_sentence(text: &str) -> Option<usize> {
    let spaces = text.match_indices(' ').map(|(at, _)| at);
    spaces.into_iter().find(|at| {
        let next = text[at + 1..].chars().next();
        let begins = next
            .is_some_and(|it| it.is_uppercase() || it.is_numeric() || "(\"“".contains(it));
        begins && ends_sentence(&text[..*at])
    })
}

fn to_html<'a>(sentences: impl IntoIterator<Item = Vec<Event<'a>>>) -> String {
    let mut all: Vec<Event> = Vec::new();
    for sentence in sentences {
        if !all.is_empty() {
            all.push(Event::Text(" ".into()));
        }
        all.extend(sentence);
    }
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, all.into_iter());
    html.trim().to_owned()
}

/// The first sentence of a text, and those after it that have room in `most` characters.
pub(super) fn beginning(markdown: &str, most: usize, folder: &Path) -> String {
    let mut used = 0;
    let mut sentences = sentences(markdown, folder).into_iter();
    let first: Vec<_> = sentences.next().into_iter().collect();
    used += first.iter().map(|it| length(it)).sum::<usize>();
    let more = sentences.take_while(|it| {
        used += length(it);
        used <= most
    });
    to_html(first.into_iter().chain(more.collect::<Vec<_>>()))
}

/// How many characters of a sentence are seen.
fn length(sentence: &[Event]) -> usize {
    let text = sentence.iter().map(|event| match event {
        Event::Text(text) | Event::Code(text) => text.chars().count(),
        _ => 1,
    });
    text.sum()
}

/// As many sentences of a paragraph as have room in `most` characters, in a paragraph: the
/// last one, which leads to what follows, and those from the first on.
pub(super) fn abridged(markdown: &str, most: usize, folder: &Path) -> String {
    let mut sentences = sentences(markdown, folder);
    let Some(last) = sentences.pop() else {
        return String::new();
    };
    let mut room = most.saturating_sub(length(&last));
    let mut shown = Vec::new();
    for sentence in sentences {
        let length = length(&sentence);
        if length > room {
            break;
        }
        room -= length;
        shown.push(sentence);
    }
    shown.push(last);
    format!("<p class=\"lead\">{}</p>", to_html(shown))
}

/// How many characters of some HTML are seen.
pub(super) fn text_length(html: &str) -> usize {
    let mut inside = false;
    let seen = html.chars().filter(|it| {
        match it {
            '<' => inside = true,
            '>' => {
                inside = false;
                return false;
            }
            _ => {}
        }
        !inside
    });
    seen.count()
}

/// The class by which a listing is coloured: that of its language, if it is a program's.
pub(super) fn class(language: &str) -> String {
    match language.split([',', ' ']).next().unwrap_or_default() {
        language @ ("rust" | "python") => format!("language-{language}"),
        _ => "plain".to_owned(),
    }
}

/// Text in which nothing is a tag.
pub(super) fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

/// A picture's file, as an address that holds it.
pub(super) fn picture(file: &Path) -> Result<String> {
    let bytes =
        std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let kind = match file.extension().and_then(|it| it.to_str()) {
        Some("svg") => "image/svg+xml",
        Some("jpg" | "jpeg") => "image/jpeg",
        _ => "image/png",
    };
    let mut address = format!("data:{kind},");
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => address.push(byte.into()),
            b' ' | b'=' | b':' | b'/' | b'-' | b'.' | b',' | b';' | b'(' | b')' => {
                address.push(byte.into());
            }
            other => address += &format!("%{other:02X}"),
        }
    }
    Ok(address)
}
