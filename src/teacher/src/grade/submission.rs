//! Finds the exercises in what people have handed in. Nothing of it is believed, and no link
//! in it is followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use workbook::exercise::Exercise;

/// Nobody's answer is longer, in bytes.
const LONGEST: u64 = 256 << 10;
/// No folder is looked into that lies deeper in a submission.
const DEEPEST: usize = 6;
/// No more files and folders of a submission are looked at.
const MOST: usize = 20_000;

/// What somebody has handed in.
#[derive(Debug)]
pub struct Submission {
    /// The name of its folder, with as much in front as makes it unique.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its answers, by the exercise: `3.1`.
    pub answers: BTreeMap<String, Answer>,
    /// What is to be said of it as a whole.
    pub notes: Vec<String>,
}

/// One file of it.
#[derive(Debug)]
pub struct Answer {
    /// Its path in the submission.
    pub path: PathBuf,
    /// Its text, or why it was not read.
    pub text: std::result::Result<String, String>,
    /// What is to be said of it.
    pub notes: Vec<String>,
}

/// The submissions in `folders`: each is one, or holds some.
///
/// # Errors
/// If one of them is not there, or holds none.
pub fn find(folders: &[PathBuf], exercises: &[Exercise]) -> Result<Vec<Submission>> {
    let mut found = BTreeSet::new();
    for folder in folders {
        let folder = folder
            .canonicalize()
            .with_context(|| format!("{}", folder.display()))?;
        if !folder.is_dir() {
            bail!("{} is not a folder", folder.display());
        }
        if is_submission(&folder, exercises) {
            found.insert(folder);
            continue;
        }
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("cannot read {}", folder.display()))?;
        let below: Vec<PathBuf> = entries
            .flatten()
            .filter(|it| it.file_type().is_ok_and(|it| it.is_dir()))
            .filter(|it| !it.file_name().to_string_lossy().starts_with('.'))
            .map(|it| it.path())
            .collect();
        match below.is_empty() {
            // Somebody handed in nothing.
            true => _ = found.insert(folder),
            false => found.extend(below),
        }
    }
    let folders: Vec<PathBuf> = found.into_iter().collect();
    let names = names(&folders);
    let read = folders.into_iter().zip(names);
    Ok(read
        .map(|(folder, name)| look(folder, name, exercises))
        .collect())
}

/// Whether exercises lie where they would in a workbook, or bare.
fn is_submission(folder: &Path, exercises: &[Exercise]) -> bool {
    folder.join("chapters").is_dir()
        || exercises.iter().any(|it| {
            let file = file_name(it);
            let room = room(it);
            [
                folder.join(&file),
                folder.join("exercises").join(&file),
                folder.join(&room).join(&file),
                folder.join("answers").join(&room).join(&file),
                folder.join(room).join("exercises").join(file),
            ]
            .iter()
            .any(|it| fs::symlink_metadata(it).is_ok())
        })
}

/// The folder's own name; where several are called alike, with the folders above it.
fn names(folders: &[PathBuf]) -> Vec<String> {
    let last = |folder: &Path, parts: usize| {
        let all: Vec<String> = folder
            .components()
            .filter_map(|it| match it {
                Component::Normal(name) => Some(printable(&name.to_string_lossy())),
                _ => None,
            })
            .collect();
        all[all.len().saturating_sub(parts)..].join("/")
    };
    let deepest = folders.iter().map(|it| it.components().count()).max();
    (0..folders.len())
        .map(|index| {
            let own = &folders[index];
            (1..=deepest.unwrap_or(1))
                .map(|parts| last(own, parts))
                .zip(1..)
                .find(|(name, parts)| {
                    let others = folders.iter().enumerate();
                    others
                        .filter(|(other, _)| *other != index)
                        .all(|(_, folder)| last(folder, *parts) != *name)
                })
                .map_or_else(|| own.display().to_string(), |(name, _)| name)
        })
        .collect()
}

/// Without what would change the terminal, or hide something.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|it| match it {
            it if it.is_control() => '?',
            // Marks that turn the direction of writing around.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                '?'
            }
            it => it,
        })
        .collect()
}

/// What its file is called: `1-uneven.rs`.
pub fn file_name(exercise: &Exercise) -> String {
    format!("{}.rs", exercise.plan.file)
}

/// The name of its chapter's folder: `03-distances`.
pub fn room(exercise: &Exercise) -> String {
    let folder = exercise.page.parent().and_then(Path::file_name);
    folder.unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads a submission.
fn look(folder: PathBuf, name: String, exercises: &[Exercise]) -> Submission {
    let mut submission = Submission {
        name,
        answers: BTreeMap::new(),
        notes: Vec::new(),
        folder,
    };
    let mut walk = Walk::default();
    walk.go(&submission.folder, Path::new(""), 0);
    if walk.seen > MOST {
        submission
            .notes
            .push(format!("only {MOST} of its files were looked at"));
    }
    let mut known = BTreeSet::new();
    for exercise in exercises {
        let mut candidates: Vec<&PathBuf> = walk
            .files
            .iter()
            .filter(|it| it.file_name().is_some_and(|it| *it == *file_name(exercise)))
            .filter(|it| is_of(it, exercise, exercises))
            .collect();
        known.extend(candidates.iter().map(|it| (*it).clone()));
        let rank = |it: &Path| rank(&submission.folder, it, exercise);
        candidates.sort_by_key(|it| (rank(it), it.components().count(), (*it).clone()));
        let Some((path, others)) = candidates.split_first() else {
            continue;
        };
        let mut notes = Vec::new();
        let others: Vec<String> = others
            .iter()
            .filter(|it| rank(it) != Rank::Starter)
            .map(|it| it.display().to_string())
            .collect();
        if !others.is_empty() {
            notes.push(format!(
                "there is more than one: not looked at {}",
                printable(&others.join(", "))
            ));
        }
        let text = read(&submission.folder, path);
        if let Ok(text) = &text {
            notes.extend(outside_the_hole(text, exercise));
        }
        let answer = Answer {
            path: (*path).clone(),
            text,
            notes,
        };
        submission.answers.insert(exercise.to_string(), answer);
    }
    let unknown: Vec<String> = walk
        .files
        .iter()
        .filter(|it| !known.contains(*it) && looks_like_an_answer(it))
        .map(|it| printable(&it.display().to_string()))
        .collect();
    if !unknown.is_empty() {
        submission.notes.push(format!(
            "no exercise of this workbook is called as {}",
            unknown.join(", ")
        ));
    }
    submission
}

/// Where a file of an exercise lies in a submission: what comes first is taken.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Answers,
    /// Where an answer was up to release 0.1.0.
    OldPlace,
    Elsewhere,
    /// There, too, but it is what every copy of the workbook has.
    Starter,
}

