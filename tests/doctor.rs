//! `make doctor`: each finding on a machine that really has the fault.
//!
//! The faults are made around the doctor, not in it: a PATH without a launcher, or with
//! another MPI's; a folder with a serial HDF5; a mounted file system that refuses locks; a
//! Rust of two years ago. Every test asks for the finding, its cure and the exit status,
//! and that nothing else is called wrong.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use launch::Mpi;
use tempfile::TempDir;

mod common;
#[path = "doctor/lockless.rs"]
mod lockless;

use common::{root as repository, workbook_program as workbook};

// --- The doctor, and what surrounds it ---------------------------------------------------

/// A folder of this test's own, which is removed afterwards. Not below /tmp, which may be
/// closed to programs.
fn scratch() -> TempDir {
    let parent = env!("CARGO_TARGET_TMPDIR");
    fs::create_dir_all(parent).expect("the folder for tests can be made");
    tempfile::Builder::new()
        .prefix("doctor-")
        .tempdir_in(parent)
        .expect("a folder can be made")
}

/// A machine: a folder of the workbook (the repository's files, a `target` of its own), and
/// an environment that owes nothing to the shell that started the tests.
struct Machine {
    folder: TempDir,
    environment: BTreeMap<String, String>,
    args: Vec<String>,
}

impl Machine {
    fn new() -> Machine {
        let folder = scratch();
        for name in ["Cargo.toml", "Makefile", "chapters", "src"] {
            symlink(repository().join(name), folder.path().join(name)).expect("a link");
        }
        let mut environment = BTreeMap::new();
        for name in [
            "PATH",
            "HOME",
            "CARGO_HOME",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
        ] {
            if let Ok(value) = std::env::var(name) {
                environment.insert(name.to_owned(), value);
            }
        }
        environment.insert("LC_ALL".to_owned(), "C".to_owned());
        // An editor's or a cluster's python may come first; the workbook's is the system's.
        Machine {
            folder,
            environment,
            args: Vec::new(),
        }
    }

    fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Machine {
        let value = value.as_ref().to_str().expect("it is UTF-8").to_owned();
        self.environment.insert(name.to_owned(), value);
        self
    }

    fn args(mut self, args: &[&str]) -> Machine {
        self.args = args.iter().map(|it| it.to_string()).collect();
        self
    }

    /// With this PATH: all programs of the test's own PATH but those for which `drop` is
    /// true, and `more`: names, and the programs for which they stand.
    fn path(self, drop: impl Fn(&str) -> bool, more: &[(&str, &str)]) -> Machine {
        let bin = self.folder.path().join("bin");
        fs::create_dir(&bin).expect("a folder can be made");
        for (name, program) in more {
            symlink(program, bin.join(name)).expect("a link");
        }
        let path = std::env::var_os("PATH").expect("there is a PATH");
        for folder in std::env::split_paths(&path) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                if !drop(&name.to_string_lossy()) {
                    // The first one wins, as on a PATH.
                    let _ = symlink(entry.path(), bin.join(name));
                }
            }
        }
        self.with("PATH", bin)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(&self.environment)
            .current_dir(self.folder.path());
        command
    }

    fn doctor(&self) -> Diagnosis {
        let mut command = self.command(workbook());
        command.arg("doctor").args(&self.args);
        Diagnosis::read(&command.output().expect("the doctor can be started"))
    }

    /// The doctor's answer after the reader has done in the shell what `cure` says.
    fn doctor_after(&self, cure: &str) -> Diagnosis {
        let command = cure.split('`').nth(1).expect("the cure holds a command");
        let mut shell = self.command(Path::new("/bin/sh"));
        shell
            .arg("-c")
            .arg(format!("{command}\nexec \"$0\" doctor \"$@\""))
            .arg(workbook())
            .args(&self.args);
        Diagnosis::read(&shell.output().expect("a shell can be started"))
    }
}

/// What the doctor said, as a reader sees it.
#[derive(Debug)]
struct Diagnosis {
    status: Option<i32>,
    /// Mark, text, cures.
    findings: Vec<(String, String, Vec<String>)>,
    text: String,
}

