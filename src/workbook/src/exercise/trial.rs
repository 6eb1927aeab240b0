//! Tries an answer: compiles it, runs it on several numbers of ranks, each time with another
//! input, and finds out what is wrong with it.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use launch::supervise::{Ended, Stream, supervise_while};
use launch::{Launch, Run, Workload};
use protocol::{Answer, Case, Exchange, Given, Question, Wrong};
use record::lines::Resolver;
use record::{Call, Record};

use crate::checker;

use super::compile::{Compiled, Kit};
use super::definition::Exercise;
use super::evidence::{
    Trial, aborted, alone, goes_on, hang, left_open, left_running, over, places, status,
};
use super::failure;
use super::verdict::{self, Outcome, Seconds, Verdict};
use super::watcher::{Watcher, Why};
use crate::recording::{add_standard_error, differs, for_ranks, own_words, record_into};

/// However much it moves, a trial does not take longer.
const LONGEST: Duration = Duration::from_secs(60);
/// The check of what was left behind is stopped after this long.
const CHECK_LIMIT: Duration = Duration::from_secs(30);

/// How to try an answer.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only with these numbers of ranks; with all of the exercise's if empty.
    pub ranks: Vec<usize>,
    /// The seed of the inputs; another one each time if `None`.
    pub seed: Option<u64>,
}

/// What was found in one trial: `Ok` with what was checked.
type Finding = std::result::Result<String, Fault>;

/// What was found wrong.
struct Fault {
    outcome: Outcome,
    text: String,
}

/// One program, ready to be tried.
pub struct Subject<'a> {
    /// The exercise that it answers.
    pub exercise: &'a Exercise,
    /// What was compiled.
    pub source: &'a Path,
    /// The program.
    pub program: &'a Path,
    go_on: &'a dyn Fn(Step) -> bool,
}

/// What a check is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Another check of this exercise goes on, in another terminal, say.
    Waiting,
    /// The compiler is at work.
    Compiling,
    /// The answer is tried with so many ranks.
    Trying(usize),
}

/// Tries the answer in the file `source`, which need not be the learner's.
///
/// # Errors
/// If the workbook itself fails; whatever is wrong with the answer is in the verdict.
pub fn check(
    root: &Path,
    kit: &Kit,
    exercise: &Exercise,
    source: &Path,
    options: &Options,
) -> Result<Verdict> {
    check_while(root, kit, exercise, source, options, &|_| true)
}

/// The same, but only as long as `go_on` says so; it is asked some fifty times a second,
/// and told what the check is at.
///
/// # Errors
/// The same, and if it was stopped; no process is left then.
pub fn check_while(
    root: &Path,
    kit: &Kit,
    exercise: &Exercise,
    source: &Path,
    options: &Options,
    go_on: &dyn Fn(Step) -> bool,
) -> Result<Verdict> {
    let seed = options.seed.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |it| it.as_nanos() as u64 % 1_000_000)
    });
    let all = match options.ranks.as_slice() {
        [] => exercise.plan.ranks.as_slice(),
        some => some,
    };
    let mut verdict = Verdict {
        exercise: exercise.to_string(),
        title: exercise.plan.title.clone(),
        file: source
            .strip_prefix(root)
            .unwrap_or(source)
            .display()
            .to_string(),
        mpi: kit.toolchain.mpi.name().to_owned(),
        outcome: Outcome::Passes,
        text: String::new(),
        ranks: None,
        given: String::new(),
        passed_at: Vec::new(),
        failed_at: Vec::new(),
        not_tried_at: all.to_vec(),
        launcher_said: String::new(),
        seed,
        seconds: Seconds::default(),
    };
    let _until_the_end = kit.only_one(&exercise.slug(), || go_on(Step::Waiting))?;
    let start = Instant::now();
    let compiled = match source.is_file() {
        true => {
            kit.compile_while(root, source, &exercise.slug(), || go_on(Step::Compiling))?
        }
        false => Compiled::Errors(format!(
            "the file is not there; `make reset-{}` puts the starter there",
            exercise.slug()
        )),
    };
    Seconds::add(&mut verdict.seconds.compile, start.elapsed());
    let program = match compiled {
        Compiled::Program(program) => program,
        Compiled::Errors(text) => {
            verdict.outcome = Outcome::DoesNotCompile;
            verdict.text = text;
            return Ok(verdict);
        }
    };
    let subject = Subject {
        exercise,
        source,
        program: &program,
        go_on,
    };
    for &ranks in all {
        verdict.not_tried_at.retain(|it| *it != ranks);
        let (given, run, finding) =
            try_once(kit, &subject, ranks, seed, &mut verdict.seconds)?;
        let fault = match finding {
            Ok(checked) => {
                verdict.passed_at.push(ranks);
                // What was checked with 4 ranks is told: with 7 there is little to do.
                if verdict.outcome == Outcome::Passes && (ranks <= 4 || all.len() == 1) {
                    verdict.text = match all.len() {
                        1 => checked,
                        _ => format!("{checked} (that is with {})", verdict::count(ranks)),
                    };
                }
                continue;
            }
            Err(fault) => fault,
        };
        verdict.failed_at.push(ranks);
        let takes_long = matches!(fault.outcome, Outcome::Hangs | Outcome::OverLimit);
        if verdict.outcome == Outcome::Passes {
            verdict.outcome = fault.outcome;
            verdict.text = fault.text;
            verdict.ranks = Some(ranks);
            verdict.given = given.words;
            verdict.launcher_said = run.launcher_said;
        }
        if takes_long {
            break;
        }
    }
    Ok(verdict)
}

