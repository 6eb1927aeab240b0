//! Chapter 5: the proof, against the HDF5 that is installed; and what surrounds a build.
//! The builds themselves take minutes, and are ignored unless asked for:
//! `cargo test --test 05_build_parallel_hdf5 -- --ignored --test-threads 1`.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use common::*;
use hdf5_build::{self, Compiler, Count, Job, Stamp};
use parallel_hdf5::inspect::Library;

const PROGRAM: &str = env!("CARGO_BIN_EXE_build-parallel-hdf5");

#[test]
fn all_ranks_write_one_file_and_read_it() {
    for ranks in RANKS {
        let data = scratch();
        let run = succeed(&launch(PROGRAM, ranks, &[], data.path()));
        let lines: Vec<&str> = run.stdout.lines().collect();
        assert_eq!(lines.len(), 4 + ranks, "{}", run.report());
        assert!(lines[0].starts_with("HDF5 "), "{}", run.report());
        assert_eq!(lines[1], "parallel: yes");
        assert!(lines[2].starts_with("filtered parallel writes: "));
        assert!(
            lines[3].starts_with(&format!("MPI: {}", mpi())),
            "{}",
            run.report()
        );
        for (rank, line) in lines[4..].iter().enumerate() {
            assert!(
                line.starts_with(&format!("rank {rank}: wrote rows ")),
                "{line}"
            );
            assert!(line.ends_with(", read 1000 and 1000 right"), "{line}");
        }
        assert_eq!(run.complaints(), "");

        let file =
            open_serially(data.path().join("proof.hdf5")).expect("it opens without MPI");
        for name in ["squares", "squares-filtered"] {
            let values = file.dataset(name).unwrap().read_raw::<u64>().unwrap();
            assert!(
                values.iter().copied().eq((0..1000).map(|row| row * row)),
                "{name}"
            );
        }
    }
}

#[test]
fn the_mpi_is_left_out_on_request() {
    let data = scratch();
    let run = succeed(&launch(PROGRAM, 2, &["--brief"], data.path()));
    assert!(!run.stdout.contains("MPI: "), "{}", run.report());
}

/// Debian's three HDF5s, which lie side by side.
fn installed(kind: &str) -> PathBuf {
    let triplet = launch::output_of("gcc", &["-print-multiarch"]).expect("gcc is there");
    PathBuf::from(format!(
        "/usr/lib/{}/hdf5/{kind}/libhdf5.so",
        triplet.trim()
    ))
}

#[test]
fn a_serial_library_is_told_from_a_parallel_one() {
    let serial = Library::inspect(&installed("serial")).unwrap();
    assert!(!serial.has_mpio);
    assert_eq!(serial.settings.parallel, Some(false));
    assert!(serial.needs_mpi.is_empty());
    for (kind, needs) in [("openmpi", "libmpi.so"), ("mpich", "libmpich.so")] {
        let parallel = Library::inspect(&installed(kind)).unwrap();
        assert!(parallel.has_mpio);
        assert_eq!(parallel.settings.parallel, Some(true));
        assert!(parallel.settings.version.is_some());
        assert!(
            parallel.needs_mpi.iter().any(|it| it.starts_with(needs)),
            "{parallel}"
        );
    }
}

#[test]
fn the_program_gives_the_reason() {
    let data = scratch();
    let library = installed("serial").display().to_string();
    // Looking at the other MPI's library is as good as at one's own: neither is loaded.
    for (kind, says) in [
        ("serial", "it has no H5Pset_fapl_mpio"),
        ("openmpi", "it has H5Pset_fapl_mpio"),
        ("mpich", "it has H5Pset_fapl_mpio"),
    ] {
        let library = library.replace("serial", kind);
        let run = succeed(&launch(PROGRAM, 1, &["--library", &library], data.path()));
        assert!(run.stdout.contains(says), "{}", run.report());
    }
}

#[test]
fn what_is_no_hdf5_is_a_clear_error_said_once() {
    let data = scratch();
    let text = data.path().join("text.so");
    fs::write(&text, "not a library\n").unwrap();
    let cut = data.path().join("cut.so");
    fs::write(&cut, &fs::read(installed("serial")).unwrap()[..5000]).unwrap();
    for (path, says) in [
        (Path::new("/nowhere/libhdf5.so"), "No such file"),
        (data.path(), "directory"),
        (text.as_path(), "is not a library"),
        (cut.as_path(), "not a"),
        (Path::new("/bin/sh"), "is not an HDF5 library"),
    ] {
        let args = ["--library", &path.display().to_string()];
        let run = fail(&launch(PROGRAM, 3, &args, data.path()));
        assert_eq!(run.stdout, "");
        let complaints = run.complaints();
        assert_eq!(complaints.matches("Error").count(), 1, "{}", run.report());
        assert!(complaints.contains(says), "{}", run.report());
    }
}

