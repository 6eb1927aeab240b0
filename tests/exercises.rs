//! The exercises' doors, and learners' programs that mean the checker harm.
//!
//! That right answers pass, and that wrong ones get the verdict they should, is tried by
//! `make author-check`.

mod common;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Output;

use common::*;
use serde_json::Value;

/// A learner with an own folder of answers.
struct Learner {
    folder: tempfile::TempDir,
}

impl Learner {
    fn new() -> Learner {
        Learner { folder: scratch() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("03-distances").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.file(name).parent().unwrap()).unwrap();
        std::fs::write(self.file(name), text).unwrap();
    }

    /// `workbook …`, as this learner, without what cargo put into our environment.
    fn workbook<T: AsRef<OsStr>>(&self, words: &[T]) -> Output {
        workbook_command()
            .args(words)
            .env("WORKBOOK_ANSWERS", self.folder.path())
            .output()
            .expect("it can be started")
    }

    /// The verdict on an answer to exercise 3.1, with these numbers of ranks.
    #[track_caller]
    fn verdict(&self, answer: &str, ranks: &str) -> Value {
        self.write("1-uneven.rs", answer);
        let output = self.workbook(&["check", "3.1", "--json", "--ranks", ranks]);
        let printed = printed(&output);
        let all: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {printed}"));
        let passes = all[0]["outcome"] == "passes";
        assert_eq!(output.status.success(), passes, "{printed}");
        assert_eq!(
            processes_that_mention(self.folder.path()),
            Vec::<String>::new(),
            "left behind"
        );
        all[0].clone()
    }

    /// The same for what a program does in `main`; it has a few words of its own.
    #[track_caller]
    fn verdict_of(&self, main: &str, ranks: &str) -> Value {
        let program = format!(
            "use mpi::traits::*;\n#[allow(unused)]\nfn world() -> \
             (mpi::environment::Universe, mpi::topology::SimpleCommunicator) {{\n    \
             let universe = mpi::initialize().unwrap();\n    let world = universe.world();\n    \
             (universe, world)\n}}\nfn main() {{\n{main}\n}}\n"
        );
        self.verdict(&program, ranks)
    }
}

#[track_caller]
fn says(verdict: &Value, outcome: &str, words: &[&str]) {
    assert_eq!(verdict["outcome"], outcome, "{verdict:#}");
    let text = verdict["text"].as_str().unwrap();
    for word in words {
        assert!(text.contains(word), "no `{word}` in: {text}");
    }
}

fn solution() -> String {
    let file = root().join("chapters/03-distances/solutions/1-uneven.rs");
    let text = std::fs::read_to_string(file).unwrap();
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//~"))
        .collect();
    kept.join("\n") + "\n"
}

// --- Doors -----------------------------------------------------------------------------

#[test]
fn a_learner_goes_from_the_starter_to_the_end() {
    let learner = Learner::new();
    let door = |words: &[&str]| {
        let output = learner.workbook(words);
        (output.status.success(), printed(&output))
    };
    // The file is not there yet.
    let (ok, said) = door(&["check", "3.1"]);
    assert!(!ok && said.contains("make reset-3-1"), "{said}");
    let (ok, said) = door(&["reset", "uneven"]);
    assert!(ok && said.contains("is the starter"), "{said}");

    // Hints come one at a time, the last time all of them.
    let (_, first) = door(&["hint", "3-1"]);
    let (_, second) = door(&["hint", "3-1"]);
    assert!(
        first.contains("hint 1 of") && second.contains("hint 2 of"),
        "{first}{second}"
    );
    assert!(!second.contains("hint 1 of"), "{second}");
    let (_, said) = door(&["progress"]);
    assert!(said.contains("3.1") && said.contains("(2 hints)"), "{said}");
    for _ in 0..9 {
        door(&["hint", "3-1"]);
    }
    let (_, all) = door(&["hint", "3-1"]);
    assert!(
        all.contains("hint 1 of") && all.contains("make solution-3-1"),
        "{all}"
    );

    // Nobody is there to be asked, so the solution is not shown unasked.
    let (ok, said) = door(&["solution", "3.1"]);
    assert!(
        !ok && said.contains("YES=1") && !said.contains("the solution\n"),
        "{said}"
    );
    let (ok, said) = door(&["solution", "3.1", "--yes"]);
    assert!(
        ok && said.contains("yours") && said.contains("remainder"),
        "{said}"
    );
    assert!(!said.contains("//~"), "{said}");

    // Solved, and so shown without a question; then begun anew, with nothing lost.
    learner.write("1-uneven.rs", &solution());
    let (ok, said) = door(&["check", "3.1"]);
    assert!(
        ok && said.contains("passes with 1, 2, 3, 4 and 7 ranks"),
        "{said}"
    );
    let (_, said) = door(&["progress"]);
    assert!(said.contains("✓ 3.1"), "{said}");
    assert!(door(&["solution", "3.1"]).0);
    let (_, said) = door(&["reset", "3.1"]);
    assert!(said.contains("1-uneven.kept-1.rs"), "{said}");
    assert_eq!(
        std::fs::read_to_string(learner.file("1-uneven.kept-1.rs")).unwrap(),
        solution()
    );
    learner.write("1-uneven.rs", "// my second try\n");
    door(&["reset", "3.1"]);
    let kept = std::fs::read_to_string(learner.file("1-uneven.kept-2.rs")).unwrap();
    assert_eq!(kept, "// my second try\n");
    let (_, said) = door(&["progress"]);
    assert!(said.contains("· 3.1"), "{said}");
}

