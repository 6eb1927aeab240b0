//! `make update FROM=../old-folder`, in the folder of a new release: takes the answers along.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::plan;
use crate::exercise::carry::{Carried, carry};
use crate::exercise::{ANSWERS, Exercise};

/// Takes the answers of the workbook in `old` over to that in `root`. Nothing in `old` is
/// changed, and no answer in `root` is lost.
pub fn take(root: &Path, old: &Path) -> Result<bool> {
    let old = old
        .canonicalize()
        .with_context(|| format!("cannot open {}", old.display()))?;
    if !old.join("chapters/SUMMARY.md").is_file() {
        bail!("{} is no folder of the workbook", old.display());
    }
    if old == root.canonicalize()? {
        bail!("{} is this folder itself", old.display());
    }
    if let Some(folder) = std::env::var_os(ANSWERS) {
        bail!(
            "{ANSWERS} is set, so your answers are in {} and need not be taken along",
            folder.display()
        );
    }
    let shown = |path: &Path| {
        let path = path.strip_prefix(root).unwrap_or(path);
        path.display().to_string()
    };
    let theirs = Exercise::all(&old)?;
    let mut taken = 0;
    for exercise in Exercise::all(root)? {
        let is_it = |it: &&Exercise| {
            it.chapter_name == exercise.chapter_name && it.name == exercise.name
        };
        let Some(before) = theirs.iter().find(is_it) else {
            continue;
        };
        let Ok(answer) = fs::read_to_string(&before.file) else {
            continue;
        };
        let starter = exercise.starter()?;
        let (text, keep) = match carry(before.starter().ok().as_deref(), &answer, &starter)
        {
            Carried::NewStarter => continue,
            Carried::AsItIs => (answer.clone(), false),
            Carried::Moved(text) => (text, false),
            Carried::PartMoved(text) => (text, true),
            Carried::BesideStarter => (starter.clone(), true),
        };
        let here = fs::read_to_string(&exercise.file).unwrap_or_default();
        let is_starter = here == starter || here.is_empty();
        let mut say = format!("{exercise} {}", exercise.name);
        if here == text && !keep {
            continue;
        }
        match is_starter {
            true => {
                super::write_whole(&exercise.file, text.as_bytes())?;
                say += ": your answer is here now";
            }
            // They have begun here, too.
            false if here != text => {
                let kept = plan::keep(&before.file, &exercise.file)?;
                say += &format!(
                    ": you have an answer here already, and it stays; the other one is in {}",
                    shown(&kept)
                );
            }
            false => {}
        }
        if keep {
            let kept = plan::keep(&before.file, &exercise.file)?;
            say += &match text == starter {
                true => format!(
                    ": what you had has no part between the two lines, and is in {}",
                    shown(&kept)
                ),
                false => format!(
                    ", without the lines that you had changed outside your part; all you had \
                     is in {}",
                    shown(&kept)
                ),
            };
        }
        println!("{say}; check it again: make exercise-{}", exercise.door());
        taken += 1;
    }
    let progress = |root: &Path| root.join(super::OWN).join("progress.json");
    if !progress(root).exists()
        && let Ok(done) = fs::read(progress(&old))
    {
        fs::create_dir_all(root.join(super::OWN))?;
        super::write_whole(&progress(root), &done)?;
    }
    match taken {
        0 => println!("There is no answer in {} that is not here.", old.display()),
        _ => println!(
            "{} is as it was; your other files are still there.",
            old.display()
        ),
    }
    Ok(true)
}
