//! The book's text and its pages: what mdBook lets pass in silence, and what would let a
//! page say something that the workbook does not do.
//!
//! Each check is a function from a folder to the faults that it finds there. Below the
//! checks, each has a test that looks at the workbook itself, and one that plants the
//! fault in a scratch copy and sees it found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use author::book;
use author::quiz;
use launch::Mpi;
use regex::Regex;
use scraper::{ElementRef, Html, Selector};
use workbook::chapter::{Chapter, Plan};
use workbook::exercise::Exercise;

type Faults = Vec<String>;

// --- Reading folders -------------------------------------------------------------------

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below `folder` with this extension, in order.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for path in entries.map(|it| it.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// `path` as a reader would name it, from `root`.
fn named(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The names of the chapters' folders below `root`: `03-distances`.
fn rooms(root: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(root.join("chapters"))
        .unwrap()
        .map(|it| it.unwrap());
    let names = entries
        .filter(|it| it.path().is_dir())
        .map(|it| it.file_name());
    // A folder without a number holds what a page beside it shows.
    names
        .map(|it| it.into_string().unwrap())
        .filter(|it| it.starts_with(|first: char| first.is_ascii_digit()))
        .collect()
}

// --- Checks on the text ----------------------------------------------------------------

/// Something that a page includes: `{{#include main.rs:hello}}`.
struct Include {
    page: PathBuf,
    file: PathBuf,
    part: Option<String>,
}

fn includes(root: &Path) -> Vec<Include> {
    let pattern =
        r"(\\?)\{\{\s*#(?:include|rustdoc_include|playground)\s+([^\s}]+)[^}]*\}\}";
    let pattern = Regex::new(pattern).unwrap();
    let mut all = Vec::new();
    for page in files(&root.join("chapters"), "md") {
        for found in pattern
            .captures_iter(&read(&page))
            .filter(|it| it[1].is_empty())
        {
            let (file, part) = match found[2].split_once(':') {
                Some((file, part)) => (file.to_owned(), Some(part.to_owned())),
                None => (found[2].to_owned(), None),
            };
            let file = page.parent().unwrap().join(file);
            all.push(Include {
                page: page.clone(),
                file,
                part,
            });
        }
    }
    all
}

/// An include of a file, or of an anchor, that does not exist.
fn dead_includes(root: &Path) -> Faults {
    let mut faults = Vec::new();
    for Include { page, file, part } in includes(root) {
        let (page, name) = (named(root, &page), file.display());
        let Ok(text) = fs::read_to_string(&file) else {
            faults.push(format!("{page} includes {name}, which does not exist"));
            continue;
        };
        let Some(part) = part else { continue };
        if part.is_empty() || part.chars().all(|it| it.is_ascii_digit() || it == ':') {
            faults.push(format!(
                "{page} includes lines `{part}` of {name}: name an anchor"
            ));
            continue;
        }
        for end in ["ANCHOR", "ANCHOR_END"] {
            let line =
                Regex::new(&format!(r"{end}:\s*{}(\s*-->)?\s*$", regex::escape(&part)))
                    .unwrap();
            if !text.lines().any(|it| line.is_match(it)) {
                faults.push(format!("{page}: {name} has no line `{end}: {part}`"));
            }
        }
    }
    faults
}

/// A transcript that no page shows, or that does not begin with its command.
fn unused_sessions(root: &Path) -> Faults {
    let shown: BTreeSet<PathBuf> = includes(root)
        .iter()
        .filter_map(|it| it.file.canonicalize().ok())
        .collect();
    let mut faults = Vec::new();
    for session in files(&root.join("chapters"), "txt") {
        let name = named(root, &session);
        if !session
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("session")
        {
            continue;
        }
        if !shown.contains(&session.canonicalize().unwrap()) {
            faults.push(format!("no page includes {name}"));
        }
        if !read(&session).starts_with("$ ") {
            faults.push(format!("{name} does not begin with the command: `$ …`"));
        }
    }
    faults
}

/// A chapter that is in one of the places where a chapter must be, but not in another.
fn lonely_chapters(root: &Path) -> Faults {
    let manifest: toml::Table = read(&root.join("Cargo.toml")).parse().unwrap();
    let bins: BTreeMap<String, String> = manifest["bin"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["path"].as_str().unwrap(), it["name"].as_str().unwrap()))
        .map(|(path, name)| (path.to_owned(), name.to_owned()))
        .collect();
    let summary = read(&root.join("chapters/SUMMARY.md"));
    let check = read(&root.join("chapters/check.rs"));

    let mut chapters = rooms(root);
    let chapter =
        Regex::new(r"\b(\d\d-[a-z0-9-]+)/(?:README\.md|main\.rs|check\.rs)").unwrap();
    let elsewhere = [
        summary.clone(),
        check.clone(),
        bins.keys().cloned().collect::<String>(),
    ];
    for text in &elsewhere {
        chapters.extend(chapter.captures_iter(text).map(|it| it[1].to_owned()));
    }
    for test in files(&root.join("tests"), "rs") {
        let stem = test
            .file_stem()
            .unwrap()
            .to_string_lossy()
            .replace('_', "-");
        if stem.starts_with(|it: char| it.is_ascii_digit()) {
            chapters.insert(stem);
        }
    }

    let mut faults = Vec::new();
    for chapter in chapters {
        let name = chapter.split_once('-').map_or("", |(_, name)| name);
        let mut need = |holds: bool, what: String| {
            if !holds {
                faults.push(format!("chapter {chapter} lacks {what}"));
            }
        };
        for file in ["README.md", "chapter.toml", "main.rs", "check.rs"] {
            let file = format!("chapters/{chapter}/{file}");
            need(root.join(&file).is_file(), file);
        }
        let link = format!("({chapter}/README.md)");
        need(
            summary.contains(&link),
            "its line in chapters/SUMMARY.md".to_owned(),
        );
        let path = format!("chapters/{chapter}/main.rs");
        let bin = bins.get(&path).is_some_and(|it| it == name);
        need(
            bin,
            format!("a [[bin]] `{name}` in Cargo.toml with the path {path}"),
        );
        let test = format!("tests/{}.rs", chapter.replace('-', "_"));
        need(root.join(&test).is_file(), test);
        let module = format!("\"{chapter}/check.rs\"");
        need(
            check.contains(&module),
            "its module in chapters/check.rs".to_owned(),
        );
        let entry = format!("name: \"{name}\",");
        need(
            check.contains(&entry),
            "its entry in `CHAPTERS` of chapters/check.rs".to_owned(),
        );
    }
    faults
}

/// What `chapter.toml` says of a chapter.
fn plan(root: &Path, chapter: &str) -> Option<Plan> {
    let text = fs::read_to_string(root.join("chapters").join(chapter).join("chapter.toml"));
    toml::from_str(&text.ok()?).ok()
}

/// A chapter's page that lacks what each has: sections, its time, a picture, talking points.
fn missing_sections(root: &Path) -> Faults {
    const SECTIONS: [&str; 4] = [
        "What you will be able to do",
        "What can go wrong",
        "Topics for discussion",
        "Summary",
    ];
    let picture = Regex::new(r"!\[[^\]]{20,}\]\([^)]+\)").unwrap();
    let time = Regex::new(r"(\d+) minutes").unwrap();
    let mut faults = Vec::new();
    for chapter in rooms(root) {
        let page = root.join("chapters").join(&chapter).join("README.md");
        let Ok(text) = fs::read_to_string(&page) else {
            continue; // lonely_chapters says so
        };
        for section in SECTIONS {
            let bare = |line: &str| line.trim_start_matches(['#', '*', ' ']).to_owned();
            if !text
                .lines()
                .any(|it| it.starts_with(['#', '*']) && bare(it).starts_with(section))
            {
                faults.push(format!("the page of {chapter} has no `{section}`"));
            }
        }
        let minutes = plan(root, &chapter).map(|it| it.minutes.to_string());
        let said = time.captures(&text).map(|it| it[1].to_owned());
        if minutes.is_none() || said != minutes {
            faults.push(format!(
                "the page of {chapter} says {said:?} minutes, chapter.toml {minutes:?}"
            ));
        }
        if !picture.is_match(&text) {
            faults.push(format!(
                "the page of {chapter} has no picture with a text in its place"
            ));
        }
        let talks = text.matches("<details class=\"talk\">").count();
        if talks < 3 {
            faults.push(format!("the page of {chapter} has {talks} talking points"));
        }
    }
    faults
}

/// A chapter with fewer than four topics for discussion, or whose topics and sample answers are
/// not numbered alike.
fn unanswered_topics(root: &Path) -> Faults {
    let numbers = |text: &str| -> Vec<usize> {
        let marks = text
            .lines()
            .filter_map(|it| it.split_once(". ")?.0.parse().ok());
        marks.collect()
    };
    let mut faults = Vec::new();
    for chapter in rooms(root) {
        let page = root.join("chapters").join(&chapter).join("README.md");
        let text = fs::read_to_string(page).unwrap_or_default();
        let section = text.split("\n## Topics for discussion\n").nth(1);
        let Some(section) = section.and_then(|it| it.split("\n## ").next()) else {
            continue; // missing_sections says so
        };
        let (topics, answers) = section.split_once("<details").unwrap_or((section, ""));
        let (topics, answers) = (numbers(topics), numbers(answers));
        let counted: Vec<usize> = (1..=topics.len()).collect();
        if topics.len() < 4 || topics != counted || topics != answers {
            faults.push(format!(
                "{chapter} has topics {topics:?}, answers {answers:?}"
            ));
        }
    }
    faults
}

/// A chapter that never lets its reader predict, and a question that cannot be answered.
fn wrong_quizzes(root: &Path) -> Faults {
    let mut faults = Vec::new();
    for page in files(&root.join("chapters"), "md") {
        let (name, text) = (named(root, &page), read(&page));
        let chapter = page.parent() != Some(&root.join("chapters"));
        match quiz::all(&text) {
            Err(fault) => faults.push(format!("{name}, {fault}")),
            Ok(all) if all.is_empty() && chapter && page.ends_with("README.md") => {
                faults.push(format!("{name} has no quiz"));
            }
            Ok(_) => {}
        }
    }
    faults
}

/// A drawing that a reader who cannot see it learns nothing of.
fn silent_drawings(root: &Path) -> Faults {
    let mut faults = Vec::new();
    for drawing in files(&root.join("chapters"), "svg") {
        let text = read(&drawing);
        for (element, least) in [("title", 5), ("desc", 20)] {
            let pattern =
                format!(r"(?s)<{element}\b[^>]*>\s*(.{{{least},}}?)\s*</{element}>");
            if !Regex::new(&pattern).unwrap().is_match(&text) {
                faults.push(format!("{} has no <{element}>", named(root, &drawing)));
            }
        }
    }
    faults
}

/// A measured ratio, `1.52 (1.31–1.80)`, whose median does not lie within its quartiles: then
/// the two were not taken from the same numbers.
fn medians_outside_their_quartiles(root: &Path) -> Faults {
    let ratio = Regex::new(r"(\d+(?:\.\d+)?) \((\d+(?:\.\d+)?)–(\d+(?:\.\d+)?)\)").unwrap();
    let mut faults = Vec::new();
    let chapters = root.join("chapters");
    for file in [files(&chapters, "md"), files(&chapters, "txt")].concat() {
        for (index, line) in read(&file).lines().enumerate() {
            for found in ratio.captures_iter(line) {
                let [median, low, high] =
                    [1, 2, 3].map(|part| found[part].parse::<f64>().unwrap());
                if !(low <= median && median <= high) {
                    let place = named(root, &file);
                    faults.push(format!("{place}:{}: {}", index + 1, &found[0]));
                }
            }
        }
    }
    faults
}

/// A front page whose table of chapters is not that of the chapters.
fn wrong_front_page(root: &Path) -> Faults {
    let page = read(&root.join("chapters/README.md"));
    let row =
        Regex::new(r"(?m)^\| (\d+) \| \[([^\]]+)\]\(([^/]+)/README\.md\) .*\| (\d+) \|$");
    let listed: BTreeSet<(String, String, String, String)> = row
        .unwrap()
        .captures_iter(&page)
        .map(|it| (it[1].into(), it[2].into(), it[3].into(), it[4].into()))
        .collect();
    let title = |chapter: &str| {
        let page =
            fs::read_to_string(root.join("chapters").join(chapter).join("README.md"));
        let first = page
            .unwrap_or_default()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        first.trim_start_matches("# ").to_owned()
    };
    let real: BTreeSet<_> = rooms(root)
        .into_iter()
        .map(|it| {
            let number = it
                .split('-')
                .next()
                .unwrap()
                .trim_start_matches('0')
                .to_owned();
            let minutes = plan(root, &it)
                .map(|it| it.minutes.to_string())
                .unwrap_or_default();
            (number, title(&it), it, minutes)
        })
        .collect();
    let mut faults: Faults = Vec::new();
    for row in listed.difference(&real) {
        faults.push(format!("the front page lists {row:?}, which is not so"));
    }
    for row in real.difference(&listed) {
        faults.push(format!("the front page does not list {row:?}"));
    }
    let summary = read(&root.join("chapters/SUMMARY.md"));
    for (_, title, chapter, _) in &real {
        if !summary.contains(&format!("[{title}]({chapter}/README.md)")) {
            faults.push(format!(
                "SUMMARY.md does not call {chapter} `{title}`, as its page does"
            ));
        }
    }
    faults
}

/// A chapter whose page does not end with links to the chapters before and after it.
fn wrong_neighbours(root: &Path) -> Faults {
    let chapters: Vec<String> = rooms(root).into_iter().collect();
    let page = |chapter: &str| {
        let page = root.join("chapters").join(chapter).join("README.md");
        fs::read_to_string(page).unwrap_or_default()
    };
    let mut faults = Vec::new();
    for (index, chapter) in chapters.iter().enumerate() {
        let text = page(chapter);
        let links = text.split("\n## Links\n").nth(1).unwrap_or_default();
        let links = links.split_whitespace().collect::<Vec<_>>().join(" ");
        let before = index.checked_sub(1).and_then(|it| chapters.get(it));
        let next = chapters.get(index + 1);
        for (word, neighbour) in [("Before", before), ("Next", next)] {
            let found = links.matches(&format!("{word}: ")).count();
            let right = neighbour.map(|it| {
                let title = page(it);
                let title = title.lines().next().unwrap_or_default();
                let title = title.trim_start_matches("# ");
                format!("{word}: [{title}](../{it}/README.md).")
            });
            match right {
                Some(right) if found != 1 || !links.contains(&right) => {
                    faults.push(format!("{chapter} lacks the link `{right}`"));
                }
                None if found > 0 => {
                    faults.push(format!("{chapter} has a link `{word}`, to no chapter"));
                }
                _ => {}
            }
        }
    }
    faults
}

/// The pages for teachers, which come after all that a learner reads; and the first commands of
/// the front page, which are a learner's.
fn teachers_first(root: &Path) -> Faults {
    let mut faults = Vec::new();
    let summary = read(&root.join("chapters/SUMMARY.md"));
    let place = |page: &str| summary.find(&format!("]({page})")).unwrap_or(summary.len());
    let last = [rooms(root)
        .last()
        .map_or(String::new(), |it| format!("{it}/README.md"))];
    let learners = last.iter().map(String::as_str).chain(["glossary.md"]);
    let learners = learners.map(place).max().unwrap_or_default();
    for page in ["teaching.md", "grading.md", "class-repository.md"] {
        if place(page) < learners {
            faults.push(format!("SUMMARY.md has {page} before what learners read"));
        }
    }
    let front = read(&root.join("chapters/README.md"));
    let commands: Vec<&str> = front
        .lines()
        .filter(|it| it.starts_with("$ make "))
        .collect();
    if commands != ["$ make chapter-1", "$ make watch"] {
        faults.push(format!("the front page begins with {commands:?}"));
    }
    faults
}

/// Package names of the set-up page that are not those of the set-up, or the reverse.
fn wrong_packages(root: &Path) -> Faults {
    type Needs = BTreeMap<String, BTreeSet<String>>;
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();

    let script = read(&root.join("src/workbook/setup.sh")).replace("\\\n", " ");
    let need = Regex::new(r"(?m)^\s+([a-z0-9-]+)\) echo ([^;]*);;").unwrap();
    let of_script = |system: &str| -> Needs {
        let start = script.find(&format!("\n{system}() {{")).expect(system);
        let body = &script[start..start + script[start..].find("\n}").unwrap()];
        need.captures_iter(body)
            .map(|it| (it[1].to_owned(), words(&it[2])))
            .collect()
    };
    let page = read(&root.join("chapters/set-up.md"));
    let row = Regex::new(r"(?m)^\| [^|]*\(`([a-z0-9-]+)`\) \| `([^`]*)` \|$").unwrap();
    let of_page = |system: &str| -> Needs {
        let mark = format!("<!-- packages: {system} -->");
        let rest = page.split_once(&mark).map_or("", |(_, rest)| rest);
        let table = rest.split("\n#").next().unwrap_or_default();
        row.captures_iter(table)
            .map(|it| (it[1].to_owned(), words(&it[2])))
            .collect()
    };

    let mut faults = Vec::new();
    for system in ["debian", "fedora", "homebrew"] {
        let (script, page) = (of_script(system), of_page(system));
        assert!(
            !script.is_empty(),
            "no packages for {system} found in setup.sh"
        );
        for need in script.keys().chain(page.keys()).collect::<BTreeSet<_>>() {
            let (script, page) = (script.get(need), page.get(need));
            if script != page {
                faults.push(format!(
                    "{system}, {need}: setup.sh installs {script:?}, the page says {page:?}"
                ));
            }
        }
    }
    faults
}

/// Variables that the set-up page tells readers to set, and those that the commands set.
fn wrong_variables(root: &Path) -> Faults {
    let page = read(&root.join("chapters/set-up.md"));
    let on_page = Regex::new(r"\b((?:OMPI|PRTE)_[A-Za-z_]+)=([^\s`]+)").unwrap();
    let on_page: BTreeSet<(String, String)> = on_page
        .captures_iter(&page)
        .map(|it| (it[1].to_owned(), it[2].to_owned()))
        .collect();
    let mut set: BTreeSet<(String, String)> = Mpi::OpenMpi
        .launch_environment()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    // These are set for root only; the page names them for everybody.
    for name in ["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] {
        set.insert((name.to_owned(), "1".to_owned()));
    }
    on_page
        .symmetric_difference(&set)
        .map(|(name, value)| {
            format!("{name}={value} is on the page or set by the commands, not both")
        })
        .collect()
}

/// A link that leads nowhere, in the texts beside the book: README.md and CONTRIBUTING.md.
fn dead_links_outside(root: &Path) -> Faults {
    let link = Regex::new(r"\]\(([^)#\s]+)").unwrap();
    let mut faults = Vec::new();
    for name in ["README.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root.join(name)).unwrap_or_default();
        let targets = link.captures_iter(&text).map(|it| it[1].to_owned());
        for target in targets.filter(|it| !is_foreign(it) && !root.join(it).exists()) {
            faults.push(format!("{name}: {target} is not there"));
        }
    }
    faults
}

// --- Checks on the pages ---------------------------------------------------------------

/// A mark for including that the reader would see.
fn visible_anchors(html: &Path) -> Faults {
    let mark = Regex::new(r"ANCHOR(_END)?:|\{\{\s*#").unwrap();
    let pages = files(html, "html").into_iter();
    pages
        .filter_map(|page| {
            let text = read(&page);
            let line = text.lines().find(|it| mark.is_match(it))?;
            Some(format!("{} shows `{}`", named(html, &page), line.trim()))
        })
        .collect()
}

/// A question that did not become radio buttons with an answer each, one of them right.
fn unanswered_quizzes(html: &Path) -> Faults {
    let select = |it: &str| Selector::parse(it).unwrap();
    let mut faults = Vec::new();
    for page in files(html, "html") {
        let (name, text) = (named(html, &page), read(&page));
        if text.contains("language-quiz") || text.contains("<p>- [") {
            faults.push(format!("{name} shows a quiz as text"));
        }
        for quiz in Html::parse_document(&text).select(&select(".quiz")) {
            let id = quiz.attr("id").unwrap_or_default();
            let count = |it: &str| quiz.select(&select(it)).count();
            let buttons = count(&format!("p > input[type=radio][name={id}]"));
            let labels = count("p > input + label[for]");
            let answers = count("p > label + [role=status] > .answer");
            if buttons < 2 || labels != buttons || answers != buttons {
                faults.push(format!(
                    "{name}, {id}: {buttons} buttons, {labels} labels, {answers} answers"
                ));
            }
            let right = count(".is-right");
            if right != 1 {
                faults.push(format!("{name}, {id}: {right} right choices"));
            }
        }
    }
    faults
}

/// The values of an attribute of all elements that have it, and the elements' names.
fn attributes(document: &Html, attribute: &str) -> Vec<(String, String)> {
    let selector = Selector::parse(&format!("[{attribute}]")).unwrap();
    let elements = document.select(&selector).map(|it| it.value());
    elements
        .map(|it| (it.name().to_owned(), it.attr(attribute).unwrap().to_owned()))
        .collect()
}

fn is_foreign(target: &str) -> bool {
    ["http:", "https:", "//"]
        .iter()
        .any(|it| target.starts_with(it))
}

/// A link, picture, script or style that leads nowhere within the book.
fn dead_links(html: &Path) -> Faults {
    static PERCENT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new("%([0-9A-Fa-f]{2})").unwrap());
    let decoded = |text: &str| {
        let byte = |hex: &str| u8::from_str_radix(hex, 16).unwrap() as char;
        PERCENT
            .replace_all(text, |it: &regex::Captures| byte(&it[1]).to_string())
            .into_owned()
    };
    let pages: BTreeMap<PathBuf, Html> = files(html, "html")
        .into_iter()
        .map(|it| (it.canonicalize().unwrap(), Html::parse_document(&read(&it))))
        .collect();
    let ids: BTreeMap<&PathBuf, BTreeSet<String>> = pages
        .iter()
        .map(|(page, document)| {
            let all = attributes(document, "id")
                .into_iter()
                .chain(attributes(document, "name"));
            (page, all.map(|(_, id)| id).collect())
        })
        .collect();
    let mut faults = Vec::new();
    for (page, document) in &pages {
        let here = named(&html.canonicalize().unwrap(), page);
        let all = ["href", "src", "data"]
            .into_iter()
            .flat_map(|it| attributes(document, it));
        for (element, target) in all {
            let other = ["mailto:", "data:", "about:"]
                .iter()
                .any(|it| target.starts_with(it));
            if is_foreign(&target) || other || element.starts_with("svg") {
                continue;
            }
            let (file, fragment) = target.split_once('#').unwrap_or((&target, ""));
            let file = file.split('?').next().unwrap();
            let mut path = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(decoded(file)),
            };
            if path.is_dir() {
                path.push("index.html");
            }
            let Ok(path) = path.canonicalize() else {
                faults.push(format!(
                    "{here}: {element} leads to {target}, which is not there"
                ));
                continue;
            };
            let known = ids
                .get(&path)
                .is_none_or(|it| it.contains(&decoded(fragment)));
            if !fragment.is_empty() && !known {
                faults.push(format!("{here}: {target} leads to no place of that name"));
            }
        }
    }
    faults
}

