//! `make classroom DIR=…`: a repository for a class, for GitHub, GitHub Classroom and GitLab.
//!
//! It holds the workbook, the starters, workflows whose steps call targets of the Makefile, and a
//! page for students. Their answers are tracked there, but there are none yet: the first command
//! that needs one makes it, as in the workbook, and no release can conflict with one. It does not
//! hold the solutions, nor the tests, whose gallery has right answers, too. That hides nothing
//! from somebody who looks for them, because the workbook is public; but nobody comes across
//! them, and no search in the editor finds them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use regex::Regex;
use workbook::chapter::Chapter;
use workbook::exercise::Exercise;
use workbook::git::Git;
use workbook::release;

const GITHUB: &str = include_str!("classroom/github.yml");
const GITHUB_CHAPTER: &str = include_str!("classroom/github-chapter.yml");
const CLASSROOM: &str = include_str!("classroom/classroom.yml");
const CLASSROOM_EXERCISE: &str = include_str!("classroom/classroom-exercise.yml");
const GITLAB: &str = include_str!("classroom/gitlab.yml");
const README: &str = include_str!("classroom/README.md");

/// What is said in the place of a solution's explanation.
const LEFT_OUT: &str = "The solutions are not in this repository.";

/// Makes a repository for a class of the workbook in `root`, in `folder`. With `points`, each
/// exercise counts so many for GitHub Classroom.
///
/// # Errors
/// If there is something in `folder` already.
pub fn make(root: &Path, folder: &Path, points: Option<u32>) -> Result<()> {
    let folder = std::path::absolute(folder)?;
    if fs::read_dir(&folder).is_ok_and(|mut it| it.next().is_some()) {
        bail!("there is something in {} already", folder.display());
    }
    if folder.starts_with(root) && !folder.starts_with(root.join("target")) {
        bail!(
            "{} is inside the workbook, where it would become a part of it; name a folder \
             beside it: make classroom DIR=../class",
            folder.display()
        );
    }
    let exercises = Exercise::all(root)?;
    let explanation =
        Regex::new(r#"(?s)explanation = """.*?""""#).expect("the pattern is valid");
    for file in files(root)? {
        let from = root.join(&file);
        let to = folder.join(&file);
        fs::create_dir_all(to.parent().context("a file is in a folder")?)?;
        match exercises.iter().find(|it| it.tracked == from) {
            // The teacher may have solved it here, with an older release.
            Some(it) => fs::write(&to, it.starter()?)?,
            None if file == Path::new(".gitignore") => {
                let text = fs::read_to_string(&from)?;
                fs::write(
                    &to,
                    text.replace("\n/answers/\n", "\n/answers/*/*.kept-*.rs\n"),
                )?;
            }
            None if file.ends_with("exercises/exercises.toml") => {
                let text = fs::read_to_string(&from)?;
                let with = format!("explanation = \"\"\"\n{LEFT_OUT}\n\"\"\"");
                fs::write(&to, &*explanation.replace_all(&text, &*with))?;
            }
            // (With its rights.)
            None => {
                _ = fs::copy(&from, &to)
                    .with_context(|| format!("cannot copy {}", from.display()))?
            }
        }
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let rust = manifest
        .lines()
        .find_map(|it| it.strip_prefix("rust-version = "));
    let rust = rust.unwrap_or_default().trim_matches('"');
    let chapters = Chapter::all(root)?;
    let write = |name: &str, text: String| -> Result<()> {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().context("a file is in a folder")?)?;
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    };
    write("README.md", README.replace("{{rust}}", rust))?;
    match points {
        None => write(
            ".github/workflows/exercises.yml",
            github(&chapters, &exercises),
        )?,
        Some(points) => {
            write(
                ".github/workflows/classroom.yml",
                classroom(&exercises, points),
            )?;
        }
    }
    let goals: Vec<String> = with_exercises(&chapters, &exercises)
        .map(|it| format!("exercise-{}", it.number))
        .collect();
    write(
        ".gitlab-ci.yml",
        GITLAB.replace("{{goals}}", &goals.join(" ")),
    )
}

/// The files of the workbook that a class gets, as paths in it.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut all = match Git::of(root)? {
        Some(git) => git.files()?,
        None => unpacked(root, Path::new(""))?,
    };
    all.retain(|file| {
        let is_in = |folder: &str| file.starts_with(folder);
        // The page on the library shows two files from there.
        let tests = is_in("tests") && !is_in("tests/library/stranger");
        let solutions = file.iter().any(|it| it == "solutions");
        let others = [
            ".ci",
            ".github",
            ".gitlab-ci.yml",
            "CONTRIBUTING.md",
            "README.md",
        ];
        !tests && !solutions && !others.into_iter().any(is_in) && root.join(file).is_file()
    });
    Ok(all)
}

/// The same of an unpacked release: all that is not the learner's own, nor was built.
fn unpacked(root: &Path, below: &Path) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        let name = path.to_string_lossy();
        let own = [
            "target",
            "answers",
            ".workbook",
            ".cargo/config.toml",
            ".git",
        ]
        .contains(&&*name)
            || [release::BOOK, release::RELEASE].contains(&&*name)
            || name.contains(".kept-");
        match entry.file_type()?.is_dir() {
            _ if own => {}
            true => all.extend(unpacked(root, &path)?),
            false => all.push(path),
        }
    }
    all.sort();
    Ok(all)
}

fn with_exercises<'a>(
    chapters: &'a [Chapter],
    exercises: &'a [Exercise],
) -> impl Iterator<Item = &'a Chapter> {
    chapters
        .iter()
        .filter(|chapter| exercises.iter().any(|it| it.chapter == chapter.number))
}

fn github(chapters: &[Chapter], exercises: &[Exercise]) -> String {
    let steps: Vec<String> = with_exercises(chapters, exercises)
        .map(|chapter| {
            GITHUB_CHAPTER
                .replace(
                    "{{title}}",
                    &format!("Chapter {}, {}", chapter.number, chapter.name),
                )
                .replace("{{chapter}}", &chapter.number.to_string())
        })
        .collect();
    GITHUB.replace("{{exercises}}", steps.concat().trim_end())
}

fn classroom(exercises: &[Exercise], points: u32) -> String {
    let id = |it: &Exercise| format!("exercise-{}", it.slug());
    let steps: Vec<String> = exercises
        .iter()
        .map(|it| {
            CLASSROOM_EXERCISE
                .replace("{{title}}", &format!("Exercise {it}, {}", it.name))
                .replace("{{id}}", &id(it))
                .replace("{{points}}", &points.to_string())
        })
        .collect();
    let results: Vec<String> = exercises
        .iter()
        .map(|it| {
            let id = id(it);
            let name = id.to_uppercase();
            format!("          {name}_RESULTS: ${{{{ steps.{id}.outputs.result }}}}\n")
        })
        .collect();
    let runners: Vec<String> = exercises.iter().map(id).collect();
    CLASSROOM
        .replace("{{exercises}}", steps.concat().trim_end())
        .replace("{{results}}", results.concat().trim_end())
        .replace("{{runners}}", &runners.join(","))
}
