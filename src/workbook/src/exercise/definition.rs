//! An exercise: where its files are, and what they say.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::chapter::Chapter;
use crate::git::{self, Git};

/// The environment variable that names another folder for a learner's answers and progress
/// than those of the workbook: for several learners who share one, and for tests.
pub const ANSWERS: &str = "WORKBOOK_ANSWERS";

/// The first line of the part of a file that the learner writes.
pub const HOLE_BEGINS: &str = "// YOUR PART BEGINS";
/// The line after the part of a file that the learner writes.
pub const HOLE_ENDS: &str = "// YOUR PART ENDS";
/// What stands before a line of the starter in the solution's hole.
const STARTER_LINE: &str = "//~";

/// One exercise.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// The number of its chapter: 3.
    pub chapter: usize,
    /// The name of its chapter: `distances`.
    pub chapter_name: String,
    /// Its number in the chapter: 2.
    pub number: usize,
    /// Its name: `columns`.
    pub name: String,
    /// What the learner edits: `answers/03-distances/2-columns.rs`.
    pub file: PathBuf,
    /// The starter that git tracks: `…/exercises/2-columns.rs`.
    pub tracked: PathBuf,
    /// The page: `…/README.md`.
    pub page: PathBuf,
    /// `…/solutions/2-columns.rs`; a class repository has none.
    pub solution: PathBuf,
    /// What `exercises.toml` says of it.
    pub plan: Plan,
}

/// What a chapter's `exercises.toml` says of an exercise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plan {
    /// The file's name without `.rs`: `2-columns`.
    pub file: String,
    /// What it is called on the page.
    pub title: String,
    /// How long a learner takes for it.
    pub minutes: u32,
    /// The numbers of ranks at which an answer is tried, in this order.
    #[serde(default = "default_ranks")]
    pub ranks: Vec<usize>,
    /// From gentle to nearly the answer.
    pub hints: Vec<String>,
    /// Why the solution is as it is.
    pub explanation: String,
}

fn default_ranks() -> Vec<usize> {
    vec![1, 2, 3, 4, 7]
}

/// A chapter's `exercises.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plans {
    exercise: Vec<Plan>,
}

impl fmt::Display for Exercise {
    /// `3.2`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.chapter, self.number)
    }
}

impl Exercise {
    /// The exercises of a chapter, in order.
    pub fn of(chapter: &Chapter) -> Result<Vec<Exercise>> {
        let file = chapter.folder.join("exercises/exercises.toml");
        if !file.is_file() {
            return Ok(Vec::new());
        }
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let plans: Plans = toml::from_str(&text)
            .with_context(|| format!("{} is not right", file.display()))?;
        let answers = answers_to(chapter)?;
        let exercises = plans.exercise.into_iter().map(|plan| {
            let parts = plan.file.split_once('-').and_then(|(number, name)| {
                Some((number.parse::<usize>().ok()?, name.to_owned()))
            });
            let Some((number, name)) = parts else {
                bail!(
                    "{}: a file is called as `2-columns`, not `{}`",
                    file.display(),
                    plan.file
                )
            };
            let source = format!("{}.rs", plan.file);
            Ok(Exercise {
                chapter: chapter.number,
                chapter_name: chapter.name.clone(),
                number,
                name,
                file: answers.join(&source),
                tracked: chapter.folder.join("exercises").join(&source),
                page: chapter.folder.join("README.md"),
                solution: chapter.folder.join("solutions").join(&source),
                plan,
            })
        });
        exercises.collect()
    }

    /// The exercises of all chapters, in order.
    pub fn all(root: &Path) -> Result<Vec<Exercise>> {
        let mut all = Vec::new();
        for chapter in Chapter::all(root)? {
            all.extend(Exercise::of(&chapter)?);
        }
        Ok(all)
    }

