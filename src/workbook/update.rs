//! `make update`: a newer release of the workbook, without losing what a learner has done.
//!
//! A learner edits files of the workbook in place: the exercises, and perhaps more. So each file
//! that both sides have changed is decided on by itself (`plan`), all of them before anything
//! is touched. Then each is put in place by a rename, and only in the end git is told. Whatever
//! interrupts that, the next update finds old files and new ones, and no halves; and it finishes
//! the interrupted one first.

mod plan;
mod take;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::git::{self, Git};
use plan::{Decision, Plan, Tree};

/// The folder of a learner's own, which git ignores.
const OWN: &str = ".workbook";

/// Updates the workbook in `root`: from where the clone came from, or from the branch or the
/// folder that `from` names.
///
/// # Errors
/// If that is not possible. Then nothing was changed, unless the message says so.
pub fn update(root: &Path, from: Option<&str>) -> Result<bool> {
    if let Some(folder) = from.map(Path::new).filter(|it| it.is_dir()) {
        return take::take(root, folder);
    }
    let Some(git) = Git::of(root)? else {
        bail!(
            "this folder is no git clone, so there is nothing to update it from. Unpack the \
             new release beside this folder, and in the new one say `make update \
             FROM={}`: it takes your answers along, and leaves this folder as it is",
            root.display()
        );
    };
    fs::create_dir_all(root.join(OWN))?;
    let _only_one = only_one(&root.join(OWN).join("update.lock"))?;
    finish_interrupted(root, &git)?;
    nothing_is_under_way(&git)?;
    let branch = git.answer(&["symbolic-ref", "--quiet", "--short", "HEAD"]);
    let to = match from {
        Some(name) => named(&git, name)?,
        None => upstream(&git, branch.as_deref())?,
    };
    let from = git.commit("HEAD").context("there is no commit yet")?;
    if git.is_ancestor(&to, &from)? {
        let version = version_at(&git, &from);
        println!("There is nothing newer: the workbook is {version}.");
        return Ok(true);
    }
    let Some(base) = git.answer(&["merge-base", &from, &to]) else {
        bail!(
            "your clone and the new release have no commit in common, so git cannot tell \
             what you have changed. Clone the workbook anew beside this folder, and in the \
             new one say `make update FROM={}`: it takes your answers along. Nothing was \
             changed",
            root.display()
        );
    };
    let mut journey = Journey {
        from,
        base,
        to,
        kept: free_folder(root),
        notes: Vec::new(),
    };
    journey.go(root, &git)?;
    Ok(true)
}

/// From which commit to which one, and with which they share their history. Written down while
/// the update is made.
#[derive(Serialize, Deserialize)]
struct Journey {
    from: String,
    base: String,
    to: String,
    /// Where the learner's files go that have no other place, below the workbook.
    kept: PathBuf,
    /// What is to be said in the end.
    notes: Vec<Note>,
}

impl Journey {
    fn marker(root: &Path) -> PathBuf {
        root.join(OWN).join("update.json")
    }

    /// Makes the update. It may be called again after it was interrupted anywhere.
    fn go(&mut self, root: &Path, git: &Git) -> Result<()> {
        let own = root.join(OWN);
        // On the same disk as the files, so that each can be put in place by a rename.
        let staged = tempfile::Builder::new()
            .prefix("update-")
            .tempdir_in(&own)
            .with_context(|| format!("cannot write into {}", own.display()))?;
        let paths = git::paths(&git::output(git.command(&[
            "diff",
            "--name-only",
            "--no-renames",
            "-z",
            &self.base,
            &self.to,
        ]))?);
        let tree = |name: &str, commit: &str| {
            Tree::checked_out(git, commit, &paths, &staged.path().join(name))
        };
        let (base, new) = (tree("base", &self.base)?, tree("new", &self.to)?);
        let here = Tree::at(root);
        let plan = Plan::make(&paths, &here, &base, &new, staged.path())?;
        // What the learner has committed is merged in a commit, as git would.
        let arrives = match self.from == self.base {
            true => self.to.clone(),
            false => {
                let committed = tree("committed", &self.from)?;
                let plan = Plan::make(&paths, &committed, &base, &new, staged.path())?;
                self.merged(git, &plan, staged.path())?
            }
        };
        // So far nothing was changed.
        snapshot(git)?;
        self.write_down(root)?;
        self.apply(root, git, &plan, staged.path()).context(
            "the update was interrupted; nothing is lost: say `make update` again once \
             this is cured",
        )?;
        git.ask(&["reset", "--mixed", "--quiet", &arrives]).context(
            "all files are new, but git was not told; say `make update` again once this \
             is cured",
        )?;
        fs::remove_file(Journey::marker(root))?;
        self.tell(git, &paths);
        Ok(())
    }

