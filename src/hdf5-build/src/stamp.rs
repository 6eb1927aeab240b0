//! Tells a folder that is finished from one that was left half-way.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What a finished folder was made from; two folders with the same stamp hold the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    text: String,
}

impl Stamp {
    /// A stamp of all that decides what is built: versions, MPI, options, places.
    pub fn new(lines: &[&str]) -> Stamp {
        Stamp {
            text: lines.join("\n") + "\n",
        }
    }

    /// True if `folder` was finished with this very stamp.
    pub fn is_on(&self, folder: &Path) -> bool {
        std::fs::read_to_string(file(folder)).is_ok_and(|text| text == self.text)
    }

    /// Empties `folder`, or makes it, so that it can be filled; it has no stamp then.
    pub fn begin(folder: &Path) -> Result<()> {
        let result = match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => std::fs::create_dir_all(folder),
        };
        result.with_context(|| format!("cannot empty the folder {}", folder.display()))
    }

    /// Says that `folder` is finished. It appears at once or not at all.
    pub fn put_on(&self, folder: &Path) -> Result<()> {
        let file = file(folder);
        let half = file.with_extension("half");
        std::fs::write(&half, &self.text)
            .and_then(|()| std::fs::rename(&half, &file))
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("workbook-stamp.txt")
}