/// Something that a browser would fetch from another host to show a page.
fn foreign_resources(html: &Path) -> Faults {
    let mut faults = Vec::new();
    for page in files(html, "html") {
        let document = Html::parse_document(&read(&page));
        let all = ["href", "src", "srcset", "data", "poster", "action"];
        for (element, target) in all.into_iter().flat_map(|it| attributes(&document, it)) {
            // A link that a reader may follow is no resource.
            if element != "a" && is_foreign(target.trim()) {
                faults.push(format!("{}: {element} loads {target}", named(html, &page)));
            }
        }
    }
    let pattern =
        Regex::new(r#"(?:@import|url\()\s*["'(]*\s*((?:https?:)?//[^"')\s]+)"#).unwrap();
    let styles = files(html, "css").into_iter();
    for file in styles.chain(files(html, "html")).chain(files(html, "svg")) {
        for found in pattern.captures_iter(&read(&file)) {
            faults.push(format!(
                "{}: a style loads {}",
                named(html, &file),
                &found[1]
            ));
        }
    }
    faults
}

/// Files of the workbook that have no place among the pages.
fn stray_files(html: &Path) -> Faults {
    let extensions = ["rs", "py", "toml", "txt", "md", "lock", "hdf5"].into_iter();
    let found = extensions.flat_map(|it| files(html, it));
    found
        .map(|it| format!("{} is no page and no picture", named(html, &it)))
        .collect()
}

// --- The workbook itself ---------------------------------------------------------------

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The book, built anew for these tests.
fn built() -> &'static Path {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book-checked");
        book::build_into(root(), &folder).unwrap_or_else(|error| panic!("{error:#}"));
        folder
    });
    &BUILT
}

