//! A rank failed: which one, and what it had to say.

use std::sync::LazyLock;

use launch::supervise::Ended;
use launch::{launcher_output, limits};
use record::State;
use regex::Regex;

use super::evidence::{Trial, call_of};
use super::verdict::Outcome;
use crate::recording::differs;

/// Says which rank failed first, with its own message.
pub(super) fn explain(trial: &Trial) -> (Outcome, String) {
    let Death { rank, signal } = death(trial);
    let of_mpi = mpi_error(trial);
    let of_mpi_rank = of_mpi.as_ref().and_then(|it| it.0);
    let rank = rank.or(of_mpi_rank).or_else(|| who_spoke(trial));
    let who = match rank {
        Some(rank) => format!("rank {rank} of {}", trial.ranks),
        None => "a rank".to_owned(),
    };
    let said = match of_mpi {
        Some((_, message)) => message,
        None => rank.map(|rank| words(trial, rank)).unwrap_or_default(),
    };
    let at = rank
        .and_then(|rank| call_of(trial, rank))
        .filter(|it| it.name != "MPI_Abort")
        .and_then(|call| {
            let line = (trial.lines)(call).map(|line| format!(", line {line}"));
            Some(format!("{}{}", record::prose::call(call), line?))
        });
    let refused = memory_refused(trial);
    // The launcher of Open MPI 5 gathers a line until it ends. What gives out first is the launcher's
    // memory, where it forwards output ("iof"), or a rank that it does not listen to any more.
    let without_end = match &refused {
        Some((_, line)) if line.contains("/iof/") => Some(line),
        _ if said.contains("failed printing to stdout") => Some(&said),
        _ => None,
    };
    if let Some(message) = without_end {
        let text = format!(
            "a line that a rank prints is so long that the launcher has no room for more of it; is \
             there a loop without an end?\n{message}"
        );
        return (Outcome::OverLimit, text);
    }
    if let Some((speaker, refused)) = refused {
        let who = speaker.map_or(who, |rank| format!("rank {rank} of {}", trial.ranks));
        let text = format!(
            "{who} asked for more memory than a rank may have here ({} MiB):\n{refused}",
            limits::MEMORY
        );
        return (Outcome::OverLimit, text);
    }
    if signal == Some(25) {
        let text = format!("{who} wrote a file larger than {} MiB", limits::FILE);
        return (Outcome::OverLimit, text);
    }
    let how = match (signal, trial.run.ended) {
        (Some(11), _) => "crashed (segmentation fault)".to_owned(),
        (Some(9), _) => "was killed (signal 9)".to_owned(),
        (Some(6), _) => "aborted (signal 6)".to_owned(),
        (Some(signal), _) => format!("was ended by signal {signal}"),
        (None, Ended::Stopped) => "failed".to_owned(),
        (None, Ended::Exit(status)) => format!("failed (exit status {status})"),
        (None, ended) => format!("failed ({ended})"),
    };
    let mut text = format!("{who} {how}");
    if let Some(at) = at {
        text += &format!(" in: {at}");
    }
    if !said.is_empty() {
        text += &format!(":\n{said}");
    } else if let Some(other) = left_early(trial) {
        text += &format!("\n{other}");
    }
    // An error may well be what became of a call that not all ranks made.
    if let Some(difference) = trial.record.first_difference() {
        text += &format!("\n{}", differs(&difference, trial.lines));
    }
    (Outcome::RankFailed, text)
}

struct Death {
    rank: Option<usize>,
    signal: Option<i32>,
}

/// Who ended the job, by what the ranks called and what the launcher says.
fn death(trial: &Trial) -> Death {
    static OPEN_MPI: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"process rank (\d+) with PID \S+ on node \S+\s+exited on\s+signal (\d+)",
        )
        .expect("the pattern is valid")
    });
    static MPICH_PID: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"=\s+PID (\d+) RUNNING AT").expect("it is valid"));
    static MPICH_CODE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"=\s+EXIT CODE: (\d+)").expect("it is valid"));
    let aborted = trial.record.ranks.iter().find(|it| it.aborted.is_some());
    if let Some(rank) = aborted {
        return Death {
            rank: Some(rank.rank),
            signal: None,
        };
    }
    let said = &trial.run.launcher_said;
    let one_line: String = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(found) = OPEN_MPI.captures(&one_line) {
        return Death {
            rank: found[1].parse().ok(),
            signal: found[2].parse().ok(),
        };
    }
    let number =
        |pattern: &Regex| -> Option<i32> { pattern.captures(said)?[1].parse().ok() };
    if let (Some(pid), Some(code)) = (number(&MPICH_PID), number(&MPICH_CODE)) {
        let rank = trial.record.ranks.iter().find(|it| it.pid as i32 == pid);
        let signal = match code {
            129..=192 => Some(code - 128),
            1..=31 if said.contains(&format!("(signal {code})")) => Some(code),
            _ => None,
        };
        return Death {
            rank: rank.map(|it| it.rank),
            signal,
        };
    }
    Death {
        rank: None,
        signal: None,
    }
}

