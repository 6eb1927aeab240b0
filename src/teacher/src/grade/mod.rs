//! `teacher grade DIR…`: checks what many people have handed in, with this workbook's own
//! check, and says what each answer is worth.
//!
//! The answers are those of strangers: each is compiled and run in a [cell], and
//! what was found is kept, so that a run that was interrupted goes on where it was.

mod report;
mod store;
mod submission;

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use launch::supervise::interrupted;
use launch::{Isolate, Mpi, isolate, output_of};
use sandbox::{Mechanism, SandboxFactory};
use serde::Serialize;
use workbook::exercise::{
    Exercise, commands,
    compile::Kit,
    trial::{self, Options, Step},
    verdict::{Outcome, Verdict},
};

use store::Store;
use submission::{Answer, Submission};

/// The seed of all inputs, unless the teacher says another.
const SEED: u64 = 1;

/// How answers are locked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// In namespaces of their own; an error where that is not possible.
    Full,
    /// The same by a user namespace, also for root: as it is for everybody else.
    #[value(hide = true)]
    UserNamespace,
    /// By limits alone: the programs can read and write whatever you can.
    Limits,
}

/// What to grade, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// Submissions, or folders of submissions.
    pub folders: Vec<PathBuf>,
    /// Only these exercises, or chapters; all if empty.
    pub exercises: Vec<String>,
    /// Which MPI.
    pub mpi: Mpi,
    /// An HDF5 other than the system's.
    pub hdf5: Option<PathBuf>,
    /// Only these numbers of ranks; those of each exercise if empty.
    pub ranks: Vec<usize>,
    /// The seed of all inputs.
    pub seed: Option<u64>,
    /// How many answers are graded at a time; as many as there are cores if `None`.
    pub jobs: Option<usize>,
    /// How answers are locked up.
    pub isolation: Isolation,
    /// Grade again what was graded before.
    pub again: bool,
    /// Where to write all of it as JSON.
    pub json: Option<PathBuf>,
    /// Where to write the table as CSV.
    pub csv: Option<PathBuf>,
    /// Where to write it as JUnit XML.
    pub junit: Option<PathBuf>,
    /// The folder for a text for each submission.
    pub texts: Option<PathBuf>,
}

/// What an answer is found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// It is right.
    Passes,
    /// What it left behind is not what was asked for.
    WrongResult,
    /// It may look right, but what the ranks did is not.
    WrongInSilence,
    /// A rank ended with an error.
    RankFailed,
    /// It never ends.
    Hangs,
    /// It used more than it may.
    OverLimit,
    /// The compiler refuses it.
    DoesNotCompile,
    /// It is still the starter.
    Untouched,
    /// It was not handed in.
    Missing,
    /// It was handed in as something that is not read: a link, say.
    Unreadable,
    /// The workbook itself failed; it says nothing of the answer.
    NotGraded,
}

impl From<Outcome> for Mark {
    fn from(outcome: Outcome) -> Mark {
        match outcome {
            Outcome::Passes => Mark::Passes,
            Outcome::DoesNotCompile => Mark::DoesNotCompile,
            Outcome::WrongResult => Mark::WrongResult,
            Outcome::WrongInSilence => Mark::WrongInSilence,
            Outcome::RankFailed => Mark::RankFailed,
            Outcome::Hangs => Mark::Hangs,
            Outcome::OverLimit => Mark::OverLimit,
        }
    }
}

/// What is said of one exercise of one submission.
#[derive(Clone, Debug, Serialize)]
struct Graded {
    exercise: String,
    title: String,
    /// Its path in the submission.
    file: Option<PathBuf>,
    mark: Mark,
    /// What was checked, or what is wrong.
    text: String,
    /// The number of ranks at which that was found.
    ranks: Option<usize>,
    /// What the program was given there, in words.
    given: String,
    passed_at: Vec<usize>,
    failed_at: Vec<usize>,
    not_tried_at: Vec<usize>,
    notes: Vec<String>,
    /// As a learner sees it.
    #[serde(skip)]
    shown: String,
}

