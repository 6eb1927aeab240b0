//! From the record of a run to what is drawn of it.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use record::{Call, Lines, Record, State};

use crate::layout::{Layout, Storage};
use crate::{Access, File, Part, Span, Trace, What, bytes, calls};

/// No more pieces are drawn of what was asked for, nor of what was moved.
const MOST_TOUCHES: usize = 20_000;
/// No more calls are drawn of a rank.
const MOST_SPANS: usize = 20_000;

/// What is known of a run besides its record.
pub struct Run<'a> {
    /// The command as a reader types it.
    pub command: String,
    /// The folder whose files are shown by their names alone.
    pub folder: Option<PathBuf>,
    /// Why the run was stopped, if it did not end by itself: `no end after 5 s, so it was
    /// stopped`.
    pub stopped: Option<String>,
    /// Finds the line of the program that made a call.
    pub lines: Lines<'a>,
    /// Says what lies where in a file, or why that is not known.
    pub layout: &'a dyn Fn(&Path) -> Result<Layout, String>,
}

/// What is drawn of the run.
pub fn trace(record: &Record, run: &Run) -> Trace {
    let names = Names::of(record);
    let files = files(record, &names, run);
    let index: HashMap<&str, usize> = files
        .iter()
        .enumerate()
        .map(|(n, file)| (file.path.as_str(), n))
        .collect();
    let file_of = |path: &str, at: u64| index.get(names.last(path, at).as_str()).copied();

    let calls = || record.ranks.iter().flat_map(|rank| &rank.calls);
    let began = calls().filter(|it| is_drawn(it)).map(|it| it.at).min();
    let began = began.unwrap_or(0);
    let mut trace = Trace {
        command: run.command.clone(),
        libraries: libraries(record),
        ranks: record.ranks.len(),
        ..Trace::default()
    };
    let mut notes = Notes::default();

    // The calls, and which span each of them is.
    let mut span_of = HashMap::new();
    for rank in &record.ranks {
        let drawn = || rank.calls.iter().enumerate().filter(|(_, it)| is_drawn(it));
        for (n, call) in drawn().take(MOST_SPANS) {
            span_of.insert((rank.rank, n), trace.spans.len());
            let file = call.file.as_deref().and_then(|it| file_of(it, call.at));
            trace.spans.push(Span {
                rank: rank.rank,
                call: call.name.clone(),
                words: calls::words(call),
                start: call.at.saturating_sub(began),
                end: call.end.map(|it| it.saturating_sub(began)),
                collective: call.collective,
                waited: call.waited,
                line: (run.lines)(call),
                ok: call.ok,
                file,
            });
        }
        if rank.truncated || drawn().nth(MOST_SPANS).is_some() {
            notes.more_calls.push(rank.rank);
        }
        if rank.moved_truncated {
            notes.more_moved.push(rank.rank);
        }
    }

    // What was asked for. With too many pieces, fewer of each call are kept apart.
    let mut most = 4096;
    loop {
        let asked = asked(record, &files, &file_of, &span_of, began, most);
        if asked.touches.len() <= MOST_TOUCHES || most == 1 {
            notes.asked_inexact = asked.inexact;
            notes.asked_unknown = asked.unknown;
            trace.asked = asked.touches;
            break;
        }
        most /= 4;
    }
    for rank in &record.ranks {
        let moved = rank.moved.iter().filter_map(|it| {
            Some(Access {
                rank: rank.rank,
                file: file_of(&it.file, it.at)?,
                start: it.start,
                end: it.end,
                write: it.write,
                at: it.at.saturating_sub(began),
                span: it.call.and_then(|n| span_of.get(&(rank.rank, n)).copied()),
                by: it.by.clone(),
            })
        });
        trace.moved.extend(moved);
    }
    if trace.moved.len() > MOST_TOUCHES {
        notes.moved_inexact = true;
        trace.moved = thinned(trace.moved);
    }
    trace.notes = notes.finish(record, run, &files);
    trace.files = files.into_iter().map(|it| it.drawn).collect();
    trace
}

