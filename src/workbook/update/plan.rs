//! Decides what becomes of each file that a new release changes, before anything is touched.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::exercise::carry::{self, Carried};
use crate::git::{self, Git};

/// Files as they are in some folder.
pub struct Tree {
    folder: PathBuf,
}

/// What lies at a path.
#[derive(Debug, PartialEq, Eq)]
enum Thing {
    Nothing,
    File { bytes: Vec<u8>, executable: bool },
    Link(PathBuf),
    Folder,
}

impl Tree {
    /// Those of a learner.
    pub fn at(folder: &Path) -> Tree {
        Tree {
            folder: folder.to_owned(),
        }
    }

    /// Those of `paths` that a commit has, written into `folder` by git itself, so that they are
    /// what they would be in a clone.
    pub fn checked_out(
        git: &Git,
        commit: &str,
        paths: &[PathBuf],
        folder: &Path,
    ) -> Result<Tree> {
        fs::create_dir_all(folder)?;
        let index = folder.with_extension("index");
        let with_index = |args: &[&str]| {
            let mut command = git.command(args);
            command.env("GIT_INDEX_FILE", &index);
            command
        };
        git::output(with_index(&["read-tree", commit]))?;
        let all = git::paths(&git::output(with_index(&["ls-files", "-z"]))?);
        let prefix = format!("--prefix={}/", folder.display());
        let mut command =
            with_index(&["checkout-index", "--quiet", &prefix, "-z", "--stdin"]);
        let mut child = command
            .stdin(std::process::Stdio::piped())
            .spawn()
            .context("cannot run git")?;
        let mut stdin = child.stdin.take().context("git reads the paths")?;
        for path in paths.iter().filter(|it| all.binary_search(it).is_ok()) {
            use std::os::unix::ffi::OsStrExt as _;
            stdin.write_all(path.as_os_str().as_bytes())?;
            stdin.write_all(&[0])?;
        }
        drop(stdin);
        if !child.wait()?.success() {
            bail!("git cannot write the files of {commit}; is the disk full?");
        }
        Ok(Tree::at(folder))
    }

    fn thing(&self, path: &Path) -> Result<Thing> {
        // What lies behind a link to a folder is not here.
        for above in path.ancestors().skip(1) {
            let above = self.folder.join(above);
            if above != self.folder
                && fs::symlink_metadata(above).is_ok_and(|it| it.is_symlink())
            {
                return Ok(Thing::Nothing);
            }
        }
        let file = self.folder.join(path);
        let read = || -> std::io::Result<Thing> {
            let is = match fs::symlink_metadata(&file) {
                Ok(is) => is,
                Err(error) => {
                    use std::io::ErrorKind::{NotADirectory, NotFound};
                    return match error.kind() {
                        NotFound | NotADirectory => Ok(Thing::Nothing),
                        _ => Err(error),
                    };
                }
            };
            Ok(match is {
                is if is.is_symlink() => Thing::Link(fs::read_link(&file)?),
                is if is.is_dir() => Thing::Folder,
                _ => Thing::File {
                    bytes: fs::read(&file)?,
                    executable: is_executable(&file),
                },
            })
        };
        read().with_context(|| format!("cannot read {}", file.display()))
    }

    fn text(&self, path: &Path) -> Option<String> {
        match self.thing(path).ok()? {
            Thing::File { bytes, .. } => String::from_utf8(bytes).ok(),
            _ => None,
        }
    }
}

/// Whether a file may be run by its owner.
pub fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|it| it.permissions().mode() & 0o100 != 0)
}

/// What becomes of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is what it has to be already.
    Nothing,
    /// The learner did not touch it: the new one.
    Take,
    /// The learner did not touch it, and the new release does not have it.
    Delete,
    /// An answer to an exercise, which goes into the new starter.
    Answer(Answer),
    /// An answer to an exercise stays though its starter has changed; what to say of it.
    Stays(String),
    /// Both have changed it, in different lines: this staged file has both changes.
    Merged(PathBuf),
    /// Both have changed it, and they do not fit together: the learner's goes aside.
    Aside {
        /// Whether there is a new one in its place.
        new: bool,
    },
}

