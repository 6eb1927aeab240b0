//! What was found: a table for people, and files for machines. The same marks make the same
//! files, byte for byte: no times are in them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use unicode_width::UnicodeWidthStr as _;
use workbook::exercise::verdict::counts;

use super::submission::printable;
use super::{Graded, Mark, Marks, Report, Request};

const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const QUIET: Style = Style::new().dimmed();

impl Mark {
    /// In the table.
    fn symbol(self) -> &'static str {
        match self {
            Mark::Passes => "✓",
            Mark::WrongResult => "✗",
            Mark::WrongInSilence => "~",
            Mark::RankFailed => "!",
            Mark::Hangs => "H",
            Mark::OverLimit => "L",
            Mark::DoesNotCompile => "C",
            Mark::Untouched => "=",
            Mark::Missing => "·",
            Mark::Unreadable => "?",
            Mark::NotGraded => "E",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Mark::Passes => "passes",
            Mark::WrongResult => "wrong result",
            Mark::WrongInSilence => "wrong in silence",
            Mark::RankFailed => "a rank failed",
            Mark::Hangs => "it hangs",
            Mark::OverLimit => "over the limit",
            Mark::DoesNotCompile => "does not compile",
            Mark::Untouched => "still the starter",
            Mark::Missing => "not handed in",
            Mark::Unreadable => "cannot be read",
            Mark::NotGraded => "not graded, the workbook failed",
        }
    }

    /// As in JSON and CSV.
    fn name(self) -> String {
        let quoted = serde_json::to_string(&self).unwrap_or_default();
        quoted.trim_matches('"').to_owned()
    }

    fn style(self) -> Style {
        match self {
            Mark::Passes => GOOD,
            Mark::Untouched | Mark::Missing => QUIET,
            _ => BAD,
        }
    }
}

impl Report {
    /// For people: a line for each submission, then what the signs mean, then notes.
    pub(super) fn table(&self) -> String {
        // Nobody wants to see a column of exercises that were not set.
        let columns: Vec<usize> = (0..self.exercises.len())
            .filter(|column| {
                let mut all = self.submissions.iter();
                all.any(|it| it.exercises[*column].mark != Mark::Missing)
            })
            .collect();
        let names = self.submissions.iter().map(|it| it.name.width());
        let width = names.max().unwrap_or(0).max("submission".len());
        let mut text = format!("{BOLD}{:width$}", "submission");
        for &column in &columns {
            let _ = write!(text, " {:>4}", self.exercises[column].exercise);
        }
        let _ = writeln!(text, "  passed{BOLD:#}");
        let mut used = BTreeSet::new();
        for submission in &self.submissions {
            let fill = width - submission.name.width();
            let _ = write!(text, "{}{:fill$}", submission.name, "");
            for &column in &columns {
                let mark = submission.exercises[column].mark;
                used.insert(mark);
                let style = mark.style();
                let _ = write!(text, " {style}{:>4}{style:#}", mark.symbol());
            }
            let _ = writeln!(text, "  {} of {}", submission.passed, submission.of);
        }
        for signs in used.iter().collect::<Vec<_>>().chunks(4) {
            let signs: Vec<String> = signs
                .iter()
                .map(|it| format!("{} {}", it.symbol(), it.words()))
                .collect();
            let _ = writeln!(text, "{QUIET}{}{QUIET:#}", signs.join("   "));
        }
        let absent: Vec<&str> = (0..self.exercises.len())
            .filter(|it| !columns.contains(it))
            .map(|it| self.exercises[it].exercise.as_str())
            .collect();
        if !absent.is_empty() {
            let _ = writeln!(text, "Nobody handed in {}.", absent.join(", "));
        }
        for (note, places) in self.notes() {
            let _ = writeln!(text, "{}: {note}", places.join(", "));
        }
        text
    }

    /// All notes, and why files were not read or graded: each once, with its places.
    fn notes(&self) -> Vec<(String, Vec<String>)> {
        let mut all: Vec<(String, Vec<String>)> = Vec::new();
        let mut add = |note: &str, place: String| {
            let note = printable(&note.replace('\n', " "));
            match all.iter_mut().find(|it| it.0 == note) {
                Some(known) => known.1.push(place),
                None => all.push((note, vec![place])),
            }
        };
        for submission in &self.submissions {
            for note in &submission.notes {
                add(note, submission.name.clone());
            }
            for exercise in &submission.exercises {
                let place = || format!("{} {}", submission.name, exercise.exercise);
                for note in &exercise.notes {
                    add(note, place());
                }
                if matches!(exercise.mark, Mark::NotGraded | Mark::Unreadable) {
                    add(&exercise.text, place());
                }
            }
        }
        all
    }

