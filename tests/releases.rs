//! What leaves the house: a release (`make dist`), a repository for a class (`make classroom`),
//! and a report for somebody who is to help (`make report`).

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use author::book;
use common::*;
use launch::Mpi;
use serde_json::Value;
use workbook::exercise::Exercise;

// --- Places ----------------------------------------------------------------------------

/// What is in front of the `PATH` of the commands below: a `cargo` that builds in the workbook
/// that is tested, where all is built already, and not once more in each copy of it.
fn tools() -> &'static Path {
    static TOOLS: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let folder = scratch();
        let file = folder.path().join("cargo");
        let text = format!(
            "#!/bin/sh\n\
             if [ \"$1\" = run ]; then\n\
             while [ \"$1\" != -- ]; do package=$1; shift; done; shift\n\
             exec '{}'/$package \"$@\"\n\
             fi\n\
             [ \"$1\" = --version ] || cd '{}'\n\
             CARGO_TARGET_DIR='{}' exec '{}' \"$@\"\n",
            our_programs().display(),
            root().display(),
            target().display(),
            on_path("cargo").display(),
        );
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    });
    TOOLS.path()
}

/// The target folder of this test.
fn target() -> PathBuf {
    let own = std::env::current_exe().expect("a test has a path");
    own.ancestors()
        .nth(3)
        .expect("it lies in a target folder")
        .to_owned()
}

fn on_path(name: &str) -> PathBuf {
    launch::on_path(name).unwrap_or_else(|| panic!("there is no {name}"))
}

/// A command in a copy of the workbook, with [`tools`].
fn command_in(folder: &Path, program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    let path = std::env::var("PATH").expect("there is a PATH");
    command
        .args(args)
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", tools().display()))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::null());
    as_of_a_reader(&mut command);
    for name in [
        "WORKBOOK_MPI",
        "NP",
        "SEED",
        "MAKEFLAGS",
        "MAKELEVEL",
        "MFLAGS",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_WORK_TREE",
        "WORKBOOK_ANSWERS",
        "GITHUB_PATH",
    ] {
        command.env_remove(name);
    }
    command
}

fn run_in(folder: &Path, program: &str, args: &[&str]) -> Output {
    command_in(folder, program, args)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"))
}

#[track_caller]
fn done(output: Output) -> String {
    let text = printed(&output);
    assert!(output.status.success(), "{text}");
    text
}

#[track_caller]
fn git(folder: &Path, args: &[&str]) -> String {
    let who = [
        "-c",
        "user.name=Somebody",
        "-c",
        "user.email=somebody@example.org",
    ];
    done(run_in(folder, "git", &[&who, args].concat()))
}

fn workbook_in(folder: &Path, args: &[&str]) -> Output {
    run_in(folder, &workbook_program().display().to_string(), args)
}

fn teacher_in(folder: &Path, args: &[&str]) -> Output {
    run_in(folder, &teacher_program().display().to_string(), args)
}

fn author_in(folder: &Path, args: &[&str]) -> Output {
    run_in(folder, &author_program().display().to_string(), args)
}

/// The folder in which all three of our commands are built.
fn our_programs() -> &'static Path {
    teacher_program();
    author_program();
    workbook_program().parent().unwrap()
}

/// What is built already, at its place in a copy of the workbook.
fn with_what_is_built(folder: &Path) {
    book::installed(root()).unwrap_or_else(|error| panic!("{error:#}"));
    fs::create_dir_all(folder.join("target")).unwrap();
    symlink(root().join("target/tools"), folder.join("target/tools")).unwrap();
    symlink(target().join("debug"), folder.join("target/debug")).unwrap();
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn copy(from: &Path, to: &Path, unless: &dyn Fn(&str) -> bool) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match () {
            () if unless(&name) => {}
            () if path.is_dir() => copy(&path, &to.join(name), unless),
            () => _ = fs::copy(&path, to.join(name)).unwrap(),
        }
    }
}