/// An answer whose starter has changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Where it goes; elsewhere if the new release has another number for the exercise.
    pub at: PathBuf,
    /// The file to put there.
    pub staged: PathBuf,
    /// Whether what the learner had has to be kept beside it.
    pub keep: bool,
    /// Which exercise: `3.2 columns`.
    name: String,
    door: String,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    Whole,
    Part,
    Renumbered(String),
    Starter,
}

impl Answer {
    /// What to say of it; `beside` is where the learner's own file was kept.
    pub fn say(&self, beside: Option<&str>) -> String {
        let Answer { name, door, .. } = self;
        let beside = beside.unwrap_or_default();
        let text = match &self.what {
            What::Whole => "your part is in the new starter now".to_owned(),
            What::Part => format!(
                "your part is in the new starter now, but not the lines that you had changed \
                 outside it; all you had is in {beside}"
            ),
            What::Renumbered(old) => {
                format!("was {old}; your answer is in {} now", self.at.display())
            }
            What::Starter => {
                return format!(
                    "{name}: the new starter is there; what you had has no part between the \
                     two lines, and is in {beside}"
                );
            }
        };
        format!("{name}: {text}; check it again: make exercise-{door}")
    }
}

/// What becomes of each file.
pub struct Plan {
    /// By its path now. An [`Answer`] may go to another one.
    pub decisions: Vec<(PathBuf, Decision)>,
}

impl Plan {
    /// Decides on `paths`: those in which `new` differs from `base`. `here` has the learner's
    /// files, which were made from those of `base`. What has to be written lies below `staged`
    /// then.
    pub fn make(
        paths: &[PathBuf],
        here: &Tree,
        base: &Tree,
        new: &Tree,
        staged: &Path,
    ) -> Result<Plan> {
        let by_key = |tree: &Tree| -> BTreeMap<(String, String), PathBuf> {
            let there = paths
                .iter()
                .filter(|it| !matches!(tree.thing(it), Ok(Thing::Nothing)));
            there
                .filter_map(|it| Some((Place::of(it)?.key(), it.clone())))
                .collect()
        };
        let (in_base, in_new) = (by_key(base), by_key(new));
        let mut decisions = Vec::new();
        for path in paths {
            let place = Place::of(path);
            let to = place.as_ref().and_then(|place| {
                let key = place.key();
                (in_base.get(&key) == Some(path)).then_some(())?;
                in_new.get(&key)
            });
            let decision = match to {
                Some(to) => answer(path, to, here, base, new, staged)?,
                None => None,
            };
            let decision = match decision {
                Some(decision) => decision,
                None => of_file(path, here, base, new, staged)?,
            };
            decisions.push((path.clone(), decision));
        }
        // Where an answer goes that has another number now, there is nothing else to do.
        let taken: Vec<PathBuf> = decisions
            .iter()
            .filter_map(|(path, it)| match it {
                Decision::Answer(it) if it.at != *path => Some(it.at.clone()),
                _ => None,
            })
            .collect();
        decisions.retain(|(path, _)| !taken.contains(path));
        Ok(Plan { decisions })
    }
}

/// Decides on an exercise; `None` if the learner has no answer that could be read.
fn answer(
    path: &Path,
    to: &Path,
    here: &Tree,
    base: &Tree,
    new: &Tree,
    staged: &Path,
) -> Result<Option<Decision>> {
    let (Some(mine), Some(starter)) = (here.text(path), new.text(to)) else {
        return Ok(None);
    };
    let old = base.text(path);
    let (Some(was), Some(is)) = (Place::of(path), Place::of(to)) else {
        return Ok(None);
    };
    let moves = path != to;
    let (text, keep, what) = match carry::carry(old.as_deref(), &mine, &starter) {
        Carried::NewStarter => return Ok(None),
        Carried::AsItIs if moves => (mine, false, What::Renumbered(was.to_string())),
        Carried::AsItIs if mine == starter => return Ok(None),
        Carried::AsItIs => {
            return Ok(Some(Decision::Stays(format!(
                "{is}: the starter's lines in your part have changed; yours are as they were"
            ))));
        }
        Carried::Moved(text) if moves => (text, false, What::Renumbered(was.to_string())),
        Carried::Moved(text) => (text, false, What::Whole),
        Carried::PartMoved(text) => (text, true, What::Part),
        Carried::BesideStarter => (starter, true, What::Starter),
    };
    Ok(Some(Decision::Answer(Answer {
        staged: stage(staged, text.as_bytes(), false)?,
        at: to.to_owned(),
        keep,
        name: is.to_string(),
        door: is.door(),
        what,
    })))
}