/// The message of MPI itself, without its stack, and the rank that it came from.
fn mpi_error(trial: &Trial) -> Option<(Option<usize>, String)> {
    static OPEN_MPI: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = [
            r"(?s)\*\*\* An error occurred in (MPI_\w+)",
            r"reported by process \[\d+,(\d+)\]",
            r"\*\*\* (MPI_ERR_\w+: [^\n]*)",
        ];
        Regex::new(&pattern.join(".*?")).expect("the pattern is valid")
    });
    static MPICH: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^internal_\w+\(\d+\)\.*: (MPI_\w+)\(.*\) failed$")
            .expect("it is valid")
    });
    let ranks = trial.run.err.iter().enumerate();
    let of_ranks = ranks.map(|(rank, said)| (Some(rank), said));
    let mut texts = of_ranks.chain([(None, &trial.run.launcher_said)]);
    texts.find_map(|(rank, said)| {
        if let Some(found) = OPEN_MPI.captures(said) {
            let message = format!("{}: {}", &found[1], &found[3]);
            return Some((found[2].parse().ok(), message));
        }
        let found = MPICH.captures(said)?;
        // The last line of its stack says why.
        let stack = said[found.get(0)?.start()..].lines();
        let why = stack
            .take_while(|line| line.contains(": ") || line.ends_with(':'))
            .filter_map(|line| line.rsplit_once(": "))
            .filter(|(_, why)| !why.trim().is_empty())
            .last()?
            .1;
        Some((rank, format!("{}: {why}", &found[1])))
    })
}

/// The line that says that there was no more memory, and the rank that said it. Under the limit
/// any allocation may be the one that fails: of the program, of MPI in it, or of the library by
/// which that MPI talks to its launcher.
fn memory_refused(trial: &Trial) -> Option<(Option<usize>, String)> {
    static REFUSED: LazyLock<Regex> = LazyLock::new(|| {
        let patterns = [
            "memory allocation of",
            "(?i:out of memory)",
            "Cannot allocate memory",
            "std::bad_alloc",
            r"(PMIX|PRTE|OPAL|ORTE|MPI)_ERR_NO_?MEM\b",
            r"(PRTE|OPAL|ORTE)_ERR_OUT_OF_RESOURCE",
        ];
        Regex::new(&patterns.join("|")).expect("the pattern is valid")
    });
    let ranks = trial.run.err.iter().enumerate();
    let of_ranks = ranks.map(|(rank, said)| (Some(rank), said));
    let all = of_ranks.chain([(None, &trial.run.launcher_said)]);
    let mut refused: Vec<(Option<usize>, String)> = all
        .filter_map(|(rank, said)| {
            let line = said.lines().find(|it| REFUSED.is_match(it))?;
            Some((rank, line.trim().to_owned()))
        })
        .collect();
    // What the program itself says of it is the plainest.
    refused.sort_by_key(|(_, line)| !line.contains("memory allocation of"));
    refused.into_iter().next()
}

/// The lowest rank that printed something on standard error.
fn who_spoke(trial: &Trial) -> Option<usize> {
    (0..trial.ranks).find(|rank| !words(trial, *rank).is_empty())
}

/// What a rank printed on standard error, without what its MPI printed there.
fn words(trial: &Trial, rank: usize) -> String {
    let lines = trial.said.get(rank).map_or("", |it| it);
    let aborted = trial
        .record
        .ranks
        .get(rank)
        .is_some_and(|it| it.said.is_some());
    let kept = match aborted {
        true => lines.lines().collect(),
        false => launcher_output::without(lines.lines()),
    };
    let kept: Vec<&str> = kept
        .into_iter()
        .filter(|it| !it.starts_with("note: run with `RUST_BACKTRACE"))
        .collect();
    kept.join("\n").trim().to_owned()
}

/// Ranks that ended before MPI was started, or without ending it.
fn left_early(trial: &Trial) -> Option<String> {
    let ranks: Vec<usize> = trial
        .record
        .ranks
        .iter()
        .filter(|it| it.state == State::NeverStarted)
        .map(|it| it.rank)
        .collect();
    (!ranks.is_empty())
        .then(|| format!("{} never started MPI", record::prose::ranks(&ranks)))
}
