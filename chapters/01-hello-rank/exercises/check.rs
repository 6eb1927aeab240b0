//! The checks of the exercises.

use record::State;

use check::exercise::{Case, Exercise, Finding, Given, Trial, Wrong};

pub const ALL: &[Exercise] = &[
    Exercise {
        name: "predict",
        prepare: |_| Ok(Given::default()),
        judge: predict,
    },
    Exercise {
        name: "rank-order",
        prepare: |case| Ok(messages_in(arrival(case))),
        judge: rank_order,
    },
    Exercise {
        name: "ring",
        prepare: |_| Ok(Given::default()),
        judge: ring,
    },
    Exercise {
        name: "end-all",
        prepare: prepare_failure,
        judge: end_all,
    },
];

// --- 1.1 -------------------------------------------------------------------------------

/// What begins a line that tells a prediction.
const PREDICTED: &str = "predicted: ";

fn predict(trial: &Trial) -> Finding {
    let ranks = trial.ranks();
    let printed: Vec<Vec<&str>> = trial
        .printed
        .iter()
        .map(|text| {
            text.lines()
                .filter(|it| !it.starts_with(PREDICTED))
                .collect()
        })
        .collect();
    // The truth is what this run did; but it must be the program of the exercise.
    for (rank, lines) in printed.iter().enumerate() {
        if *lines != program(rank, ranks) {
            return Err(Wrong::Result(format!(
                "Rank {rank} of {ranks} did not print what `program` prints; was it \
                 changed? `make reset-1-1` puts it there again (your file is kept beside it)"
            )));
        }
    }
    let predictions: Vec<&str> = trial
        .lines
        .iter()
        .filter_map(|line| line.strip_prefix(PREDICTED))
        .collect();
    for (rank, lines) in printed.iter().enumerate() {
        let found = number(&predictions, &format!("rank {rank} prints "), " lines")?;
        if found != lines.len() as i64 {
            return Err(Wrong::Result(format!(
                "You predicted that rank {rank} of {ranks} prints {}; it printed {}{}",
                count(found, "line"),
                count(lines.len() as i64, "line"),
                quoted(lines)
            )));
        }
    }
    let total: usize = printed.iter().map(Vec::len).sum();
    let found = number(&predictions, "", " lines in total")?;
    if found != total as i64 {
        return Err(Wrong::Result(format!(
            "You predicted {} in total; there were {total}",
            count(found, "line")
        )));
    }
    let sum: Option<i64> = printed
        .iter()
        .flatten()
        .find_map(|line| line.strip_prefix("the sum is ")?.parse().ok());
    let found = number(&predictions, "the sum is ", "")?;
    match sum {
        Some(sum) if sum == found => Ok(format!(
            "{} from {}, as you predicted, and the sum is {sum}",
            count(total as i64, "line"),
            count(ranks as i64, "rank")
        )),
        Some(sum) => Err(Wrong::Result(format!(
            "You predicted that the sum of {} is {found}; rank 0 printed {sum}",
            count(ranks as i64, "rank")
        ))),
        None => Err(Wrong::Result("No rank printed a sum".to_owned())),
    }
}

/// What a rank prints in `program`.
fn program(rank: usize, ranks: usize) -> Vec<String> {
    let mut lines = vec![format!("I am rank {rank}")];
    if ranks > 1 {
        lines.push("I am not alone".to_owned());
    }
    lines.extend((0..rank).map(|other| format!("rank {other} comes before me")));
    if rank == 0 {
        let sum: usize = (1..=ranks).map(|nth| 10 * nth).sum();
        lines.push(format!("the sum is {sum}"));
    }
    lines
}

/// The number between `before` and `after` in one of the lines.
fn number(lines: &[&str], before: &str, after: &str) -> Result<i64, Wrong> {
    let middle = |line: &&str| {
        let text = line.strip_prefix(before)?.strip_suffix(after)?;
        text.parse().ok()
    };
    lines.iter().find_map(middle).ok_or_else(|| {
        Wrong::Result(format!(
            "Rank 0 did not print a line `{PREDICTED}{before}…{after}`; was \
             `say_predictions` changed?"
        ))
    })
}

