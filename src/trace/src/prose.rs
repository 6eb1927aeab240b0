//! A run in words: what its picture shows, for those who cannot see it. Without times, so
//! that two runs that did the same are told in the same words.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::extents::{Kind, Run, Section, Share, runs, sections, shares};
use crate::model::{Access, Span, Trace};
use crate::time_axis::drawn;

/// What of a run is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Show {
    /// The files, and who touched which bytes.
    #[default]
    File,
    /// Time against rank.
    Time,
    /// Both, one below the other.
    Both,
}

/// The text in the place of a picture, for Markdown: `![this](trace.svg)`. One line, without
/// brackets and other characters that Markdown would take for its own.
pub fn alternative(trace: &Trace, show: Show) -> String {
    let mut sentences = Vec::new();
    if show != Show::Time {
        for file in 0..trace.files.len() {
            sentences.push(one_file(trace, file).join(" "));
        }
    }
    if show != Show::File {
        sentences.extend(time(trace));
    }
    markdown(&sentences.join(" "))
}

/// Text that stands for itself in Markdown, on one line.
pub fn markdown(text: &str) -> String {
    let text = text.replace(|it: char| it.is_control(), " ");
    let own = [
        '\\', '`', '*', '_', '[', ']', '<', '>', '&', '$', '~', '|', '#', '{', '}',
    ];
    text.chars()
        .flat_map(|it| own.contains(&it).then_some('\\').into_iter().chain([it]))
        .collect()
}

/// Which rank asked for, and which moved, which bytes of a file: sentences.
pub fn one_file(trace: &Trace, file: usize) -> Vec<String> {
    let Some(of) = trace.files.get(file) else {
        return Vec::new();
    };
    let mut sentences = vec![format!("The file {} has {} bytes.", of.name, of.size)];
    let sections = sections(trace, file);
    for section in &sections {
        let lies = bytes(&section.bytes);
        match &section.kind {
            Kind::Dataset(path, chunks) => {
                let chunks = match chunks.len() {
                    0 => String::new(),
                    count => format!(" in {}", amount(count, "chunk")),
                };
                sentences.push(format!("Dataset {path} lies{chunks} in {lies}."));
            }
            Kind::Untouched(paths) => {
                let paths: Vec<String> = paths.iter().cloned().collect();
                sentences.push(format!(
                    "Nobody touched {}, in {lies}.",
                    record::prose::list(&paths)
                ));
            }
            Kind::Metadata | Kind::Unknown | Kind::Beyond => continue,
        }
        sentences.extend(touched(trace, file, section));
    }
    for section in &sections {
        if matches!(section.kind, Kind::Unknown | Kind::Beyond) {
            sentences.extend(touched(trace, file, section));
        }
    }
    sentences.extend(metadata(trace, file, &sections));
    sentences
}

/// The name of a section in a sentence: `of /x`.
fn of(section: &Section) -> String {
    match &section.kind {
        Kind::Dataset(path, _) => format!(" of {path}"),
        Kind::Beyond => " behind the end of the file".to_owned(),
        _ => String::new(),
    }
}

/// What was asked for and what was moved in one section.
fn touched(trace: &Trace, file: usize, section: &Section) -> Vec<String> {
    let mut sentences = Vec::new();
    let (mut askers, mut movers) = (BTreeSet::new(), BTreeSet::new());
    for (write, to, did, one) in [
        (true, "write", "wrote", "write"),
        (false, "read", "read", "read"),
    ] {
        let asked = shares(&trace.asked, file, write, &section.bytes);
        let moved = shares(&trace.moved, file, write, &section.bytes);
        askers.extend(asked.keys().copied());
        movers.extend(moved.keys().copied());
        let (of, asking) = (of(section), format!("asked to {to}"));
        let covered = |shares: &BTreeMap<usize, Share>| -> Vec<_> {
            shares
                .iter()
                .map(|(rank, it)| (*rank, it.covered.clone()))
                .collect()
        };
        if !asked.is_empty() && covered(&asked) == covered(&moved) {
            sentences.extend(by_rank(
                &moved,
                &asking,
                &of,
                Some((", and did so itself", one)),
            ));
        } else {
            sentences.extend(by_rank(&asked, &asking, &of, None));
            sentences.extend(by_rank(&moved, did, &of, Some(("", one))));
        }
    }
    if let Kind::Dataset(path, _) = &section.kind {
        let touched = |rank: &usize| askers.contains(rank) || movers.contains(rank);
        let others: Vec<usize> = (0..trace.ranks).filter(|it| !touched(it)).collect();
        if !others.is_empty() {
            sentences.push(format!(
                "{} did not touch {path}.",
                capital(&ranks(&others))
            ));
        }
    }
    let idle: Vec<usize> = askers.difference(&movers).copied().collect();
    if !trace.moved.is_empty() && !idle.is_empty() {
        let ranks = capital(&ranks(&idle));
        sentences.push(match movers.is_empty() {
            true => format!("{ranks} moved none of these bytes."),
            false => format!("{ranks} moved none of these bytes: others did."),
        });
    }
    sentences
}

