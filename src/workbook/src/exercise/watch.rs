//! `make watch`: the next unsolved exercise, checked again whenever it is saved.

mod running;
mod saves;
mod screen;
mod text;

use std::path::Path;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use anyhow::{Result, bail};
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use launch::Mpi;
use launch::supervise::interrupted;

use self::running::Running;
use self::saves::Saves;
use self::screen::Screen;
use super::compile::Kit;
use super::definition::Exercise;
use super::progress::Progress;
use super::trial::Step;
use super::verdict::Verdict;
use super::{answers, commands};

const BOLD: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();

/// How often we look at the keys, the file and the check.
const TICK: Duration = Duration::from_millis(100);
/// An editor may write a file in several steps: so long after the last one it is checked.
const SETTLED: Duration = Duration::from_millis(150);

/// Watches until the learner quits.
pub fn watch(root: &Path, mpi: Mpi, hdf5: Option<&Path>) -> Result<bool> {
    let exercises = Exercise::all(root)?;
    let progress = Progress::read(root)?;
    let next = exercises.iter().position(|it| !progress.of(it).solved);
    if !Screen::is_there() {
        let slug = next.map_or("3-2".to_owned(), |it| exercises[it].slug());
        bail!(
            "`make watch` needs a terminal; without one, `make exercise-{slug}` checks an \
             exercise"
        );
    }
    let Some(at) = next else {
        println!("{}", farewell(&exercises, &progress));
        return Ok(true);
    };
    let note = answers::begin(root, &exercises[at..=at])?.join("\n");
    // Cargo has the terminal to itself; after an update it may be at work for minutes.
    println!("Getting ready …");
    let kit = commands::kit(root, mpi, hdf5)?;
    let mut watch = Watch {
        root,
        kit: &kit,
        saves: Saves::of(exercises.iter().map(|it| it.file.as_path()))?,
        exercises,
        progress: Progress::read(root)?,
        at,
        due: Some(Instant::now()),
        running: None,
        found: None,
        view: View::Exercise,
        scrolled: 0,
        note,
    };
    let mut screen = Screen::enter()?;
    let ended = watch.until_quit(&mut screen);
    watch.running = None;
    drop(screen);
    ended?;
    // On the screen that has gone there was perhaps not room for all of it.
    if let Some(Found::Verdict(verdict)) = &watch.found
        && !verdict.passes()
    {
        anstream::println!("{}", commands::shown(verdict));
    }
    println!("{}", farewell(&watch.exercises, &watch.progress));
    Ok(true)
}

fn farewell(exercises: &[Exercise], progress: &Progress) -> String {
    let (done, all) = (solved(exercises, progress), exercises.len());
    match exercises.iter().find(|it| !progress.of(it).solved) {
        None => {
            format!("All {all} exercises are done. Well done, and thank you for trying.")
        }
        Some(next) => format!(
            "{done} of {all} exercises are done. `make watch` goes on with {next} {}.",
            next.plan.title
        ),
    }
}

fn solved(exercises: &[Exercise], progress: &Progress) -> usize {
    let solved = exercises.iter().filter(|it| progress.of(it).solved);
    solved.count()
}

struct Watch<'a> {
    root: &'a Path,
    kit: &'a Kit,
    saves: Saves,
    exercises: Vec<Exercise>,
    progress: Progress,
    /// Which of the exercises.
    at: usize,
    /// Since when there is something new to check.
    due: Option<Instant>,
    running: Option<Running>,
    /// Of the last check of this exercise.
    found: Option<Found>,
    view: View,
    /// How many rows have gone out at the top.
    scrolled: usize,
    /// What the last key did, if that is not seen otherwise.
    note: String,
}

