//! Chapter 5: builds HDF5 with parallel extensions from its source, and proves the build.
//!
//! All that is built lies in `target/hdf5`: `2.2.0-openmpi` is the library, with `include`
//! and `lib`; `2.2.0-openmpi-build` is where it is built; `2.2.0-openmpi.log` is what the
//! commands printed. A library counts as built when its stamp says so, and that is written
//! last; so what was interrupted is gone on with, and never mistaken for a whole.

mod cmake;
mod debian;
mod h5py;
mod job;
mod stamp;

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};

use crate::chapter::Chapter;
use crate::launch::Launch;
use crate::mpi::{Mpi, output_of};
use crate::run::{self, Request};
use crate::supervise::{Ended, supervise};

pub use job::{Count, Job};
pub use stamp::Stamp;

/// The compiler wrapper that a library is built with.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// Which MPI it belongs to.
    pub mpi: Mpi,
    /// Its name or path.
    pub mpicc: String,
    /// What it says of its MPI's version; a library for another version is another one.
    pub version: String,
}

impl Compiler {
    /// Finds the compiler wrapper of `mpi`.
    pub fn find(mpi: Mpi) -> Result<Compiler> {
        let Some(mpicc) = mpi.compiler() else {
            bail!(
                "HDF5 is built with the mpicc of {mpi}, and there is none on the PATH; \
                 `make doctor MPI={}` says what to do",
                mpi.name()
            )
        };
        let option = match mpi {
            Mpi::OpenMpi => "-showme:version",
            Mpi::Mpich => "-v",
        };
        let says = output_of(&mpicc, &[option]).unwrap_or_default();
        let version = says.lines().next().unwrap_or("unknown").to_owned();
        Ok(Compiler {
            mpi,
            mpicc,
            version,
        })
    }
}

/// A library that was built here.
#[derive(Clone, Debug)]
pub struct Library {
    /// Its version: `2.2.0`.
    pub version: String,
    /// The folder that holds its `include` and `lib`.
    pub prefix: PathBuf,
}

/// `make chapter-5`: builds the library, unless it is there; runs this chapter's program on
/// it, then the chapters before it, then Python. `Ok(true)` if every check held.
pub fn run(root: &Path, chapter: &Chapter, request: &Request) -> Result<bool> {
    let compiler = Compiler::find(request.mpi)?;
    let folder = root.join("target/hdf5");
    let library = library(root, &folder, &compiler, request.release.as_deref())?;

    let with_library = Request {
        hdf5: Some(library.prefix.clone()),
        ..request.clone()
    };
    if !run::run(root, chapter, &with_library)? {
        return Ok(false);
    }
    // Arguments are for a run of one's own: then the rest of the proof is left out.
    if !request.args.is_empty() {
        return Ok(true);
    }
    let earlier = Request {
        ranks: Vec::new(),
        ..with_library.clone()
    };
    for other in Chapter::all(root)? {
        if other.number < chapter.number {
            println!(
                "\nChapter {} ({}) on this HDF5 {}:",
                other.number, other.name, library.version
            );
            if !run::run(root, &other, &earlier)? {
                return Ok(false);
            }
        }
    }
    if request.python {
        println!();
        return python(root, chapter, &with_library, &folder, &compiler, &library);
    }
    Ok(true)
}

/// The library of the release that is asked for (`1.10`; the crate's own if `None`), built
/// in `folder` unless it is there already.
pub fn library(
    root: &Path,
    folder: &Path,
    compiler: &Compiler,
    release: Option<&str>,
) -> Result<Library> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let _lock = lock(folder)?;
    match release {
        // The autotools, and with them `configure`, end with 1.14.
        Some(release) if release == "1" || release.starts_with("1.") => {
            debian::library(folder, compiler, release)
        }
        _ => cmake::library(root, folder, compiler, release),
    }
}

/// Keeps two builds out of one folder; the kernel lets go when we end, however that is.
fn lock(folder: &Path) -> Result<Flock<File>> {
    let path = folder.join("lock");
    let open =
        || File::create(&path).with_context(|| format!("cannot make {}", path.display()));
    match Flock::lock(open()?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(lock),
        Err(_) => bail!(
            "another build of HDF5 is running here (it holds {}); wait for its end",
            path.display()
        ),
    }
}

