//! `make update`, with a real git: a release comes out while a learner is at work.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use common::*;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

const UNEVEN: &str = "chapters/03-distances/exercises/1-uneven.rs";
const COLUMNS: &str = "chapters/03-distances/exercises/2-columns.rs";
const MAIN: &str = "chapters/03-distances/main.rs";

/// A world with an author's clone, the bare one that all share, and a learner's.
struct World {
    folder: tempfile::TempDir,
}

/// A command that knows nothing of this machine's settings of git.
fn alone(mut command: Command) -> Command {
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "WORKBOOK_ANSWERS",
    ] {
        command.env_remove(name);
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", "/nonexistent")
        .env_remove("EMAIL");
    command
}

#[track_caller]
fn git(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args([
            "-c",
            "user.name=Somebody",
            "-c",
            "user.email=somebody@example.org",
        ])
        .args(args);
    let output = alone(command).output().expect("git can be started");
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        printed(&output)
    );
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

fn update_command(folder: &Path, args: &[&str]) -> Command {
    let mut command = workbook_command();
    command.arg("update").args(args).current_dir(folder);
    alone(command)
}

fn update(folder: &Path, args: &[&str]) -> Output {
    update_command(folder, args)
        .output()
        .expect("it can be started")
}

/// Updates, which must succeed; what it says.
#[track_caller]
fn updated(folder: &Path) -> String {
    let output = update(folder, &[]);
    let text = printed(&output);
    assert!(output.status.success(), "{text}");
    text
}

/// Tries to update, which must fail and change nothing; what it says.
#[track_caller]
fn refused(folder: &Path, args: &[&str]) -> String {
    let before = (contents(folder), git(folder, &["rev-parse", "HEAD"]));
    let output = update(folder, args);
    let text = printed(&output);
    assert!(!output.status.success(), "{text}");
    let after = (contents(folder), git(folder, &["rev-parse", "HEAD"]));
    assert_eq!(before, after, "{text}");
    text
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[track_caller]
fn edit(folder: &Path, file: &str, old: &str, new: &str) {
    let text = read(folder, file);
    assert!(text.contains(old), "{file} has no {old:?}");
    fs::write(folder.join(file), text.replacen(old, new, 1)).unwrap();
}

/// A file with `part` in its hole.
fn filled(text: &str, part: &str) -> String {
    workbook::exercise::with_hole_filled(text, part)
}

/// All files of a folder but git's and the workbook's own.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fn go(root: &Path, folder: &Path, all: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            match () {
                () if [".git", ".workbook"].contains(&&*name) => {}
                () if path.is_dir() => go(root, &path, all),
                () => _ = all.insert(name, fs::read(&path).unwrap_or_default()),
            }
        }
    }
    let mut all = BTreeMap::new();
    go(folder, folder, &mut all);
    all
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &to),
            false => _ = fs::copy(&path, &to).unwrap(),
        }
    }
}

impl World {
    /// A workbook of two chapters, its release 0.1.0, and a learner who has just cloned it.
    fn new() -> World {
        let world = World { folder: scratch() };
        let author = world.author();
        for chapter in ["02-open-mpio", "03-distances"] {
            let chapter = format!("chapters/{chapter}");
            copy(&root().join(&chapter), &author.join(&chapter));
        }
        for file in [
            "Cargo.toml",
            "Makefile",
            ".gitignore",
            "chapters/SUMMARY.md",
        ] {
            fs::copy(root().join(file), author.join(file)).unwrap();
        }
        // As they were released, whatever a learner has done in the clone that is tested.
        for entry in fs::read_dir(author.join("chapters")).unwrap().flatten() {
            let exercises = entry.path().join("exercises");
            for file in fs::read_dir(exercises).into_iter().flatten().flatten() {
                let name = file.file_name().to_string_lossy().into_owned();
                if name.contains(".kept-") {
                    fs::remove_file(file.path()).unwrap();
                } else if name.ends_with(".rs") && name != "check.rs" {
                    fs::write(file.path(), starter(&entry.path(), &name)).unwrap();
                }
            }
        }
        edit(&author, "Cargo.toml", &version(), "0.1.0");
        git(&author, &["init", "--quiet", "--initial-branch=main"]);
        git(&author, &["add", "--all"]);
        git(&author, &["commit", "--quiet", "--message=Release 0.1.0"]);
        let bare = world.folder.path().join("origin.git");
        git(
            &author,
            &["clone", "--quiet", "--bare", ".", bare.to_str().unwrap()],
        );
        git(
            &author,
            &["remote", "add", "origin", bare.to_str().unwrap()],
        );
        world.clone("learner");
        world
    }

