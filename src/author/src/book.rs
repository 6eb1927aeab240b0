//! `make book` and `make serve`: the book, made by mdBook.
//!
//! mdBook is not among the workspace's dependencies, so that a chapter runs without it. It
//! is installed into `target/tools` the first time that somebody wants the book.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};
use launch::output_of;
use nix::fcntl::{Flock, FlockArg};
use regex::Regex;
use serde_json::{Map, Value};

use trace::prose::markdown;

use crate::{quiz, teaching};

/// The version of mdBook, exactly: the book's checks know what it makes.
pub const MDBOOK: &str = "0.5.4";

/// The parts of mdBook that are compiled.
const FEATURES: &str = "search,serve,watch";

/// mdBook copies every file beside the pages into the book. These belong there.
const WANTED: [&str; 10] = [
    "css", "gif", "html", "ico", "jpg", "js", "png", "svg", "woff2", "webp",
];

/// Builds the book into `target/book`, and returns the path of its first page.
pub fn build(root: &Path) -> Result<PathBuf> {
    let folder = root.join("target/book");
    build_into(root, &folder)?;
    Ok(folder.join("index.html"))
}

/// Builds the book of the workbook in `root` into `folder`, which is emptied first.
pub fn build_into(root: &Path, folder: &Path) -> Result<()> {
    let folder = std::path::absolute(folder)?;
    let output = Command::new(installed(root)?)
        .args(["build", "--dest-dir"])
        .args([&folder, &root.join("book")])
        .env("MDBOOK_LOG", "warn")
        .output()
        .context("cannot run mdBook")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        bail!("mdBook failed:\n{said}");
    }
    // A missing file is only a warning to mdBook. (Other lines come from cargo.)
    let complaints = said
        .lines()
        .filter(|it| it.trim_start().starts_with("WARN"));
    let complaints: Vec<&str> = complaints.collect();
    if !complaints.is_empty() {
        bail!("mdBook is not content:\n{}", complaints.join("\n"));
    }
    tidy(&folder)
}

/// Serves the book at 127.0.0.1, and makes it anew when a page or a program changes. Comes
/// back only if that fails: mdBook takes this process's place, so Ctrl-C ends it.
pub fn serve(root: &Path, port: u16) -> Result<()> {
    let mdbook = installed(root)?;
    if let Err(error) = std::net::TcpListener::bind(("127.0.0.1", port)) {
        bail!(
            "cannot serve at port {port} ({error}); choose another: make serve PORT=3001"
        );
    }
    println!("The book is at http://127.0.0.1:{port} until you press Ctrl-C.");
    let error = Command::new(mdbook)
        .args([
            "serve",
            "--hostname",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--dest-dir",
        ])
        // Not target/book: pages that are served contain a script that reloads them.
        .args([&root.join("target/book-served"), &root.join("book")])
        .exec();
    Err(error).context("cannot run mdBook")
}

/// Mends the pages of the workbook in `root` on their way through mdBook; `book.toml` names
/// this as one of its preprocessors.
///
/// - mdBook makes the page `index.html` of a chapter's `README.md`, but leaves links to it
///   leading to `README.html`. Mended, a link works in the book and wherever else the
///   Markdown is shown.
/// - A listing cut out of a function is as far to the right as it is there. It is moved to
///   the left.
/// - A question for the reader is turned into HTML; see [`quiz`].
/// - A block of the teacher's guide is worked out; see [`teaching`].
/// - A picture of a real run is followed by the same in words, from the text beside it.
pub fn preprocess(root: &Path, from: impl Read, to: impl Write) -> Result<()> {
    let (_context, mut book): (Value, Value) = serde_json::from_reader(from)?;
    let link = Regex::new(r"(\]\((?:[^)\s]*/)?)README\.md([#)])")?;
    let mut questions = 0;
    mend_pages(&mut book, &mut |page| {
        let text = page["content"].as_str().unwrap_or_default();
        let text = link.replace_all(text, "${1}index.md$2");
        let file = page.get("source_path").and_then(Value::as_str);
        let text = quiz::to_html(&text, &mut questions)
            .map_err(|fault| faulty_quiz(root, file.unwrap_or_default(), fault))?;
        let text = teaching::to_tables(root, &text)
            .with_context(|| format!("chapters/{}", file.unwrap_or_default()))?;
        let folder = Path::new("chapters").join(file.unwrap_or_default());
        let text = in_words(&text, &root.join(folder.with_file_name("")))?;
        page["content"] = to_the_left(&text).into();
        Ok(())
    })?;
    Ok(serde_json::to_writer(to, &book)?)
}

/// The error for a fault in a question on the page whose file is `file`.
fn faulty_quiz(root: &Path, file: &str, fault: quiz::Fault) -> anyhow::Error {
    let file = Path::new("chapters").join(file);
    // mdBook has included the listings already; the line that counts is that of the file.
    let text = std::fs::read_to_string(root.join(&file)).unwrap_or_default();
    let quiz::Fault { line, what } = quiz::all(&text).err().unwrap_or(fault);
    anyhow!("{}:{line}: quiz: {what}", file.display())
}

/// Applies `mend` to all pages within `value`.
fn mend_pages(
    value: &mut Value,
    mend: &mut impl FnMut(&mut Map<String, Value>) -> Result<()>,
) -> Result<()> {
    match value {
        Value::Array(values) => values.iter_mut().try_for_each(|it| mend_pages(it, mend)),
        Value::Object(fields) => {
            if fields.get("content").is_some_and(Value::is_string) {
                mend(fields)?;
            }
            fields.values_mut().try_for_each(|it| mend_pages(it, mend))
        }
        _ => Ok(()),
    }
}