#[test]
fn a_folder_counts_as_finished_only_with_its_own_stamp() {
    let scratch = scratch();
    let folder = scratch.path().join("library");
    let stamp = Stamp::new(&["HDF5 2.2.0", "Open MPI 4.1.4", "-DHDF5_ENABLE_PARALLEL=ON"]);
    assert!(
        !stamp.is_on(&folder),
        "a folder that is not there is not finished"
    );
    Stamp::begin(&folder).unwrap();
    fs::write(folder.join("libhdf5.so"), "half").unwrap();
    assert!(
        !stamp.is_on(&folder),
        "what was left half-way is not finished"
    );
    stamp.put_on(&folder).unwrap();
    assert!(stamp.is_on(&folder));
    let newer = Stamp::new(&["HDF5 2.2.0", "Open MPI 5.0.7", "-DHDF5_ENABLE_PARALLEL=ON"]);
    assert!(!newer.is_on(&folder), "built for another MPI");
    Stamp::begin(&folder).unwrap();
    assert!(!stamp.is_on(&folder));
    assert!(
        !folder.join("libhdf5.so").exists(),
        "nothing old is left in it"
    );
}

#[test]
fn a_failed_step_shows_the_logs_end_and_a_cure() {
    let scratch = scratch();
    let log = scratch.path().join("build.log");
    let mut job = Job::new(&log).unwrap();
    let source = scratch.path().join("a.c");
    fs::write(&source, "#include <mpi.h>\nint main(void) { return 0 }\n").unwrap();
    let mpicc = Compiler::find(root(), mpi()).unwrap().mpicc;

    let mut compile = Command::new(&mpicc);
    compile.arg("-c").arg(&source).current_dir(&scratch);
    let error = job
        .step("Compiling HDF5", compile, Count::Nothing)
        .unwrap_err()
        .to_string();
    let begin = format!("Compiling HDF5 failed: {mpicc}: exit status 1\n");
    assert!(error.starts_with(&begin), "{error}");
    assert!(error.contains("The log's end:\n"), "{error}");
    assert!(
        error.contains("expected ‘;’") || error.contains("expected ';'"),
        "{error}"
    );
    assert!(
        error.contains(&format!("The whole log: {}", log.display())),
        "{error}"
    );
    assert!(fs::read_to_string(&log).unwrap().contains("return 0 }"));

    let missing = Command::new("/nowhere/bin/mpicc");
    let error = job
        .step("Configuring HDF5", missing, Count::Nothing)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("Likely cure: mpicc does not work"),
        "{error}"
    );
}

#[test]
fn a_full_disk_is_named() {
    let scratch = scratch();
    let mut job = Job::new(&scratch.path().join("build.log")).unwrap();
    let mut fill = Command::new("sh");
    fill.args(["-c", "LC_ALL=C head -c 1000 /dev/zero > /dev/full"]);
    let error = job.step("Compiling HDF5", fill, Count::Nothing);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("Likely cure: free some space"), "{error}");
}

#[test]
fn a_release_that_nobody_has_is_said() {
    let scratch = scratch();
    let compiler = Compiler::find(root(), mpi()).unwrap();
    for release in ["3", "2.1", "newest"] {
        let error = hdf5_build::library(root(), scratch.path(), &compiler, Some(release));
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains(&format!("HDF5={release} is not to be had")),
            "{error}"
        );
    }
}

/// An `mpicc` that says of itself what the real one says, and compiles nothing.
fn broken_mpicc(folder: &Path) -> Compiler {
    let mpicc = folder.join("mpicc");
    let script = "#!/bin/sh\necho 'cc1: this compiler is broken' >&2\nexit 1\n";
    fs::write(&mpicc, script).unwrap();
    fs::set_permissions(&mpicc, fs::Permissions::from_mode(0o755)).unwrap();
    Compiler {
        mpicc: mpicc.display().to_string(),
        ..Compiler::find(root(), mpi()).unwrap()
    }
}

#[test]
#[ignore = "may fetch CMake: a minute"]
fn a_build_with_a_broken_compiler_says_so_and_leaves_nothing_that_looks_whole() {
    let scratch = scratch();
    let folder = scratch.path().join("hdf5");
    let broken = broken_mpicc(scratch.path());
    let error = hdf5_build::library(root(), &folder, &broken, None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("this compiler is broken"), "{error}");
    assert!(error.contains("The whole log: "), "{error}");
    assert!(
        error.contains("Likely cure: mpicc does not work"),
        "{error}"
    );
    let again = hdf5_build::library(root(), &folder, &broken, None)
        .unwrap_err()
        .to_string();
    assert!(again.contains("this compiler is broken"), "{again}");
}

