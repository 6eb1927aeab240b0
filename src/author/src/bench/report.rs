//! What a benchmark found, as tables.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use workbook::table::table;

use super::contenders::Who;
use super::found::{Bench, Contest, grouped, median, ratio};
use crate::figures::{Ratio, short};

/// Something that is to be reached: a ratio in the first contest, or what is named.
pub struct Goal {
    /// What is measured.
    pub measure: String,
    /// What is to be reached: `≥ 3`.
    pub bound: Bound,
    /// What was measured.
    pub value: Option<Value>,
}

/// What is to be reached.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// A ratio, with its spread.
    Ratio(Ratio),
    /// So many MiB.
    Mebibytes(f64),
    /// The lowest and the highest of several ratios.
    Between(f64, f64),
}

impl Goal {
    /// Whether it was reached; `None` if it was not measured.
    pub fn reached(&self) -> Option<bool> {
        let (low, high) = match self.value? {
            Value::Ratio(it) => (it.median, it.median),
            Value::Mebibytes(it) => (it, it),
            Value::Between(low, high) => (low, high),
        };
        Some(match self.bound {
            Bound::AtLeast(bound) => low >= bound,
            Bound::AtMost(bound) => high <= bound,
        })
    }
}

/// All goals, with what a run found.
pub fn goals(bench: &Bench) -> Vec<Goal> {
    let mut goals = Vec::new();
    let main = bench.contests.first();
    for (against, bound) in [
        (Who::CWhole, 3.0),
        (Who::H5pyWhole, 12.0),
        (Who::CBlocks, 0.97),
        (Who::CBlocksTuned, 0.97),
        (Who::MpiIo, 0.95),
        (Who::Floor, 0.85),
    ] {
        for first in [true, false] {
            goals.push(Goal {
                measure: format!("against {}, {}", against.name(), pass(first)),
                bound: Bound::AtLeast(bound),
                value: main
                    .and_then(|it| it.ratio(against.name(), first))
                    .map(Value::Ratio),
            });
        }
    }
    let of_open_mpi = bench
        .slabs
        .iter()
        .find(|(mpi, _)| mpi.starts_with("Open MPI"));
    for mode in ["independent", "collective"] {
        for phase in ["first write", "rewrite", "read"] {
            let spread = of_open_mpi.and_then(|(_, ways)| {
                let slabs = ways.get(&format!("slabs, {mode}"))?;
                Some(ratio(slabs.mpi_io.get(phase)?, slabs.library.get(phase)?))
            });
            goals.push(Goal {
                measure: format!("the library against MPI-IO, {mode}, {phase}"),
                bound: Bound::AtLeast(0.95),
                value: spread.map(Value::Ratio),
            });
        }
    }
    let extra = bench.contests.iter().filter_map(|contest| {
        Some(contest.entrant(Who::Reuse.name())?.memory() - contest.only_open)
    });
    goals.push(Goal {
        measure: "memory of a rank above one that only opens the file, MiB, all cases"
            .to_owned(),
        bound: Bound::AtMost(64.0),
        value: extra.reduce(f64::max).map(Value::Mebibytes),
    });
    for first in [true, false] {
        let costs = flatness(bench, first);
        let costs = costs.iter().map(|(_, cost)| *cost);
        let between = |costs: Vec<f64>| {
            let low = costs.iter().copied().reduce(f64::min)?;
            let high = costs.iter().copied().reduce(f64::max)?;
            (costs.len() > 1).then_some(Value::Between(low, high))
        };
        goals.push(Goal {
            measure: format!(
                "cost of a row from 10⁶ rows on, beside that in the first case, {}",
                pass(first)
            ),
            bound: Bound::AtMost(1.15),
            value: between(costs.collect()),
        });
    }
    goals
}

/// How many times as much a row costs as in the first contest, in those that differ from it
/// only in the number of rows, from a million on.
fn flatness(bench: &Bench, first: bool) -> Vec<(usize, f64)> {
    let Some(main) = bench.contests.first() else {
        return Vec::new();
    };
    let cost = |contest: &Contest| {
        let work = contest.entrant(Who::Reuse.name())?.work(first);
        Some(median(&work) / contest.rows as f64)
    };
    let like_it = bench.contests.iter().filter(|it| {
        it.mpi == main.mpi && it.storage == main.storage && it.ranks == main.ranks
    });
    let mut costs: Vec<(usize, f64)> = like_it
        .filter(|it| it.rows >= 1_000_000)
        .filter_map(|it| Some((it.rows, cost(it)? / cost(main)?)))
        .collect();
    costs.sort_by_key(|(rows, _)| *rows);
    costs
}