    fn author(&self) -> PathBuf {
        self.folder.path().join("author")
    }

    fn learner(&self) -> PathBuf {
        self.folder.path().join("learner")
    }

    fn clone(&self, name: &str) -> PathBuf {
        git(
            self.folder.path(),
            &["clone", "--quiet", "origin.git", name],
        );
        self.folder.path().join(name)
    }

    /// The author's next release: what is in their folder now.
    fn release(&self) {
        let author = self.author();
        edit(
            &author,
            "Cargo.toml",
            "version = \"0.1.0\"",
            "version = \"0.2.0\"",
        );
        git(&author, &["add", "--all"]);
        git(&author, &["commit", "--quiet", "--message=Release 0.2.0"]);
        git(&author, &["push", "--quiet", "origin", "main"]);
    }
}

/// The version of the workbook that is tested.
fn version() -> String {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    workbook::update::version_in(&manifest).expect("Cargo.toml names a version")
}

/// The starter that a solution holds, found without the code under test.
fn starter(chapter: &Path, name: &str) -> String {
    let text = fs::read_to_string(chapter.join("solutions").join(name)).unwrap();
    let mut inside = false;
    let mut starter = String::new();
    for line in text.lines() {
        let bare = line.trim_start();
        if bare == "// YOUR PART ENDS" {
            inside = false;
        }
        match bare.strip_prefix("//~") {
            Some(rest) if inside && rest.is_empty() => starter.push('\n'),
            Some(rest) if inside => {
                let indent = &line[..line.len() - bare.len()];
                let rest = rest.strip_prefix(' ').unwrap_or(rest);
                starter.push_str(&format!("{indent}{rest}\n"));
            }
            _ if inside => {}
            _ => starter.push_str(&format!("{line}\n")),
        }
        if bare == "// YOUR PART BEGINS" {
            inside = true;
        }
    }
    starter
}

/// What a learner and an author do while the other looks elsewhere; a second learner, from whose
/// clone one can see what nobody has touched.
fn both_at_work(world: &World) -> [String; 2] {
    let (author, learner) = (world.author(), world.learner());
    // The learner has answered two exercises, ...
    let uneven = filled(&read(&learner, UNEVEN), "    // mine: 1\n");
    let columns = filled(&read(&learner, COLUMNS), "    // mine: 2\n");
    fs::write(learner.join(UNEVEN), &uneven).unwrap();
    fs::write(learner.join(COLUMNS), &columns).unwrap();
    // ... changed a program, thrown a picture away, and has files of their own.
    edit(&learner, MAIN, "fn main", "// mine\nfn main");
    fs::write(learner.join("notes.txt"), "mine\n").unwrap();
    fs::write(learner.join("chapters/new.md"), "mine, too\n").unwrap();
    fs::create_dir_all(learner.join(".workbook")).unwrap();
    fs::write(learner.join(".workbook/progress.json"), "{}\n").unwrap();
    // The author has changed one of the two starters, and other files.
    let text = read(&author, UNEVEN);
    fs::write(
        author.join(UNEVEN),
        format!("// the new task\n{text}// the end\n"),
    )
    .unwrap();
    let text = read(&author, MAIN);
    fs::write(author.join(MAIN), format!("{text}// the author's\n")).unwrap();
    fs::write(author.join("chapters/new.md"), "the author's\n").unwrap();
    fs::write(author.join("chapters/SUMMARY.md"), "# Another summary\n").unwrap();
    fs::remove_file(author.join("chapters/02-open-mpio/session.txt")).unwrap();
    world.release();
    [format!("// the new task\n{uneven}// the end\n"), columns]
}

