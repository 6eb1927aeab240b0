//! One outcome for all ranks.

use std::error::Error as StdError;
use std::fmt;

use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;

/// What all ranks get when at least one has failed: the message of the lowest of them.
///
/// Since every rank has it, every rank can give up in good order: close its files, end
/// MPI, exit. [`run`](crate::run) then prints the message once, not once a rank.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// The lowest rank that failed.
    pub rank: i32,
    /// True if all ranks failed.
    pub all: bool,
    /// What that rank had to say.
    pub message: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.all {
            write!(f, "rank {}: ", self.rank)?;
        }
        f.write_str(&self.message)
    }
}

impl StdError for Disagreement {}

/// Makes one outcome of the ranks' outcomes: `Ok` on all ranks if it was `Ok` on all, else
/// the same `Err` on all. **Collective** over `comm`.
///
/// Use it where one rank may fail and the others would go on to a collective call, and
/// wait there for ever.
///
/// ```standalone_crate
/// use mpi::traits::*;
///
/// fn main() -> std::process::ExitCode {
///     parallel_hdf5::run(|world| {
///         // The last rank cannot do its part.
///         let outcome = match world.rank() + 1 == world.size() {
///             true => Err("no more disk"),
///             false => Ok(()),
///         };
///         let error = parallel_hdf5::agree(world, outcome).unwrap_err();
///         assert_eq!((error.rank, error.message.as_str()), (world.size() - 1, "no more disk"));
///         Ok(())
///     })
/// }
/// ```
///
/// # Errors
/// [`Disagreement`], on all ranks, if any rank failed.
pub fn agree<T, E: fmt::Display>(
    comm: &SimpleCommunicator,
    outcome: std::result::Result<T, E>,
) -> std::result::Result<T, Disagreement> {
    let failed_here = i32::from(outcome.is_err());
    let mut failures = 0;
    comm.all_reduce_into(&failed_here, &mut failures, SystemOperation::sum());
    let outcome = match (failures, outcome) {
        (0, Ok(value)) => return Ok(value),
        (_, outcome) => outcome,
    };
    // The lowest rank that failed tells the others why.
    let candidate = if outcome.is_err() {
        comm.rank()
    } else {
        comm.size()
    };
    let mut rank = 0;
    comm.all_reduce_into(&candidate, &mut rank, SystemOperation::min());
    let speaker = comm.process_at_rank(rank);
    let mut message = match outcome {
        Err(error) if rank == comm.rank() => error.to_string().into_bytes(),
        _ => Vec::new(),
    };
    let mut length = message.len() as u64;
    speaker.broadcast_into(&mut length);
    message.resize(length as usize, 0);
    speaker.broadcast_into(&mut message[..]);
    let message = String::from_utf8_lossy(&message).into_owned();
    Err(Disagreement {
        rank,
        all: failures == comm.size(),
        message,
    })
}
