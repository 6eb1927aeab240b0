//! What is behind `make exercise-3-2`, `hint-3-2`, `reset-3-2`, `solution-3-2`, `try-3-2` and
//! `progress`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anstyle::{AnsiColor, Style};
use anyhow::{Result, bail};
use launch::supervise::{Ended, Stream, supervise};
use launch::{Mpi, Toolchain};

use super::answers;
use super::compile::{Compiled, Kit};
use super::definition::{Exercise, hole};
use super::progress::Progress;
use super::trial::{self, Options};
use super::verdict::{self, Verdict};
use crate::chapter::Chapter;
use crate::transcript;

const BOLD: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();

/// How a learner wants an answer to be checked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which MPI.
    pub mpi: Mpi,
    /// An HDF5 other than the system's.
    pub hdf5: Option<PathBuf>,
    /// Which numbers of ranks, and which input.
    pub options: Options,
    /// Another file than the learner's.
    pub file: Option<PathBuf>,
    /// Show the launcher's own words.
    pub noise: bool,
    /// Print verdicts as JSON.
    pub json: bool,
}

/// Gets ready to compile and run answers; says so if that takes long.
pub fn kit(root: &Path, mpi: Mpi, hdf5: Option<&Path>) -> Result<Kit> {
    let toolchain = Toolchain::find(mpi, root, hdf5)?;
    if !toolchain.program("check").is_file() {
        eprintln!(
            "Building with {mpi} and {}; the first time takes a few minutes.",
            toolchain.hdf5.display()
        );
    }
    Kit::build(root, &toolchain)
}

/// Checks the learner's answers to some exercises. `Ok(true)` if all pass.
pub fn check(root: &Path, wanted: &str, request: &Request) -> Result<bool> {
    let exercises = Exercise::find(root, wanted)?;
    if request.file.is_some() && exercises.len() > 1 {
        bail!(
            "`--file` is for one exercise, and `{wanted}` are {}",
            exercises.len()
        );
    }
    if request.file.is_none() {
        begin(root, &exercises)?;
    }
    let kit = kit(root, request.mpi, request.hdf5.as_deref())?;
    let mut progress = Progress::read(root)?;
    let mut verdicts = Vec::new();
    for exercise in &exercises {
        let source = match &request.file {
            Some(file) => std::path::absolute(file)?,
            None => exercise.file.clone(),
        };
        let verdict = trial::check(root, &kit, exercise, &source, &request.options)?;
        // Somebody else's file, or a part of the check, says nothing of the learner's.
        if request.file.is_none() && (request.options.ranks.is_empty() || !verdict.passes())
        {
            progress.change(exercise, |it| it.solved = verdict.passes())?;
        }
        transcript::note(&verdict.shown(!verdict.passes()));
        if !request.json {
            anstream::print!("{}", verdict.shown(request.noise));
            let more_hints = progress.of(exercise).hints < exercise.plan.hints.len();
            if request.file.is_none() && !verdict.passes() && more_hints {
                anstream::println!(
                    "{QUIET}  a hint: make hint-{}{QUIET:#}",
                    exercise.slug()
                );
            }
            if request.file.is_none()
                && answers::has_new_starter(exercise, progress.of(exercise))
            {
                println!(
                    "  The starter has changed since you began: {}.",
                    answers::advice(exercise)
                );
            }
        }
        verdicts.push(verdict);
    }
    let passed = verdicts.iter().filter(|it| it.passes()).count();
    if request.json {
        println!("{}", serde_json::to_string_pretty(&verdicts)?);
    } else if verdicts.len() > 1 {
        println!("{passed} of {} exercises pass", verdicts.len());
    } else if let [only] = verdicts.as_slice()
        && only.passes()
        && request.file.is_none()
        && let Some(next) = next(root, &progress)?
    {
        println!("  next: {next} {}", next.plan.title);
    } else if passed == verdicts.len()
        && request.file.is_none()
        && next(root, &progress)?.is_none()
    {
        println!("  All exercises are solved.");
    }
    Ok(passed == verdicts.len())
}

/// Makes sure that there are answers, and says so if they are new.
fn begin(root: &Path, exercises: &[Exercise]) -> Result<()> {
    for sentence in answers::begin(root, exercises)? {
        eprintln!("{sentence}");
    }
    Ok(())
}

/// The first exercise that is not solved.
pub fn next(root: &Path, progress: &Progress) -> Result<Option<Exercise>> {
    let all = Exercise::all(root)?;
    Ok(all.into_iter().find(|it| !progress.of(it).solved))
}