/// What an operation is called, after words that say who did it.
type Operation<'a> = Option<(&'a str, &'a str)>;

/// The shares of some ranks in sentences: equal ones, and ones that follow each other, are
/// told together.
fn by_rank(
    shares: &BTreeMap<usize, Share>,
    verb: &str,
    of: &str,
    operation: Operation,
) -> Vec<String> {
    let all: Vec<(usize, Vec<Run>, usize)> = shares
        .iter()
        .map(|(rank, it)| (*rank, runs(&it.covered), it.operations.len()))
        .collect();
    if all.len() > 4
        && let Some(sentence) = in_rank_order(&all, verb, of, operation)
    {
        return vec![sentence];
    }
    let mut told: Vec<(Vec<usize>, String)> = Vec::new();
    for (rank, runs, operations) in all {
        let mut what = ranges(&runs, of);
        if let Some((who, one)) = operation {
            what += &format!("{who}, in {}", amount(operations, one));
        }
        match told.iter_mut().find(|it| it.1 == what) {
            Some(same) => same.0.push(rank),
            None => told.push((vec![rank], what)),
        }
    }
    told.into_iter()
        .map(|(who, what)| {
            let each = if who.len() > 1 { " each" } else { "" };
            format!("{}{each} {verb} {what}.", capital(&ranks(&who)))
        })
        .collect()
}

/// One sentence for many ranks whose shares are alike, each a step behind that of the rank
/// before.
fn in_rank_order(
    all: &[(usize, Vec<Run>, usize)],
    verb: &str,
    of: &str,
    operation: Operation,
) -> Option<String> {
    let (_, first, operations) = all.first()?;
    let [first] = first.as_slice() else {
        return None;
    };
    let step = all.get(1)?.1.first()?.start.checked_sub(first.start)?;
    let mut expected = first.start;
    for (_, runs, own) in all {
        let alike = Run {
            start: expected,
            ..*first
        };
        if *runs != [alike] || own != operations {
            return None;
        }
        expected += step;
    }
    let who: Vec<usize> = all.iter().map(|it| it.0).collect();
    let length = amount(first.length as usize, "byte");
    let pieces = match first.count {
        1 => format!("{length}{of}"),
        count => format!(
            "{} of {length}{of}, one every {} bytes",
            amount(count as usize, "piece"),
            first.stride
        ),
    };
    let operations = operation.map_or_else(String::new, |(who, one)| {
        format!("{who}, in {} each", amount(*operations, one))
    });
    Some(format!(
        "{} each {verb} {pieces}{operations}: {} from byte {} on, each next rank {step} bytes \
         further.",
        capital(&ranks(&who)),
        ranks(&who[..1]),
        first.start
    ))
}

/// Who touched HDF5's own bytes, in sums.
fn metadata(trace: &Trace, file: usize, sections: &[Section]) -> Vec<String> {
    let mut sentences = Vec::new();
    for (write, verb, one) in [(true, "wrote", "write"), (false, "read", "read")] {
        let mut sums: BTreeMap<usize, usize> = BTreeMap::new();
        for section in sections.iter().filter(|it| it.kind == Kind::Metadata) {
            for (rank, share) in shares(&trace.moved, file, write, &section.bytes) {
                *sums.entry(rank).or_default() += share.operations.len();
            }
        }
        let mut alike: Vec<(usize, Vec<usize>)> = Vec::new();
        for (rank, operations) in sums {
            match alike.iter_mut().find(|it| it.0 == operations) {
                Some(same) => same.1.push(rank),
                None => alike.push((operations, vec![rank])),
            }
        }
        for (operations, who) in alike {
            let each = if who.len() > 1 { " each" } else { "" };
            sentences.push(format!(
                "{}{each} {verb} metadata, in {}.",
                capital(&ranks(&who)),
                amount(operations, one)
            ));
        }
    }
    sentences
}