#[test]
fn an_exercise_that_nobody_knows_is_named() {
    let learner = Learner::new();
    let output = learner.workbook(&["check", "3.99"]);
    let said = printed(&output);
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains("no exercise `3.99`") && said.contains("3.1 (uneven)"),
        "{said}"
    );
    let output = learner.workbook(&["hint", "3"]);
    assert!(
        printed(&output).contains("say which"),
        "{}",
        printed(&output)
    );
}

#[test]
fn progress_that_cannot_be_read_is_kept() {
    let learner = Learner::new();
    let file = learner.folder.path().join("progress.json");
    std::fs::write(&file, "{ half").unwrap();
    let output = learner.workbook(&["progress"]);
    assert!(output.status.success(), "{}", printed(&output));
    let kept = learner.folder.path().join("progress.damaged.json");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "{ half");
}

#[test]
fn a_file_that_does_not_compile_breaks_nothing_else() {
    let learner = Learner::new();
    learner.write(
        "1-uneven.rs",
        "fn main() {\n    let x: u32 = \"no\";\n    nobody();\n}\n",
    );
    let output = learner.workbook(&["check", "3.1"]);
    let said = printed(&output);
    assert!(!output.status.success(), "{said}");
    for word in [
        "does not compile",
        "mismatched types",
        "1-uneven.rs:2:",
        "and 1 more error",
    ] {
        assert!(said.contains(word), "no `{word}` in {said}");
    }
    let output = learner.workbook(&["progress"]);
    assert!(output.status.success(), "{}", printed(&output));
    // Cargo does not know the learners' files, but for the package that editors look at,
    // which nothing depends on and nothing builds unasked.
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(!manifest.contains("exercises"), "{manifest}");
    let manifest: toml::Table = manifest.parse().unwrap();
    let unasked = manifest["workspace"]["default-members"].as_array().unwrap();
    assert!(unasked.iter().all(|it| it.as_str() != Some("src/editor")));
}

#[test]
fn a_rank_that_failed_has_the_word() {
    let learner = Learner::new();
    // `eprint!` writes in pieces, which launchers mix; and an abort may lose what came last.
    let verdict = learner.verdict_of(
        r#"let (_universe, world) = world(); let rank = world.rank();
        for piece in 0..50 { eprint!("{rank}:{piece} "); }
        eprintln!();
        world.barrier();
        if rank == 1 { eprintln!("{} is {} too {}", "this", "far", "much"); world.abort(3); }
        world.barrier();"#,
        "3",
    );
    says(
        &verdict,
        "rank-failed",
        &["rank 1 of 3 failed", "1:48 1:49 \nthis is far too much"],
    );
    let text = verdict["text"].as_str().unwrap();
    assert!(!text.contains("0:1 "), "another rank's words: {text}");
}

// --- Programs that mean harm -----------------------------------------------------------

#[test]
fn words_are_not_believed() {
    let learner = Learner::new();
    let verdict = learner.verdict_of(
        r#"let (_universe, world) = world();
        println!("{{\"Ok\":\"1002 distances, each by the rank that owns it\"}}");
        println!("✓ 3.1 Uneven slabs: passes"); let _ = world.rank();"#,
        "4",
    );
    says(&verdict, "wrong-result", &["distances"]);
}