/// All that was found.
#[derive(Debug, Serialize)]
struct Report {
    workbook: &'static str,
    /// `["Open MPI 4.1.4", "HDF5 1.10.8"]`
    with: [String; 2],
    seed: u64,
    isolation: String,
    exercises: Vec<Named>,
    submissions: Vec<Marks>,
}

/// An exercise.
#[derive(Debug, Serialize)]
struct Named {
    exercise: String,
    title: String,
}

/// What is said of one submission.
#[derive(Debug, Serialize)]
struct Marks {
    name: String,
    folder: PathBuf,
    passed: usize,
    of: usize,
    notes: Vec<String>,
    exercises: Vec<Graded>,
}

/// Grades them. `Ok(true)` if all could be graded, whatever the marks.
///
/// # Errors
/// If there is nothing to grade, or no way to grade it.
pub fn grade(root: &Path, request: &Request) -> Result<bool> {
    let start = Instant::now();
    let exercises = wanted(root, &request.exercises)?;
    let submissions = submission::find(&request.folders, &exercises)?;
    let mut kit = commands::kit(root, request.mpi, request.hdf5.as_deref())?;
    let _only_one = kit.only_one("grade", || true)?;

    let own = kit.toolchain.target.join("grade");
    let libraries = own.join("libraries");
    kit.gather(&libraries, &own.join("tools"))?;
    let scratch = tempfile::Builder::new().prefix("grade-").tempdir()?;
    let mechanisms: &[Mechanism] = match request.isolation {
        Isolation::Full => &[Mechanism::Uid, Mechanism::UserNamespace],
        Isolation::UserNamespace => &[Mechanism::UserNamespace],
        Isolation::Limits => &[],
    };
    let factory = match mechanisms {
        [] => None,
        _ => Some(SandboxFactory::new(scratch.path(), &kit.toolchain, mechanisms).context(
            "strangers' programs cannot be locked up here, so nothing was run; in a machine \
             or container that you can throw away, `--isolation limits` grades without",
        )?),
    };
    let isolation = factory.as_ref().map_or(
        "NOT ISOLATED: by limits alone; the programs can read and write whatever you can",
        SandboxFactory::words,
    );
    let releases = kit.toolchain.releases();
    let seed = request.seed.unwrap_or(SEED);
    let store = Store::open(
        own.join("graded"),
        [
            format!(
                "workbook {} {:016x}",
                env!("CARGO_PKG_VERSION"),
                kit.fingerprint()
            ),
            releases.join(", "),
            output_of("rustc", &["--version"]).unwrap_or_default(),
            format!("seed {seed}, {isolation}"),
        ]
        .join("; "),
    )?;
    let workers = request.jobs.unwrap_or_else(launch::cores);
    eprintln!(
        "{} submissions; {}; {workers} at a time, {isolation}",
        submissions.len(),
        releases.join(", "),
    );

    let work = Work {
        request,
        seed,
        store: &store,
        jobs: Jobs::new(&submissions, &exercises),
        graded_before: AtomicUsize::new(0),
        ran: AtomicUsize::new(0),
    };
    std::thread::scope(|scope| -> Result<()> {
        for number in 0..workers {
            let place = scratch.path().join(format!("worker-{number}"));
            let isolation = factory.as_ref().map(|it| {
                let of_worker: Arc<dyn Isolate> = Arc::new(it.for_worker(number));
                of_worker
            });
            let kit = kit.for_strangers(&place.join("programs"), &libraries, isolation)?;
            let work = &work;
            scope.spawn(move || work.go(&kit, &place.join("answer")));
        }
        Ok(())
    })?;
    work.jobs.bar.finish_and_clear();
    isolate::delete(scratch.path());
    if interrupted() {
        bail!(
            "interrupted; what was graded is kept, and the same command goes on from there"
        );
    }
    let (before, ran) = (
        work.graded_before.load(Ordering::Relaxed),
        work.ran.load(Ordering::Relaxed),
    );
    let report = Report {
        workbook: env!("CARGO_PKG_VERSION"),
        with: releases,
        seed,
        isolation: isolation.to_owned(),
        exercises: exercises
            .iter()
            .map(|it| Named {
                exercise: it.to_string(),
                title: it.plan.title.clone(),
            })
            .collect(),
        submissions: work.jobs.marks(&submissions),
    };
    anstream::print!("{}", report.table());
    println!(
        "{ran} answers graded in {} s, {before} were graded before",
        start.elapsed().as_secs()
    );
    report.write(request)?;
    let all = || report.submissions.iter().flat_map(|it| &it.exercises);
    Ok(all().all(|it| it.mark != Mark::NotGraded))
}

