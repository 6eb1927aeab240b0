//! The pictures of real runs in the book: each is drawn from a run that `chapter.toml` names.
//!
//! Beside a picture `trace-….svg` is a text `trace-….txt` that says the same without times:
//! line 1 is the command, with the releases under which it was run; below it is which rank
//! asked for and which moved which bytes. The tests run the command again under the same
//! releases and compare the text, and the picture too unless time is drawn.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use launch::{Launch, Mpi, Toolchain};
use trace::{Show, Trace, What, prose, svg};
use workbook::chapter::{Chapter, Picture};
use workbook::traced::{Tools, record_quietly};

/// How long a run that hangs is watched.
const HANGS: Duration = Duration::from_secs(6);

/// A picture, and where it belongs.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// Whose picture it is.
    pub chapter: Chapter,
    /// What is drawn.
    pub picture: Picture,
}

/// What was drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// The picture.
    pub svg: String,
    /// The same in words, without times.
    pub text: String,
}

impl Drawing {
    /// All of the book.
    pub fn all(root: &Path) -> Result<Vec<Drawing>> {
        let mut all = Vec::new();
        for chapter in Chapter::all(root)? {
            for picture in &chapter.plan.picture {
                if !(picture.file.starts_with("trace") && picture.file.ends_with(".svg")) {
                    bail!(
                        "{}/chapter.toml: a picture is called trace-….svg, not `{}`",
                        chapter.folder.display(),
                        picture.file
                    );
                }
                all.push(Drawing {
                    chapter: chapter.clone(),
                    picture: picture.clone(),
                });
            }
        }
        Ok(all)
    }

    /// Its file.
    pub fn file(&self) -> PathBuf {
        self.chapter.folder.join(&self.picture.file)
    }

    /// The file of the text beside it.
    pub fn text_file(&self) -> PathBuf {
        self.file().with_extension("txt")
    }

    /// Under which MPI it is run.
    pub fn mpi(&self) -> Mpi {
        self.picture.mpi.map_or(Mpi::OpenMpi, Mpi::from)
    }

    /// Whether it can be compared under these releases ([`Toolchain::releases`]): they are
    /// those under which it was drawn.
    pub fn is_for(&self, releases: &[String]) -> Result<bool> {
        let file = self.text_file();
        let text = fs::read_to_string(&file)
            .with_context(|| format!("{} is missing: `make bless`", file.display()))?;
        let first = text.lines().next().unwrap_or_default();
        let (_, under) = first.split_once("  # ").unwrap_or_default();
        Ok(under == under_releases(releases))
    }

    /// Runs the program, in a folder of its own, and draws.
    pub fn draw(&self, toolchain: &Toolchain, tools: &Tools) -> Result<Drawn> {
        let folder = tempfile::tempdir()?;
        let picture = &self.picture;
        let ranks = picture.ranks.unwrap_or(self.chapter.plan.ranks);
        let program = toolchain.program(&self.chapter.name);
        let mut launch = Launch::new(toolchain.mpi, &toolchain.launcher, ranks, &program);
        launch.args = picture.args.iter().map(OsString::from).collect();
        launch.limit = match picture.hangs {
            true => HANGS,
            false => self.chapter.limit(&picture.args),
        };
        let data = folder.path().display().to_string();
        launch.environment.push(("WORKBOOK_DATA".to_owned(), data));
        launch.folder = Some(folder.path().to_owned());
        if let Some(io) = &picture.io {
            launch.options = toolchain.io_options(io)?;
        }
        let mut words = vec!["mpirun".to_owned()];
        words.extend(launch.options.iter().cloned());
        words.extend([
            "-n".to_owned(),
            ranks.to_string(),
            self.chapter.name.clone(),
        ]);
        words.extend(picture.args.iter().cloned());
        let command = shell_words::join(words);
        let source = self.chapter.source(&picture.args);
        let trace = record_quietly(tools, &launch, command, Some(&source), picture.hangs)?;
        self.check(&trace)?;
        let trace = without_reads_of_metadata(&trace);
        let under = under_releases(&toolchain.releases());
        Ok(Drawn {
            svg: match picture.show {
                // Times may not show, whatever becomes of the drawing.
                Show::File => svg::draw(&trace.without_times(), Show::File),
                show => svg::draw(&trace, show),
            },
            text: format!(
                "$ {}  # {under}\n{}",
                trace.command,
                in_words(&trace, picture.show)
            ),
        })
    }