enum Found {
    Verdict(Box<Verdict>),
    NoFile,
    /// The workbook itself failed, for this reason.
    Failed(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Exercise,
    List,
    /// "Put the starter there again?"
    Reset,
    /// The learner has quit, and the last run is being ended.
    Ending,
}

/// What comes after a key.
#[derive(PartialEq, Eq)]
enum Then {
    GoOn,
    Quit,
}

impl Watch<'_> {
    fn until_quit(&mut self, screen: &mut Screen) -> Result<()> {
        let mut is_new = true;
        while !interrupted() {
            is_new |= self.look()?;
            // The seconds of a check go on by themselves.
            if is_new || self.running.is_some() {
                self.draw(screen)?;
            }
            is_new = event::poll(TICK)?;
            if !is_new {
                continue;
            }
            let key = match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => key,
                Event::Resize(..) => {
                    screen.forget()?;
                    continue;
                }
                _ => continue,
            };
            if self.press(key, screen.size())? == Then::Quit {
                self.view = View::Ending;
                return self.draw(screen);
            }
        }
        bail!("interrupted")
    }

    fn exercise(&self) -> &Exercise {
        &self.exercises[self.at]
    }

    // --- saves and checks ---------------------------------------------------------------

    /// Looks at the file and at the check; true if there is something new to show.
    fn look(&mut self) -> Result<bool> {
        let mut is_new = false;
        if self.saves.touched(&self.exercise().file) {
            self.due = Some(Instant::now());
            is_new = true;
        }
        if let Some(running) = self.running.take_if(|it| it.is_over()) {
            if let Some(verdict) = running.end() {
                self.take(verdict)?;
            }
            is_new = true;
        }
        // A save during a check waits for its end.
        let is_due = self.due.is_some_and(|it| it.elapsed() >= SETTLED);
        if is_due && self.running.is_none() {
            self.due = None;
            self.check();
            is_new = true;
        }
        Ok(is_new)
    }

    fn check(&mut self) {
        let exercise = &self.exercises[self.at];
        if exercise.file.is_file() {
            self.running = Some(Running::start(self.root, self.kit, exercise));
        } else {
            self.found = Some(Found::NoFile);
        }
    }

    fn take(&mut self, verdict: Result<Verdict>) -> Result<()> {
        self.scrolled = 0;
        self.found = Some(match verdict {
            Ok(verdict) => {
                // Anew: a hint may have been asked for in another terminal.
                self.progress = Progress::read(self.root)?;
                let exercise = &self.exercises[self.at];
                let passes = verdict.passes();
                self.progress.change(exercise, |it| it.solved = passes)?;
                Found::Verdict(Box::new(verdict))
            }
            Err(error) => Found::Failed(format!("{error:#}")),
        });
        Ok(())
    }

    // --- keys ---------------------------------------------------------------------------

    fn press(&mut self, key: KeyEvent, size: (usize, usize)) -> Result<Then> {
        let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
        let code = match key.code {
            KeyCode::Char('c' | 'd') if with_control => return Ok(Then::Quit),
            KeyCode::Char(letter) => KeyCode::Char(letter.to_ascii_lowercase()),
            other => other,
        };
        if self.scroll(code, size) {
            return Ok(Then::GoOn);
        }
        self.note.clear();
        match (self.view, code) {
            (View::Reset, KeyCode::Char('y')) => self.reset()?,
            (View::Reset | View::List, _) => self.look_at(View::Exercise),
            (_, KeyCode::Char('q')) => return Ok(Then::Quit),
            (_, KeyCode::Char('h')) => self.hint(size)?,
            (_, KeyCode::Char('l')) => self.list(size)?,
            (_, KeyCode::Char('n')) => return self.next(),
            (_, KeyCode::Char('r')) if self.exercise().file.exists() => {
                self.look_at(View::Reset);
            }
            (_, KeyCode::Char('r')) => self.reset()?,
            (_, KeyCode::Char('c')) if self.running.is_none() => {
                self.due = Some(Instant::now());
            }
            _ => {}
        }
        Ok(Then::GoOn)
    }

    fn scroll(&mut self, code: KeyCode, size: (usize, usize)) -> bool {
        let (rows, room) = self.extent(size);
        let page = (room / 2).max(1);
        let now = self.scrolled;
        self.scrolled = match code {
            KeyCode::Up => now.saturating_sub(1),
            KeyCode::Down => now + 1,
            KeyCode::PageUp => now.saturating_sub(page),
            KeyCode::PageDown | KeyCode::Char(' ') => now + page,
            _ => return false,
        };
        self.scrolled = self.scrolled.min(text::furthest(rows, room));
        true
    }

    fn look_at(&mut self, view: View) {
        self.view = view;
        self.scrolled = 0;
    }

    fn hint(&mut self, size: (usize, usize)) -> Result<()> {
        self.progress = Progress::read(self.root)?;
        let exercise = &self.exercises[self.at];
        if commands::next_hint(&mut self.progress, exercise)?.is_none() {
            let slug = exercise.slug();
            self.note =
                format!("Those were all hints; `make solution-{slug}` shows a solution.");
        }
        // Hints are at the end; a long verdict goes out at the top.
        let (rows, room) = self.extent(size);
        self.scrolled = text::furthest(rows, room);
        Ok(())
    }

    fn list(&mut self, size: (usize, usize)) -> Result<()> {
        self.progress = Progress::read(self.root)?;
        self.look_at(View::List);
        let (rows, room) = self.extent(size);
        let list = self.body();
        let here = list.lines().position(|it| it.starts_with(" →"));
        let middle = here.unwrap_or(0).saturating_sub(room / 2);
        self.scrolled = middle.min(text::furthest(rows, room));
        Ok(())
    }

    /// Goes to the next unsolved exercise after this one, from the last to the first.
    fn next(&mut self) -> Result<Then> {
        self.progress = Progress::read(self.root)?;
        let all = self.exercises.len();
        let mut others = (1..all).map(|it| (self.at + it) % all);
        let next = others.find(|it| !self.progress.of(&self.exercises[*it]).solved);
        let Some(next) = next else {
            if self.progress.of(self.exercise()).solved {
                return Ok(Then::Quit);
            }
            self.note = "This is the only one that is left.".to_owned();
            return Ok(Then::GoOn);
        };
        self.at = next;
        self.look_at(View::Exercise);
        self.note = match answers::begin(self.root, &self.exercises[next..=next]) {
            Ok(said) => said.join("\n"),
            Err(error) => format!("{error:#}"),
        };
        self.progress = Progress::read(self.root)?;
        self.begin_anew();
        Ok(Then::GoOn)
    }

    fn reset(&mut self) -> Result<()> {
        self.look_at(View::Exercise);
        let exercise = &self.exercises[self.at];
        match answers::reset(self.root, exercise) {
            Ok(note) => self.note = note,
            Err(error) => self.note = format!("{error:#}"),
        }
        self.progress = Progress::read(self.root)?;
        self.begin_anew();
        Ok(())
    }

    fn begin_anew(&mut self) {
        if let Some(running) = &self.running {
            running.stop();
        }
        self.found = None;
        self.due = Some(Instant::now());
    }

    // --- what is seen -------------------------------------------------------------------

    fn draw(&self, screen: &mut Screen) -> Result<()> {
        let size = screen.size();
        screen.draw(self.frame(size, screen.colours))
    }

    fn frame(&self, (width, height): (usize, usize), colours: bool) -> Vec<String> {
        let rows = |text: &str| text::rows(text, width, colours);
        let (head, foot) = (rows(&self.head(width)), rows(&self.foot()));
        let room = height.saturating_sub(head.len() + foot.len());
        let marks = |above, more: usize| {
            let text = self.mark(above, more);
            rows(&text).into_iter().next().unwrap_or_default()
        };
        let body = text::window(rows(&self.body()), room, self.scrolled, marks);
        let blank = vec![String::new(); room - body.len()];
        let mut frame = [head, body, blank, foot].concat();
        // On a very low terminal the keys are what is needed most.
        frame.drain(..frame.len().saturating_sub(height));
        frame
    }

    /// How many rows the body has, and for how many there is room.
    fn extent(&self, (width, height): (usize, usize)) -> (usize, usize) {
        let rows = |text: &str| text::rows(text, width, false).len();
        let around = rows(&self.head(width)) + rows(&self.foot());
        (rows(&self.body()), height.saturating_sub(around))
    }

    fn head(&self, width: usize) -> String {
        if self.view == View::List {
            return String::new();
        }
        let exercise = self.exercise();
        let (done, all) = (
            solved(&self.exercises, &self.progress),
            self.exercises.len(),
        );
        let bar = commands::bar(done, all, width.saturating_sub(16).min(30));
        let shown = |path: &Path| {
            path.strip_prefix(self.root)
                .unwrap_or(path)
                .display()
                .to_string()
        };
        format!(
            "{bar} {done} of {all} done\n\
             {BOLD}{exercise} {}{BOLD:#} ({} minutes)\n\
             your file: {}\n\
             the page:  {}\n\n",
            exercise.plan.title,
            exercise.plan.minutes,
            shown(&exercise.file),
            shown(&exercise.page),
        )
    }

    fn body(&self) -> String {
        if self.view == View::List {
            let list = commands::overview(self.root, &self.progress, Some(self.exercise()));
            return list.unwrap_or_else(|error| format!("{error:#}"));
        }
        let mut body = match &self.found {
            None => String::new(),
            Some(Found::Verdict(verdict)) => commands::shown(verdict),
            Some(Found::NoFile) => {
                "The file is not there. Press r, and the starter is.\n".to_owned()
            }
            Some(Found::Failed(why)) => format!("It could not be checked: {why}\n"),
        };
        let exercise = self.exercise();
        if answers::has_new_starter(exercise, self.progress.of(exercise)) {
            body += "The starter has changed since you began: r puts the new one in place, and \
                     keeps yours beside it.\n";
        }
        let hints = &exercise.plan.hints;
        let seen = self.progress.of(exercise).hints.min(hints.len());
        for (index, hint) in hints[..seen].iter().enumerate() {
            let (number, of) = (index + 1, hints.len());
            body += &format!(
                "\n{BOLD}Hint {number} of {of}{BOLD:#}\n{}\n",
                commands::tidy(hint)
            );
        }
        body
    }

    fn mark(&self, above: bool, more: usize) -> String {
        let lines = if more == 1 { "line" } else { "lines" };
        match (above, self.view) {
            (true, _) => format!("{QUIET}… {more} {lines} above: ↑{QUIET:#}"),
            (false, View::List) => format!("{QUIET}… {more} more {lines}: ↓{QUIET:#}"),
            (false, _) => format!(
                "{QUIET}… {more} more {lines}: ↓, or `make exercise-{}` shows all{QUIET:#}",
                self.exercise().slug()
            ),
        }
    }

    fn foot(&self) -> String {
        let note = match self.note.as_str() {
            "" => String::new(),
            note => format!("{note}\n"),
        };
        let keys = match self.view {
            View::Exercise => "h hint  l list  n next  r reset  c check now  q quit",
            View::List => "any key: back",
            View::Reset => "y yes  n no",
            View::Ending => "",
        };
        let status = match self.status().as_str() {
            "" => String::new(),
            status => format!("{status}\n"),
        };
        format!("\n{note}{status}{QUIET}{keys}{QUIET:#}")
    }

    fn status(&self) -> String {
        match self.view {
            View::Ending => return "ending …".to_owned(),
            View::Reset => {
                return "Put the starter there again? What you have is kept.".to_owned();
            }
            View::List if self.running.is_none() => return String::new(),
            View::List | View::Exercise => {}
        }
        if let Some(running) = &self.running {
            let step = match running.step() {
                _ if running.is_stopped() => "ending the last run".to_owned(),
                Step::Waiting => "another terminal checks it, too".to_owned(),
                Step::Compiling => "compiling".to_owned(),
                Step::Trying(1) => "with 1 rank".to_owned(),
                Step::Trying(ranks) => format!("with {ranks} ranks"),
            };
            let again = match self.due {
                Some(_) if !running.is_stopped() => "; then again, as it was saved",
                _ => "",
            };
            let seconds = running.elapsed().as_secs();
            return format!("checking … {step}, {seconds} s{again}");
        }
        match &self.found {
            None => "checking …".to_owned(),
            Some(Found::Verdict(verdict)) if verdict.passes() => self.solved(),
            Some(Found::NoFile) => String::new(),
            Some(Found::Verdict(_)) => {
                format!("{QUIET}Save the file, and it is checked again.{QUIET:#}")
            }
            Some(Found::Failed(_)) => format!("{QUIET}c tries again.{QUIET:#}"),
        }
    }

    fn solved(&self) -> String {
        let (done, all) = (
            solved(&self.exercises, &self.progress),
            self.exercises.len(),
        );
        if done == all {
            return format!("{GOOD}Solved, and all {all} are done!{GOOD:#} n or q ends.");
        }
        format!("{GOOD}Solved: {done} of {all} are done.{GOOD:#} n goes on to the next.")
    }
}
