//! What was graded before, so that it is not graded again.
//!
//! An entry is found by all that a verdict depends on: the exercise, the text of the answer,
//! the check, the libraries, the seed, the releases of MPI and HDF5. The text itself is in the
//! entry, and compared: no two answers can be taken for each other.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use workbook::exercise::verdict::Verdict;

/// The folder with one file for each answer that was graded.
pub struct Store {
    folder: PathBuf,
    /// All that verdicts depend on, but the exercise and the answer.
    with: String,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    with: String,
    exercise: String,
    text: String,
    verdict: Verdict,
}

impl Store {
    /// Opens it.
    ///
    /// # Errors
    /// If its folder cannot be made.
    pub fn open(folder: PathBuf, with: String) -> Result<Store> {
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Store { folder, with })
    }

    fn file(&self, exercise: &str, text: &str) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        (&self.with, exercise, text).hash(&mut hasher);
        self.folder
            .join(format!("{exercise}-{:016x}.json", hasher.finish()))
    }

    /// The verdict on an answer that was graded before.
    pub fn get(&self, exercise: &str, text: &str) -> Option<Verdict> {
        let bytes = std::fs::read(self.file(exercise, text)).ok()?;
        let entry: Entry = serde_json::from_slice(&bytes).ok()?;
        let is_it =
            entry.with == self.with && entry.exercise == exercise && entry.text == text;
        is_it.then_some(entry.verdict)
    }

    /// Keeps a verdict, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn put(&self, exercise: &str, text: &str, verdict: &Verdict) -> Result<()> {
        let entry = Entry {
            with: self.with.clone(),
            exercise: exercise.to_owned(),
            text: text.to_owned(),
            verdict: verdict.clone(),
        };
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer(&mut file, &entry)?;
        file.flush()?;
        file.persist(self.file(exercise, text))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use workbook::exercise::verdict::{Outcome, Seconds};

    #[test]
    fn only_the_same_answer_graded_alike_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let store = |with: &str| Store::open(folder.path().into(), with.into()).unwrap();
        let verdict = Verdict {
            exercise: "3.1".into(),
            title: "t".into(),
            file: "f".into(),
            mpi: "openmpi".into(),
            outcome: Outcome::Hangs,
            text: "\u{1b}[1m".into(),
            ranks: Some(2),
            given: String::new(),
            passed_at: vec![1],
            failed_at: vec![2],
            not_tried_at: vec![3],
            launcher_said: String::new(),
            seed: 5,
            seconds: Seconds::default(),
        };
        store("seed 5")
            .put("3.1", "fn main() {}", &verdict)
            .unwrap();
        let found = store("seed 5").get("3.1", "fn main() {}").unwrap();
        assert_eq!(found.outcome, Outcome::Hangs);
        assert_eq!(found.failed_at, [2]);
        assert!(store("seed 6").get("3.1", "fn main() {}").is_none());
        assert!(store("seed 5").get("3.2", "fn main() {}").is_none());
        assert!(store("seed 5").get("3.1", "fn main() { }").is_none());
    }
}