fn try_once(
    kit: &Kit,
    subject: &Subject,
    ranks: usize,
    seed: u64,
    seconds: &mut Seconds,
) -> Result<(Given, Run, Finding)> {
    // Apart from each other: what the program may write to, and what it should not find.
    let data = kit.scratch("exercise-")?;
    let recorded = kit.scratch("record-")?;
    // For what the launcher keeps while it runs, and does not always take away.
    let session = kit
        .isolation
        .is_none()
        .then(|| kit.scratch("mpi-"))
        .transpose()?;
    let start = Instant::now();
    let given = prepare(kit, subject.exercise, ranks, seed, data.path())?;
    Seconds::add(&mut seconds.check, start.elapsed());

    let start = Instant::now();
    let mut launch = launch(kit, subject.program, ranks, &given, data.path());
    record_into(&mut launch, &kit.recorder, recorded.path());
    if let Some(session) = &session {
        let folder = session.path().display().to_string();
        launch.environment.push(("TMPDIR".to_owned(), folder));
    }
    let mut watcher = Watcher::new(recorded.path(), data.path(), ranks);
    let mut confined = None;
    if let Some(isolation) = &kit.isolation {
        let read = [subject.program, kit.recorder.as_path()];
        let write = [data.path(), recorded.path()];
        for folder in write {
            isolation.hand_over(folder)?;
        }
        let sandbox = isolation.sandbox(Workload::Ranks(ranks), &read, &write)?;
        launch.wrappers.push(sandbox.clone());
        watcher.sandbox = Some(sandbox.clone());
        confined = Some(sandbox);
    }
    let go_on = || (subject.go_on)(Step::Trying(ranks));
    let mut run = launch.run_while(|printed| go_on() && watcher.go_on(printed))?;
    Seconds::add(&mut seconds.run, start.elapsed());
    let over = confined.map(|it| it.exceeded()).transpose()?;
    if let Some(over) = over.flatten() {
        watcher.why = Some(Why::Over(over));
    }
    let asked = run.ended == Ended::Stopped && watcher.why.is_none();
    if run.ended == Ended::Interrupted || asked {
        bail!("interrupted; all ranks were stopped");
    }

    let start = Instant::now();
    let record = Record::read(recorded.path(), ranks)?;
    let said = own_words(&run, &record, recorded.path());
    add_standard_error(&mut run, &record, recorded.path());
    let source = subject
        .source
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let resolver = Resolver::new(subject.program, &source).ok();
    let lines = |call: &Call| resolver.as_ref()?.line(call);
    let finding = judge(
        kit,
        subject,
        &Trial {
            ranks,
            seed,
            data: data.path(),
            recorded: recorded.path(),
            given: &given,
            run: &run,
            said: &said,
            record: &record,
            stopped: watcher.why,
            lines: &lines,
        },
    );
    Seconds::add(&mut seconds.check, start.elapsed());
    Ok((given, run, finding?))
}

fn judge(kit: &Kit, subject: &Subject, trial: &Trial) -> Result<Finding> {
    let fault = |outcome, text: String| Ok(Err(Fault { outcome, text }));
    let ended = trial.run.ended;
    match (&trial.stopped, ended) {
        (Some(Why::Over(text)), _) => return fault(Outcome::OverLimit, text.clone()),
        (Some(Why::Still(_)), _) if over(trial) && !left_running(trial).is_empty() => {
            return fault(Outcome::WrongInSilence, goes_on(trial));
        }
        // A launcher does not always manage to end, least of all when a rank has aborted. Then
        // what the ranks did is judged all the same, unless they should not have failed.
        (Some(Why::Still(_)), _) if over(trial) || trial.given.fails && aborted(trial) => {}
        (Some(Why::Still(_)), _) if aborted(trial) => {
            let (outcome, text) = failure::explain(trial);
            return fault(outcome, text);
        }
        (Some(Why::Still(after)), _) => return fault(Outcome::Hangs, hang(trial, *after)),
        (None, Ended::Limit(limit)) => {
            let text = format!(
                "it was still going on after {} s, so all ranks were ended\n{}",
                limit.as_secs(),
                places(trial)
            );
            return fault(Outcome::OverLimit, text);
        }
        _ => {}
    }
    if let Some(alone) = alone(trial) {
        return fault(Outcome::RankFailed, alone);
    }
    let well = status(trial) == 0;
    if !well && !trial.given.fails {
        let (outcome, text) = failure::explain(trial);
        return fault(outcome, text);
    }
    if !trial.given.fails
        && let Some(difference) = trial.record.first_difference()
    {
        return fault(Outcome::WrongInSilence, differs(&difference, trial.lines));
    }
    if well && let Some(text) = left_open(trial) {
        return fault(Outcome::WrongInSilence, text);
    }
    if well && !left_running(trial).is_empty() {
        return fault(Outcome::WrongInSilence, goes_on(trial));
    }
    Ok(answer(kit, subject, trial)?.map_err(|wrong| match wrong {
        Wrong::Result(text) => Fault {
            outcome: Outcome::WrongResult,
            text,
        },
        Wrong::Silent(text) => Fault {
            outcome: Outcome::WrongInSilence,
            text,
        },
    }))
}