/// All files below a folder, by their path in it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn go(root: &Path, folder: &Path, all: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                go(root, &path, all);
            } else {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                all.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    let mut all = BTreeMap::new();
    go(folder, folder, &mut all);
    all
}

// --- A release -------------------------------------------------------------------------

/// A clone of the workbook as it is here, everything committed.
fn clone() -> tempfile::TempDir {
    let folder = scratch();
    let own = |name: &str| {
        [
            "target",
            ".git",
            ".workbook",
            "book-html",
            "RELEASE",
            "config.toml",
        ]
        .contains(&name)
            || name.contains(".kept-")
    };
    copy(root(), folder.path(), &own);
    git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
    git(folder.path(), &["add", "--all"]);
    let mut commit = command_in(
        folder.path(),
        "git",
        &[
            "-c",
            "user.name=S",
            "-c",
            "user.email=s@example.org",
            "commit",
            "--quiet",
            "--message=All",
        ],
    );
    commit.env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z");
    done(commit.output().unwrap());
    with_what_is_built(folder.path());
    folder
}

fn version() -> String {
    workbook::release::version(root()).unwrap()
}

#[test]
fn a_release_is_whole_and_the_same_commit_gives_the_same_bytes() {
    let (first, elsewhere, unpacked) = (clone(), scratch(), scratch());
    let folder = first.path();
    let name = format!("parallel-hdf5-workbook-{}", version());
    let packed = format!("target/dist/{name}.tar.gz");
    let text = done(author_in(folder, &["dist"]));
    assert_eq!(text.trim(), packed);

    // In another clone, at another time of day, for somebody who shares nothing.
    let second = elsewhere.path().join("second");
    let address = folder.display().to_string();
    git(elsewhere.path(), &["clone", "--quiet", &address, "second"]);
    with_what_is_built(&second);
    let mut again = command_in(
        &second,
        "sh",
        &[
            "-c",
            "umask 077; exec \"$0\" dist",
            &author_program().display().to_string(),
        ],
    );
    done(again.env("TZ", "Asia/Tokyo").output().unwrap());
    assert!(
        fs::read(folder.join(&packed)).unwrap() == fs::read(second.join(&packed)).unwrap(),
        "the two releases differ"
    );
    let check = format!("{name}.tar.gz.sha256");
    done(run_in(
        &second.join("target/dist"),
        "sha256sum",
        &["-c", &check],
    ));

    // What is in it: the commit's files, the book, and which commit it was.
    let file = folder.join(&packed).display().to_string();
    done(run_in(unpacked.path(), "tar", &["xzf", &file]));
    let release = unpacked.path().join(&name);
    let mut inside = files(&release);
    let commit = git(folder, &["rev-parse", "HEAD"]);
    assert_eq!(
        String::from_utf8(inside.remove("RELEASE").unwrap()).unwrap(),
        format!("parallel-hdf5-workbook {}\ncommit {commit}", version())
    );
    let (book, sources): (BTreeMap<_, _>, BTreeMap<_, _>) = inside
        .into_iter()
        .partition(|(file, _)| file.starts_with("book-html/"));
    let listed = git(folder, &["ls-files"]);
    let listed: Vec<&str> = listed.lines().collect();
    assert_eq!(sources.keys().collect::<Vec<_>>(), listed);
    for file in &listed {
        assert!(
            sources[*file] == fs::read(folder.join(file)).unwrap(),
            "{file}"
        );
    }
    assert!(is_executable(&release.join(".ci/run")));
    assert!(read(&release, "CHANGELOG.md").contains(&format!("## [{}] - ", version())));
    the_book_is_whole(&release, &book);
    the_sources_do_without_git(&release);
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).unwrap().permissions().mode() & 0o111 == 0o111
}