    /// The exercises that a learner means by `3`, `distances` (all of a chapter), `3.2`,
    /// `3-2`, `columns`, or the beginning of a name if there is only one such.
    pub fn find(root: &Path, wanted: &str) -> Result<Vec<Exercise>> {
        let all = Exercise::all(root)?;
        let keep = |test: &dyn Fn(&Exercise) -> bool| -> Vec<Exercise> {
            all.iter().filter(|it| test(it)).cloned().collect()
        };
        let numbers: Option<Vec<usize>> = wanted
            .split(['.', '-'])
            .map(|part| part.parse().ok())
            .collect();
        let found = match numbers.as_deref() {
            Some([chapter]) => keep(&|it| it.chapter == *chapter),
            Some([chapter, number]) => {
                keep(&|it| it.chapter == *chapter && it.number == *number)
            }
            Some(_) => Vec::new(),
            None => {
                let exact = keep(&|it| {
                    it.name == wanted || it.chapter_name == wanted || it.plan.file == wanted
                });
                let begins = keep(&|it| it.name.starts_with(wanted));
                match (exact.is_empty(), begins.len()) {
                    (false, _) => exact,
                    (true, 1) => begins,
                    (true, _) => Vec::new(),
                }
            }
        };
        if found.is_empty() {
            let known: Vec<String> =
                all.iter().map(|it| format!("{it} ({})", it.name)).collect();
            bail!(
                "there is no exercise `{wanted}`; there are {}",
                known.join(", ")
            );
        }
        Ok(found)
    }

    /// The one exercise that a learner means; an error if it is a whole chapter.
    pub fn find_one(root: &Path, wanted: &str) -> Result<Exercise> {
        match Exercise::find(root, wanted)?.as_slice() {
            [one] => Ok(one.clone()),
            several => bail!(
                "`{wanted}` are {} exercises: say which, for example {}",
                several.len(),
                several[0]
            ),
        }
    }

    /// `3-2`, as in `make hint-3-2`.
    pub fn slug(&self) -> String {
        format!("{}-{}", self.chapter, self.number)
    }

    /// What the learner's file is at first.
    pub fn starter(&self) -> Result<String> {
        match self.halves()? {
            Some(halves) => Ok(halves.starter),
            None => std::fs::read_to_string(&self.tracked)
                .with_context(|| format!("cannot read {}", self.tracked.display())),
        }
    }

    /// The same as it was released, whatever a learner has made of the tracked file; `None` if
    /// nobody knows. Where there is no solution, the clone in `root` is asked.
    pub(super) fn released_starter(
        &self,
        root: &Path,
        clone: impl FnOnce() -> Option<Git>,
    ) -> Result<Option<Vec<u8>>> {
        if let Some(halves) = self.halves()? {
            return Ok(Some(halves.starter.into_bytes()));
        }
        let (Some(git), Ok(file)) = (clone(), self.tracked.strip_prefix(root)) else {
            return Ok(None);
        };
        let show = git.command(&["show", &format!("HEAD:{}", file.display())]);
        Ok(git::output(show).ok())
    }

    /// The solution, without the starter's lines.
    pub fn solution(&self) -> Result<String> {
        let halves = self.halves()?.with_context(|| {
            format!(
                "there is no solution of exercise {self} here: this is a class repository, \
                 made without them. `make hint-{}` helps, and so does your teacher",
                self.slug()
            )
        })?;
        Ok(halves.solution)
    }

    /// `None` in a class repository.
    fn halves(&self) -> Result<Option<Halves>> {
        if !self.solution.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&self.solution)
            .with_context(|| format!("cannot read {}", self.solution.display()))?;
        let halves = split(&text)
            .with_context(|| format!("{} is not right", self.solution.display()))?;
        // Class repositories of release 0.1.0 have such files, with the starter alone.
        Ok((!hole(&halves.solution).is_empty()).then_some(halves))
    }
}

/// Where the learner's answers to a chapter's exercises are.
fn answers_to(chapter: &Chapter) -> Result<PathBuf> {
    let folder = match std::env::var_os(ANSWERS) {
        Some(folder) => PathBuf::from(folder),
        None => {
            let root = chapter.folder.ancestors().nth(2);
            root.context("a chapter is in `chapters`")?.join("answers")
        }
    };
    Ok(folder.join(chapter.folder.file_name().unwrap_or_default()))
}