/// A run of a compiled answer.
pub(super) fn launch(
    kit: &Kit,
    program: &Path,
    ranks: usize,
    given: &Given,
    data: &Path,
) -> Launch {
    let toolchain = &kit.toolchain;
    let mut launch = Launch::new(toolchain.mpi, &toolchain.launcher, ranks, program);
    launch.args = given.args.iter().map(OsString::from).collect();
    launch.limit = LONGEST;
    launch.folder = Some(data.to_owned());
    launch.limited = true;
    launch.environment = vec![
        ("WORKBOOK_DATA".to_owned(), data.display().to_string()),
        ("RUST_BACKTRACE".to_owned(), "0".to_owned()),
        // It would print its warnings among the ranks' lines.
        ("UCX_LOG_LEVEL".to_owned(), "error".to_owned()),
    ];
    if kit.isolation.is_some() {
        // Others run at the same time: ranks of two runs must not be bound to one core.
        for name in [
            "OMPI_MCA_hwloc_base_binding_policy",
            "PRTE_MCA_hwloc_default_binding_policy",
        ] {
            launch
                .environment
                .push((name.to_owned(), "none".to_owned()));
        }
    }
    for (name, value) in &given.environment {
        launch.options.extend(for_ranks(toolchain.mpi, name, value));
    }
    launch
}

/// Has the check make the input of a trial.
pub(super) fn prepare(
    kit: &Kit,
    exercise: &Exercise,
    ranks: usize,
    seed: u64,
    data: &Path,
) -> Result<Given> {
    let case = case(exercise, ranks, seed, data);
    let environment = [("MPICC", &*kit.toolchain.mpicc)];
    checker::ask(&kit.check, &Question::Prepare(case), &environment)
        .with_context(|| format!("the input of exercise {exercise} cannot be made"))
}

fn case(exercise: &Exercise, ranks: usize, seed: u64, data: &Path) -> Case {
    Case {
        chapter: exercise.chapter_name.clone(),
        exercise: exercise.name.clone(),
        ranks,
        seed,
        data: data.to_owned(),
    }
}

/// Lets the check look at what was left behind. It is a process of its own: whatever the
/// program left there can at worst end that one.
fn answer(kit: &Kit, subject: &Subject, trial: &Trial) -> Result<protocol::Finding> {
    let exercise = subject.exercise;
    let exchange = Exchange::new(&Question::Answer(Answer {
        case: case(exercise, trial.ranks, trial.seed, trial.data),
        printed: trial.run.out.clone(),
        complained: trial.said.to_vec(),
        status: status(trial),
        lines: trial.run.stdout.lines().map(str::to_owned).collect(),
        record: trial.recorded.to_owned(),
    }))?;
    let mut command = exchange.command(&kit.check);
    command
        .env("MPICC", &kit.toolchain.mpicc)
        .stdin(Stdio::null());
    let mut confined = None;
    if let Some(isolation) = &kit.isolation {
        // What the program left there may be made for harm.
        isolation.hand_over(exchange.folder())?;
        let read = [kit.check.as_path(), trial.recorded];
        let write = [trial.data, exchange.folder()];
        let sandbox = isolation.sandbox(Workload::Reader, &read, &write)?;
        command = sandbox.wrap(&command);
        confined = Some(sandbox);
    }
    let go_on = || (subject.go_on)(Step::Trying(trial.ranks));
    let outcome = supervise_while(command, CHECK_LIMIT, |_| {}, go_on)?;
    if let Some(over) = confined.map(|it| it.exceeded()).transpose()?.flatten() {
        return Ok(Err(Wrong::Result(format!(
            "what the program left behind cannot be read ({over})"
        ))));
    }
    match outcome.ended {
        Ended::Exit(0) => exchange.answer(),
        Ended::Interrupted | Ended::Stopped => bail!("interrupted"),
        Ended::Exit(status) => {
            let lines = outcome.lines.iter().filter(|it| it.stream == Stream::Err);
            let said: Vec<&str> = lines.map(|it| it.text.as_str()).collect();
            bail!(
                "the check of exercise {exercise} failed with status {status}: {}",
                said.join("\n")
            )
        }
        // HDF5 may crash on a file that somebody has made up.
        other => Ok(Err(Wrong::Result(format!(
            "what the program left behind cannot be read ({other})"
        )))),
    }
}
