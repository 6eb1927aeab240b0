//! The exercises' commands, and learners' programs that mean the checker harm.
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

// --- Commands --------------------------------------------------------------------------

#[test]
fn a_learner_goes_from_the_starter_to_the_end() {
    let learner = Learner::new();
    let workbook = |words: &[&str]| {
        let output = learner.workbook(words);
        (output.status.success(), printed(&output))
    };
    // The file is not there yet.
    let (ok, said) = workbook(&["check", "3.1"]);
    let new = "1-uneven.rs is new: it holds the starter";
    assert!(
        !ok && said.contains(new) && said.contains("✗ 3.1"),
        "{said}"
    );
    let (ok, said) = workbook(&["reset", "uneven"]);
    assert!(
        ok && said.contains("is the starter; nothing was changed"),
        "{said}"
    );

    // Hints come one at a time, the last time all of them.
    let (_, first) = workbook(&["hint", "3-1"]);
    let (_, second) = workbook(&["hint", "3-1"]);
    assert!(
        first.contains("hint 1 of") && second.contains("hint 2 of"),
        "{first}{second}"
    );
    assert!(!second.contains("hint 1 of"), "{second}");
    let (_, said) = workbook(&["progress"]);
    assert!(said.contains("3.1") && said.contains("(2 hints)"), "{said}");
    for _ in 0..9 {
        workbook(&["hint", "3-1"]);
    }
    let (_, all) = workbook(&["hint", "3-1"]);
    assert!(
        all.contains("hint 1 of") && all.contains("make solution-3-1"),
        "{all}"
    );

    // Nobody is there to be asked, so the solution is not shown unasked.
    let (ok, said) = workbook(&["solution", "3.1"]);
    assert!(
        !ok && said.contains("YES=1") && !said.contains("the solution\n"),
        "{said}"
    );
    let (ok, said) = workbook(&["solution", "3.1", "--yes"]);
    assert!(
        ok && said.contains("yours") && said.contains("remainder"),
        "{said}"
    );
    assert!(!said.contains("//~"), "{said}");

    // Solved, and so shown without a question; then begun anew, with nothing lost.
    learner.write("1-uneven.rs", &solution());
    let (ok, said) = workbook(&["check", "3.1"]);
    assert!(
        ok && said.contains("passes with 1, 2, 3, 4 and 7 ranks"),
        "{said}"
    );
    let (_, said) = workbook(&["progress"]);
    assert!(said.contains("✓ 3.1"), "{said}");
    assert!(workbook(&["solution", "3.1"]).0);
    let (_, said) = workbook(&["reset", "3.1"]);
    assert!(said.contains("1-uneven.kept-1.rs"), "{said}");
    assert_eq!(
        std::fs::read_to_string(learner.file("1-uneven.kept-1.rs")).unwrap(),
        solution()
    );
    learner.write("1-uneven.rs", "// my second try\n");
    workbook(&["reset", "3.1"]);
    let kept = std::fs::read_to_string(learner.file("1-uneven.kept-2.rs")).unwrap();
    assert_eq!(kept, "// my second try\n");
    let (_, said) = workbook(&["progress"]);
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

// --- Where answers are -----------------------------------------------------------------

const ROOM: &str = "chapters/03-distances";

#[test]
fn only_a_command_that_needs_an_answer_puts_the_starter_there() {
    let learner = Learner::new();
    for words in [["progress"].as_slice(), &["hint", "3.1"]] {
        let output = learner.workbook(words);
        assert!(output.status.success(), "{}", printed(&output));
        assert!(
            !learner.folder.path().join("03-distances").exists(),
            "{words:?}"
        );
    }
    // A whole chapter.
    let output = learner.workbook(&["check", "3", "--ranks", "1", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    let verdicts: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verdicts.as_array().unwrap().len(), 4, "{verdicts:#}");
    for name in ["1-uneven.rs", "2-columns.rs", "3-mean.rs", "4-blocks.rs"] {
        let words = format!("03-distances/{name} is new: it holds the starter");
        assert!(said.contains(&words), "no `{words}` in {said}");
        let starter = root().join(ROOM).join("exercises").join(name);
        assert_eq!(
            std::fs::read_to_string(learner.file(name)).unwrap(),
            std::fs::read_to_string(starter).unwrap()
        );
    }
    for words in [["try", "3.1"].as_slice(), &["solution", "3.1", "--yes"]] {
        let said = printed(&learner.workbook(words));
        assert!(!said.contains("is new"), "{said}");
        std::fs::remove_file(learner.file("1-uneven.rs")).unwrap();
        let said = printed(&learner.workbook(words));
        assert!(said.contains("1-uneven.rs is new"), "{said}");
    }
    // What is checked by its name is nobody's answer.
    std::fs::remove_file(learner.file("1-uneven.rs")).unwrap();
    let file = learner.file("2-columns.rs").display().to_string();
    learner.workbook(&["check", "3.1", "--ranks", "1", "--file", &file]);
    assert!(!learner.file("1-uneven.rs").exists());
}

#[test]
fn a_place_where_no_answer_can_be_is_named() {
    let learner = Learner::new();
    std::fs::write(learner.folder.path().join("03-distances"), "a file\n").unwrap();
    for words in [["check", "3.1"], ["try", "3.1"], ["reset", "3.1"]] {
        let output = learner.workbook(&words);
        let said = printed(&output);
        assert!(!output.status.success(), "{said}");
        let folder = learner.folder.path().join("03-distances");
        let complaint = format!("cannot make {}", folder.display());
        assert!(said.contains(&complaint), "{words:?}: {said}");
    }
}

#[test]
fn a_check_tells_of_a_starter_that_has_changed() {
    let learner = Learner::new();
    let check = || printed(&learner.workbook(&["check", "3.1", "--ranks", "1"]));
    let advice = "The starter has changed since you began: make reset-3-1 puts the new starter \
                  in place, and keeps yours beside it.";
    assert!(!check().contains("has changed"));
    learner.write("1-uneven.rs", &solution());
    assert!(!check().contains("has changed"));
    let file = learner.folder.path().join("progress.json");
    let mut progress: Value =
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    progress["distances/uneven"]["starter"] = 1.into();
    std::fs::write(&file, progress.to_string()).unwrap();
    let said = check();
    assert!(said.contains(advice), "{said}");
    // Of an answer that was begun with an older release nothing is known.
    std::fs::write(&file, r#"{"distances/uneven":{"solved":true,"hints":1}}"#).unwrap();
    assert!(!check().contains("has changed"));
}

/// A part of the workbook in a folder of its own, where answers are at their usual place.
struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    fn new() -> Copy {
        let copy = Copy { folder: scratch() };
        for folder in ["exercises", "solutions"] {
            let there = copy.path(&format!("{ROOM}/{folder}"));
            std::fs::create_dir_all(&there).unwrap();
            for entry in std::fs::read_dir(root().join(ROOM).join(folder)).unwrap() {
                let file = entry.unwrap().path();
                std::fs::copy(&file, there.join(file.file_name().unwrap())).unwrap();
            }
        }
        for file in [
            &format!("{ROOM}/chapter.toml"),
            "chapters/SUMMARY.md",
            ".gitignore",
        ] {
            std::fs::copy(root().join(file), copy.path(file)).unwrap();
        }
        // As it is released, whatever somebody has done in the clone that is tested.
        for exercise in workbook::exercise::Exercise::find(root(), "3").unwrap() {
            let place = exercise.tracked.strip_prefix(root()).unwrap();
            copy.write(place.to_str().unwrap(), &exercise.starter().unwrap());
        }
        copy
    }

    /// The same as a clone in which all is committed.
    fn of_git() -> Copy {
        let copy = Copy::new();
        copy.git(&["init", "--quiet"]);
        copy.git(&["add", "--all"]);
        copy.git(&["commit", "--quiet", "--message=All"]);
        copy
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    #[track_caller]
    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        std::fs::write(self.path(file), text).unwrap();
    }

    #[track_caller]
    fn git(&self, words: &[&str]) -> String {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=S", "-c", "user.email=s@example.org"])
            .args(words)
            .current_dir(self.folder.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git can be started");
        assert!(
            output.status.success(),
            "git {words:?}: {}",
            printed(&output)
        );
        printed(&output)
    }

    /// What `workbook …` says there.
    #[track_caller]
    fn says(&self, words: &[&str]) -> String {
        let output = workbook_command()
            .args(words)
            .current_dir(self.folder.path())
            .env_remove("WORKBOOK_ANSWERS")
            .output()
            .expect("it can be started");
        assert!(output.status.success(), "{}", printed(&output));
        printed(&output)
    }

    /// A release that has another starter for this exercise.
    fn release(&self, name: &str) {
        for folder in ["exercises", "solutions"] {
            let file = format!("{ROOM}/{folder}/{name}");
            self.write(&file, &format!("// the new task\n{}", self.read(&file)));
        }
    }
}

#[test]
fn a_release_with_other_starters_leaves_answers_alone() {
    let copy = Copy::of_git();
    for exercise in ["3.1", "3.2", "3.3"] {
        copy.says(&["solution", exercise, "--yes"]);
    }
    let mine = "// mine\nfn main() {}\n";
    copy.write("answers/03-distances/2-columns.rs", mine);
    assert_eq!(copy.git(&["status", "--porcelain"]), "");
    assert!(!copy.says(&["progress"]).contains("has changed"));

    copy.release("1-uneven.rs");
    copy.release("2-columns.rs");
    let said = copy.says(&["progress"]);
    let advice = "make reset-3-1 puts the new starter in place, and keeps yours beside it";
    assert!(said.contains(advice), "{said}");
    let told: Vec<&str> = said
        .lines()
        .filter(|it| it.ends_with("(the starter has changed)"))
        .collect();
    assert_eq!(told.len(), 2, "{said}");
    assert!(told[0].contains("3.1") && told[1].contains("3.2"), "{said}");

    // What is still a starter becomes the new one; an answer does only when its owner says so.
    let said = copy.says(&["solution", "3.1", "--yes"]);
    let words =
        "answers/03-distances/1-uneven.rs was not changed: it holds the new starter";
    assert!(said.contains(words), "{said}");
    let new = copy.read(&format!("{ROOM}/exercises/1-uneven.rs"));
    assert!(new.starts_with("// the new task\n"), "{new}");
    assert_eq!(copy.read("answers/03-distances/1-uneven.rs"), new);
    copy.says(&["solution", "3.2", "--yes"]);
    assert_eq!(copy.read("answers/03-distances/2-columns.rs"), mine);
    let said = copy.says(&["reset", "3.2"]);
    let words = "answers/03-distances/2-columns.rs is the starter again; what you had is in \
                 answers/03-distances/2-columns.kept-1.rs";
    assert!(said.contains(words), "{said}");
    assert_eq!(copy.read("answers/03-distances/2-columns.kept-1.rs"), mine);
    let new = copy.read(&format!("{ROOM}/exercises/2-columns.rs"));
    assert_eq!(copy.read("answers/03-distances/2-columns.rs"), new);
    assert!(!copy.says(&["progress"]).contains("has changed"));
}

/// Up to release 0.1.0 an answer lay where the starter is.
#[test]
fn an_answer_in_the_old_place_is_moved_once() {
    let (old, new) = (
        format!("{ROOM}/exercises/2-columns.rs"),
        "answers/03-distances/2-columns.rs",
    );
    let other = format!("{ROOM}/exercises/1-uneven.rs");
    let mine = "// mine\nfn main() {}\n";
    let words = format!("{new} is your answer that was {old}, where the starter is again");
    for (git, solutions, committed) in [
        (true, true, false),
        (true, true, true),
        (true, false, false),
        (false, true, false),
    ] {
        let case = format!("git {git}, solutions {solutions}, committed {committed}");
        let copy = if git { Copy::of_git() } else { Copy::new() };
        let starter = copy.read(&old);
        if !solutions {
            std::fs::remove_dir_all(copy.path(&format!("{ROOM}/solutions"))).unwrap();
        }
        copy.write(&old, mine);
        // Only the ends of its lines are others.
        let ends = copy.read(&other).replace('\n', "\r\n");
        copy.write(&other, &ends);
        if committed {
            copy.git(&["commit", "--all", "--quiet", "--message=Mine"]);
        }
        for looks in [["progress"].as_slice(), &["hint", "3.2"]] {
            copy.says(looks);
            assert!(!copy.path("answers").exists(), "{case}");
        }
        // Any command that needs an answer moves all.
        let said = copy.says(&["reset", "3.3"]);
        assert!(said.contains(&words), "{case}: {said}");
        assert_eq!(copy.read(new), mine, "{case}");
        assert_eq!(copy.read(&old), starter, "{case}");
        assert_eq!(copy.read(&other), ends, "{case}");
        assert!(
            !copy.path("answers/03-distances/1-uneven.rs").exists(),
            "{case}"
        );
        let said = copy.says(&["reset", "3.3"]);
        assert!(!said.contains("columns"), "{case}: {said}");
        assert_eq!(copy.read(new), mine, "{case}");

        // It was interrupted between the two steps.
        copy.write(&old, mine);
        let said = copy.says(&["reset", "3.3"]);
        assert!(said.contains(&words), "{case}: {said}");
        assert_eq!(copy.read(&old), starter, "{case}");

        // There is another one: both stay, and that is said once.
        copy.write(&old, "// another\n");
        let said = copy.says(&["reset", "3.3"]);
        let warning = format!(
            "warning: your answer to exercise 3.2 is {new}, and that in {old} is not looked at"
        );
        assert!(said.contains(&warning), "{case}: {said}");
        let said = copy.says(&["reset", "3.3"]);
        assert!(!said.contains("warning"), "{case}: {said}");
        assert_eq!(copy.read(&old), "// another\n", "{case}");
        assert_eq!(copy.read(new), mine, "{case}");
    }
    // Nobody can tell what the starter was: then what is there is where to begin.
    let copy = Copy::new();
    std::fs::remove_dir_all(copy.path(&format!("{ROOM}/solutions"))).unwrap();
    copy.write(&old, mine);
    copy.says(&["reset", "3.2"]);
    assert_eq!(copy.read(new), mine);
    assert_eq!(copy.read(&old), mine);
}

/// A reset of what was not moved yet.
#[test]
fn a_reset_loses_no_answer_in_the_old_place() {
    let copy = Copy::new();
    let old = format!("{ROOM}/exercises/2-columns.rs");
    let starter = copy.read(&old);
    copy.write(&old, "// mine\n");
    copy.says(&["reset", "3.2"]);
    assert_eq!(
        copy.read("answers/03-distances/2-columns.kept-1.rs"),
        "// mine\n"
    );
    assert_eq!(copy.read("answers/03-distances/2-columns.rs"), starter);
    assert_eq!(copy.read(&old), starter);
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
