//! `make watch` in a terminal, as a learner uses it.

#![cfg(target_os = "linux")]

mod common;

use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::*;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portable_pty::{
    Child, CommandBuilder, ExitStatus, PtyPair, PtySize, native_pty_system,
};
use workbook::exercise::{Exercise, with_hole_filled};

/// Whatever is waited for is there after this long, also on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// What would change what is seen.
const COLOURS: [&str; 3] = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"];

/// A learner with an own folder of answers, who has solved all but some exercises.
struct Learner {
    folder: tempfile::TempDir,
    all: usize,
}

impl Learner {
    fn who_lacks(open: &[&str]) -> Learner {
        let folder = scratch();
        let all = Exercise::all(root()).unwrap();
        let solved = all.iter().map(|it| {
            let is_open = open.contains(&it.to_string().as_str());
            let done = serde_json::json!({ "solved": !is_open });
            (format!("{}/{}", it.chapter_name, it.name), done)
        });
        let solved: serde_json::Map<_, _> = solved.collect();
        let file = folder.path().join("progress.json");
        std::fs::write(file, serde_json::to_vec(&solved).unwrap()).unwrap();
        let learner = Learner {
            folder,
            all: all.len(),
        };
        for number in open {
            learner.save(number, &starter(number));
        }
        learner
    }

    fn file(&self, number: &str) -> PathBuf {
        let file = exercise(number).file;
        let parts: Vec<_> = file.iter().rev().collect();
        // answers/03-distances/1-uneven.rs
        self.folder.path().join(parts[1]).join(parts[0])
    }

    /// As an editor saves that writes into the file.
    fn save(&self, number: &str, text: &str) {
        let file = self.file(number);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// As an editor saves that puts a new file in its place.
    fn save_by_rename(&self, number: &str, text: &str) {
        let new = self.file(number).with_extension("rs~");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.file(number)).unwrap();
    }

    #[track_caller]
    fn left_no_process(&self) {
        let none = Vec::<String>::new();
        assert_eq!(processes_that_mention(self.folder.path()), none);
    }
}

fn exercise(number: &str) -> Exercise {
    Exercise::find_one(root(), number).unwrap()
}

fn starter(number: &str) -> String {
    exercise(number).starter().unwrap()
}

fn solution(number: &str) -> String {
    exercise(number).solution().unwrap()
}

/// An answer of which each run takes at least `seconds`.
fn slow(number: &str, seconds: u64) -> String {
    let sleep = format!("std::thread::sleep(std::time::Duration::from_secs({seconds}));");
    let begins = "// YOUR PART BEGINS\n";
    solution(number).replace(begins, &format!("{begins}{sleep}\n"))
}

/// A terminal with `workbook watch` in it.
struct Terminal<'a> {
    learner: &'a Learner,
    pair: PtyPair,
    keys: Box<dyn std::io::Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    watch: Box<dyn Child + Send + Sync>,
    settings: String,
}

