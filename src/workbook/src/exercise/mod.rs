//! The exercises: where they are, what their starters, hints and solutions say.
//!
//! A chapter's folder `exercises/` holds a starter for each, and `exercises.toml`; `solutions/`
//! holds the same files with the hole filled. The solution is the one source: its hole also
//! holds the starter's lines, behind `//~`, so the two cannot come to differ outside the hole.
//! A learner edits neither, but a copy of the starter: see [`answers`].

pub mod answers;
pub mod commands;
pub mod compile;
mod definition;
mod evidence;
mod failure;
pub mod progress;
pub mod trial;
pub mod verdict;
pub mod watch;
mod watcher;

pub use definition::{ANSWERS, Exercise, HOLE_BEGINS, HOLE_ENDS, Plan, with_hole_filled};
pub(crate) use watcher::Watcher;