#[track_caller]
fn holds_both(learner: &Path, answers: &[String; 2]) {
    assert_eq!(read(learner, UNEVEN), answers[0]);
    assert_eq!(read(learner, COLUMNS), answers[1]);
    let main = read(learner, MAIN);
    assert!(main.contains("// mine\nfn main") && main.ends_with("// the author's\n"));
    assert_eq!(read(learner, "notes.txt"), "mine\n");
    assert_eq!(read(learner, "chapters/new.md"), "the author's\n");
    assert_eq!(
        read(learner, ".workbook/kept/1/chapters/new.md"),
        "mine, too\n"
    );
    assert_eq!(read(learner, ".workbook/progress.json"), "{}\n");
    assert_eq!(read(learner, "chapters/SUMMARY.md"), "# Another summary\n");
    assert!(!learner.join("chapters/02-open-mpio/session.txt").exists());
    assert!(read(learner, "Cargo.toml").contains("version = \"0.2.0\""));
    // Only what is the learner's differs from the release, and no update is left half done.
    let status = git(learner, &["status", "--porcelain", "--untracked-files=all"]);
    let mut changed: Vec<&str> = status.lines().map(|it| &it[3..]).collect();
    changed.sort();
    assert_eq!(changed, [UNEVEN, COLUMNS, MAIN, "notes.txt"], "{status}");
    assert_eq!(
        git(learner, &["rev-parse", "HEAD"]),
        git(learner, &["rev-parse", "origin/main"])
    );
    let own: Vec<String> = fs::read_dir(learner.join(".workbook"))
        .unwrap()
        .map(|it| it.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|it| it.starts_with("update") && it != "update.lock")
        .collect();
    assert!(own.is_empty(), "{own:?}");
}

#[test]
fn answers_changes_and_own_files_survive_a_release() {
    let world = World::new();
    let learner = world.learner();
    let nothing = updated(&learner);
    assert!(
        nothing.contains("nothing newer: the workbook is 0.1.0"),
        "{nothing}"
    );
    let answers = both_at_work(&world);
    // What is staged counts as changed, too.
    git(&learner, &["add", COLUMNS]);
    let text = updated(&learner);
    holds_both(&learner, &answers);
    for words in [
        "The workbook is 0.2.0 now (it was 0.1.0)",
        "3.1 uneven: your part is in the new starter now; check it again: make exercise-3-1",
        "chapters/03-distances/main.rs: your change and the new release are both in it",
        "chapters/new.md: yours is in .workbook/kept/1/chapters/new.md",
    ] {
        assert!(text.contains(words), "no {words:?} in:\n{text}");
    }
    assert!(!text.contains("columns"), "{text}");
    // All of it is in git as well.
    let before = git(
        &learner,
        &["show", &format!("refs/workbook/before-update-1:{UNEVEN}")],
    );
    assert!(
        before.contains("// mine: 1") && !before.contains("the new task"),
        "{before}"
    );
    let again = updated(&learner);
    assert!(
        again.contains("nothing newer: the workbook is 0.2.0"),
        "{again}"
    );
    holds_both(&learner, &answers);
}

#[test]
fn what_a_learner_has_committed_is_merged_in_a_commit() {
    let world = World::new();
    let learner = world.learner();
    let answers = both_at_work(&world);
    git(&learner, &["add", "--", UNEVEN, MAIN]);
    git(&learner, &["commit", "--quiet", "--message=Mine"]);
    updated(&learner);
    assert_eq!(read(&learner, UNEVEN), answers[0]);
    assert_eq!(read(&learner, COLUMNS), answers[1]);
    // The commit has both, and what was not committed is not in it.
    let parents = git(&learner, &["log", "-1", "--format=%s %P"]);
    assert!(
        parents.starts_with("Merge release 0.2.0 of the workbook "),
        "{parents}"
    );
    assert_eq!(parents.split(' ').count(), 6 + 2, "{parents}");
    let committed = git(&learner, &["show", &format!("HEAD:{UNEVEN}")]);
    assert_eq!(committed, answers[0].trim_end());
    let main = git(&learner, &["show", &format!("HEAD:{MAIN}")]);
    assert!(main.contains("// mine\nfn main") && main.ends_with("// the author's"));
    let status = git(&learner, &["status", "--porcelain"]);
    assert_eq!(status, format!(" M {COLUMNS}\n?? notes.txt"));
    assert!(!git(&learner, &["ls-files"]).contains("02-open-mpio/session.txt"));
    let again = updated(&learner);
    assert!(again.contains("nothing newer"), "{again}");
}

