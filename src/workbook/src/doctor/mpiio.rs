//! What MPI-IO does to data here: releases of Open MPI are known that lose some, without an
//! error.
//!
//! All of it comes from *data sieving*, which Open MPI's OMPIO has had since 4.1: to move many
//! small pieces, it reads the whole range around them in one go, and for a write puts the
//! pieces in there and writes the whole range back.

use std::path::Path;

use anyhow::Result;
use launch::Mpi;

use super::machine::{Machine, Report};
use super::mpi::{WorkingMpi, compile, run, trial_folder};

/// Counts, with three processes, what comes out wrong. With two, OMPIO moves each rank's data
/// by itself, and all is well.
///
/// The memory that is freed before the write is what finds its way into the file.
const TRIAL: &str = r#"
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
enum { PART = 500, ALL = 4 * PART };
static int rank, values[ALL];
static MPI_File opened(const char *name) {
    MPI_File file;
    if (rank == 0) unlink(name);
    MPI_Barrier(MPI_COMM_WORLD);
    int mode = MPI_MODE_RDWR | MPI_MODE_CREATE;
    if (MPI_File_open(MPI_COMM_WORLD, name, mode, MPI_INFO_NULL, &file))
        MPI_Abort(MPI_COMM_WORLD, 1);
    return file;
}
static void written(MPI_File file) {
    MPI_File_sync(file);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_File_sync(file);
}
/* Rank 0 reads all, while the others read two numbers each from within. */
static int left_out(const char *name) {
    int i, wrong = 0, first = rank, count = rank == 0 ? ALL : 2;
    MPI_File file = opened(name);
    for (i = 0; i < ALL; i++) values[i] = i + 1;
    if (rank == 0) MPI_File_write_at(file, 0, values, ALL, MPI_INT, MPI_STATUS_IGNORE);
    written(file);
    memset(values, 0, sizeof values);
    MPI_File_read_at_all(file, first * sizeof(int), values, count, MPI_INT,
                         MPI_STATUS_IGNORE);
    for (i = 0; i < count; i++) wrong += values[i] != first + i + 1;
    MPI_File_close(&file);
    MPI_Allreduce(MPI_IN_PLACE, &wrong, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    return wrong;
}
/* All but rank 1 write their part of an empty file. */
static int stray(const char *name) {
    int i, wrong = 0;
    void *used[8];
    MPI_File file = opened(name);
    for (i = 0; i < 8; i++) memset(used[i] = malloc(sizeof values), 0x55, sizeof values);
    for (i = 0; i < 8; i++) free(used[i]);
    MPI_File_write_at_all(file, rank * PART * sizeof(int), values, rank == 1 ? 0 : PART,
                          MPI_INT, MPI_STATUS_IGNORE);
    written(file);
    MPI_File_read_at(file, PART * sizeof(int), values, PART, MPI_INT, MPI_STATUS_IGNORE);
    for (i = 0; i < PART; i++) wrong += values[i] != 0;
    MPI_File_close(&file);
    return wrong;
}
/* Whether --mca io left OMPIO out: then it has no variables. */
static int without_ompio(void) {
    int i, count, provided, found = 0;
    MPI_T_init_thread(MPI_THREAD_SINGLE, &provided);
    MPI_T_cvar_get_num(&count);
    for (i = 0; i < count; i++) {
        char name[256] = "";
        int length = sizeof name, verbosity, bind, scope;
        MPI_Datatype type;
        MPI_T_cvar_get_info(i, name, &length, &verbosity, &type, NULL, NULL, NULL, &bind,
                            &scope);
        found |= strncmp(name, "io_ompio", 8) == 0;
    }
    MPI_T_finalize();
    return !found;
}
int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    int read = left_out(argv[1]), gap = stray(argv[1]);
    if (rank == 0)
        printf("<trial: %d left out, %d stray, %d without OMPIO>\n", read, gap,
               without_ompio());
    return MPI_Finalize();
}
"#;

