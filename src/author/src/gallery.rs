//! The gallery: wrong answers to the exercises, and other right ones.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use workbook::exercise::verdict::Outcome;

/// A wrong answer, or another right one: an entry of `tests/gallery/NN-name.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    /// Which exercise: `2.2`.
    pub(crate) exercise: String,
    /// What is wrong with it.
    pub(crate) name: String,
    /// What is in the hole of the starter.
    pub(crate) hole: Option<String>,
    /// The whole file, instead.
    pub(crate) file: Option<String>,
    /// What it must be found to be.
    pub(crate) verdict: Outcome,
    /// What another release of MPI or HDF5 may make of it instead.
    pub(crate) or: Option<Outcome>,
    /// What must occur in the text; `{A}` is the number of the line that ends in `// A`.
    #[serde(default)]
    pub(crate) says: Vec<String>,
    /// What must not occur.
    #[serde(default)]
    pub(crate) not: Vec<String>,
    /// Only these numbers of ranks.
    #[serde(default)]
    pub(crate) ranks: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gallery {
    answer: Vec<Answer>,
}

/// The wrong answers, by exercise.
pub(crate) fn gallery(root: &Path) -> Result<BTreeMap<String, Vec<Answer>>> {
    let mut all: BTreeMap<String, Vec<Answer>> = BTreeMap::new();
    for entry in std::fs::read_dir(root.join("tests/gallery"))? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        let gallery: Gallery =
            toml::from_str(&text).with_context(|| format!("{}", path.display()))?;
        for answer in gallery.answer {
            all.entry(answer.exercise.clone()).or_default().push(answer);
        }
    }
    Ok(all)
}