#[test]
fn what_does_not_fit_together_is_kept_beside_or_aside() {
    let world = World::new();
    let (author, learner) = (world.author(), world.learner());
    // No part any more; lines outside it, which the author changes, too.
    fs::write(learner.join(UNEVEN), "fn main() {} // mine\n").unwrap();
    fs::write(learner.join(UNEVEN.replace(".rs", ".kept-1.rs")), "older\n").unwrap();
    let columns = filled(&read(&learner, COLUMNS), "    // mine: 2\n");
    let columns = format!("// my first line\n{columns}");
    fs::write(learner.join(COLUMNS), &columns).unwrap();
    fs::write(learner.join(MAIN), "fn main() {} // mine\n").unwrap();
    // A file where the release has a folder, and a folder where it has a file.
    fs::write(learner.join("more"), "mine\n").unwrap();
    fs::create_dir_all(learner.join("chapters/extra.md")).unwrap();
    fs::write(learner.join("chapters/extra.md/mine.txt"), "mine\n").unwrap();
    // A file that the release does not have any more.
    edit(&learner, "Makefile", "MPI ?= openmpi", "MPI ?= mpich");
    let old = read(&author, UNEVEN);
    fs::write(author.join(UNEVEN), format!("// new\n{old}")).unwrap();
    let old = read(&author, COLUMNS);
    fs::write(
        author.join(COLUMNS),
        format!("// the author's first line\n{old}"),
    )
    .unwrap();
    edit(&author, MAIN, "fn main", "// the author's\nfn main");
    fs::create_dir_all(author.join("more/folders")).unwrap();
    fs::write(author.join("more/folders/file"), "the author's\n").unwrap();
    fs::write(author.join("chapters/extra.md"), "the author's\n").unwrap();
    fs::remove_file(author.join("Makefile")).unwrap();
    world.release();

    let text = updated(&learner);
    let uneven = read(&learner, &UNEVEN.replace(".rs", ".kept-2.rs"));
    assert_eq!(uneven, "fn main() {} // mine\n");
    assert_eq!(
        read(&learner, &UNEVEN.replace(".rs", ".kept-1.rs")),
        "older\n"
    );
    assert_eq!(read(&learner, UNEVEN), read(&author, UNEVEN));
    assert_eq!(
        read(&learner, &COLUMNS.replace(".rs", ".kept-1.rs")),
        columns
    );
    let moved = filled(&read(&author, COLUMNS), "    // mine: 2\n");
    assert_eq!(read(&learner, COLUMNS), moved);
    assert_eq!(read(&learner, MAIN), read(&author, MAIN));
    let kept = |file: &str| read(&learner, &format!(".workbook/kept/1/{file}"));
    assert_eq!(kept(MAIN), "fn main() {} // mine\n");
    assert_eq!(kept("more"), "mine\n");
    assert_eq!(kept("chapters/extra.md/mine.txt"), "mine\n");
    assert!(kept("Makefile").contains("MPI ?= mpich"));
    assert_eq!(read(&learner, "more/folders/file"), "the author's\n");
    assert_eq!(read(&learner, "chapters/extra.md"), "the author's\n");
    for words in [
        "3.1 uneven: the new starter is there; what you had has no part between the two lines",
        "1-uneven.kept-2.rs",
        "3.2 columns: your part is in the new starter now, but not the lines",
        "2-columns.kept-1.rs",
        "more: yours is in .workbook/kept/1/more",
        "Makefile: yours is in .workbook/kept/1/Makefile",
    ] {
        assert!(text.contains(words), "no {words:?} in:\n{text}");
    }
    assert!(!text.contains("<<<<") && !read(&learner, MAIN).contains("<<<<"));
}