impl Diagnosis {
    fn read(output: &Output) -> Diagnosis {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut findings: Vec<(String, String, Vec<String>)> = Vec::new();
        for line in text.lines() {
            if let Some(cure) = line.strip_prefix("         cure: ") {
                let finding = findings.last_mut().expect("a cure belongs to a finding");
                finding.2.push(cure.to_owned());
            } else if let Some((mark, says)) = line.split_once("  ")
                && ["ok", "note", "WRONG"].contains(&mark)
            {
                findings.push((mark.to_owned(), says.trim().to_owned(), Vec::new()));
            }
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        let text = format!("{text}{errors}");
        assert!(!findings.is_empty(), "the doctor found nothing:\n{text}");
        Diagnosis {
            status: output.status.code(),
            findings,
            text,
        }
    }

    /// The cures of the one finding with this mark whose text contains `words`.
    #[track_caller]
    fn cures(&self, mark: &str, words: &str) -> &[String] {
        let mut found = self
            .findings
            .iter()
            .filter(|it| it.0 == mark && it.1.contains(words));
        let Some(finding) = found.next() else {
            panic!("no {mark} with `{words}` in:\n{}", self.text)
        };
        assert!(
            found.next().is_none(),
            "more than one `{words}` in:\n{}",
            self.text
        );
        &finding.2
    }

    /// The cure of the only thing that is wrong, whose text contains `words`.
    #[track_caller]
    fn only_wrong(&self, words: &str) -> &str {
        let wrong = self.findings.iter().filter(|it| it.0 == "WRONG").count();
        assert_eq!(wrong, 1, "{}", self.text);
        assert_eq!(self.status, Some(1), "{}", self.text);
        assert!(self.text.contains("One thing is wrong"), "{}", self.text);
        match self.cures("WRONG", words) {
            [] => panic!("no cure for `{words}` in:\n{}", self.text),
            [cure, ..] => cure,
        }
    }

    #[track_caller]
    fn is_well(&self) -> &Diagnosis {
        assert!(
            self.findings.iter().all(|it| it.0 != "WRONG"),
            "{}",
            self.text
        );
        assert!(self.text.contains("Nothing is wrong."), "{}", self.text);
        assert_eq!(self.status, Some(0), "{}", self.text);
        self
    }

    #[track_caller]
    fn is_silent_about(&self, words: &str) -> &Diagnosis {
        assert!(!self.text.contains(words), "`{words}` in:\n{}", self.text);
        self
    }
}

/// What a program prints on standard output.
fn says(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Debian's folder of an HDF5: `openmpi`, `mpich` or `serial`.
fn hdf5(kind: &str) -> PathBuf {
    let triplet = says("gcc", &["-print-multiarch"]);
    let folder = PathBuf::from(format!("/usr/lib/{triplet}/hdf5/{kind}"));
    assert!(
        folder.join("include/hdf5.h").is_file(),
        "make test installs {}",
        folder.display()
    );
    folder
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Tells the person who runs the tests, although the test passes, that it has not tried
/// what it should: past the test harness, which keeps what passing tests print.
fn not_tried(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "\nNOT TRIED: {what}: {why}\n");
}

fn of_open_mpi_launcher(name: &str) -> bool {
    let names = [
        "mpirun",
        "mpiexec",
        "orterun",
        "prterun",
        "prte",
        "mpirun.openmpi",
        "mpiexec.openmpi",
    ];
    names.contains(&name)
}

// --- What is well ------------------------------------------------------------------------

#[test]
fn a_good_machine_has_nothing_wrong_under_either_mpi() {
    for (mpi, name) in [("openmpi", "Open MPI"), ("mpich", "MPICH")] {
        let diagnosis = Machine::new().args(&["--mpi", mpi]).doctor();
        diagnosis.is_well();
        let rust = says("rustc", &["--version"]);
        let rust = rust.split(' ').nth(1).expect("rustc tells its version");
        diagnosis.cures("ok", &format!("Rust {rust}"));
        let launcher = says(&format!("mpirun.{mpi}"), &["--version"]);
        let version = launcher
            .split_whitespace()
            .find(|it| it.starts_with(|c: char| c.is_ascii_digit()))
            .expect("a launcher tells its version");
        diagnosis.cures("ok", &format!("{name} {version}: two processes"));
        diagnosis.cures(
            "ok",
            &format!(
                "{}, parallel, for {name}; two processes created one file",
                hdf5(mpi).display()
            ),
        );
        diagnosis.cures("ok", "libclang ");
        diagnosis.cures("ok", "C compiler");
        diagnosis.cures("ok", "locks work there");
        let h5py = diagnosis.cures("ok", "h5py ");
        assert!(h5py.is_empty());
    }
}

#[test]
fn a_program_reads_the_same_as_json() {
    let text = Machine::new().args(&["--ranks", "64"]).doctor();
    let machine = Machine::new().args(&["--ranks", "64", "--json"]);
    let output = machine
        .command(workbook())
        .arg("doctor")
        .args(&machine.args)
        .output();
    let output = output.expect("the doctor can be started");
    assert_eq!(output.status.code(), Some(0));
    let json: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(json["mpi"], "openmpi");
    let findings = json["findings"].as_array().expect("a list");
    assert_eq!(findings.len(), text.findings.len());
    for (value, (mark, says, cures)) in findings.iter().zip(&text.findings) {
        assert_eq!(value["mark"], mark.to_lowercase());
        assert_eq!(value["says"], *says);
        assert_eq!(value["cures"], serde_json::json!(cures));
    }
}

// --- MPI ---------------------------------------------------------------------------------

#[test]
fn no_mpi() {
    let gone = |name: &str| name.starts_with("mpi") || of_open_mpi_launcher(name);
    let machine = Machine::new().path(gone, &[]);
    let diagnosis = machine.doctor();
    // Debian's packages are there, so the cure is not to install them.
    let cure = diagnosis.only_wrong("no Open MPI: there is no mpirun and no mpicc");
    assert_eq!(cure, "it is in /usr/bin: `export PATH=/usr/bin:$PATH`");
    diagnosis
        .is_silent_about("parallel")
        .is_silent_about("MPICH");
    assert!(
        diagnosis
            .text
            .contains("Not looked at, because of what is wrong above: HDF5.")
    );
    machine.doctor_after(cure).is_well();
}

#[test]
fn no_mpi_and_nothing_installed() {
    // Without dpkg's word for it, nothing counts as installed.
    let gone = |name: &str| {
        name.starts_with("mpi") || name == "dpkg-query" || of_open_mpi_launcher(name)
    };
    let machine = Machine::new().path(gone, &[("dpkg-query", "/bin/false")]);
    let diagnosis = machine.doctor();
    let cure = diagnosis.only_wrong("no Open MPI");
    let install = "apt-get update && apt-get install -y --no-install-recommends ";
    match is_root() {
        true => assert!(cure.starts_with(&format!("`{install}")), "{cure}"),
        false => {
            assert!(
                cure.starts_with(&format!("`sudo sh -c '{install}")),
                "{cure}"
            );
            assert!(
                cure.contains("(or ask your administrator to run that; without root: "),
                "{cure}"
            );
        }
    }
    let packages = Command::new("sh")
        .args(["src/workbook/setup.sh", "--packages", "openmpi"])
        .current_dir(repository())
        .output()
        .expect("a shell can be started");
    let packages = String::from_utf8_lossy(&packages.stdout);
    assert!(packages.contains("libopenmpi-dev"), "{packages}");
    assert!(cure.contains(packages.trim()), "{cure}\n{packages}");
}

#[test]
fn no_mpi_but_the_other() {
    let gone = |name: &str| of_open_mpi_launcher(name) || name.ends_with(".openmpi");
    let mpich = [
        ("mpirun", "/usr/bin/mpirun.mpich"),
        ("mpicc", "/usr/bin/mpicc.mpich"),
    ];
    let diagnosis = Machine::new().path(gone, &mpich).doctor();
    diagnosis.only_wrong("no Open MPI");
    assert_eq!(
        diagnosis.cures("note", "MPICH is here"),
        ["`make doctor MPI=mpich`"]
    );
}

#[test]
fn no_launcher() {
    let machine = Machine::new().path(of_open_mpi_launcher, &[]);
    let diagnosis = machine.doctor();
    let cure = diagnosis.only_wrong("no launcher: there is no mpirun of Open MPI");
    machine.doctor_after(cure).is_well();
    diagnosis.is_silent_about("rank 0 of 1");
}

#[test]
fn the_launcher_of_the_other_mpi() {
    let to_mpich = [("mpirun", "/usr/bin/mpirun.mpich")];
    let machine = Machine::new().path(of_open_mpi_launcher, &to_mpich);
    let diagnosis = machine.doctor();
    let cure = diagnosis.only_wrong("of 2 processes each was \"rank 0 of 1\"");
    diagnosis.cures("WRONG", "bin/mpirun is MPICH's, and");
    diagnosis.cures("WRONG", "bin/mpicc makes programs for Open MPI ");
    assert_eq!(cure, "it is in /usr/bin: `export PATH=/usr/bin:$PATH`");
    machine.doctor_after(cure).is_well();

    // And the other way round. Debian's plain mpirun is Open MPI's here.
    let gone = |name: &str| name == "mpirun" || name == "mpirun.mpich";
    let to_open_mpi = [("mpirun", "/usr/bin/mpirun.openmpi")];
    let machine = Machine::new()
        .path(gone, &to_open_mpi)
        .args(&["--mpi", "mpich"]);
    let diagnosis = machine.doctor();
    let cure = diagnosis.only_wrong("bin/mpirun is Open MPI's, and");
    diagnosis.cures("WRONG", "bin/mpicc.mpich makes programs for MPICH ");
    machine.doctor_after(cure).is_well();
}

#[test]
fn the_compiler_of_the_other_mpi() {
    let gone = |name: &str| name == "mpicc" || name == "mpicc.openmpi";
    let machine = Machine::new().path(gone, &[("mpicc", "/usr/bin/mpicc.mpich")]);
    let diagnosis = machine.doctor();
    let cure = diagnosis.only_wrong("bin/mpicc makes programs for MPICH ");
    diagnosis.cures("WRONG", "bin/mpirun is Open MPI's, and");
    machine.doctor_after(cure).is_well();
}

#[test]
fn a_plain_mpirun_that_is_not_ours_is_noted() {
    let gone = |name: &str| name == "mpirun";
    let machine = Machine::new().path(gone, &[("mpirun", "/usr/bin/mpirun.mpich")]);
    let diagnosis = machine.doctor();
    let cures = diagnosis
        .is_well()
        .cures("note", "`mpirun` is not Open MPI's");
    assert_eq!(
        cures,
        ["by hand, write `mpirun.openmpi` where the book says `mpirun`"]
    );
    Machine::new()
        .doctor()
        .is_well()
        .is_silent_about("`mpirun` is not");
}

#[test]
fn no_c_compiler() {
    let gone = |name: &str| {
        ["cc", "gcc", "c99", "c89"].contains(&name)
            || name.contains("-gcc")
            || name.starts_with("clang")
    };
    let machine = Machine::new().path(gone, &[]);
    let diagnosis = machine.doctor();
    let cure = diagnosis.only_wrong("no C compiler: there is no `cc`");
    assert_eq!(cure, "it is in /usr/bin: `export PATH=/usr/bin:$PATH`");
    assert!(
        diagnosis
            .text
            .contains("whether the processes of a run know of each other")
    );
    machine.doctor_after(cure).is_well();
}

#[test]
fn no_pkg_config_is_noted() {
    let gone = |name: &str| name == "pkg-config" || name == "pkgconf";
    let machine = Machine::new().path(gone, &[]);
    let diagnosis = machine.doctor();
    let cures = diagnosis.is_well().cures("note", "no pkg-config");
    machine
        .doctor_after(&cures[0])
        .is_well()
        .is_silent_about("no pkg-config");
}

#[test]
fn more_ranks_than_cores_is_noted() {
    let machine = Machine::new().args(&["--ranks", "64"]);
    let diagnosis = machine.doctor();
    let cures = diagnosis.is_well().cures("note", "64 ranks on ");
    let by_hand = cures[0].split('`').nth(1).expect("a command");
    assert!(by_hand.starts_with("export "), "{by_hand}");
    // What is to be exported lets mpirun start them by hand, and nothing else does.
    let as_root = "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1";
    let cores = std::thread::available_parallelism()
        .expect("it is known")
        .get();
    let started = |first: &str| {
        let ranks = cores + 2;
        let line = format!("{as_root}\n{first}\ntimeout 60 mpirun -n {ranks} hostname");
        let mut shell = machine.command(Path::new("/bin/sh"));
        shell
            .arg("-c")
            .arg(line)
            .output()
            .expect("a shell can be started")
            .status
            .success()
    };
    assert!(started(by_hand));
    assert!(!started(":"), "so many ranks are too many without it");

    Machine::new()
        .args(&["--ranks", "1"])
        .doctor()
        .is_well()
        .cures("ok", " for 1 ranks");
    let mpich = Machine::new()
        .args(&["--ranks", "64", "--mpi", "mpich"])
        .doctor();
    assert!(mpich.is_well().cures("note", "64 ranks on ").is_empty());
}

#[test]
fn root_is_told_what_open_mpi_thinks_of_root() {
    let words = "you are root, which Open MPI refuses";
    if is_root() {
        as_root(Machine::new().doctor());
    } else {
        Machine::new().doctor().is_silent_about(words);
        let machine = Machine::new();
        let mut command = machine.command(Path::new("unshare"));
        let output = command.args(["-r"]).arg(workbook()).arg("doctor").output();
        match output {
            Ok(output) if output.status.success() || !output.stdout.is_empty() => {
                as_root(Diagnosis::read(&output));
            }
            other => not_tried("Open MPI as root", &format!("unshare -r: {other:?}")),
        }
    }
    Machine::new()
        .args(&["--mpi", "mpich"])
        .doctor()
        .is_silent_about("you are root");

    fn as_root(diagnosis: Diagnosis) {
        let cures = diagnosis
            .is_well()
            .cures("note", "you are root, which Open MPI refuses");
        let wanted = "by hand, first `export OMPI_ALLOW_RUN_AS_ROOT=1 \
                      OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1`";
        assert_eq!(cures, [wanted]);
    }
}

// --- HDF5 --------------------------------------------------------------------------------

#[track_caller]
fn with_hdf5(folder: &Path, mpi: &str) -> Diagnosis {
    let folder = folder.to_str().expect("it is UTF-8");
    Machine::new()
        .args(&["--mpi", mpi, "--hdf5", folder])
        .doctor()
}

#[test]
fn a_serial_hdf5() {
    for mpi in ["openmpi", "mpich"] {
        let diagnosis = with_hdf5(&hdf5("serial"), mpi);
        let cure = diagnosis.only_wrong("hdf5/serial is serial");
        let own = hdf5(mpi);
        assert_eq!(
            cure,
            format!("use the one in {}: leave `--hdf5` out", own.display())
        );
    }
}

#[test]
fn an_hdf5_for_the_other_mpi() {
    for (mpi, of, built, this) in [
        ("openmpi", "mpich", "MPICH", "Open MPI"),
        ("mpich", "openmpi", "Open MPI", "MPICH"),
    ] {
        let diagnosis = with_hdf5(&hdf5(of), mpi);
        let words = format!("was built for {built}, and this is {this}");
        let cure = diagnosis.only_wrong(&words);
        assert_eq!(
            cure,
            format!("use the one in {}: leave `--hdf5` out", hdf5(mpi).display())
        );
        let other = format!("for that MPI: `make doctor MPI={of}`");
        assert_eq!(diagnosis.cures("WRONG", &words)[1], other);
        with_hdf5(&hdf5(of), of).is_well();
    }
}

#[test]
fn no_hdf5_in_the_folder_that_was_given() {
    let folder = scratch();
    let diagnosis = with_hdf5(folder.path(), "openmpi");
    let cure = diagnosis.only_wrong("there is no include/hdf5.h");
    assert!(cure.starts_with("use the one in /usr/lib/"), "{cure}");

    // Headers alone do not do.
    symlink(
        hdf5("openmpi").join("include"),
        folder.path().join("include"),
    )
    .expect("a link");
    let diagnosis = with_hdf5(folder.path(), "openmpi");
    diagnosis.only_wrong("has headers and no library");
}

#[test]
fn an_hdf5_whose_libraries_are_missing() {
    let folder = scratch();
    let own = hdf5("openmpi");
    symlink(own.join("include"), folder.path().join("include")).expect("a link");
    let lib = folder.path().join("lib");
    fs::create_dir(&lib).expect("a folder can be made");
    // A library that needs another one, which then goes.
    let script = "echo 'int a;' >a.c && gcc -shared a.c -o libworkbook_gone.so && \
                  gcc -shared -Wl,--no-as-needed a.c -o libhdf5.so -L. -lworkbook_gone && \
                  rm libworkbook_gone.so";
    let made = Command::new("sh")
        .args(["-c", script])
        .current_dir(&lib)
        .status();
    assert!(made.expect("a shell can be started").success());
    let diagnosis = with_hdf5(folder.path(), "openmpi");
    let cure = diagnosis.only_wrong("lacks libraries: libworkbook_gone.so");
    assert!(cure.starts_with("use the one in /usr/lib/"), "{cure}");
}

#[test]
fn an_hdf5_whose_headers_are_of_another_version() {
    let folder = scratch();
    let own = hdf5("openmpi");
    symlink(own.join("lib"), folder.path().join("lib")).expect("a link");
    let include = folder.path().join("include");
    fs::create_dir(&include).expect("a folder can be made");
    for entry in fs::read_dir(own.join("include"))
        .expect("HDF5 has headers")
        .flatten()
    {
        if entry.path().is_file() {
            fs::copy(entry.path(), include.join(entry.file_name()))
                .expect("it can be copied");
        }
    }
    let header = include.join("H5public.h");
    let text = fs::read_to_string(&header).expect("it can be read");
    let number = regex::Regex::new(r"(#define H5_VERS_MINOR\s+)\d+").expect("a pattern");
    fs::write(&header, number.replace(&text, "${1}98").as_bytes())
        .expect("it can be written");
    let diagnosis = with_hdf5(folder.path(), "openmpi");
    diagnosis.only_wrong("two processes could not create one file with HDF5 ");
    diagnosis.cures("WRONG", ".98.");
}

#[test]
fn no_hdf5_at_all() {
    let folder = hdf5("openmpi");
    let Some(diagnosis) = hidden(&Machine::new(), &[&folder], ":") else {
        return;
    };
    let cure = diagnosis.only_wrong("no parallel HDF5 for Open MPI; HDF5 ");
    assert_eq!(cure, "build one from source: `make chapter-5`");
    assert!(
        folder.join("include/hdf5.h").is_file(),
        "the machine itself is as it was"
    );
}

/// The doctor's answer on a machine where these folders are empty: for it alone, and for as
/// long as it runs. `first` is a command that a reader gives before.
fn hidden(machine: &Machine, folders: &[&Path], first: &str) -> Option<Diagnosis> {
    let mut script = "set -e\n".to_owned();
    for folder in folders.iter().filter(|it| it.is_dir()) {
        script += &format!("mount -t tmpfs none {}\n", folder.display());
    }
    script += &format!("echo hidden\n{first}\nexec \"$0\" doctor");
    let mut command = machine.command(Path::new("unshare"));
    command.arg(if is_root() { "-m" } else { "-rm" });
    let output = command.args(["sh", "-c", &script]).arg(workbook()).output();
    match output {
        Ok(output) if output.stdout.starts_with(b"hidden\n") => {
            Some(Diagnosis::read(&output))
        }
        other => {
            let what = format!("a machine without {folders:?}");
            not_tried(&what, &format!("unshare and mount: {other:?}"));
            None
        }
    }
}

#[test]
fn a_pkg_config_that_knows_another_hdf5_is_noted() {
    let folder = scratch();
    let triplet = says("gcc", &["-print-multiarch"]);
    let serial = format!("/usr/lib/{triplet}/pkgconfig/hdf5-serial.pc");
    symlink(serial, folder.path().join("hdf5.pc")).expect("a link");
    let machine = Machine::new().with("PKG_CONFIG_PATH", folder.path());
    let diagnosis = machine.doctor();
    let cures = diagnosis
        .is_well()
        .cures("note", "pkg-config's `hdf5` is another HDF5");
    let export = format!("`export HDF5_DIR={}`", hdf5("openmpi").display());
    assert!(cures[0].contains(&export), "{cures:?}");
}

// --- libclang ----------------------------------------------------------------------------

#[test]
fn no_libclang() {
    let folder = scratch();
    let machine = Machine::new().with("LIBCLANG_PATH", folder.path());
    let diagnosis = machine.doctor();
    let words = format!("no libclang in {}", folder.path().display());
    let cure = diagnosis.only_wrong(&words);
    assert_eq!(
        cure,
        "look in the usual places again: `unset LIBCLANG_PATH`"
    );
    machine.doctor_after(cure).is_well();
}

#[test]
fn a_libclang_without_its_own_headers() {
    // libclang looks for them from where it lies itself, and in folders that it was built
    // to know.
    let good = Machine::new().doctor();
    let line = good
        .findings
        .iter()
        .find(|it| it.1.starts_with("libclang "));
    let path = line
        .and_then(|it| it.1.split(['(', ')']).nth(1))
        .expect("a path");
    let folder = scratch();
    fs::copy(path, folder.path().join("libclang.so")).expect("it can be copied");
    let known = [Path::new("/usr/include/clang"), Path::new("/usr/lib/clang")];

    // A `clang` program would be asked where the headers are.
    let machine = Machine::new()
        .path(
            |name| name.starts_with("clang") || name.starts_with("llvm-config"),
            &[],
        )
        .with("LIBCLANG_PATH", folder.path());
    let Some(diagnosis) = hidden(&machine, &known, ":") else {
        return;
    };
    diagnosis.only_wrong("lacks its own headers: 'stddef.h' file not found");
    let cures = diagnosis.cures("WRONG", "lacks its own headers");
    assert_eq!(
        cures[0],
        "take the system's libclang: `unset LIBCLANG_PATH`"
    );
    assert!(
        cures[1].contains("BINDGEN_EXTRA_CLANG_ARGS=-I$(gcc"),
        "{cures:?}"
    );
    // Here the system's lacks them too, so that only the second one helps.
    let command = cures[1].split('`').nth(1).expect("a command");
    let after = hidden(&machine, &known, command).expect("it worked before");
    after.is_well().cures("ok", "libclang ");
}

// --- Rust --------------------------------------------------------------------------------

#[test]
fn no_rust() {
    let home = scratch();
    let gone = |name: &str| ["cargo", "rustc", "rustup"].contains(&name);
    let mut machine = Machine::new().path(gone, &[]).with("HOME", home.path());
    machine.environment.remove("CARGO_HOME");
    let diagnosis = machine.doctor();
    let cure = diagnosis.only_wrong("no Rust: there is no `cargo` on the PATH");
    assert!(cure.contains("with rustup (https://rustup.rs)"), "{cure}");
    // The set-up says it too, before `make doctor` comes to the doctor.
    let said = make_doctor(&machine);
    assert!(
        said.contains("Rust is missing: there is no `cargo`"),
        "{said}"
    );
    assert!(said.contains("Cure: install Rust 1."), "{said}");

    // Installed a minute ago, in another terminal.
    fs::create_dir_all(home.path().join(".cargo/bin")).expect("a folder can be made");
    symlink("/bin/true", home.path().join(".cargo/bin/rustup")).expect("a link");
    let diagnosis = machine.doctor();
    let cure = diagnosis
        .only_wrong("no Rust: there is no `cargo` on the PATH")
        .to_owned();
    let env = format!(". {}/.cargo/env", home.path().display());
    assert!(cure.contains(&env), "{cure}");
    assert!(make_doctor(&machine).contains(&env));
}

#[test]
fn a_rust_that_is_too_old() {
    let old = old_rust();
    let usr = old.join("usr");
    let bin = usr.join("bin");
    let libraries = fs::read_dir(usr.join("lib")).expect("it has libraries");
    let mut folders = vec![usr.join("lib")];
    folders.extend(
        libraries
            .flatten()
            .map(|it| it.path())
            .filter(|it| it.is_dir()),
    );
    let folders = std::env::join_paths(folders).expect("the names are plain");
    let home = scratch();
    let (cargo, rustc) = (bin.join("cargo"), bin.join("rustc"));
    let links = [
        ("cargo", cargo.to_str().unwrap()),
        ("rustc", rustc.to_str().unwrap()),
    ];
    let gone = |name: &str| name == "rustup";
    let mut machine = Machine::new()
        .path(gone, &links)
        .with("LD_LIBRARY_PATH", folders)
        .with("HOME", home.path());
    machine
        .environment
        .retain(|name, _| !name.starts_with("RUSTUP") && name != "CARGO_HOME");

    let diagnosis = machine.doctor();
    let cure = diagnosis.only_wrong("Rust is too old: ");
    diagnosis.cures("WRONG", " or newer is needed");
    assert!(cure.contains("with rustup (https://rustup.rs)"), "{cure}");
    // The tests would not run if cargo could build the doctor with that; so the set-up has
    // to say it.
    let said = make_doctor(&machine);
    assert!(said.contains("Rust is too old: "), "{said}");
    assert!(said.contains("the workbook needs 1."), "{said}");
    assert!(said.contains("with rustup (https://rustup.rs)"), "{said}");
}

/// What `make doctor` says on a machine where it must fail in the set-up.
fn make_doctor(machine: &Machine) -> String {
    let output = machine.command(Path::new("make")).arg("doctor").output();
    let output = output.expect("make can be started");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The Rust of Debian's packages, unpacked below `target` and not installed.
fn old_rust() -> PathBuf {
    let folder = repository().join("target/old-rust");
    if folder.join("complete").is_file() {
        return folder;
    }
    let parent = folder.parent().expect("it has one");
    fs::create_dir_all(parent).expect("it can be made");
    let fresh = tempfile::Builder::new()
        .prefix("old-rust-")
        .tempdir_in(parent)
        .expect("a folder");
    // Which packages it needs that are not installed: apt knows, and lists them.
    let script = "set -e
        packages=$(apt-get install --simulate --no-install-recommends rustc cargo |
            sed -n 's/^Inst \\([^ ]*\\) .*/\\1/p' | grep -E '^(rustc|cargo|lib)' | grep -v -- '-dev')
        apt-get download -q $packages
        for file in *.deb; do dpkg -x \"$file\" . && rm \"$file\"; done
        test -x usr/bin/rustc -a -x usr/bin/cargo
        touch complete";
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(fresh.path())
        .output()
        .expect("a shell can be started");
    assert!(
        output.status.success(),
        "Debian's Rust, which is too old for the workbook, could not be fetched with apt-get \
         (is there no network, or was `apt-get update` never run?):\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Another run of the tests may have been faster.
    let _ = fs::rename(fresh.path(), &folder);
    folder
}

// --- Files and locks ---------------------------------------------------------------------

const ELSEWHERE: &str =
    "write on a disk of this machine: `export WORKBOOK_DATA=/var/tmp/workbook`";

#[test]
fn a_file_system_without_locks() {
    without_locks(lockless::Locks::Refused, "No record locks available");
}

#[test]
fn a_file_system_that_gives_a_lock_to_everybody() {
    without_locks(
        lockless::Locks::GivenToAll,
        "a lock that is taken is given to a second one as well",
    );
}

fn without_locks(locks: lockless::Locks, why: &'static str) {
    workbook();
    let mount_point = scratch();
    let machine = Machine::new().with("WORKBOOK_DATA", mount_point.path());
    let diagnosis = lockless::mounted(mount_point.path(), locks, || machine.doctor());
    let diagnosis = match diagnosis {
        Ok(diagnosis) => diagnosis,
        Err(error) => {
            let how = "mounting needs root, or fusermount3 and /dev/fuse";
            return not_tried("a file system without locks", &format!("{error} ({how})"));
        }
    };
    assert_eq!(diagnosis.status, Some(1));
    assert!(
        diagnosis.text.contains("2 things are wrong"),
        "{}",
        diagnosis.text
    );
    let at = mount_point.path().display();
    let atomic = diagnosis.cures("WRONG", &format!("no fcntl locks in {at}"));
    assert_eq!(atomic, [ELSEWHERE]);
    diagnosis.cures("WRONG", "atomic mode cannot work there (chapter 4)");
    let flock = diagnosis.cures("WRONG", &format!("no flock in {at}"));
    assert_eq!(flock[0], ELSEWHERE);
    assert!(
        flock[1].ends_with("`export HDF5_USE_FILE_LOCKING=FALSE`"),
        "{flock:?}"
    );
    assert_eq!(diagnosis.text.matches(why).count(), 2, "{}", diagnosis.text);
    // HDF5 itself is in order, and is not tried in such a folder.
    diagnosis.cures("ok", ", parallel, for Open MPI");
    diagnosis.is_silent_about("created one file");
    // On an ordinary file system the same folder is in order.
    machine
        .doctor()
        .is_well()
        .cures("ok", &format!("the programs write in {at}"));
}

#[test]
fn a_folder_in_which_nobody_can_write() {
    let machine = Machine::new().with("WORKBOOK_DATA", "/proc/workbook");
    let diagnosis = machine.doctor();
    let cure = diagnosis.only_wrong("the programs cannot write in /proc/workbook: ");
    assert_eq!(cure, ELSEWHERE);

    // The workbook's own folder; its cure leads elsewhere by a link.
    let machine = Machine::new();
    fs::create_dir(machine.folder.path().join("target")).expect("a folder can be made");
    let data = machine.folder.path().join("target/data");
    symlink("/proc/workbook", &data).expect("a link");
    let diagnosis = machine.doctor();
    let cure = diagnosis.only_wrong("the programs cannot write in target/data: ");
    let elsewhere = scratch();
    let cure = cure.replace("/var/tmp/workbook", elsewhere.path().to_str().unwrap());
    machine.doctor_after(&cure).is_well();
    assert_eq!(fs::read_link(&data).expect("a link"), elsewhere.path());
}

#[test]
fn hdf5_told_to_do_without_locks_is_noted() {
    let machine = Machine::new().with("HDF5_USE_FILE_LOCKING", "FALSE");
    let diagnosis = machine.doctor();
    let cures = diagnosis
        .is_well()
        .cures("note", "HDF5_USE_FILE_LOCKING=FALSE");
    let after = machine.doctor_after(&cures[0]);
    after.is_well().is_silent_about("HDF5_USE_FILE_LOCKING");
}

// --- What MPI-IO does to data, and to paths ------------------------------------------------

/// The release of Open MPI that is tried, 4.1.4 as [4, 1, 4].
fn open_mpi() -> [u32; 3] {
    let says = says("mpirun.openmpi", &["--version"]);
    let version = regex::Regex::new(r"(\d+)\.(\d+)\.(\d+)").unwrap();
    let found = version
        .captures(&says)
        .expect("a launcher tells its version");
    [1, 2, 3].map(|it| found[it].parse().unwrap())
}

#[test]
fn an_open_mpi_that_loses_data_is_noted_with_what_cures_it() {
    let release = open_mpi();
    let ([major, minor, patch], machine) = (release, Machine::new());
    let version = format!("Open MPI {major}.{minor}.{patch}");
    let diagnosis = machine.doctor();
    diagnosis.is_well();
    let reading = format!("{version} leaves values out of a collective read");
    if ([4, 1, 0]..[4, 1, 5]).contains(&release) {
        let cures = diagnosis.cures("note", &reading);
        diagnosis.cures("note", "(seen here; open-mpi/ompi #10546, 4.1.0 to 4.1.4)");
        let after = machine.doctor_after(&cures[0]);
        after.is_well().is_silent_about("leaves values out");
        after.cures("note", &format!("{version} writes stray memory"));
    } else {
        diagnosis.is_silent_about("leaves values out");
    }
    let racing = ([4, 1, 0]..[4, 1, 7]).contains(&release)
        || ([5, 0, 0]..[5, 0, 6]).contains(&release);
    if racing {
        let cures = diagnosis.cures("note", &format!("{version} writes stray memory"));
        diagnosis.cures("note", "may lose data with the hint `cb_nodes`");
        let after = machine.doctor_after(&cures[0]);
        after.is_well().is_silent_about("stray memory");
        after.is_silent_about("#12718");
    } else {
        diagnosis.is_silent_about("#12718");
    }
    // MPICH has another MPI-IO.
    let diagnosis = Machine::new().args(&["--mpi", "mpich"]).doctor();
    diagnosis.is_well().is_silent_about("open-mpi/ompi");
}

#[test]
fn a_setting_that_chooses_romio_is_noted() {
    let crashes = open_mpi() < [5, 0, 0];
    let machine = Machine::new().with("OMPI_MCA_io", "^ompio");
    let diagnosis = machine.doctor();
    // ROMIO sieves as well, and loses nothing.
    diagnosis.is_well().is_silent_about("seen here");
    if !crashes {
        diagnosis.is_silent_about("#7795");
        return;
    }
    let cures = diagnosis.cures("note", "OMPI_MCA_io=^ompio chooses ROMIO");
    machine
        .doctor_after(&cures[0])
        .is_well()
        .is_silent_about("#7795");

    let home = scratch();
    let settings = home.path().join(".openmpi/mca-params.conf");
    fs::create_dir(settings.parent().unwrap()).expect("a folder can be made");
    fs::write(&settings, "io = ^ompio\n").expect("a file");
    let mut machine = Machine::new();
    for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let old = Path::new(&machine.environment["HOME"]).join(folder);
        if !machine.environment.contains_key(name) {
            machine = machine.with(name, old);
        }
    }
    let machine = machine.with("HOME", home.path());
    let diagnosis = machine.doctor();
    let cures = diagnosis
        .is_well()
        .cures("note", "a file `mca-params.conf` chooses ROMIO");
    assert!(cures[0].contains("~/.openmpi/mca-params.conf"), "{cures:?}");
    fs::write(&settings, "").expect("a file");
    machine.doctor().is_well().is_silent_about("#7795");
}

#[test]
fn a_folder_for_data_whose_path_has_a_colon() {
    let folder = scratch();
    let data = folder.path().join("day:2");
    let machine = Machine::new().with("WORKBOOK_DATA", &data);
    // HDF5 has created a file there, with OMPIO.
    let diagnosis = machine.doctor();
    let cures = diagnosis
        .is_well()
        .cures("note", "has a colon, and ROMIO takes");
    assert_eq!(cures, [ELSEWHERE]);
    diagnosis.cures("ok", "two processes created one file");

    let diagnosis = machine.args(&["--mpi", "mpich"]).doctor();
    let mpich = Mpi::Mpich
        .launcher(repository())
        .expect("make test installs it");
    if !["MPICH 4.0", "MPICH 4.1"]
        .iter()
        .any(|it| Mpi::Mpich.release(&mpich).starts_with(it))
    {
        // HDF5 has created a file there.
        diagnosis
            .is_well()
            .cures("ok", "two processes created one file");
        return;
    }
    let cure = diagnosis.only_wrong("MPICH opens no file there");
    assert_eq!(cure, ELSEWHERE);
    diagnosis.is_silent_about("created one file");
}

#[test]
fn a_folder_for_data_whose_path_is_too_long() {
    let folder = scratch();
    let mut data = folder.path().to_owned();
    while data.as_os_str().len() < 230 {
        data.push("deep");
    }
    let machine = Machine::new().with("WORKBOOK_DATA", &data);
    let diagnosis = machine.doctor();
    if open_mpi() < [5, 0, 10] {
        let cure = diagnosis.only_wrong("is ended by a file whose path has more than 242");
        assert_eq!(cure, ELSEWHERE);
    } else {
        diagnosis.is_well().is_silent_about("#13565");
    }
    let mpich = machine.args(&["--mpi", "mpich"]);
    mpich.doctor().is_well().is_silent_about("#13565");
}

// --- Settings ----------------------------------------------------------------------------

#[test]
fn what_cargo_builds_with() {
    let machine = Machine::new();
    let diagnosis = machine.doctor();
    let cures = diagnosis
        .is_well()
        .cures("note", "no .cargo/config.toml yet");
    assert_eq!(cures, ["`make chapter-1` writes it"]);

    let folder = machine.folder.path().join(".cargo");
    fs::create_dir(&folder).expect("a folder can be made");
    fs::write(folder.join("config.toml"), "[build]\njobs = 1\n").expect("a file");
    let diagnosis = machine.doctor();
    let cures = diagnosis
        .is_well()
        .cures("note", ".cargo/config.toml is your own");
    assert!(cures[0].contains("`mv .cargo/config.toml "), "{cures:?}");

    let toolchain =
        launch::Toolchain::find(launch::Mpi::OpenMpi, machine.folder.path(), None)
            .expect("Open MPI and its HDF5 are here");
    // As the workbook writes it.
    let (mpicc, hdf5_dir) = (&toolchain.mpicc, toolchain.hdf5.display().to_string());
    let first = "# Written by the workbook's set-up; delete it and it is made anew.";
    let text = format!("{first}\n[env]\nMPICC = {mpicc:?}\nHDF5_DIR = {hdf5_dir:?}\n");
    fs::write(folder.join("config.toml"), text).expect("a file");
    let diagnosis = machine.doctor();
    diagnosis.is_well().cures(
        "ok",
        "what .cargo/config.toml says, which the workbook wrote",
    );
    // Cargo sets these for the programs that it runs; they do not come from the reader.
    let as_cargo_does = Machine {
        args: vec![],
        ..machine
    }
    .with("MPICC", &toolchain.mpicc)
    .with("HDF5_DIR", &toolchain.hdf5);
    as_cargo_does
        .doctor()
        .is_well()
        .is_silent_about("MPICC")
        .is_silent_about("HDF5_DIR");
}

#[test]
fn variables_that_lead_a_build_astray() {
    let machine = Machine::new().with("MPI_PKG_CONFIG", "mpich");
    let cure = machine.doctor();
    let cure = cure.only_wrong("MPI_PKG_CONFIG=mpich: the crate `mpi` builds with that");
    assert_eq!(cure, "`unset MPI_PKG_CONFIG`");
    machine.doctor_after(cure).is_well();

    let machine = Machine::new().with("MPICC", "mpicc.mpich");
    let diagnosis = machine.doctor();
    let cures = diagnosis
        .is_well()
        .cures("note", "MPICC=mpicc.mpich: plain `cargo build`");
    assert_eq!(cures, ["`unset MPICC`"]);
}

#[test]
fn what_is_wanted_only_now_and_then_is_noted() {
    let broken = scratch();
    fs::write(broken.path().join("h5py.py"), "raise ImportError('gone')\n")
        .expect("a file");
    let gone = |name: &str| name.starts_with("chrom") || name == "google-chrome";
    let none = [("dpkg-query", "/bin/false")];
    let drop = |name: &str| gone(name) || name == "dpkg-query";
    let machine = Machine::new()
        .path(drop, &none)
        .with("PYTHONPATH", broken.path());
    let diagnosis = machine.doctor();
    let h5py = diagnosis.is_well().cures("note", "no h5py for MPI");
    assert!(h5py[0].contains("python3-h5py-mpi"), "{h5py:?}");
    let browser = diagnosis.cures("note", "no Chromium");
    assert!(browser[0].contains("chromium"), "{browser:?}");
}
