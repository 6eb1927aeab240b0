//! The HDF5 in use: its version, whether it is parallel, and for which MPI.

use std::path::{Path, PathBuf};

use anyhow::Result;
use launch::toolchain::hdf5_version;
use launch::{Mpi, output_of};
use regex::Regex;

use super::machine::{Machine, Report};
use super::mpi::{WorkingMpi, compile, needed_by, run, trial_folder};

/// Two processes create one file together, which is what the workbook is about.
const TRIAL: &str = r#"
#include <hdf5.h>
#include <stdio.h>
int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL);
    hid_t file = H5Fcreate(argv[1], H5F_ACC_TRUNC, H5P_DEFAULT, access);
    int good = file >= 0 && H5Fclose(file) >= 0 && H5Pclose(access) >= 0;
    if (good) printf("<trial: good>\n");
    MPI_Finalize();
    return !good;
}
"#;

/// Looks at the HDF5 of an MPI that works; tries it in `data` if a file can be made there.
pub(super) fn check(
    machine: &Machine,
    report: &mut Report,
    working: &WorkingMpi,
    data: Option<&Path>,
) -> Result<()> {
    let mpi = machine.request.mpi;
    let given = machine.request.hdf5.as_deref();
    let install = || {
        let brings = |it: &String| it.contains("hdf5") || it.contains("rootless");
        let command = machine.install(mpi.name()).filter(brings);
        command.unwrap_or_else(|| "build one from source: `make chapter-5`".to_owned())
    };
    // What to do instead, if the reader gave a folder that does not do.
    let instead = || match mpi.system_hdf5(machine.root) {
        Some(dir) if given.is_some() => {
            format!("use the one in {}: leave `--hdf5` out", dir.display())
        }
        _ => install(),
    };
    let Some(dir) = given
        .map(Path::to_owned)
        .or_else(|| mpi.system_hdf5(machine.root))
    else {
        let serial = serial_version().map_or(String::new(), |version| {
            format!("; HDF5 {version} is here, but not for {mpi}")
        });
        report.wrong(
            "hdf5",
            format!("no parallel HDF5 for {mpi}{serial}"),
            vec![install()],
        );
        return Ok(());
    };
    let dir = std::path::absolute(dir)?;
    let shown = dir.display();
    let Some(header) = Header::read(&dir.join("include")) else {
        report.wrong(
            "hdf5",
            format!("no HDF5 in {shown}: there is no include/hdf5.h"),
            vec![instead()],
        );
        return Ok(());
    };
    let version = &header.version;
    if !header.parallel {
        report.wrong(
            "hdf5",
            format!(
                "HDF5 {version} in {shown} is serial: it was built without parallel extensions \
                 (its header does not define H5_HAVE_PARALLEL)"
            ),
            vec![instead()],
        );
        return Ok(());
    }
    let Some(library) = library_in(&dir) else {
        report.wrong(
            "hdf5",
            format!(
                "HDF5 {version} in {shown} has headers and no library (no lib/libhdf5)"
            ),
            vec![instead()],
        );
        return Ok(());
    };
    let needed = needed_by(&library).unwrap_or_default();
    if let Some(other) = mpi_of(&needed).filter(|it| *it != mpi) {
        let try_other = format!("for that MPI: `make doctor MPI={}`", other.name());
        report.wrong(
            "hdf5",
            format!("HDF5 {version} in {shown} was built for {other}, and this is {mpi}"),
            vec![instead(), try_other],
        );
        return Ok(());
    }
    let missing: Vec<&str> = needed
        .lines()
        .filter_map(|line| line.trim().strip_suffix("=> not found"))
        .map(str::trim)
        .collect();
    if !missing.is_empty() {
        report.wrong(
            "hdf5",
            format!(
                "HDF5 {version} in {shown} lacks libraries: {}",
                missing.join(", ")
            ),
            vec![instead()],
        );
        return Ok(());
    }
    match data.map(|data| create_together(machine, working, &dir, data)).transpose()? {
        Some(Err(why)) => report.wrong(
            "hdf5",
            format!("two processes could not create one file with HDF5 {version} in {shown}: {why}"),
            vec![instead()],
        ),
        tried => {
            let good = if tried.is_some() { "; two processes created one file with it" } else { "" };
            report.ok("hdf5", format!("HDF5 {version} in {shown}, parallel, for {mpi}{good}"));
        }
    }
    pkg_config(report, &dir);
    Ok(())
}

/// What the headers say.
struct Header {
    version: String,
    parallel: bool,
}

