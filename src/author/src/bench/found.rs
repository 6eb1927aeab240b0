//! What a benchmark found: every single time, and where it was measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::figures::Ratio;

/// All of a run of `make bench`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Bench {
    /// The command: `make bench`.
    pub command: String,
    /// What the times depend on.
    pub machine: BTreeMap<String, String>,
    /// Of what was measured: compilers, MPIs, HDF5, h5py.
    pub versions: BTreeMap<String, String>,
    /// How many rows are worked on at once, by those that work block by block.
    pub block: usize,
    /// What was left out, and why.
    pub left_out: Vec<String>,
    /// Chapter 3's program and the others. The first is the one that the goals are about.
    pub contests: Vec<Contest>,
    /// The library against MPI-IO, by MPI: for each way to move a slab, for each phase.
    pub slabs: BTreeMap<String, BTreeMap<String, Slabs>>,
}

/// Programs that did the same work on the same file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Contest {
    /// `Open MPI 4.1.4`.
    pub mpi: String,
    /// `memory` or `disk`.
    pub storage: String,
    /// How many points.
    pub rows: usize,
    /// How many ranks.
    pub ranks: usize,
    /// The programs; the first is what the others are compared with.
    pub entrants: Vec<Entrant>,
    /// What an MPI program that only opens the file needs in memory, in MiB a rank.
    pub only_open: f64,
}

/// What a program did, round by round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entrant {
    /// `C, whole slab`.
    pub name: String,
    /// When the file had no room for the results yet.
    pub first: Vec<Sample>,
    /// When it had.
    pub again: Vec<Sample>,
}

/// One launch: seconds of the slowest rank, and MiB of the rank with most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Opening the file. 0 for those who do not say.
    pub open: f64,
    /// Reading, computing, writing.
    pub work: f64,
    /// Closing the file.
    pub close: f64,
    /// The most memory of a rank. 0 for those who do not say.
    pub memory: f64,
}

/// The seconds of a phase (`first write`, `rewrite`, `read`), round by round.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Slabs {
    /// By `write_slab` and `read_slab_into`.
    pub library: BTreeMap<String, Vec<f64>>,
    /// By MPI-IO.
    pub mpi_io: BTreeMap<String, Vec<f64>>,
}

/// How many times as long `times` took as `base`, which were measured in the same rounds: the
/// median of the rounds' ratios, and their quartiles. Not the ratio of the medians: those can
/// come from different rounds, and their ratio need not lie between the quartiles.
pub fn ratio(times: &[f64], base: &[f64]) -> Ratio {
    let mut ratios: Vec<f64> = times.iter().zip(base).map(|(it, base)| it / base).collect();
    ratios.sort_by(f64::total_cmp);
    Ratio {
        low: at(&ratios, 0.25),
        median: at(&ratios, 0.5),
        high: at(&ratios, 0.75),
    }
}

/// The one in the middle, or the mean of the two.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    at(&sorted, 0.5)
}

/// The number that a part of the sorted ones is below.
fn at(sorted: &[f64], part: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = part * last as f64;
    let (below, above) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    below + (above - below) * place.fract()
}

impl Entrant {
    /// The seconds of work, when the file had no room (`first`) or had.
    pub fn work(&self, first: bool) -> Vec<f64> {
        let samples = if first { &self.first } else { &self.again };
        samples.iter().map(|it| it.work).collect()
    }

    /// The most memory of a rank in any round, in MiB.
    pub fn memory(&self) -> f64 {
        let samples = self.first.iter().chain(&self.again);
        samples.map(|it| it.memory).fold(0.0, f64::max)
    }
}

impl Contest {
    /// The program of this name.
    pub fn entrant(&self, name: &str) -> Option<&Entrant> {
        self.entrants.iter().find(|it| it.name == name)
    }

    /// How many times as long as the first one took another took.
    pub fn ratio(&self, name: &str, first: bool) -> Option<Ratio> {
        let base = self.entrants.first()?;
        Some(ratio(&self.entrant(name)?.work(first), &base.work(first)))
    }

    /// What it is called in the tables.
    pub fn title(&self) -> String {
        title(self.rows, self.ranks, &self.storage, &self.mpi)
    }
}

/// `50 000 000 rows, 2 ranks, memory, Open MPI 4.1.4`.
pub fn title(rows: usize, ranks: usize, storage: &str, mpi: &str) -> String {
    let plural = if ranks == 1 { "" } else { "s" };
    format!(
        "{} rows, {ranks} rank{plural}, {storage}, {mpi}",
        grouped(rows)
    )
}

/// `50 000 000`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<&str> = groups
        .map(|it| std::str::from_utf8(it).unwrap_or(""))
        .collect();
    groups.join("\u{202f}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_quartiles_are_those_of_the_rounds_ratios() {
        // The whole second round was slow, for both. The ratio of the medians is 2, which is
        // below all quartiles.
        assert_eq!(
            ratio(&[3.0, 30.0, 3.0], &[1.0, 10.0, 1.5]),
            Ratio {
                low: 2.5,
                median: 3.0,
                high: 3.0
            }
        );
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!(grouped(50_000_000), "50\u{202f}000\u{202f}000");
        assert_eq!(grouped(1000), "1\u{202f}000");
        assert_eq!(grouped(7), "7");
    }
}
