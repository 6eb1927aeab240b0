//! A release: what it is called, and which one this is.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What a release is called, in front of its version.
pub const NAME: &str = "parallel-hdf5-workbook";
/// The folder of the built book in a release.
pub const BOOK: &str = "book-html";
/// The file of a release that says which commit it was made of.
pub const RELEASE: &str = "RELEASE";

/// The workbook's version, by its `Cargo.toml`.
pub fn version(root: &Path) -> Result<String> {
    let file = root.join("Cargo.toml");
    let manifest = fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let manifest: toml::Table = manifest.parse()?;
    let package = manifest.get("workspace").and_then(|it| it.get("package"));
    let version = package.and_then(|it| it.get("version")?.as_str());
    Ok(version.context("Cargo.toml names no version")?.to_owned())
}

/// What the file `RELEASE` says: the commit of an unpacked release.
pub fn released_commit(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join(RELEASE)).ok()?;
    let commit = text.lines().find_map(|it| it.strip_prefix("commit "))?;
    Some(commit.to_owned())
}