/// The book of a release is the one that `tests/book.rs` and `tests/browser.rs` look at, page by
/// page; and a browser without a network shows it from the disk.
fn the_book_is_whole(release: &Path, book: &BTreeMap<String, Vec<u8>>) {
    let built = scratch();
    book::build_into(root(), built.path()).unwrap_or_else(|error| panic!("{error:#}"));
    let built = files(built.path());
    assert!(built.len() > 40, "{}", built.len());
    let names: Vec<String> = built.keys().map(|it| format!("book-html/{it}")).collect();
    assert_eq!(book.keys().cloned().collect::<Vec<_>>(), names);
    for (file, bytes) in &built {
        assert!(book[&format!("book-html/{file}")] == *bytes, "{file}");
    }
    let page = release.join("book-html/index.html");
    let browser = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|it| Command::new(it).arg("--version").output().is_ok());
    let browser = browser.expect("make test installs a browser");
    let profile = scratch();
    let options = [
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        // No name of any other machine means anything.
        "--host-resolver-rules=MAP * ~NOTFOUND".to_owned(),
        "--virtual-time-budget=10000".to_owned(),
        format!("--user-data-dir={}", profile.path().display()),
        "--dump-dom".to_owned(),
        format!("file://{}?search=collective", page.display()),
    ];
    // Where that is allowed, there is no network card either.
    let alone = Command::new("unshare").args(["-rn", "true"]).status();
    let mut command = match alone {
        Ok(status) if status.success() => {
            let mut command = Command::new("unshare");
            command.args(["-rn", browser]);
            command
        }
        _ => {
            println!(
                "not tried: without any network card (this machine lets nobody make one)"
            );
            Command::new(browser)
        }
    };
    let output = command
        .args(options)
        .output()
        .expect("the browser can be started");
    let page = String::from_utf8_lossy(&output.stdout);
    assert!(
        page.contains("id=\"mdbook-searchresults\"")
            && page.contains("?highlight=collective"),
        "{page}"
    );
}

/// Commands that have nothing to do with git work, and those that have say so.
fn the_sources_do_without_git(release: &Path) {
    let metadata = [
        "metadata",
        "--locked",
        "--offline",
        "--no-deps",
        "--format-version=1",
    ];
    let cargo = on_path("cargo").display().to_string();
    let text = done(run_in(release, &cargo, &metadata));
    assert!(text.contains(&format!("\"version\":\"{}\"", version())));
    with_what_is_built(release);
    let progress = done(workbook_in(release, &["progress"]));
    assert!(progress.contains("0 of "), "{progress}");
    let dist = author_in(release, &["dist"]);
    assert!(
        !dist.status.success()
            && printed(&dist).contains("an unpacked release is one already")
    );
    let report = done(workbook_in(release, &["report"]));
    assert!(
        report.contains(&format!("{}, unpacked release of commit ", version())),
        "{report}"
    );
    // A class repository of it is the one of a clone.
    let class = scratch();
    done(teacher_in(
        release,
        &["classroom", &class.path().display().to_string()],
    ));
    let (mut class, mut other) = (files(class.path()), files(class_repository()));
    other.retain(|file, _| !file.starts_with("target/") && !file.starts_with(".workbook/"));
    class.retain(|file, _| !file.starts_with("target/"));
    assert_eq!(
        class.keys().collect::<Vec<_>>(),
        other.keys().collect::<Vec<_>>()
    );
}

#[test]
fn a_release_is_refused_while_something_is_not_committed() {
    let folder = clone();
    fs::write(folder.path().join("README.md"), "mine\n").unwrap();
    fs::write(folder.path().join("chapters/new.md"), "mine\n").unwrap();
    let output = author_in(folder.path(), &["dist"]);
    let text = printed(&output);
    assert!(!output.status.success(), "{text}");
    for words in [
        " M README.md",
        "?? chapters/new.md",
        "git stash --include-untracked",
    ] {
        assert!(text.contains(words), "{text}");
    }
    assert!(!folder.path().join("target/dist").exists());
}