/// The exercises that are graded.
fn wanted(root: &Path, words: &[String]) -> Result<Vec<Exercise>> {
    if words.is_empty() {
        return Exercise::all(root);
    }
    let mut all = Vec::new();
    for word in words {
        for exercise in Exercise::find(root, word)? {
            if !all.iter().any(|it: &Exercise| it.file == exercise.file) {
                all.push(exercise);
            }
        }
    }
    all.sort_by_key(|it| (it.chapter, it.number));
    Ok(all)
}

/// All there is to do, and what was found.
struct Jobs<'a> {
    open: Mutex<VecDeque<(usize, &'a Exercise, &'a Answer)>>,
    /// By submission, then by exercise.
    found: Mutex<Vec<Vec<Graded>>>,
    names: Vec<&'a str>,
    bar: ProgressBar,
}

impl<'a> Jobs<'a> {
    fn new(submissions: &'a [Submission], exercises: &'a [Exercise]) -> Jobs<'a> {
        let mut open = VecDeque::new();
        let mut found = Vec::new();
        for (index, submission) in submissions.iter().enumerate() {
            let of = exercises.iter().map(|exercise| {
                match submission.answers.get(&exercise.to_string()) {
                    None => Graded::without(exercise, Mark::Missing, None),
                    Some(answer) => {
                        open.push_back((index, exercise, answer));
                        Graded::without(exercise, Mark::NotGraded, Some(answer))
                    }
                }
            });
            found.push(of.collect());
        }
        let bar = ProgressBar::with_draw_target(
            Some(open.len() as u64),
            ProgressDrawTarget::stderr(),
        );
        let style = ProgressStyle::with_template(
            "{bar:30} {pos} of {len} answers, {eta} left  {wide_msg}",
        );
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("█▌░"));
        }
        Jobs {
            open: Mutex::new(open),
            found: Mutex::new(found),
            names: submissions.iter().map(|it| it.name.as_str()).collect(),
            bar,
        }
    }

    fn next(&self) -> Option<(usize, &'a Exercise, &'a Answer)> {
        self.open.lock().ok()?.pop_front()
    }

    fn done(&self, of: usize, graded: Graded) {
        self.bar.inc(1);
        let Ok(mut found) = self.found.lock() else {
            return;
        };
        let mut all = found[of].iter_mut();
        if let Some(place) = all.find(|it| it.exercise == graded.exercise) {
            *place = graded;
        }
    }

    fn marks(self, submissions: &[Submission]) -> Vec<Marks> {
        let found = self.found.into_inner().unwrap_or_default();
        let all = submissions.iter().zip(found);
        all.map(|(submission, exercises)| Marks {
            name: submission.name.clone(),
            folder: submission.folder.clone(),
            passed: exercises
                .iter()
                .filter(|it| it.mark == Mark::Passes)
                .count(),
            of: exercises.len(),
            notes: submission.notes.clone(),
            exercises,
        })
        .collect()
    }
}

impl Graded {
    fn without(exercise: &Exercise, mark: Mark, answer: Option<&Answer>) -> Graded {
        Graded {
            exercise: exercise.to_string(),
            title: exercise.plan.title.clone(),
            file: answer.map(|it| it.path.clone()),
            mark,
            text: String::new(),
            ranks: None,
            given: String::new(),
            passed_at: Vec::new(),
            failed_at: Vec::new(),
            not_tried_at: Vec::new(),
            notes: answer.map(|it| it.notes.clone()).unwrap_or_default(),
            shown: String::new(),
        }
    }