impl<'a> Terminal<'a> {
    fn of(learner: &'a Learner) -> Terminal<'a> {
        Terminal::open(learner, (30, 100), &[])
    }

    fn open(
        learner: &'a Learner,
        (rows, columns): (u16, u16),
        environment: &[(&str, &str)],
    ) -> Terminal<'a> {
        let pair = native_pty_system().openpty(size(rows, columns)).unwrap();
        let mut command = CommandBuilder::new(workbook_program());
        command.arg("watch");
        command.cwd(root());
        for name in NOT_A_READERS.into_iter().chain(COLOURS) {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color");
        command.env("WORKBOOK_ANSWERS", learner.folder.path());
        command.env("MPI", mpi().name());
        for (name, value) in environment {
            command.env(name, value);
        }
        let (some, other) = (NonZeroU16::new(rows), NonZeroU16::new(columns));
        let screen = vt100::Parser::new(some.unwrap(), other.unwrap(), 1000);
        let screen = Arc::new(Mutex::new(screen));
        let seen = Arc::clone(&screen);
        let mut from = pair.master.try_clone_reader().unwrap();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                seen.lock().unwrap().process(&bytes[..count]);
            }
        });
        let settings = format!("{:?}", pair.master.get_termios());
        Terminal {
            learner,
            keys: pair.master.take_writer().unwrap(),
            watch: pair.slave.spawn_command(command).unwrap(),
            pair,
            screen,
            settings,
        }
    }

    fn contents(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until all these words are on the screen, and returns what is there.
    #[track_caller]
    fn shows(&mut self, words: &[&str]) -> String {
        let what = words.join(", ");
        self.wait(&what, |screen| words.iter().all(|it| screen.contains(it)))
    }

    /// Waits until they are gone.
    #[track_caller]
    fn hides(&mut self, word: &str) -> String {
        self.wait(&format!("no {word}"), |screen| !screen.contains(word))
    }

    #[track_caller]
    fn wait(&mut self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let contents = self.contents();
            if is_there(&contents) {
                return contents;
            }
            let ended = self.watch.try_wait().unwrap();
            assert!(
                Instant::now() < deadline && ended.is_none(),
                "waited for: {what}\nended: {ended:?}\n{contents}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn resize(&mut self, rows: u16, columns: u16) {
        let (some, other) = (NonZeroU16::new(rows), NonZeroU16::new(columns));
        let mut screen = self.screen.lock().unwrap();
        screen.set_size(some.unwrap(), other.unwrap());
        drop(screen);
        self.pair.master.resize(size(rows, columns)).unwrap();
    }

    fn signal(&self, signal: Signal) {
        let pid = self.watch.process_id().unwrap();
        kill(Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
    }

    /// Waits for its end, and fails the test unless the terminal is as it was and no process
    /// is left. Returns what is on the screen then.
    #[track_caller]
    fn ends(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.watch.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "no end\n{}", self.contents());
            std::thread::sleep(Duration::from_millis(20));
        };
        self.learner.left_no_process();
        let settings = format!("{:?}", self.pair.master.get_termios());
        assert_eq!(self.settings, settings);
        // What it has written last may still be on its way.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen.lock().unwrap();
            let screen = screen.screen();
            if !screen.alternate_screen() && !screen.hide_cursor() {
                break;
            }
            assert!(Instant::now() < deadline, "the screen is not given back");
            std::thread::sleep(Duration::from_millis(20));
        }
        (status, self.contents())
    }
}

/// A test that fails leaves none either.
impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        if let Ok(None) = self.watch.try_wait() {
            self.signal(Signal::SIGKILL);
            let _ = self.watch.wait();
        }
    }
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        ..PtySize::default()
    }
}

#[test]
fn from_the_first_unsolved_exercise_to_the_last() {
    let learner = Learner::who_lacks(&["3.1", "3.2"]);
    let all = learner.all;
    let mut terminal = Terminal::of(&learner);
    let screen = terminal.shows(&["3.1 Uneven slabs", "wrong result"]);
    for words in [
        &format!("{} of {all} done", all - 2),
        " minutes)",
        "1-uneven.rs",
        "chapters/03-distances/README.md",
        "h hint  l list  n next  r reset  c check now  q quit",
    ] {
        assert!(screen.contains(words), "no `{words}`:\n{screen}");
    }

    // The compiler's own words.
    let hole = "let share: usize = \"three\";";
    learner.save("3.1", &with_hole_filled(&starter("3.1"), hole));
    terminal.shows(&["does not compile", "mismatched types", hole]);

    // Solved: it stays there until n is pressed.
    learner.save_by_rename("3.1", &solution("3.1"));
    let words = format!("Solved: {} of {all} are done", all - 1);
    let screen = terminal.shows(&[&words, "passes"]);
    assert!(screen.contains("3.1 Uneven slabs"), "{screen}");
    terminal.press("n");
    terminal.shows(&["3.2 ", "2-columns.rs", "fails with"]);

    // It was not there before.
    std::fs::remove_file(learner.file("3.2")).unwrap();
    terminal.shows(&["The file is not there. Press r"]);
    terminal.press("q");
    terminal.ends();
    let mut terminal = Terminal::of(&learner);
    terminal.shows(&["2-columns.rs is new: it holds the starter", "fails with"]);
    assert_eq!(
        std::fs::read_to_string(learner.file("3.2")).unwrap(),
        starter("3.2")
    );

    // The last one.
    learner.save("3.2", &solution("3.2"));
    terminal.shows(&[&format!("Solved, and all {all} are done!")]);
    terminal.press("n");
    let (status, screen) = terminal.ends();
    assert!(status.success(), "{status}\n{screen}");
    let words = format!("All {all} exercises are done");
    assert!(screen.contains(&words), "{screen}");

    // There is nothing to watch any more.
    let (status, screen) = Terminal::of(&learner).ends();
    assert!(status.success(), "{status}\n{screen}");
}