/// Looks at an MPI that works, with a file in `data`.
pub(super) fn check(
    machine: &Machine,
    report: &mut Report,
    working: &WorkingMpi,
    data: &Path,
) -> Result<()> {
    // No release of MPICH, which has ROMIO, is known for such a thing.
    if machine.request.mpi != Mpi::OpenMpi {
        return Ok(());
    }
    let Some(found) = try_it(machine, working, data)? else {
        report.skipped.push("whether MPI-IO loses data");
        return Ok(());
    };
    let version = &working.version;
    let release = Release::of(version);
    if found.left_out > 0 {
        report.note(
            "collective-read",
            format!(
                "Open MPI {version} leaves values out of a collective read of 3 ranks or more, \
                 if one reads a part of what another reads (seen here; open-mpi/ompi #10546, \
                 4.1.0 to 4.1.4)"
            ),
            vec!["`export OMPI_MCA_fbtl_posix_read_datasieving=0`".to_owned()],
        );
    }
    if found.stray > 0 {
        let lost = match release.is_some_and(Release::loses_collective_writes) {
            false => "",
            true => {
                ", and may lose data with the hint `cb_nodes` or a Cartesian communicator \
                 (open-mpi/ompi #12718, 4.1.0 to 4.1.6 and 5.0.0 to 5.0.5)"
            }
        };
        report.note(
            "collective-write",
            format!(
                "Open MPI {version} writes stray memory into the gaps of a collective write \
                 past the file's end (seen here){lost}"
            ),
            vec!["`export OMPI_MCA_fbtl_posix_write_datasieving=0`".to_owned()],
        );
    }
    if found.without_ompio && release.is_some_and(|it| it < Release(5, 0, 0)) {
        let (whence, cure) = match std::env::var("OMPI_MCA_io") {
            Ok(value) => (
                format!("OMPI_MCA_io={value}"),
                "`unset OMPI_MCA_io`".to_owned(),
            ),
            Err(_) => (
                "a file `mca-params.conf`".to_owned(),
                "take the line `io = …` out of `~/.openmpi/mca-params.conf` (or of \
                 `openmpi-mca-params.conf`, where Open MPI's settings are)"
                    .to_owned(),
            ),
        };
        report.note(
            "romio",
            format!(
                "{whence} chooses ROMIO, and that of Open MPI {version} may crash with chunked \
                 datasets (reported, not tried here; open-mpi/ompi #7795, before 5.0)"
            ),
            vec![cure],
        );
    }
    Ok(())
}

/// What came of the trial.
struct Found {
    left_out: u32,
    stray: u32,
    without_ompio: bool,
}

fn try_it(machine: &Machine, working: &WorkingMpi, data: &Path) -> Result<Option<Found>> {
    let folder = trial_folder(machine)?;
    let Ok(program) = compile(&working.mpicc, folder.path(), TRIAL, &[])? else {
        return Ok(None);
    };
    let file = tempfile::Builder::new()
        .prefix("doctor-")
        .tempfile_in(data)?;
    let (_, lines) = run(&working.launcher, 3, &program, &[file.path().as_os_str()])?;
    let answer = regex::Regex::new(r"<trial: (\d+) left out, (\d+) stray, (\d) without")
        .expect("the pattern is valid");
    Ok(answer.captures(&lines.concat()).and_then(|found| {
        Some(Found {
            left_out: found[1].parse().ok()?,
            stray: found[2].parse().ok()?,
            without_ompio: &found[3] == "1",
        })
    }))
}

/// A release of an MPI.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Release(u32, u32, u32);

impl Release {
    pub(super) const fn new(major: u32, minor: u32, release: u32) -> Release {
        Release(major, minor, release)
    }

    pub(super) fn of(version: &str) -> Option<Release> {
        let mut numbers = version.split('.').map(|it| it.parse().ok());
        let mut next = || numbers.next().unwrap_or(Some(0));
        Some(Release(next()?, next()?, next()?))
    }

    /// Mended in 4.1.7 and 5.0.6: writers lock what they read and write back. It is a race,
    /// which a trial of a second need not lose, so the doctor goes by the release.
    fn loses_collective_writes(self) -> bool {
        (Release(4, 1, 0)..Release(4, 1, 7)).contains(&self)
            || (Release(5, 0, 0)..Release(5, 0, 6)).contains(&self)
    }

    /// How many bytes the path of a file may have, for up to 1000 ranks (as
    /// `parallel_hdf5::create` has it). Mended in 5.0.10; not in 4.1.
    pub(super) fn longest_path(self) -> usize {
        match self < Release(5, 0, 10) {
            true => 255 - ".locktest.999".len(),
            false => usize::MAX,
        }
    }
}