/// Puts behind each picture of a real run, `![…](trace-….svg)` on lines of its own, what it
/// shows in words: from the text of the same name in `folder`, a list that is folded away.
fn in_words(page: &str, folder: &Path) -> Result<String> {
    let picture = Regex::new(r"(?m)^!\[[^\]]*\]\((trace[^)\s/]*)\.svg\)$")?;
    let mut mended = String::new();
    let mut rest = 0;
    for found in picture.captures_iter(page) {
        let file = folder.join(format!("{}.txt", &found[1]));
        let words = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let mut words = words.lines();
        let command = words.next().unwrap_or_default();
        let (command, under) = command.split_once("  # ").unwrap_or((command, ""));
        let list: String = words.map(|it| format!("- {}\n", markdown(it))).collect();
        let all = found.get(0).expect("the whole").range();
        mended += &page[rest..all.end];
        mended += &format!(
            "\n\n<details class=\"in-words\"><summary>The picture in words</summary>\n\n\
             What `{}` did, with {under}:\n\n{list}\n</details>",
            command.trim_start_matches("$ ")
        );
        rest = all.end;
    }
    Ok(mended + &page[rest..])
}

/// Takes away, in each listing of a page, the spaces with which all its lines begin.
fn to_the_left(page: &str) -> String {
    let mut mended = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        mended.extend([line, "\n"]);
        if !line.starts_with("```") {
            continue;
        }
        let listing: Vec<&str> = lines
            .by_ref()
            .take_while(|it| !it.starts_with("```"))
            .collect();
        let filled = listing.iter().filter(|it| !it.trim().is_empty());
        let indent = filled.map(|it| it.len() - it.trim_start_matches(' ').len());
        let indent = indent.min().unwrap_or(0);
        for line in listing {
            mended.extend([line.get(indent..).unwrap_or(""), "\n"]);
        }
        mended.push_str("```\n");
    }
    mended
}

/// The path of mdBook, which is installed now if it was not before.
pub fn installed(root: &Path) -> Result<PathBuf> {
    let tools = root.join("target/tools");
    let mdbook = tools.join("bin/mdbook");
    let version =
        || output_of(&mdbook.to_string_lossy(), &["--version"]).unwrap_or_default();
    if version().trim() == format!("mdbook v{MDBOOK}") {
        return Ok(mdbook);
    }
    // Two at a time would take each other's half-built program away.
    std::fs::create_dir_all(&tools)?;
    let lock = std::fs::File::create(tools.join("lock"))?;
    let _only_one = Flock::lock(lock, FlockArg::LockExclusive)
        .map_err(|(_, error)| anyhow::Error::from(error))
        .context("cannot lock target/tools")?;
    if version().trim() == format!("mdbook v{MDBOOK}") {
        return Ok(mdbook);
    }
    eprintln!(
        "Installing mdBook {MDBOOK} into target/tools; this happens once, and takes a minute or two."
    );
    let scratch = tools.join("build");
    let status = Command::new("cargo")
        .args([
            "install",
            "mdbook",
            "--locked",
            "--version",
            &format!("={MDBOOK}"),
        ])
        .args(["--no-default-features", "--features", FEATURES, "--root"])
        .arg(&tools)
        .arg("--target-dir")
        .arg(&scratch)
        // It runs for a fraction of a second: it need not be fast, but soon there.
        .arg("--debug")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .current_dir(root)
        .stdin(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("mdBook {MDBOOK} could not be installed; the messages above say why");
    }
    let _ = std::fs::remove_dir_all(scratch);
    Ok(mdbook)
}

/// Takes the programs, transcripts and settings out of the book again.
fn tidy(folder: &Path) -> Result<()> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let extension = path
            .extension()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            tidy(&path)?;
            // A folder that held nothing else goes too.
            let _ = std::fs::remove_dir(&path);
        } else if !WANTED.contains(&extension.as_str()) {
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_a_run_is_followed_by_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let words =
            "$ mpirun -n 2 x  # MPI 1, HDF5 2\nRank 0 wrote <all> of /a_b.\nNobody else.\n";
        std::fs::write(folder.path().join("trace-x.txt"), words).unwrap();
        let page = "a\n\n![b\nc](trace-x.svg)\n\nd ![e](trace-x.svg)\n";
        assert_eq!(
            in_words(page, folder.path()).unwrap(),
            "a\n\n![b\nc](trace-x.svg)\n\n<details class=\"in-words\"><summary>The picture in \
             words</summary>\n\nWhat `mpirun -n 2 x` did, with MPI 1, HDF5 2:\n\n- Rank 0 wrote \
             \\<all\\> of /a\\_b.\n- Nobody else.\n\n</details>\n\nd ![e](trace-x.svg)\n"
        );
        let error = in_words("![b](trace-y.svg)", folder.path()).unwrap_err();
        assert!(error.to_string().contains("trace-y.txt"), "{error}");
    }

    #[test]
    fn mends_links_and_listings() {
        let page = "[a](README.md) [b](../x/README.md#y) [c](MY-README.md)\n```rust\n    a();\n\n      b();\n```\n    as it is\n";
        let mended = "[a](index.md) [b](../x/index.md#y) [c](MY-README.md)\n```rust\na();\n\n  b();\n```\n    as it is\n";
        let book =
            serde_json::json!([{}, { "items": [{ "Chapter": { "content": page } }] }]);
        let mut out = Vec::new();
        preprocess(Path::new(""), book.to_string().as_bytes(), &mut out).unwrap();
        let out: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(out["items"][0]["Chapter"]["content"], mended);
    }
}