#[test]
fn the_version_is_the_same_everywhere() {
    let says = done(workbook_in(root(), &["--version"]));
    assert_eq!(says.trim(), format!("workbook {}", version()));
    let changelog = read(root(), "CHANGELOG.md");
    let newest = changelog
        .lines()
        .find_map(|it| it.strip_prefix("## [")?.split_once("] - "));
    let (number, date) = newest.expect("the changelog has a release");
    assert_eq!(number, version());
    assert!(
        date.split('-').all(|it| it.parse::<u32>().is_ok()),
        "{date}"
    );
    let lock = read(root(), "Cargo.lock");
    let members = fs::read_dir(root().join("src")).unwrap();
    let members = members.map(|it| it.unwrap().file_name().into_string().unwrap());
    for package in members.chain(["parallel-hdf5-workbook".to_owned()]) {
        let entry = format!("name = \"{package}\"\nversion = \"{}\"", version());
        assert!(lock.contains(&entry), "{package}");
    }
}

// --- A class repository ----------------------------------------------------------------

/// One for all tests that only look at it.
fn class_repository() -> &'static Path {
    static CLASS: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let folder = scratch();
        let class = folder.path().join("class").display().to_string();
        done(teacher_in(root(), &["classroom", &class]));
        folder
    });
    static PATH: LazyLock<PathBuf> = LazyLock::new(|| CLASS.path().join("class"));
    &PATH
}

