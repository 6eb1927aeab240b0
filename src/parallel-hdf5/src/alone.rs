//! Notices a program that runs alone although its launcher meant more.

use std::fmt;

use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

/// How launchers tell each process how many there are, and which one it is.
const LAUNCHERS: [(&str, &str, &str); 3] = [
    ("Open MPI", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("MPICH", "PMI_SIZE", "PMI_RANK"),
    ("Slurm", "SLURM_NTASKS", "SLURM_PROCID"),
];

/// A launcher started several processes, but MPI made each a world of its own.
#[derive(Clone, Debug)]
pub struct Alone {
    launcher: &'static str,
    meant: usize,
    /// True in the process that the launcher counts as its first.
    pub first: bool,
}

impl fmt::Display for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Alone {
            launcher, meant, ..
        } = self;
        let library = crate::about::mpi_library();
        let cause = match *launcher {
            "Slurm" => format!(
                "Slurm did not tell them in the way that this program's MPI ({library}) asks. \
                 Start it with `srun --mpi=pmix` if that is Open MPI, with `srun --mpi=pmi2` if \
                 MPICH; and in a job script do not forget the `srun`."
            ),
            _ => format!(
                "The launcher is {launcher}'s, and this program was built for another MPI \
                 ({library}). Start it with the launcher of that MPI, or build it anew for this \
                 one; `make doctor` shows what belongs together."
            ),
        };
        write!(
            f,
            "the launcher started {meant} processes, but each is rank 0 of 1: they do not \
             know of each other. {cause}"
        )
    }
}

impl std::error::Error for Alone {}

/// True in the process that the launcher counts as its first, and in one without a launcher.
pub(crate) fn is_first() -> bool {
    let ranks = LAUNCHERS
        .into_iter()
        .filter_map(|(_, _, rank)| std::env::var(rank).ok());
    ranks.into_iter().next().is_none_or(|rank| rank == "0")
}

/// `Some` if this process is alone in its world, and its launcher meant more.
pub(crate) fn detect(world: &SimpleCommunicator) -> Option<Alone> {
    match world.size() {
        1 => meant(|name| std::env::var(name).ok()?.parse().ok()),
        _ => None,
    }
}

/// What the launcher meant, if that is more than one process. The first note that there is
/// counts: a `mpirun -n 1` within four tasks of Slurm means one.
fn meant(number: impl Fn(&str) -> Option<usize>) -> Option<Alone> {
    let mut notes = LAUNCHERS.into_iter();
    let (launcher, meant, rank) =
        notes.find_map(|(launcher, size, rank)| Some((launcher, number(size)?, rank)))?;
    (meant > 1).then(|| Alone {
        launcher,
        meant,
        first: number(rank).unwrap_or(0) == 0,
    })
}

/// Says on standard error, once, if the processes of this run do not know of each other:
/// a launcher of one MPI with a program built for another, which is silent by nature.
///
/// Not collective (there is nobody to wait for).
pub fn warn_if_alone(world: &SimpleCommunicator) {
    if let Some(alone) = detect(world).filter(|it| it.first) {
        crate::print::complain(&format!("Warning: {alone}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launcher_that_meant_more(notes: &[(&str, usize)]) -> Option<(&'static str, bool)> {
        let note = |name: &str| notes.iter().find(|it| it.0 == name).map(|it| it.1);
        meant(note).map(|it| (it.launcher, it.first))
    }

    #[test]
    fn the_innermost_launcher_counts() {
        assert_eq!(launcher_that_meant_more(&[]), None);
        let mpich = [("PMI_SIZE", 4), ("PMI_RANK", 2)];
        assert_eq!(launcher_that_meant_more(&mpich), Some(("MPICH", false)));
        let one_of_four_tasks = [("SLURM_NTASKS", 4), ("OMPI_COMM_WORLD_SIZE", 1)];
        assert_eq!(launcher_that_meant_more(&one_of_four_tasks), None);
        let slurm = [("SLURM_NTASKS", 4), ("SLURM_PROCID", 0)];
        assert_eq!(launcher_that_meant_more(&slurm), Some(("Slurm", true)));
    }
}