fn pass(first: bool) -> &'static str {
    if first { "first write" } else { "rewrite" }
}

/// What a person sees at the end of a run.
pub fn for_a_terminal(bench: &Bench) -> String {
    let mut text = String::new();
    for contest in &bench.contests {
        let _ = writeln!(
            text,
            "\n{}: how many times as long as `distances`",
            contest.title()
        );
        text += &contest_table(contest);
    }
    text += "\nGoals\n";
    text += &goals_table(std::slice::from_ref(bench));
    for left_out in &bench.left_out {
        let _ = writeln!(text, "left out: {left_out}");
    }
    text
}

/// The tables between anchors, for the book's pages. Of several runs, the goals show all, the
/// other tables the first.
pub fn markdown(runs: &[Bench]) -> Result<String> {
    let first = runs.first().context("nothing was measured")?;
    let main = first.contests.first().context("no contest was held")?;
    let mut text = "<!-- Written by `make bench`; do not edit. -->\n\n".to_owned();
    let mut part = |name: &str, body: &str| {
        text += &format!("<!-- ANCHOR: {name} -->\n{body}<!-- ANCHOR_END: {name} -->\n\n");
    };
    part("about", &about(first));
    part("headline", &headline(runs));
    part("goals", &goals_table(runs));
    part("main", &captioned(main, &contest_table(main)));
    part("steps", &steps(main));
    let others = first.contests[1..].iter();
    let others: Vec<String> = others.map(|it| captioned(it, &contest_table(it))).collect();
    part("others", &others.join("\n"));
    part("slabs", &slabs(first));
    part("rows", &rows(first));
    Ok(text.trim_end().to_owned() + "\n")
}

fn captioned(contest: &Contest, table: &str) -> String {
    format!(
        "*{}. How many times as long as `distances`: the median of the ratios of {} rounds, and \
         their quartiles.*\n\n{table}",
        contest.title(),
        contest.entrants.first().map_or(0, |it| it.first.len())
    )
}

fn about(bench: &Bench) -> String {
    let listed = |pairs: &std::collections::BTreeMap<String, String>| {
        let pairs = pairs.iter().map(|(name, value)| format!("{name}: {value}"));
        pairs.collect::<Vec<_>>().join("; ")
    };
    let mut text = format!(
        "- `{}`, blocks of {} rows.\n- {}.\n- {}.\n",
        bench.command,
        grouped(bench.block),
        listed(&bench.versions),
        listed(&bench.machine)
    );
    for left_out in &bench.left_out {
        let _ = writeln!(text, "- Left out: {left_out}.");
    }
    text
}

/// What everybody asks for, without comparing a program that works in blocks with one that does
/// not: first all that are written alike, then what blocks bring in each language. Of all runs,
/// the lowest and the highest median.
fn headline(runs: &[Bench]) -> String {
    let mains: Vec<&Contest> = runs.iter().filter_map(|it| it.contests.first()).collect();
    let Some(main) = mains.first() else {
        return String::new();
    };
    let row = |name: &str, slow: Who, fast: Who| {
        let cells = [true, false].map(|first| {
            let medians = mains.iter().filter_map(|contest| {
                let [slow, fast] = [slow, fast].map(|who| contest.entrant(who.name()));
                Some(ratio(&slow?.work(first), &fast?.work(first)).median)
            });
            range(medians).unwrap_or_else(|| "not measured".to_owned())
        });
        format!("| {name} | {} |", cells.join(" | "))
    };
    let part = |heading: &str, rows: &[String]| {
        let heading = [heading, "First write", "Rewrite"].map(str::to_owned);
        table(&heading, rows)
    };
    let alike = [
        row("MPI-IO, without HDF5", Who::MpiIo, Who::Reuse),
        row("C, tuned for this processor", Who::CBlocksTuned, Who::Reuse),
        row("C", Who::CBlocks, Who::Reuse),
        row("h5py", Who::H5pyBlocks, Who::Reuse),
    ];
    let blocks = [
        row("Rust", Who::Whole, Who::Blocks),
        row("C", Who::CWhole, Who::CBlocks),
        row("h5py", Who::H5pyWhole, Who::H5pyBlocks),
    ];
    let plural = if mains.len() == 1 { "" } else { "s" };
    format!(
        "*{}. The lowest and the highest median of {} run{plural}.*\n\n{}\n{}",
        main.title(),
        mains.len(),
        part("Written alike, in blocks: times as long as in Rust", &alike),
        part("Blocks instead of all rows at once: times as fast", &blocks)
    )
}