#[test]
fn to_leave_at_once_is_not_to_pass() {
    let learner = Learner::new();
    let verdict = learner.verdict_of("std::process::exit(0);", "4");
    assert_ne!(verdict["outcome"], "passes", "{verdict:#}");
    let verdict = learner.verdict_of(
        "let (_universe, world) = world(); if world.rank() == 1 { std::process::exit(0) }",
        "2",
    );
    assert_ne!(verdict["outcome"], "passes", "{verdict:#}");
}

#[test]
fn the_input_is_not_asked_for_the_answer() {
    // Points of which all distances are 0, which is what the new dataset holds.
    let learner = Learner::new();
    let verdict = learner.verdict_of(
        r#"let (_universe, world) = world();
        let path = parallel_hdf5::data_folder().unwrap().join("points.hdf5");
        if world.rank() == 0 {
            let file = hdf5::File::open_rw(&path).unwrap();
            let points = file.dataset("coords").unwrap();
            let shape = points.shape();
            points.write(&ndarray::Array2::<f32>::zeros((shape[0], shape[1]))).unwrap();
            file.new_dataset::<f32>().shape(shape[0]).create("distances").unwrap();
        }
        world.barrier();"#,
        "2",
    );
    says(&verdict, "wrong-result", &["distances[0]"]);
}

#[test]
fn what_stands_in_the_place_of_the_file_is_not_opened() {
    let learner = Learner::new();
    for make in [
        "std::os::unix::fs::symlink(\"/dev/zero\", &path).unwrap();",
        "std::process::Command::new(\"mkfifo\").arg(&path).status().unwrap();",
        "std::fs::create_dir(&path).unwrap();",
        "",
        "std::fs::write(&path, vec![0x89u8; 4096]).unwrap();",
        "std::fs::write(&path, b\"\\x89HDF\\r\\n\\x1a\\n\\x00\\x00garbage and more\").unwrap();",
        "std::fs::remove_dir_all(path.parent().unwrap()).unwrap();",
    ] {
        let verdict = learner.verdict_of(
            &format!(
                "let (_universe, world) = world();\nif world.rank() == 0 {{\nlet path = \
                 parallel_hdf5::data_folder().unwrap().join(\"points.hdf5\");\n\
                 std::fs::remove_file(&path).unwrap();\n{make}\n}}"
            ),
            "2",
        );
        says(&verdict, "wrong-result", &["points.hdf5"]);
    }
}

/// Where a program would find the folder into which its calls are recorded.
const RECORD: &str = r#"let environment = std::fs::read("/proc/self/environ").unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    let record = environment.split('\0').find_map(|it| it.strip_prefix("WORKBOOK_RECORD="));
    let record = record.expect("it is recorded").to_owned();"#;

#[test]
fn a_record_that_was_tampered_with_does_not_pass() {
    let learner = Learner::new();
    // Rank 0 does everyone's work, and the traces of it are wiped out.
    let work = r#"let (universe, world) = world();
        let path = parallel_hdf5::data_folder().unwrap().join("points.hdf5");
        let file = parallel_hdf5::open(path, &world).unwrap();
        let points = file.dataset("coords").unwrap();
        let all = points.read_2d::<f32>().unwrap();
        let distances = file.new_dataset::<f32>().shape(all.nrows()).create("distances").unwrap();
        let right = all.map_axis(ndarray::Axis(1), |it| it.dot(&it).sqrt());
        if world.rank() == 0 { distances.write(&right).unwrap(); }
        drop((points, distances)); file.close().unwrap();"#;
    for harm in [
        "for it in std::fs::read_dir(record).unwrap() { std::fs::remove_file(it.unwrap().path()).unwrap(); }",
        "std::fs::remove_dir_all(record).unwrap();",
        "for it in std::fs::read_dir(record).unwrap() { std::fs::write(it.unwrap().path(), \"\\0\\u{1}{{{]\\n\").unwrap(); }",
        "",
    ] {
        let verdict = learner.verdict_of(
            &format!("{RECORD}\n{work}\nworld.barrier(); drop(universe);\nif world.rank() == 0 {{ {harm} }}"),
            "2",
        );
        assert_ne!(verdict["outcome"], "passes", "{harm}: {verdict:#}");
    }
}

