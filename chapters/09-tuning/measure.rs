//! How a time is taken, and how cases are compared: the same for all of them.

use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::{Result, agree};

use crate::cases::Table;

/// What a case does once, in a folder of its own, and takes the times on the way.
pub type Run = Box<dyn Fn(&mut Stopwatch) -> Result<()>>;

/// One way to do something, which is to be compared with others.
pub struct Case {
    /// What is special about it.
    pub name: &'static str,
    /// Does it.
    pub run: Run,
}

/// Takes times that all ranks agree on.
pub struct Stopwatch<'a> {
    /// The ranks.
    pub world: &'a SimpleCommunicator,
    /// Which round this is, from 0: what is written differs from round to round, so that
    /// what an earlier round left behind cannot pass for right.
    pub round: u32,
    /// What was measured so far: the name of a phase, and how long it took, in seconds.
    pub times: Vec<(&'static str, f64)>,
}

impl Stopwatch<'_> {
    /// Does `work`, which is a part of `phase`, on all ranks, and adds the time of the slowest
    /// to the phase. **Collective.** If it fails on one rank, it fails on all.
    // ANCHOR: time
    pub fn time<T>(
        &mut self,
        phase: &'static str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.world.barrier(); // all begin together
        let start = mpi::time();
        let outcome = work();
        let own = mpi::time() - start;

        let outcome = agree(self.world, outcome)?;
        let mut slowest = 0.0;
        self.world
            .all_reduce_into(&own, &mut slowest, SystemOperation::max());
        self.add(phase, slowest);
        Ok(outcome)
    }
    // ANCHOR_END: time

    /// Adds to a phase, which is made if there is none of that name.
    pub fn add(&mut self, phase: &'static str, seconds: f64) {
        match self.times.iter_mut().find(|(name, _)| *name == phase) {
            Some((_, sum)) => *sum += seconds,
            None => self.times.push((phase, seconds)),
        }
    }
}

/// What came out of a table: for each case, for each phase, the seconds of each round.
pub struct Results {
    /// Which comparison.
    pub table: &'static Table,
    /// The cases; the first is the one that the others are compared with.
    pub cases: Vec<(&'static str, Vec<Phase>)>,
}

/// The times of one phase.
pub struct Phase {
    /// `write`.
    pub name: &'static str,
    /// One for each round, in order.
    pub seconds: Vec<f64>,
}

/// Measures all cases in each round, in an order that is drawn anew: whatever disturbs the
/// machine for a while disturbs all of them alike. **Collective.**
// ANCHOR: rounds
pub fn in_rounds(
    world: &SimpleCommunicator,
    table: &'static Table,
    cases: Vec<Case>,
    rounds: u32,
    seed: u64,
) -> Result<Results> {
    let mut random = fastrand::Rng::with_seed(seed); // the same order on all ranks
    let mut order: Vec<usize> = (0..cases.len()).collect();
    let mut phases: Vec<Vec<Phase>> = cases.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        random.shuffle(&mut order);
        for &case in &order {
            let times = Vec::new();
            let mut watch = Stopwatch {
                world,
                round,
                times,
            };
            (cases[case].run)(&mut watch)?;
            // The first round warms up: memory, caches, libraries that load what they need.
            if round > 0 {
                keep(&mut phases[case], watch.times);
            }
        }
    }
    // ANCHOR_END: rounds
    let names = cases.iter().map(|case| case.name);
    let cases = names.zip(phases).collect();
    Ok(Results { table, cases })
}

fn keep(phases: &mut Vec<Phase>, times: Vec<(&'static str, f64)>) {
    for (name, seconds) in times {
        match phases.iter_mut().find(|phase| phase.name == name) {
            Some(phase) => phase.seconds.push(seconds),
            None => phases.push(Phase {
                name,
                seconds: vec![seconds],
            }),
        }
    }
}

/// The middle of some ratios, and the range that holds the middle half of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// A quarter of them is below this.
    pub low: f64,
    /// The median: as many are below as above.
    pub median: f64,
    /// A quarter of them is above this.
    pub high: f64,
}

impl Spread {
    /// Of the ratios of two cases, round by round: what both met in one round cancels out.
    // ANCHOR: ratio
    pub fn of(case: &Phase, baseline: &Phase) -> Spread {
        let pairs = case.seconds.iter().zip(&baseline.seconds);
        let mut ratios: Vec<f64> = pairs.map(|(case, base)| case / base).collect();
        ratios.sort_by(f64::total_cmp);
        Spread {
            low: quantile(&ratios, 0.25),
            median: quantile(&ratios, 0.5),
            high: quantile(&ratios, 0.75),
        }
    }
    // ANCHOR_END: ratio
}

/// The value below which this part of the sorted numbers lies; between two of them it is
/// interpolated.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let at = part * (sorted.len() - 1) as f64;
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * (at - at.floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_that_of_the_ratios() {
        let phase = |seconds: &[f64]| Phase {
            name: "write",
            seconds: seconds.to_vec(),
        };
        let spread = Spread::of(
            &phase(&[2.0, 9.0, 4.0, 10.0, 3.0]),
            &phase(&[2.0, 3.0, 2.0, 2.0, 2.0]),
        );
        let (low, median, high) = (1.5, 2.0, 3.0);
        assert_eq!(spread, Spread { low, median, high });
        assert_eq!(quantile(&[1.0, 2.0], 0.5), 1.5);
        assert_eq!(quantile(&[7.0], 0.25), 7.0);
    }
}