    fn write_down(&self, root: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        write_whole(&Journey::marker(root), text.as_bytes())
    }

    fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Carries out the plan.
    fn apply(&mut self, root: &Path, git: &Git, plan: &Plan, staged: &Path) -> Result<()> {
        let shown = |path: &Path| path.display().to_string();
        let first_time = self.notes.is_empty();
        // First copies of all that is to be replaced.
        for (path, decision) in &plan.decisions {
            let note = match decision {
                Decision::Answer(it) => {
                    let beside = match &it.keep {
                        true => Some(plan::keep(&root.join(path), &root.join(&it.at))?),
                        false => None,
                    };
                    let beside =
                        beside.map(|it| shown(it.strip_prefix(root).unwrap_or(&it)));
                    let at = root.join(&it.at);
                    if it.at != *path && differ(&at, &it.staged) {
                        let kept = plan::keep(&at, &at)?;
                        let kept = shown(kept.strip_prefix(root).unwrap_or(&kept));
                        self.note(Note::Other(format!(
                            "{}: what was there is in {kept}",
                            shown(&it.at)
                        )));
                    }
                    Note::Answer(it.say(beside.as_deref()))
                }
                // The second time it may be one that the first time has moved.
                Decision::Stays(text) if first_time => Note::Answer(text.clone()),
                Decision::Aside { .. } => {
                    let kept = self.kept.join(path);
                    aside(&root.join(path), &root.join(&kept))?;
                    Note::Other(format!("{}: yours is in {}", shown(path), shown(&kept)))
                }
                Decision::Merged(_) => Note::Other(format!(
                    "{}: your change and the new release are both in it",
                    shown(path)
                )),
                _ => continue,
            };
            self.note(note);
        }
        // Should this be interrupted, the next one can still say it.
        self.write_down(root)?;
        for (path, decision) in &plan.decisions {
            if matches!(decision, Decision::Delete) {
                delete(root, path)?;
            }
        }
        for (path, decision) in &plan.decisions {
            let (from, to) = match decision {
                Decision::Take | Decision::Aside { new: true } => {
                    (staged.join("new").join(path), path)
                }
                Decision::Merged(staged) => (staged.clone(), path),
                Decision::Answer(it) => (it.staged.clone(), &it.at),
                _ => continue,
            };
            if let Some(blocks) = blocking(root, to)? {
                let kept = self.kept.join(&blocks);
                aside(&root.join(&blocks), &root.join(&kept))?;
                self.note(Note::Other(format!(
                    "{}: yours is in {}",
                    shown(&blocks),
                    shown(&kept)
                )));
            }
            put(&from, &root.join(to))?;
        }
        for (path, decision) in &plan.decisions {
            match decision {
                Decision::Answer(it) if it.at != *path => delete(root, path)?,
                _ => {}
            }
        }
        self.empty_rooms(root, git)
    }

