//! Tries an answer: compiles it, runs it on several numbers of ranks, each time with another
//! input, and finds out what is wrong with it.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use launch::supervise::{Ended, Stream, supervise_while};
use launch::{Inmate, Launch, Mpi, Place, Run, launcher_output, limits};
use protocol::{Answer, Case, Exchange, Given, Question, Wrong};
use record::lines::Resolver;
use record::{Call, Difference, Progress, Record, State, Watch};

use crate::checker;

use super::compile::{Compiled, Kit};
use super::verdict::{self, Outcome, Seconds, Verdict};
use super::{Exercise, failure};

/// All ranks wait in MPI, none has moved for this long, and their calls differ: they will
/// not move again.
const ALL_WAIT: Duration = Duration::from_secs(3);
/// The same, but their calls do not differ: perhaps it is only the disk that is slow.
const ALL_WAIT_ALIKE: Duration = Duration::from_secs(8);
/// No rank has called MPI or HDF5 for this long, and at least one is not in MPI.
const NOTHING_CALLED: Duration = Duration::from_secs(15);
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
    let mut locked_up = None;
    if let Some(isolation) = &kit.isolation {
        let read = [subject.program, kit.recorder.as_path()];
        let write = [data.path(), recorded.path()];
        for folder in write {
            isolation.hand_over(folder)?;
        }
        let place = isolation.place(Inmate::Ranks(ranks), &read, &write)?;
        launch.wrappers.push(place.clone());
        watcher.place = Some(place.clone());
        locked_up = Some(place);
    }
    let go_on = || (subject.go_on)(Step::Trying(ranks));
    let mut run = launch.run_while(|printed| go_on() && watcher.go_on(printed))?;
    Seconds::add(&mut seconds.run, start.elapsed());
    let over = locked_up.map(|it| it.exceeded()).transpose()?;
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

/// All that is known of one run.
pub(super) struct Trial<'a> {
    pub ranks: usize,
    seed: u64,
    data: &'a Path,
    recorded: &'a Path,
    given: &'a Given,
    pub run: &'a Run,
    /// What each rank itself wrote on standard error, without what MPI wrote there.
    pub said: &'a [String],
    pub record: &'a Record,
    stopped: Option<Why>,
    pub lines: record::Lines<'a>,
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

/// A file that a rank opened through MPI-IO, and that was open when the rank ended.
fn left_open(trial: &Trial) -> Option<String> {
    let opens = |call: &Call| matches!(&*call.name, "H5Fcreate" | "H5Fopen");
    let closes = |call: &Call| matches!(&*call.name, "H5Fclose" | "H5Idec_ref");
    trial.record.ranks.iter().find_map(|rank| {
        let calls = || rank.calls.iter().filter(|it| it.ok == Some(true));
        let opened = calls().find(|open| {
            let same = |close: &&Call| closes(close) && close.file == open.file;
            opens(open) && open.group.is_some() && !calls().any(|it| same(&it))
        })?;
        let file = Path::new(opened.file.as_deref()?).file_name()?;
        let line = (trial.lines)(opened).map(|line| format!(" (line {line})"));
        Some(format!(
            "Rank {} opened `{}`{} and never closed it. What the file holds then depends on \
             HDF5, and on what was written before (chapter 2, \"The file is never closed\").",
            rank.rank,
            file.to_string_lossy(),
            line.unwrap_or_default(),
        ))
    })
}

fn aborted(trial: &Trial) -> bool {
    trial.record.ranks.iter().any(|it| it.aborted.is_some())
}

/// All ranks have ended by themselves.
fn over(trial: &Trial) -> bool {
    let mut ranks = trial.record.ranks.iter();
    ranks.all(|it| it.state == State::Exited)
}

/// Processes that the ranks started, and that went on when all ranks had ended.
fn left_running<'a>(trial: &'a Trial) -> Vec<&'a str> {
    const LAUNCHERS: [&str; 6] = ["mpirun", "mpiexec", "orte", "prte", "hydra", "srun"];
    let is_rank = |pid: i32| trial.record.ranks.iter().any(|it| it.pid as i32 == pid);
    let left = trial.run.left_behind.iter();
    left.filter(|(pid, name)| {
        !is_rank(*pid) && !LAUNCHERS.iter().any(|it| name.starts_with(it))
    })
    .map(|(_, name)| name.as_str())
    .collect()
}

