//! What came out: ratios for a person, and everything for a program.

use std::fs;
use std::path::Path;

use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use parallel_hdf5::about::{hdf5_version, mpi_io_library, mpi_library};
use parallel_hdf5::{Result, agree, data_folder};
use serde_json::{Value, json};

use crate::Args;
use crate::cases::TABLES;
use crate::measure::{Results, Spread};

/// Prints the names of all tables and cases. Rank 0 does.
pub fn list(world: &SimpleCommunicator) -> Result<()> {
    if world.rank() == 0 {
        for table in TABLES {
            println!("{}: {}", table.name, table.title);
            for case in (table.cases)(1 << 20) {
                println!("  - {}", case.name);
            }
        }
    }
    Ok(())
}

/// Prints a table for each question: how many times as long as the first case the others
/// took.
pub fn print(results: &[Results]) {
    for table in results {
        let (base, phases) = &table.cases[0];
        println!(
            "{}: how many times as long as \"{base}\"",
            table.table.title
        );
        let names = phases.iter().map(|phase| phase.name.to_owned());
        let mut rows = vec![[String::new()].into_iter().chain(names).collect()];
        for (name, _) in &table.cases {
            let ratios = phases
                .iter()
                .enumerate()
                .map(|(at, _)| cell(table, name, at));
            rows.push([(*name).to_owned()].into_iter().chain(ratios).collect());
        }
        print!("{}", lined_up(&rows));
    }
}

/// `1.5 (1.3–1.8)`: the median, and the range of the middle half.
fn cell(table: &Results, case: &str, phase: usize) -> String {
    let Some((_, phases)) = table.cases.iter().find(|(name, _)| *name == case) else {
        return String::new();
    };
    if case == table.cases[0].0 {
        return "1".to_owned();
    }
    let Spread { low, median, high } = spread(table, &phases[phase], phase);
    format!("{median:.2} ({low:.2}–{high:.2})")
}

fn spread(table: &Results, of: &crate::measure::Phase, phase: usize) -> Spread {
    Spread::of(of, &table.cases[0].1[phase])
}

fn lined_up(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate();
        let padded = cells.map(|(column, cell)| format!("{cell:<0$}", width(column)));
        format!("  {}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Writes all times to the file that the arguments name, if they do. Collective.
pub fn save(world: &SimpleCommunicator, args: &Args, results: &[Results]) -> Result<()> {
    let Some(path) = &args.json else {
        return Ok(());
    };
    let library = library(world)?; // collective
    let saved = match world.rank() {
        0 => write(path, world, args, results, library),
        _ => Ok(()),
    };
    agree(world, saved)?;
    Ok(())
}

/// Which MPI-IO serves a file. Collective.
fn library(world: &SimpleCommunicator) -> Result<&'static str> {
    let path = data_folder()?.join("tuning.hdf5");
    let file = agree(world, parallel_hdf5::create(&path, world))?;
    let library = agree(world, mpi_io_library(&file))?;
    agree(world, file.close())?;
    Ok(library)
}

fn write(
    path: &Path,
    world: &SimpleCommunicator,
    args: &Args,
    results: &[Results],
    library: &str,
) -> Result<()> {
    let tables: Vec<Value> = results.iter().map(table).collect();
    let all = json!({
        "mpi-io": format!("{library} in {}", mpi_library()),
        "mpi": mpi_library(),
        "hdf5": hdf5_version(),
        "machine": machine()?,
        "options": {
            "ranks": world.size(),
            "rounds": args.rounds,
            "kib": args.kib,
            "seed": args.seed,
        },
        "tables": tables,
    });
    let text = serde_json::to_string_pretty(&all)?;
    let written = fs::write(path, text + "\n");
    Ok(written.map_err(|error| format!("cannot write {}: {error}", path.display()))?)
}

fn table(results: &Results) -> Value {
    let cases: Vec<Value> = results
        .cases
        .iter()
        .map(|(name, phases)| {
            let phases: Vec<Value> = phases
                .iter()
                .enumerate()
                .map(|(at, phase)| {
                    let Spread { low, median, high } = spread(results, phase, at);
                    json!({
                        "name": phase.name,
                        "seconds": phase.seconds,
                        "ratio": { "low": low, "median": median, "high": high },
                    })
                })
                .collect();
            json!({ "name": name, "phases": phases })
        })
        .collect();
    json!({ "name": results.table.name, "title": results.table.title, "cases": cases })
}

/// What the times depend on, as far as Linux says it.
fn machine() -> Result<Value> {
    let line = |file: &str, key: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key));
        let value = line.and_then(|line| line.split(':').nth(1));
        value.map_or("unknown".to_owned(), |value| value.trim().to_owned())
    };
    // Not what this process may use: a launcher may bind it to one of them.
    let cores = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = cores.matches("processor\t").count();
    let folder = fs::canonicalize(data_folder()?)?;
    Ok(json!({
        "processor": line("/proc/cpuinfo", "model name"),
        "cores": cores,
        "memory": line("/proc/meminfo", "MemTotal"),
        "file system": file_system(&folder),
    }))
}

/// The kind of the file system that holds a folder: `ext4`.
fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let kinds = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    let holding = kinds.filter(|(point, _)| folder.starts_with(point));
    let closest = holding.max_by_key(|(point, _)| point.len());
    closest.map_or("unknown".to_owned(), |(_, kind)| kind.to_owned())
}