/// The lowest and the highest: `0.81 to 1.01`.
fn range(ratios: impl Iterator<Item = f64>) -> Option<String> {
    let all: Vec<f64> = ratios.collect();
    let low = short(all.iter().copied().reduce(f64::min)?);
    let high = short(all.iter().copied().reduce(f64::max)?);
    Some(match low == high {
        true => low,
        false => format!("{low} to {high}"),
    })
}

/// One contest: everybody beside `distances`.
fn contest_table(contest: &Contest) -> String {
    let heading = ["Program", "First write", "Rewrite", "MiB a rank"].map(str::to_owned);
    let rows: Vec<String> = contest
        .entrants
        .iter()
        .map(|entrant| {
            let cell = |first| match entrant.name == Who::Reuse.name() {
                true => "1".to_owned(),
                false => contest
                    .ratio(&entrant.name, first)
                    .map_or("–".to_owned(), |it| it.to_string()),
            };
            let memory = match entrant.memory() {
                0.0 => "–".to_owned(),
                memory => format!("{memory:.0}"),
            };
            format!(
                "| {} | {} | {} | {memory} |",
                entrant.name,
                cell(true),
                cell(false)
            )
        })
        .collect();
    table(&heading, &rows)
}

/// Chapter 3's forms, each beside the one before.
fn steps(main: &Contest) -> String {
    let forms = [Who::Whole, Who::Blocks, Who::Vector, Who::Reuse];
    let heading = ["Form", "First write", "Rewrite", "MiB a rank"].map(str::to_owned);
    let mut rows = Vec::new();
    for (index, who) in forms.into_iter().enumerate() {
        let Some(entrant) = main.entrant(who.name()) else {
            continue;
        };
        let cell = |first: bool| {
            let Some(before) = index.checked_sub(1) else {
                return "1".to_owned();
            };
            let before = main.entrant(forms[before].name());
            before.map_or("–".to_owned(), |before| {
                ratio(&before.work(first), &entrant.work(first)).to_string()
            })
        };
        let (form, memory) = (who.form().unwrap_or_default(), entrant.memory());
        rows.push(format!(
            "| `{form}` | {} | {} | {memory:.0} |",
            cell(true),
            cell(false)
        ));
    }
    format!(
        "*{}. How many times as fast as the form before it: the median of the rounds' ratios, \
         and their quartiles.*\n\n{}",
        main.title(),
        table(&heading, &rows)
    )
}

/// The library's slabs beside MPI-IO.
fn slabs(bench: &Bench) -> String {
    let mut heading = vec!["Part of a rank".to_owned(), "Phase".to_owned()];
    heading.extend(bench.slabs.keys().cloned());
    let mut rows = Vec::new();
    for way in [
        "slabs, independent",
        "slabs, collective",
        "columns, independent",
        "columns, collective",
    ] {
        for phase in ["first write", "rewrite", "read"] {
            let cells = bench.slabs.values().map(|ways| {
                let spread = ways.get(way).and_then(|it| {
                    Some(ratio(it.library.get(phase)?, it.mpi_io.get(phase)?))
                });
                spread.map_or("–".to_owned(), |it| it.to_string())
            });
            let cells: Vec<String> = cells.collect();
            rows.push(format!("| {way} | {phase} | {} |", cells.join(" | ")));
        }
    }
    format!(
        "*2 ranks, memory. How many times as long as raw MPI-IO the library takes for the same \
         bytes of the same file, opening and closing left out: the median of the rounds' ratios, \
         and their quartiles.*\n\n{}",
        table(&heading, &rows)
    )
}