fn yaml(folder: &Path, file: &str) -> Value {
    let text = read(folder, file);
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The commands that a workflow of GitHub's gives, in order; `uses` is somebody else's code.
fn commands(workflow: &Value) -> Vec<String> {
    let jobs = workflow["jobs"].as_object().expect("it has jobs");
    assert_eq!(jobs.len(), 1);
    let job = &jobs["exercises"];
    assert_eq!(job["container"]["image"], "debian:12");
    assert_eq!(job["defaults"]["run"]["shell"], "sh");
    let known = [
        "actions/checkout@v4",
        "actions/cache@v4",
        "classroom-resources/autograding-command-grader@v1",
        "classroom-resources/autograding-grading-reporter@v1",
    ];
    let mut commands = Vec::new();
    for step in job["steps"].as_array().expect("it has steps") {
        match (step["run"].as_str(), step["uses"].as_str()) {
            (Some(command), None) => commands.push(command.to_owned()),
            (None, Some(uses)) => {
                assert!(known.contains(&uses), "{uses}");
                commands.extend(step["with"]["command"].as_str().map(str::to_owned));
            }
            _ => panic!("{step}"),
        }
    }
    commands
}

/// Those of GitLab's.
fn gitlab_commands(workflow: &Value) -> Vec<String> {
    let job = &workflow["exercises"];
    assert_eq!(job["image"], "debian:12");
    ["before_script", "script", "after_script"]
        .into_iter()
        .flat_map(|it| job[it].as_array().expect("it has scripts"))
        .map(|it| it.as_str().expect("a command is text").to_owned())
        .collect()
}

#[test]
fn a_class_repository_has_starters_and_no_solutions() {
    let class = class_repository();
    let all = files(class);
    for file in [
        "README.md",
        "Makefile",
        "Cargo.toml",
        "Cargo.lock",
        ".gitignore",
        "LICENSE-MIT",
        ".devcontainer/devcontainer.json",
        ".devcontainer/prepare.sh",
        ".gitlab-ci.yml",
        ".github/workflows/exercises.yml",
        "src/workbook/setup.sh",
        "CHANGELOG.md",
        "tests/library/stranger/main.rs",
    ] {
        assert!(all.contains_key(file), "{file}");
    }
    let tests = all.keys().filter(|it| it.starts_with("tests/")).count();
    assert_eq!(tests, 2, "no other file of the tests");
    assert!(
        !all.keys()
            .any(|it| it.starts_with(".ci/") || it.starts_with("target/"))
    );
    for exercise in Exercise::all(root()).unwrap() {
        let file = |it: &Path| it.strip_prefix(root()).unwrap().display().to_string();
        let starter = exercise.starter().unwrap();
        assert_eq!(
            all[&file(&exercise.tracked)],
            starter.as_bytes(),
            "{exercise}"
        );
        assert!(!all.contains_key(&file(&exercise.solution)), "{exercise}");
    }
    assert!(!all.keys().any(|it| it.contains("solutions/")));
    let readme = &all["README.md"];
    assert!(String::from_utf8_lossy(readme).contains("1.88 or newer"));
    for file in [
        "README.md",
        ".gitlab-ci.yml",
        ".github/workflows/exercises.yml",
    ] {
        let text = String::from_utf8_lossy(&all[file]).replace("${{", "");
        assert!(!text.contains("{{"), "{file}: {text}");
    }
    // Each command still knows the exercises, and the learner can have a starter again.
    let own = scratch();
    let class = own.path();
    copy(class_repository(), class, &|name| name == "target");
    with_what_is_built(class);
    let starter = read(class, "chapters/03-distances/exercises/1-uneven.rs");
    let answer = "answers/03-distances/1-uneven.rs";
    fs::create_dir_all(class.join("answers/03-distances")).unwrap();
    fs::write(class.join(answer), "mine\n").unwrap();
    done(workbook_in(class, &["reset", "3.1"]));
    assert_eq!(read(class, answer), starter);
    // What a student hands in is that, and nothing that was kept.
    git(class, &["init", "--quiet"]);
    let ignored = |file: &str| {
        let output = run_in(class, "git", &["check-ignore", "--quiet", file]);
        output.status.success()
    };
    assert!(!ignored(answer));
    for file in [
        "answers/03-distances/1-uneven.kept-1.rs",
        ".workbook/progress.json",
    ] {
        assert!(class.join(file).is_file() && ignored(file), "{file}");
    }
    let output = workbook_in(class, &["solution", "3.1", "--yes"]);
    let text = printed(&output);
    assert!(
        !output.status.success() && text.contains("made without them"),
        "{text}"
    );
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let folder = scratch();
    fs::write(folder.path().join("mine"), "mine\n").unwrap();
    let output = teacher_in(root(), &["classroom", &folder.path().display().to_string()]);
    assert!(!output.status.success(), "{}", printed(&output));
    assert_eq!(files(folder.path()).len(), 1);
    let output = teacher_in(root(), &["classroom", "chapters/class"]);
    assert!(
        printed(&output).contains("inside the workbook"),
        "{}",
        printed(&output)
    );
    assert!(!root().join("chapters/class").exists());
}

#[test]
fn each_command_of_the_workflows_is_a_target_of_the_makefile() {
    let class = class_repository();
    let points = scratch();
    let points = points.path().join("class");
    let folder = points.display().to_string();
    done(teacher_in(
        root(),
        &["classroom", &folder, "--points", "10"],
    ));
    let github = commands(&yaml(class, ".github/workflows/exercises.yml"));
    let classroom = commands(&yaml(&points, ".github/workflows/classroom.yml"));
    let gitlab = gitlab_commands(&yaml(class, ".gitlab-ci.yml"));
    let exercises = Exercise::all(root()).unwrap();
    let chapters: BTreeSet<usize> = exercises.iter().map(|it| it.chapter).collect();
    let (exercises, chapters) = (exercises.len(), chapters.len());
    assert!(exercises >= 30 && chapters >= 9);
    assert_eq!(github.len(), 1 + chapters + 1, "{github:?}");
    assert_eq!(classroom.len(), 1 + exercises, "{classroom:?}");
    assert!(!points.join(".github/workflows/exercises.yml").exists());
    let mut checked = 0;
    for command in github.iter().chain(&classroom).chain(&gitlab) {
        let Some((_, goals)) = command.split_once("make ") else {
            let known = [
                "sh .devcontainer/prepare.sh",
                "export PATH=\"$CARGO_HOME/bin:$PATH\"",
            ];
            assert!(known.contains(&&**command), "{command}");
            continue;
        };
        let goals: Vec<&str> = goals.split(' ').collect();
        let text = done(run_in(
            class,
            "make",
            &[&["--dry-run"], goals.as_slice()].concat(),
        ));
        for goal in goals.iter().filter(|it| !it.starts_with('-')) {
            let (target, which) = goal.split_once('-').unwrap_or((goal, ""));
            let words = match target {
                "exercise" => format!("check {which}"),
                target => target.to_owned(),
            };
            assert!(
                text.lines().any(|it| it.ends_with(&words)),
                "{command}:\n{text}"
            );
            checked += 1;
        }
    }
    // GitHub: each chapter, and the report; its Classroom: each exercise; GitLab as GitHub.
    assert_eq!(checked, chapters + 1 + exercises + chapters + 1);
    // What gives the points is named as what was checked.
    let workflow = yaml(&points, ".github/workflows/classroom.yml");
    let steps = workflow["jobs"]["exercises"]["steps"].as_array().unwrap();
    let last = steps.last().unwrap();
    let runners: Vec<&str> = last["with"]["runners"]
        .as_str()
        .unwrap()
        .split(',')
        .collect();
    assert_eq!(runners.len(), exercises);
    for id in runners {
        let step = steps
            .iter()
            .find(|it| it["id"] == id)
            .expect("there is such a step");
        assert_eq!(step["with"]["command"], format!("make {id}"));
        assert_eq!(step["with"]["max-score"], 10);
        let result = &last["env"][format!("{}_RESULTS", id.to_uppercase())];
        assert_eq!(*result, format!("${{{{ steps.{id}.outputs.result }}}}"));
    }
}

#[test]
fn the_dev_container_names_what_is_there() {
    let class = class_repository();
    for folder in [root(), class] {
        let text = read(folder, ".devcontainer/devcontainer.json");
        let container: Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(container["image"], "debian:12");
        let command = container["onCreateCommand"].as_str().unwrap();
        let script = command.strip_prefix("sh ").unwrap();
        assert!(folder.join(script).is_file(), "{script}");
        assert!(read(folder, script).contains("\nsh src/workbook/setup.sh "));
        assert!(folder.join("src/workbook/setup.sh").is_file());
    }
}

/// A student's day, with the commands that the workflow gives: the set-up, an exercise that is
/// not solved, and one that is. (What is built is taken from the workbook that is tested.)
#[test]
fn the_workflow_tells_right_from_wrong() {
    if mpi() != Mpi::OpenMpi {
        // The workflows use Open MPI, whatever this test was built with.
        println!("not tried under {}: it is the same commands", mpi());
        return;
    }
    let folder = scratch();
    let class = folder.path().join("class");
    let name = class.display().to_string();
    done(teacher_in(root(), &["classroom", &name, "--points", "1"]));
    with_what_is_built(&class);
    let workflow = yaml(&class, ".github/workflows/classroom.yml");
    let all = commands(&workflow);
    assert_eq!(all[0], "sh .devcontainer/prepare.sh");
    let path = folder.path().join("path");
    let shell = |command: &str| {
        let mut shell = command_in(&class, "sh", &["-e", "-c", command]);
        shell.env("GITHUB_PATH", &path);
        shell.output().expect("sh can be started")
    };
    done(shell(&all[0]));
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .trim_end()
            .ends_with("/bin")
    );
    let exercise = all.iter().find(|it| it.ends_with(" exercise-1-1")).unwrap();
    let output = shell(exercise);
    let text = printed(&output);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("✗ 1.1"), "{text}");
    // The report has what failed.
    let report = done(shell("make report"));
    assert!(report.contains("workbook check 1-1, "), "{report}");
    assert!(
        report.contains("✗ 1.1") && !report.contains(&*name),
        "{report}"
    );

    let first = Exercise::find_one(root(), "1.1").unwrap();
    let place = class.join("answers/01-hello-rank/1-predict.rs");
    assert!(place.is_file(), "the first check has put the starter there");
    fs::write(place, first.solution().unwrap()).unwrap();
    let text = done(shell(exercise));
    assert!(text.contains("✓ 1.1"), "{text}");
    let report = done(shell("make report"));
    assert!(
        report.contains("Nothing: no run and no check has failed"),
        "{report}"
    );
}

