//! For those who write exercises: makes the starters, and checks that every starter fails,
//! every solution passes, and every wrong answer of the gallery gets its verdict.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use launch::{Mpi, Toolchain};
use workbook::exercise::{
    Exercise, answers,
    compile::Kit,
    trial::{self, Options},
    verdict::{Outcome, Verdict},
    with_hole_filled,
};

use crate::gallery::{Answer, gallery};
use crate::teaching;

/// The seed of all inputs: a run is as the last one.
const SEED: u64 = 2;

/// How many answers are tried at a time.
const WORKERS: usize = 3;

/// How many wrong answers the gallery has for each exercise, at least. The teacher's guide lists them.
const WRONG_ANSWERS: usize = 2;

/// Writes the starters of all exercises, from their solutions.
pub fn starters(root: &Path) -> Result<bool> {
    for exercise in Exercise::all(root)? {
        let there = std::fs::read_to_string(&exercise.tracked).unwrap_or_default();
        let starter = exercise.starter()?;
        if there != starter {
            println!(
                "{exercise}: {}",
                answers::put(root, &exercise.tracked, &starter)?
            );
        }
    }
    Ok(true)
}

/// Checks the exercises themselves. `wanted` is an exercise or a chapter; all if `None`. With
/// `in_turn`, an answer of the gallery is tried under one of the MPIs only, unless it may get
/// another verdict there; starters and solutions are tried under each.
pub fn check(
    root: &Path,
    mpis: &[Mpi],
    hdf5: Option<&Path>,
    wanted: Option<&str>,
    in_turn: bool,
) -> Result<bool> {
    let exercises = match wanted {
        Some(wanted) => Exercise::find(root, wanted)?,
        None => Exercise::all(root)?,
    };
    let gallery = gallery(root)?;
    let mut faults = faults(root, &exercises)?;
    faults.extend(faults_of_the_guide(root, &exercises, &gallery)?);
    let start = Instant::now();
    let mut tried = 0;
    for (turn, &mpi) in mpis.iter().enumerate() {
        let toolchain = Toolchain::find(mpi, root, hdf5)?;
        println!("{}", toolchain.releases().join(", "));
        let kit = Kit::build(root, &toolchain)?;
        let mut jobs = VecDeque::new();
        for exercise in &exercises {
            let mut answers = own(exercise)?;
            let wrong = gallery.get(&exercise.to_string()).into_iter().flatten();
            let has_turn = |index: usize, answer: &Answer| {
                !in_turn || answer.or.is_some() || index % mpis.len() == turn
            };
            let wrong = wrong
                .enumerate()
                .filter(|(index, answer)| has_turn(*index, answer))
                .map(|(_, answer)| answer.clone());
            answers.extend(wrong);
            tried += answers.len();
            jobs.push_back((exercise, answers));
        }
        // Several exercises at a time: a run that hangs leaves the machine idle. (Not several
        // answers to one exercise: they are compiled into the same program.)
        let jobs = Mutex::new(jobs);
        let found = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    let next = || jobs.lock().ok()?.pop_front();
                    while let Some((exercise, answers)) = next() {
                        for answer in &answers {
                            let fault = try_answer(root, &kit, exercise, answer)
                                .unwrap_or_else(|error| {
                                    Some(format!("{exercise} {}: {error:#}", answer.name))
                                });
                            if let (Some(fault), Ok(mut found)) = (fault, found.lock()) {
                                found.push(format!("{mpi}: {fault}"));
                            }
                        }
                    }
                });
            }
        });
        faults.extend(found.into_inner().unwrap_or_default());
    }
    for fault in &faults {
        println!("FAULT {fault}");
    }
    println!(
        "{} exercises, {tried} answers tried in {} s, {} faults",
        exercises.len(),
        start.elapsed().as_secs(),
        faults.len()
    );
    Ok(faults.is_empty())
}

/// The starter and the solution of an exercise, as answers.
fn own(exercise: &Exercise) -> Result<Vec<Answer>> {
    let answer = |name: &str, file, verdict| Answer {
        exercise: exercise.to_string(),
        name: name.to_owned(),
        hole: None,
        file: Some(file),
        verdict,
        or: None,
        says: Vec::new(),
        not: Vec::new(),
        ranks: Vec::new(),
    };
    Ok(vec![
        // Any verdict but these three will do for a starter: see `is_fault`.
        answer(STARTER, exercise.starter()?, Outcome::WrongResult),
        answer("the solution", exercise.solution()?, Outcome::Passes),
    ])
}

