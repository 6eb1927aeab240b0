//! Where a process is at this moment: a few bytes that it shares with whoever watches.

/// What `<pid>.state` says.
///
/// The process changes it while others read it, so that a name may be half another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// How many calls began or ended, those inside other calls too.
    pub progress: u64,
    /// The outermost call that the process is in: its `seq`; 0 if it is in none.
    pub seq: u64,
    /// How many calls it is in, one inside the other.
    pub depth: u32,
    /// The process ends by itself, or has ended.
    pub over: bool,
    /// The innermost MPI call that it is in, if it is in one; the outermost call too.
    pub mpi: Option<String>,
    /// How deep that is: 1 if it is the outermost call.
    pub mpi_depth: u32,
}

impl Slot {
    /// The size of the file.
    pub const SIZE: usize = 128;
    /// The first bytes of the file.
    pub const MAGIC: [u8; 8] = *b"record 1";
    /// Where `progress` is (8 bytes).
    pub const PROGRESS: usize = 8;
    /// Where `seq` is (8 bytes).
    pub const SEQ: usize = 16;
    /// Where `depth` is (4 bytes).
    pub const DEPTH: usize = 24;
    /// Where `mpi_depth` is (4 bytes).
    pub const MPI_DEPTH: usize = 28;
    /// Where `over` is (1 byte).
    pub const OVER: usize = 32;
    /// Where the name of the MPI call is, ended by a zero byte.
    pub const NAME: usize = 40;

    /// Reads the bytes of the file; `None` if they are not of a recorder.
    pub fn parse(bytes: &[u8]) -> Option<Slot> {
        if bytes.len() < Slot::SIZE || bytes[..8] != Slot::MAGIC {
            return None;
        }
        let long = |at: usize| Some(u64::from_ne_bytes(bytes[at..at + 8].try_into().ok()?));
        let short =
            |at: usize| Some(u32::from_ne_bytes(bytes[at..at + 4].try_into().ok()?));
        let name = bytes[Slot::NAME..Slot::SIZE]
            .split(|byte| *byte == 0)
            .next()?;
        let mpi_depth = short(Slot::MPI_DEPTH)?;
        let sane = !name.is_empty() && name.iter().all(|it| it.is_ascii_graphic());
        let mpi =
            (mpi_depth > 0 && sane).then(|| String::from_utf8_lossy(name).into_owned());
        Some(Slot {
            progress: long(Slot::PROGRESS)?,
            seq: long(Slot::SEQ)?,
            depth: short(Slot::DEPTH)?,
            over: bytes[Slot::OVER] != 0,
            mpi,
            mpi_depth,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_slot_is_none() {
        assert_eq!(Slot::parse(b""), None);
        assert_eq!(Slot::parse(&[0; Slot::SIZE]), None);
        let mut bytes = [0xff; Slot::SIZE];
        bytes[..8].copy_from_slice(&Slot::MAGIC);
        assert_eq!(Slot::parse(&bytes).unwrap().mpi, None);
    }
}