/// The two files that a solution's file holds.
#[derive(Debug, PartialEq, Eq)]
struct Halves {
    starter: String,
    solution: String,
}

fn split(text: &str) -> Result<Halves> {
    let mut halves = Halves {
        starter: String::new(),
        solution: String::new(),
    };
    let (mut inside, mut holes) = (false, 0);
    for line in text.lines() {
        let push = |to: &mut String, line: &str| {
            to.push_str(line);
            to.push('\n');
        };
        let bare = line.trim_start();
        let ends = bare == HOLE_ENDS;
        if inside && !ends {
            match bare.strip_prefix(STARTER_LINE) {
                Some("") => push(&mut halves.starter, ""),
                Some(rest) => {
                    let indent = &line[..line.len() - bare.len()];
                    let rest = rest.strip_prefix(' ').unwrap_or(rest);
                    push(&mut halves.starter, &format!("{indent}{rest}"));
                }
                None => push(&mut halves.solution, line),
            }
            continue;
        }
        if bare == HOLE_BEGINS {
            inside = true;
            holes += 1;
        } else if ends {
            if !inside {
                bail!("`{HOLE_ENDS}` without a beginning");
            }
            inside = false;
        }
        push(&mut halves.starter, line);
        push(&mut halves.solution, line);
    }
    if inside || holes != 1 {
        bail!("there is one `{HOLE_BEGINS}` and one `{HOLE_ENDS}` in a file");
    }
    Ok(halves)
}

/// The answer that has `text` in the hole of the starter.
pub fn with_hole_filled(starter: &str, text: &str) -> String {
    let mut filled = String::new();
    let mut inside = false;
    for line in starter.lines() {
        let bare = line.trim_start();
        if bare == HOLE_ENDS {
            inside = false;
            filled.push_str(text.trim_end_matches('\n'));
            filled.push('\n');
        }
        if !inside {
            filled.push_str(line);
            filled.push('\n');
        }
        if bare == HOLE_BEGINS {
            inside = true;
        }
    }
    filled
}

/// What a file has in its hole; all of it if there is none any more.
pub(super) fn hole(text: &str) -> Vec<String> {
    let is = |mark: &'static str| move |line: &&str| line.trim() == mark;
    let lines: Vec<&str> = text.lines().collect();
    let begins = lines.iter().position(|it| is(HOLE_BEGINS)(it));
    let ends = lines.iter().rposition(|it| is(HOLE_ENDS)(it));
    let inside = match (begins, ends) {
        (Some(begins), Some(ends)) if begins < ends => &lines[begins + 1..ends],
        _ => &lines[..],
    };
    // As far to the left as they go together.
    let used = inside.iter().filter(|it| !it.trim().is_empty());
    let indent = used.map(|it| it.len() - it.trim_start().len()).min();
    let indent = indent.unwrap_or(0);
    let cut = inside.iter().map(|it| it.get(indent..).unwrap_or(""));
    cut.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOLUTION: &str = "fn main() {\n    // YOUR PART BEGINS\n    //~ let x = todo!();\n    \
                            //~\n    let x = 1;\n    // YOUR PART ENDS\n    drop(x);\n}\n";

    #[test]
    fn a_solution_holds_the_starter() {
        let halves = split(SOLUTION).unwrap();
        assert_eq!(
            halves.starter,
            "fn main() {\n    // YOUR PART BEGINS\n    let x = todo!();\n\n    \
             // YOUR PART ENDS\n    drop(x);\n}\n"
        );
        assert_eq!(
            halves.solution,
            "fn main() {\n    // YOUR PART BEGINS\n    let x = 1;\n    \
             // YOUR PART ENDS\n    drop(x);\n}\n"
        );
        let again = with_hole_filled(&halves.starter, "    let x = 1;\n");
        assert_eq!(again, halves.solution);
    }

    #[test]
    fn a_file_has_one_hole() {
        assert!(split("fn main() {}\n").is_err());
        assert!(split("// YOUR PART BEGINS\n").is_err());
        assert!(split("// YOUR PART ENDS\n").is_err());
        assert!(split(&SOLUTION.repeat(2)).is_err());
    }
}
