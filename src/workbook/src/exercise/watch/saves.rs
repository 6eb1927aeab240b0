//! Notices when a file is saved.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::{Context, Result};
use notify::{Config, Event, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};

/// Watches the folders of some files. (Not the files: many editors save by putting a new file
/// in the place of the old one, and the watch would stay with the old one.)
pub struct Saves {
    changed: Receiver<PathBuf>,
    _watcher: Box<dyn Watcher>,
}

impl Saves {
    /// Begins to watch; makes the folders that are not there.
    pub fn of<'a>(files: impl Iterator<Item = &'a Path>) -> Result<Saves> {
        let folders: BTreeSet<&Path> = files.filter_map(Path::parent).collect();
        for folder in &folders {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        // A system may have no more watches to give away: then we look by ourselves.
        watch::<RecommendedWatcher>(&folders)
            .or_else(|_| watch::<PollWatcher>(&folders))
            .context("cannot watch the files of the exercises")
    }

    /// Whether `file` was changed, made or deleted since the last question about any file.
    pub fn touched(&self, file: &Path) -> bool {
        // All of them, not up to the first: what is left would count the next time.
        let changed = self.changed.try_iter().filter(|it| is_same(it, file));
        changed.count() > 0
    }
}

fn watch<W: Watcher + 'static>(folders: &BTreeSet<&Path>) -> Result<Saves> {
    let (sender, changed) = mpsc::channel();
    let tell = move |event: notify::Result<Event>| {
        // Reading is an event, too, and the compiler reads.
        for path in event.into_iter().filter(|it| !it.kind.is_access()) {
            for path in path.paths {
                let _ = sender.send(path);
            }
        }
    };
    let config = Config::default()
        .with_poll_interval(Duration::from_millis(500))
        .with_compare_contents(true);
    let mut watcher = W::new(tell, config)?;
    for folder in folders {
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
    }
    Ok(Saves {
        changed,
        _watcher: Box::new(watcher),
    })
}

/// macOS tells the folder's real path, whatever it is called by us.
fn is_same(one: &Path, other: &Path) -> bool {
    let folder = |it: &Path| it.parent().and_then(|it| it.canonicalize().ok());
    one.file_name() == other.file_name() && folder(one) == folder(other)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn is_noticed<W: Watcher + 'static>(save: fn(&Path, &Path)) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("1-file.rs");
        std::fs::write(&file, "old").unwrap();
        let saves = watch::<W>(&BTreeSet::from([folder.path()])).unwrap();
        save(folder.path(), &file);
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if saves.touched(&file) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    #[test]
    fn every_way_to_save_is_noticed() {
        let in_place = |_: &Path, file: &Path| std::fs::write(file, "newer").unwrap();
        let by_rename = |folder: &Path, file: &Path| {
            std::fs::write(folder.join("new~"), "newer").unwrap();
            std::fs::rename(folder.join("new~"), file).unwrap();
        };
        let away = |_: &Path, file: &Path| std::fs::remove_file(file).unwrap();
        for save in [in_place, by_rename, away] {
            assert!(is_noticed::<RecommendedWatcher>(save));
        }
        assert!(is_noticed::<PollWatcher>(in_place));
    }

    #[test]
    fn reading_a_file_is_not_a_save() {
        let folder = tempfile::tempdir().unwrap();
        let (file, last) = (folder.path().join("a.rs"), folder.path().join("b.rs"));
        std::fs::write(&file, "old").unwrap();
        let saves = Saves::of([file.as_path(), last.as_path()].into_iter()).unwrap();
        std::fs::read(&file).unwrap();
        // Events come in order: when the last is here, so is what reading made.
        std::fs::write(&last, "new").unwrap();
        let first = saves.changed.recv_timeout(Duration::from_secs(30));
        assert!(is_same(&first.unwrap(), &last));
    }
}