fn count(number: i64, word: &str) -> String {
    match number {
        1 => format!("1 {word}"),
        _ => format!("{number} {word}s"),
    }
}

fn quoted(lines: &[&str]) -> String {
    let mut text = String::from(":");
    for line in lines {
        text += "\n  ";
        text += line;
    }
    text
}

// --- 1.2 -------------------------------------------------------------------------------

/// In which order the ranks' messages come, whatever sleeps and luck make of it: not in rank
/// order, nor always the other way round.
fn arrival(case: &Case) -> Vec<usize> {
    match case.ranks {
        4 => vec![2, 3, 1],
        7 => vec![4, 1, 6, 2, 5, 3],
        ranks => (1..ranks).rev().collect(),
    }
}

fn messages_in(order: Vec<usize>) -> Given {
    let ranks: Vec<String> = order.iter().map(usize::to_string).collect();
    Given {
        environment: vec![(record::SEND_ORDER.to_owned(), ranks.join(","))],
        ..Given::default()
    }
}

fn rank_order(trial: &Trial) -> Finding {
    let ranks = trial.ranks();
    let right: Vec<String> = (0..ranks)
        .map(|rank| {
            let process = trial.record.ranks[rank].pid;
            format!("rank {rank} is process {process}{}", ".".repeat(rank))
        })
        .collect();
    // Some MPI libraries have a word to say on the same stream.
    let is_ours = |line: &&str| line.starts_with("rank ");
    let all = trial.lines.iter().map(String::as_str);
    let found: Vec<&str> = all.filter(is_ours).collect();
    let places = 0..found.len().max(ranks);
    let first = places
        .into_iter()
        .find(|at| found.get(*at).copied() != right.get(*at).map(String::as_str));
    if let Some(at) = first {
        let should = right.get(at).map_or("nothing more", String::as_str);
        let is = found.get(at).map_or("nothing", |it| *it);
        let why = match right.iter().position(|it| it == is) {
            Some(rank) if rank != at => ": not in rank order",
            _ => "",
        };
        return Err(Wrong::Result(format!(
            "Line {} should be `{should}`, but `{is}` was printed there{why}",
            at + 1
        )));
    }
    let others =
        (1..ranks).find(|rank| trial.printed[*rank].lines().any(|it| is_ours(&it)));
    if let Some(rank) = others {
        return Err(Wrong::Silent(format!(
            "The lines came in rank order, but rank {rank} printed its line itself. Nothing \
             promises that what several ranks print arrives in the order in which they \
             printed it"
        )));
    }
    Ok(format!(
        "{}, in rank order, all printed by rank 0",
        count(ranks as i64, "line")
    ))
}

// --- 1.3 -------------------------------------------------------------------------------

fn ring(trial: &Trial) -> Finding {
    let ranks = trial.ranks();
    let process = |rank: usize| u64::from(trial.record.ranks[rank].pid);
    for rank in 0..ranks {
        let begin = format!("rank {rank}: token of rank ");
        let line = trial
            .lines
            .iter()
            .find_map(|line| line.strip_prefix(&begin));
        let (owner, stamps) = line
            .and_then(|it| it.split_once(", stamped by ["))
            .ok_or_else(|| {
                format!("Nobody printed what token rank {rank} has in the end")
            })?;
        if owner != rank.to_string() {
            return Err(Wrong::Result(format!(
                "Rank {rank} of {ranks} has in the end the token of rank {owner}, not its \
                 own"
            )));
        }
        let (stamps, whole) = match stamps.strip_suffix("], and not whole") {
            Some(stamps) => (stamps, false),
            None => (stamps.strip_suffix(']').unwrap_or(stamps), true),
        };
        let stamps: Vec<Option<usize>> = stamps
            .split(", ")
            .map(|it| {
                let stamp: u64 = it.parse().ok()?;
                (0..ranks).find(|rank| process(*rank) == stamp)
            })
            .collect();
        // First the next rank, and so on round the ring; itself last.
        let right: Vec<usize> = (1..=ranks).map(|step| (rank + step) % ranks).collect();
        if !stamps.iter().copied().eq(right.iter().copied().map(Some)) {
            return Err(Wrong::Result(format!(
                "The token that rank {rank} of {ranks} has in the end bears the stamps of \
                 {}; they should be those of {}",
                in_order(&stamps),
                in_order(&right.into_iter().map(Some).collect::<Vec<_>>())
            )));
        }
        if !whole {
            return Err(Wrong::Result(format!(
                "The token that rank {rank} of {ranks} has in the end has its stamps, but other \
                 numbers in it are lost: the whole token is to be handed on"
            )));
        }
    }
    Ok(match ranks {
        1 => "a ring of one: the token is at home, with one stamp".to_owned(),
        _ => format!("{ranks} tokens went round, and came home with {ranks} stamps each"),
    })
}

