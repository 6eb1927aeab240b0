//! A run as a page of its own, for the run of a reader: opened from disk, without network.
//!
//! The page is `page.html` with `page.css`, `page.js` and the run in it. What comes from the
//! run, names of files above all, is data for the script, or escaped.

use serde::Serialize;
use serde_json::{Value, json};

use crate::extents::{Kind, Section, sections};
use crate::model::{Access, Trace};
use crate::prose;
use crate::svg::escaped;

/// No more pieces that are in no pattern are in a page.
const MOST_RUNS: usize = 100_000;

/// The page, whole.
pub fn draw(trace: &Trace) -> String {
    let mut notes = trace.notes.clone();
    let mut runs: Vec<Run> = Vec::new();
    for (touches, asked) in [(&trace.asked, true), (&trace.moved, false)] {
        let mut found = runs_of(touches, asked);
        if found.len() > MOST_RUNS {
            notes.push(format!(
                "of what was {}, the page holds the first {MOST_RUNS} of {} pieces",
                if asked { "asked for" } else { "moved" },
                found.len()
            ));
            found.truncate(MOST_RUNS);
        }
        runs.append(&mut found);
    }
    let files: Vec<Value> = trace
        .files
        .iter()
        .enumerate()
        .map(|(index, file)| {
            let sections: Vec<Value> = sections(trace, index).iter().map(section).collect();
            json!({ "name": file.name, "size": file.size, "sections": sections })
        })
        .collect();
    let data = json!({
        "ranks": trace.ranks,
        "files": files,
        "spans": trace.spans,
        "runs": runs,
    });
    // Inside a script element, only `<` could end it.
    let data = data.to_string().replace('<', "\\u003c");
    let notes: String = notes
        .iter()
        .map(|it| format!("<p class=\"note\">Note: {}.</p>\n", escaped(it)))
        .collect();
    let mut told: Vec<String> = (0..trace.files.len())
        .map(|it| prose::one_file(trace, it).join(" "))
        .collect();
    told.push(prose::time(trace).join(" "));
    let told: String = told
        .iter()
        .map(|it| format!("<p>{}</p>\n", escaped(it)))
        .collect();
    format!(
        include_str!("page.html"),
        style = include_str!("page.css"),
        script = include_str!("page.js"),
        command = escaped(&trace.command),
        libraries = escaped(&trace.libraries.join(", ")),
        notes = notes,
        words = told,
        data = data,
    )
}

fn section(section: &Section) -> Value {
    let (kind, name, chunks) = match &section.kind {
        Kind::Dataset(path, chunks) => ("dataset", path.clone(), chunks.clone()),
        Kind::Metadata => ("metadata", String::new(), Vec::new()),
        Kind::Untouched(paths) => {
            let paths: Vec<String> = paths.iter().cloned().collect();
            ("untouched", record::prose::list(&paths), Vec::new())
        }
        Kind::Unknown => ("unknown", String::new(), Vec::new()),
        Kind::Beyond => ("beyond", String::new(), Vec::new()),
    };
    let chunks: Vec<[u64; 2]> = chunks.iter().map(|it| [it.start, it.end]).collect();
    json!({
        "start": section.bytes.start,
        "end": section.bytes.end,
        "kind": kind,
        "name": name,
        "chunks": chunks,
    })
}

/// Extents of equal length at equal distances, touched by one rank in one call.
#[derive(Debug, PartialEq, Serialize)]
struct Run {
    asked: bool,
    rank: usize,
    file: usize,
    write: bool,
    start: u64,
    length: u64,
    stride: u64,
    count: u64,
    /// When the first began, and the last.
    at: u64,
    until: u64,
    span: Option<usize>,
    by: String,
}

fn runs_of(touches: &[Access], asked: bool) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for touch in touches.iter().filter(|it| it.start < it.end) {
        let length = touch.end - touch.start;
        if let Some(last) = runs.last_mut()
            && (last.rank, last.file, last.write) == (touch.rank, touch.file, touch.write)
            && (last.span, last.length, &last.by) == (touch.span, length, &touch.by)
            && touch.start >= last.start + length
            && (last.count == 1 || touch.start == last.start + last.count * last.stride)
        {
            last.stride = (touch.start - last.start) / last.count;
            last.count += 1;
            last.until = touch.at;
            continue;
        }
        runs.push(Run {
            asked,
            rank: touch.rank,
            file: touch.file,
            write: touch.write,
            start: touch.start,
            length,
            stride: length,
            count: 1,
            at: touch.at,
            until: touch.at,
            span: touch.span,
            by: touch.by.clone(),
        });
    }
    runs
}
