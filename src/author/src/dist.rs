//! `make dist`: a release as one file, the sources and the built book, and its checksum.
//!
//! It is made of the last commit and nothing else, so the same commit gives the same bytes: git
//! writes the archive, with the time of the commit on each file, in an order of its own; the
//! book's files are added in the order of their names. (The same bytes from the same releases of
//! git and gzip, that is: another gzip may compress otherwise.)

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use workbook::git::{self, Git};
use workbook::release::{BOOK, NAME, RELEASE, version};

use crate::book;

/// Makes the release of the last commit, in the folder `out`; `target/dist` if `None`.
///
/// # Errors
/// If there are changes that are not committed, because they would not be in it.
pub fn dist(root: &Path, out: Option<&Path>) -> Result<PathBuf> {
    let git = Git::of(root)?.context(
        "this folder is no git clone, and a release is made of a commit; an unpacked release \
         is one already",
    )?;
    let uncommitted = git.uncommitted()?;
    if !uncommitted.is_empty() {
        let mut shown = uncommitted.iter().take(10).cloned().collect::<Vec<_>>();
        if uncommitted.len() > shown.len() {
            shown.push(format!("... {} in all", uncommitted.len()));
        }
        bail!(
            "a release is made of the last commit, and these are not in it:\n  {}\nCommit \
             them, or put them away: `git stash --include-untracked`",
            shown.join("\n  ")
        );
    }
    let version = version(root)?;
    let name = format!("{NAME}-{version}");
    let out = match out {
        Some(folder) => std::path::absolute(folder)?,
        None => root.join("target/dist"),
    };
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let scratch = tempfile::Builder::new()
        .prefix("making-")
        .tempdir_in(&out)
        .with_context(|| format!("cannot write into {}", out.display()))?;
    let book = scratch.path().join(BOOK);
    book::build_into(root, &book)?;
    let release = scratch.path().join(RELEASE);
    let commit = git.ask(&["rev-parse", "HEAD"])?;
    fs::write(&release, format!("{NAME} {version}\ncommit {commit}\n"))?;

    let tar = scratch.path().join("release.tar");
    let mut archive = git.command(&["-c", "tar.umask=0022", "archive", "--format=tar"]);
    // Each file that is added goes to the prefix before it; the last one is for the commit's.
    for file in files(&book)? {
        let folder = file.strip_prefix(scratch.path()).expect("it lies in there");
        let folder = folder.parent().unwrap_or(Path::new("")).display();
        archive.arg(format!("--prefix={name}/{folder}/"));
        archive.arg(format!("--add-file={}", file.display()));
    }
    archive
        .arg(format!("--prefix={name}/"))
        .arg(format!("--add-file={}", release.display()))
        .arg(format!("--output={}", tar.display()))
        .arg("HEAD");
    git::output(archive)
        .context("git could not make the archive (it was tried with 2.39 and 2.47)")?;

    let packed = scratch.path().join("release.tar.gz");
    let status = Command::new("gzip")
        // Neither the file's name nor its time goes into it.
        .args(["-9", "-n", "-c"])
        .arg(&tar)
        .env_remove("GZIP")
        .stdin(Stdio::null())
        .stdout(File::create(&packed)?)
        .status()
        .context("cannot run gzip")?;
    if !status.success() {
        bail!("gzip failed; its own words are above");
    }
    let file = out.join(format!("{name}.tar.gz"));
    let checksum = checksum(&packed)?;
    fs::rename(&packed, &file)?;
    fs::write(
        out.join(format!("{name}.tar.gz.sha256")),
        format!("{checksum}  {name}.tar.gz\n"),
    )?;
    Ok(file)
}

/// All files below `folder`, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => all.extend(files(&path)?),
            false => all.push(path),
        }
    }
    all.sort();
    Ok(all)
}

/// SHA-256, in hexadecimal digits.
fn checksum(file: &Path) -> Result<String> {
    let tools: [&[&str]; 2] = [&["sha256sum"], &["shasum", "-a", "256"]];
    for tool in tools {
        let mut command = Command::new(tool[0]);
        command.args(&tool[1..]).arg(file).stdin(Stdio::null());
        let Ok(output) = command.output() else {
            continue;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if let (true, Some(sum)) = (output.status.success(), text.split(' ').next()) {
            // With a backslash in front if the file's name has something odd in it.
            return Ok(sum.trim_start_matches('\\').to_owned());
        }
    }
    bail!("there is neither sha256sum nor shasum, which make the checksum")
}