/// `rank 2, rank 0, nobody`
fn in_order(ranks: &[Option<usize>]) -> String {
    let word =
        |it: &Option<usize>| it.map_or("nobody".to_owned(), |it| format!("rank {it}"));
    ranks.iter().map(word).collect::<Vec<_>>().join(", ")
}

// --- 1.4 -------------------------------------------------------------------------------

/// The rank that fails; the same in `prepare` and in `judge`. The root is among them, and the
/// last rank, and one in between.
fn fails(case: &Case) -> Option<usize> {
    match case.ranks {
        1 | 4 => Some(0),
        2 => Some(1),
        3 => None,
        ranks => Some(case.random(1).usize(2..ranks - 1)),
    }
}

fn prepare_failure(case: &Case) -> Result<Given, String> {
    let fails = fails(case);
    Ok(Given {
        args: fails.iter().map(usize::to_string).collect(),
        words: match fails {
            Some(rank) => format!("rank {rank} fails"),
            None => "no rank fails".to_owned(),
        },
        fails: fails.is_some(),
        ..Given::default()
    })
}

fn end_all(trial: &Trial) -> Finding {
    let ranks = trial.ranks();
    let Some(bad) = fails(&trial.case) else {
        let sum: usize = (1..=ranks).sum();
        let right = format!("the sum is {sum}");
        return match trial.printed[0].lines().any(|line| line == right) {
            true => Ok(format!("no rank failed, and {right}")),
            false => Err(Wrong::Result(format!(
                "No rank failed, so rank 0 should print `{right}`"
            ))),
        };
    };
    if trial.status == 0 {
        return Err(Wrong::Result(format!(
            "Rank {bad} of {ranks} failed, but the run ended with status 0: whoever started \
             it believes that all is well"
        )));
    }
    let printed = trial.printed.concat();
    if printed.contains("the sum is") {
        return Err(Wrong::Result(format!(
            "Rank {bad} of {ranks} failed, and yet there was a sum: `{}`",
            printed.trim()
        )));
    }
    let said = trial.complained.concat();
    if !said.contains(&format!("rank {bad}"))
        || !said.contains("the sensor does not answer")
    {
        return Err(Wrong::Result(format!(
            "Rank {bad} of {ranks} failed, but nobody said so: on standard error should be \
             `rank {bad}`, and the reason"
        )));
    }
    // A rank may hand on what another one says; but not say it of itself.
    let number = |after: &str| {
        let digits = after
            .find(|it: char| !it.is_ascii_digit())
            .unwrap_or(after.len());
        after[..digits].parse::<usize>().ok()
    };
    let mut reasons = said
        .lines()
        .filter(|it| it.contains("the sensor does not answer"));
    let named = |line: &str| -> Vec<usize> {
        line.split("rank ").skip(1).filter_map(number).collect()
    };
    let of_another = reasons.find(|it| !named(it).is_empty() && !named(it).contains(&bad));
    if let Some(line) = of_another {
        return Err(Wrong::Result(format!(
            "Rank {bad} of {ranks} failed, but standard error says `{line}`: nobody can tell \
             which rank it was"
        )));
    }
    let of_bad = &trial.record.ranks[bad];
    let finalized = of_bad.calls.iter().any(|it| it.name == "MPI_Finalize");
    if of_bad.state == State::Exited && of_bad.aborted.is_none() && !finalized {
        return Err(Wrong::Silent(format!(
            "Rank {bad} of {ranks} left the program without ending MPI. This launcher \
             noticed it and ended the others; MPI promises it of an abort only"
        )));
    }
    Ok(format!(
        "rank {bad} failed, said so, and all ranks were ended"
    ))
}