/// The next hint, counted from 1, and how many there are; `None` when all were shown.
pub fn next_hint(
    progress: &mut Progress,
    exercise: &Exercise,
) -> Result<Option<(usize, usize, String)>> {
    let shown = progress.of(exercise).hints;
    let hints = &exercise.plan.hints;
    let Some(hint) = hints.get(shown) else {
        return Ok(None);
    };
    progress.change(exercise, |it| it.hints = shown + 1)?;
    Ok(Some((shown + 1, hints.len(), tidy(hint))))
}

/// A hint without empty lines around it; its first line may be code, and indented.
pub(super) fn tidy(hint: &str) -> String {
    hint.trim_start_matches('\n').trim_end().to_owned()
}

/// Prints the next hint; after the last one all of them again.
pub fn hint(root: &Path, wanted: &str) -> Result<bool> {
    let exercise = Exercise::find_one(root, wanted)?;
    let mut progress = Progress::read(root)?;
    if let Some((number, of, hint)) = next_hint(&mut progress, &exercise)? {
        anstream::println!("{BOLD}{exercise} hint {number} of {of}{BOLD:#}\n{hint}");
        return Ok(true);
    }
    let of = exercise.plan.hints.len();
    for (index, hint) in exercise.plan.hints.iter().enumerate() {
        let number = index + 1;
        anstream::println!(
            "{BOLD}{exercise} hint {number} of {of}{BOLD:#}\n{}\n",
            tidy(hint)
        );
    }
    println!(
        "Those were all; `make solution-{}` shows a solution.",
        exercise.slug()
    );
    Ok(true)
}

/// Puts the starter in place again, and says where the learner's file went.
pub fn reset(root: &Path, wanted: &str) -> Result<bool> {
    let exercise = Exercise::find_one(root, wanted)?;
    println!("{}", answers::reset(root, &exercise)?);
    Ok(true)
}

/// Shows the solution beside the learner's version. `Ok(false)` if they said no.
pub fn solution(root: &Path, wanted: &str, yes: bool) -> Result<bool> {
    let exercise = Exercise::find_one(root, wanted)?;
    let solution = exercise.solution()?;
    let solved = Progress::read(root)?.of(&exercise).solved;
    if !solved && !yes && !confirmed(&exercise)? {
        return Ok(false);
    }
    begin(root, std::slice::from_ref(&exercise))?;
    let mine = std::fs::read_to_string(&exercise.file).unwrap_or_default();
    let (mine, solution) = (hole(&mine), hole(&solution));
    let width = match std::io::stdout().is_terminal() {
        true => crossterm::terminal::size().map_or(80, |(columns, _)| columns as usize),
        false => 80,
    };
    anstream::print!("{}", beside(&mine, &solution, width));
    println!("{}", exercise.plan.explanation.trim());
    let file = exercise
        .solution
        .strip_prefix(root)
        .unwrap_or(&exercise.solution);
    anstream::println!("{QUIET}The whole of it: {}{QUIET:#}", file.display());
    Ok(true)
}