#[track_caller]
fn none(faults: Faults) {
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn every_include_has_its_file_and_anchors() {
    none(dead_includes(root()));
}

#[test]
fn every_transcript_is_shown() {
    none(unused_sessions(root()));
}

#[test]
fn every_chapter_is_in_all_its_places() {
    none(lonely_chapters(root()));
}

#[test]
fn every_chapter_has_its_sections() {
    none(missing_sections(root()));
}

#[test]
fn every_topic_has_a_sample_answer() {
    none(unanswered_topics(root()));
}

#[test]
fn every_chapter_lets_its_reader_predict() {
    none(wrong_quizzes(root()));
}

#[test]
fn every_quiz_has_buttons_and_answers() {
    none(unanswered_quizzes(built()));
}

#[test]
fn every_drawing_says_what_it_shows() {
    none(silent_drawings(root()));
}

#[test]
fn every_median_lies_within_its_quartiles() {
    none(medians_outside_their_quartiles(root()));
}

#[test]
fn the_front_page_lists_the_chapters() {
    none(wrong_front_page(root()));
}

#[test]
fn learners_come_first() {
    none(teachers_first(root()));
}

#[test]
fn every_chapter_links_its_neighbours() {
    none(wrong_neighbours(root()));
}

#[test]
fn the_set_up_page_names_the_packages_that_are_installed() {
    none(wrong_packages(root()));
}

#[test]
fn the_set_up_page_names_the_variables_that_the_commands_set() {
    none(wrong_variables(root()));
}

#[test]
fn every_link_beside_the_book_leads_somewhere() {
    none(dead_links_outside(root()));
}

#[test]
fn no_page_shows_an_anchor() {
    none(visible_anchors(built()));
}

#[test]
fn every_link_leads_somewhere() {
    none(dead_links(built()));
}

#[test]
fn no_page_loads_anything_from_another_host() {
    none(foreign_resources(built()));
}

#[test]
fn the_book_holds_pages_and_pictures_only() {
    none(stray_files(built()));
    assert!(built().join("index.html").is_file());
    assert!(built().join("01-hello-rank/processes.svg").is_file());
}

fn select<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: ElementRef) -> String {
    element.text().collect()
}