    fn judged(self, verdict: Verdict) -> Graded {
        let shown = verdict.shown(false);
        let plain = |text: &str| {
            let text = anstream::adapter::strip_str(text).to_string();
            let lines: Vec<String> = text.lines().map(submission::printable).collect();
            lines.join("\n")
        };
        Graded {
            mark: verdict.outcome.into(),
            text: plain(&verdict.text),
            shown: plain(&shown),
            ranks: verdict.ranks,
            given: verdict.given,
            passed_at: verdict.passed_at,
            failed_at: verdict.failed_at,
            not_tried_at: verdict.not_tried_at,
            ..self
        }
    }
}

/// What the workers share.
struct Work<'a> {
    request: &'a Request,
    seed: u64,
    store: &'a Store,
    jobs: Jobs<'a>,
    graded_before: AtomicUsize,
    ran: AtomicUsize,
}

impl Work<'_> {
    /// One worker: takes an answer after the other until there are none.
    fn go(&self, kit: &Kit, stage: &Path) {
        while !interrupted()
            && let Some((of, exercise, answer)) = self.jobs.next()
        {
            let name = self.jobs.names[of];
            let empty = |mark| Graded::without(exercise, mark, Some(answer));
            // Whatever goes wrong with one answer, the others are graded.
            let graded = std::panic::catch_unwind(AssertUnwindSafe(|| {
                self.one(kit, stage, name, exercise, answer)
            }));
            let graded = match graded {
                Ok(Ok(graded)) => graded,
                Ok(Err(error)) => Graded {
                    text: format!("{error:#}"),
                    ..empty(Mark::NotGraded)
                },
                Err(_) => Graded {
                    text: "the workbook panicked; its message is above".to_owned(),
                    ..empty(Mark::NotGraded)
                },
            };
            self.jobs.done(of, graded);
        }
    }

    fn one(
        &self,
        kit: &Kit,
        stage: &Path,
        name: &str,
        exercise: &Exercise,
        answer: &Answer,
    ) -> Result<Graded> {
        let empty = |mark| Graded::without(exercise, mark, Some(answer));
        let text = match &answer.text {
            Ok(text) => text,
            Err(why) => {
                return Ok(Graded {
                    text: why.clone(),
                    ..empty(Mark::Unreadable)
                });
            }
        };
        // That a starter does not pass was tried, by `make author-check`.
        if submission::is_starter(text, exercise) {
            return Ok(empty(Mark::Untouched));
        }
        let options = Options {
            ranks: self.request.ranks.clone(),
            seed: Some(self.seed),
        };
        let ranks = match options.ranks.as_slice() {
            [] => &exercise.plan.ranks,
            some => some,
        };
        let ranks: Vec<String> = ranks.iter().map(usize::to_string).collect();
        let key = format!("{exercise}@{}", ranks.join("-"));
        let before = match self.request.again {
            true => None,
            false => self.store.get(&key, text),
        };
        if let Some(verdict) = before {
            self.graded_before.fetch_add(1, Ordering::Relaxed);
            return Ok(empty(Mark::NotGraded).judged(verdict));
        }
        // At the place where the learner had it: so the compiler names it.
        isolate::delete(stage);
        let source = stage
            .join("answers")
            .join(submission::room(exercise))
            .join(submission::file_name(exercise));
        std::fs::create_dir_all(source.parent().context("it is in a folder")?)?;
        std::fs::write(&source, text)?;
        let last = std::cell::Cell::new(None);
        let go_on = |step| {
            if last.replace(Some(step)) != Some(step) {
                self.jobs.bar.set_message(match step {
                    Step::Waiting => format!("{name} {exercise}"),
                    Step::Compiling => format!("{name} {exercise}: compiling"),
                    Step::Trying(ranks) => format!("{name} {exercise}: {ranks} ranks"),
                });
            }
            true
        };
        let verdict = trial::check_while(stage, kit, exercise, &source, &options, &go_on)?;
        self.store.put(&key, text, &verdict)?;
        self.ran.fetch_add(1, Ordering::Relaxed);
        Ok(empty(Mark::NotGraded).judged(verdict))
    }
}