    /// The commit that has both histories, with each file as `plan` decides.
    fn merged(&self, git: &Git, plan: &Plan, staged: &Path) -> Result<String> {
        let index = staged.join("merged.index");
        let with_index = |args: &[&str]| {
            let mut command = git.command(args);
            command.env("GIT_INDEX_FILE", &index);
            let bytes = git::output(command)?;
            anyhow::Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        with_index(&["read-tree", &self.from])?;
        for (path, decision) in &plan.decisions {
            let (file, at) = match decision {
                Decision::Nothing | Decision::Stays(_) => continue,
                Decision::Delete | Decision::Aside { new: false } => {
                    let path = path.to_string_lossy();
                    with_index(&["update-index", "--force-remove", "--", &path])?;
                    continue;
                }
                Decision::Take | Decision::Aside { new: true } => {
                    (staged.join("new").join(path), path)
                }
                Decision::Merged(file) => (file.clone(), path),
                Decision::Answer(it) => (it.staged.clone(), &it.at),
            };
            let name = at.to_string_lossy();
            if at != path {
                let old = path.to_string_lossy();
                with_index(&["update-index", "--force-remove", "--", &old])?;
            }
            let (mode, blob) = match fs::read_link(&file) {
                // A link: what it holds is what it leads to.
                Ok(_) => {
                    let entry = git.ask(&["ls-tree", &self.to, "--", &name])?;
                    let blob = entry.split_whitespace().nth(2).unwrap_or_default();
                    ("120000", blob.to_owned())
                }
                Err(_) => {
                    let mode = match plan::is_executable(&file) {
                        true => "100755",
                        false => "100644",
                    };
                    let path = format!("--path={name}");
                    let file = file.to_string_lossy();
                    (mode, git.ask(&["hash-object", "-w", &path, "--", &file])?)
                }
            };
            let entry = format!("{mode},{blob},{name}");
            with_index(&["update-index", "--replace", "--add", "--cacheinfo", &entry])?;
        }
        let tree = with_index(&["write-tree"])?;
        let message = format!(
            "Merge release {} of the workbook",
            version_at(git, &self.to)
        );
        let mut command = git.command(&[
            "commit-tree",
            &tree,
            "-p",
            &self.from,
            "-p",
            &self.to,
            "-m",
            &message,
        ]);
        name_somebody(git, &mut command);
        let commit = git::output(command)?;
        Ok(String::from_utf8_lossy(&commit).trim().to_owned())
    }

    /// Chapters that the new release no longer has, or calls otherwise: what is left in their
    /// folders is the learner's own, and would look like a chapter.
    fn empty_rooms(&mut self, root: &Path, git: &Git) -> Result<()> {
        let rooms = |commit: &str| -> Result<BTreeSet<PathBuf>> {
            let args = ["ls-tree", "-d", "-z", "--name-only", commit, "chapters/"];
            Ok(git::paths(&git::output(git.command(&args))?)
                .into_iter()
                .collect())
        };
        for room in rooms(&self.base)?.difference(&rooms(&self.to)?) {
            let folder = root.join(room);
            if !folder.join("chapter.toml").exists() && folder.is_dir() {
                let kept = self.kept.join(room);
                aside(&folder, &root.join(&kept))?;
                self.note(Note::Other(format!(
                    "{}: the new release has no such chapter; what was left there is in {}",
                    room.display(),
                    kept.display()
                )));
            }
        }
        Ok(())
    }

    fn tell(&self, git: &Git, paths: &[PathBuf]) {
        let (old, new) = (version_at(git, &self.base), version_at(git, &self.to));
        let was = match old == new {
            true => String::new(),
            false => format!(" (it was {old})"),
        };
        let files = match paths.len() {
            1 => "1 file is".to_owned(),
            n => format!("{n} files are"),
        };
        println!("The workbook is {new} now{was}: {files} new, changed or gone.");
        let answers = self.notes.iter().filter_map(|it| match it {
            Note::Answer(text) => Some(text),
            Note::Other(_) => None,
        });
        let others = self.notes.iter().filter_map(|it| match it {
            Note::Other(text) => Some(text),
            Note::Answer(_) => None,
        });
        for (heading, notes) in [
            (
                "Exercises that you have answered, and that have changed:",
                answers.collect(),
            ),
            (
                "Other files that you have changed, too:",
                others.collect::<Vec<_>>(),
            ),
        ] {
            if !notes.is_empty() {
                println!("{heading}");
            }
            for note in notes {
                println!("  {note}");
            }
        }
        println!(
            "All else that you have changed is as it was. CHANGELOG.md says what is new."
        );
    }
}

/// What to say of a file that was the learner's.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Note {
    Answer(String),
    Other(String),
}

/// Whether there is a file that is not the same as the `other`.
fn differ(file: &Path, other: &Path) -> bool {
    fs::read(file).is_ok_and(|it| fs::read(other).is_ok_and(|other| it != other))
}

