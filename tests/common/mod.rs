//! What the tests of the chapters share: real launches at several rank counts.

#![allow(dead_code, reason = "each test file uses a part")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use hdf5::{File, FileBuilder};
use launch::supervise::Ended;
use launch::{Launch, Mpi, Run, Toolchain};
use mpi::topology::SimpleCommunicator;

/// The rank counts at which every chapter is tried; 7 is more than the cores of a small
/// machine, and than the rows of the small files.
pub const RANKS: [usize; 5] = [1, 2, 3, 4, 7];

/// The MPI that the programs under test were built with.
pub fn mpi() -> Mpi {
    let name = std::env::var("WORKBOOK_MPI").unwrap_or("openmpi".to_owned());
    name.parse().expect("WORKBOOK_MPI names an MPI")
}

/// The workbook's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A run of a program, writing into the folder `data`.
pub fn launch(program: &str, ranks: usize, args: &[&str], data: &Path) -> Launch {
    let mpi = mpi();
    let launcher = mpi
        .launcher(root())
        .unwrap_or_else(|| panic!("no launcher of {mpi}: make doctor"));
    let mut launch = Launch::new(mpi, &launcher, ranks, Path::new(program));
    launch.args = args.iter().map(OsString::from).collect();
    launch
        .environment
        .push(("WORKBOOK_DATA".to_owned(), data.display().to_string()));
    launch
        .environment
        .push(("RUST_BACKTRACE".to_owned(), "0".to_owned()));
    launch.folder = Some(data.to_owned());
    launch
}

/// Says to a test of this executable that it is to run as a rank.
const AS_A_RANK: &str = "TEST_AS_A_RANK";

/// A run of a test of this executable as a program on several ranks: one that calls [`rank`],
/// and is marked `#[ignore = "runs as a rank"]`.
pub fn launch_test(name: &str, ranks: usize, data: &Path) -> Launch {
    let own = std::env::current_exe().expect("a test has a path");
    let args = [
        "--ignored",
        "--exact",
        name,
        "--nocapture",
        "--test-threads=1",
    ];
    let mut launch = launch(own.to_str().expect("UTF-8"), ranks, &args, data);
    launch
        .environment
        .push((AS_A_RANK.to_owned(), name.to_owned()));
    launch
}

/// Runs `program` if this process is a rank of [`launch_test`].
pub fn rank(program: impl FnOnce(&SimpleCommunicator) -> parallel_hdf5::Result<()>) {
    if std::env::var_os(AS_A_RANK).is_some() {
        assert_eq!(parallel_hdf5::run(program), ExitCode::SUCCESS);
    }
}

/// Runs it, and fails the test unless it succeeds and leaves no process.
#[track_caller]
pub fn succeed(launch: &Launch) -> Run {
    let run = launch.run().expect("the launcher can be started");
    assert!(
        run.ended.success(),
        "{}\n{}",
        launch.shown(root()),
        run.report()
    );
    assert!(
        run.left_behind.is_empty(),
        "left behind: {:?}",
        run.left_behind
    );
    run
}

/// Runs it, and fails the test unless it ends by itself with a status other than 0.
#[track_caller]
pub fn fail(launch: &Launch) -> Run {
    let run = launch.run().expect("the launcher can be started");
    let failed = matches!(run.ended, Ended::Exit(status) if status != 0);
    assert!(failed, "{}\n{}", launch.shown(root()), run.report());
    assert!(
        run.left_behind.is_empty(),
        "left behind: {:?}",
        run.left_behind
    );
    run
}

/// Runs it for `seconds`, and fails the test unless it is still running then.
#[track_caller]
pub fn hang(launch: &mut Launch, seconds: u64) -> Run {
    launch.limit = Duration::from_secs(seconds);
    let run = launch.run().expect("the launcher can be started");
    assert_eq!(run.ended, Ended::Limit(launch.limit), "{}", run.report());
    run
}

/// Whether HDF5 lets the only rank of a file write filtered data independently, which it refuses
/// where there are several: since 1.13, which looks at the communicator's size first
/// (`H5D__ioinfo_adjust` in `H5Dio.c`).
pub fn one_rank_may_write_filtered_data_independently() -> bool {
    let version = parallel_hdf5::about::hdf5_version();
    !["1.10.", "1.12."].iter().any(|it| version.starts_with(it))
}

/// A folder of the test's own, deleted at its end.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

/// Opens a file as one process does, to see what is in it.
///
/// Not with HDF5's lock. A test beside this one may be starting a program just now, which
/// inherits what is open here, and with it the lock: the file could not be opened again while
/// that program runs.
pub fn open_serially(path: impl AsRef<Path>) -> hdf5::Result<File> {
    unlocked().open(path)
}

