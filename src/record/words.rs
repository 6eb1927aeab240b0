//! Ranks, rows and calls in the words of the workbook.

use std::ops::Range;

use crate::Call;

/// `rank 0`, `ranks 1–3`, `ranks 0, 2 and 5`.
pub fn ranks(ranks: &[usize]) -> String {
    let mut sorted: Vec<u64> = ranks.iter().map(|it| *it as u64).collect();
    sorted.sort_unstable();
    sorted.dedup();
    numbers("rank", &runs(&sorted))
}

/// `row 5`, `rows 667–999`, `rows 0–9 and 20–29`, `no rows`.
pub fn rows(ranges: &[Range<u64>]) -> String {
    numbers("row", ranges)
}

/// Neighbours joined: `[1, 2, 3, 7]` is `1..4` and `7..8`.
fn runs(sorted: &[u64]) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for number in sorted {
        match runs.last_mut() {
            Some(last) if last.end == *number => last.end += 1,
            _ => runs.push(*number..*number + 1),
        }
    }
    runs
}

fn numbers(one: &str, ranges: &[Range<u64>]) -> String {
    let mut words = Vec::new();
    let mut count = 0;
    for range in ranges.iter().filter(|it| it.start < it.end) {
        count += range.end - range.start;
        match range.end - range.start {
            1 => words.push(range.start.to_string()),
            2 => words.extend([range.start.to_string(), (range.start + 1).to_string()]),
            _ => words.push(format!("{}–{}", range.start, range.end - 1)),
        }
    }
    match words.len() {
        0 => format!("no {one}s"),
        _ => format!(
            "{one}{} {}",
            if count == 1 { "" } else { "s" },
            list(&words)
        ),
    }
}

/// `a, b and c`. Of more than eight, the first ones and how many more.
pub fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] if words.len() <= 8 => format!("{} and {last}", most.join(", ")),
        _ => format!("{} and {} more", words[..7].join(", "), words.len() - 7),
    }
}

/// What a call does, in the infinitive: ``create dataset `x` ``, `barrier`.
pub fn call(call: &Call) -> String {
    call.name.clone()
}

/// What ranks did, after their name: ``created dataset `x` ``, `entered the barrier`.
pub fn did(call: &Call) -> String {
    call.name.clone()
}