fn rank(folder: &Path, path: &Path, exercise: &Exercise) -> Rank {
    let room = room(exercise);
    let lies_in = |place: String| path.parent().is_some_and(|it| it.ends_with(place));
    if lies_in(format!("answers/{room}")) {
        return Rank::Answers;
    }
    if !lies_in(format!("chapters/{room}/exercises")) {
        return Rank::Elsewhere;
    }
    match read(folder, path).is_ok_and(|it| is_starter(&it, exercise)) {
        true => Rank::Starter,
        false => Rank::OldPlace,
    }
}

/// Whether a file of that name can belong to the exercise: not if it lies in the room of
/// another chapter which has an exercise of that name, too.
fn is_of(path: &Path, exercise: &Exercise, exercises: &[Exercise]) -> bool {
    let lies_in = |it: &Exercise| {
        let room = room(it);
        path.components().any(|part| part.as_os_str() == &*room)
    };
    let alike = || {
        exercises
            .iter()
            .filter(|it| it.plan.file == exercise.plan.file)
    };
    lies_in(exercise) || (!alike().any(lies_in) && alike().count() == 1)
}

/// `answers/03-distances/4-name.rs` or `exercises/4-name.rs`, but not what the workbook itself
/// has kept beside it.
fn looks_like_an_answer(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = name.split_once('-').map(|it| it.0.parse::<u32>().is_ok());
    let is_called = |it: Option<&Path>, name| it.is_some_and(|it| it.ends_with(name));
    let folder = path.parent();
    let is_there = is_called(folder, "exercises")
        || is_called(folder.and_then(Path::parent), "answers");
    is_there && number == Some(true) && !name.contains(".kept-")
}

/// What lies in a submission.
#[derive(Default)]
struct Walk {
    files: BTreeSet<PathBuf>,
    seen: usize,
}

impl Walk {
    fn go(&mut self, root: &Path, below: &Path, depth: usize) {
        let entries = fs::read_dir(root.join(below))
            .into_iter()
            .flatten()
            .flatten();
        for entry in entries {
            self.seen += 1;
            if self.seen > MOST {
                return;
            }
            let name = entry.file_name();
            let text = name.to_string_lossy();
            let path = below.join(&name);
            // (A link has a type of its own, and is not followed.)
            let is_folder = entry.file_type().is_ok_and(|it| it.is_dir());
            let skip = text.starts_with('.')
                || ["target", "solutions", "node_modules"].contains(&&*text);
            if is_folder && !skip && depth < DEEPEST {
                self.go(root, &path, depth + 1);
            } else if !is_folder && text.ends_with(".rs") {
                self.files.insert(path);
            }
        }
    }
}

/// The text of a file of a submission; an error says why it was not read.
fn read(folder: &Path, path: &Path) -> std::result::Result<String, String> {
    let whole = folder.join(path);
    let is = fs::symlink_metadata(&whole).map_err(|error| error.to_string())?;
    if is.is_symlink() {
        return Err("it is a link, and links are not followed".to_owned());
    }
    if !is.is_file() {
        return Err("it is not a file".to_owned());
    }
    let file = File::options()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(&whole)
        .map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("it is longer than {} KiB", LONGEST >> 10));
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}

/// What to say of a file whose text outside the hole is not the starter's.
fn outside_the_hole(text: &str, exercise: &Exercise) -> Option<String> {
    let starter = exercise.starter().ok()?;
    let Some(theirs) = outside(text) else {
        return Some("the lines around the part to fill in are gone".to_owned());
    };
    (outside(&starter)? != theirs).then(|| {
        "outside the part to fill in it differs from today's starter: another release, or \
         changed there"
            .to_owned()
    })
}

/// Whether it is still today's starter.
pub fn is_starter(text: &str, exercise: &Exercise) -> bool {
    let lines = |text: &str| -> Vec<String> {
        text.lines().map(|it| it.trim_end().to_owned()).collect()
    };
    exercise
        .starter()
        .is_ok_and(|starter| lines(&starter) == lines(text))
}

/// The lines outside the hole; `None` if it has none.
fn outside(text: &str) -> Option<Vec<&str>> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let is = |mark: &'static str| move |line: &&str| line.trim() == mark;
    let begins = lines.iter().position(is(workbook::exercise::HOLE_BEGINS))?;
    let ends = lines.iter().position(is(workbook::exercise::HOLE_ENDS))?;
    (begins < ends).then(|| [&lines[..=begins], &lines[ends..]].concat())
}
