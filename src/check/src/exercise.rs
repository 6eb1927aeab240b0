//! The check of a learner's answer: what it is given to work on, and whether what it left
//! behind is right.
//!
//! A chapter's `exercises/check.rs` has one [`Exercise`] for each of its exercises. Nothing
//! that the learner's program wrote is believed: what is right is computed anew from the
//! seed, never read from a file that the program could have changed.

use std::path::{Path, PathBuf};

use hdf5::{Dataset, File, H5Type};
use ndarray::{Array, Dimension};
use record::Record;

use crate::{Chapter, saying};

pub use protocol::{Finding, Given, Wrong};

/// One exercise: how a trial of it is prepared, and how its outcome is judged.
pub struct Exercise {
    /// Its name: `uneven`, for `exercises/1-uneven.rs`.
    pub name: &'static str,
    /// Makes the input files in [`Case::data`], and says what the program is given.
    pub prepare: fn(&Case) -> Result<Given, String>,
    /// Says what was checked, in one line, or what is wrong.
    pub judge: fn(&Trial) -> Finding,
}

/// One trial of an answer: each is for another number of ranks, with another input.
pub struct Case {
    /// How many ranks.
    pub ranks: usize,
    /// Where the numbers of the input come from: another seed, other numbers.
    pub seed: u64,
    /// The folder in which the program works (its `WORKBOOK_DATA`).
    pub data: PathBuf,
}

/// What is known after a trial in which all ranks ended well.
pub struct Trial {
    /// What the program was given.
    pub case: Case,
    /// What each rank printed on standard output.
    pub printed: Vec<String>,
    /// What each rank printed on standard error.
    pub complained: Vec<String>,
    /// The launcher's exit status: 0 unless the program is [meant to fail](Given::fails).
    pub status: i32,
    /// All lines that the ranks printed, in the order in which they arrived.
    pub lines: Vec<String>,
    /// What each rank called, in which order, and where in the file it read and wrote.
    pub record: Record,
}

impl Case {
    fn of(case: &protocol::Case) -> Case {
        Case {
            ranks: case.ranks,
            seed: case.seed,
            data: case.data.clone(),
        }
    }

    /// Numbers that depend on the seed, the number of ranks and `stream` only: the same again
    /// in [`Exercise::judge`] as in [`Exercise::prepare`], others in each trial.
    ///
    /// For whatever may be what it wants. A case that tells right from wrong is not left to
    /// them: some trial of each check has it.
    pub fn random(&self, stream: u64) -> fastrand::Rng {
        let seed = self.seed ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        fastrand::Rng::with_seed(
            seed ^ (self.ranks as u64).wrapping_mul(0xd1b5_4a32_d192_ed03),
        )
    }

    /// Makes a file in the trial's folder, and has it filled.
    pub fn make<T>(
        &self,
        name: &str,
        fill: impl FnOnce(&File) -> hdf5::Result<T>,
    ) -> Result<(), String> {
        let file = saying(name, File::create(self.data.join(name)))?;
        saying(name, fill(&file))?;
        saying(name, file.close())
    }

    /// How many rows the input of this trial has: fewer than ranks for 7 ranks, and seldom a
    /// multiple of the number of ranks.
    pub fn rows(&self) -> usize {
        match self.ranks {
            1 => 10,
            2 => 1001,
            3 => 1000,
            4 => 1002,
            ranks => ranks - 2,
        }
    }
}

impl Trial {
    /// How many ranks ran.
    pub fn ranks(&self) -> usize {
        self.case.ranks
    }

    /// Opens the file `name` in the trial's folder, without MPI.
    pub fn open(&self, name: &str) -> Result<File, Wrong> {
        let path = self.case.data.join(name);
        regular(&path)
            .map_err(|why| format!("there is no file `{name}` to read: {why}"))?;
        File::open(&path).map_err(|error| {
            let why = error.to_string();
            let why = match why.contains("file signature not found") {
                true => "it is no HDF5 file; was it closed before MPI ended?".to_owned(),
                false => why,
            };
            Wrong::Result(format!("`{name}` cannot be read afterwards: {why}"))
        })
    }

    /// The dataset `name` of `file`, which must have this shape.
    pub fn dataset(
        &self,
        file: &File,
        name: &str,
        shape: &[usize],
    ) -> Result<Dataset, Wrong> {
        let dataset = file.dataset(name).map_err(|_| {
            let there = file.member_names().unwrap_or_default();
            format!("the file has no dataset `{name}`; it has {}", names(&there))
        })?;
        match dataset.shape() == shape {
            true => Ok(dataset),
            false => Err(Wrong::Result(format!(
                "`{name}` has the shape {:?}, should be {shape:?}",
                dataset.shape()
            ))),
        }
    }

    /// All numbers of a dataset.
    pub fn read<T: H5Type, D: Dimension>(
        &self,
        dataset: &Dataset,
    ) -> Result<Array<T, D>, Wrong> {
        dataset.read::<T, D>().map_err(|error| {
            Wrong::Result(format!("`{}` cannot be read: {error}", dataset.name()))
        })
    }
}

/// `1 row`, `10 rows`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// `` `a`, `b` ``, or `nothing`.
pub fn names(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        some => {
            let quoted: Vec<_> = some.iter().map(|it| format!("`{it}`")).collect();
            quoted.join(", ")
        }
    }
}

/// An error unless `path` is a file, not a link, a pipe or a device that the learner's
/// program put there.
fn regular(path: &Path) -> Result<(), String> {
    let is = std::fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    match is.is_file() {
        true => Ok(()),
        false => Err("what is there is not a file".to_owned()),
    }
}

/// The exercise that is meant.
fn find<'a>(
    chapters: &'a [Chapter],
    case: &protocol::Case,
) -> Result<&'a Exercise, String> {
    let chapter = chapters
        .iter()
        .find(|chapter| chapter.name == case.chapter)
        .ok_or_else(|| format!("no check is known for chapter `{}`", case.chapter))?;
    let mut all = chapter.exercises.iter();
    all.find(|it| it.name == case.exercise).ok_or_else(|| {
        format!(
            "no check is known for exercise `{}`: name it in chapters/…-{}/exercises/check.rs",
            case.exercise, case.chapter
        )
    })
}

/// What the program is given.
pub(crate) fn prepare(chapters: &[Chapter], case: protocol::Case) -> Result<Given, String> {
    let exercise = find(chapters, &case)?;
    (exercise.prepare)(&Case::of(&case))
}

/// What was found.
pub(crate) fn judge(
    chapters: &[Chapter],
    answer: protocol::Answer,
) -> Result<Finding, String> {
    let exercise = find(chapters, &answer.case)?;
    let record = Record::read(&answer.record, answer.case.ranks);
    let trial = Trial {
        case: Case::of(&answer.case),
        printed: answer.printed,
        complained: answer.complained,
        status: answer.status,
        lines: answer.lines,
        record: record.map_err(|error| error.to_string())?,
    };
    Ok((exercise.judge)(&trial))
}
