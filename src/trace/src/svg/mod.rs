//! A run as SVG, for the book: no wider than a phone, on paper of its own, with its content
//! in words for those who cannot see it.

mod files;
mod paper;
mod time;

use crate::model::Trace;
use crate::prose::{self, Show};

use paper::Paper;
pub(crate) use paper::escaped;

/// The files of a run as strips, with who asked for and who moved which bytes.
///
/// Deterministic: equal for two runs that did the same.
pub fn file_strip(trace: &Trace) -> String {
    draw(trace, Show::File)
}

/// The calls of a run: time against rank.
pub fn time_lines(trace: &Trace) -> String {
    draw(trace, Show::Time)
}

/// What `show` says of a run.
pub fn draw(trace: &Trace, show: Show) -> String {
    let mut paper = Paper::default();
    let mut description = Vec::new();
    if show != Show::Time {
        files::draw(&mut paper, trace);
        for file in 0..trace.files.len() {
            description.extend(prose::one_file(trace, file));
        }
    }
    if show == Show::Both {
        paper.down(10.0);
    }
    if show != Show::File {
        time::draw(&mut paper, trace);
        description.extend(prose::time(trace));
    }
    let title = match show {
        Show::File => "Who asked for which bytes, and who moved them",
        Show::Time => "What each rank called, and when",
        Show::Both => "Who asked for which bytes, who moved them, and when",
    };
    paper.finish(
        &format!("{title}: {}", trace.command),
        &description.join(" "),
    )
}
