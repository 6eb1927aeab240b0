//! A check that goes on while keys are pressed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::exercise::compile::Kit;
use crate::exercise::definition::Exercise;
use crate::exercise::trial::{self, Options, Step};
use crate::exercise::verdict::Verdict;
use crate::transcript;

/// A check on a thread of its own. Dropped, it is stopped, and no process is left.
pub struct Running {
    since: Instant,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<Verdict>>>,
}

struct Shared {
    stop: AtomicBool,
    step: Mutex<Step>,
}

impl Running {
    /// Begins to check the learner's answer.
    pub fn start(root: &Path, kit: &Kit, exercise: &Exercise) -> Running {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            step: Mutex::new(Step::Compiling),
        });
        let (root, kit, exercise) = (root.to_owned(), kit.clone(), exercise.clone());
        let seen = Arc::clone(&shared);
        let check = move || {
            let go_on = |step| {
                *seen.step.lock().unwrap_or_else(PoisonError::into_inner) = step;
                !seen.stop.load(Ordering::Relaxed)
            };
            let source = &exercise.file;
            let verdict = trial::check_while(
                &root,
                &kit,
                &exercise,
                source,
                &Options::default(),
                &go_on,
            );
            // For `make report`.
            if let Ok(verdict) = &verdict
                && !seen.stop.load(Ordering::Relaxed)
            {
                transcript::begin();
                transcript::note(&verdict.shown(true));
                transcript::end(&root, &format!("check {exercise}"), verdict.passes());
            }
            verdict
        };
        Running {
            since: Instant::now(),
            shared,
            thread: Some(std::thread::spawn(check)),
        }
    }

    /// What it is at.
    pub fn step(&self) -> Step {
        let step = self.shared.step.lock();
        *step.unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long it has been going on.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    /// Asks it to end; nobody wants its verdict any more.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to end.
    pub fn is_stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    /// Whether [`Running::end`] returns at once.
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for its end; `None` if it was stopped.
    pub fn end(mut self) -> Option<Result<Verdict>> {
        let verdict = self.thread.take()?.join();
        let verdict = verdict.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (!self.is_stopped()).then_some(verdict)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