    /// Writes the files that were asked for.
    pub(super) fn write(&self, request: &Request) -> Result<()> {
        let write = |file: &Path, bytes: Vec<u8>| {
            std::fs::write(file, bytes)
                .with_context(|| format!("cannot write {}", file.display()))
        };
        if let Some(file) = &request.json {
            let mut bytes = serde_json::to_vec_pretty(self)?;
            bytes.push(b'\n');
            write(file, bytes)?;
        }
        if let Some(file) = &request.csv {
            write(file, self.csv()?)?;
        }
        if let Some(file) = &request.junit {
            write(file, self.junit()?)?;
        }
        if let Some(folder) = &request.texts {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
            for submission in &self.submissions {
                let name = submission.name.replace('/', "-");
                let file = folder.join(format!("{}.txt", name.trim_start_matches('.')));
                write(&file, submission.text().into_bytes())?;
            }
        }
        Ok(())
    }

    /// A row for each submission, a column for each exercise.
    fn csv(&self) -> Result<Vec<u8>> {
        let mut rows = csv::Writer::from_writer(Vec::new());
        let mut head = vec![
            "submission".to_owned(),
            "passed".to_owned(),
            "of".to_owned(),
        ];
        head.extend(self.exercises.iter().map(|it| it.exercise.clone()));
        rows.write_record(&head)?;
        for submission in &self.submissions {
            let mut row = vec![
                harmless(&submission.name),
                submission.passed.to_string(),
                submission.of.to_string(),
            ];
            row.extend(submission.exercises.iter().map(|it| it.mark.name()));
            rows.write_record(&row)?;
        }
        Ok(rows.into_inner()?)
    }

