//! `make print`: the book on paper, as a PDF.
//!
//! mdBook puts all pages into one. Here that page gets a title, a table of contents and the
//! style of `book/print.css`; what is folded away is opened, and the answers to the questions
//! go to the end, where they are not seen too early. A headless Chromium makes the PDF.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use launch::supervise::supervise;
use regex::{Captures, Regex};
use serde_json::json;

use crate::book;
use crate::slides::{self, Colours};

/// Chromium takes a few seconds; on a busy machine longer.
const LIMIT: Duration = Duration::from_secs(300);

/// Makes the PDF in `target/print`, and returns its path.
pub fn build(root: &Path) -> Result<PathBuf> {
    let file = root.join("target/print/parallel-hdf5-workbook.pdf");
    build_into(root, &file)?;
    Ok(file)
}

/// Makes the PDF of the workbook in `root`, and writes it to `file`.
pub fn build_into(root: &Path, file: &Path) -> Result<()> {
    let chromium = chromium()?;
    let folder = file.parent().context("a file lies in a folder")?;
    std::fs::create_dir_all(folder)?;
    // Not in /tmp: a browser that is installed as a snap cannot read there.
    let work = tempfile::tempdir_in(folder)?;
    let output = json!({ "html": { "print": { "enable": true } } });
    book::render(root, work.path(), &output)?;
    let read = |file: &Path| {
        std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))
    };
    let all = read(&work.path().join("print.html"))?;
    let style = read(&root.join("book/print.css"))?;
    let page = edition(&all, &style, &Colours::of(work.path())?)?;
    let edition = work.path().join("edition.html");
    std::fs::write(&edition, page)?;

    let made = work.path().join("made.pdf");
    let mut command = Command::new(&chromium);
    command
        .args(CHROMIUM_OPTIONS)
        .args(["--no-pdf-header-footer", "--generate-pdf-document-outline"])
        .arg(format!(
            "--user-data-dir={}",
            work.path().join("profile").display()
        ))
        .arg(format!("--print-to-pdf={}", made.display()));
    command.arg(format!(
        "file://{}",
        std::path::absolute(&edition)?.display()
    ));
    let outcome = supervise(command, LIMIT, |_| {})?;
    if !outcome.ended.success() || !made.is_file() {
        let said: Vec<&str> = outcome.lines.iter().map(|it| it.text.as_str()).collect();
        bail!(
            "{} made no PDF ({}):\n{}",
            chromium.display(),
            outcome.ended,
            said.join("\n")
        );
    }
    std::fs::rename(&made, file).with_context(|| format!("cannot write {}", file.display()))
}

/// The names under which the browser is usually found.
pub(crate) const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser without a window, that asks nobody in the network for anything. (Its sandbox does
/// not run as root, nor where there are no user namespaces. The pages are our own.)
pub const CHROMIUM_OPTIONS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-breakpad",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
];

/// The browser: what `CHROME` or `CHROMIUM` names, or one of the usual names in the `PATH`.
///
/// # Errors
/// If there is none; says how to get one.
pub fn chromium() -> Result<PathBuf> {
    let given = ["CHROME", "CHROMIUM"]
        .into_iter()
        .find_map(std::env::var_os);
    chromium_in(given, &std::env::var_os("PATH").unwrap_or_default())
}

/// The same, of these two variables.
///
/// # Errors
/// If there is none; says how to get one.
pub fn chromium_in(given: Option<OsString>, path: &OsStr) -> Result<PathBuf> {
    if let Some(program) = given.filter(|it| !it.is_empty()) {
        return Ok(program.into());
    }
    let found = BROWSERS
        .into_iter()
        .flat_map(|name| std::env::split_paths(path).map(move |folder| folder.join(name)))
        .find(|it| it.is_file());
    found.context(
        "no browser: install Chromium (Debian: apt-get install chromium), or put the path of \
         a browser of its family into the variable CHROME",
    )
}

/// What is to be printed, from mdBook's page with all pages.
fn edition(all: &str, style: &str, colours: &Colours) -> Result<String> {
    let begin = all.find("<main>").context("mdBook's page has no <main>")? + "<main>".len();
    let end = all
        .rfind("</main>")
        .context("mdBook's page has no end of <main>")?;
    let mut answers = String::new();
    let main = questions(&all[begin..end], &mut answers)?;
    let main = printed_tables(&main)?;
    let main = main.replace("<details class=\"talk\"", "<details open class=\"talk\"");
    let contents = contents(&main)?;
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>Parallel HDF5 in Rust</title>\n<style>\n{}\n{style}</style>\n</head>\n<body>\n\
         <section class=\"cover\"><p class=\"name\">Parallel HDF5 in Rust</p>\n\
         <p>A workbook: how many processes share one HDF5 file, by running it</p>\n\
         <p class=\"about\">Release {}. Every listing is cut out of a program that is compiled, \
         every output is the record of a run.</p></section>\n\
         <nav class=\"contents\"><p class=\"name\">Contents</p>\n{contents}</nav>\n\
         <main>\n{main}\n<h1 id=\"answers\">Answers to the questions</h1>\n{answers}</main>\n\
         <script>\n{}\n\
         document.querySelectorAll('code[class^=language-]').forEach(it => {{\n\
             if (/language-(rust|python)/.test(it.className)) hljs.highlightBlock(it);\n\
         }});\n</script>\n</body>\n</html>\n",
        colours.light,
        env!("CARGO_PKG_VERSION"),
        colours.script
    ))
}

