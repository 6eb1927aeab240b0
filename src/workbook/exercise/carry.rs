//! Takes an answer over to a newer starter.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{HOLE_BEGINS, HOLE_ENDS, with_hole_filled};

/// What becomes of a learner's file when its starter has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It was still the starter, so it is the new one now.
    NewStarter,
    /// It stays as it is.
    AsItIs,
    /// This text: their part, in the new starter.
    Moved(String),
    /// The same, but they had also changed lines outside their part, which this text does not
    /// have: what they had has to be kept beside it.
    PartMoved(String),
    /// It has no part that could be found: the new starter, and theirs has to be kept beside
    /// it.
    BesideStarter,
}

/// Takes `answer`, which was begun with the starter `old`, over to the starter `new`.
///
/// Done a second time it changes nothing: an answer in the new starter stays as it is.
pub fn carry(old: Option<&str>, answer: &str, new: &str) -> Carried {
    let same = |one: &str, other: &str| lines(one) == lines(other);
    if same(answer, new) {
        return Carried::AsItIs;
    }
    if old.is_some_and(|old| same(old, answer)) {
        return Carried::NewStarter;
    }
    if old.is_some_and(|old| same(old, new)) {
        return Carried::AsItIs;
    }
    let (Some(mine), Some(theirs)) = (Parts::of(answer), Parts::of(new)) else {
        return Carried::BesideStarter;
    };
    if mine.outside == theirs.outside {
        return Carried::AsItIs;
    }
    let moved = with_hole_filled(new, &mine.inside);
    let Some(old) = old else {
        return Carried::PartMoved(moved);
    };
    if Parts::of(old).is_some_and(|it| it.outside == mine.outside) {
        return Carried::Moved(moved);
    }
    // Both have changed lines outside: perhaps not the same ones.
    let merged = merge(answer.as_bytes(), old.as_bytes(), new.as_bytes())
        .and_then(|it| String::from_utf8(it).ok())
        .filter(|it| Parts::of(it).is_some_and(|it| it.inside == mine.inside));
    match merged {
        Some(merged) => Carried::Moved(merged),
        None => Carried::PartMoved(moved),
    }
}

/// Both changes of `base` in one text, if they do not touch the same lines, and git is there
/// to do it.
pub fn merge(mine: &[u8], base: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().ok()?;
    let write = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).ok().map(|()| file)
    };
    let files = [
        write("mine", mine)?,
        write("base", base)?,
        write("theirs", theirs)?,
    ];
    let merged = Command::new("git")
        .args(["merge-file", "--stdout", "--quiet"])
        .args(files)
        .current_dir(Path::new("/"))
        .stdin(Stdio::null())
        .output()
        .ok()?;
    // Its status is the number of conflicts, or 255.
    merged.status.success().then_some(merged.stdout)
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_end).collect()
}

/// A file of an exercise: the learner's part, and the lines around it.
struct Parts<'a> {
    outside: Vec<&'a str>,
    inside: String,
}

impl Parts<'_> {
    /// `None` unless there is exactly one part.
    fn of(text: &str) -> Option<Parts<'_>> {
        let lines = lines(text);
        let at = |mark: &str| {
            let mut places = lines
                .iter()
                .enumerate()
                .filter(|(_, line)| line.trim() == mark);
            let (place, _) = places.next()?;
            places.next().is_none().then_some(place)
        };
        let (begins, ends) = (at(HOLE_BEGINS)?, at(HOLE_ENDS)?);
        (begins < ends).then(|| Parts {
            outside: [&lines[..=begins], &lines[ends..]].concat(),
            inside: lines[begins + 1..ends]
                .iter()
                .flat_map(|it| [it, "\n"])
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(above: &str, part: &str, below: &str) -> String {
        format!(
            "{above}\nfn main() {{\n    // YOUR PART BEGINS\n{part}    // YOUR PART ENDS\n    \
             {below}\n}}\n"
        )
    }

    #[test]
    fn what_was_not_touched_is_the_new_starter_and_what_is_new_stays() {
        let (old, new) = (file("a", "todo\n", "b"), file("A", "todo\n", "b"));
        assert_eq!(carry(Some(&old), &old, &new), Carried::NewStarter);
        assert_eq!(carry(Some(&old), &new, &new), Carried::AsItIs);
        let answer = file("a", "mine\n", "b");
        assert_eq!(carry(Some(&old), &answer, &old), Carried::AsItIs);
        // Only line ends that an editor has changed.
        let windows = old.replace('\n', "\r\n");
        assert_eq!(carry(Some(&old), &windows, &new), Carried::NewStarter);
    }

    #[test]
    fn the_part_goes_into_the_new_starter_and_a_second_time_changes_nothing() {
        let old = file("a", "    todo\n", "b");
        let answer = file("a", "    mine\n\n    more\n", "b");
        for new in [file("A", "    todo\n", "B"), file("A", "    task\n", "b")] {
            let Carried::Moved(moved) = carry(Some(&old), &answer, &new) else {
                panic!("it is moved")
            };
            assert!(moved.starts_with("A\n") && moved.contains("    mine\n\n    more\n"));
            assert!(
                !moved.contains("todo") && !moved.contains("task"),
                "{moved}"
            );
            assert_eq!(carry(Some(&old), &moved, &new), Carried::AsItIs);
        }
    }

    #[test]
    fn an_answer_stays_if_only_the_part_to_replace_has_changed() {
        let old = file("a", "    todo\n", "b");
        let answer = file("a", "    mine\n", "b");
        let new = file("a", "    another todo\n", "b");
        assert_eq!(carry(Some(&old), &answer, &new), Carried::AsItIs);
    }

    #[test]
    fn lines_outside_the_part_are_merged_or_kept_beside() {
        let old = file("use a;\n\n\nuse z;", "    todo\n", "b");
        let answer = file("use a;\nuse mine;\n\n\nuse z;", "    mine\n", "b");
        let elsewhere = file("use a;\n\n\nuse z;", "    todo\n", "B");
        let Carried::Moved(merged) = carry(Some(&old), &answer, &elsewhere) else {
            panic!("it is merged")
        };
        assert_eq!(
            merged,
            file("use a;\nuse mine;\n\n\nuse z;", "    mine\n", "B")
        );
        let same_line = file("use new;\n\n\nuse z;", "    todo\n", "b");
        let Carried::PartMoved(moved) = carry(Some(&old), &answer, &same_line) else {
            panic!("only their part is moved")
        };
        assert_eq!(moved, file("use new;\n\n\nuse z;", "    mine\n", "b"));
        // Nobody knows with which starter it was begun.
        assert!(matches!(
            carry(None, &answer, &same_line),
            Carried::PartMoved(_)
        ));
    }

    #[test]
    fn an_answer_without_its_part_is_kept_beside() {
        let old = file("a", "todo\n", "b");
        let new = file("A", "todo\n", "b");
        for answer in [
            "fn main() {}\n".to_owned(),
            file("a", "mine\n", "b").repeat(2),
            file("a", "mine\n", "b").replace("// YOUR PART ENDS", ""),
            String::new(),
        ] {
            assert_eq!(carry(Some(&old), &answer, &new), Carried::BesideStarter);
        }
    }
}
