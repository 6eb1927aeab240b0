//! One function for each mistake, and one for its cure.

mod collective;
mod end;
mod numbers;
mod refused;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::{Result, data_folder};

/// The mistakes that this program makes; for what each is see [`crate::catalogue`].
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mistake {
    OneRankOpens,
    OneRankDataset,
    OneRankFlushes,
    NoRowsNoCall,
    ACallForEachRow,
    OneRankAttribute,
    PathsDiffer,
    ShapesDiffer,
    NamesDiffer,
    OrderDiffers,
    DatasetsDiffer,
    ValuesDiffer,
    Overlap,
    Scrambled,
    Narrow,
    Alone,
    MissingSource,
    DiskFull,
    NoFolder,
    NameTaken,
    IndependentCompressed,
    Texts,
    NoChunks,
    StillOpen,
    LargeAttribute,
    Colon,
    LongPath,
    OneLetter,
    SerialDriver,
    ChildInherits,
    Exit,
    KilledUnflushed,
    KilledInPlace,
}

/// A program, without what starts and ends MPI.
type Program = fn(&SimpleCommunicator) -> Result<()>;

impl Mistake {
    /// The wrong program, and the cured one.
    fn programs(self) -> (Program, Program) {
        use Mistake::*;
        match self {
            OneRankOpens => (collective::one_opens, collective::one_reads),
            OneRankDataset => (collective::one_creates, collective::all_create),
            OneRankFlushes => (collective::one_flushes, collective::all_flush),
            NoRowsNoCall => (collective::no_rows_no_call, collective::no_rows_but_a_call),
            ACallForEachRow => (
                collective::a_call_for_each_row,
                collective::a_call_for_all_rows,
            ),
            OneRankAttribute => (collective::one_attribute, collective::attribute_of_all),
            PathsDiffer => (collective::paths_differ, collective::own_file),
            ShapesDiffer => (collective::shapes_differ, collective::same_shape),
            NamesDiffer => (collective::names_differ, collective::all_names),
            OrderDiffers => (collective::order_differs, collective::same_order),
            DatasetsDiffer => (
                collective::datasets_differ,
                collective::one_dataset_after_another,
            ),
            ValuesDiffer => (collective::values_differ, collective::values_gathered),
            Overlap => (numbers::overlap, numbers::no_overlap),
            Scrambled => (numbers::scrambled, numbers::shape_checked),
            Narrow => (numbers::narrow, numbers::wide),
            Alone => (numbers::alone, numbers::together),
            MissingSource => (numbers::missing_source, numbers::sources_looked_for),
            DiskFull => (end::disk_full, end::disk_full_noticed),
            NoFolder => (refused::no_folder, refused::folder_made),
            NameTaken => (refused::name_taken, refused::name_looked_up),
            IndependentCompressed => (refused::independent, refused::collective),
            Texts => (refused::texts, refused::texts_of_one_length),
            NoChunks => (refused::no_chunks, refused::chunks),
            StillOpen => (refused::still_open, refused::dropped_before),
            LargeAttribute => (refused::large_attribute, refused::a_dataset_for_it),
            Colon => (refused::colon, collective::all_create),
            LongPath => (refused::long_path, refused::short_path),
            OneLetter => (refused::one_letter, refused::whole_path),
            SerialDriver => (refused::serial_driver, collective::all_create),
            ChildInherits => (refused::child_inherits, refused::child_on_its_own),
            Exit => (end::exits, end::returns),
            KilledUnflushed => (end::killed_unflushed, end::killed_flushed),
            KilledInPlace => (end::killed_in_place, end::killed_beside),
        }
    }
}

/// Makes the mistake. There is no guard: a rank that has an error says so at once, and then
/// goes where every program ends, to `MPI_Finalize`, and waits there for the others.
// ANCHOR: make
pub fn make(mistake: Mistake) -> ExitCode {
    let (wrong, _) = mistake.programs();
    let mut status = ExitCode::SUCCESS;
    let ended = parallel_hdf5::run(|world| {
        if let Err(error) = wrong(world) {
            println!("rank {}: {error}", world.rank());
            // HDF5 may crash at the end, which ends the others: all are to say it before.
            std::thread::sleep(Duration::from_secs(1));
            status = ExitCode::FAILURE;
        }
        Ok(())
    });
    if ended == ExitCode::SUCCESS {
        status
    } else {
        ended
    }
}
// ANCHOR_END: make

/// Runs the cured program, guarded as usual.
pub fn cure(mistake: Mistake) -> ExitCode {
    let (_, cured) = mistake.programs();
    parallel_hdf5::run(cured)
}

/// The file that every mistake is made with.
fn path() -> Result<PathBuf> {
    Ok(data_folder()?.join("pitfall.hdf5"))
}