const STARTER: &str = "the starter";

fn try_answer(
    root: &Path,
    kit: &Kit,
    exercise: &Exercise,
    answer: &Answer,
) -> Result<Option<String>> {
    let text = match (&answer.hole, &answer.file) {
        (Some(hole), None) => with_hole_filled(&exercise.starter()?, hole),
        (None, Some(file)) => file.clone(),
        _ => bail!("an answer has a `hole` or a `file`"),
    };
    let folder = tempfile::tempdir()?;
    let source = folder
        .path()
        .join(exercise.file.file_name().context("a name")?);
    std::fs::write(&source, &text)?;
    let options = Options {
        ranks: answer.ranks.clone(),
        seed: Some(SEED),
    };
    let start = Instant::now();
    let verdict = trial::check(root, kit, exercise, &source, &options)?;
    let fault = is_fault(answer, &verdict, &text);
    println!(
        "{} {exercise} {}: {} ({:.1} s)",
        if fault.is_some() { "FAULT" } else { "ok   " },
        answer.name,
        verdict.outcome.words(),
        start.elapsed().as_secs_f64()
    );
    Ok(fault.map(|fault| {
        format!(
            "{exercise} {}: {fault}\n{}",
            answer.name,
            anstream::adapter::strip_str(&verdict.shown(true))
        )
    }))
}

fn is_fault(answer: &Answer, verdict: &Verdict, text: &str) -> Option<String> {
    if answer.name == STARTER {
        return match verdict.outcome {
            Outcome::Passes => Some("it passes".to_owned()),
            Outcome::Hangs | Outcome::OverLimit => Some("it does not end".to_owned()),
            Outcome::DoesNotCompile => Some("it does not compile".to_owned()),
            _ => None,
        };
    }
    if verdict.outcome != answer.verdict && Some(verdict.outcome) != answer.or {
        return Some(format!("it should be: {}", answer.verdict.words()));
    }
    let said = verdict.shown(false);
    // A sentence may begin with it.
    let said = anstream::adapter::strip_str(&said)
        .to_string()
        .to_lowercase();
    let says = |words: &str| said.contains(&words.to_lowercase());
    for wanted in &answer.says {
        let wanted = with_lines(wanted, text);
        if !says(&wanted) {
            return Some(format!("it should say `{wanted}`"));
        }
    }
    let unwanted = answer.not.iter().find(|it| says(it));
    unwanted.map(|it| format!("it should not say `{it}`"))
}

/// `line {A}` with the number of the line that ends in `// A`.
fn with_lines(wanted: &str, text: &str) -> String {
    let mut filled = wanted.to_owned();
    for (index, line) in text.lines().enumerate() {
        if let Some((_, mark)) = line.rsplit_once("// ") {
            filled =
                filled.replace(&format!("{{{}}}", mark.trim()), &(index + 1).to_string());
        }
    }
    filled
}

/// What is wrong with the files of the exercises, without running anything.
fn faults(root: &Path, exercises: &[Exercise]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for exercise in exercises {
        let mut fault = |text: &str| faults.push(format!("{exercise}: {text}"));
        let starter = exercise.starter()?;
        match std::fs::read_to_string(&exercise.tracked) {
            Ok(text) if text == starter => {}
            _ => fault(
                "exercises/ does not hold the starter that solutions/ says; \
                 `author starters` writes it (what was there is kept beside it)",
            ),
        }
        let page = std::fs::read_to_string(&exercise.page)
            .with_context(|| format!("cannot read {}", exercise.page.display()))?;
        let heading = format!("### {exercise} {}", exercise.plan.title);
        if !page.lines().any(|line| line == heading) {
            fault(&format!("the page has no `{heading}`"));
        }
        if exercise.plan.hints.len() < 2 {
            fault("there are fewer than two `hints` in exercises.toml");
        }
        if exercise.plan.explanation.trim().is_empty() {
            fault("the solution has no `explanation` in exercises.toml");
        }
        let how = format!("make exercise-{}", exercise.slug());
        if !starter.contains(&how) {
            fault(&format!(
                "the solution's file does not say `{how}` at its top"
            ));
        }
        for (what, text) in [("starter", starter), ("solution", exercise.solution()?)] {
            if !is_formatted(root, &text)? {
                fault(&format!("rustfmt would change the {what}"));
            }
        }
    }
    Ok(faults)
}