#[test]
fn one_page_for_paper_has_all_chapters_and_a_style_of_its_own() {
    let page = Html::parse_document(&read(&built().join("print.html")));
    let headings: Vec<String> = select(&page, "main h1").into_iter().map(text).collect();
    for chapter in rooms(root()) {
        let source = read(&root().join("chapters").join(&chapter).join("README.md"));
        let title = source.lines().next().unwrap().trim_start_matches("# ");
        assert!(
            headings.iter().any(|it| it == title),
            "{title}: {headings:?}"
        );
    }
    let styles = attributes(&page, "href")
        .into_iter()
        .filter(|(element, target)| element == "link" && target.starts_with("print-"));
    let styles: Vec<_> = styles.collect();
    let [(_, style)] = styles.as_slice() else {
        panic!("{styles:?}")
    };
    let style = read(&built().join(style));
    assert!(style.contains("@media print {"), "{style}");
    // Each page of the book has a link to it.
    let first = Html::parse_document(&read(&built().join("01-hello-rank/index.html")));
    assert_eq!(select(&first, "a[href='../print.html']").len(), 1);
}

/// `10:05` in minutes.
fn minutes(clock: &str) -> u32 {
    let (hours, minutes) = clock.split_once(':').unwrap();
    hours.parse::<u32>().unwrap() * 60 + minutes.parse::<u32>().unwrap()
}