fn confirmed(exercise: &Exercise) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "exercise {exercise} is not solved yet; `make solution-{} YES=1` shows the \
             solution all the same",
            exercise.slug()
        );
    }
    print!("Exercise {exercise} is not solved yet. Show the solution all the same? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Two texts, in two columns if there is room for both, else one below the other.
fn beside(mine: &[String], solution: &[String], width: usize) -> String {
    use std::fmt::Write as _;
    let longest = |lines: &[String]| {
        let lengths = lines.iter().map(|it| it.chars().count());
        lengths.max().unwrap_or(0).max("the solution".len())
    };
    let mut text = String::new();
    let left = longest(mine);
    if left + 3 + longest(solution) <= width {
        let _ = writeln!(text, "{BOLD}{:left$}   the solution{BOLD:#}", "yours");
        for row in 0..mine.len().max(solution.len()) {
            let of = |lines: &[String]| lines.get(row).cloned().unwrap_or_default();
            let (mine, solution) = (of(mine), of(solution));
            let same = mine.trim() == solution.trim();
            let style = if same { Style::new() } else { GOOD };
            let line = format!("{mine:left$} | {style}{solution}{style:#}");
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text.push('\n');
        return text;
    }
    for (name, lines, style) in [
        ("yours", mine, Style::new()),
        ("the solution", solution, GOOD),
    ] {
        let _ = writeln!(text, "{BOLD}{name}{BOLD:#}");
        for line in lines {
            let _ = writeln!(text, "  {style}{line}{style:#}");
        }
        text.push('\n');
    }
    text
}

/// Compiles the learner's answer and runs it once, and shows what it prints.
pub fn try_out(root: &Path, wanted: &str, request: &Request) -> Result<bool> {
    let exercise = Exercise::find_one(root, wanted)?;
    begin(root, std::slice::from_ref(&exercise))?;
    let kit = kit(root, request.mpi, request.hdf5.as_deref())?;
    let _until_the_end = kit.only_one(&exercise.slug(), || true)?;
    let program = match kit.compile(root, &exercise.file, &exercise.slug())? {
        Compiled::Program(program) => program,
        Compiled::Errors(text) => {
            anstream::eprintln!("{text}");
            transcript::note(&text);
            return Ok(false);
        }
    };
    // The learner may look at what is left there.
    let data = root.join("target/data/exercises").join(exercise.slug());
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    std::fs::create_dir_all(&data)?;
    let ranks = request.options.ranks.first().copied().unwrap_or(4);
    let seed = request.options.seed.unwrap_or(1);
    let given = trial::prepare(&kit, &exercise, ranks, seed, &data)?;
    let launch = trial::launch(&kit, &program, ranks, &given, &data);
    let shown = data.strip_prefix(root).unwrap_or(&data);
    anstream::println!(
        "{QUIET}{}, {}; files in {}{QUIET:#}",
        verdict::count(ranks),
        match given.words.as_str() {
            "" => "no input",
            words => words,
        },
        shown.display()
    );
    transcript::note(&format!("$ {}", launch.shown(root)));
    let outcome = supervise(launch.command(&[]), launch.limit, |line| {
        transcript::note(&line.text);
        match line.stream {
            Stream::Out => println!("{}", line.text),
            Stream::Err => eprintln!("{}", line.text),
        }
    })?;
    if outcome.ended == Ended::Interrupted {
        bail!("interrupted; all ranks were stopped");
    }
    println!("({})", outcome.ended);
    transcript::note(&format!("({})", outcome.ended));
    Ok(outcome.ended.success())
}

/// Prints what is done and what is open, chapter by chapter.
pub fn progress(root: &Path) -> Result<bool> {
    let progress = Progress::read(root)?;
    anstream::print!("{}", overview(root, &progress, None)?);
    let all = Exercise::all(root)?;
    let is_behind = |it: &&Exercise| answers::has_new_starter(it, progress.of(it));
    if let Some(exercise) = all.iter().find(is_behind) {
        println!("{}", answers::advice(exercise));
    }
    if let Some(next) = next(root, &progress)? {
        let file = next.file.strip_prefix(root).unwrap_or(&next.file);
        println!("next: {next} {} ({})", next.plan.title, file.display());
    }
    Ok(true)
}

/// Done and open by chapter, with a bar each and one for all; `here` is marked.
pub fn overview(
    root: &Path,
    progress: &Progress,
    here: Option<&Exercise>,
) -> Result<String> {
    use std::fmt::Write as _;
    let mut text = String::new();
    let (mut done_in_all, mut all) = (0, 0);
    for chapter in Chapter::all(root)? {
        let exercises = Exercise::of(&chapter)?;
        if exercises.is_empty() {
            continue;
        }
        let done = exercises.iter().filter(|it| progress.of(it).solved).count();
        done_in_all += done;
        all += exercises.len();
        let _ = writeln!(
            text,
            "{BOLD}{:2} {:22}{BOLD:#} {} {done}/{}",
            chapter.number,
            chapter.name,
            bar(done, exercises.len(), 10),
            exercises.len()
        );
        for exercise in exercises {
            let solved = progress.of(&exercise);
            let mark = if solved.solved { "✓" } else { "·" };
            let style = if solved.solved { GOOD } else { Style::new() };
            let hints = match solved.hints {
                0 => String::new(),
                1 => "  (1 hint)".to_owned(),
                some => format!("  ({some} hints)"),
            };
            let behind = match answers::has_new_starter(&exercise, solved) {
                true => "  (the starter has changed)",
                false => "",
            };
            let title = &exercise.plan.title;
            let is_here = here.is_some_and(|it| it.file == exercise.file);
            let arrow = if is_here { "→" } else { " " };
            let _ = writeln!(
                text,
                " {arrow} {style}{mark} {exercise} {title}{style:#}{hints}{behind}"
            );
        }
    }
    let _ = writeln!(
        text,
        "{} {done_in_all} of {all} done",
        bar(done_in_all, all, 30)
    );
    Ok(text)
}

/// `███░░`
pub fn bar(done: usize, all: usize, width: usize) -> String {
    let full = (done * width).checked_div(all).unwrap_or(0);
    format!("{}{}", "█".repeat(full), "░".repeat(width - full))
}

/// A verdict for the watch mode: what `make exercise-3-2` prints.
pub fn shown(verdict: &Verdict) -> String {
    verdict.shown(false)
}