/// Everything built anew in a class repository, as the service would: takes minutes.
#[test]
#[ignore = "builds everything once more, for some minutes"]
fn the_whole_of_a_class_repository() {
    let folder = scratch();
    let class = folder.path().join("class");
    done(teacher_in(
        root(),
        &["classroom", &class.display().to_string()],
    ));
    let plain = |program: &str, args: &[&str]| {
        let mut command = command_in(&class, program, args);
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.output().unwrap()
    };
    for exercise in Exercise::all(root()).unwrap() {
        if [2, 3].contains(&exercise.chapter) {
            let place = class.join(exercise.file.strip_prefix(root()).unwrap());
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, exercise.solution().unwrap()).unwrap();
        }
    }
    done(plain("git", &["init", "--quiet"]));
    done(plain("sh", &[".devcontainer/prepare.sh"]));
    done(plain("make", &["--keep-going", "exercise-2", "exercise-3"]));
    let output = plain("make", &["--keep-going", "exercise-1", "exercise-2"]);
    let text = printed(&output);
    assert!(!output.status.success() && text.contains("✓ 2.1"), "{text}");
    done(plain("make", &["chapter-3"]));
    done(plain("make", &["report"]));
    done(plain("make", &["book"]));
}

/// An unpacked release, built as its reader would: takes minutes.
#[test]
#[ignore = "builds everything once more, for some minutes"]
fn the_whole_of_a_release() {
    let (clone, folder) = (clone(), scratch());
    done(author_in(clone.path(), &["dist"]));
    let name = format!("parallel-hdf5-workbook-{}", version());
    let file = clone.path().join(format!("target/dist/{name}.tar.gz"));
    done(run_in(
        folder.path(),
        "tar",
        &["xzf", &file.display().to_string()],
    ));
    let release = folder.path().join(name);
    for goal in ["chapter-1", "exercise-1-1", "book", "report"] {
        let mut make = command_in(&release, "make", &[goal]);
        make.env("PATH", std::env::var_os("PATH").unwrap());
        let output = make.output().unwrap();
        let text = printed(&output);
        assert_eq!(
            output.status.success(),
            goal != "exercise-1-1",
            "{goal}: {text}"
        );
    }
}