/// Keeps two updates apart; the kernel lets go when we end, however that is.
fn only_one(file: &Path) -> Result<Flock<fs::File>> {
    // One that was killed may have had a git that takes a moment to end.
    for _ in 0..30 {
        let lock = fs::File::create(file)?;
        if let Ok(lock) = Flock::lock(lock, FlockArg::LockExclusiveNonblock) {
            return Ok(lock);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("another update is running in this folder; wait for its end")
}

/// Goes on with an update that was interrupted.
fn finish_interrupted(root: &Path, git: &Git) -> Result<()> {
    for entry in fs::read_dir(root.join(OWN))?.flatten() {
        let name = entry.file_name();
        let is_staged = name.to_string_lossy().starts_with("update-");
        if is_staged && entry.file_type().is_ok_and(|it| it.is_dir()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let marker = Journey::marker(root);
    let Ok(text) = fs::read_to_string(&marker) else {
        return Ok(());
    };
    let mut journey: Journey = match serde_json::from_str(&text) {
        Ok(journey) => journey,
        Err(_) => return Ok(fs::remove_file(&marker)?),
    };
    let known = [&journey.from, &journey.base, &journey.to];
    // Somebody has taken another way meanwhile.
    if git.commit("HEAD").as_ref() != Some(&journey.from)
        || known.iter().any(|it| git.commit(it).is_none())
    {
        return Ok(fs::remove_file(&marker)?);
    }
    println!("An update was interrupted; it is finished first.");
    journey.go(root, git)
}

/// # Errors
/// If somebody is in the middle of something else.
fn nothing_is_under_way(git: &Git) -> Result<()> {
    for (name, what, end) in [
        ("MERGE_HEAD", "a merge", "`git merge --abort`"),
        ("rebase-merge", "a rebase", "`git rebase --abort`"),
        ("rebase-apply", "a rebase", "`git rebase --abort`"),
        (
            "CHERRY_PICK_HEAD",
            "a cherry-pick",
            "`git cherry-pick --abort`",
        ),
        ("REVERT_HEAD", "a revert", "`git revert --abort`"),
    ] {
        let file = git.ask(&["rev-parse", "--path-format=absolute", "--git-path", name])?;
        if Path::new(&file).exists() {
            bail!(
                "{what} is not finished in this clone: finish it, or end it by {end}; then \
                 say `make update` again. Nothing was changed"
            );
        }
    }
    if !git.ask(&["ls-files", "--unmerged"])?.is_empty() {
        bail!(
            "there are files with conflicts in this clone (`git status` names them): settle \
             them first; then say `make update` again. Nothing was changed"
        );
    }
    Ok(())
}

/// The newest commit of where the clone's branch came from.
fn upstream(git: &Git, branch: Option<&str>) -> Result<String> {
    let remotes = git.ask(&["remote"])?;
    let first = remotes.lines().next().unwrap_or("origin");
    let Some(branch) = branch else {
        bail!(
            "this clone is on no branch (git calls it a detached HEAD), so there is nothing \
             to follow. Go to one, `git switch main` say, or name one: `make update \
             FROM={first}/main`. Nothing was changed"
        );
    };
    if remotes.is_empty() {
        bail!(
            "this clone knows no other one, so there is nothing to update it from. Name it: \
             `git remote add origin ADDRESS`, and then `make update FROM=origin/main`. \
             Nothing was changed"
        );
    }
    let setting =
        |name: &str| git.answer(&["config", "--get", &format!("branch.{branch}.{name}")]);
    let (Some(remote), Some(_)) = (setting("remote"), setting("merge")) else {
        bail!(
            "the branch {branch} follows no other one. Say which, once: `git branch \
             --set-upstream-to={first}/main`; or now: `make update FROM={first}/main`. \
             Nothing was changed"
        );
    };
    if remote != "." {
        fetch(git, &remote)?;
    }
    git.commit(&format!("{branch}@{{upstream}}")).with_context(|| {
        format!("the branch that {branch} follows is gone from {remote}; nothing was changed")
    })
}

/// The commit that the learner names; if it is a branch of another clone, that as it is now.
fn named(git: &Git, name: &str) -> Result<String> {
    let remotes = git.ask(&["remote"])?;
    let of = remotes.lines().find(|it| {
        name.strip_prefix(it)
            .is_some_and(|rest| rest.starts_with('/'))
    });
    if let Some(remote) = of {
        fetch(git, remote)?;
    }
    git.commit(name).with_context(|| {
        format!("there is no folder, branch or release called {name}; nothing was changed")
    })
}

fn fetch(git: &Git, remote: &str) -> Result<()> {
    let mut command = git.command(&["fetch", "--quiet", "--", remote]);
    // Somebody may be there to give a password; else git is not to wait for one.
    use std::io::IsTerminal as _;
    match std::io::stdin().is_terminal() {
        true => _ = command.stdin(std::process::Stdio::inherit()),
        false => _ = command.env("GIT_TERMINAL_PROMPT", "0"),
    }
    let status = command.status().context("cannot run git")?;
    if !status.success() {
        bail!(
            "git cannot fetch from {remote}; its own words are above. Nothing was changed"
        );
    }
    Ok(())
}

/// The version that the workbook has at a commit.
fn version_at(git: &Git, commit: &str) -> String {
    let manifest = git.answer(&["show", &format!("{commit}:Cargo.toml")]);
    let short = || format!("commit {}", &commit[..commit.len().min(9)]);
    manifest
        .and_then(|it| version_in(&it))
        .unwrap_or_else(short)
}

/// The version that the text of the workbook's `Cargo.toml` names.
pub fn version_in(manifest: &str) -> Option<String> {
    let manifest: toml::Table = manifest.parse().ok()?;
    let of =
        |table: Option<&toml::Value>| Some(table?.get("version")?.as_str()?.to_owned());
    let workspace = manifest.get("workspace").and_then(|it| it.get("package"));
    of(workspace).or_else(|| of(manifest.get("package")))
}

/// Keeps all changes of files that git knows in a commit of their own, which no branch shows:
/// a net below the net.
fn snapshot(git: &Git) -> Result<()> {
    let mut command = git.command(&["stash", "create", "before make update"]);
    name_somebody(git, &mut command);
    let commit =
        git::output(command).context("cannot keep a copy of what you have changed")?;
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    if commit.is_empty() {
        return Ok(());
    }
    for number in 1.. {
        let name = format!("refs/workbook/before-update-{number}");
        if git.commit(&name).is_none() {
            git.ask(&["update-ref", &name, &commit])?;
            break;
        }
    }
    Ok(())
}

/// A commit needs a name; a learner may never have told git theirs.
fn name_somebody(git: &Git, command: &mut std::process::Command) {
    if git.answer(&["var", "GIT_COMMITTER_IDENT"]).is_some() {
        return;
    }
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "make update");
        command.env(format!("GIT_{who}_EMAIL"), "workbook@localhost");
    }
}

/// `.workbook/kept/1`, or the next number that is free.
fn free_folder(root: &Path) -> PathBuf {
    let folder = |number: u32| Path::new(OWN).join("kept").join(number.to_string());
    (1..)
        .map(folder)
        .find(|it| !root.join(it).exists())
        .expect("there are numbers enough")
}

/// Moves what lies at `path` to `kept`, which nothing else has taken.
fn aside(path: &Path, kept: &Path) -> Result<()> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    let mut free = kept.to_owned();
    let mut number = 1;
    while fs::symlink_metadata(&free).is_ok() {
        number += 1;
        let name = kept.file_name().unwrap_or_default().to_string_lossy();
        free = kept.with_file_name(format!("{name}.{number}"));
    }
    let folder = free.parent().context("it is in a folder")?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::rename(path, &free))
        .with_context(|| format!("cannot move {} to {}", path.display(), free.display()))
}