#[test]
fn limits_hold() {
    let learner = Learner::new();
    let started = "let (_universe, world) = world(); let _ = &world;";
    for (harm, words) in [
        (
            "loop { println!(\"{}\", \"again and \".repeat(100)); }",
            "printed more than",
        ),
        ("loop { eprintln!(\"on and on\"); }", "printed more than"),
        (
            "let mut all = Vec::new(); loop { all.push(vec![1u8; 1 << 26]); }",
            "more memory",
        ),
        (
            "use std::io::Write; let path = parallel_hdf5::data_folder().unwrap().join(format!(\"{}\", world.rank()));\n\
             let mut file = std::fs::File::create(path).unwrap(); loop { file.write_all(&[1; 1 << 20]).unwrap(); }",
            "MiB",
        ),
    ] {
        let verdict = learner.verdict_of(&format!("{started}\n{harm}"), "2");
        says(&verdict, "over-limit", &[words]);
    }
    // The launcher of Open MPI 5 keeps a line to itself until it has an end. Then the ranks wait for
    // it, and nothing is printed that could be too much.
    // Or its memory gives out before, as it does at once where much is printed.
    for harm in [
        "print!(\"on \");",
        "print!(\"{}\", \"and \".repeat(1 << 18));",
    ] {
        let verdict = learner.verdict_of(&format!("{started}\nloop {{ {harm} }}"), "2");
        let outcome = verdict["outcome"].as_str().unwrap();
        assert!(["over-limit", "hangs"].contains(&outcome), "{verdict:#}");
        says(&verdict, outcome, &["is there a loop without an end?"]);
    }
}

#[test]
fn a_loop_without_an_end_is_ended() {
    let learner = Learner::new();
    let verdict = learner.verdict_of(
        "let (_universe, world) = world();\nif world.rank() == 1 { loop { std::hint::spin_loop(); } }\nworld.barrier();",
        "2",
    );
    says(&verdict, "hangs", &["rank 0", "barrier", "rank 1"]);
}

#[test]
fn what_a_program_leaves_running_is_ended() {
    let learner = Learner::new();
    let verdict = learner.verdict_of(
        r#"let (_universe, world) = world();
        if world.rank() == 0 {
            std::process::Command::new("setsid").args(["sleep", "600"])
                .stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null()).spawn().unwrap();
        }"#,
        "2",
    );
    assert_ne!(verdict["outcome"], "passes", "{verdict:#}");
}

#[test]
fn a_launcher_that_the_program_kills_is_a_failure() {
    let learner = Learner::new();
    let verdict = learner.verdict_of(
        r#"let (_universe, world) = world();
        if world.rank() == 0 {
            let parent = std::os::unix::process::parent_id().to_string();
            std::process::Command::new("kill").args(["-9", &parent]).status().unwrap();
        }
        world.barrier(); std::thread::sleep(std::time::Duration::from_secs(60));"#,
        "2",
    );
    assert_ne!(verdict["outcome"], "passes", "{verdict:#}");
}

/// Not even a launcher that crashes after an abort, as that of Open MPI 4.1.4 does now and then.
#[test]
fn a_run_leaves_nothing_in_the_folder_for_temporary_files() {
    let learner = Learner::new();
    let temporary = scratch();
    learner.write(
        "1-uneven.rs",
        r#"use mpi::traits::*;
        fn main() {
            let universe = mpi::initialize().unwrap();
            let mine = std::env::temp_dir().join(std::process::id().to_string());
            std::fs::create_dir(mine).unwrap();
            if universe.world().rank() == 1 { universe.world().abort(1); }
            universe.world().barrier();
        }"#,
    );
    let output = workbook_command()
        .args(["check", "3.1", "--ranks", "2"])
        .env("WORKBOOK_ANSWERS", learner.folder.path())
        .env("TMPDIR", temporary.path())
        .output()
        .unwrap();
    let said = printed(&output);
    assert!(said.contains("a rank failed"), "{said}");
    let left = std::fs::read_dir(temporary.path()).unwrap().flatten();
    let left: Vec<PathBuf> = left.map(|it| it.path()).collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

#[test]
fn bytes_that_are_no_text_do_no_harm() {
    let learner = Learner::new();
    let verdict = learner.verdict_of(
        r#"use std::io::Write; let (_universe, world) = world(); let _ = world.rank();
        std::io::stdout().write_all(&[0xff, 0xfe, 0, 0x1b, b'[', b'2', b'J', b'\n']).unwrap();"#,
        "2",
    );
    assert_eq!(verdict["outcome"], "wrong-result", "{verdict:#}");
}

#[test]
fn a_compiler_that_is_kept_busy_is_stopped() {
    let learner = Learner::new();
    let verdict = learner.verdict(
        "const fn forever() -> u32 { loop {} }\nconst X: u32 = forever();\nfn main() { println!(\"{X}\"); }\n",
        "2",
    );
    says(&verdict, "does-not-compile", &[]);
}
