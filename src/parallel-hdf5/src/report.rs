//! What HDF5 really did when it was asked to move data collectively.

use std::fmt;

use hdf5_sys::h5i::hid_t;

use crate::Transfer;

// In HDF5 since 1.8.10, for parallel builds, and not in `hdf5-metno-sys` 0.12.5. The enums of
// the C interface are handed over as the numbers that they are: a newer library may have more.
unsafe extern "C" {
    fn H5Pget_mpio_actual_io_mode(dxpl: hid_t, mode: *mut i32) -> i32;
    fn H5Pget_mpio_actual_chunk_opt_mode(dxpl: hid_t, mode: *mut i32) -> i32;
    fn H5Pget_mpio_no_collective_cause(
        dxpl: hid_t,
        local: *mut u32,
        global: *mut u32,
    ) -> i32;
}

/// What one read or write came to, on this rank.
///
/// HDF5 takes a collective transfer as a wish. Where it cannot fulfil it, it moves the data
/// independently, and says so only to those who ask: here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What was asked for.
    pub requested: Transfer,
    /// What was done.
    pub actual: Actual,
    /// How the chunks of a chunked dataset were gone through.
    pub chunks: ChunkIo,
    /// Why this rank could not take part in a collective transfer; empty if it could.
    pub causes_here: Vec<Cause>,
    /// Why any rank could not. One is enough for all.
    pub causes_anywhere: Vec<Cause>,
}

/// What was done (`H5Pget_mpio_actual_io_mode`). HDF5 keeps it as of the last transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actual {
    /// No collective transfer was made.
    NotCollective,
    /// All ranks together, of a contiguous dataset.
    ContiguousCollective,
    /// All ranks together, of a chunked dataset.
    ChunkCollective,
    /// Of a chunked dataset: each chunk independently, though the call was collective.
    ChunkIndependent,
    /// Of a chunked dataset: some chunks so, some so.
    ChunkMixed,
    /// A number that this library does not know.
    Unknown(i32),
}

/// How chunks were gone through (`H5Pget_mpio_actual_chunk_opt_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkIo {
    /// The dataset is not chunked, or nothing was done collectively.
    None,
    /// All chunks in one MPI-IO call.
    Linked,
    /// Chunk by chunk.
    Multi,
    /// A number that this library does not know.
    Unknown(i32),
}

/// Why a collective transfer was not one (`H5Pget_mpio_no_collective_cause`;
/// `H5D_mpio_no_collective_cause_t` in `H5Ppublic.h` of HDF5 1.10.8 and 1.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An independent transfer was asked for.
    IndependentRequested,
    /// The elements in memory are of another type than those in the file. (HDF5 1.10.8; 2.2.0
    /// converts and transfers collectively all the same.)
    TypeConversion,
    /// A data transform was set.
    DataTransform,
    /// The environment variable `HDF5_MPI_OPT_TYPES` switches derived MPI types off.
    OptimisedTypesDisabled,
    /// A dataspace is neither simple nor scalar.
    Dataspace,
    /// The dataset is neither contiguous nor chunked.
    Layout,
    /// It is filtered (compressed, say), and this library cannot write such data in parallel.
    Filters,
    /// HDF5 could not find out.
    Unclear,
    /// Selection I/O is off (HDF5 1.14 and newer).
    NoSelectionIo,
    /// A bit that this library does not know.
    Unknown(u32),
}

const CAUSES: [(u32, Cause); 9] = [
    (0x01, Cause::IndependentRequested),
    (0x02, Cause::TypeConversion),
    (0x04, Cause::DataTransform),
    (0x08, Cause::OptimisedTypesDisabled),
    (0x10, Cause::Dataspace),
    (0x20, Cause::Layout),
    (0x40, Cause::Filters),
    (0x80, Cause::Unclear),
    (0x100, Cause::NoSelectionIo),
];

/// The causes behind a set of bits.
fn causes(bits: u32) -> Vec<Cause> {
    let known = CAUSES.iter().filter(|(bit, _)| bits & bit != 0);
    let mut causes: Vec<Cause> = known.map(|(_, cause)| *cause).collect();
    let unknown = CAUSES.iter().fold(bits, |rest, (bit, _)| rest & !bit);
    if unknown != 0 {
        causes.push(Cause::Unknown(unknown));
    }
    causes
}

impl Report {
    /// Of an independent transfer, which HDF5 never makes a collective one.
    pub(crate) fn independent() -> Report {
        Report {
            requested: Transfer::Independent,
            actual: Actual::NotCollective,
            chunks: ChunkIo::None,
            causes_here: vec![Cause::IndependentRequested],
            causes_anywhere: vec![Cause::IndependentRequested],
        }
    }

