//! Reading the folder.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::{Call, Event, Moved, RankRecord, Record, Renamed, Slot, State, watch};

/// No more of a process's file is read; the recorder stops before.
const MOST_BYTES: u64 = 80 << 20;
/// No line is longer; the rest of it is another line that makes no sense.
const LONGEST_LINE: u64 = 1 << 20;
/// No run has more processes than this.
const MOST_PROCESSES: usize = 4096;

/// What one process wrote.
#[derive(Default)]
struct Process {
    pid: u32,
    /// (rank, size)
    rank: Option<(usize, usize)>,
    calls: Vec<Call>,
    by_seq: HashMap<u64, usize>,
    /// The last call that was entered and not left.
    open: Vec<u64>,
    aborted: Option<i32>,
    said: Option<u64>,
    status: Option<i32>,
    finalized: bool,
    exited: bool,
    truncated: bool,
    files: HashMap<u32, String>,
    moved: Vec<Moved>,
    moved_truncated: bool,
    renamed: Vec<Renamed>,
    libraries: Vec<String>,
    skipped: usize,
}

impl Record {
    /// Reads what the recorder left in `folder` of a run on `ranks` ranks. What makes no
    /// sense is left out and counted.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn read(folder: &Path, ranks: usize) -> io::Result<Record> {
        Record::read_sized(folder, Some(ranks))
    }

    /// The same of a run on as many ranks as its world had; none if nothing started MPI.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn read_all(folder: &Path) -> io::Result<Record> {
        Record::read_sized(folder, None)
    }

    fn read_sized(folder: &Path, ranks: Option<usize>) -> io::Result<Record> {
        let slots: HashMap<u32, Slot> = watch::slots(folder).into_iter().collect();
        let mut files: Vec<(u32, PathBuf)> = fs::read_dir(folder)?
            .flatten()
            .filter_map(|entry| {
                let path = entry.path();
                let pid = path.file_stem()?.to_str()?.parse().ok()?;
                let is_file = fs::symlink_metadata(&path).is_ok_and(|it| it.is_file());
                (is_file && path.extension()? == "jsonl").then_some((pid, path))
            })
            .collect();
        files.sort();
        files.truncate(MOST_PROCESSES);

        let mut skipped = 0;
        let mut processes = Vec::new();
        for (pid, path) in files {
            match Process::read(pid, &path) {
                Ok(process) => processes.push(process),
                Err(_) => skipped += 1,
            }
        }
        let largest = processes.iter().filter_map(|it| Some(it.rank?.1)).max();
        let ranks = ranks.or(largest).unwrap_or(0).min(MOST_PROCESSES);
        let mut record = Record {
            skipped,
            ranks: (0..ranks)
                .map(|rank| RankRecord {
                    rank,
                    ..RankRecord::default()
                })
                .collect(),
            ..Record::default()
        };
        for process in processes {
            let pid = process.pid;
            record.skipped += process.skipped;
            let Some((rank, _)) = process.rank else {
                record.without_mpi += 1;
                continue;
            };
            match record.ranks.get_mut(rank) {
                Some(place) if place.state == State::NeverStarted => {
                    *place = process.of_rank(slots.get(&pid));
                }
                _ => record.surplus += 1,
            }
        }
        Ok(record)
    }

    /// The size of the world, if it is not the number of ranks asked for on some rank: each
    /// process is a world of its own when the launcher belongs to another MPI.
    pub fn wrong_size(&self) -> Option<usize> {
        let started = self
            .ranks
            .iter()
            .filter(|it| it.state != State::NeverStarted);
        let mut sizes = started.map(|it| it.size);
        sizes.find(|size| *size != self.ranks.len())
    }
}

