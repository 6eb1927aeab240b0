//! `make figures-N`: measures what a chapter compares, under each MPI-IO that there is, and
//! writes the tables that its page shows.
//!
//! The chapter's program makes the comparison in one run, and leaves all times in a file
//! (`--json`). Here the ratios of the runs are put side by side: no number of the page is
//! typed by hand.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use launch::supervise::{Ended, Stream, supervise};
use launch::{Launch, Mpi};
use serde::Deserialize;
use workbook::chapter::Chapter;
use workbook::run;
use workbook::table::table as markdown_table;

/// The MPI-IO implementations that are measured, one after the other.
const LIBRARIES: [(Mpi, Option<&str>); 3] = [
    (Mpi::OpenMpi, Some("ompio")),
    (Mpi::OpenMpi, Some("romio")),
    (Mpi::Mpich, None),
];

/// What one run of the program found.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Found {
    /// `ROMIO in MPICH 4.0.2`.
    pub mpi_io: String,
    /// HDF5's version.
    pub hdf5: String,
    /// What the times depend on.
    pub machine: BTreeMap<String, serde_json::Value>,
    /// With which options it was measured.
    pub options: BTreeMap<String, serde_json::Value>,
    /// The comparisons.
    pub tables: Vec<Table>,
}

/// One comparison.
#[derive(Clone, Debug, Deserialize)]
pub struct Table {
    /// What the page calls it.
    pub name: String,
    /// What was done.
    pub title: String,
    /// What was compared; the first is what the others are compared with.
    pub cases: Vec<Case>,
}

/// One of the things compared.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// What is special about it.
    pub name: String,
    /// The times of each phase.
    pub phases: Vec<Phase>,
}

/// The times of a phase.
#[derive(Clone, Debug, Deserialize)]
pub struct Phase {
    /// `write`.
    pub name: String,
    /// One for each round.
    pub seconds: Vec<f64>,
    /// How many times as long as that of the first case, round by round.
    pub ratio: Ratio,
}

/// The median, and the range of the middle half.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Ratio {
    /// The first quartile.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// The third quartile.
    pub high: f64,
}

