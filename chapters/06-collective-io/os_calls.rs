//! How often a process told the operating system to read or to write.

use std::fs;
use std::ops::Add;

use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

/// Calls of the operating system that read or wrote something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OsCalls {
    pub reads: u64,
    pub writes: u64,
}

impl OsCalls {
    /// Since the process began, as Linux counts them: proc(5), `syscr` and `syscw` of
    /// `/proc/self/io`. 0 where nobody counts. Not collective.
    ///
    /// All threads of the process are counted, and not only what goes to our file. But ranks
    /// on one machine exchange their messages in shared memory, without such calls.
    fn so_far() -> OsCalls {
        let text = fs::read_to_string("/proc/self/io").unwrap_or_default();
        let count = |name| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|it| it.trim().parse().ok()).unwrap_or(0)
        };
        OsCalls {
            reads: count("syscr:"),
            writes: count("syscw:"),
        }
    }

    /// Does something, and counts the calls that it takes. Not collective.
    pub fn of<T>(something: impl FnOnce() -> T) -> (T, OsCalls) {
        let before = OsCalls::so_far();
        let done = something();
        let after = OsCalls::so_far();
        // To look is to read a file, too: what that costs is seen by looking again.
        let looking = OsCalls::so_far().reads - after.reads;
        let calls = OsCalls {
            reads: (after.reads - before.reads).saturating_sub(looking),
            writes: after.writes - before.writes,
        };
        (done, calls)
    }

    /// Those of each rank, in rank order; on rank 0, nothing on the others. Collective.
    pub fn of_ranks(self, world: &SimpleCommunicator) -> Vec<OsCalls> {
        let root = world.process_at_rank(0);
        let mine = [self.reads, self.writes];
        if world.rank() != 0 {
            root.gather_into(&mine);
            return Vec::new();
        }
        let mut all = vec![0; 2 * world.size() as usize];
        root.gather_into_root(&mine, &mut all[..]);
        let of_rank = |pair: &[u64]| OsCalls {
            reads: pair[0],
            writes: pair[1],
        };
        all.chunks(2).map(of_rank).collect()
    }
}

impl Add for OsCalls {
    type Output = OsCalls;

    fn add(self, other: OsCalls) -> OsCalls {
        OsCalls {
            reads: self.reads + other.reads,
            writes: self.writes + other.writes,
        }
    }
}
