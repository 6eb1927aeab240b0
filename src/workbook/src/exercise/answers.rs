//! A learner's answers, `answers/03-distances/2-columns.rs`: theirs alone, and never tracked by
//! git, so no new release can touch them.
//!
//! The first command that needs an answer puts the starter there. Which starter that was is
//! noted with the progress: so it is seen when a release has another one.

use std::cell::LazyCell;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::definition::{ANSWERS, Exercise};
use super::progress::{Done, Progress};
use crate::git::Git;

/// Makes sure that there is a file for each of the exercises; returns what there is to say, a
/// sentence each.
///
/// # Errors
/// If a file cannot be written.
pub fn begin(root: &Path, exercises: &[Exercise]) -> Result<Vec<String>> {
    let mut progress = Progress::read(root)?;
    let mut said = take_from_old_places(root, &mut progress)?;
    for exercise in exercises {
        let starter = exercise.starter()?;
        let file = shown(root, &exercise.file);
        match fs::read(&exercise.file) {
            Err(error) if is_missing(&error) => {
                write_new(&exercise.file, starter.as_bytes())?;
                said.push(format!("{file} is new: it holds the starter"));
            }
            Ok(text)
                if has_new_starter(exercise, progress.of(exercise))
                    && progress.of(exercise).starter == Some(digest(&text)) =>
            {
                write(&exercise.file, starter.as_bytes())?;
                said.push(format!("{file} was not changed: it holds the new starter"));
            }
            _ => continue,
        }
        let digest = digest(starter.as_bytes());
        progress.change(exercise, |it| it.starter = Some(digest))?;
    }
    Ok(said)
}

/// Answers lay where the starters are, up to release 0.1.0: copies them, and puts the starters
/// back. (With a folder of answers that the learner has named, they never lay there.)
fn take_from_old_places(root: &Path, progress: &mut Progress) -> Result<Vec<String>> {
    let mut said = Vec::new();
    if std::env::var_os(ANSWERS).is_some() {
        return Ok(said);
    }
    let clone = LazyCell::new(|| Git::of(root).ok().flatten());
    for exercise in Exercise::all(root)? {
        let Ok(old) = fs::read(&exercise.tracked) else {
            continue;
        };
        let Some(starter) = exercise.released_starter(root, || clone.clone())? else {
            continue;
        };
        if is_same(&old, &starter) {
            continue;
        }
        let (from, to) = (shown(root, &exercise.tracked), shown(root, &exercise.file));
        match fs::read(&exercise.file) {
            Err(error) if is_missing(&error) => write_new(&exercise.file, &old)?,
            // The last time it was interrupted here.
            Ok(new) if new == old => {}
            _ => {
                if !progress.of(&exercise).told_of_old_place {
                    said.push(format!(
                        "warning: your answer to exercise {exercise} is {to}, and that in \
                         {from} is not looked at"
                    ));
                    progress.change(&exercise, |it| it.told_of_old_place = true)?;
                }
                continue;
            }
        }
        write(&exercise.tracked, &starter)?;
        let digest = digest(&starter);
        progress.change(&exercise, |it| it.starter = Some(digest))?;
        said.push(format!(
            "{to} is your answer that was {from}, where the starter is again"
        ));
    }
    Ok(said)
}

/// Whether the exercise has another starter than that with which the learner began.
pub fn has_new_starter(exercise: &Exercise, done: Done) -> bool {
    done.starter.is_some_and(|begun| {
        let starter = exercise.starter();
        exercise.file.is_file() && starter.is_ok_and(|it| digest(it.as_bytes()) != begun)
    })
}

/// What to do if so.
pub fn advice(exercise: &Exercise) -> String {
    format!(
        "make reset-{} puts the new starter in place, and keeps yours beside it",
        exercise.slug()
    )
}

/// Puts the starter in the place of an answer again, which is kept beside it; the message for
/// the learner.
pub fn reset(root: &Path, exercise: &Exercise) -> Result<String> {
    let mut progress = Progress::read(root)?;
    let mut said = take_from_old_places(root, &mut progress)?;
    let starter = exercise.starter()?;
    said.push(put(root, &exercise.file, &starter)?);
    let digest = digest(starter.as_bytes());
    progress.change(exercise, |it| {
        *it = Done {
            starter: Some(digest),
            ..Done::default()
        }
    })?;
    Ok(said.join("\n"))
}

/// Makes `file` a starter, and keeps what it was beside it; the message for who reads it.
pub fn put(root: &Path, file: &Path, starter: &str) -> Result<String> {
    let old = fs::read(file);
    if old.as_ref().is_ok_and(|old| old == starter.as_bytes()) {
        let file = shown(root, file);
        return Ok(format!("{file} is the starter; nothing was changed"));
    }
    let kept = old.ok().map(|old| keep(file, &old)).transpose()?;
    write(file, starter.as_bytes())?;
    let file = shown(root, file);
    Ok(match kept {
        None => format!("{file} is the starter"),
        Some(kept) => format!(
            "{file} is the starter again; what you had is in {}",
            shown(root, &kept)
        ),
    })
}

/// Copies a learner's file beside itself: `2-columns.kept-1.rs`, or the next free number.
fn keep(file: &Path, text: &[u8]) -> Result<PathBuf> {
    for number in 1.. {
        let copy = file.with_extension(format!("kept-{number}.rs"));
        let new = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&copy);
        match new {
            Ok(mut new) => {
                new.write_all(text)
                    .and_then(|()| new.sync_all())
                    .with_context(|| format!("cannot keep a copy in {}", copy.display()))?;
                return Ok(copy);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot keep a copy in {}", copy.display()));
            }
        }
    }
    bail!("there are too many copies of {}", file.display())
}

/// Writes a file, whole or not at all.
fn write(file: &Path, text: &[u8]) -> Result<()> {
    staged(file, text)?
        .persist(file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(())
}

/// The same for one that must not be there yet.
fn write_new(file: &Path, text: &[u8]) -> Result<()> {
    staged(file, text)?
        .persist_noclobber(file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(())
}

fn staged(file: &Path, text: &[u8]) -> Result<tempfile::NamedTempFile> {
    let folder = file.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let mut new = tempfile::Builder::new()
        // As any new file, not only for its owner.
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .with_context(|| format!("cannot write into {}", folder.display()))?;
    new.write_all(text)
        .and_then(|()| new.as_file().sync_all())
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(new)
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// But for what an editor, or git, makes of the ends of lines.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let lines = |text: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(text);
        text.lines().map(|it| it.trim_end().to_owned()).collect()
    };
    lines(one) == lines(other)
}

/// FNV-1a, which stays the same whatever release of Rust the workbook is built with.
fn digest(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn shown(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.display().to_string()
}
