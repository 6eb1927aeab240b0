//! The teacher's part of the book: the slides, the talking points, the schedules, and the
//! edition for paper. What a slide looks like is looked at in `tests/browser.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use scraper::{ElementRef, Html, Selector};
use workbook::chapter::Chapter;
use workbook::exercise::Exercise;
use workbook::slides::{self, Part};
use workbook::{book, print};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder for what these tests make.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("slides")
}

/// The deck, its file, and the book of the same pages.
static MADE: LazyLock<(Vec<Part>, String, PathBuf)> = LazyLock::new(|| {
    let file = folder().join("deck/index.html");
    let parts =
        slides::build_into(root(), &file).unwrap_or_else(|error| panic!("{error:#}"));
    let book = folder().join("book");
    book::build_into(root(), &book).unwrap_or_else(|error| panic!("{error:#}"));
    (parts, fs::read_to_string(file).unwrap(), book)
});

fn page_of(chapter: &Chapter) -> String {
    fs::read_to_string(chapter.folder.join("README.md")).unwrap()
}

fn select<'a>(html: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    html.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: &ElementRef) -> String {
    element.text().collect()
}

// --- Slides ----------------------------------------------------------------------------

#[test]
fn every_chapter_has_slides_and_every_slide_has_notes() {
    let (parts, deck, _) = &*MADE;
    let chapters = Chapter::all(root()).unwrap();
    assert_eq!(parts.len(), chapters.len());
    let html = Html::parse_document(deck);
    for (part, chapter) in parts.iter().zip(&chapters) {
        let name = &chapter.name;
        assert_eq!(part.minutes, chapter.plan.minutes);
        assert!(
            (10..=70).contains(&part.slides.len()),
            "{name}: {} slides",
            part.slides.len()
        );
        for (number, slide) in part.slides.iter().enumerate() {
            let bare = Html::parse_fragment(&slide.notes);
            let notes = text(&bare.root_element());
            assert!(
                notes.trim().len() > 3,
                "{name}: slide {} has no notes",
                number + 1
            );
            assert!(
                !slide.body.trim().is_empty(),
                "{name}: slide {} is empty",
                number + 1
            );
        }
        let page = page_of(chapter);
        let id = format!("section[id^=\"{}-\"]", part.number);
        assert_eq!(select(&html, &id).len(), part.slides.len());

        // All talking points of the page, and all its questions and pictures.
        let notes: String = part.slides.iter().map(|it| it.notes.as_str()).collect();
        let talks = page.matches("<details class=\"talk\">").count();
        assert!(talks >= 3, "{name} has {talks} talking points");
        assert_eq!(
            notes.matches("<div class=\"talk\">").count(),
            talks,
            "{name}"
        );
        let of = |kind: &str| part.slides.iter().filter(|it| it.kind == kind).count();
        assert_eq!(of("quiz"), page.matches("```quiz").count(), "{name}");
        let pictures = page.lines().filter(|it| it.starts_with("![")).count();
        assert_eq!(of("picture"), pictures, "{name}");
    }
}

/// The lines of all listings, in order, without empty ones and without what all lines of a
/// listing are indented by.
fn lines<'a>(listings: impl IntoIterator<Item = ElementRef<'a>>) -> Vec<String> {
    let texts: Vec<String> = listings.into_iter().map(|it| text(&it)).collect();
    let lines = texts.iter().flat_map(|it| it.lines());
    let lines = lines.filter(|it| !it.trim().is_empty());
    lines.map(|it| it.trim_end().to_owned()).collect()
}