/// Deletes a file that is in git's history, and folders that then hold nothing.
fn delete(root: &Path, path: &Path) -> Result<()> {
    match fs::remove_file(root.join(path)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot delete {}", path.display()));
        }
        _ => {}
    }
    for folder in path.ancestors().skip(1) {
        if folder.as_os_str().is_empty() || fs::remove_dir(root.join(folder)).is_err() {
            break;
        }
    }
    Ok(())
}

/// What lies where a file is to be put, and is no file, or no folder above it.
fn blocking(root: &Path, path: &Path) -> Result<Option<PathBuf>> {
    let above: Vec<&Path> = path
        .ancestors()
        .skip(1)
        .filter(|it| !it.as_os_str().is_empty())
        .collect();
    for folder in above.into_iter().rev() {
        match fs::symlink_metadata(root.join(folder)) {
            Ok(is) if !is.is_dir() => return Ok(Some(folder.to_owned())),
            _ => {}
        }
    }
    match fs::symlink_metadata(root.join(path)) {
        Ok(is) if is.is_dir() => {
            // An empty one is nobody's.
            Ok(fs::remove_dir(root.join(path))
                .is_err()
                .then(|| path.to_owned()))
        }
        _ => Ok(None),
    }
}

/// Puts a staged file in place, whole or not at all.
fn put(staged: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("it is in a folder")?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::rename(staged, to))
        .with_context(|| format!("cannot write {}", to.display()))
}

/// Writes a file, whole or not at all.
fn write_whole(file: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    let folder = file.parent().context("it is in a folder")?;
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    new.persist(file)?;
    Ok(())
}