/// Decides on any other file.
fn of_file(
    path: &Path,
    here: &Tree,
    base: &Tree,
    new: &Tree,
    staged: &Path,
) -> Result<Decision> {
    let (mine, old, new) = (here.thing(path)?, base.thing(path)?, new.thing(path)?);
    let there = new != Thing::Nothing;
    Ok(match (&mine, &old, &new) {
        _ if mine == new => Decision::Nothing,
        // A folder of the learner's own; it is looked at when the file is put there.
        (Thing::Folder, ..) if there => Decision::Take,
        (Thing::Folder, ..) => Decision::Nothing,
        (Thing::Nothing, ..) => Decision::Take,
        _ if mine == old && there => Decision::Take,
        _ if mine == old => Decision::Delete,
        (
            Thing::File { bytes: mine, .. },
            Thing::File { bytes: old, .. },
            Thing::File { bytes, executable },
        ) => match carry::merge(mine, old, bytes) {
            Some(merged) => Decision::Merged(stage(staged, &merged, *executable)?),
            None => Decision::Aside { new: true },
        },
        _ => Decision::Aside { new: there },
    })
}

/// Writes a file that is to be put somewhere.
fn stage(folder: &Path, bytes: &[u8], executable: bool) -> Result<PathBuf> {
    let mut file = tempfile::Builder::new()
        .prefix("staged-")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    // The usual rights, not those of a temporary file.
    let mode = if executable { 0o755 } else { 0o644 };
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    let (_, path) = file.keep()?;
    Ok(path)
}

/// Copies a learner's file to beside `at`: `2-columns.kept-1.rs`, or the next number that is free
/// or holds the same.
pub fn keep(file: &Path, at: &Path) -> Result<PathBuf> {
    let bytes =
        fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let folder = at.parent().context("it is in a folder")?;
    fs::create_dir_all(folder)?;
    for number in 1.. {
        let copy = at.with_extension(format!("kept-{number}.rs"));
        match fs::read(&copy) {
            Ok(old) if old == bytes => return Ok(copy),
            Ok(_) => continue,
            Err(_) => {}
        }
        let mut new = tempfile::NamedTempFile::new_in(folder)
            .with_context(|| format!("cannot write into {}", folder.display()))?;
        new.write_all(&bytes)?;
        new.as_file()
            .set_permissions(fs::Permissions::from_mode(0o644))?;
        new.as_file().sync_all()?;
        if new.persist_noclobber(&copy).is_ok() {
            return Ok(copy);
        }
    }
    bail!("there are too many copies of {}", at.display())
}

/// The place of an exercise: `chapters/03-distances/exercises/2-columns.rs`.
struct Place {
    chapter: usize,
    chapter_name: String,
    number: usize,
    name: String,
}

impl Place {
    fn of(path: &Path) -> Option<Place> {
        let parts: Vec<&str> = path.to_str()?.split('/').collect();
        let ["chapters", room, "exercises", file] = parts.as_slice() else {
            return None;
        };
        let (chapter, chapter_name) = room.split_once('-')?;
        let (number, name) = file.strip_suffix(".rs")?.split_once('-')?;
        (!name.contains('.')).then_some(())?;
        Some(Place {
            chapter: chapter.parse().ok()?,
            chapter_name: chapter_name.to_owned(),
            number: number.parse().ok()?,
            name: name.to_owned(),
        })
    }

    /// What it is called, whatever its number.
    fn key(&self) -> (String, String) {
        (self.chapter_name.clone(), self.name.clone())
    }

    fn door(&self) -> String {
        format!("{}-{}", self.chapter, self.number)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} {}", self.chapter, self.number, self.name)
    }
}