/// What the teacher's guide lacks to tell of the exercises: wrong answers, and what to ask then.
fn faults_of_the_guide(
    root: &Path,
    exercises: &[Exercise],
    gallery: &BTreeMap<String, Vec<Answer>>,
) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    for exercise in exercises {
        let answers = gallery.get(&exercise.to_string()).into_iter().flatten();
        let wrong = answers.filter(|it| it.verdict != Outcome::Passes).count();
        if wrong < WRONG_ANSWERS {
            let room = exercise.page.parent().and_then(Path::file_name);
            faults.push(format!(
                "{exercise}: {wrong} of at least {WRONG_ANSWERS} wrong answers are in \
                 tests/gallery/{}.toml; add an [[answer]] with `exercise = \"{exercise}\"` there, \
                 one that a beginner will try",
                room.unwrap_or_default().to_string_lossy()
            ));
        }
        if exercise.plan.minutes > teaching::WITHOUT_BREAK {
            faults.push(format!(
                "{exercise}: its `minutes` in exercises.toml are more than {}, after which a class \
                 has a break",
                teaching::WITHOUT_BREAK
            ));
        }
    }
    let guide = "chapters/teaching.md";
    let text = std::fs::read_to_string(root.join(guide))
        .with_context(|| format!("cannot read {guide}"))?;
    if let Err(error) = teaching::to_tables(root, &text) {
        faults.push(format!("{guide}: {error:#}"));
    }
    Ok(faults)
}

fn is_formatted(root: &Path, text: &str) -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("answer.rs");
    std::fs::write(&file, text)?;
    let output = std::process::Command::new("rustfmt")
        .args(["--check", "--edition", "2024", "--config-path"])
        .arg(root.join("rustfmt.toml"))
        .arg(&file)
        .output()
        .context("cannot run rustfmt")?;
    Ok(output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exercise_without_wrong_answers_is_named_with_the_place_for_them() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut exercises = Exercise::all(&root).unwrap();
        let mut gallery = gallery(&root).unwrap();
        let none = Vec::<String>::new();
        assert_eq!(
            faults_of_the_guide(&root, &exercises, &gallery).unwrap(),
            none
        );

        // A right one does not count.
        let wrong = |it: &Answer| it.verdict != Outcome::Passes;
        let first = gallery["3.1"].iter().find(|it| wrong(it)).unwrap().clone();
        let right = gallery.values().flatten().find(|it| !wrong(it)).unwrap();
        let few = vec![first, right.clone()];
        gallery.insert("3.1".to_owned(), few);
        gallery.remove("4.2");
        let longest = exercises.last_mut().unwrap();
        longest.plan.minutes = 91;
        let longest = longest.to_string();
        let faults = faults_of_the_guide(&root, &exercises, &gallery).unwrap();
        let [uneven, counter, long] = faults.as_slice() else {
            panic!("{faults:#?}")
        };
        for (fault, begins, holds) in [
            (
                uneven,
                "3.1: 1 of at least 2",
                "tests/gallery/03-distances.toml",
            ),
            (counter, "4.2: 0 of at least 2", "`exercise = \"4.2\"`"),
            (long, &*longest, "`minutes`"),
        ] {
            assert!(
                fault.starts_with(begins) && fault.contains(holds),
                "{fault}"
            );
        }
    }

    #[test]
    fn a_guide_with_nothing_to_ask_is_a_fault() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["chapters", "tests/gallery"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let answer = "[[answer]]\nexercise = \"1.1\"\nname = \"x\"\nverdict = \"hangs\"\n";
        std::fs::write(root.path().join("tests/gallery/01-x.toml"), answer).unwrap();
        let guide = root.path().join("chapters/teaching.md");
        let faults = || faults_of_the_guide(root.path(), &[], &BTreeMap::new()).unwrap();
        std::fs::write(&guide, "```verdicts\nhangs = \"Who?\"\n```\n").unwrap();
        assert_eq!(faults(), Vec::<String>::new());
        std::fs::write(&guide, "```verdicts\n```\n").unwrap();
        assert_eq!(
            faults(),
            [
                "chapters/teaching.md: the block `verdicts`: it has nothing to ask for `hangs`"
            ]
        );
    }
}