/// What the ranks called, in order, and which calls never returned: sentences.
pub fn time(trace: &Trace) -> Vec<String> {
    let mut told: Vec<(Vec<usize>, Vec<String>)> = Vec::new();
    let drawn = drawn(&trace.spans);
    for rank in 0..trace.ranks {
        let calls: Vec<&Span> =
            drawn.iter().copied().filter(|it| it.rank == rank).collect();
        let mut names: Vec<(String, usize)> = Vec::new();
        for call in &calls {
            let mut name = call.call.clone();
            if call.ok == Some(false) {
                name += " (failed)";
            }
            match names.last_mut() {
                Some((last, count)) if *last == name => *count += 1,
                _ => names.push((name, 1)),
            }
        }
        let mut names: Vec<String> = names
            .into_iter()
            .map(|(name, count)| match count {
                1 => name,
                _ => format!("{name} {count} times"),
            })
            .collect();
        if let Some(last) = calls.last().filter(|it| it.end.is_none()) {
            let line = last
                .line
                .map_or_else(String::new, |it| format!(", line {it}"));
            if let Some(name) = names.last_mut() {
                *name += &format!(", which never returned{line}");
            }
        }
        match told.iter_mut().find(|it| it.1 == names) {
            Some(same) => same.0.push(rank),
            None => told.push((vec![rank], names)),
        }
    }
    told.into_iter()
        .map(|(who, names)| {
            let who = capital(&ranks(&who));
            match names.is_empty() {
                true => format!("{who} called nothing that was recorded."),
                false => format!("{who} called {}.", names.join(", ")),
            }
        })
        .collect()
}

/// `rank 0`, `ranks 0 to 3`, `ranks 0, 2 and 5`.
pub(crate) fn ranks(ranks: &[usize]) -> String {
    record::prose::ranks(ranks).replace('–', " to ")
}

/// `bytes 0 to 7`, `byte 3`.
pub(crate) fn bytes(range: &Range<u64>) -> String {
    match range.end - range.start {
        0 => "no bytes".to_owned(),
        1 => format!("byte {}", range.start),
        _ => format!("bytes {} to {}", range.start, range.end - 1),
    }
}

/// No more runs than these are told one by one.
const MOST_RUNS: usize = 4;

/// `bytes 0 to 7 of /x`, `1000 pieces of 8 bytes of /x, one every 32 bytes, from byte 0 to
/// 31975`.
fn ranges(runs: &[Run], of: &str) -> String {
    let one = |run: &Run, of: &str| match run.count {
        1 => format!("{}{of}", bytes(&(run.start..run.end()))),
        _ => format!(
            "{} of {}{of}, one every {} bytes, from byte {} to {}",
            amount(run.count as usize, "piece"),
            amount(run.length as usize, "byte"),
            run.stride,
            run.start,
            run.end() - 1
        ),
    };
    if let [run] = runs {
        return one(run, of);
    }
    let mut told: Vec<String> = runs.iter().take(MOST_RUNS).map(|it| one(it, "")).collect();
    let more: u64 = runs.iter().skip(MOST_RUNS).map(|it| it.count).sum();
    if more > 0 {
        let end = runs.last().map_or(0, Run::end);
        told.push(format!(
            "{} more up to byte {}",
            amount(more as usize, "piece"),
            end - 1
        ));
    }
    format!("{}{of}", record::prose::list(&told))
}

/// `1 write`, `2 writes`.
pub(crate) fn amount(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// What was asked for or moved in some sections of a file, in numbers: `4 writes, in 4000
/// pieces`, `1 write and 2 reads; metadata 5 times`.
pub(crate) fn summary(
    touches: &[Access],
    file: usize,
    sections: &[&Section],
    asked: bool,
) -> String {
    let of = |metadata: bool| {
        touches.iter().filter(move |touch| {
            touch.file == file
                && sections.iter().any(|it| {
                    (it.kind == Kind::Metadata) == metadata
                        && touch.start < it.bytes.end
                        && touch.end > it.bytes.start
                })
        })
    };
    let pieces = of(false).count();
    let data = operations(of(false).map(|it| it.write));
    if asked {
        // Each call asked for one piece or for several.
        let calls: BTreeSet<_> = of(false).map(|it| (it.rank, it.span, it.write)).collect();
        return match of(false).all(|it| it.span.is_some()) && calls.len() < pieces {
            true => format!(
                "{}, in {}",
                operations(calls.iter().map(|it| it.2)),
                amount(pieces, "piece")
            ),
            false => data,
        };
    }
    match of(true).count() {
        0 => data,
        1 => format!("{data}; metadata once"),
        count => format!("{data}; metadata {count} times"),
    }
}

/// Operations, each a write or not, counted: `4 writes and 2 reads`.
fn operations(are_writes: impl Iterator<Item = bool> + Clone) -> String {
    let writes = are_writes.clone().filter(|it| *it).count();
    let reads = are_writes.filter(|it| !it).count();
    let words: Vec<String> = [(writes, "write"), (reads, "read")]
        .into_iter()
        .filter(|it| it.0 > 0)
        .map(|(count, one)| amount(count, one))
        .collect();
    match words.is_empty() {
        true => "no data".to_owned(),
        false => words.join(" and "),
    }
}
