//! `workbook grade`: a class with good, wrong, broken and hostile answers, each of which gets
//! the mark that it should.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::*;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// The exercise that all hand in; some hand in 3.2 as well.
const EXERCISE: &str = "1-uneven.rs";

/// What a class has handed in, and where the programs that check it work.
struct Class {
    folder: tempfile::TempDir,
    scratch: tempfile::TempDir,
}

impl Class {
    fn new() -> Class {
        Class {
            folder: scratch(),
            scratch: scratch(),
        }
    }

    /// Hands in `text` as a file of `who`.
    fn hand_in(&self, who: &str, file: &str, text: &str) {
        let file = self.folder.path().join(who).join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Hands in a program that does `main` on each of its ranks.
    fn hand_in_program(&self, who: &str, main: &str) {
        self.hand_in(who, EXERCISE, &program(main));
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = command_of_a_reader(teacher_program());
        command
            .arg("grade")
            .args(words)
            .env("TMPDIR", self.scratch.path())
            .env("A_SECRET", "of the teacher");
        command
    }

    fn grade(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("it can be started")
    }

    /// Nothing runs any more, and nothing is left on the disk.
    #[track_caller]
    fn left_nothing(&self) {
        // The programs lie below it.
        assert_eq!(started_below(self.scratch.path()), Vec::<String>::new());
        let left: Vec<_> = fs::read_dir(self.scratch.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The words of all processes that mention the folder.
fn started_below(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|it| fs::read(it.path().join("cmdline")).ok())
        .map(|it| String::from_utf8_lossy(&it).replace('\0', " "))
        .filter(|it| it.contains(folder))
        .collect()
}

/// What `check` looks for is done by `work`; a program may do it, and more.
const HEAD: &str = r#"#[allow(unused)]
use mpi::traits::*;
#[allow(unused)]
fn world() -> (mpi::environment::Universe, mpi::topology::SimpleCommunicator) {
    let universe = mpi::initialize().unwrap();
    let world = universe.world();
    (universe, world)
}
#[allow(unused)]
fn work() -> parallel_hdf5::Result<()> {
    let (_universe, world) = world();
    let path = parallel_hdf5::data_folder()?.join("points.hdf5");
    let file = parallel_hdf5::open(path, &world)?;
    let coords = file.dataset("coords")?;
    let rows = coords.shape()[0];
    let distances = parallel_hdf5::create_dataset::<f32>(&file, "distances", rows)?;
    let mine = parallel_hdf5::rows_of(world.rank(), world.size(), rows);
    let transfer = parallel_hdf5::Transfer::Independent;
    let points: ndarray::Array2<f32> = parallel_hdf5::read_rows(&coords, mine.clone(), transfer)?;
    let result = points.map_axis(ndarray::Axis(1), |point| point.dot(&point).sqrt());
    parallel_hdf5::write_rows(&distances, mine, result.view(), transfer)?;
    drop((coords, distances));
    file.close()?;
    Ok(())
}
#[allow(unused)]
unsafe extern "C" {
    fn fork() -> i32;
    fn geteuid() -> u32;
    fn unshare(flags: i32) -> i32;
    fn memfd_create(name: *const std::ffi::c_char, flags: u32) -> i32;
    fn kill(pid: i32, signal: i32) -> i32;
}
"#;

fn program(main: &str) -> String {
    format!("{HEAD}fn main() {{\n{main}\n}}\n")
}

/// A solution, without the lines of the starter.
fn solution(chapter: &str, file: &str) -> String {
    let file = root()
        .join("chapters")
        .join(chapter)
        .join("solutions")
        .join(file);
    let text = fs::read_to_string(file).unwrap();
    let kept = text
        .lines()
        .filter(|it| !it.trim_start().starts_with("//~"));
    kept.map(|it| format!("{it}\n")).collect()
}

fn starter(chapter: &str, file: &str) -> String {
    fs::read_to_string(
        root()
            .join("chapters")
            .join(chapter)
            .join("exercises")
            .join(file),
    )
    .unwrap()
}

/// The answers to the exercise that are in the gallery, wrong ones above all: the name, the
/// starter with its hole filled, and the mark.
fn gallery() -> Vec<(String, String, String)> {
    let text = fs::read_to_string(root().join("tests/gallery/03-distances.toml")).unwrap();
    let gallery: toml::Table = text.parse().unwrap();
    let starter = starter("03-distances", EXERCISE);
    let answers = gallery["answer"].as_array().unwrap().iter();
    answers
        .filter(|it| it["exercise"].as_str() == Some("3.1"))
        // Their mark is that at the rank counts of the exercise.
        .filter(|it| it.get("ranks").is_none())
        .map(|it| {
            let [name, hole, mark] =
                ["name", "hole", "verdict"].map(|key| it[key].as_str().unwrap().to_owned());
            let text = workbook::exercise::with_hole_filled(&starter, &hole);
            (name, text, mark)
        })
        .collect()
}

fn of_the_gallery(name: &str) -> String {
    let mut all = gallery().into_iter();
    all.find(|it| it.0 == name).expect("it is there").1
}

/// True if programs can be locked up here; says so if not.
fn can_lock_up(output: &Output) -> bool {
    let said = printed(output);
    let can = !said.contains("cannot be locked up here");
    if !can {
        assert!(!output.status.success());
        assert!(said.contains("--isolation limits"), "{said}");
        println!("NOT TRIED, this machine does not allow namespaces: {said}");
    }
    can
}

/// By submission and exercise.
fn marks(json: &Value) -> BTreeMap<(String, String), String> {
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let submissions = json["submissions"].as_array().unwrap();
    let all = submissions.iter().flat_map(|it| {
        let exercises = it["exercises"].as_array().unwrap();
        exercises.iter().map(|exercise| {
            let key = (text(&it["name"]), text(&exercise["exercise"]));
            (key, text(&exercise["mark"]))
        })
    });
    all.collect()
}

fn read_json(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// The folder that all of them are in; what they must be found to be is beside each.
fn mixed(class: &Class, port: u16) -> Vec<(&'static str, &'static str)> {
    let place = format!("answers/03-distances/{EXERCISE}");
    let old_place = format!("chapters/03-distances/exercises/{EXERCISE}");
    let mut expected = Vec::new();
    let mut is = |who, mark| expected.push((who, mark));

    // A clone: what else is in it is not looked at.
    class.hand_in("ada", &place, &solution("03-distances", EXERCISE));
    class.hand_in("ada", &old_place, &starter("03-distances", EXERCISE));
    class.hand_in("ada", "Cargo.toml", "this would not build");
    class.hand_in("ada", "build.rs", "fn main() { loop {} }");
    class.hand_in("ada", "Makefile", "$(error not this one)");
    class.hand_in(
        "ada",
        "rust-toolchain.toml",
        "[toolchain]\nchannel = \"none\"\n",
    );
    class.hand_in("ada", "answers/03-distances/2-columns.rs", "");
    class.hand_in(
        "ada",
        &format!("chapters/03-distances/solutions/{EXERCISE}"),
        "?",
    );
    is("ada", "passes");
    // In the learner's own folder of answers, and from an older release.
    let older = solution("03-distances", EXERCISE).replace("uneven slabs", "any slabs");
    class.hand_in("ben", &format!("03-distances/{EXERCISE}"), &older);
    is("ben", "passes");
    class.hand_in(
        "cleo",
        &format!("answers/exercises/{EXERCISE}"),
        &of_the_gallery("one row of overlap"),
    );
    is("cleo", "wrong-in-silence");
    class.hand_in("dan", &old_place, &starter("03-distances", EXERCISE));
    is("dan", "untouched");
    fs::create_dir(class.folder.path().join("empty")).unwrap();
    is("empty", "missing");
    fs::create_dir(class.folder.path().join("link")).unwrap();
    let theirs = root()
        .join("chapters/03-distances/solutions")
        .join(EXERCISE);
    symlink(theirs, class.folder.path().join("link").join(EXERCISE)).unwrap();
    is("link", "unreadable");
    class.hand_in("no rust", EXERCISE, "print('hello')\n");
    is("no rust", "does-not-compile");

    // They want to read what is not theirs, at compile time, …
    for (who, reads) in [("include", "include!"), ("include_str", "include_str!")] {
        let file = root()
            .join("chapters/03-distances/solutions")
            .join(EXERCISE);
        let text = match reads {
            "include!" => format!("include!({file:?});"),
            _ => program(&format!(
                "println!(\"{{}}\", {reads}({file:?})); work().unwrap();"
            )),
        };
        class.hand_in(who, EXERCISE, &text);
        is(who, "does-not-compile");
    }
    // … and at run time: it passes if nothing was to be seen.
    let secret = root().join("Cargo.toml");
    class.hand_in_program(
        "spy",
        &format!(
            r#"let mut seen = Vec::new();
            for path in [{:?}, {:?}, {secret:?}, "/etc/shadow", "/etc/hostname", "/etc/ssl", "/var/lib", "/old"] {{
                if std::fs::metadata(path).is_ok() {{ seen.push(path.to_owned()); }}
            }}
            if std::net::TcpStream::connect(("127.0.0.1", {port})).is_ok() {{ seen.push("the network".into()); }}
            if std::env::var_os("A_SECRET").is_some() {{ seen.push("the environment".into()); }}
            for entry in std::fs::read_dir("/proc").unwrap().flatten() {{
                let words = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
                if words.contains("grade") && words.contains("--again") {{ seen.push(words); }}
            }}
            // The kernel's limit on processes does not hold for root.
            let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
            let own = unsafe {{ geteuid() }};
            let outside = map.lines().find_map(|line| {{
                let row: Vec<u64> = line.split_whitespace().map(|it| it.parse().unwrap()).collect();
                (row[0]..row[0] + row[2]).contains(&u64::from(own)).then(|| row[1] + u64::from(own) - row[0])
            }});
            if outside == Some(0) {{ seen.push("it is root outside".into()); }}
            unsafe {{
                if unshare(0x1000_0000) == 0 {{ seen.push("a user namespace".into()); }}
                if memfd_create(c"more".as_ptr(), 0) >= 0 {{ seen.push("more memory".into()); }}
            }}
            let own = parallel_hdf5::data_folder().unwrap();
            for path in ["/x", "/usr/x", "/bin/x", "/etc/x", "/dev/x", "/sys/x"] {{
                if std::fs::write(path, "x").is_ok() {{ seen.push(format!("could write {{path}}")); }}
            }}
            if let Ok(all) = std::fs::read_dir(own.parent().unwrap()) {{
                for it in all.flatten() {{
                    let it = it.path();
                    let known = it == own || it.to_string_lossy().contains("record-")
                        || std::env::current_exe().unwrap().starts_with(&it);
                    if !known {{ seen.push(it.display().to_string()); }}
                }}
            }}
            assert!(seen.is_empty(), "seen: {{seen:?}}");
            work().unwrap();"#,
            root().join("chapters").display().to_string(),
            class.folder.path().display().to_string(),
        ),
    );
    is("spy", "passes");

    // They want to take all there is.
    class.hand_in_program(
        "hang",
        "let (_universe, world) = world();\n\
         if world.rank() == 0 && world.size() > 1 { world.barrier(); } else { world.any_process().receive::<i32>(); }",
    );
    is("hang", "hangs");
    class.hand_in_program("forks", "let _all = world(); loop { unsafe { fork(); } }");
    is("forks", "over-limit");
    class.hand_in_program(
        "memory",
        "let _all = world(); let mut all = Vec::new(); loop { all.push(vec![1u8; 1 << 26]); }",
    );
    is("memory", "over-limit");
    class.hand_in_program(
        "disk",
        "let (_universe, world) = world(); let own = parallel_hdf5::data_folder().unwrap();\n\
         for number in 0.. {\n\
             let name = format!(\"{}-{number}\", world.rank());\n\
             std::fs::write(own.join(name), vec![1u8; 64 << 20]).unwrap();\n\
         }",
    );
    is("disk", "over-limit");
    class.hand_in_program(
        "files",
        "let (_universe, world) = world(); let own = parallel_hdf5::data_folder().unwrap();\n\
         for number in 0.. {\n\
             std::fs::create_dir(own.join(format!(\"{}-{number}\", world.rank()))).unwrap();\n\
         }",
    );
    is("files", "over-limit");
    class.hand_in(
        "macro",
        EXERCISE,
        "macro_rules! more { ($($x:tt)*) => { more!($($x)* $($x)*); } }\nmore!(1);\nfn main() {}\n",
    );
    is("macro", "does-not-compile");

    // They want to end others: their launcher, then all there is.
    class.hand_in_program(
        "killer",
        "let (_universe, world) = world();\n\
         unsafe { kill(std::os::unix::process::parent_id() as i32, 9); kill(-1, 9); }\n\
         let _ = world.rank();",
    );
    is("killer", "rank-failed");
    expected
}

#[test]
fn each_gets_the_mark_that_it_should() {
    let class = Class::new();
    let others = scratch();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let expected = mixed(&class, listener.local_addr().unwrap().port());
    // Reachable for those who are not in a sandbox.
    let address = listener.local_addr().unwrap();
    assert!(std::net::TcpStream::connect(address).is_ok());

    let file = |name: &str| others.path().join(name).display().to_string();
    let folder = class.folder.path().display().to_string();
    let words = |name: &str, more: &[&str]| -> Vec<String> {
        let files = [("--json", "json"), ("--csv", "csv"), ("--junit", "xml")];
        let files = files
            .map(|(option, ends)| [option.to_owned(), file(&format!("{name}.{ends}"))]);
        let own = [
            &folder,
            "--exercise",
            "3.1",
            "--exercise",
            "3.2",
            "--ranks",
            "2",
        ];
        own.iter()
            .chain(more)
            .map(|it| (*it).to_owned())
            .chain(files.into_iter().flatten())
            .collect()
    };
    let grade = |words: &[String]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        class.grade(&words)
    };
    let output = grade(&words("first", &["--again", "--texts", &file("texts")]));
    if !can_lock_up(&output) {
        return;
    }
    let said = printed(&output);
    assert!(output.status.success(), "{said}");
    let json = read_json(&others.path().join("first.json"));
    let found = marks(&json);
    for (who, mark) in &expected {
        let key = ((*who).to_owned(), "3.1".to_owned());
        assert_eq!(
            found.get(&key).map(String::as_str),
            Some(*mark),
            "{who}\n{said}\n{json:#}"
        );
    }
    assert_eq!(
        json["submissions"].as_array().unwrap().len(),
        expected.len()
    );
    class.left_nothing();

    // The table, as it is in the book.
    let table: String = String::from_utf8_lossy(&output.stdout)
        .lines()
        .take_while(|it| !it.contains("graded before"))
        .map(|it| format!("{it}\n"))
        .collect();
    let page = root().join("chapters/grading.txt");
    if std::env::var_os("BLESS_TABLE").is_some() {
        fs::write(&page, &table).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&page).unwrap_or_default(),
        table,
        "the table in the book is another; BLESS_TABLE=1 writes it anew"
    );

    // The same again: nothing is graded, and the same is written.
    let output = grade(&words("second", &["--jobs", "1"]));
    let said = printed(&output);
    assert!(
        output.status.success() && said.contains("0 answers graded"),
        "{said}"
    );
    for ends in ["json", "csv", "xml"] {
        let [first, second] = ["first", "second"].map(|name| {
            fs::read_to_string(others.path().join(format!("{name}.{ends}"))).unwrap()
        });
        assert_eq!(first, second);
    }
    let csv = fs::read_to_string(others.path().join("first.csv")).unwrap();
    assert!(
        csv.starts_with("submission,passed,of,3.1,3.2\nada,1,2,passes,does-not-compile\n"),
        "{csv}"
    );
    let text = fs::read_to_string(others.path().join("texts/cleo.txt")).unwrap();
    assert!(
        text.contains("cleo: 0 of 2 pass") && text.contains("Rank 0 wrote rows 0–501"),
        "{text}"
    );

    // One of them alone, graded again: the marks do not depend on the others.
    let ada = class.folder.path().join("ada").display().to_string();
    let alone = file("alone.json");
    let output = class.grade(&[
        &ada,
        "--exercise",
        "3.1",
        "--ranks",
        "2",
        "--again",
        "--json",
        &alone,
    ]);
    assert!(output.status.success(), "{}", printed(&output));
    let alone = read_json(Path::new(&alone));
    assert_eq!(
        alone["submissions"][0]["exercises"][0],
        json["submissions"][0]["exercises"][0]
    );
}

/// Thirty of them, with the rank counts of the exercise, as many at a time as there are cores
/// and then one after the other: the same marks. Prints the table.
#[test]
#[ignore = "takes minutes; run with --ignored"]
fn a_class_of_thirty() {
    let class = Class::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let all = mixed(&class, listener.local_addr().unwrap().port());
    let mut expected: BTreeMap<String, String> = all
        .into_iter()
        .map(|(who, mark)| (who.to_owned(), mark.to_owned()))
        .collect();
    for (name, text, mark) in gallery() {
        class.hand_in(&name, EXERCISE, &text);
        expected.insert(name, mark);
    }
    // The others of the class have it right, each in words of their own.
    for number in 1.. {
        if expected.len() == 30 {
            break;
        }
        let name = format!("right {number}");
        let text = solution("03-distances", EXERCISE) + &format!("// {name}\n");
        class.hand_in(&name, &format!("exercises/{EXERCISE}"), &text);
        expected.insert(name, "passes".to_owned());
    }
    let place = scratch();
    for jobs in [launch::cores(), 1] {
        let json = place.path().join("marks.json");
        let output = class.grade(&[
            class.folder.path().to_str().unwrap(),
            "--exercise",
            "3.1",
            "--again",
            "--jobs",
            &jobs.to_string(),
            "--json",
            json.to_str().unwrap(),
        ]);
        if !can_lock_up(&output) {
            return;
        }
        let said = printed(&output);
        println!("{said}");
        let json = read_json(&json);
        let found: BTreeMap<String, String> = marks(&json)
            .into_iter()
            .map(|((who, _), mark)| (who, mark))
            .collect();
        for (who, mark) in &expected {
            assert_eq!(found.get(who), Some(mark), "{who}\n{json:#}");
        }
        assert_eq!(found.len(), 30);
        class.left_nothing();
    }
}

/// An ordinary user is locked up by a user namespace. (The spy sees that it holds.)
#[test]
fn it_holds_for_those_who_are_not_root() {
    let class = Class::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let expected = mixed(&class, listener.local_addr().unwrap().port());
    let some = ["ada", "spy", "killer", "forks"];
    for entry in fs::read_dir(class.folder.path()).unwrap().flatten() {
        if !some.contains(&entry.file_name().to_str().unwrap()) {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
    let json = scratch();
    let json = json.path().join("marks.json");
    let output = class.grade(&[
        class.folder.path().to_str().unwrap(),
        "--exercise",
        "3.1",
        "--ranks",
        "2",
        "--again",
        "--isolation",
        "user-namespace",
        "--json",
        json.to_str().unwrap(),
    ]);
    if !can_lock_up(&output) {
        return;
    }
    let found = marks(&read_json(&json));
    assert_eq!(found.len(), some.len());
    for ((who, _), mark) in found {
        let wanted = expected.iter().find(|it| it.0 == who).unwrap().1;
        assert_eq!(
            mark,
            wanted,
            "{who}\n{}\n{:#}",
            printed(&output),
            read_json(&json)
        );
    }
    class.left_nothing();
}

#[test]
fn what_was_interrupted_goes_on() {
    let class = Class::new();
    // Answers of their own, which were never graded.
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    for who in ["first", "second", "third"] {
        let text = solution("03-distances", EXERCISE) + &format!("// {who} {now}\n");
        class.hand_in(who, EXERCISE, &text);
    }
    let folder = class.folder.path().to_str().unwrap();
    let words = [folder, "--exercise", "3.1", "--ranks", "1", "--jobs", "1"];
    let kept = || -> usize {
        let target = match mpi() {
            launch::Mpi::OpenMpi => root().join("target"),
            launch::Mpi::Mpich => root().join("target/mpich"),
        };
        let all = fs::read_dir(target.join("grade/graded"))
            .into_iter()
            .flatten()
            .flatten();
        let mine = all.filter(|it| {
            fs::read_to_string(it.path()).is_ok_and(|it| it.contains(&now.to_string()))
        });
        mine.count()
    };
    let mut grading = class
        .command(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What grades is built first, where that is not done yet.
    let start = Instant::now();
    while kept() == 0 && start.elapsed() < Duration::from_secs(900) {
        if grading.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = kill(Pid::from_raw(grading.id() as i32), Signal::SIGINT);
    let output = grading.wait_with_output().unwrap();
    if !can_lock_up(&output) {
        return;
    }
    let said = printed(&output);
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains("the same command goes on from there"),
        "{said}"
    );
    let before = kept();
    assert!((1..3).contains(&before), "{before}");
    class.left_nothing();
    let output = class.grade(&words);
    let said = printed(&output);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains(&format!("{} answers graded", 3 - before)),
        "{said}"
    );
    assert!(
        said.contains(&format!("{before} were graded before")),
        "{said}"
    );
}

/// Today's place of an answer, that up to release 0.1.0, and others; with the starter that every
/// copy of the workbook has.
#[test]
fn an_answer_is_found_wherever_it_is() {
    let class = Class::new();
    let new = format!("answers/03-distances/{EXERCISE}");
    let old = format!("chapters/03-distances/exercises/{EXERCISE}");
    let elsewhere = format!("mine/03-distances/{EXERCISE}");
    let (mine, starter) = ("no Rust\n", starter("03-distances", EXERCISE));
    let not_looked_at = format!("there is more than one: not looked at {old}");
    let cases = [
        ("new", vec![(&new, mine)], &new, None),
        (
            "new-in-clone",
            vec![(&new, mine), (&old, &*starter)],
            &new,
            None,
        ),
        ("old", vec![(&old, mine)], &old, None),
        (
            "both",
            vec![(&new, mine), (&old, "other\n")],
            &new,
            Some(not_looked_at),
        ),
        (
            "own-folder",
            vec![(&elsewhere, mine), (&old, &*starter)],
            &elsewhere,
            None,
        ),
        ("starter", vec![(&old, &*starter)], &old, None),
    ];
    for (who, files, ..) in &cases {
        for (file, text) in files {
            class.hand_in(who, file, text);
        }
    }
    class.hand_in("new", "answers/03-distances/1-uneven.kept-1.rs", "older\n");
    class.hand_in("new", "answers/03-distances/9-none.rs", "what is this?\n");
    let json = scratch();
    let json = json.path().join("marks.json");
    let folders: Vec<String> = cases
        .iter()
        .map(|it| class.folder.path().join(it.0).display().to_string())
        .collect();
    let mut words: Vec<&str> = folders.iter().map(String::as_str).collect();
    words.extend(["--exercise", "3.1", "--isolation", "limits", "--json"]);
    words.push(json.to_str().unwrap());
    let output = class.grade(&words);
    assert!(output.status.success(), "{}", printed(&output));
    let json = read_json(&json);
    let all = json["submissions"].as_array().unwrap();
    assert_eq!(all.len(), cases.len(), "{json:#}");
    for (who, _, file, note) in cases {
        let submission = all.iter().find(|it| it["name"] == who).unwrap();
        let exercise = &submission["exercises"][0];
        let mark = if who == "starter" {
            "untouched"
        } else {
            "does-not-compile"
        };
        assert_eq!(exercise["mark"], mark, "{who}: {exercise:#}");
        assert_eq!(exercise["file"], **file, "{who}: {exercise:#}");
        let notes: Vec<&str> = exercise["notes"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .filter(|it| it.contains("more than one"))
            .collect();
        assert_eq!(
            notes.first().copied(),
            note.as_deref(),
            "{who}: {exercise:#}"
        );
        let unknown = submission["notes"].to_string();
        let is_named = unknown.contains("called as answers/03-distances/9-none.rs\"");
        assert_eq!(is_named, who == "new", "{who}: {unknown}");
    }
}

#[test]
fn without_isolation_it_says_so() {
    let class = Class::new();
    class.hand_in("ada", EXERCISE, &solution("03-distances", EXERCISE));
    let output = class.grade(&[
        class.folder.path().to_str().unwrap(),
        "--exercise",
        "3.1",
        "--ranks",
        "2",
        "--isolation",
        "limits",
    ]);
    let said = printed(&output);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("NOT ISOLATED") && said.contains("1 of 1"),
        "{said}"
    );
    class.left_nothing();
}

#[test]
fn what_is_no_submission_is_an_error() {
    let class = Class::new();
    let nowhere: PathBuf = class.folder.path().join("nowhere");
    let output = class.grade(&[nowhere.to_str().unwrap()]);
    let said = printed(&output);
    assert!(
        !output.status.success() && said.contains("nowhere"),
        "{said}"
    );
    let output =
        class.grade(&[class.folder.path().to_str().unwrap(), "--exercise", "3.99"]);
    assert!(
        printed(&output).contains("no exercise `3.99`"),
        "{}",
        printed(&output)
    );
}