// --- A report --------------------------------------------------------------------------

#[test]
fn a_report_has_the_failing_run_and_nothing_personal() {
    let folder = scratch();
    let home = folder.path().join("home/ada");
    let class = home.join("book");
    fs::create_dir_all(&home).unwrap();
    done(teacher_in(
        root(),
        &["classroom", &class.display().to_string()],
    ));
    with_what_is_built(&class);
    if mpi() == Mpi::Mpich {
        // Where the programs of MPICH are looked for.
        symlink(target(), class.join("target/mpich")).unwrap();
    }
    let workbook = |args: &[&str]| {
        let mut command =
            command_in(&class, &workbook_program().display().to_string(), args);
        command
            .env("HOME", &home)
            .env("CARGO_HOME", cargo_home())
            .env("USER", "adalovelace")
            .env("HOSTNAME", "lab-7.example.org")
            .env("MPI", mpi().name())
            .env("MY_TOKEN", "squeamish-ossifrage")
            .env("OMPI_MCA_io", "ompio")
            .env("UCX_LOG_LEVEL", "error");
        // Rustup looks for its Rust in a home folder.
        if let Some(rustup) =
            std::env::var_os("RUSTUP_HOME")
                .map(PathBuf::from)
                .or_else(|| {
                    std::env::var_os("HOME").map(|home| Path::new(&home).join(".rustup"))
                })
        {
            command.env("RUSTUP_HOME", rustup);
        }
        command.output().expect("it can be started")
    };
    let report = done(workbook(&["report"]));
    assert!(
        report.contains("Nothing: no run and no check has failed"),
        "{report}"
    );

    // The folder is missing.
    let file = home.join("none/my.hdf5");
    let args = format!("--file {}", file.display());
    let failed = workbook(&["run", "3", "--ranks", "2", "--args", &args]);
    assert!(!failed.status.success(), "{}", printed(&failed));
    let report = done(workbook(&["report"]));
    assert!(
        report.contains("--file '~/none/my.hdf5'")
            || report.contains("--file ~/none/my.hdf5"),
        "{report}"
    );
    assert!(!report.contains("home/ada"), "{report}");

    let args = "--naive --rows 1000";
    let failed = workbook(&["run", "3", "--ranks", "3", "--args", args]);
    assert!(!failed.status.success(), "{}", printed(&failed));
    let report = done(workbook(&["report"]));
    for words in [
        "workbook run 3, ",
        "NOT OK: distances[750] is 0, should be",
        " -n 3 ",
        "distances --naive --rows 1000",
        "== Versions",
        &format!("workbook   {}", version()),
        "rustc      rustc 1.",
        "== Settings",
        &format!("MPI={}", mpi().name()),
        "OMPI_MCA_io=ompio",
        "== Doctor",
        "This text is in target/report/report.txt, too.",
    ] {
        assert!(report.contains(words), "no {words:?} in:\n{report}");
    }
    let host = nix_hostname();
    for secret in [
        "squeamish",
        "MY_TOKEN",
        "adalovelace",
        "lab-7",
        "home/ada",
        &folder.path().display().to_string(),
    ] {
        assert!(!report.contains(secret), "{secret} is in:\n{report}");
    }
    if !["root", "localhost"].contains(&&*host) {
        let alone = |line: &str| {
            line.split(|it: char| !it.is_alphanumeric() && it != '-')
                .any(|it| it == host)
        };
        assert!(!report.lines().any(alone), "{host} is in:\n{report}");
    }
    // It is the text that was printed, as one block.
    let saved = read(&class, "target/report/report.txt");
    assert!(report.contains(&saved));
    assert!(
        saved.starts_with("```text\nReport of the workbook") && saved.ends_with("\n```\n")
    );

    // The same command, right this time.
    done(workbook(&["run", "3", "--ranks", "3"]));
    let report = done(workbook(&["report"]));
    assert!(
        report.contains("Nothing: no run and no check has failed"),
        "{report}"
    );
}