    /// An error if there is something that a picture must not lack.
    fn check(&self, trace: &Trace) -> Result<()> {
        let file = self.file();
        let file = file.display();
        if !trace.notes.is_empty() && !self.picture.hangs {
            bail!("{file}: something is missing: {}", trace.notes.join(" "));
        }
        if self.picture.show != Show::Time && trace.files.is_empty() {
            bail!("{file}: no file was touched");
        }
        Ok(())
    }

    /// Whether what was drawn is what is there.
    pub fn agrees(&self, drawn: &Drawn) -> bool {
        let is = |file: &Path| fs::read_to_string(file).unwrap_or_default();
        let same_text = is(&self.text_file()) == drawn.text;
        let picture = is(&self.file());
        match self.picture.show {
            Show::File => same_text && picture == drawn.svg,
            _ => same_text && !picture.is_empty(),
        }
    }

    /// Writes what was drawn in place of what is there.
    pub fn rewrite(&self, drawn: &Drawn) -> Result<()> {
        for (file, text) in [(self.file(), &drawn.svg), (self.text_file(), &drawn.text)] {
            fs::write(&file, text)
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(())
    }
}

/// The same run without what the ranks read of HDF5's own metadata. Which of it is read again
/// depends on when HDF5 drops it from memory, and that is not always the same (seen with HDF5
/// 1.10.8 under MPICH: one read more, or one less, of rank 0).
pub fn without_reads_of_metadata(trace: &Trace) -> Trace {
    let transfers = ["H5Dread", "H5Dwrite", "MPI_File_read", "MPI_File_write"];
    let mut plain = trace.clone();
    plain.moved.retain(|touch| {
        let span = touch.span.and_then(|it| trace.spans.get(it));
        let in_transfer =
            span.is_some_and(|span| transfers.iter().any(|it| span.call.starts_with(it)));
        let parts = &trace.files[touch.file].parts;
        let of_data = parts.iter().any(|it| {
            it.what != What::Metadata && it.start < touch.end && touch.start < it.end
        });
        // Of a file whose parts are not known everything is kept.
        let known = parts.iter().any(|it| it.what != What::Metadata);
        touch.write || in_transfer && (of_data || !known)
    });
    plain
}

/// What a picture shows, a sentence a line.
fn in_words(trace: &Trace, show: Show) -> String {
    let mut sentences = Vec::new();
    if show != Show::Time {
        let files = 0..trace.files.len();
        sentences.extend(files.flat_map(|file| prose::one_file(trace, file)));
    }
    if show != Show::File {
        sentences.extend(prose::time(trace));
    }
    sentences.into_iter().map(|it| it + "\n").collect()
}

fn under_releases(releases: &[String]) -> String {
    releases.join(", ")
}

/// `make pictures`, and part of `make bless`: draws every picture of this MPI, or only those of
/// one chapter, and writes those anew that no longer hold.
pub fn bless(root: &Path, toolchain: &Toolchain, only: Option<&Chapter>) -> Result<()> {
    let mut all = Drawing::all(root)?;
    all.retain(|it| only.is_none_or(|only| only.number == it.chapter.number));
    if !all.iter().any(|it| it.mpi() == toolchain.mpi) {
        return Ok(());
    }
    let tools = Tools::build(root, toolchain)?;
    for drawing in all {
        let file = drawing.file();
        let shown = file.strip_prefix(root).unwrap_or(&file).display();
        if drawing.mpi() != toolchain.mpi {
            println!("left     {shown} (not for {})", toolchain.mpi);
            continue;
        }
        let drawn = drawing.draw(toolchain, &tools)?;
        if drawing.agrees(&drawn) {
            println!("holds    {shown}");
        } else {
            drawing.rewrite(&drawn)?;
            println!("written  {shown}");
        }
    }
    Ok(())
}
