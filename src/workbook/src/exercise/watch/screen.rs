//! The learner's terminal while `make watch` has it, and how they get it back.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, Result};
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::style::Print;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode, size,
};
use crossterm::{execute, queue};

/// The alternate screen of the terminal: what was there before is there again afterwards.
/// Most terminals send the mouse wheel as arrow keys meanwhile.
pub struct Screen {
    /// Whether colours are wanted: not with `NO_COLOR`.
    pub colours: bool,
    drawn: Vec<String>,
}

static ENTERED: AtomicBool = AtomicBool::new(false);

impl Screen {
    /// Whether there is a terminal that can move its cursor.
    pub fn is_there() -> bool {
        std::io::stdin().is_terminal()
            && std::io::stdout().is_terminal()
            && std::env::var_os("TERM").is_none_or(|it| it != "dumb")
    }

    /// Takes the terminal, until the screen is dropped or a thread panics.
    pub fn enter() -> Result<Screen> {
        give_back_on_panic();
        let colours = AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
        enable_raw_mode().context("cannot read single keys")?;
        ENTERED.store(true, Ordering::SeqCst);
        let screen = Screen {
            colours,
            drawn: Vec::new(),
        };
        execute!(std::io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    /// Its columns and rows.
    pub fn size(&self) -> (usize, usize) {
        match size() {
            Ok((columns @ 1.., rows @ 1..)) => (columns.into(), rows.into()),
            _ => (80, 24),
        }
    }

    /// Shows these rows, and writes those only that are not there already.
    pub fn draw(&mut self, rows: Vec<String>) -> Result<()> {
        let mut bytes = Vec::new();
        for line in 0..rows.len().max(self.drawn.len()) {
            let row = rows.get(line);
            if row != self.drawn.get(line) {
                let to = MoveTo(0, u16::try_from(line)?);
                queue!(bytes, to, Clear(ClearType::CurrentLine))?;
                queue!(bytes, Print(row.map_or("", String::as_str)))?;
            }
        }
        self.drawn = rows;
        if ENTERED.load(Ordering::SeqCst) {
            let mut stdout = std::io::stdout();
            stdout.write_all(&bytes)?;
            stdout.flush()?;
        }
        Ok(())
    }

    /// Has all rows written again: the terminal has another size.
    pub fn forget(&mut self) -> Result<()> {
        self.drawn.clear();
        Ok(execute!(std::io::stdout(), Clear(ClearType::All))?)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// There may be no terminal any more: then there is nothing to be done about it either.
fn give_back() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        let _ = execute!(std::io::stdout(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// Before the message is printed: on the alternate screen nobody would see it.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            print(panic);
        }));
    });
}
