//! The folder where the programs write: whether MPI-IO can open what has such a path, and
//! whether its file system has the locks that atomic mode and HDF5 need.
//!
//! ROMIO's atomic mode takes a lock by `fcntl` around each access; HDF5 takes one by
//! `flock` on each file that it opens without MPI. Each lock is not only taken here, but
//! asked for a second time as well, which must be refused: some file systems say yes to
//! everybody.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use launch::{Mpi, output_of};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};
use nix::libc;

use super::machine::{Machine, Report};
use super::mpi::WorkingMpi;
use super::mpiio::Release;

/// What the longest name of a file may have that a chapter or an exercise makes.
const LONGEST_NAME: usize = 40;

/// Looks at the folder where the programs write; it, if files and locks work there.
pub(super) fn check(
    machine: &Machine,
    report: &mut Report,
    mpi: Option<&WorkingMpi>,
) -> Option<PathBuf> {
    let (folder, named) = match std::env::var_os("WORKBOOK_DATA") {
        Some(folder) => (PathBuf::from(folder), true),
        None => (machine.root.join("target/data"), false),
    };
    let shown = folder
        .strip_prefix(machine.root)
        .unwrap_or(&folder)
        .display();
    let elsewhere = || match named {
        true => "write on a disk of this machine: `export WORKBOOK_DATA=/var/tmp/workbook`"
            .to_owned(),
        false => "write on a disk of this machine: `mkdir -p /var/tmp/workbook && rm -rf \
                  target/data && ln -s /var/tmp/workbook target/data`"
            .to_owned(),
    };
    let files = std::fs::create_dir_all(&folder).and_then(|()| {
        let file = tempfile::Builder::new()
            .prefix("doctor-")
            .tempfile_in(&folder)?;
        let again = file.reopen()?;
        Ok((file, again))
    });
    let (file, again) = match files {
        Ok(files) => files,
        Err(error) => {
            report.wrong(
                "data-folder",
                format!("the programs cannot write in {shown}: {error}"),
                vec![elsewhere()],
            );
            return None;
        }
    };
    let bytes = folder.as_os_str().as_bytes();
    let mut well = true;
    if bytes.contains(&b':') {
        let says = format!(
            "the path of {shown} has a colon, and ROMIO takes what is before it for the name of \
             a file system (open-mpi/ompi #860, pmodels/mpich #5951)"
        );
        let release = mpi.and_then(|it| Release::of(&it.version));
        match machine.request.mpi {
            // Its ROMIO takes only the names that it knows for a file system (seen with 4.2.1).
            Mpi::Mpich if release.is_some_and(|it| it >= Release::new(4, 2, 0)) => {}
            Mpi::Mpich => {
                well = false;
                report.wrong("colon", format!("{says}: MPICH opens no file there"), vec![elsewhere()]);
            }
            Mpi::OpenMpi => report.note(
                "colon",
                format!("{says}; Open MPI's OMPIO does not, so only `--mca io romio321` and MPICH open no file there"),
                vec![elsewhere()],
            ),
        }
    }
    let open_mpi = mpi.filter(|_| machine.request.mpi == Mpi::OpenMpi);
    if let Some(version) = open_mpi.map(|it| &it.version)
        && let Some(longest) = Release::of(version).map(Release::longest_path)
        && bytes.len() + "/".len() + LONGEST_NAME > longest
    {
        well = false;
        report.wrong(
            "long-path",
            format!(
                "the path of {shown} has {} bytes, and Open MPI {version} is ended by a file \
                 whose path has more than {longest} (open-mpi/ompi #13565, before 5.0.10)",
                bytes.len()
            ),
            vec![elsewhere()],
        );
    }
    let kind = file_system(&folder).map_or(String::new(), |kind| format!(" ({kind})"));

    let (by_fcntl, by_flock) = (
        record_lock(file.as_file(), &again),
        whole_lock(&file, &again),
    );
    if let Err(why) = &by_fcntl {
        report.wrong(
            "fcntl-lock",
            format!(
                "no fcntl locks in {shown}{kind}: {why}; atomic mode cannot work there \
                 (chapter 4)"
            ),
            vec![elsewhere()],
        );
    }
    if let Err(why) = &by_flock {
        report.wrong(
            "flock",
            format!(
                "no flock in {shown}{kind}: {why}; HDF5 cannot lock the files that it opens \
                 without MPI"
            ),
            vec![
                elsewhere(),
                "or let HDF5 do without, with one program at a time in a file: `export \
                 HDF5_USE_FILE_LOCKING=FALSE`"
                    .to_owned(),
            ],
        );
    }
    if let Ok(value) = std::env::var("HDF5_USE_FILE_LOCKING")
        && !value.eq_ignore_ascii_case("TRUE")
        && value != "1"
    {
        report.note(
            "hdf5-file-locking",
            format!(
                "HDF5_USE_FILE_LOCKING={value}: HDF5 does not insist on its lock, so two \
                 programs can spoil one file, and chapter 2's lock error does not appear"
            ),
            vec!["unless you need that: `unset HDF5_USE_FILE_LOCKING`".to_owned()],
        );
    }
    if by_fcntl.is_err() || by_flock.is_err() || !well {
        return None;
    }
    report.ok(
        "data-folder",
        format!("the programs write in {shown}{kind}; locks work there"),
    );
    Some(folder)
}

/// The lock of ROMIO's atomic mode, on a range of bytes.
fn record_lock(file: &File, again: &File) -> Result<(), String> {
    let range = libc::flock {
        l_type: libc::F_WRLCK as _,
        l_whence: libc::SEEK_SET as _,
        l_start: 0,
        l_len: 1,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_SETLK(&range)).map_err(|it| it.desc().to_owned())?;
    // A second lock by the same process would be granted; one that belongs to the open
    // file is not. Only Linux has them.
    #[cfg(target_os = "linux")]
    match fcntl(again.as_fd(), FcntlArg::F_OFD_SETLK(&range)) {
        Err(Errno::EAGAIN | Errno::EACCES) => {}
        Ok(_) => {
            return Err("a lock that is taken is given to a second one as well".to_owned());
        }
        Err(error) => return Err(error.desc().to_owned()),
    }
    #[cfg(not(target_os = "linux"))]
    let _ = again;
    Ok(())
}

/// The lock that HDF5 takes on a file that it opens without MPI.
fn whole_lock(file: &tempfile::NamedTempFile, again: &File) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let first = Flock::lock(
        file.reopen().map_err(text)?,
        FlockArg::LockExclusiveNonblock,
    );
    let _first = first.map_err(|(_, it)| it.desc().to_owned())?;
    let second = again.try_clone().map_err(text)?;
    match Flock::lock(second, FlockArg::LockExclusiveNonblock) {
        Err((_, Errno::EWOULDBLOCK)) => Ok(()),
        Err((_, error)) => Err(error.desc().to_owned()),
        Ok(_) => Err("a lock that is taken is given to a second one as well".to_owned()),
    }
}

/// The kind of file system on which `folder` is: `ext2/ext3`, `nfs`, `tmpfs`, …
fn file_system(folder: &Path) -> Option<String> {
    let kind = output_of("stat", &["-f", "-c", "%T", &folder.to_string_lossy()])?;
    Some(kind.trim().to_owned())
}