    /// JUnit XML, which many systems show: a suite for each submission.
    fn junit(&self) -> Result<Vec<u8>> {
        let mut xml = quick_xml::Writer::new_with_indent(Vec::new(), b' ', 2);
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        xml.write_event(Event::Start(BytesStart::new("testsuites")))?;
        for submission in &self.submissions {
            let count = |is: &dyn Fn(Mark) -> bool| {
                let all = submission.exercises.iter();
                all.filter(|it| is(it.mark)).count().to_string()
            };
            let mut suite = BytesStart::new("testsuite");
            let name = for_xml(&submission.name);
            suite.push_attribute(("name", name.as_str()));
            let tests = submission.exercises.len().to_string();
            suite.push_attribute(("tests", tests.as_str()));
            let failures = count(&|it| kind(it) == Some("failure"));
            suite.push_attribute(("failures", failures.as_str()));
            let errors = count(&|it| kind(it) == Some("error"));
            suite.push_attribute(("errors", errors.as_str()));
            let skipped = count(&|it| kind(it) == Some("skipped"));
            suite.push_attribute(("skipped", skipped.as_str()));
            xml.write_event(Event::Start(suite))?;
            for exercise in &submission.exercises {
                let mut case = BytesStart::new("testcase");
                case.push_attribute(("classname", name.as_str()));
                let title = format!("{} {}", exercise.exercise, exercise.title);
                case.push_attribute(("name", title.as_str()));
                let Some(kind) = kind(exercise.mark) else {
                    xml.write_event(Event::Empty(case))?;
                    continue;
                };
                xml.write_event(Event::Start(case))?;
                let mut element = BytesStart::new(kind);
                let message = exercise.sentence();
                element.push_attribute(("message", message.as_str()));
                let mark = exercise.mark.name();
                if kind != "skipped" {
                    element.push_attribute(("type", mark.as_str()));
                }
                xml.write_event(Event::Start(element))?;
                let text = for_xml(&exercise.text);
                xml.write_event(Event::Text(BytesText::new(&text)))?;
                xml.write_event(Event::End(BytesEnd::new(kind)))?;
                xml.write_event(Event::End(BytesEnd::new("testcase")))?;
            }
            xml.write_event(Event::End(BytesEnd::new("testsuite")))?;
        }
        xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
        let mut bytes = xml.into_inner();
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// What JUnit calls it; nothing if it passes.
fn kind(mark: Mark) -> Option<&'static str> {
    match mark {
        Mark::Passes => None,
        Mark::Untouched | Mark::Missing => Some("skipped"),
        Mark::NotGraded => Some("error"),
        _ => Some("failure"),
    }
}

impl Graded {
    /// `wrong result with 2 ranks`
    fn sentence(&self) -> String {
        let words = self.mark.words();
        match (self.mark, self.ranks) {
            (Mark::Passes, _) => format!("passes with {}", counts(&self.passed_at)),
            (_, Some(ranks)) => format!("{words} with {}", counts(&[ranks])),
            (_, None) => words.to_owned(),
        }
    }
}

impl Marks {
    /// For the one who handed it in: what the check of each exercise would have told them.
    fn text(&self) -> String {
        let mut text = format!("{}: {} of {} pass\n", self.name, self.passed, self.of);
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        for exercise in &self.exercises {
            text.push('\n');
            match exercise.shown.is_empty() {
                false => _ = writeln!(text, "{}", exercise.shown),
                true => {
                    let _ = writeln!(
                        text,
                        "{} {}: {}",
                        exercise.exercise,
                        exercise.title,
                        exercise.mark.words()
                    );
                }
            }
            for note in &exercise.notes {
                let _ = writeln!(text, "  {note}");
            }
        }
        text
    }
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}

/// Without the characters that XML does not have at all.
fn for_xml(text: &str) -> String {
    let has = |it: &char| {
        matches!(it, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}'
            | '\u{10000}'..)
    };
    text.chars().filter(has).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let graded = |exercise: &str, mark| Graded {
            exercise: exercise.into(),
            title: "A <title>".into(),
            file: None,
            mark,
            text: "1 < 2 & \u{0}\u{1b}more ]]>".into(),
            ranks: Some(2),
            given: String::new(),
            passed_at: vec![],
            failed_at: vec![2],
            not_tried_at: vec![],
            notes: vec![],
            shown: String::new(),
        };
        let marks = |name: &str, marks: [Mark; 3]| Marks {
            name: name.into(),
            folder: name.into(),
            passed: 1,
            of: 3,
            notes: vec![],
            exercises: ["3.1", "3.2", "3.3"]
                .into_iter()
                .zip(marks)
                .map(|(exercise, mark)| graded(exercise, mark))
                .collect(),
        };
        Report {
            workbook: "1",
            with: ["MPI".into(), "HDF5".into()],
            seed: 1,
            isolation: "in cells".into(),
            exercises: ["3.1", "3.2", "3.3"]
                .map(|it| super::super::Named {
                    exercise: it.into(),
                    title: "A <title>".into(),
                })
                .into(),
            submissions: vec![
                marks("ada", [Mark::Passes, Mark::Hangs, Mark::Missing]),
                marks(
                    "=1+1, \"b\"",
                    [Mark::Untouched, Mark::Passes, Mark::Missing],
                ),
            ],
        }
    }

    #[test]
    fn a_name_is_no_formula_in_a_spreadsheet() {
        let csv = String::from_utf8(report().csv().unwrap()).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], "submission,passed,of,3.1,3.2,3.3");
        assert_eq!(lines[1], "ada,1,3,passes,hangs,missing");
        assert_eq!(
            lines[2],
            "\"'=1+1, \"\"b\"\"\",1,3,untouched,passes,missing"
        );
    }

    #[test]
    fn junit_holds_only_what_xml_can() {
        let xml = String::from_utf8(report().junit().unwrap()).unwrap();
        assert!(
            xml.contains("<testsuite name=\"ada\" tests=\"3\" failures=\"1\""),
            "{xml}"
        );
        assert!(xml.contains("type=\"hangs\""), "{xml}");
        assert!(xml.contains("1 &lt; 2 &amp; more ]]&gt;"), "{xml}");
        assert!(!xml.contains(['\u{0}', '\u{1b}']), "{xml}");
        let mut reader = quick_xml::Reader::from_str(&xml);
        loop {
            match reader.read_event().expect("it is XML") {
                Event::Eof => break,
                _ => continue,
            }
        }
    }

    #[test]
    fn a_table_shows_what_was_handed_in() {
        let table = anstream::adapter::strip_str(&report().table()).to_string();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "submission  3.1  3.2  passed");
        assert_eq!(lines[1], "ada           ✓    H  1 of 3");
        assert_eq!(lines[2], "=1+1, \"b\"     =    ✓  1 of 3");
        assert_eq!(lines[3], "✓ passes   H it hangs   = still the starter");
        assert_eq!(lines[4], "Nobody handed in 3.3.");
    }
}
