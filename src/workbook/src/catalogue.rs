//! A chapter that is a catalogue of mistakes: each is made, each is cured, and what was seen is
//! a line of a table.
//!
//! The ranks are recorded, as those of an answer to an exercise are. So a run that hangs is
//! noticed soon, and the table says where each rank waits.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use launch::supervise::Ended;
use launch::{Launch, Run, Toolchain};
use protocol::{ChapterRun, ChapterVerdict, RunEnd};
use record::lines::Resolver;
use record::{Call, Record, State};

use crate::chapter::{Chapter, Mistake};
use crate::checker;
use crate::exercise::Watcher;
use crate::exercise::compile::Kit;
use crate::recording;
use crate::run::{self, Request};
use crate::table::table;
use crate::transcript;

/// So many mistakes are made at a time: those that hang only wait.
const AT_A_TIME: usize = 2;

/// Makes and cures all mistakes of the chapter, and prints the table. `Ok(true)` if each was
/// seen to do what the chapter says, and each cure cures.
pub fn run(
    root: &Path,
    chapter: &Chapter,
    request: &Request,
    ranks: usize,
) -> Result<bool> {
    let bench = Bench::new(root, chapter, request, ranks)?;
    let all = &chapter.plan.mistake;
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || -> Result<()> {
        while let Some((index, mistake)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            all.get(index).map(|it| (index, it))
        } {
            progress(&format!("{} of {}: {}", index + 1, all.len(), mistake.name));
            let row = bench.row(mistake)?;
            rows.lock().expect("nobody panicked").insert(index, row);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        let ended = workers
            .into_iter()
            .map(|it| it.join().expect("it does not panic"));
        ended
            .collect::<Vec<Result<()>>>()
            .into_iter()
            .collect::<Result<()>>()
    })?;
    progress("");
    let rows = rows.into_inner().expect("nobody panicked");
    let cells: Vec<&str> = rows.values().map(|it| it.cells.as_str()).collect();
    let heading = ["Mistake", "Expected", "Seen", "Cure"].map(str::to_owned);
    let table = table(&heading, &cells);
    print!("{table}");
    transcript::note(&table);
    let wrong: Vec<&str> = rows.values().filter_map(|it| it.wrong.as_deref()).collect();
    match wrong.as_slice() {
        [] => println!("ok: {} mistakes, each as expected, and cured", rows.len()),
        some => {
            let says = format!("NOT OK: {}", some.join("; "));
            println!("{says}");
            transcript::note(&says);
        }
    }
    Ok(wrong.is_empty())
}

/// Makes one mistake and shows the run: what the ranks print and, if they hang, where each of
/// them waits and where they first differ.
pub fn show(
    root: &Path,
    chapter: &Chapter,
    request: &Request,
    ranks: usize,
    mistake: &Mistake,
) -> Result<bool> {
    let bench = Bench::new(root, chapter, request, ranks)?;
    let made = bench.make(mistake, &mistake.wrong())?;
    println!("$ {}", made.shown);
    transcript::note(&format!("$ {}", made.shown));
    let printed = made.run.out.concat() + &made.run.err.concat();
    for line in launch::launcher_output::without(printed.lines()) {
        println!("{line}");
        transcript::note(line);
    }
    print!("{}", made.recorder_says());
    transcript::note(&made.recorder_says());
    let verdict = bench.judge(mistake, "--wrong", &made, &[])?;
    println!("{verdict}");
    transcript::note(&verdict.to_string());
    Ok(verdict.verdict.is_ok())
}

fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
        let _ = std::io::stderr().flush();
    }
}

/// A line of the table, and what is wrong with it.
struct Row {
    cells: String,
    wrong: Option<String>,
}

/// All that a mistake is made with.
struct Bench<'a> {
    root: &'a Path,
    chapter: &'a Chapter,
    request: &'a Request,
    ranks: usize,
    kit: Kit,
    data: PathBuf,
}

/// A run that was watched.
struct Made {
    shown: String,
    run: Run,
    record: Record,
    hangs: bool,
    folder: PathBuf,
    program: PathBuf,
    /// The folder with the source files of the mistakes that the program makes.
    sources: String,
}