#[test]
fn the_schedules_follow_from_the_minutes() {
    let page = Html::parse_document(&read(&built().join("teaching.html")));
    let chapters = Chapter::all(root()).unwrap();
    let exercises = Exercise::all(root()).unwrap();
    let mut schedules = 0;
    for table in select(&page, "table") {
        let row = Selector::parse("tr").unwrap();
        let cell = Selector::parse("td, th").unwrap();
        let rows: Vec<Vec<String>> = table
            .select(&row)
            .map(|it| it.select(&cell).map(text).collect())
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
        let said = said.map(text).unwrap_or_default();
        assert!(said.contains(&format!("; {sum} of ")), "{sum}: {said}");
    }
    assert_eq!(schedules, 3, "half a day, a day, two days");
}

#[test]
fn the_guide_tells_what_learners_get_wrong_in_every_exercise() {
    let page = read(&built().join("teaching.html"));
    let html = Html::parse_document(&page);
    let summaries = select(&html, "details.talk > summary");
    let summaries: Vec<String> = summaries.into_iter().map(text).collect();
    // How many wrong answers there must be, `author check` says.
    let ends = Regex::new(r": [1-9]\d* wrong answers$").unwrap();
    for exercise in Exercise::all(root()).unwrap() {
        let begin = format!("{exercise} ");
        let summary = summaries.iter().find(|it| it.starts_with(&begin));
        let summary = summary.unwrap_or_else(|| panic!("{exercise} is not in the guide"));
        assert!(ends.is_match(summary), "{summary}");
    }
    // A wrong answer that a test gives to the checker, with what it is told.
    assert!(page.contains("rows start too late"));
    assert!(page.contains("row 667 belongs to rank 2 of 3"));
    assert!(!page.contains("```"), "a block was not worked out");
}