    /// Asks the property list with which data was to be moved collectively.
    ///
    /// # Safety
    /// `dxpl` is an open data-transfer property list, new before the transfer, which has
    /// returned.
    pub(crate) unsafe fn of(dxpl: hid_t) -> hdf5::Result<Report> {
        let (mut mode, mut chunks, mut here, mut anywhere) = (0, 0, 0, 0);
        // SAFETY: the list is open (the caller's), and the numbers outlive the calls.
        unsafe {
            hdf5::h5check(H5Pget_mpio_actual_io_mode(dxpl, &raw mut mode))?;
            hdf5::h5check(H5Pget_mpio_actual_chunk_opt_mode(dxpl, &raw mut chunks))?;
            hdf5::h5check(H5Pget_mpio_no_collective_cause(
                dxpl,
                &raw mut here,
                &raw mut anywhere,
            ))?;
        }
        Ok(Report {
            requested: Transfer::Collective,
            actual: match mode {
                0 => Actual::NotCollective,
                1 => Actual::ChunkIndependent,
                2 => Actual::ChunkCollective,
                3 => Actual::ChunkMixed,
                4 => Actual::ContiguousCollective,
                other => Actual::Unknown(other),
            },
            chunks: match chunks {
                0 => ChunkIo::None,
                1 => ChunkIo::Linked,
                2 => ChunkIo::Multi,
                other => ChunkIo::Unknown(other),
            },
            causes_here: causes(here),
            causes_anywhere: causes(anywhere),
        })
    }

    /// True if data was moved by all ranks together, all of it.
    pub fn was_collective(&self) -> bool {
        matches!(
            self.actual,
            Actual::ContiguousCollective | Actual::ChunkCollective
        )
    }
}

impl fmt::Display for Report {
    /// `collective, as asked`; `independent, although collective was asked for: the elements
    /// in memory are of another type than those in the file`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.actual)?;
        // HDF5 2.2 fills in the second for a contiguous dataset, too.
        match (self.actual, self.chunks) {
            (Actual::ChunkCollective, ChunkIo::Linked) => f.write_str(" in one go")?,
            (Actual::ChunkCollective, ChunkIo::Multi) => f.write_str(", chunk by chunk")?,
            _ => {}
        }
        match (self.requested, self.was_collective()) {
            (Transfer::Collective, true) | (Transfer::Independent, false) => {
                return f.write_str(", as asked");
            }
            (Transfer::Collective, false) => {
                f.write_str(", although collective was asked for")?;
            }
            (Transfer::Independent, true) => {
                f.write_str(", although independent was asked for")?;
            }
        }
        let (causes, whose) = match (&self.causes_here, &self.causes_anywhere) {
            (here, _) if !here.is_empty() => (here, ""),
            (_, anywhere) => (anywhere, "on another rank, "),
        };
        for (index, cause) in causes.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            write!(f, "{whose}{cause}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Actual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actual::NotCollective | Actual::ChunkIndependent => f.write_str("independent"),
            Actual::ContiguousCollective | Actual::ChunkCollective => {
                f.write_str("collective")
            }
            Actual::ChunkMixed => {
                f.write_str("collective for some chunks, independent for others")
            }
            Actual::Unknown(number) => {
                write!(f, "in a mode that this library does not know ({number})")
            }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::IndependentRequested => "an independent transfer was asked for",
            Cause::TypeConversion => {
                "the elements in memory are of another type than those in the file"
            }
            Cause::DataTransform => "a data transform was set",
            Cause::OptimisedTypesDisabled => {
                "HDF5_MPI_OPT_TYPES in the environment switches derived MPI types off"
            }
            Cause::Dataspace => "a dataspace is neither simple nor scalar",
            Cause::Layout => "the dataset is neither contiguous nor chunked",
            Cause::Filters => {
                "the dataset is filtered, and this HDF5 cannot write such data in parallel"
            }
            Cause::Unclear => "HDF5 could not find out whether it is possible",
            Cause::NoSelectionIo => "selection I/O is off",
            Cause::Unknown(bits) => {
                return write!(f, "a cause that this library does not know ({bits:#x})");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_told() {
        assert_eq!(causes(0), []);
        assert_eq!(
            causes(0x42),
            [Cause::TypeConversion, Cause::Filters],
            "two at once"
        );
        assert_eq!(
            causes(0x8001),
            [Cause::IndependentRequested, Cause::Unknown(0x8000)]
        );
    }

    #[test]
    fn a_wish_that_was_not_granted_says_why() {
        let mut report = Report {
            requested: Transfer::Collective,
            actual: Actual::ContiguousCollective,
            chunks: ChunkIo::None,
            causes_here: vec![],
            causes_anywhere: vec![],
        };
        assert_eq!(report.to_string(), "collective, as asked");
        report.actual = Actual::NotCollective;
        report.causes_anywhere = vec![Cause::TypeConversion];
        assert_eq!(
            report.to_string(),
            "independent, although collective was asked for: on another rank, the elements \
             in memory are of another type than those in the file"
        );
        report.causes_here = report.causes_anywhere.clone();
        assert!(!report.to_string().contains("another rank"), "{report}");
        report.requested = Transfer::Independent;
        assert_eq!(report.to_string(), "independent, as asked");
    }
}