fn cargo_home() -> PathBuf {
    let home = std::env::var_os("HOME").unwrap_or_else(|| "/root".into());
    std::env::var_os("CARGO_HOME").map_or(Path::new(&home).join(".cargo"), PathBuf::from)
}

fn nix_hostname() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

#[test]
fn a_report_is_made_without_mpi_and_hdf5() {
    let folder = scratch();
    let class = folder.path().join("class");
    done(teacher_in(
        root(),
        &["classroom", &class.display().to_string()],
    ));
    // All programs of this machine, but no MPI's.
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for entry in
        std::env::split_paths(&path).flat_map(|it| fs::read_dir(it).into_iter().flatten())
    {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let of_mpi = ["mpi", "orte", "opal", "prte", "hydra", "ompi", "pmix"];
        if !of_mpi.iter().any(|it| name.starts_with(it)) {
            let _ = symlink(entry.path(), bin.join(name));
        }
    }
    let workbook = |args: &[&str]| {
        let mut command =
            command_in(&class, &workbook_program().display().to_string(), args);
        command.env("PATH", &bin).env("MPI", mpi().name());
        command.output().expect("it can be started")
    };
    let failed = workbook(&["run", "1"]);
    assert!(!failed.status.success(), "{}", printed(&failed));
    let report = done(workbook(&["report"]));
    for words in [
        "openmpi    not found",
        "mpich      not found",
        "WRONG",
        "Not looked at, because of what is wrong above: HDF5",
        "workbook run 1, ",
        "is not installed (no mpirun of",
    ] {
        assert!(report.contains(words), "no {words:?} in:\n{report}");
    }
}