#[test]
fn hints_list_skip_and_reset() {
    let learner = Learner::who_lacks(&["3.3", "3.4"]);
    let mut terminal = Terminal::open(&learner, (50, 100), &[]);
    terminal.shows(&["3.3 ", "fails with"]);

    // Hints accumulate.
    terminal.press("h");
    terminal.shows(&["Hint 1 of "]);
    terminal.press("h");
    terminal.shows(&["Hint 1 of ", "Hint 2 of "]);
    for _ in 0..exercise("3.3").plan.hints.len() {
        terminal.press("h");
    }
    terminal.shows(&["Those were all hints", "make solution-3-3"]);

    // The list; any key goes back.
    terminal.press("l");
    let screen = terminal.shows(&["→ · 3.3 ", "✓ 3.2 ", "any key: back"]);
    assert!(!screen.contains("Hint 1"), "{screen}");
    terminal.press("x");
    terminal.shows(&["Hint 1 of ", "q quit"]);

    // To the other one that is not solved, and from there to the first again.
    terminal.press("n");
    let screen = terminal.shows(&["4-blocks.rs"]);
    assert!(!screen.contains("Hint 1"), "{screen}");
    terminal.press("n");
    terminal.shows(&["3-mean.rs", "Hint 1 of ", "fails with"]);

    // A reset is asked for twice, and nothing is lost.
    learner.save("3.3", "my own\n");
    terminal.shows(&["does not compile"]);
    terminal.press("r");
    terminal.shows(&["Put the starter there again?"]);
    terminal.press("n");
    terminal.hides("Put the starter there again?");
    let file = learner.file("3.3");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "my own\n");
    terminal.press("r");
    terminal.shows(&["y yes  n no"]);
    terminal.press("y");
    let screen = terminal.shows(&["what you had is in", "3-mean.kept-1.rs", "fails with"]);
    assert!(!screen.contains("Hint 1"), "{screen}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), starter("3.3"));
    let kept = file.with_extension("kept-1.rs");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "my own\n");

    // The file has gone; there is nothing that a reset could take away.
    std::fs::remove_file(&file).unwrap();
    terminal.shows(&["The file is not there. Press r"]);
    terminal.press("r");
    terminal.shows(&["is the starter", "fails with"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), starter("3.3"));

    // Ctrl-C. The verdict stays on the terminal.
    terminal.press("\x03");
    let (status, screen) = terminal.ends();
    assert!(status.success(), "{status}\n{screen}");
    let next = format!("{} of {} exercises are done", learner.all - 2, learner.all);
    for words in [&next, "goes on with 3.3", "fails with"] {
        assert!(screen.contains(words), "no `{words}`:\n{screen}");
    }
}

#[test]
fn a_save_during_a_check_is_checked_afterwards() {
    let learner = Learner::who_lacks(&["3.2"]);
    learner.save("3.2", &slow("3.2", 2));
    let mut terminal = Terminal::of(&learner);
    terminal.shows(&["checking … with 1 rank"]);
    learner.save("3.2", &starter("3.2"));
    terminal.shows(&["checking … with ", "then again, as it was saved"]);
    // What was begun is brought to its end, and passes; then the starter has its turn.
    terminal.shows(&["fails with"]);
    terminal.press("q");
    let (status, screen) = terminal.ends();
    assert!(status.success(), "{status}\n{screen}");
    let next = format!("{} of {} exercises are done", learner.all - 1, learner.all);
    assert!(screen.contains(&next), "{screen}");
}