/// What is to be said of them. Under some MPIs the launcher waits for them, under others it ends
/// and leaves them there.
fn goes_on(trial: &Trial) -> String {
    let who = match left_running(trial).as_slice() {
        [] => "a process that one of them started".to_owned(),
        [one] => format!("`{one}`, a process that one of them started"),
        [one, ..] => format!("`{one}` and other processes that they started"),
    };
    format!(
        "All ranks have ended, and something of the run goes on: {who}. One launcher waits for \
         it for ever, another leaves it on the machine. Wait for what you start, or end it"
    )
}

/// The exit status of the run. A launcher that crashes, or that does not end, when ranks have
/// failed has none of its own; then it is what the ranks gave.
fn status(trial: &Trial) -> i32 {
    if let Ended::Exit(status) = trial.run.ended {
        return status;
    }
    let ranks = &trial.record.ranks;
    let aborted = ranks.iter().find_map(|it| it.aborted);
    let statuses = || ranks.iter().map(|it| it.status.unwrap_or(-1));
    aborted.unwrap_or_else(|| statuses().find(|it| *it != 0).unwrap_or(0))
}

/// Each process a world of its own: a launcher of another MPI.
fn alone(trial: &Trial) -> Option<String> {
    let sizes: Vec<usize> = trial.record.ranks.iter().map(|it| it.size).collect();
    let wrong = sizes.iter().find(|it| **it != 0 && **it != trial.ranks)?;
    Some(format!(
        "{} ranks were started, but MPI says that there are {wrong}: the launcher and the \
         program belong to different MPIs; `make doctor` says more",
        trial.ranks
    ))
}

fn hang(trial: &Trial, after: Duration) -> String {
    let mut text = String::new();
    if let Some(difference) = trial.record.first_difference() {
        text += &differs(&difference, trial.lines);
        text.push('\n');
    }
    text += &format!(
        "Nothing moved for {} s, so all ranks were ended. Where each of them was:\n{}",
        after.as_secs(),
        places(trial)
    );
    let are = |ranks: &[usize]| match ranks {
        [_] => format!("{} is", record::prose::ranks(ranks)),
        _ => format!("{} are", record::prose::ranks(ranks)),
    };
    let busy = busy(trial);
    if !busy.is_empty() {
        text += &format!(
            "\n{} in no call of MPI or HDF5: is there a loop without an end?",
            capital(&are(&busy))
        );
    } else if let Some(ranks) = closing_by_a_drop(trial) {
        text += &format!(
            "\n{} closing the file because its handle is dropped there: at the end of the \
             function, or because `?` left it with an error. Nobody sees the message of such \
             an error, because the handles are dropped first; print it before the `?`.",
            capital(&are(&ranks)),
        );
    }
    text
}

/// The ranks that neither ended nor are in a call, while others wait.
fn busy(trial: &Trial) -> Vec<usize> {
    let ranks = trial.record.ranks.iter();
    let busy = ranks.filter(|it| it.state == State::Between && it.aborted.is_none());
    busy.map(|it| it.rank).collect()
}

/// Some ranks, not all, wait in closing a file that they did not ask to close.
fn closing_by_a_drop(trial: &Trial) -> Option<Vec<usize>> {
    let all = 0..trial.ranks;
    let is = |rank: &usize| call_of(trial, *rank).is_some_and(|it| it.name == "H5Idec_ref");
    let ranks: Vec<usize> = all.filter(is).collect();
    (!ranks.is_empty() && ranks.len() < trial.ranks).then_some(ranks)
}

/// What differs, and the rule that it breaks.
pub(crate) fn differs(difference: &Difference, lines: record::Lines<'_>) -> String {
    let sentence = capital(&difference.sentence(lines));
    let rule = capital(&difference.rule());
    match difference.apart_sentence(lines) {
        Some(apart) => format!("{sentence}. {}.\n{rule}.", capital(&apart)),
        None => format!("{sentence}.\n{rule}."),
    }
}

