//! What is known of a trial: what its ranks called, printed and left, and how it ended.

use std::path::Path;
use std::time::Duration;

use launch::Run;
use launch::supervise::Ended;
use protocol::Given;
use record::{Call, Record, State};

use super::watcher::Why;
use crate::recording::{capital, differs};

/// All that is known of one run.
pub(super) struct Trial<'a> {
    pub ranks: usize,
    pub(super) seed: u64,
    pub(super) data: &'a Path,
    pub(super) recorded: &'a Path,
    pub(super) given: &'a Given,
    pub run: &'a Run,
    /// What each rank itself wrote on standard error, without what MPI wrote there.
    pub said: &'a [String],
    pub record: &'a Record,
    pub(super) stopped: Option<Why>,
    pub lines: record::Lines<'a>,
}

/// Whether a rank was in a call, for [`failure`].
pub(super) fn call_of<'a>(trial: &'a Trial, rank: usize) -> Option<&'a Call> {
    let of = trial.record.ranks.get(rank)?;
    match of.state {
        State::Inside { call, .. } => of.calls.get(call),
        _ => None,
    }
}

/// A file that a rank opened through MPI-IO, and that was open when the rank ended.
pub(super) fn left_open(trial: &Trial) -> Option<String> {
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

pub(super) fn aborted(trial: &Trial) -> bool {
    trial.record.ranks.iter().any(|it| it.aborted.is_some())
}

/// All ranks have ended by themselves.
pub(super) fn over(trial: &Trial) -> bool {
    let mut ranks = trial.record.ranks.iter();
    ranks.all(|it| it.state == State::Exited)
}

/// Processes that the ranks started, and that went on when all ranks had ended.
pub(super) fn left_running<'a>(trial: &'a Trial) -> Vec<&'a str> {
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
pub(super) fn goes_on(trial: &Trial) -> String {
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
pub(super) fn status(trial: &Trial) -> i32 {
    if let Ended::Exit(status) = trial.run.ended {
        return status;
    }
    let ranks = &trial.record.ranks;
    let aborted = ranks.iter().find_map(|it| it.aborted);
    let statuses = || ranks.iter().map(|it| it.status.unwrap_or(-1));
    aborted.unwrap_or_else(|| statuses().find(|it| *it != 0).unwrap_or(0))
}

/// Each process a world of its own: a launcher of another MPI.
pub(super) fn alone(trial: &Trial) -> Option<String> {
    let sizes: Vec<usize> = trial.record.ranks.iter().map(|it| it.size).collect();
    let wrong = sizes.iter().find(|it| **it != 0 && **it != trial.ranks)?;
    Some(format!(
        "{} ranks were started, but MPI says that there are {wrong}: the launcher and the \
         program belong to different MPIs; `make doctor` says more",
        trial.ranks
    ))
}

pub(super) fn hang(trial: &Trial, after: Duration) -> String {
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

pub(super) fn places(trial: &Trial) -> String {
    let places = trial.record.where_each_rank_sits(trial.lines);
    let places: Vec<String> = places
        .into_iter()
        .map(|it| format!("  {}", it.text))
        .collect();
    places.join("\n")
}