#[test]
#[ignore = "builds HDF5 from source: minutes"]
fn a_build_is_gone_on_with_after_it_was_killed_and_not_repeated() {
    let scratch = scratch();
    let folder = scratch.path().join("hdf5");
    let compiler = Compiler::find(root(), mpi()).unwrap();
    // Another process, so that it can be killed: this test itself, told to build.
    if let Ok(folder) = std::env::var("WORKBOOK_TEST_BUILD_IN") {
        hdf5_build::library(root(), Path::new(&folder), &compiler, None).unwrap();
        return;
    }
    let name = "a_build_is_gone_on_with_after_it_was_killed_and_not_repeated";
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", name])
        .env("WORKBOOK_TEST_BUILD_IN", &folder)
        .spawn()
        .unwrap();
    let objects = || {
        let work = fs::read_dir(&folder).into_iter().flatten().flatten();
        let work = work.map(|it| it.path().join("src/CMakeFiles/hdf5-shared.dir"));
        let files = work
            .filter_map(|it| fs::read_dir(it).ok())
            .flatten()
            .flatten();
        files
            .filter(|it| it.path().extension().is_some_and(|it| it == "o"))
            .count()
    };
    let started = Instant::now();
    while objects() < 50 && started.elapsed().as_secs() < 600 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    other.kill().unwrap(); // SIGKILL: it cannot tidy up
    other.wait().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let before = objects();
    assert!(before >= 50, "only {before} files were compiled");

    let library = hdf5_build::library(root(), &folder, &compiler, None).unwrap();
    let log = fs::read_to_string(folder.join(format!(
        "{}-{}.log",
        library.version,
        compiler.mpi.name()
    )))
    .unwrap();
    let second = log
        .rsplit("$ ")
        .find(|it| it.contains("Building C object"))
        .unwrap();
    let compiled = second.matches("Building C object").count();
    assert!(
        compiled < 386 - before + 10,
        "{compiled} compiled after {before}"
    );
    assert_eq!(log.matches("-G Ninja").count(), 1, "configured once");
    let file = Library::inspect(&library.prefix.join("lib/libhdf5.so")).unwrap();
    assert_eq!(
        file.settings.version.as_deref(),
        Some(library.version.as_str())
    );
    assert_eq!(file.settings.filtered_writes, Some(true));
    assert!(
        library.prefix.join("lib/libhdf5_hl.so").exists(),
        "h5py needs it"
    );

    let started = Instant::now();
    hdf5_build::library(root(), &folder, &compiler, None).unwrap();
    assert!(
        started.elapsed().as_secs() < 10,
        "nothing is built the second time"
    );
    assert_eq!(
        log.len(),
        fs::read_to_string(folder.join(format!(
            "{}-{}.log",
            library.version,
            compiler.mpi.name()
        )))
        .unwrap()
        .len()
    );
}

#[test]
#[ignore = "builds HDF5 from source: minutes"]
fn the_release_of_this_debian_is_built_by_configure_and_passes_its_own_tests() {
    let scratch = scratch();
    let folder = scratch.path().join("hdf5");
    let compiler = Compiler::find(root(), mpi()).unwrap();
    // Whichever it is, 1.8 is not.
    let error = hdf5_build::library(root(), &folder, &compiler, Some("1.8")).unwrap_err();
    let error = error.to_string();
    let release = error
        .split("Say HDF5=")
        .nth(1)
        .and_then(|it| it.split(',').next());
    let release = release.unwrap_or_else(|| panic!("{error}"));
    let library = hdf5_build::library(root(), &folder, &compiler, Some(release)).unwrap();
    assert!(library.version.starts_with(release));
    let file = Library::inspect(&library.prefix.join("lib/libhdf5.so")).unwrap();
    assert!(file.has_mpio);
    let log = folder.join(format!("debian-{}.log", compiler.mpi.name()));
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("PHDF5 tests finished with no errors"));
}

#[test]
fn python_writes_what_rust_writes() {
    let data = scratch();
    succeed(&launch(PROGRAM, 4, &[], data.path()));
    let script = root().join("chapters/05-build-parallel-hdf5/build_parallel_hdf5.py");
    let run = succeed(&launch_python(&script, 4, &[], data.path()));
    assert!(run.stdout.contains("parallel: yes"), "{}", run.report());
    assert!(
        run.stdout.contains("rank 3: read 1000 and 1000 right"),
        "{}",
        run.report()
    );
    let diff = Command::new("h5diff")
        .arg("-v")
        .args([
            data.path().join("proof.hdf5"),
            data.path().join("proof-python.hdf5"),
        ])
        .output()
        .expect("h5diff is there: make test installs it");
    let said = String::from_utf8_lossy(&diff.stdout).into_owned();
    assert!(diff.status.success(), "{said}");
    assert!(said.contains("/squares-filtered"), "{said}");
}