/// True if version `is` (`1.10.8`) belongs to the release `wanted` (`1.10`).
fn belongs_to(is: &str, wanted: &str) -> bool {
    is.strip_prefix(wanted).is_some_and(|rest| {
        rest.is_empty() || !rest.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// How many commands a build runs at the same time.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Builds h5py on the library, runs this chapter's program in Python and compares its file
/// with Rust's; then the Python programs of the other chapters.
fn python(
    root: &Path,
    chapter: &Chapter,
    request: &Request,
    folder: &Path,
    compiler: &Compiler,
    library: &Library,
) -> Result<bool> {
    let interpreter = {
        let _lock = lock(folder)?;
        h5py::environment(folder, compiler, library)?
    };
    let ranks = request.ranks.last().copied();
    let own = python_programs(chapter)?;
    for program in &own {
        let ranks = ranks.unwrap_or(chapter.plan.ranks);
        if !run_python(root, chapter, request, &interpreter, program, ranks)? {
            return Ok(false);
        }
        let toolchain = run::build(root, chapter, request.mpi, request.hdf5.as_deref())?;
        let data = run::data_folder(root, chapter)?;
        let compare = ["--compare-python".to_owned()];
        if !run::check(
            &toolchain,
            chapter,
            ranks,
            &compare,
            Ended::Exit(0),
            &data,
            "",
        )? {
            return Ok(false);
        }
    }
    for other in Chapter::all(root)?
        .iter()
        .filter(|it| it.number < chapter.number)
    {
        for program in &python_programs(other)? {
            let ranks = other.plan.ranks;
            if !run_python(root, other, request, &interpreter, program, ranks)? {
                return Ok(false);
            }
        }
    }
    println!("ok: the Python programs run on the h5py that was built on this HDF5");
    Ok(true)
}

/// What a chapter's Python program is told on its command line; nothing, but for chapter 3's,
/// which wants the file that the Rust program has just made.
fn python_arguments(chapter: &Chapter) -> &'static [&'static str] {
    match chapter.name.as_str() {
        "distances" => &["coords.hdf5"],
        _ => &[],
    }
}

/// The programs `*.py` in the chapter's folder, in order.
fn python_programs(chapter: &Chapter) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(&chapter.folder)
        .with_context(|| format!("cannot read {}", chapter.folder.display()))?;
    let mut programs: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|it| it == "py"))
        .collect();
    programs.sort();
    Ok(programs)
}

fn run_python(
    root: &Path,
    chapter: &Chapter,
    request: &Request,
    interpreter: &Path,
    program: &Path,
    ranks: usize,
) -> Result<bool> {
    let Some(launcher) = request.mpi.launcher() else {
        bail!("{} has no launcher here", request.mpi)
    };
    let mut launch = Launch::new(request.mpi, &launcher, ranks, interpreter);
    let shown = program.strip_prefix(root).unwrap_or(program);
    let given = python_arguments(chapter).iter().map(OsString::from);
    launch.args = std::iter::once(shown.into()).chain(given).collect();
    println!("$ {}", launch.shown(root));
    launch.args[0] = program.into();
    launch.limit = request.limit.unwrap_or_else(|| chapter.limit(&[]));
    let data = run::data_folder(root, chapter)?;
    launch.environment = vec![
        ("WORKBOOK_DATA".to_owned(), data.display().to_string()),
        // mpi4py's wheel serves several MPIs, and would take the first that it finds.
        ("MPI4PY_MPIABI".to_owned(), request.mpi.name().to_owned()),
    ];
    // A program that names its file without a folder writes it here.
    launch.folder = Some(data);
    let outcome = supervise(launch.command(&[]), launch.limit, |line| {
        println!("{}", line.text)
    })?;
    if outcome.ended == Ended::Interrupted {
        bail!("interrupted; all ranks were stopped");
    }
    if !outcome.ended.success() {
        println!("NOT OK: {}: {}", shown.display(), outcome.ended);
    }
    Ok(outcome.ended.success())
}

#[cfg(test)]
mod tests {
    use super::belongs_to;

    #[test]
    fn a_release_is_a_whole_part_of_a_version() {
        assert!(belongs_to("1.10.8", "1.10"));
        assert!(belongs_to("2.2.0", "2"));
        assert!(belongs_to("2.2.0", "2.2.0"));
        assert!(!belongs_to("1.10.8", "1.1"));
        assert!(!belongs_to("1.14.5", "1.10"));
    }
}
