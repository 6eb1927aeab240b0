//! Chapter 5: builds HDF5, and proves the build, by programs of the chapters that run on it, in Rust
//! and in Python.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hdf5_build::{Compiler, Library, Stamp};
use launch::supervise::{Ended, supervise};
use launch::{Launch, wheel};

use crate::chapter::Chapter;
use crate::run::{self, Request};

/// What the chapter's `check` is told, to compare Python's file with Rust's.
const COMPARE: &str = "--compare-python";

/// `make chapter-5`: builds the library, unless it is there, and with PYTHON=1 h5py on it;
/// then proves it with the programs of the chapters. `Ok(true)` if every check held.
pub fn run(root: &Path, chapter: &Chapter, request: &Request) -> Result<bool> {
    let compiler = Compiler::find(root, request.mpi)?;
    let folder = wheel::folder_for_hdf5(root, request.mpi);
    let release = request.release.as_deref();
    let library = hdf5_build::library(root, &folder, &compiler, release)?;
    let python = if request.python {
        let _lock = hdf5_build::lock(&folder)?;
        Some(hdf5_build::h5py(root, &folder, &compiler, &library)?)
    } else {
        None
    };
    prove(root, chapter, request, &library, python.as_deref())
}

/// Runs this chapter's program on the library, then the chapters before it; each of them
/// in Python as well if there is an interpreter. `Ok(true)` if every check held.
fn prove(
    root: &Path,
    chapter: &Chapter,
    request: &Request,
    library: &Library,
    python: Option<&Path>,
) -> Result<bool> {
    let own = Request {
        hdf5: Some(library.prefix.clone()),
        ..request.clone()
    };
    if !run::run(root, chapter, &own)? {
        return Ok(false);
    }
    // Arguments are for a run of one's own: then the rest of the proof is left out.
    if !request.args.is_empty() {
        return Ok(true);
    }
    let compare = [COMPARE.to_owned()];
    if !in_python(root, chapter, &own, python, &compare)? {
        return Ok(false);
    }
    // The other chapters start from nothing, not from the files of earlier runs.
    let mut data = library.prefix.clone().into_os_string();
    data.push("-data");
    Stamp::begin(Path::new(&data))?;
    let theirs = Request {
        ranks: Vec::new(),
        data: Some(data.into()),
        ..own
    };
    for other in Chapter::all(root)? {
        if other.number >= chapter.number {
            continue;
        }
        let (number, name, version) = (other.number, &other.name, &library.version);
        println!("\nChapter {number} ({name}) on this HDF5 {version}:");
        if !run::run(root, &other, &theirs)?
            || !in_python(root, &other, &theirs, python, &[])?
        {
            return Ok(false);
        }
    }
    println!("\nok: all chapters hold on this HDF5 {}", library.version);
    Ok(true)
}

/// Runs the chapter's programs in Python, if there is an interpreter; then looks at their
/// files: `args` are for the chapter's `check`. `Ok(true)` if all is right.
fn in_python(
    root: &Path,
    chapter: &Chapter,
    request: &Request,
    python: Option<&Path>,
    args: &[String],
) -> Result<bool> {
    let Some(python) = python else {
        return Ok(true);
    };
    let ranks = request.ranks.last().copied().unwrap_or(chapter.plan.ranks);
    let data = run::data_folder(root, chapter, request)?;
    for program in &programs(chapter)? {
        if !launch(root, chapter, request, python, program, ranks, &data)? {
            return Ok(false);
        }
    }
    // The check of the other chapters looks at what was printed, or at what only Rust writes.
    let comparable = !args.is_empty() || !arguments(chapter).is_empty();
    if !comparable {
        return Ok(true);
    }
    let toolchain = run::build(root, chapter, request.mpi, request.hdf5.as_deref())?;
    run::check(&toolchain, chapter, ranks, args, Ended::Exit(0), &data, "")
}

/// What a chapter's Python program is told on its command line; nothing, but for chapter 3's,
/// which wants the file that the Rust program has just made.
fn arguments(chapter: &Chapter) -> &'static [&'static str] {
    match chapter.name.as_str() {
        "distances" => &["coords.hdf5"],
        _ => &[],
    }
}

/// The programs `*.py` in the chapter's folder, in order.
fn programs(chapter: &Chapter) -> Result<Vec<PathBuf>> {
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

fn launch(
    root: &Path,
    chapter: &Chapter,
    request: &Request,
    python: &Path,
    program: &Path,
    ranks: usize,
    data: &Path,
) -> Result<bool> {
    let Some(launcher) = request.mpi.launcher(root) else {
        bail!("{} has no launcher here", request.mpi)
    };
    let mut launch = Launch::new(request.mpi, &launcher, ranks, python);
    let shown = program.strip_prefix(root).unwrap_or(program);
    let given = arguments(chapter).iter().map(OsString::from);
    launch.args = std::iter::once(shown.into()).chain(given).collect();
    println!("$ {}", launch.shown(root));
    launch.args[0] = program.into();
    launch.limit = request.limit.unwrap_or_else(|| chapter.limit(&[]));
    launch.environment = vec![
        ("WORKBOOK_DATA".to_owned(), data.display().to_string()),
        // mpi4py's wheel serves several MPIs, and would take the first that it finds.
        ("MPI4PY_MPIABI".to_owned(), request.mpi.name().to_owned()),
    ];
    // A program that names its file without a folder finds it here.
    launch.folder = Some(data.to_owned());
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