#[test]
fn quitting_ends_a_run() {
    let learner = Learner::who_lacks(&["3.2"]);
    learner.save("3.2", &slow("3.2", 1000));
    let mut terminal = Terminal::of(&learner);
    terminal.shows(&["checking … with 1 rank"]);
    let begun = Instant::now();
    terminal.press("q");
    let (status, screen) = terminal.ends();
    assert!(status.success(), "{status}\n{screen}");
    // A run in which nobody moves is ended after 15 s in any case.
    assert!(begun.elapsed() < Duration::from_secs(12), "{begun:?}");
}

#[test]
fn a_signal_ends_a_run() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let learner = Learner::who_lacks(&["3.2"]);
        learner.save("3.2", &slow("3.2", 1000));
        let mut terminal = Terminal::of(&learner);
        terminal.shows(&["checking … with 1 rank"]);
        terminal.signal(signal);
        let (status, screen) = terminal.ends();
        assert!(!status.success(), "{signal}: {status}\n{screen}");
        assert!(screen.contains("interrupted"), "{signal}:\n{screen}");
    }
}

#[test]
fn a_narrow_terminal_shows_the_beginning_and_says_how_much_more_there_is() {
    let learner = Learner::who_lacks(&["3.2"]);
    let hole = "let share: usize = \"a string that is longer than one row of a narrow \
                terminal\";";
    learner.save("3.2", &with_hole_filled(&starter("3.2"), hole));
    let mut terminal = Terminal::open(&learner, (16, 60), &[]);
    let keys = "h hint  l list  n next  r reset  c check now  q quit";
    let screen = terminal.shows(&["does not compile", "more lines: ↓", keys]);
    assert!(screen.contains("make exercise-3-2"), "{screen}");

    // Down to the end, where the hint is, and up again.
    terminal.press("h");
    let screen = terminal.shows(&["Hint 1 of ", "above: ↑", keys]);
    assert!(!screen.contains("more lines: ↓"), "{screen}");
    for _ in 0..60 {
        terminal.press("\x1b[A");
    }
    terminal.hides("above: ↑");
    terminal.press("\x1b[B\x1b[B");
    terminal.shows(&["above: ↑", "more line"]);

    // As soon as there is room, all of it is there.
    terminal.resize(60, 100);
    let screen = terminal.shows(&["does not compile", "longer than one row", keys]);
    assert!(!screen.contains("above: ↑"), "{screen}");
    terminal.press("q");
    assert!(terminal.ends().0.success());
}

#[test]
fn colours_only_where_they_are_wanted() {
    let learner = Learner::who_lacks(&["3.2"]);
    learner.save("3.2", "fn main() { nobody() }\n");
    for (environment, wanted) in [(&[][..], true), (&[("NO_COLOR", "1")], false)] {
        let mut terminal = Terminal::open(&learner, (30, 100), environment);
        terminal.shows(&["does not compile", "nobody"]);
        let screen = terminal.screen.lock().unwrap();
        let screen = screen.screen();
        let cells = (0..30).flat_map(|row| (0..100).map(move |column| (row, column)));
        let coloured = cells
            .filter_map(|(row, column)| screen.cell(row, column))
            .any(|it| it.fgcolor() != vt100::Color::Default);
        assert_eq!(coloured, wanted, "{}", screen.contents());
    }
}

#[test]
fn without_a_terminal_another_command_is_named() {
    let learner = Learner::who_lacks(&["3.2"]);
    let output = Command::new(workbook_program())
        .arg("watch")
        .env("WORKBOOK_ANSWERS", learner.folder.path())
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("make exercise-3-2"), "{said}");
}