#[test]
fn an_answer_follows_its_exercise_to_another_number() {
    let world = World::new();
    let (author, learner) = (world.author(), world.learner());
    let columns = filled(&read(&learner, COLUMNS), "    // mine: 2\n");
    fs::write(learner.join(COLUMNS), &columns).unwrap();
    // What a reset has kept would keep the old chapter's folder alive.
    fs::write(
        learner.join(COLUMNS.replace(".rs", ".kept-1.rs")),
        "older\n",
    )
    .unwrap();
    git(
        &author,
        &["mv", "chapters/03-distances", "chapters/04-distances"],
    );
    for kind in ["exercises", "solutions"] {
        let folder = format!("chapters/04-distances/{kind}");
        git(
            &author,
            &[
                "mv",
                &format!("{folder}/2-columns.rs"),
                &format!("{folder}/5-columns.rs"),
            ],
        );
    }
    let new = "chapters/04-distances/exercises/5-columns.rs";
    let text = read(&author, new);
    fs::write(author.join(new), format!("// new\n{text}")).unwrap();
    world.release();

    let text = updated(&learner);
    assert_eq!(read(&learner, new), format!("// new\n{columns}"));
    let words = "4.5 columns: was 3.2 columns; your answer is in \
                 chapters/04-distances/exercises/5-columns.rs now";
    assert!(text.contains(words), "{text}");
    // A chapter's folder without a chapter would break every door.
    assert!(!learner.join("chapters/03-distances").exists());
    let kept = ".workbook/kept/1/chapters/03-distances/exercises/2-columns.kept-1.rs";
    assert_eq!(read(&learner, kept), "older\n");
    let status = git(&learner, &["status", "--porcelain"]);
    assert_eq!(status, format!(" M {new}"));
}

#[test]
fn where_it_cannot_be_done_it_says_what_to_do() {
    let world = World::new();
    let learner = world.learner();
    let answers = both_at_work(&world);

    git(&learner, &["checkout", "--quiet", "--detach"]);
    let text = refused(&learner, &[]);
    assert!(text.contains("git switch main"), "{text}");
    // It may be named, though.
    let text = refused(&learner, &["--from", "origin/nothing"]);
    assert!(
        text.contains("no folder, branch or release called origin/nothing"),
        "{text}"
    );
    git(&learner, &["checkout", "--quiet", "main"]);

    git(&learner, &["branch", "--unset-upstream"]);
    let text = refused(&learner, &[]);
    assert!(text.contains("--set-upstream-to=origin/main"), "{text}");
    git(&learner, &["branch", "--set-upstream-to=origin/main"]);

    let origin = git(&learner, &["remote", "get-url", "origin"]);
    git(
        &learner,
        &["remote", "set-url", "origin", "/nowhere/at-all.git"],
    );
    let text = refused(&learner, &[]);
    assert!(text.contains("cannot fetch from origin"), "{text}");
    git(&learner, &["remote", "set-url", "origin", &origin]);

    let marker = learner.join(".git/MERGE_HEAD");
    fs::write(&marker, git(&learner, &["rev-parse", "HEAD"])).unwrap();
    let text = refused(&learner, &[]);
    assert!(text.contains("git merge --abort"), "{text}");
    fs::remove_file(marker).unwrap();

    updated(&learner);
    holds_both(&learner, &answers);

    git(&learner, &["remote", "remove", "origin"]);
    let text = refused(&learner, &[]);
    assert!(text.contains("git remote add origin ADDRESS"), "{text}");
}

#[test]
fn a_release_without_git_takes_the_answers_along() {
    let world = World::new();
    let answers = both_at_work(&world);
    let unpack = |from: &Path, name: &str| {
        let to = world.folder.path().join(name);
        copy(from, &to);
        fs::remove_dir_all(to.join(".git")).unwrap();
        to
    };
    let (old, new) = (
        unpack(&world.learner(), "old"),
        unpack(&world.author(), "new"),
    );
    // The author's solution has the starter.
    let solution = UNEVEN.replace("exercises", "solutions");
    let text = read(&new, &solution);
    fs::write(
        new.join(&solution),
        format!("// the new task\n{text}// the end\n"),
    )
    .unwrap();

    let before = contents(&old);
    let output = update(&old, &[]);
    let text = printed(&output);
    assert!(!output.status.success(), "{text}");
    assert!(
        text.contains("no git clone") && text.contains("make update FROM="),
        "{text}"
    );

    for _twice in 0..2 {
        let output = update(&new, &["--from", "../old"]);
        let text = printed(&output);
        assert!(output.status.success(), "{text}");
        assert_eq!(read(&new, UNEVEN), answers[0], "{text}");
        assert_eq!(read(&new, COLUMNS), answers[1], "{text}");
    }
    assert_eq!(contents(&old), before);
    assert_eq!(read(&new, ".workbook/progress.json"), "{}\n");
    // An answer that is there already stays.
    fs::write(new.join(COLUMNS), "other\n").unwrap();
    let text = printed(&update(&new, &["--from", "../old"]));
    assert!(text.contains("you have an answer here already"), "{text}");
    assert_eq!(read(&new, COLUMNS), "other\n");
    assert_eq!(
        read(&new, &COLUMNS.replace(".rs", ".kept-1.rs")),
        answers[1]
    );
}