/// What a row costs, by their number.
fn rows(bench: &Bench) -> String {
    let heading = ["Rows", "First write", "Rewrite"].map(str::to_owned);
    let (first, again) = (flatness(bench, true), flatness(bench, false));
    let rows: Vec<String> = first
        .iter()
        .zip(&again)
        .map(|((rows, first), (_, again))| {
            format!(
                "| {} | {} | {} |",
                grouped(*rows),
                short(*first),
                short(*again)
            )
        })
        .collect();
    format!(
        "*How many times as much a row costs `distances` as in the first case: the ratio of the \
         medians, because the cases were not measured in the same rounds.*\n\n{}",
        table(&heading, &rows)
    )
}

fn goals_table(runs: &[Bench]) -> String {
    let mut heading = vec![
        "`distances`, or what is named".to_owned(),
        "Goal".to_owned(),
    ];
    match runs.len() {
        1 => heading.push("Measured".to_owned()),
        more => heading.extend((1..=more).map(|run| format!("Run {run}"))),
    }
    let all: Vec<Vec<Goal>> = runs.iter().map(goals).collect();
    let mut rows = Vec::new();
    for (index, goal) in all.first().into_iter().flatten().enumerate() {
        let bound = match goal.bound {
            Bound::AtLeast(bound) => format!("≥ {bound}"),
            Bound::AtMost(bound) => format!("≤ {bound}"),
        };
        let cells = all.iter().map(|goals| {
            let goal = &goals[index];
            let value = match goal.value {
                None => return "not measured".to_owned(),
                Some(Value::Ratio(it)) => it.to_string(),
                Some(Value::Mebibytes(it)) => format!("{it:.1}"),
                Some(Value::Between(low, high)) => {
                    format!("{} to {}", short(low), short(high))
                }
            };
            match goal.reached() {
                Some(false) => format!("**{value}**"),
                _ => value,
            }
        });
        let cells: Vec<String> = cells.collect();
        rows.push(format!(
            "| {} | {bound} | {} |",
            goal.measure,
            cells.join(" | ")
        ));
    }
    table(&heading, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::found::{Entrant, Sample};

    /// A run in which each program took so long, in its only round.
    fn run(seconds: &[(Who, f64)]) -> Bench {
        let sample = |work| Sample {
            open: 0.0,
            work,
            close: 0.0,
            memory: 1.0,
        };
        let entrants = seconds.iter().map(|(who, work)| Entrant {
            name: who.name().to_owned(),
            first: vec![sample(*work)],
            again: vec![sample(2.0 * work)],
        });
        Bench {
            command: "make bench".to_owned(),
            machine: Default::default(),
            versions: Default::default(),
            block: 1,
            left_out: Vec::new(),
            contests: vec![Contest {
                mpi: "Open MPI 4.1.4".to_owned(),
                storage: "memory".to_owned(),
                rows: 1000,
                ranks: 2,
                entrants: entrants.collect(),
                only_open: 1.0,
            }],
            slabs: Default::default(),
        }
    }

    #[test]
    fn the_headline_compares_what_is_written_alike() {
        let one = run(&[
            (Who::Reuse, 2.0),
            (Who::Blocks, 4.0),
            (Who::Whole, 12.0),
            (Who::CBlocks, 3.0),
            (Who::CWhole, 6.0),
        ]);
        let other = run(&[(Who::Reuse, 2.0), (Who::CBlocks, 2.5), (Who::CWhole, 10.0)]);
        let text = headline(&[one, other]);
        let rows: Vec<Vec<&str>> = text
            .lines()
            .filter(|it| it.starts_with('|'))
            .map(|it| it.split('|').map(str::trim).collect())
            .collect();
        let cells = |row: usize| (rows[row][1], rows[row][2]);
        assert!(text.contains("median of 2 runs"), "{text}");
        // Not 6 : 2, which is that of C without blocks beside Rust with them.
        assert_eq!(cells(4), ("C", "1.25 to 1.50"), "{text}");
        assert_eq!(cells(5), ("h5py", "not measured"), "{text}");
        assert_eq!(cells(8), ("Rust", "3.00"), "{text}");
        assert_eq!(cells(9), ("C", "2.00 to 4.00"), "{text}");
    }
}