#[test]
fn the_listings_of_the_deck_are_those_of_the_pages_and_none_is_lost() {
    let (parts, deck, book) = &*MADE;
    let deck = Html::parse_document(deck);
    let chapters = Chapter::all(root()).unwrap();
    let mut all = 0;
    for (part, chapter) in parts.iter().zip(&chapters) {
        let room = chapter.folder.file_name().unwrap();
        let page = fs::read_to_string(book.join(room).join("index.html")).unwrap();
        // The exercises are not in the deck.
        let begin = page.find("<main>").unwrap();
        let end = ["exercises", "topics-for-discussion"]
            .iter()
            .find_map(|it| page.find(&format!("<h2 id=\"{it}\">")))
            .expect("a section on the exercises, or on what to discuss");
        let page = Html::parse_fragment(&page[begin..end]);
        let on_page = lines(select(&page, "pre > code"));
        let slides = format!("section[id^=\"{}-\"] pre > code", part.number);
        let on_slides = lines(select(&deck, &slides));
        for (page, slide) in on_page.iter().zip(&on_slides) {
            assert_eq!(page, slide, "{}", chapter.name);
        }
        assert_eq!(on_page.len(), on_slides.len(), "{}", chapter.name);
        all += on_slides.len();
    }
    assert!(all > 1000, "only {all} lines of listings");
}

#[test]
fn the_deck_needs_nothing_but_itself() {
    let (_, deck, _) = &*MADE;
    let html = Html::parse_document(deck);
    for (selector, attribute) in [
        ("[src]", "src"),
        ("link[href]", "href"),
        ("a[href]", "href"),
    ] {
        for element in select(&html, selector) {
            let target = element.value().attr(attribute).unwrap();
            let fine = match selector {
                // A link may lead outside, or to another slide.
                "a[href]" => target.starts_with("http") || target.starts_with('#'),
                _ => target.starts_with("data:"),
            };
            assert!(fine, "{target}");
        }
    }
    let styles = select(&html, "style");
    assert!(!styles.is_empty());
    for style in styles {
        let style = text(&style);
        assert!(
            !style.contains("@import") && !style.contains("url("),
            "another file"
        );
    }
}

#[test]
fn the_door_says_where_the_deck_is() {
    let help = Command::new("make")
        .arg("help")
        .current_dir(root())
        .output()
        .unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for place in [
        "target/slides/index.html",
        "target/print/parallel-hdf5-workbook.pdf",
    ] {
        assert!(help.contains(place), "{help}");
    }
}

// --- The teacher's guide ---------------------------------------------------------------

#[test]
fn every_topic_has_a_sample_answer() {
    for chapter in Chapter::all(root()).unwrap() {
        let page = page_of(&chapter);
        let topics = page.split("\n## Topics for discussion\n").nth(1).unwrap();
        let topics = topics.split("\n## ").next().unwrap();
        let (topics, answers) = topics.split_once("<details").expect("sample answers");
        let numbers = |text: &str| -> Vec<u32> {
            let marks = text
                .lines()
                .filter_map(|it| it.split_once(". ")?.0.parse().ok());
            marks.collect()
        };
        let (topics, answers) = (numbers(topics), numbers(answers));
        assert!(topics.len() >= 4, "{}: {topics:?}", chapter.name);
        assert_eq!(topics, answers, "{}", chapter.name);
        let counted: Vec<u32> = (1..=topics.len() as u32).collect();
        assert_eq!(topics, counted, "{}", chapter.name);
    }
}

/// `10:05` in minutes.
fn minutes(clock: &str) -> u32 {
    let (hours, minutes) = clock.split_once(':').unwrap();
    hours.parse::<u32>().unwrap() * 60 + minutes.parse::<u32>().unwrap()
}