/// The same, to change it.
pub fn change_serially(path: impl AsRef<Path>) -> hdf5::Result<File> {
    unlocked().open_rw(path)
}

/// Makes a file as one process does, without HDF5's lock (see [`open_serially`]).
pub fn create_serially(path: impl AsRef<Path>) -> hdf5::Result<File> {
    unlocked().create(path)
}

fn unlocked() -> FileBuilder {
    let mut builder = FileBuilder::new();
    builder.with_fapl(|access| access.file_locking(false));
    builder
}

/// The options that make Open MPI use this implementation of MPI-IO: `romio`, `ompio`.
pub fn io_options(prefix: &str) -> Vec<String> {
    let toolchain = Toolchain::find(Mpi::OpenMpi, root(), None);
    let toolchain = toolchain.expect("the tests' set-up installs Open MPI");
    toolchain.io_options(prefix).unwrap()
}

/// Debian's Python with h5py and mpi4py, which the set-up for `make test` installs.
pub fn python() -> PathBuf {
    PathBuf::from("/usr/bin/python3")
}

/// A run of a Python program. Debian's mpi4py and h5py are built for Open MPI, so they are
/// started by Open MPI's launcher, whatever MPI the Rust programs use.
pub fn launch_python(script: &Path, ranks: usize, args: &[&str], data: &Path) -> Launch {
    let mut launch = launch(&python().display().to_string(), ranks, &[], data);
    launch.mpi = Mpi::OpenMpi;
    launch.launcher = Mpi::OpenMpi
        .launcher(root())
        .expect("the tests' set-up installs Open MPI");
    launch.args.push(script.into());
    launch.args.extend(args.iter().map(OsString::from));
    launch
}

/// The `workbook` command, built from this tree.
pub fn workbook_program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build_program("workbook", "workbook"))
}

/// The `teacher` command, built from this tree.
pub fn teacher_program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build_program("teacher", "teacher"))
}

/// The `author` command, built from this tree.
pub fn author_program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build_program("author", "author"))
}

/// A program of another package, built from this tree into the target folder of this test.
/// (Cargo builds the programs of the package under test only.)
pub fn build_program(package: &str, program: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a test has a path");
    // target/debug/deps/faults-… lies three folders below the target folder
    let target = own.ancestors().nth(3).expect("it lies in a target folder");
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--locked", "--package", package])
        .args(["--bin", program, "--target-dir"])
        .arg(target)
        .current_dir(root())
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "{program} builds");
    target.join("debug").join(program)
}

/// What cargo, and the tests' own set-up, have put into our environment, and a reader's has not.
pub const NOT_A_READERS: [&str; 5] = [
    "CARGO_TARGET_DIR",
    "HDF5_DIR",
    "MPICC",
    "RUSTC",
    "WORKBOOK_DATA",
];

/// Lets a command run without [`NOT_A_READERS`].
pub fn as_of_a_reader(command: &mut Command) {
    for name in NOT_A_READERS {
        command.env_remove(name);
    }
}

/// The `workbook` command for this test's MPI, in the workbook's folder, as in an environment
/// of a reader's own.
pub fn workbook_command() -> Command {
    command_of_a_reader(workbook_program())
}

/// One of our commands, as [`workbook_command`].
pub fn command_of_a_reader(program: &Path) -> Command {
    let mut command = Command::new(program);
    as_of_a_reader(&mut command);
    command
        .env_remove("NP")
        .env_remove("SEED")
        .env("MPI", mpi().name())
        .current_dir(root())
        .stdin(Stdio::null());
    command
}

/// All that a command has printed.
pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr)
}

/// Fails the test unless h5diff finds no difference between two files in `folder`.
#[track_caller]
pub fn assert_same_contents(folder: &Path, one: &str, other: &str) {
    let h5diff = Command::new("h5diff")
        .args(["-v", one, other])
        .current_dir(folder)
        .output()
        .expect("h5diff is there: make test installs it");
    assert!(
        h5diff.status.success(),
        "{}",
        String::from_utf8_lossy(&h5diff.stdout)
    );
}

/// Processes whose environment names the folder: those that a check has started.
pub fn processes_that_mention(folder: &Path) -> Vec<String> {
    let wanted = folder.to_string_lossy().into_owned();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let is = |pid: &str| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&wanted)
    };
    entries
        .map(|it| it.file_name().to_string_lossy().into_owned())
        .filter(|pid| pid.chars().all(|it| it.is_ascii_digit()) && is(pid))
        .map(|pid| {
            let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            format!(
                "{pid} {}",
                String::from_utf8_lossy(&command).replace('\0', " ")
            )
        })
        .collect()
}