/// Git is told in the end. If that fails, all files are new, and the next update goes on.
#[test]
fn an_update_that_git_has_not_heard_of_is_finished_by_the_next() {
    let world = World::new();
    let learner = world.learner();
    let answers = both_at_work(&world);
    // Somebody else's git is at work: nothing is begun.
    let lock = learner.join(".git/index.lock");
    fs::write(&lock, "").unwrap();
    refused(&learner, &[]);
    fs::remove_file(&lock).unwrap();
    let lock = learner.join(".git/refs/heads/main.lock");
    fs::write(&lock, "").unwrap();
    let output = update(&learner, &[]);
    let text = printed(&output);
    assert!(!output.status.success(), "{text}");
    assert!(
        text.contains("say `make update` again once this is cured"),
        "{text}"
    );
    fs::remove_file(&lock).unwrap();
    // Any part of the files may be new when it is interrupted: make each third one old again.
    let fresh = world.clone("fresh");
    git(&fresh, &["reset", "--quiet", "--hard", "HEAD~1"]);
    let mine = [UNEVEN, COLUMNS, MAIN];
    let old = contents(&fresh);
    let old = old.iter().filter(|(file, _)| !mine.contains(&&***file));
    for (file, bytes) in old.step_by(3) {
        fs::write(learner.join(file), bytes).unwrap();
    }
    let text = updated(&learner);
    assert!(text.contains("An update was interrupted"), "{text}");
    assert!(
        text.contains("3.1 uneven: your part is in the new starter"),
        "{text}"
    );
    holds_both(&learner, &answers);
}

/// Waits for the end of all processes of a group that was killed, and removes the locks that a
/// git leaves behind when it is killed, as git itself tells its user to do.
fn no_git_is_left(group: Pid, folder: &Path) {
    let runs = |pid: &str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat
            .rsplit_once(") ")
            .map_or("", |(_, rest)| rest)
            .to_owned();
        let mut fields = fields.split(' ');
        let state = fields.next().unwrap_or("Z");
        let of_group = fields.nth(1) == Some(&group.to_string());
        of_group && !state.is_empty() && state != "Z"
    };
    let any = || {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries
            .map(|it| it.file_name())
            .any(|it| runs(&it.to_string_lossy()))
    };
    for _ in 0..100 {
        if !any() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut folders = vec![folder.join(".git")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "lock") {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

/// Killed at any time, and started again.
#[test]
fn an_update_that_is_killed_can_be_repeated() {
    let world = World::new();
    let answers = both_at_work(&world);
    let pristine = world.folder.path().join("pristine");
    fs::rename(world.learner(), &pristine).unwrap();
    let mut killed = 0;
    for milliseconds in [5, 20, 35, 50, 75, 110] {
        let _ = fs::remove_dir_all(world.learner());
        copy(&pristine, &world.learner());
        let mut command = update_command(&world.learner(), &[]);
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
        killed += u32::from(!child.wait().unwrap().success());
        no_git_is_left(Pid::from_raw(child.id() as i32), &world.learner());
        let mine = |file| read(&world.learner(), file).contains("// mine: ");
        assert!(mine(UNEVEN) && mine(COLUMNS), "after {milliseconds} ms");
        updated(&world.learner());
        holds_both(&world.learner(), &answers);
    }
    assert!(killed > 0, "none was killed: is this machine so fast?");
}
