//! What a learner has done so far: `.workbook/progress.json`, which is theirs and is never
//! committed.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::definition::{ANSWERS, Exercise};

/// What a learner has done.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    file: PathBuf,
    done: BTreeMap<String, Done>,
}

/// What a learner has done in one exercise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Done {
    /// The last check was passed.
    pub solved: bool,
    /// How many hints were shown.
    pub hints: usize,
    /// The digest of the starter with which the answer was begun, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starter: Option<u64>,
    /// They know of an answer in the old place that is not looked at.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub told_of_old_place: bool,
}

impl Progress {
    /// Reads it. A file that is damaged is put aside, and counted as none.
    pub fn read(root: &Path) -> Result<Progress> {
        let folder = match std::env::var_os(ANSWERS) {
            Some(folder) => PathBuf::from(folder),
            None => root.join(".workbook"),
        };
        let file = folder.join("progress.json");
        let done = match std::fs::read(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot read {}", file.display()));
            }
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(done) => done,
                Err(error) => {
                    let aside = file.with_extension("damaged.json");
                    std::fs::rename(&file, &aside)?;
                    eprintln!(
                        "workbook: {} cannot be read ({error}); it is kept as {}, and a new \
                         one is begun",
                        file.display(),
                        aside.display()
                    );
                    BTreeMap::new()
                }
            },
        };
        Ok(Progress { file, done })
    }

    /// What was done in an exercise.
    pub fn of(&self, exercise: &Exercise) -> Done {
        self.done.get(&key(exercise)).copied().unwrap_or_default()
    }

    /// Changes it, and writes it down at once.
    pub fn change(
        &mut self,
        exercise: &Exercise,
        change: impl FnOnce(&mut Done),
    ) -> Result<()> {
        let before = self.of(exercise);
        let done = self.done.entry(key(exercise)).or_default();
        change(done);
        if *done == before {
            return Ok(());
        }
        self.write()
            .with_context(|| format!("cannot write {}", self.file.display()))
    }

    fn write(&self) -> Result<()> {
        let folder = self.file.parent().context("it is in a folder")?;
        std::fs::create_dir_all(folder)?;
        // Whole or not at all, also if the power fails in between.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, &self.done)?;
        file.write_all(b"\n")?;
        file.persist(&self.file)?;
        Ok(())
    }
}

/// By name, so that a new exercise before it does not take its place.
fn key(exercise: &Exercise) -> String {
    format!("{}/{}", exercise.chapter_name, exercise.name)
}