impl Process {
    fn read(pid: u32, path: &Path) -> io::Result<Process> {
        let mut process = Process {
            pid,
            ..Process::default()
        };
        let mut from = BufReader::new(watch::open_regular(path)?.take(MOST_BYTES));
        let mut stacks = HashMap::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            if (&mut from)
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line)?
                == 0
            {
                break;
            }
            match serde_json::from_slice::<Event>(&line) {
                Ok(event) => process.take(event, &mut stacks),
                Err(_) if line.trim_ascii().is_empty() => {}
                Err(_) => process.skipped += 1,
            }
        }
        Ok(process)
    }

    fn take(&mut self, event: Event, stacks: &mut HashMap<u32, Vec<u64>>) {
        match event {
            Event::Rank { rank, size } => {
                self.rank.get_or_insert((rank, size));
            }
            Event::Stack { id, frames } => {
                stacks.insert(id, frames);
            }
            Event::Enter { seq, stack, call } => {
                let stack = stacks.get(&stack).cloned().unwrap_or_default();
                self.by_seq.insert(seq, self.calls.len());
                self.calls.push(Call {
                    stack,
                    ok: None,
                    end: None,
                    ..*call
                });
                self.open.push(seq);
            }
            Event::Honoured { seq, honoured } => {
                let call = self.by_seq.get(&seq).and_then(|it| self.calls.get_mut(*it));
                if let Some(call) = call {
                    call.honoured = Some(honoured);
                }
            }
            Event::Leave {
                seq,
                ok,
                at,
                waited,
            } => {
                self.open.retain(|it| *it != seq);
                let call = self.by_seq.get(&seq).and_then(|it| self.calls.get_mut(*it));
                if let Some(call) = call {
                    call.ok = Some(ok);
                    call.end = (at > 0).then_some(at);
                    call.waited = waited;
                }
            }
            Event::Library(words) => self.libraries.push(words),
            Event::File { id, path } => {
                self.files.insert(id, path);
            }
            Event::Bytes {
                file,
                write,
                start,
                end,
                at,
                took,
                seq,
                by,
            } => {
                let Some(file) = self.files.get(&file).cloned() else {
                    self.skipped += 1;
                    return;
                };
                self.moved.push(Moved {
                    file,
                    write,
                    start,
                    end: end.max(start),
                    at,
                    took,
                    times: 1,
                    call: self.by_seq.get(&seq).copied(),
                    by,
                });
            }
            Event::MoreBytes { end, took, times } => {
                if let Some(last) = self.moved.last_mut() {
                    last.end = end.max(last.end);
                    last.took = took;
                    last.times = times;
                }
            }
            Event::Renamed { from, to, at } => self.renamed.push(Renamed { from, to, at }),
            Event::NoMoreBytes => self.moved_truncated = true,
            Event::Abort { code, said } => {
                self.aborted = Some(code);
                self.said = said;
            }
            Event::Status(status) => self.status = Some(status),
            Event::Finalized => self.finalized = true,
            Event::Exited => self.exited = true,
            Event::Truncated => self.truncated = true,
        }
    }

    fn of_rank(self, slot: Option<&Slot>) -> RankRecord {
        let open = self
            .open
            .last()
            .and_then(|seq| self.by_seq.get(seq))
            .copied();
        let state = match open {
            _ if self.exited => State::Exited,
            // What was left out of the record may have come after it.
            Some(call) if !self.truncated => State::Inside {
                call,
                inner: slot
                    .filter(|it| it.mpi_depth > 1)
                    .and_then(|it| it.mpi.clone()),
            },
            _ if self.finalized => State::Finalized,
            _ => State::Between,
        };
        let (rank, size) = self.rank.unwrap_or_default();
        RankRecord {
            rank,
            size,
            pid: self.pid,
            calls: self.calls,
            state,
            progress: slot.map_or(0, |it| it.progress),
            aborted: self.aborted,
            said: self.said,
            status: self.status,
            truncated: self.truncated,
            moved: self.moved,
            moved_truncated: self.moved_truncated,
            renamed: self.renamed,
            libraries: self.libraries,
        }
    }
}
