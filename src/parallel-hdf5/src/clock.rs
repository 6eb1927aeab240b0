//! How long the parts of a parallel program take, and how much memory.

use std::fmt;

use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

/// Takes the times of a program's parts, each that of the slowest rank.
///
/// ```standalone_crate
/// use parallel_hdf5::{Clock, agree, create, create_dataset, data_folder};
///
/// fn main() -> std::process::ExitCode {
///     parallel_hdf5::run(|world| {
///         let mut clock = Clock::start(world);
///         let file = agree(world, create(data_folder()?.join("clock.hdf5"), world))?;
///         clock.lap("create");
///         drop(agree(world, create_dataset::<f64>(&file, "x", 1000))?);
///         agree(world, file.close())?;
///         clock.lap("write");
///         assert_eq!(clock.laps().len(), 2);
///         println!("{clock}"); // create 0.000412 s, write 0.000181 s; at most 31.2 MiB a rank
///         Ok(())
///     })
/// }
/// ```
pub struct Clock<'a> {
    comm: &'a SimpleCommunicator,
    laps: Vec<(&'static str, f64)>,
    since: f64,
    memory: u64,
}

impl<'a> Clock<'a> {
    /// Waits until all ranks are there, and starts. **Collective** over `comm`.
    pub fn start(comm: &'a SimpleCommunicator) -> Self {
        comm.barrier();
        Clock {
            comm,
            laps: Vec::new(),
            since: mpi::time(),
            memory: 0,
        }
    }

    /// What was done since the start, or since the lap before, is called `name`, and took as
    /// long as the slowest rank took. Waits for it. **Collective** over `comm`.
    pub fn lap(&mut self, name: &'static str) {
        let seconds = mpi::time() - self.since;
        // Whole numbers of bytes up to 2^53 are exact.
        let own = [seconds, peak_memory().unwrap_or(0) as f64];
        let mut most = [0.0; 2];
        self.comm
            .all_reduce_into(&own[..], &mut most[..], SystemOperation::max());
        self.laps.push((name, most[0]));
        self.memory = most[1] as u64;
        self.since = mpi::time();
    }

    /// The parts, and the seconds that each took; the same on all ranks.
    pub fn laps(&self) -> &[(&'static str, f64)] {
        &self.laps
    }

    /// The most memory that a rank has used until the last lap, in bytes: that of the rank
    /// which has used most. 0 where the system does not say (it does on Linux).
    pub fn peak_memory(&self) -> u64 {
        self.memory
    }
}

impl fmt::Display for Clock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, seconds)) in self.laps.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name} {seconds:.6} s")?;
        }
        match self.memory {
            0 => Ok(()),
            bytes => write!(
                f,
                "; at most {:.1} MiB a rank",
                bytes as f64 / f64::from(1 << 20)
            ),
        }
    }
}

/// The most memory that this process has used so far, in bytes (`VmHWM`, see proc(5)).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kibibytes << 10)
}