/// What Open MPI's launcher says when it is asked for `ranks` ranks without the variables
/// `unset`, and whether it started them.
fn launch_without(unset: &[&str], ranks: &str) -> (bool, String) {
    let launcher = Mpi::OpenMpi
        .launcher(root())
        .expect("Open MPI is installed");
    let mut command = Command::new(launcher);
    command
        .args(["-n", ranks, "true"])
        .envs(Mpi::OpenMpi.launch_environment());
    for name in unset {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn open_mpi_refuses_more_ranks_than_cores_unless_told() {
    let unset = [
        "OMPI_MCA_rmaps_base_oversubscribe",
        "PRTE_MCA_rmaps_default_mapping_policy",
    ];
    // Refused before anything is started.
    let (started, said) = launch_without(&unset, "4000");
    assert!(!started && said.contains("slots"), "{said}");
    let cores = std::thread::available_parallelism().unwrap().get();
    let (started, said) = launch_without(&[], &(cores + 1).to_string());
    assert!(started, "{said}");
}

#[test]
fn open_mpi_refuses_root_unless_told() {
    let unset = ["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"];
    let (started, said) = launch_without(&unset, "1");
    let root = Mpi::OpenMpi.launch_environment().contains_key(unset[0]);
    assert_eq!(started, !root, "{said}");
    assert!(!root || said.contains("as root"), "{said}");
}

// --- Planted faults --------------------------------------------------------------------

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|it| it.unwrap()) {
        let to = to.join(entry.file_name());
        match entry.path() {
            path if path.is_dir() => copy(&path, &to),
            path => drop(fs::copy(path, to).unwrap()),
        }
    }
}

/// A copy of what the checks on the text look at.
fn scratch() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    for folder in ["chapters", "src", "tests"] {
        copy(&root().join(folder), &scratch.path().join(folder));
    }
    fs::copy(root().join("Cargo.toml"), scratch.path().join("Cargo.toml")).unwrap();
    scratch
}

/// Changes a file of the scratch copy; the change must be one.
#[track_caller]
fn edit(root: &Path, file: &str, old: &str, new: &str) {
    let path = root.join(file);
    let text = read(&path);
    let changed = text.replace(old, new);
    assert_ne!(text, changed, "`{old}` is not in {file}");
    fs::write(path, changed).unwrap();
}

/// Asserts that `check` finds nothing new in a scratch copy until `plant` was called, and
/// then a fault that contains `expected`.
#[track_caller]
fn finds(check: fn(&Path) -> Faults, expected: &str, plant: impl FnOnce(&Path)) {
    let scratch = scratch();
    let before = check(scratch.path());
    plant(scratch.path());
    let mut faults = check(scratch.path());
    faults.retain(|it| !before.contains(it));
    assert!(
        faults.iter().any(|it| it.contains(expected)),
        "`{expected}` was not found; new faults: {faults:#?}"
    );
}

const PAGE: &str = "chapters/01-hello-rank/README.md";

#[test]
fn finds_an_include_of_a_missing_file() {
    finds(dead_includes, "mian.rs, which does not exist", |root| {
        edit(
            root,
            PAGE,
            "#include main.rs:hello",
            "#include mian.rs:hello",
        );
    });
    finds(
        dead_includes,
        "session-gone.txt, which does not exist",
        |root| {
            edit(
                root,
                PAGE,
                "#include session.txt",
                "#include session-gone.txt",
            );
        },
    );
}

#[test]
fn finds_an_include_of_a_missing_anchor() {
    finds(dead_includes, "no line `ANCHOR: helo`", |root| {
        edit(
            root,
            PAGE,
            "#include main.rs:hello",
            "#include main.rs:helo",
        );
    });
    finds(dead_includes, "no line `ANCHOR_END: gather`", |root| {
        edit(
            root,
            "chapters/01-hello-rank/main.rs",
            "ANCHOR_END: gather",
            "ANCHOR_END: x",
        );
    });
    finds(dead_includes, "includes lines `3:9`", |root| {
        edit(
            root,
            PAGE,
            "#include main.rs:hello",
            "#rustdoc_include main.rs:3:9",
        );
    });
}

#[test]
fn finds_a_transcript_that_no_page_shows() {
    finds(
        unused_sessions,
        "no page includes chapters/01-hello-rank/session-new",
        |root| {
            let session = root.join("chapters/01-hello-rank/session-new.txt");
            fs::write(session, "$ mpirun -n 4 hello-rank\n").unwrap();
        },
    );
    finds(unused_sessions, "does not begin with the command", |root| {
        edit(
            root,
            "chapters/01-hello-rank/session.txt",
            "$ mpirun",
            "mpirun",
        );
    });
}

#[test]
fn finds_a_chapter_that_is_not_everywhere() {
    let lacks = |expected: &str, plant: fn(&Path)| finds(lonely_chapters, expected, plant);
    lacks(
        "chapter 01-hello-rank lacks its line in chapters/SUMMARY.md",
        |root| {
            edit(
                root,
                "chapters/SUMMARY.md",
                "(01-hello-rank/README.md)",
                "()",
            );
        },
    );
    lacks(
        "chapter 01-hello-rank lacks a [[bin]] `hello-rank`",
        |root| {
            edit(
                root,
                "Cargo.toml",
                "chapters/01-hello-rank/main.rs",
                "chapters/1/main.rs",
            );
        },
    );
    lacks(
        "chapter 01-hello-rank lacks tests/01_hello_rank.rs",
        |root| {
            let _ = fs::remove_file(root.join("tests/01_hello_rank.rs"));
            // The chapter's test may not be written yet: then this test must fail too.
            assert!(
                lonely_chapters(self::root())
                    .iter()
                    .all(|it| !it.contains("01_hello_rank.rs"))
            );
        },
    );
    lacks(
        "chapter 01-hello-rank lacks chapters/01-hello-rank/chapter.toml",
        |root| {
            fs::remove_file(root.join("chapters/01-hello-rank/chapter.toml")).unwrap();
        },
    );
    lacks(
        "chapter 01-hello-rank lacks chapters/01-hello-rank/README.md",
        |root| {
            fs::remove_file(root.join(PAGE)).unwrap();
        },
    );
    lacks(
        "chapter 01-hello-rank lacks its module in chapters/check.rs",
        |root| {
            edit(
                root,
                "chapters/check.rs",
                "01-hello-rank/check.rs",
                "0/check.rs",
            );
        },
    );
    lacks(
        "chapter 01-hello-rank lacks its entry in `CHAPTERS`",
        |root| {
            edit(
                root,
                "chapters/check.rs",
                "name: \"hello-rank\"",
                "name: \"hello\"",
            );
        },
    );
    lacks("chapter 11-new lacks chapters/11-new/main.rs", |root| {
        fs::create_dir(root.join("chapters/11-new")).unwrap();
    });
    lacks("chapter 12-only-a-test lacks", |root| {
        fs::write(root.join("tests/12_only_a_test.rs"), "").unwrap();
    });
    lacks("chapter 13-only-a-line lacks", |root| {
        edit(
            root,
            "chapters/SUMMARY.md",
            "---",
            "- [x](13-only-a-line/README.md)\n\n---",
        );
    });
}