/// The page with smaller letters for tables that a program has printed, and that would be
/// broken otherwise. A line of paper holds as many letters as one of a slide.
fn printed_tables(main: &str) -> Result<String> {
    let listing =
        Regex::new(r#"(?s)<pre><code class="language-(?:console|text)">(.*?)</code>"#)?;
    let smaller = |found: &Captures| match slides::scale(&found[1]) {
        1.0 => found[0].to_owned(),
        scale => found[0].replacen(
            "<code ",
            &format!("<code style=\"font-size: {scale:.2}em\" "),
            1,
        ),
    };
    Ok(listing.replace_all(main, smaller).into_owned())
}

/// The parts and chapters, with links.
fn contents(main: &str) -> Result<String> {
    let heading = Regex::new(
        r#"(?s)<h([12]) id="([^"]+)"><a class="header" href="[^"]*">(.*?)</a></h[12]>"#,
    )?;
    let mut list = String::new();
    for found in heading.captures_iter(main) {
        let (level, id, title) = (&found[1], &found[2], &found[3]);
        if title == "Links" {
            continue; // nobody looks for them here
        }
        let _ = writeln!(
            list,
            "<p class=\"level-{level}\"><a href=\"#{id}\">{title}</a></p>"
        );
    }
    list += "<p class=\"level-1\"><a href=\"#answers\">Answers to the questions</a></p>\n";
    Ok(list)
}

/// The page with its questions numbered and without their answers, which go to `answers`.
fn questions(main: &str, answers: &mut String) -> Result<String> {
    let quiz = Regex::new(r#"(?s)<fieldset class="quiz".*?</fieldset>"#)?;
    let question = Regex::new(r#"(?s)<span id="quiz-\d+-question[^"]*">(.*?)</span></p>"#)?;
    let choice = Regex::new(
        r#"(?s)<label for="[^"]*">(.*?)</label>.*?<span class="answer (is-right|is-wrong)"><strong>.*?</strong> (.*?)</span></span>"#,
    )?;
    let mut number = 0;
    let mut unreadable = None;
    let replaced = quiz.replace_all(main, |found: &Captures| {
        number += 1;
        // mdBook makes the names differ, as on its page there are several with the same one.
        let text = question.captures(&found[0]).map(|it| it[1].to_owned());
        if text.is_none() || choice.captures_iter(&found[0]).count() < 2 {
            unreadable = Some(found[0].to_owned());
        }
        let text = text.unwrap_or_default();
        let mut shown = format!(
            "<div class=\"question\" id=\"question-{number}\"><p><b>Question {number}.</b> \
             {text}</p><ol type=\"a\">"
        );
        let _ = write!(
            answers,
            "<div class=\"answers\" id=\"answer-{number}\"><p><a href=\"#question-{number}\">\
             Question {number}</a></p><ol type=\"a\">"
        );
        for it in choice.captures_iter(&found[0]) {
            let _ = write!(shown, "<li>{}</li>", &it[1]);
            let right = match &it[2] {
                "is-right" => "<b>Right.</b>",
                _ => "No.",
            };
            let _ = write!(answers, "<li>{right} {}</li>", &it[3]);
        }
        *answers += "</ol></div>\n";
        shown += &format!(
            "</ol><p class=\"see\"><a href=\"#answer-{number}\">The answers are at the end.</a>\
             </p></div>"
        );
        shown
    });
    match unreadable {
        Some(quiz) => bail!("mdBook has made something unexpected of a question:\n{quiz}"),
        None => Ok(replaced.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quiz;

    #[test]
    fn a_printed_table_keeps_its_lines() {
        let table = |width| {
            let line = "-".repeat(width);
            format!("<pre><code class=\"language-text\">$ a\n|{line}|\n</code></pre>")
        };
        assert_eq!(printed_tables(&table(90)).unwrap(), table(90));
        let smaller = printed_tables(&table(134)).unwrap();
        assert!(
            smaller.contains("<code style=\"font-size: 0.75em\" class="),
            "{smaller}"
        );
    }

    #[test]
    fn answers_go_to_the_end_and_headings_into_the_contents() {
        let quiz = "```quiz\nWhich?\n\n- [ ] One :: Too few.\n- [x] Two :: Just so.\n```\n";
        let quiz = quiz::to_html(quiz).unwrap();
        // As mdBook puts paragraphs around it.
        let line = Regex::new("(?m)^(<span|<input)(.*)$").unwrap();
        let quiz = line.replace_all(&quiz, "<p>$1$2</p>");
        let page = format!(
            "<body><main><h1 id=\"a\"><a class=\"header\" href=\"#a\">A <em>b</em></a></h1>{quiz}\
             <details class=\"talk\"></details></main></body>"
        );
        let colours = Colours::default();
        let edition = edition(&page, "p {}", &colours).unwrap();
        assert!(
            edition.contains("<p class=\"level-1\"><a href=\"#a\">A <em>b</em></a></p>")
        );
        assert!(
            edition.contains("<p><b>Question 1.</b> Which?</p>"),
            "{edition}"
        );
        let (before, after) = edition.split_once("<h1 id=\"answers\">").unwrap();
        assert!(
            before.contains("<li>Two</li>") && !before.contains("Just so"),
            "{edition}"
        );
        assert!(after.contains("<li>No. Too few.</li><li><b>Right.</b> Just so.</li>"));
        assert!(before.contains("<details open class=\"talk\">"));
    }
}