/// Measures, and writes `file` (`figures.md` in the chapter's folder if `None`). `more` are
/// further arguments for the program: fewer rounds, say. `Ok(true)` if all went well.
pub fn make(
    root: &Path,
    chapter: &Chapter,
    more: &[String],
    file: Option<&Path>,
) -> Result<bool> {
    let Some(plan) = &chapter.plan.figures else {
        bail!(
            "chapter {} ({}) has no figures",
            chapter.number,
            chapter.name
        )
    };
    let data = root.join("target/data/figures").join(&chapter.name);
    std::fs::create_dir_all(&data)
        .with_context(|| format!("cannot make the folder {}", data.display()))?;
    // All are built before anything is measured.
    let toolchains = LIBRARIES.map(|(mpi, _)| run::build(root, chapter, mpi, None));
    let mut found = Vec::new();
    for ((mpi, io), toolchain) in LIBRARIES.into_iter().zip(toolchains) {
        let toolchain = toolchain?;
        let json = data.join(format!("{}-{}.json", mpi.name(), io.unwrap_or("its-own")));
        let mut launch = Launch::new(
            mpi,
            &toolchain.launcher,
            plan.ranks,
            &toolchain.program(&chapter.name),
        );
        let args = plan.args.iter().chain(more).map(OsString::from);
        launch.args = args.chain(["--json".into(), json.clone().into()]).collect();
        launch.limit = Duration::from_secs(plan.limit);
        launch.environment = vec![("WORKBOOK_DATA".to_owned(), data.display().to_string())];
        if let Some(io) = io {
            launch.options = toolchain.io_options(io)?;
        }
        println!("$ {}", launch.shown(root));
        let outcome = supervise(launch.command(&[]), launch.limit, |line| {
            match line.stream {
                Stream::Out => println!("{}", line.text),
                Stream::Err => eprintln!("{}", line.text),
            }
        })?;
        match outcome.ended {
            Ended::Interrupted => bail!("interrupted; all ranks were stopped"),
            ended if !ended.success() => {
                println!("NOT OK: {ended}");
                return Ok(false);
            }
            _ => found.push(read(&json)?),
        }
    }
    let own = chapter.folder.join("figures.md");
    let file = file.unwrap_or(&own);
    std::fs::write(file, markdown(chapter.number, &found)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!("{}", file.strip_prefix(root).unwrap_or(file).display());
    Ok(true)
}

/// Reads what a run found.
pub fn read(json: &PathBuf) -> Result<Found> {
    let text = std::fs::read_to_string(json)
        .with_context(|| format!("the program did not write {}", json.display()))?;
    serde_json::from_str(&text).with_context(|| format!("cannot read {}", json.display()))
}

/// The tables of several runs, one column for each, between anchors of the tables' names; and
/// at `about`, on what was measured.
pub fn markdown(chapter: usize, runs: &[Found]) -> Result<String> {
    let first = runs.first().context("nothing was measured")?;
    let mut text =
        format!("<!-- Written by `make figures-{chapter}`; do not edit. -->\n\n");
    let part = |text: &mut String, name: &str, body: &str| {
        *text += &format!("<!-- ANCHOR: {name} -->\n{body}<!-- ANCHOR_END: {name} -->\n\n");
    };
    part(&mut text, "about", &about(chapter, runs));
    for table in &first.tables {
        part(&mut text, &table.name, &side_by_side(table, runs)?);
    }
    Ok(text.trim_end().to_owned() + "\n")
}

fn about(chapter: usize, runs: &[Found]) -> String {
    let first = &runs[0];
    let listed = |pairs: &BTreeMap<String, serde_json::Value>| {
        let one = |(name, value): (&String, &serde_json::Value)| match value.as_str() {
            Some(text) => format!("{name}: {text}"),
            None => format!("{name}: {value}"),
        };
        pairs.iter().map(one).collect::<Vec<_>>().join("; ")
    };
    let libraries: Vec<&str> = runs.iter().map(|run| run.mpi_io.as_str()).collect();
    format!(
        "- `make figures-{chapter}`; {}.\n- {}, each with HDF5 {}.\n- {}.\n",
        listed(&first.options),
        libraries.join(", "),
        first.hdf5,
        listed(&first.machine),
    )
}

fn side_by_side(table: &Table, runs: &[Found]) -> Result<String> {
    let (base, others) = table.cases.split_first().context("a table has cases")?;
    let mut text = format!(
        "*{}. How many times as long as \"{}\": the median of the rounds' ratios, and their quartiles.*\n\n",
        table.title, base.name
    );
    let mut heading = vec!["Case".to_owned(), "Phase".to_owned()];
    heading.extend(runs.iter().map(|run| run.mpi_io.clone()));
    let mut rows = Vec::new();
    for case in others {
        for phase in &case.phases {
            let ratios = runs.iter().map(|run| {
                let table = run.tables.iter().find(|it| it.name == table.name)?;
                let case = table.cases.iter().find(|it| it.name == case.name)?;
                let phase = case.phases.iter().find(|it| it.name == phase.name)?;
                Some(phase.ratio.to_string())
            });
            let ratios: Option<Vec<String>> = ratios.collect();
            let ratios = ratios.context("the runs did not measure the same cases")?;
            rows.push(format!(
                "| {} | {} | {} |",
                case.name,
                phase.name,
                ratios.join(" | ")
            ));
        }
    }
    write!(text, "{}", markdown_table(&heading, &rows))?;
    Ok(text)
}

impl fmt::Display for Ratio {
    /// `1.52 (1.31–1.80)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, low, high] = [self.median, self.low, self.high].map(short);
        write!(f, "{median} ({low}–{high})")
    }
}

/// A ratio with as many digits as a median of a few rounds is worth.
pub fn short(ratio: f64) -> String {
    match ratio {
        it if it >= 99.5 => format!("{it:.0}"),
        it if it >= 9.95 => format!("{it:.1}"),
        it => format!("{it:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(library: &str, median: f64) -> Found {
        let ratio =
            |median| serde_json::json!({"low": 0.5, "median": median, "high": 123.4});
        let case = |name: &str, median: f64| {
            serde_json::json!({"name": name, "phases":
                [{"name": "write", "seconds": [1.0], "ratio": ratio(median)}]})
        };
        let found = serde_json::json!({
            "mpi-io": library, "hdf5": "1.10.8", "machine": {"cores": 2},
            "options": {"ranks": 2},
            "tables": [{"name": "methods", "title": "A slab",
                "cases": [case("one", 1.0), case("other", median)]}],
        });
        serde_json::from_value(found).unwrap()
    }

    #[test]
    fn runs_stand_side_by_side() {
        let text = markdown(9, &[found("OMPIO", 2.0), found("ROMIO", 10.0)]).unwrap();
        let row = "| other | write | 2.00 (0.50–123) | 10.0 (0.50–123) |";
        assert!(text.contains(row), "{text}");
        assert!(
            text.contains("<!-- ANCHOR: methods -->\n*A slab. How many"),
            "{text}"
        );
        assert!(text.contains("- `make figures-9`; ranks: 2.\n"), "{text}");
        assert!(!text.contains("| one "), "{text}");
    }

    #[test]
    fn runs_that_do_not_agree_are_refused() {
        let mut other = found("ROMIO", 2.0);
        other.tables[0].cases.pop();
        assert!(markdown(9, &[found("OMPIO", 2.0), other]).is_err());
    }
}