impl Bench<'_> {
    fn new<'a>(
        root: &'a Path,
        chapter: &'a Chapter,
        request: &'a Request,
        ranks: usize,
    ) -> Result<Bench<'a>> {
        let hdf5 = request.hdf5.as_deref();
        let toolchain = run::build(root, chapter, request.mpi, hdf5)?;
        for other in chapter
            .plan
            .mistake
            .iter()
            .filter_map(|it| it.program.as_deref())
        {
            run::build(root, &Chapter::find(root, other)?, request.mpi, hdf5)?;
        }
        Ok(Bench {
            root,
            chapter,
            request,
            ranks,
            kit: Kit::build(root, &toolchain)?,
            data: run::data_folder(root, chapter, request)?,
        })
    }

    fn toolchain(&self) -> &Toolchain {
        &self.kit.toolchain
    }

    fn row(&self, mistake: &Mistake) -> Result<Row> {
        let name = &mistake.name;
        let made = self.make(mistake, &mistake.wrong())?;
        let seen = self.judge(mistake, "--wrong", &made, &["--row"])?;
        // Where some have an error, it is a matter of luck which.
        let row = seen.row.as_deref().unwrap_or_default();
        let waits = match made.hangs && row.ends_with("hang") {
            true => format!(": {}", made.waits()),
            false => String::new(),
        };
        let cured = self.make(mistake, &mistake.cured())?;
        let cure = self.judge(mistake, "--cure", &cured, &[])?;
        let cures = if cure.verdict.is_ok() {
            "cures"
        } else {
            "DOES NOT CURE"
        };
        let faults = [&seen, &cure].into_iter().filter(|it| it.verdict.is_err());
        let faults: Vec<String> = faults.map(|it| format!("{name}: {it}")).collect();
        Ok(Row {
            cells: format!("{row}{waits} | {cures} |"),
            wrong: (!faults.is_empty()).then(|| faults.join("; ")),
        })
    }

    /// Runs a program of the mistake, recorded, in a folder of its own.
    fn make(&self, mistake: &Mistake, args: &[String]) -> Result<Made> {
        let folder = self.data.join(&mistake.name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let name = mistake.program.as_deref().unwrap_or(&self.chapter.name);
        let room = Chapter::find(self.root, name)?.folder;
        let mistakes = Some(room.join("mistakes")).filter(|it| it.is_dir());
        let sources = mistakes.unwrap_or(room);
        let sources = sources.strip_prefix(self.root).unwrap_or(&sources);
        let sources = sources.display().to_string();
        let (mpi, program) = (self.request.mpi, self.toolchain().program(name));
        let mut launch = Launch::new(mpi, &self.toolchain().launcher, self.ranks, &program);
        launch.args = args.iter().map(Into::into).collect();
        let shown = launch.shown(self.root);
        launch.environment = vec![
            ("WORKBOOK_DATA".to_owned(), folder.display().to_string()),
            ("RUST_BACKTRACE".to_owned(), "0".to_owned()),
            ("UCX_LOG_LEVEL".to_owned(), "error".to_owned()),
        ];
        if let Some(limit) = self.request.limit {
            launch.limit = limit;
        }
        let recorded = tempfile::Builder::new().prefix("record-").tempdir()?;
        recording::record_into(&mut launch, &self.kit.recorder, recorded.path());
        let mut watcher = Watcher::new(recorded.path(), &folder, self.ranks);
        let mut run = launch.run_while(|printed| watcher.go_on(printed))?;
        if run.ended == Ended::Interrupted {
            bail!("interrupted; all ranks were stopped");
        }
        let record = Record::read(recorded.path(), self.ranks)?;
        recording::add_standard_error(&mut run, &record, recorded.path());
        Ok(Made {
            shown,
            hangs: matches!(run.ended, Ended::Stopped | Ended::Limit(_)),
            run,
            program,
            sources,
            record,
            folder,
        })
    }

    /// Asks the chapter's check, which reads the files without MPI.
    fn judge(
        &self,
        mistake: &Mistake,
        which: &str,
        made: &Made,
        more: &[&str],
    ) -> Result<ChapterVerdict> {
        let ended = match made.hangs {
            true => RunEnd::Limit,
            false => checker::run_end(made.run.ended),
        };
        let mut args = vec![which.to_owned(), mistake.name.clone()];
        args.extend(more.iter().map(|it| (*it).to_owned()));
        let run = ChapterRun {
            chapter: self.chapter.name.clone(),
            ranks: self.ranks,
            ended,
            args,
            printed: made.run.out.concat(),
            data: made.folder.clone(),
        };
        checker::judge(&self.kit.check, run)
    }
}

impl Made {
    /// `rank 0 in H5Fclose (MPI_File_set_size), rank 1 in MPI_Finalize`.
    fn waits(&self) -> String {
        let mut places: Vec<(Vec<usize>, String)> = Vec::new();
        for rank in &self.record.ranks {
            let text = match &rank.state {
                State::Inside { call, inner } => match (rank.calls.get(*call), inner) {
                    (Some(call), Some(inner)) => format!("in {} ({inner})", call.name),
                    (Some(call), None) => format!("in {}", call.name),
                    (None, _) => "in a call".to_owned(),
                },
                _ => "elsewhere".to_owned(),
            };
            match places.iter_mut().find(|it| it.1 == text) {
                Some((ranks, _)) => ranks.push(rank.rank),
                None => places.push((vec![rank.rank], text)),
            }
        }
        let words = places
            .iter()
            .map(|(ranks, text)| format!("{} {text}", record::prose::ranks(ranks)));
        words.collect::<Vec<_>>().join(", ")
    }

    /// Where the ranks differ, though nobody told them; and, if they hang, where they are.
    fn recorder_says(&self) -> String {
        let resolver = Resolver::of_folder(&self.program, &self.sources).ok();
        let file = RefCell::new(None);
        let lines = |call: &Call| {
            let (of, line) = resolver.as_ref()?.file_and_line(call)?;
            *file.borrow_mut() = Some(of);
            Some(line)
        };
        let mut text = String::new();
        if let Some(difference) = self.record.first_difference() {
            text += &format!("{}\n", recording::differs(&difference, &lines));
        }
        if self.hangs {
            text += "Nothing moved, so all ranks were ended. Where each of them was:\n";
            for place in self.record.where_each_rank_sits(&lines) {
                text += &format!("  {}\n", place.text);
            }
        }
        match file.take() {
            Some(file) => {
                let shown = file.find("chapters/").map_or(&*file, |at| &file[at..]);
                text + &format!("  {shown}\n")
            }
            None => text,
        }
    }
}
