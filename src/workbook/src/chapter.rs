//! What a chapter is: one folder below `chapters/`, and what its `chapter.toml` says.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use launch::Mpi;
use serde::Deserialize;
use trace::Show;

/// One chapter.
#[derive(Clone, Debug)]
pub struct Chapter {
    /// Its number: 3.
    pub number: usize,
    /// Its name, and that of its binary: `distances`.
    pub name: String,
    /// Its folder: `…/chapters/03-distances`.
    pub folder: PathBuf,
    /// What its `chapter.toml` says.
    pub plan: Plan,
}

/// A chapter's `chapter.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plan {
    /// How long a reader takes for the chapter.
    pub minutes: u32,
    /// What the set-up must install: `openmpi`, or `openmpi mpich`; see `setup.sh`.
    pub needs: String,
    /// How many ranks `make chapter-N` starts if the reader does not say.
    pub ranks: usize,
    /// A run that takes longer than this (seconds) is stopped.
    #[serde(default = "default_limit")]
    pub limit: u64,
    /// The same for a run with `--wrong`: a program that is meant to hang.
    #[serde(default = "default_wrong_limit")]
    pub wrong_limit: u64,
    /// Build HDF5 from source first, and use that one.
    #[serde(default)]
    pub build_hdf5: bool,
    /// The heading of the table to which the runs add a row each, in Markdown.
    pub table: Option<Vec<String>>,
    /// The runs of which `make chapter-N` consists, in order; one without arguments if
    /// there is none.
    #[serde(default)]
    pub run: Vec<Step>,
    /// The pictures of real runs on the chapter's page.
    #[serde(default)]
    pub picture: Vec<Picture>,
    /// How `make figures-N` makes the tables of measurements that the page shows.
    pub figures: Option<Figures>,
    /// The mistakes that the chapter's program makes (`--wrong NAME`) and cures (`--cure
    /// NAME`). If there are some, `make chapter-N` makes all of them.
    #[serde(default)]
    pub mistake: Vec<Mistake>,
}

/// A picture of a real run, in the chapter's folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Picture {
    /// Its name, `trace-….svg`. Beside it is a text of the same name that ends in `.txt`: what
    /// the tests compare.
    pub file: String,
    /// The arguments of the chapter's program.
    #[serde(default)]
    pub args: Vec<String>,
    /// How many ranks; as many as `make chapter-N` starts if it does not say.
    pub ranks: Option<usize>,
    /// Under which MPI; Open MPI if it does not say.
    pub mpi: Option<MpiName>,
    /// The implementation of MPI-IO, as in [`Step::io`].
    pub io: Option<String>,
    /// What is drawn.
    #[serde(default)]
    pub show: Show,
    /// The run does not end, and is stopped.
    #[serde(default)]
    pub hangs: bool,
}

/// One mistake of a chapter that is a catalogue of mistakes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mistake {
    /// Its name.
    pub name: String,
    /// The chapter whose program makes it, if that is another.
    pub program: Option<String>,
    /// The arguments with which it is done right, if not `--cure NAME`.
    pub cure: Option<Vec<String>>,
}

impl Mistake {
    /// The arguments with which the program makes it.
    pub fn wrong(&self) -> Vec<String> {
        vec!["--wrong".to_owned(), self.name.clone()]
    }

    /// The arguments with which the program does it right.
    pub fn cured(&self) -> Vec<String> {
        match &self.cure {
            Some(args) => args.clone(),
            None => vec!["--cure".to_owned(), self.name.clone()],
        }
    }
}

/// One run of the chapter's program.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// The program's arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Always run under this MPI, whichever the reader chose.
    pub mpi: Option<MpiName>,
    /// On so many ranks, not as many as the chapter's other runs; unless the reader says.
    pub ranks: Option<usize>,
    /// Choose this implementation of MPI-IO (a prefix of the name of an Open MPI `io`
    /// component: `ompio`, `romio`).
    pub io: Option<String>,
}

/// An [`Mpi`] as `chapter.toml` spells it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MpiName {
    /// Open MPI.
    OpenMpi,
    /// MPICH.
    Mpich,
}

impl From<MpiName> for Mpi {
    fn from(name: MpiName) -> Mpi {
        match name {
            MpiName::OpenMpi => Mpi::OpenMpi,
            MpiName::Mpich => Mpi::Mpich,
        }
    }
}

fn default_limit() -> u64 {
    120
}

fn default_wrong_limit() -> u64 {
    5
}

/// How a chapter's figures are made: `[figures]` in its `chapter.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Figures {
    /// How many ranks.
    pub ranks: usize,
    /// What the program is told.
    pub args: Vec<String>,
    /// A run that takes longer than this (seconds) is stopped.
    pub limit: u64,
}

impl Chapter {
    /// All chapters below `root`, in order.
    pub fn all(root: &Path) -> Result<Vec<Chapter>> {
        let folder = root.join("chapters");
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read {}", folder.display()))?;
        let mut chapters = Vec::new();
        for entry in entries {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                continue;
            }
            let dir_name = entry.file_name().to_string_lossy().into_owned();
            let Some((number, name)) = dir_name.split_once('-') else {
                continue;
            };
            let Ok(number) = number.parse() else { continue };
            let file = entry.path().join("chapter.toml");
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let plan = toml::from_str(&text)
                .with_context(|| format!("{} is not right", file.display()))?;
            chapters.push(Chapter {
                number,
                name: name.to_owned(),
                folder: entry.path(),
                plan,
            });
        }
        chapters.sort_by_key(|chapter| chapter.number);
        Ok(chapters)
    }

    /// The chapter that a reader means by `3`, `03`, `distances` or `03-distances`.
    pub fn find(root: &Path, wanted: &str) -> Result<Chapter> {
        let chapters = Chapter::all(root)?;
        let number = wanted.parse::<usize>().ok();
        let found = chapters.iter().find(|it| {
            Some(it.number) == number
                || it.name == wanted
                || it.folder.file_name().is_some_and(|name| name == wanted)
        });
        match found {
            Some(chapter) => Ok(chapter.clone()),
            None => bail!(
                "there is no chapter `{wanted}`; there are {}",
                chapters
                    .iter()
                    .map(|it| format!("{} ({})", it.number, it.name))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }
    }

    /// The runs of which `make chapter-N` consists.
    pub fn steps(&self) -> Vec<Step> {
        if self.plan.run.is_empty() {
            vec![Step::default()]
        } else {
            self.plan.run.clone()
        }
    }

    /// The source file that a run with these arguments comes from, `02-open-mpio/wrong.rs`: what
    /// is wrong on purpose lies in a file of its own.
    pub fn source(&self, args: &[String]) -> String {
        let is_wrong = args.iter().any(|it| it.starts_with("--wrong"));
        let file = match is_wrong && self.folder.join("wrong.rs").is_file() {
            true => "wrong.rs",
            false => "main.rs",
        };
        let folder = self.folder.file_name().unwrap_or_default();
        format!("{}/{file}", folder.to_string_lossy())
    }

    /// After how long a run with these arguments is stopped.
    pub fn limit(&self, args: &[String]) -> Duration {
        let wrong = args
            .iter()
            .any(|arg| arg == "--wrong" || arg.starts_with("--wrong="));
        Duration::from_secs(if wrong {
            self.plan.wrong_limit
        } else {
            self.plan.limit
        })
    }
}