#[test]
fn finds_a_page_without_its_sections() {
    for section in ["What can go wrong", "Topics for discussion", "Summary"] {
        finds(
            missing_sections,
            &format!("01-hello-rank has no `{section}`"),
            |root| {
                edit(root, PAGE, &format!("## {section}"), "## Something");
            },
        );
    }
    finds(
        missing_sections,
        "has no `What you will be able to do`",
        |root| {
            edit(root, PAGE, "What you will be able to do", "What you may do");
        },
    );
    finds(
        missing_sections,
        "01-hello-rank says Some(\"20\") minutes",
        |root| {
            edit(
                root,
                "chapters/01-hello-rank/chapter.toml",
                "minutes = 20",
                "minutes = 21",
            );
        },
    );
    finds(missing_sections, "01-hello-rank has no picture", |root| {
        let page = read(&root.join(PAGE));
        let picture = Regex::new(r"!\[[^\]]*\]").unwrap();
        fs::write(root.join(PAGE), picture.replace(&page, "![]").as_bytes()).unwrap();
    });
    finds(missing_sections, "01-hello-rank has 0 talking", |root| {
        edit(root, PAGE, "<details class=\"talk\">", "<details>");
    });
}

#[test]
fn finds_a_topic_without_an_answer() {
    let topic = "\n## Topics for discussion\n";
    finds(unanswered_topics, "answers []", |root| {
        edit(root, PAGE, "<details class=\"talk\">", "<p>");
    });
    finds(unanswered_topics, "topics [9, 1, 2", |root| {
        edit(root, PAGE, topic, &format!("{topic}\n9. And then?\n"));
    });
    finds(unanswered_topics, "topics [], answers []", |root| {
        edit(root, PAGE, topic, &format!("{topic}\n## More\n"));
    });
}

#[test]
fn finds_a_quiz_that_cannot_be_answered() {
    finds(
        wrong_quizzes,
        "01-hello-rank/README.md has no quiz",
        |root| {
            edit(root, PAGE, "```quiz", "```text");
        },
    );
    finds(wrong_quizzes, "no choice is marked as right", |root| {
        edit(root, PAGE, "- [x]", "- [ ]");
    });
    finds(
        wrong_quizzes,
        "a second choice is marked as right",
        |root| {
            edit(root, PAGE, "- [ ]", "- [x]");
        },
    );
    finds(wrong_quizzes, "the choice has no answer", |root| {
        edit(root, PAGE, "  :: ", "  ");
    });
}

#[test]
fn a_faulty_quiz_fails_the_build_with_file_and_line() {
    let scratch = scratch();
    copy(&root().join("book"), &scratch.path().join("book"));
    edit(scratch.path(), PAGE, "- [x]", "- [ ]");
    let page = read(&scratch.path().join(PAGE));
    let line = 1 + page.lines().position(|it| it == "```quiz").unwrap();

    let mdbook = book::installed(root()).unwrap();
    let mend = "cargo run --quiet --locked --package author --manifest-path";
    let manifest = root().join("Cargo.toml");
    let output = Command::new(mdbook)
        .arg("build")
        .args([scratch.path().join("book")])
        .env(
            "MDBOOK_PREPROCESSOR__MEND__COMMAND",
            format!("{mend} {} -- book preprocess", manifest.display()),
        )
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = format!("{PAGE}:{line}: quiz: no choice is marked as right");
    assert!(
        !output.status.success() && said.contains(&expected),
        "{said}"
    );
}

#[test]
fn finds_a_drawing_without_words() {
    let drawing = "chapters/01-hello-rank/processes.svg";
    finds(silent_drawings, "has no <title>", |root| {
        edit(root, drawing, "title", "g")
    });
    finds(silent_drawings, "has no <desc>", |root| {
        edit(root, drawing, "desc", "g")
    });
}

#[test]
fn finds_a_median_outside_its_quartiles() {
    let figures = "chapters/09-tuning/figures.md";
    for wrong in ["0.83 (0.88–1.00)", "12.5 (3.00–12.4)"] {
        finds(medians_outside_their_quartiles, wrong, |root| {
            let text = format!("{}| {wrong} |\n", read(&root.join(figures)));
            fs::write(root.join(figures), text).unwrap();
        });
    }
    let session = "chapters/06-collective-io/session-compare.txt";
    finds(medians_outside_their_quartiles, "9.5 (0.95–1.0)", |root| {
        edit(root, session, "0.99 (0.95–1.0)", "9.5 (0.95–1.0)");
    });
}

#[test]
fn finds_a_front_page_that_is_out_of_date() {
    finds(
        wrong_front_page,
        "does not list (\"1\", \"Hello, rank\"",
        |root| {
            edit(
                root,
                "chapters/01-hello-rank/chapter.toml",
                "minutes = 20",
                "minutes = 25",
            );
        },
    );
    finds(wrong_front_page, "\"Hello there\"", |root| {
        edit(root, "chapters/README.md", "[Hello, rank]", "[Hello there]");
    });
    finds(
        wrong_front_page,
        "SUMMARY.md does not call 01-hello-rank",
        |root| {
            edit(
                root,
                "chapters/SUMMARY.md",
                "[Hello, rank]",
                "[Hello there]",
            );
        },
    );
}