/// With a capital at its beginning, and no stop at its end.
fn capital(sentence: &str) -> String {
    let mut letters = sentence.trim_end_matches('.').chars();
    let first = letters.next().map(|it| it.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn places(trial: &Trial) -> String {
    let places = trial.record.where_each_rank_sits(trial.lines);
    let places: Vec<String> = places
        .into_iter()
        .map(|it| format!("  {}", it.text))
        .collect();
    places.join("\n")
}

/// Why a run was stopped.
enum Why {
    /// Nothing moved for this long.
    Still(Duration),
    /// It used up more than it may.
    Over(String),
}

/// Looks at a run while it goes on.
pub(crate) struct Watcher {
    watch: Watch,
    data: PathBuf,
    looked: Instant,
    moved: Instant,
    last: Progress,
    recorded: PathBuf,
    ranks: usize,
    /// Whether the ranks' calls differ, and when that was looked at.
    differ: Option<(Progress, bool)>,
    why: Option<Why>,
    /// In which it runs, until it was found where its processes are seen.
    place: Option<Arc<dyn Place>>,
}

impl Watcher {
    pub(crate) fn new(recorded: &Path, data: &Path, ranks: usize) -> Watcher {
        Watcher {
            watch: Watch::open(recorded),
            data: data.to_owned(),
            looked: Instant::now(),
            moved: Instant::now(),
            last: Progress::default(),
            recorded: recorded.to_owned(),
            ranks,
            differ: None,
            why: None,
            place: None,
        }
    }

    fn printed_too_much(&mut self) -> bool {
        self.why = Some(Why::Over(format!(
            "it printed more than {} KiB; is there a loop without an end?",
            limits::OUTPUT
        )));
        false
    }

    /// Whether the ranks' calls differ. Nothing moves, so the answer stays.
    fn they_differ(&mut self) -> bool {
        if self.differ.is_none_or(|(at, _)| at != self.last) {
            let record = Record::read(&self.recorded, self.ranks);
            let differ = record.is_ok_and(|it| it.first_difference().is_some());
            self.differ = Some((self.last, differ));
        }
        self.differ.is_some_and(|(_, differ)| differ)
    }

    /// Whether the run may go on, which has `printed` so many bytes.
    pub(crate) fn go_on(&mut self, printed: usize) -> bool {
        if printed > limits::OUTPUT << 10 {
            return self.printed_too_much();
        }
        if self.looked.elapsed() < Duration::from_millis(100) {
            return true;
        }
        self.looked = Instant::now();
        if complained(&self.recorded) > limits::OUTPUT << 10 {
            return self.printed_too_much();
        }
        if let Some(over) = too_large(&self.data, &self.recorded) {
            self.why = Some(Why::Over(over));
            return false;
        }
        if let Some(proc) = self.place.as_ref().and_then(|it| it.proc()) {
            self.watch = self.watch.clone().with_proc(proc);
            self.place = None;
        }
        let now = self.watch.progress();
        if now != self.last {
            self.last = now;
            self.moved = Instant::now();
            return true;
        }
        let mut patience = match now.all_in_mpi {
            true => ALL_WAIT,
            false => NOTHING_CALLED,
        };
        if self.moved.elapsed() < patience {
            return true;
        }
        if now.all_in_mpi && !self.they_differ() {
            patience = ALL_WAIT_ALIKE;
            if self.moved.elapsed() < patience {
                return true;
            }
        }
        self.why = Some(Why::Still(patience));
        false
    }
}

/// How much all ranks have written on standard error, in bytes.
fn complained(recorded: &Path) -> usize {
    let files = std::fs::read_dir(recorded).into_iter().flatten().flatten();
    let errors = files.filter(|it| it.path().extension().is_some_and(|it| it == "err"));
    let sizes = errors.filter_map(|it| Some(it.metadata().ok()?.len() as usize));
    sizes.sum()
}

/// What a program's folders hold too much of.
fn too_large(data: &Path, recorded: &Path) -> Option<String> {
    let [data, record] = [data, recorded].map(|folder| {
        let mut held = Held::default();
        held.count(folder, 0);
        held
    });
    if data.bytes > limits::FOLDER << 20 {
        return Some(format!(
            "its files have grown beyond {} MiB",
            limits::FOLDER
        ));
    }
    if record.bytes > limits::RECORD << 20 {
        let most = limits::RECORD;
        return Some(format!(
            "the record of its calls has grown beyond {most} MiB"
        ));
    }
    let files = data.files.max(record.files);
    (files > limits::FILES).then(|| format!("it made more than {} files", limits::FILES))
}

/// Folders are not looked into any deeper: each takes one of our open files.
const DEEPEST: usize = 100;

/// What is in a folder and below it.
#[derive(Default)]
struct Held {
    /// On the disk.
    bytes: u64,
    files: u64,
}

impl Held {
    fn count(&mut self, folder: &Path, depth: usize) {
        use std::os::unix::fs::MetadataExt as _;
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            self.files += 1;
            if depth > DEEPEST {
                self.files = limits::FILES + 1;
            }
            if self.files > limits::FILES {
                return;
            }
            // Of the link, not of what it points to.
            let Ok(is) = entry.metadata() else { continue };
            match is.is_dir() {
                true => self.count(&entry.path(), depth + 1),
                false => self.bytes += is.blocks() * 512,
            }
        }
    }
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

/// Has the recorder loaded into each rank (and not into the launcher).
pub(crate) fn record_into(launch: &mut Launch, recorder: &Path, folder: &Path) {
    let variables = [
        ("LD_PRELOAD", recorder.display().to_string()),
        (record::FOLDER, folder.display().to_string()),
        (record::STANDARD_ERROR, "1".to_owned()),
    ];
    for (name, value) in variables {
        launch.options.extend(for_ranks(launch.mpi, name, &value));
    }
}

/// Adds what each rank wrote on standard error, which the launcher has not seen.
pub(crate) fn add_standard_error(run: &mut Run, record: &Record, folder: &Path) {
    for (rank, err) in record.ranks.iter().zip(&mut run.err) {
        *err += &standard_error(folder, rank.pid);
    }
    // Of processes that ended before they were a rank.
    let known: Vec<u32> = record.ranks.iter().map(|it| it.pid).collect();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_suffix(".err").and_then(|pid| pid.parse().ok());
        if let Some(pid) = pid.filter(|pid| !known.contains(pid)) {
            run.launcher_said += &standard_error(folder, pid);
        }
    }
}

/// What each rank itself wrote on standard error.
fn own_words(run: &Run, record: &Record, folder: &Path) -> Vec<String> {
    let ranks = record.ranks.iter().zip(&run.err);
    let own = ranks.map(|(rank, of_launcher)| {
        let mut said = standard_error(folder, rank.pid);
        if let Some(length) = rank.said.map(|it| it as usize)
            && said.is_char_boundary(length)
        {
            said.truncate(length);
        }
        let of_launcher = launcher_output::without(of_launcher.lines()).into_iter();
        let said = said.lines().filter(|it| !launcher_output::is_of_mpi(it));
        of_launcher
            .chain(said)
            .map(|line| format!("{line}\n"))
            .collect()
    });
    own.collect()
}

fn standard_error(folder: &Path, pid: u32) -> String {
    let path = folder.join(format!("{pid}.err"));
    let mut bytes = Vec::new();
    // Nothing else that the program may have put in its place.
    if std::fs::symlink_metadata(&path).is_ok_and(|it| it.is_file())
        && let Ok(file) = std::fs::File::open(&path)
    {
        let _ = file.take(1 << 20).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The launcher's options that set a variable in the environment of the ranks alone.
fn for_ranks(mpi: Mpi, name: &str, value: &str) -> Vec<String> {
    match mpi {
        Mpi::OpenMpi => vec!["-x".to_owned(), format!("{name}={value}")],
        Mpi::Mpich => vec!["-genv".to_owned(), name.to_owned(), value.to_owned()],
    }
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
    let mut locked_up = None;
    if let Some(isolation) = &kit.isolation {
        // What the program left there may be made for harm.
        isolation.hand_over(exchange.folder())?;
        let read = [kit.check.as_path(), trial.recorded];
        let write = [trial.data, exchange.folder()];
        let made = isolation.place(Inmate::Reader, &read, &write)?;
        command = made.wrap(&command);
        locked_up = Some(made);
    }
    let go_on = || (subject.go_on)(Step::Trying(trial.ranks));
    let outcome = supervise_while(command, CHECK_LIMIT, |_| {}, go_on)?;
    if let Some(over) = locked_up.map(|it| it.exceeded()).transpose()?.flatten() {
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

/// Whether a rank was in a call, for [`failure`].
pub(super) fn call_of<'a>(trial: &'a Trial, rank: usize) -> Option<&'a Call> {
    let of = trial.record.ranks.get(rank)?;
    match of.state {
        State::Inside { call, .. } => of.calls.get(call),
        _ => None,
    }
}