#[test]
fn the_schedules_follow_from_the_minutes() {
    let (_, _, book) = &*MADE;
    let page =
        Html::parse_document(&fs::read_to_string(book.join("teaching.html")).unwrap());
    let chapters = Chapter::all(root()).unwrap();
    let exercises = Exercise::all(root()).unwrap();
    let mut schedules = 0;
    for table in select(&page, "table") {
        let row = Selector::parse("tr").unwrap();
        let cell = Selector::parse("td, th").unwrap();
        let rows: Vec<Vec<String>> = table
            .select(&row)
            .map(|it| it.select(&cell).map(|it| text(&it)).collect())
            .collect();
        if rows[0].first().is_none_or(|it| it != "Time") {
            continue;
        }
        schedules += 1;
        let mut now = None;
        let (mut sum, mut without_break) = (0, 0);
        for row in &rows[1..] {
            let [clock, what, length] = row.as_slice() else {
                panic!("{row:?}")
            };
            if clock.is_empty() {
                (now, without_break) = (None, 0);
                continue;
            }
            let begins = minutes(clock);
            assert_eq!(*now.get_or_insert(begins), begins, "{row:?}");
            if what == "end" {
                continue;
            }
            let length: u32 = length.parse().unwrap();
            let expected = if let Some(rest) = what.strip_prefix("exercise ") {
                let it = exercises
                    .iter()
                    .find(|it| rest.starts_with(&format!("{it} ")));
                Some(it.unwrap_or_else(|| panic!("{what}")).plan.minutes)
            } else if what == "break" || what == "lunch" {
                without_break = 0;
                None
            } else {
                let number: usize = what.split(' ').next().unwrap().parse().unwrap();
                let it = chapters.iter().find(|it| it.number == number);
                Some(it.unwrap_or_else(|| panic!("{what}")).plan.minutes)
            };
            if let Some(expected) = expected {
                assert_eq!(length, expected, "{what}");
                without_break += length;
                assert!(without_break <= 90, "no break before {what}");
            }
            now = Some(begins + length);
            sum += length;
        }
        // "In minutes: …; 240 of 240 in all."
        let said = table
            .parent()
            .and_then(|it| it.next_siblings().find_map(ElementRef::wrap));
        let said = said.map(|it| text(&it)).unwrap_or_default();
        assert!(said.contains(&format!("; {sum} of ")), "{sum}: {said}");
    }
    assert_eq!(schedules, 3, "half a day, a day, two days");
}

#[test]
fn the_guide_tells_what_learners_get_wrong_in_every_exercise() {
    let (_, _, book) = &*MADE;
    let page = fs::read_to_string(book.join("teaching.html")).unwrap();
    let html = Html::parse_document(&page);
    let summaries: Vec<String> = select(&html, "details.talk > summary")
        .iter()
        .map(text)
        .collect();
    for exercise in Exercise::all(root()).unwrap() {
        let begin = format!("{exercise} ");
        let summary = summaries.iter().find(|it| it.starts_with(&begin));
        let summary = summary.unwrap_or_else(|| panic!("{exercise} is not in the guide"));
        let count = summary
            .rsplit(": ")
            .next()
            .and_then(|it| it.split(' ').next());
        let count: u32 = count.unwrap().parse().unwrap();
        assert!(count >= 2, "{summary}");
    }
    // A wrong answer that a test gives to the checker, with what it is told.
    assert!(page.contains("rows start too late"));
    assert!(page.contains("row 667 belongs to rank 2 of 3"));
    assert!(!page.contains("```"), "a block was not worked out");
}

// --- Paper -----------------------------------------------------------------------------

#[test]
fn the_edition_for_paper_has_pages_and_every_heading() {
    let file = folder().join("print/book.pdf");
    print::build_into(root(), &file).unwrap_or_else(|error| panic!("{error:#}"));
    let pdf = fs::read(&file).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    // Chromium compresses what is on a page, but neither the list of pages nor the outline.
    let pdf: String = pdf.iter().map(|it| char::from(*it)).collect();
    let pages = pdf.matches("/Type /Page").count() - pdf.matches("/Type /Pages").count();
    assert!((100..400).contains(&pages), "{pages} pages");
    for chapter in Chapter::all(root()).unwrap() {
        for heading in page_of(&chapter)
            .lines()
            .filter_map(|it| it.strip_prefix("# "))
        {
            let title = format!("/Title ({})", heading.replace('(', "\\("));
            assert!(pdf.contains(&title), "{heading} is not in the outline");
        }
    }
    assert!(pdf.contains("/Title (Answers to the questions)"));
    // A4, in points: each page is cut to it.
    let size = pdf
        .split("/MediaBox [")
        .nth(1)
        .and_then(|it| it.split(']').next())
        .unwrap();
    let size: Vec<f64> = size
        .split_whitespace()
        .map(|it| it.parse().unwrap())
        .collect();
    for (is, should) in size.iter().zip([0.0, 0.0, 595.28, 841.89]) {
        assert!((is - should).abs() < 2.0, "{size:?}");
    }
    // Nothing else is left beside it.
    let beside = fs::read_dir(file.parent().unwrap()).unwrap().count();
    assert_eq!(beside, 1);
}