#[test]
fn finds_a_chapter_that_does_not_link_its_neighbours() {
    let links = "Before: [Hello, rank](../01-hello-rank/README.md). Next:";
    let chapter_2 = "chapters/02-open-mpio/README.md";
    finds(
        wrong_neighbours,
        "02-open-mpio lacks the link `Before: ",
        |root| {
            edit(root, chapter_2, links, "Next:");
        },
    );
    finds(
        wrong_neighbours,
        "02-open-mpio lacks the link `Next: ",
        |root| {
            edit(root, chapter_2, links, &links.replace("Next", "See"));
        },
    );
    finds(
        wrong_neighbours,
        "01-hello-rank has a link `Before`",
        |root| {
            edit(
                root,
                PAGE,
                "\n## Links\n",
                "\n## Links\n\nBefore: [us](..).\n",
            );
        },
    );
}

#[test]
fn finds_what_is_for_teachers_before_what_is_for_learners() {
    finds(teachers_first, "has grading.md before", |root| {
        let summary = "chapters/SUMMARY.md";
        edit(root, summary, "[Grading](grading.md)", "");
        edit(
            root,
            summary,
            "# Chapters",
            "[Grading](grading.md)\n\n# Chapters",
        );
    });
    finds(
        teachers_first,
        "begins with [\"$ make chapter-1\", \"$ make test\"]",
        |root| {
            edit(root, "chapters/README.md", "$ make watch", "$ make test");
        },
    );
}

#[test]
fn finds_packages_that_the_page_and_the_set_up_do_not_share() {
    let script = "src/workbook/setup.sh";
    finds(wrong_packages, "debian, openmpi", |root| {
        edit(
            root,
            script,
            "openmpi) echo gcc libc6-dev pkg-config",
            "openmpi) echo gcc",
        );
    });
    finds(wrong_packages, "fedora, mpich", |root| {
        edit(root, "chapters/set-up.md", "mpich-devel", "mpich-dev");
    });
    finds(wrong_packages, "homebrew, openmpi", |root| {
        edit(root, "chapters/set-up.md", "open-mpi hdf5-mpi", "open-mpi");
    });
}

#[test]
fn finds_a_variable_that_the_commands_do_not_set() {
    finds(wrong_variables, "OMPI_MCA_btl=^tcp,ofi", |root| {
        edit(
            root,
            "chapters/set-up.md",
            "OMPI_MCA_btl=^tcp,ofi",
            "OMPI_MCA_btl=tcp,ofi",
        );
    });
}

#[test]
fn finds_a_dead_link_beside_the_book() {
    finds(
        dead_links_outside,
        "CONTRIBUTING.md: gone.md is not there",
        |root| {
            fs::write(root.join("CONTRIBUTING.md"), "See [this](gone.md#x).").unwrap();
        },
    );
}

/// Asserts that `check` finds a fault that contains `expected` in pages made of `planted`,
/// and none in the same pages without it.
#[track_caller]
fn finds_in_page(check: fn(&Path) -> Faults, expected: &str, planted: &str) {
    let book = tempfile::tempdir().unwrap();
    let good = r##"<h1 id="top">x</h1><a href="two.html#there">y</a> <a href="#top">up</a>
        <img src="a%20b.svg" alt="z"><a href="https://docs.rs/mpi">elsewhere</a>"##;
    fs::write(book.path().join("one.html"), good).unwrap();
    fs::write(book.path().join("two.html"), "<p id='there'>x</p>").unwrap();
    fs::write(book.path().join("a b.svg"), "<svg></svg>").unwrap();
    assert_eq!(check(book.path()), Faults::new(), "the good page");
    fs::write(book.path().join("one.html"), format!("{good}{planted}")).unwrap();
    let faults = check(book.path());
    assert!(
        faults.iter().any(|it| it.contains(expected)),
        "`{expected}` was not found in `{planted}`: {faults:#?}"
    );
}

#[test]
fn finds_an_anchor_on_a_page() {
    finds_in_page(
        visible_anchors,
        "ANCHOR: hello",
        "<pre>// ANCHOR: hello</pre>",
    );
    finds_in_page(visible_anchors, "{{#include", "<p>{{#include gone.rs}}</p>");
}

#[test]
fn finds_a_quiz_without_an_answer() {
    let choice = |kind: &str| {
        format!(
            "<p><input type=radio name=quiz-1 id=x><label for=x>x</label>
            <span role=status><span class='answer {kind}'>y</span></span></p>"
        )
    };
    let quiz =
        |choices: &str| format!("<fieldset class=quiz id=quiz-1>{choices}</fieldset>");
    let [right, wrong] = ["is-right", "is-wrong"].map(choice);
    let silent = right.replace("answer", "");
    for (choices, expected) in [
        (right.repeat(2), "2 right choices"),
        (wrong.repeat(2), "0 right choices"),
        (right.clone(), "1 buttons"),
        (wrong + &silent, "2 buttons, 2 labels, 1 answers"),
    ] {
        finds_in_page(unanswered_quizzes, expected, &quiz(&choices));
    }
    let text = "<pre><code class='language-quiz'>What?</code></pre>";
    finds_in_page(unanswered_quizzes, "shows a quiz as text", text);
}

#[test]
fn finds_a_dead_link() {
    finds_in_page(
        dead_links,
        "three.html, which is not there",
        "<a href='three.html'>x</a>",
    );
    finds_in_page(
        dead_links,
        "no place of that name",
        "<a href='two.html#nowhere'>x</a>",
    );
    finds_in_page(
        dead_links,
        "no place of that name",
        "<a href='#nowhere'>x</a>",
    );
    finds_in_page(dead_links, "img leads to gone.svg", "<img src='gone.svg'>");
    finds_in_page(
        dead_links,
        "script leads to x.js",
        "<script src='x.js'></script>",
    );
}

#[test]
fn finds_a_resource_from_another_host() {
    for planted in [
        "<script src='https://example.org/x.js'></script>",
        "<img src='http://example.org/x.png'>",
        "<link rel='stylesheet' href='//example.org/x.css'>",
        "<style>@import 'https://example.org/x.css';</style>",
        "<style>@font-face { src: url(\"https://example.org/x.woff2\") }</style>",
    ] {
        finds_in_page(foreign_resources, "example.org", planted);
    }
}

#[test]
fn finds_a_file_that_is_no_page() {
    let book = tempfile::tempdir().unwrap();
    assert_eq!(stray_files(book.path()), Faults::new());
    fs::write(book.path().join("main.rs"), "").unwrap();
    assert_eq!(
        stray_files(book.path()),
        ["main.rs is no page and no picture"]
    );
}