/// Starting and ending MPI takes longer than all the rest, and says nothing: it is drawn only
/// if a rank sits in it.
fn is_drawn(call: &Call) -> bool {
    let of_mpi = ["MPI_Init", "MPI_Init_thread", "MPI_Finalize"];
    call.ok.is_none() || !of_mpi.contains(&call.name.as_str())
}

/// `Open MPI 4.1.4`, `HDF5 1.10.8`.
fn libraries(record: &Record) -> Vec<String> {
    let mut all = Vec::new();
    for words in record.ranks.iter().flat_map(|it| &it.libraries) {
        let name = library(words);
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// From a library's own words: `MPICH Version: 4.0.2`.
fn library(words: &str) -> String {
    let is_version = |word: &&str| {
        word.starts_with(|it: char| it.is_ascii_digit()) && word.contains('.')
    };
    let mut parts = words
        .split([' ', '\t', ','])
        .map(|it| it.strip_prefix('v').unwrap_or(it));
    let known = ["Open MPI", "MPICH", "Intel(R) MPI", "HDF5"];
    match (
        known.iter().find(|it| words.starts_with(**it)),
        parts.find(is_version),
    ) {
        (Some(name), Some(version)) => format!("{name} {version}"),
        _ => words.to_owned(),
    }
}

/// One file of the run.
struct Known {
    /// Its last path, without links.
    path: String,
    layout: Option<Layout>,
    /// Why there is none.
    problem: Option<String>,
    drawn: File,
}

/// The files that the program named, and those that were touched for it and are still there.
fn files(record: &Record, names: &Names, run: &Run) -> Vec<Known> {
    let mut ends: BTreeMap<String, (bool, u64)> = BTreeMap::new();
    for rank in &record.ranks {
        let opened = rank.calls.iter().filter(|it| it.ok != Some(false));
        for (path, at) in opened.filter_map(|it| Some((it.file.as_deref()?, it.at))) {
            ends.entry(names.last(path, at)).or_default().0 = true;
        }
        for moved in &rank.moved {
            let end = &mut ends.entry(names.last(&moved.file, moved.at)).or_default().1;
            *end = moved.end.max(*end);
        }
    }
    let folder = run.folder.as_ref();
    let folder = folder.map(|it| std::fs::canonicalize(it).unwrap_or_else(|_| it.clone()));
    let mut files: Vec<Known> = ends
        .into_iter()
        .filter_map(|(path, (named, end))| {
            let there = std::fs::metadata(&path).ok().filter(|it| it.is_file());
            if there.is_none() && !(named && end > 0) {
                return None;
            }
            let layout = match &there {
                Some(_) => (run.layout)(Path::new(&path)),
                None => Err("it is not there any more".to_owned()),
            };
            let (layout, problem) = match layout {
                Ok(layout) => (Some(layout), None),
                Err(problem) => (None, Some(problem)),
            };
            let size = there.map_or(end, |it| it.len());
            let all = Part {
                start: 0,
                end: size,
                what: What::Metadata,
            };
            let parts = match &layout {
                Some(layout) => layout.parts(),
                None => Some(all).into_iter().filter(|it| it.end > 0).collect(),
            };
            let short = folder
                .as_ref()
                .and_then(|it| Path::new(&path).strip_prefix(it).ok());
            let name = short.map_or_else(|| path.clone(), |it| it.display().to_string());
            Some(Known {
                path,
                layout,
                problem,
                drawn: File { name, size, parts },
            })
        })
        .collect();
    files.sort_by(|one, other| one.drawn.name.cmp(&other.drawn.name));
    files
}

struct Asked {
    touches: Vec<Access>,
    /// How many calls are drawn as one piece because they had too many.
    inexact: usize,
    /// How many calls are not drawn, because it is not known which bytes they mean.
    unknown: usize,
}

/// What the program asked for, in at most `most` pieces a call.
fn asked(
    record: &Record,
    files: &[Known],
    file_of: &dyn Fn(&str, u64) -> Option<usize>,
    span_of: &HashMap<(usize, usize), usize>,
    began: u64,
    most: usize,
) -> Asked {
    let mut asked = Vec::new();
    let (mut inexact, mut unknown) = (0, 0);
    for rank in &record.ranks {
        for (n, call) in rank.calls.iter().enumerate() {
            let (Some(path), Some(span)) = (&call.file, span_of.get(&(rank.rank, n)))
            else {
                continue;
            };
            let Some(file) = file_of(path, call.at).filter(|_| call.ok != Some(false))
            else {
                continue;
            };
            let (pieces, write) = match (&call.access, call.range) {
                (Some(access), _) => {
                    let layout = files[file].layout.as_ref();
                    let dataset = call.object.as_deref().zip(layout);
                    let Some(dataset) = dataset.and_then(|(name, it)| it.dataset(name))
                    else {
                        continue;
                    };
                    let shape = call.shape.as_deref().unwrap_or(&dataset.shape);
                    let bytes = bytes::of(&access.selection, shape, dataset, most);
                    inexact += usize::from(!bytes.exact);
                    (bytes.pieces, access.write)
                }
                (None, Some(range)) => (vec![range], call.name.contains("write")),
                (None, None) => {
                    unknown += usize::from(is_transfer(call));
                    continue;
                }
            };
            let pieces = pieces.into_iter().filter(|(start, end)| start < end);
            asked.extend(pieces.map(|(start, end)| Access {
                rank: rank.rank,
                file,
                start,
                end,
                write,
                at: call.at.saturating_sub(began),
                span: Some(*span),
                by: call.name.clone(),
            }));
        }
    }
    Asked {
        touches: asked,
        inexact,
        unknown,
    }
}

/// Whether it is a call of MPI-IO that reads or writes.
fn is_transfer(call: &Call) -> bool {
    ["MPI_File_read", "MPI_File_write"]
        .iter()
        .any(|it| call.name.starts_with(it))
}

/// One piece for each call of the program, from the first byte to the last.
fn thinned(touches: Vec<Access>) -> Vec<Access> {
    let mut thin: Vec<Access> = Vec::new();
    for touch in touches {
        match thin.last_mut() {
            Some(last)
                if (last.rank, last.file, last.write, last.span)
                    == (touch.rank, touch.file, touch.write, touch.span) =>
            {
                last.start = last.start.min(touch.start);
                last.end = last.end.max(touch.end);
            }
            _ => thin.push(touch),
        }
    }
    thin.truncate(MOST_TOUCHES);
    thin
}

#[derive(Default)]
struct Notes {
    more_calls: Vec<usize>,
    more_moved: Vec<usize>,
    asked_inexact: usize,
    asked_unknown: usize,
    moved_inexact: bool,
}

impl Notes {
    fn finish(self, record: &Record, run: &Run, files: &[Known]) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(why) = &run.stopped {
            notes.push(format!("The run did not end by itself: {why}."));
        }
        if record.ranks.iter().any(|it| !it.state.is_over()) {
            let places = record.where_each_rank_sits(run.lines);
            notes.extend(
                places
                    .into_iter()
                    .map(|it| format!("At the end, {}.", it.text)),
            );
        }
        let alone = |it: &&record::RankRecord| it.state == State::NeverStarted;
        if record.ranks.iter().any(|it| alone(&it)) && run.stopped.is_none() {
            notes.push("Of some ranks nothing was recorded.".to_owned());
        }
        if record.surplus > 0 {
            notes.push(format!(
                "{} more processes were ranks of another run, and are not drawn.",
                record.surplus
            ));
        }
        for file in files {
            let name = &file.drawn.name;
            if let Some(problem) = &file.problem {
                notes.push(format!(
                    "What lies where in {name} is not known, nor which bytes were asked for: \
                     {problem}."
                ));
            }
            let Some(layout) = &file.layout else { continue };
            for dataset in &layout.datasets {
                if let Storage::Elsewhere(place) = &dataset.storage {
                    let dataset = dataset.names.first().map_or("", String::as_str);
                    notes.push(format!(
                        "The data of {dataset} in {name} are {place}, not in bytes of their own."
                    ));
                }
            }
            notes.extend(layout.notes.iter().map(|it| format!("{name}: {it}.")));
        }
        if self.asked_inexact > 0 {
            notes.push(format!(
                "{} asked for so many pieces that each is drawn as one, from its first byte to \
                 its last.",
                match self.asked_inexact {
                    1 => "1 call".to_owned(),
                    calls => format!("{calls} calls"),
                }
            ));
        }
        if self.asked_unknown > 0 {
            notes.push(format!(
                "Of {} of MPI-IO it is not known which bytes were asked for: the view of the \
                 file has holes.",
                match self.asked_unknown {
                    1 => "1 call".to_owned(),
                    calls => format!("{calls} calls"),
                }
            ));
        }
        if self.moved_inexact {
            notes.push(
                "So many pieces were moved that those of a call are drawn as one, from its \
                 first byte to its last."
                    .to_owned(),
            );
        }
        for (ranks, what) in [
            (self.more_calls, "made more calls than are drawn"),
            (self.more_moved, "moved more pieces than were recorded"),
        ] {
            if !ranks.is_empty() {
                let mut note = record::prose::ranks(&ranks);
                note.replace_range(0..1, "R");
                notes.push(format!("{note} {what}."));
            }
        }
        notes
    }
}

/// The names of files: what a file is called at last.
struct Names {
    /// (when, from, to), by time.
    renamed: Vec<(u64, String, String)>,
}

impl Names {
    fn of(record: &Record) -> Names {
        let all = record.ranks.iter().flat_map(|it| &it.renamed);
        let mut renamed: Vec<_> = all
            .map(|it| (it.at, without_links(&it.from), without_links(&it.to)))
            .collect();
        renamed.sort();
        Names { renamed }
    }

    /// The last path of the file that had this one at this time, without links.
    fn last(&self, path: &str, at: u64) -> String {
        let mut path = without_links(path);
        for (when, from, to) in &self.renamed {
            if *when >= at && *from == path {
                path.clone_from(to);
            }
        }
        path
    }
}

/// The path without links, also if the file is gone.
fn without_links(path: &str) -> String {
    let path = without_prefix(Path::new(path));
    let whole = std::fs::canonicalize(&path).or_else(|error| {
        let (folder, name) = path.parent().zip(path.file_name()).ok_or(error)?;
        Ok::<_, std::io::Error>(std::fs::canonicalize(folder)?.join(name))
    });
    whole.map_or_else(
        |_| path.display().to_string(),
        |it| it.display().to_string(),
    )
}

/// In front of a path ROMIO takes the name of a file system: `ufs:x.hdf5`.
fn without_prefix(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.iter() {
        let words = part.to_str().and_then(|it| it.split_once(':'));
        match words {
            Some(("ufs" | "nfs" | "xfs" | "lustre" | "gpfs" | "panfs" | "pvfs2", "")) => {
                plain = PathBuf::from("/");
            }
            Some(("ufs" | "nfs" | "xfs" | "lustre" | "gpfs" | "panfs" | "pvfs2", rest)) => {
                plain.push(rest);
            }
            _ => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use record::{RankRecord, Renamed};

    use super::*;

    #[test]
    fn libraries_have_short_names() {
        for (words, name) in [
            (
                "Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4",
                "Open MPI 4.1.4",
            ),
            ("MPICH Version:\t4.0.2", "MPICH 4.0.2"),
            ("HDF5 1.10.8", "HDF5 1.10.8"),
            ("Another MPI", "Another MPI"),
        ] {
            assert_eq!(library(words), name);
        }
    }

    #[test]
    fn a_file_has_its_last_name() {
        let renamed = |from: &str, to: &str, at| Renamed {
            from: from.to_owned(),
            to: to.to_owned(),
            at,
        };
        let record = Record {
            ranks: vec![RankRecord {
                renamed: vec![renamed("/no/a", "/no/b", 10), renamed("/no/b", "/no/c", 20)],
                ..RankRecord::default()
            }],
            ..Record::default()
        };
        let names = Names::of(&record);
        assert_eq!(names.last("/no/a", 5), "/no/c");
        assert_eq!(names.last("/no/b", 15), "/no/c");
        // Another file, later.
        assert_eq!(names.last("/no/a", 15), "/no/a");
        assert_eq!(names.last("/no/here/ufs:/no/a", 5), "/no/c");
        assert_eq!(names.last("/no/nfs:a", 5), "/no/c");
        assert_eq!(names.last("/no/x:a", 5), "/no/x:a");
    }
}
