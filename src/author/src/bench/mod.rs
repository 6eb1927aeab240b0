//! `make bench`: chapter 3's program beside others that do the same work on the same file, in
//! interleaved rounds, and what came out as a table, a chart and JSON.
//!
//! No time counts before the result was compared with what one process computes. Only ratios
//! within a round are compared: what disturbs the machine for a while disturbs all alike.

pub mod chart;
mod contenders;
mod found;
mod plan;
mod programs;
pub mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use contenders::make_folder;
pub use contenders::{Request, Size};
pub use found::{Bench, Contest, Entrant, Sample, grouped, median};
use programs::Programs;
pub(crate) use programs::machine;

/// Measures, and writes what was found. `Ok(true)` if every program's results were right.
pub fn run(root: &Path, request: &Request) -> Result<bool> {
    let out = request
        .out
        .clone()
        .unwrap_or_else(|| root.join("target/bench"));
    make_folder(&out)?;
    let programs = Programs::build(root, request.size)?;
    let found = plan::carry_out(root, &programs, request)?;
    write(
        &out.join("bench.json"),
        &(serde_json::to_string_pretty(&found)? + "\n"),
    )?;
    show(std::slice::from_ref(&found), &out)?;
    print!("{}", report::for_a_terminal(&found));
    println!(
        "The numbers, the tables and the chart: {}",
        shown(root, &out)
    );
    Ok(true)
}

/// Writes the tables and the chart of runs that were made before.
pub fn render(runs: &[PathBuf], out: &Path) -> Result<()> {
    let runs: Vec<Bench> = runs.iter().map(|it| read(it)).collect::<Result<_>>()?;
    make_folder(out)?;
    show(&runs, out)
}

/// Reads a `bench.json`.
pub fn read(json: &Path) -> Result<Bench> {
    let text = std::fs::read_to_string(json)
        .with_context(|| format!("cannot read {}", json.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is not what `make bench` writes", json.display()))
}

fn show(runs: &[Bench], out: &Path) -> Result<()> {
    write(&out.join("figures.md"), &report::markdown(runs)?)?;
    write(&out.join("chart.svg"), &chart::draw(runs)?)
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}