impl Header {
    fn read(include: &Path) -> Option<Header> {
        if !include.join("hdf5.h").is_file() {
            return None;
        }
        // Fedora's H5pubconf.h only includes H5pubconf-64.h or H5pubconf-32.h.
        let define = Regex::new(r"(?m)^\s*#\s*define\s+H5_HAVE_PARALLEL\b");
        let define = define.expect("the pattern is valid");
        let parallel = ["H5pubconf.h", "H5pubconf-64.h"].iter().any(|name| {
            std::fs::read_to_string(include.join(name))
                .is_ok_and(|text| define.is_match(&text))
        });
        Some(Header {
            version: hdf5_version(include).unwrap_or_else(|| "?".to_owned()),
            parallel,
        })
    }
}

fn library_in(dir: &Path) -> Option<PathBuf> {
    ["lib", "lib64"]
        .into_iter()
        .flat_map(|lib| {
            ["so", "dylib", "a"].map(|end| dir.join(lib).join(format!("libhdf5.{end}")))
        })
        .find(|it| it.exists())
}

/// The MPI whose library `ldd` names. MPICH's is `libmpich.so` on Debian and `libmpi.so.12`
/// elsewhere, Open MPI's is `libmpi.so.40`.
fn mpi_of(needed: &str) -> Option<Mpi> {
    let any = |names: &[&str]| {
        needed
            .lines()
            .any(|line| names.iter().any(|name| line.trim().starts_with(name)))
    };
    if any(&["libmpich.so", "libmpi.so.12"]) {
        Some(Mpi::Mpich)
    } else if any(&["libmpi.so.40", "libmpi.so.20"]) {
        Some(Mpi::OpenMpi)
    } else {
        None
    }
}

/// Lets two processes create a file in `data`; if they cannot, why.
fn create_together(
    machine: &Machine,
    working: &WorkingMpi,
    dir: &Path,
    data: &Path,
) -> Result<Result<(), String>> {
    let folder = trial_folder(machine)?;
    let lib = library_in(dir).and_then(|it| it.parent().map(Path::to_owned));
    let lib = lib.unwrap_or_else(|| dir.join("lib"));
    let options = [
        format!("-I{}", dir.join("include").display()),
        format!("-L{}", lib.display()),
        "-lhdf5".to_owned(),
        format!("-Wl,-rpath,{}", lib.display()),
    ];
    let program = match compile(&working.mpicc, folder.path(), TRIAL, &options)? {
        Ok(program) => program,
        Err(why) => return Ok(Err(why)),
    };
    let file = tempfile::Builder::new()
        .prefix("doctor-")
        .suffix(".hdf5")
        .tempfile_in(data)?;
    let (ended, lines) = run(&working.launcher, 2, &program, &[file.path().as_os_str()])?;
    if lines.concat().matches("<trial: good>").count() == 2 && ended.success() {
        return Ok(Ok(()));
    }
    let first = lines.iter().find(|it| it.contains(char::is_alphanumeric));
    Ok(Err(format!(
        "{ended}; {}",
        first.map_or("it said nothing", |it| it.trim())
    )))
}

/// `hdf5.pc` is for who builds without the workbook; on Debian it changes hands with each
/// HDF5 that is installed.
fn pkg_config(report: &mut Report, dir: &Path) {
    let Some(flags) = output_of("pkg-config", &["--cflags-only-I", "hdf5"]) else {
        return;
    };
    let real = |path: &Path| path.canonicalize().ok();
    let ours = real(&dir.join("include"));
    let folders: Vec<&str> = flags
        .split_whitespace()
        .filter_map(|it| it.strip_prefix("-I"))
        .collect();
    let Some(theirs) = folders
        .iter()
        .find(|it| Path::new(it).join("hdf5.h").is_file())
    else {
        return;
    };
    if !folders.iter().any(|it| real(Path::new(it)) == ours) {
        report.note(
            "pkg-config",
            format!(
                "pkg-config's `hdf5` is another HDF5 ({theirs}); the workbook does not ask it"
            ),
            vec![format!(
                "for a project of your own, `export HDF5_DIR={}` before `cargo build`",
                dir.display()
            )],
        );
    }
}

/// The version of an HDF5 that some compiler wrapper or pkg-config knows.
fn serial_version() -> Option<String> {
    ["hdf5", "hdf5-serial"]
        .into_iter()
        .find_map(|name| output_of("pkg-config", &["--modversion", name]))
        .map(|version| version.trim().to_owned())
}
