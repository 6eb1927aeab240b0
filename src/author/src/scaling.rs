//! `make figures-10`: what the programs of chapters 3 and 6 would cost on a large machine. A model
//! on paper, from what was measured here and what others have published.
//!
//! It measures what starting costs (`launch.json`), reads what the benchmark measured
//! (`chapters/speed/run-1.json`) and what was published (`published.toml`), and writes the tables
//! and the chart of the page. Each cost is a range, from a kind assumption to an unkind one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use launch::supervise::supervise;
use launch::{Launch, Mpi};
use quick_xml::escape::partial_escape;
use serde::{Deserialize, Serialize};
use virtual_cluster::hosts::{self, Hosts};
use workbook::chapter::Chapter;
use workbook::run;
use workbook::table::table as markdown_table;
use workbook::traced::{Recording, Tools};

use crate::bench::{Bench, grouped, median};

/// The chapter whose page it is.
pub const CHAPTER: &str = "cluster";

/// How many ranks there are to be.
const RANKS: [f64; 3] = [1e3, 1e4, 1e5];

/// How many ranks, and cores, a node has. An assumption.
const A_NODE: f64 = 64.0;

/// To so many daemons one passes on what it is told (`ompi_info --param routed radix --level 9`).
const FAN_OUT: f64 = 64.0;

/// Seconds until a small message is there. An assumption.
const MESSAGE: f64 = 5e-6;

/// How many rows of chapter 3 each rank has; as in the benchmark with two ranks.
const ROWS: f64 = 25e6;

/// How many bytes of a row are read, and written.
const BYTES: f64 = 8.0 + 4.0;

/// How many rows chapter 6's table has, and so many numbers each rank's column.
const MOMENTS: f64 = 256.0;

/// How many numbers a column has in the benchmark.
const COLUMN: f64 = 8192.0;

/// How often starting is measured, with how many ranks on one host, and on how many hosts.
pub const USUAL: Starts = Starts {
    rounds: 7,
    ranks: &[1, 4, 8, 16, 32],
    hosts: &[1, 2, 4, 8],
};

/// How often starting is measured, and where.
#[derive(Clone, Copy, Debug)]
pub struct Starts {
    /// How often; once more does not count.
    pub rounds: usize,
    /// With how many ranks on one host.
    pub ranks: &'static [usize],
    /// On how many hosts, with one rank on each.
    pub hosts: &'static [usize],
}

/// What is started to measure that.
pub struct Programs {
    /// Open MPI's launcher.
    pub launcher: String,
    /// The `workbook` command.
    pub workbook: PathBuf,
    /// Chapter 1's program.
    pub hello: PathBuf,
    /// Chapter 3's program.
    pub distances: PathBuf,
    /// What sees the reads.
    pub tools: Tools,
}

impl Programs {
    /// Builds them by cargo.
    pub fn build(root: &Path) -> Result<Programs> {
        let [one, three] = ["1", "3"].map(|it| Chapter::find(root, it));
        let (one, three) = (one?, three?);
        run::build(root, &one, Mpi::OpenMpi, None)?;
        let toolchain = run::build(root, &three, Mpi::OpenMpi, None)?;
        Ok(Programs {
            workbook: std::env::current_exe()?,
            hello: toolchain.program(&one.name),
            distances: toolchain.program(&three.name),
            tools: Tools::build(root, &toolchain)?,
            launcher: toolchain.launcher,
        })
    }

    fn launch(&self, program: &Path, ranks: usize) -> Launch {
        Launch::new(Mpi::OpenMpi, &self.launcher, ranks, program)
    }
}

/// What was measured of starting.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// What the times depend on.
    pub machine: BTreeMap<String, String>,
    /// `Open MPI 4.1.4`.
    pub mpi: String,
    /// Seconds of chapter 1's program, by the number of ranks on one host, round by round.
    pub ranks: BTreeMap<usize, Vec<f64>>,
    /// The same by the number of hosts, one rank on each.
    pub hosts: BTreeMap<usize, Vec<f64>>,
    /// How many reads of HDF5's own metadata one rank of chapter 3's program made.
    pub metadata_reads: u64,
}

/// A published figure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The number.
    pub value: f64,
    /// Of what.
    pub unit: String,
    /// What it says.
    pub what: String,
    /// Who says so.
    pub source: String,
    /// And where, if it is in the net.
    pub link: Option<String>,
}

/// From a kind assumption to an unkind one, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    fn exactly(seconds: f64) -> Range {
        Range {
            low: seconds,
            high: seconds,
        }
    }
}

/// All that the model takes in.
struct Known {
    /// Seconds that starting takes whatever is started, and more for each rank on a host, and
    /// for each host.
    start: [f64; 3],
    metadata_reads: f64,
    /// Seconds of one rank of chapter 3 for its rows.
    work: f64,
    /// Seconds for a number of a column, alone and together.
    alone: f64,
    together: f64,
    published: BTreeMap<String, Published>,
}

/// A row of a table: what, and its cost by the number of ranks.
struct Cost {
    what: &'static str,
    of: fn(&Known, f64) -> Range,
}

const CHAPTER_3: [Cost; 7] = [
    Cost {
        what: "start the ranks",
        of: start,
    },
    Cost {
        what: "each opens the file",
        of: |known, ranks| Range {
            low: ranks / known.of("looks"),
            high: ranks / known.of("creates"),
        },
    },
    Cost {
        what: "each reads HDF5's metadata",
        of: |known, ranks| {
            let reads = ranks * known.metadata_reads;
            Range {
                low: reads / known.of("requests"),
                // All of it lies in one place, on one server.
                high: reads / known.of("requests") * known.of("servers"),
            }
        },
    },
    Cost {
        what: "one reads it for all (collective metadata)",
        of: |known, ranks| {
            let passed_on = known.metadata_reads * ranks.log2().ceil() * MESSAGE;
            let read = known.metadata_reads / known.of("requests") * known.of("servers");
            Range::exactly(passed_on + read)
        },
    },
    Cost {
        what: "compute, and move bytes in memory",
        of: |known, _| Range::exactly(known.work),
    },
    Cost {
        what: "read and write, file on one server",
        of: |known, ranks| Range::exactly(known.moved(ranks * ROWS * BYTES, ranks, 1.0)),
    },
    Cost {
        what: "read and write, file striped over all",
        of: |known, ranks| {
            let servers = known.of("servers");
            Range::exactly(known.moved(ranks * ROWS * BYTES, ranks, servers))
        },
    },
];

const CHAPTER_6: [Cost; 2] = [
    Cost {
        what: "each rank its column, alone",
        of: |known, ranks| {
            let requests = ranks * MOMENTS / known.of("requests");
            let own = MOMENTS * known.alone;
            Range {
                low: requests + own,
                high: requests * known.of("servers") + own,
            }
        },
    },
    Cost {
        what: "all together",
        of: |known, ranks| {
            let servers = known.of("servers");
            let bytes = ranks * MOMENTS * 8.0;
            // Over the network to those that write, which then write large pieces.
            let own = MOMENTS * known.together + ranks.log2().ceil() * MESSAGE;
            Range {
                low: 2.0 * known.moved(bytes, ranks, servers) + own,
                // Who writes hears of each rank, one after the other.
                high: 2.0 * known.moved(bytes, ranks, 1.0) + own + ranks * MESSAGE,
            }
        },
    },
];

fn start(known: &Known, ranks: f64) -> Range {
    let [base, rank, host] = known.start;
    let nodes = (ranks / A_NODE).ceil();
    let levels = (nodes.ln() / FAN_OUT.ln()).ceil().max(1.0);
    // Measured where the ranks of a host share the cores of this machine.
    Range {
        low: base + rank + host * FAN_OUT.min(nodes) * levels,
        high: base + rank * A_NODE + host * nodes,
    }
}

impl Known {
    fn of(&self, name: &str) -> f64 {
        self.published[name].value
    }

    /// Seconds for so many bytes, from or to so many of the servers: as fast as they are, or as
    /// the nodes.
    fn moved(&self, bytes: f64, ranks: f64, servers: f64) -> f64 {
        let nodes = (ranks / A_NODE).ceil();
        let by_servers = self.of("bandwidth") / self.of("servers") * servers;
        bytes / by_servers.min(nodes * self.of("client"))
    }
}

// --- Measuring --------------------------------------------------------------------------

/// `make figures-10`: measures, then makes the figures; `--as-measured` only makes them.
pub fn make(root: &Path, chapter: &Chapter, words: &[String]) -> Result<bool> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let started = match words[..] {
        [] => {
            let started = measure(&Programs::build(root)?, USUAL)?;
            let text = serde_json::to_string_pretty(&started)? + "\n";
            let file = chapter.folder.join("launch.json");
            std::fs::write(&file, text).with_context(|| format!("{}", file.display()))?;
            started
        }
        ["--as-measured"] => measured(root)?,
        _ => bail!("ARGS is nothing, or --as-measured: make the figures, measure nothing"),
    };
    for (name, text) in figures(root, &started)? {
        let file = chapter.folder.join(name);
        std::fs::write(&file, text).with_context(|| format!("{}", file.display()))?;
        println!("{}", file.strip_prefix(root).unwrap_or(&file).display());
    }
    Ok(true)
}

/// Starts chapter 1's program again and again, in interleaved rounds; the first does not count.
pub fn measure(programs: &Programs, starts: Starts) -> Result<Started> {
    hosts::are_possible(Mpi::OpenMpi)?;
    let most = starts.hosts.iter().max().copied().unwrap_or(1);
    let launch = |ranks: usize, hosts: Option<usize>| {
        let mut launch = programs.launch(&programs.hello, ranks);
        if let Some(hosts) = hosts {
            // Always as many hosts, of which so many are used: making them is not to count.
            hosts::distribute(&mut launch, Hosts::new(&programs.workbook, most));
            let names: Vec<String> = (0..hosts).map(hosts::name).collect();
            launch.options = vec!["--host".to_owned(), names.join(",")];
        }
        launch
    };
    let mut started = Started {
        machine: crate::bench::machine(),
        mpi: Mpi::OpenMpi.release(&programs.launcher),
        ranks: BTreeMap::new(),
        hosts: BTreeMap::new(),
        metadata_reads: metadata_reads(programs)?,
    };
    for round in 0..=starts.rounds {
        for (all, hosts) in [(starts.ranks, false), (starts.hosts, true)] {
            for &count in all {
                let launch = launch(count, hosts.then_some(count));
                let seconds = seconds(&launch)?;
                let to = match hosts {
                    true => &mut started.hosts,
                    false => &mut started.ranks,
                };
                if round > 0 {
                    to.entry(count).or_default().push(seconds);
                }
            }
        }
        println!("round {round} of {}", starts.rounds);
    }
    Ok(started)
}

/// How long a run takes that must succeed.
fn seconds(launch: &Launch) -> Result<f64> {
    let begin = Instant::now();
    let mut end = begin;
    let outcome = supervise(launch.command(&[]), Duration::from_secs(120), |_| {
        end = Instant::now();
    })?;
    if !outcome.ended.success() {
        let said: Vec<_> = outcome.lines.iter().map(|it| it.text.as_str()).collect();
        bail!("a start ended with {}:\n{}", outcome.ended, said.join("\n"));
    }
    // Until the last line: afterwards we look whether a process is left.
    Ok((end - begin).as_secs_f64())
}

/// How many small reads the last rank of chapter 3's program makes besides that of its rows.
fn metadata_reads(programs: &Programs) -> Result<u64> {
    let data = tempfile::tempdir()?;
    let mut launch = programs.launch(&programs.distances, 2);
    launch.environment = vec![(
        "WORKBOOK_DATA".to_owned(),
        data.path().display().to_string(),
    )];
    seconds(&launch)?; // makes the file
    let recording = Recording::new(&programs.tools)?;
    launch.environment.extend(recording.environment());
    seconds(&launch)?;
    let record = recording.record()?;
    let last = record.ranks.last().context("nothing was recorded")?;
    let reads = last.moved.iter().filter(|it| !it.write);
    let reads: u64 = reads.map(|it| it.times).sum();
    reads.checked_sub(1).context("the rank has read nothing")
}

// --- From what is known to what the page shows ----------------------------------------------

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// What was measured for the page.
pub fn measured(root: &Path) -> Result<Started> {
    let file = Chapter::find(root, CHAPTER)?.folder.join("launch.json");
    Ok(serde_json::from_str(&read(&file)?)?)
}

/// The files that the page shows, by name; nothing is measured.
pub fn figures(root: &Path, started: &Started) -> Result<[(&'static str, String); 2]> {
    let folder = Chapter::find(root, CHAPTER)?.folder;
    let bench: Bench =
        serde_json::from_str(&read(&root.join("chapters/speed/run-1.json"))?)?;
    let published = toml::from_str(&read(&folder.join("published.toml"))?)?;
    let known = known(started, &bench, published)?;
    Ok([
        ("scaling-figures.md", markdown(&known, started)),
        ("scaling.svg", chart(&known)),
    ])
}

fn known(
    started: &Started,
    bench: &Bench,
    published: BTreeMap<String, Published>,
) -> Result<Known> {
    for name in [
        "bandwidth",
        "servers",
        "requests",
        "client",
        "creates",
        "looks",
    ] {
        if !published.contains_key(name) {
            bail!("published.toml lacks [{name}]");
        }
    }
    let (base, rank) = line(&started.ranks);
    let (_, host) = line(&started.hosts);
    let contest = bench
        .contests
        .iter()
        .find(|it| (it.rows, it.ranks, it.storage.as_str()) == (50_000_000, 2, "memory"));
    let contest = contest.context("the benchmark has no run of chapter 3 on two ranks")?;
    let chapter_3 = contest.entrants.first().context("nobody took part")?;
    let column = |mpi: &str, how: &str| {
        let of_mpi = bench.slabs.iter().find(|(name, _)| name.starts_with(mpi));
        let times = of_mpi.and_then(|it| it.1.get(how)?.library.get("rewrite"));
        let times = times.context("the benchmark has no columns")?;
        anyhow::Ok(median(times) / COLUMN)
    };
    Ok(Known {
        start: [base, rank, host],
        metadata_reads: started.metadata_reads as f64,
        work: median(&chapter_3.work(true)),
        // MPICH's ROMIO writes element by element, as HDF5 asks it to.
        alone: column("MPICH", "columns, independent")?,
        together: column("MPICH", "columns, collective")?,
        published,
    })
}

/// The straight line through the shortest times (least squares): where it begins, and how it
/// rises. What else the machine does only makes them longer.
fn line(times: &BTreeMap<usize, Vec<f64>>) -> (f64, f64) {
    let points: Vec<(f64, f64)> = times
        .iter()
        .map(|(count, all)| (*count as f64, all.iter().copied().fold(f64::MAX, f64::min)))
        .collect();
    let count = points.len() as f64;
    let (x, y) = (
        points.iter().map(|it| it.0).sum::<f64>() / count,
        points.iter().map(|it| it.1).sum::<f64>() / count,
    );
    let over: f64 = points.iter().map(|it| (it.0 - x) * (it.1 - y)).sum();
    let under: f64 = points.iter().map(|it| (it.0 - x).powi(2)).sum();
    let rise = (over / under).max(0.0);
    (y - rise * x, rise)
}

fn markdown(known: &Known, started: &Started) -> String {
    let mut text = "<!-- Written by `make figures-10`; do not edit. -->\n\n".to_owned();
    let mut part = |name: &str, body: &str| {
        text += &format!("<!-- ANCHOR: {name} -->\n{body}<!-- ANCHOR_END: {name} -->\n\n");
    };
    part("chapter-3", &table(known, "What", &CHAPTER_3));
    part("chapter-6", &table(known, "What", &CHAPTER_6));
    let [base, rank, host] = known.start;
    let heading = ["What", "How much", "From"].map(str::to_owned);
    let measured = [
        (
            "starting, whatever is started",
            time(base),
            "`launch.json`".to_owned(),
        ),
        (
            "more for each rank on a host",
            time(rank),
            "`launch.json`".to_owned(),
        ),
        ("more for each host", time(host), "`launch.json`".to_owned()),
        (
            "reads of HDF5's metadata, a rank of chapter 3",
            known.metadata_reads.to_string(),
            "`launch.json`".to_owned(),
        ),
        (
            "25 million rows of chapter 3, one rank",
            time(known.work),
            "[the benchmark](../speed.md)".to_owned(),
        ),
        (
            "a number of a column, alone",
            time(known.alone),
            "[the benchmark](../speed.md)".to_owned(),
        ),
        (
            "a number of a column, together",
            time(known.together),
            "[the benchmark](../speed.md)".to_owned(),
        ),
    ];
    let rows: Vec<String> = measured
        .iter()
        .map(|(what, how_much, from)| format!("| {what} | {how_much} | {from} |"))
        .collect();
    part("measured", &markdown_table(&heading, &rows));
    let rows: Vec<String> = known
        .published
        .values()
        .map(|it| {
            let source = match &it.link {
                Some(link) => format!("[{}]({link})", it.source),
                None => it.source.clone(),
            };
            format!(
                "| {} | {} | {source} |",
                it.what,
                amount(it.value, &it.unit)
            )
        })
        .collect();
    part("published", &markdown_table(&heading, &rows));
    let machine: Vec<String> = started
        .machine
        .iter()
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    let rounds = started.ranks.values().map(Vec::len).max().unwrap_or(0);
    part(
        "about",
        &format!(
            "`make figures-10`; {rounds} rounds; {}; {}.\n",
            started.mpi,
            machine.join("; ")
        ),
    );
    text.trim_end().to_owned() + "\n"
}

fn table(known: &Known, what: &str, costs: &[Cost]) -> String {
    let mut heading = vec![what.to_owned()];
    heading.extend(RANKS.map(|it| format!("{} ranks", grouped(it as usize))));
    let rows: Vec<String> = costs
        .iter()
        .map(|cost| {
            let cells = RANKS.map(|ranks| between((cost.of)(known, ranks)));
            format!("| {} | {} |", cost.what, cells.join(" | "))
        })
        .collect();
    markdown_table(&heading, &rows)
}

/// `0.3 s`, or `0.3 s to 5 min`.
fn between(range: Range) -> String {
    let [low, high] = [range.low, range.high].map(time);
    match low == high {
        true => low,
        false => format!("{low} to {high}"),
    }
}

/// Seconds with two digits: `12 ms`, `3.4 s`, `25 min`.
fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        it if it < 1e-6 => (it * 1e9, "ns"),
        it if it < 1e-3 => (it * 1e6, "µs"),
        it if it < 1.0 => (it * 1e3, "ms"),
        it if it < 120.0 => (it, "s"),
        it if it < 7200.0 => (it / 60.0, "min"),
        it => (it / 3600.0, "h"),
    };
    match value {
        it if it < 9.95 => format!("{it:.1} {unit}"),
        it => format!("{it:.0} {unit}"),
    }
}

/// `29 000 calls/s`, `10 TB/s`.
fn amount(value: f64, unit: &str) -> String {
    match (unit, value) {
        ("B/s", it) if it >= 1e12 => format!("{} TB/s", it / 1e12),
        ("B/s", it) => format!("{} GB/s", it / 1e9),
        (_, it) => format!("{} {unit}", grouped(it as usize)),
    }
}

// --- The chart ----------------------------------------------------------------------------

const WIDTH: f64 = 420.0;
const MARGIN: f64 = 14.0;
/// The height of a bar, and of a name above its three bars.
const BAR: f64 = 9.0;
const NAME: f64 = 18.0;
/// The axis, in powers of ten of a second.
const FROM: f64 = -4.0;
const TO: f64 = 5.0;
/// Light to dark, for more and more ranks.
const COLOURS: [&str; 3] = ["#9ecae9", "#3f8fc4", "#08457e"];

fn chart(known: &Known) -> String {
    let place = |seconds: f64| {
        let part = (seconds.log10().clamp(FROM, TO) - FROM) / (TO - FROM);
        MARGIN + part * (WIDTH - 2.0 * MARGIN)
    };
    let costs: Vec<(&str, &Cost)> = CHAPTER_3
        .iter()
        .map(|it| ("Chapter 3", it))
        .chain(CHAPTER_6.iter().map(|it| ("Chapter 6", it)))
        .collect();
    let mut body = String::new();
    let mut words = String::new();
    let top = 62.0;
    let group = NAME + 4.0 + 3.0 * (BAR + 1.0);
    let bottom = top + costs.len() as f64 * group + 6.0;
    for (power, label) in [
        (-3.0, "1 ms"),
        (-1.0, "0.1 s"),
        (0.0, "1 s"),
        (1.778, "1 min"),
        (3.556, "1 h"),
        (4.936, "1 day"),
    ] {
        let x = place(10f64.powf(power));
        let _ = writeln!(
            body,
            r##"<path d="M{x:.1} {top:.0}V{bottom:.0}" stroke="#ccc"/>"##
        );
        let _ = writeln!(
            body,
            r##"<text x="{x:.1}" y="{:.0}" font-size="11" text-anchor="middle">{label}</text>"##,
            bottom + 14.0
        );
    }
    let mut y = top;
    for (chapter, cost) in &costs {
        y += NAME;
        let _ = writeln!(
            body,
            r##"<text x="{MARGIN}" y="{y:.0}" font-size="12">{}</text>"##,
            partial_escape(format!("{chapter}: {}", cost.what))
        );
        y += 4.0;
        let _ = write!(words, "{chapter}, {}: ", cost.what);
        for (ranks, colour) in RANKS.into_iter().zip(COLOURS) {
            let range = (cost.of)(known, ranks);
            let (low, high) = (place(range.low), place(range.high));
            // What is no range is a short bar.
            let (x, width) = (low - 2.0, (high - low).max(0.0) + 4.0);
            let _ = writeln!(
                body,
                r##"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{BAR}" fill="{colour}"/>"##
            );
            y += BAR + 1.0;
            let _ = write!(
                words,
                "{} with {} ranks; ",
                between(range),
                grouped(ranks as usize)
            );
        }
    }
    let mut key = String::new();
    for (index, (ranks, colour)) in RANKS.into_iter().zip(COLOURS).enumerate() {
        let x = MARGIN + 130.0 * index as f64;
        let _ = writeln!(
            key,
            r##"<rect x="{x:.0}" y="38" width="12" height="{BAR}" fill="{colour}"/>
<text x="{:.0}" y="47" font-size="12">{} ranks</text>"##,
            x + 18.0,
            grouped(ranks as usize)
        );
    }
    let height = bottom + 24.0;
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" width="{WIDTH}" height="{height:.0}" role="img" aria-labelledby="title desc" font-family="sans-serif" font-size="13">
<title id="title">What the programs of chapters 3 and 6 would cost on a large machine, by a model</title>
<desc id="desc">{}</desc>
<rect width="{WIDTH}" height="{height:.0}" rx="8" fill="#fff"/>
<g fill="#111">
<text x="{MARGIN}" y="24" font-weight="bold">Not measured: a model</text>
{key}{body}</g>
</svg>
"##,
        partial_escape(words.trim_end_matches("; ").to_owned() + ".")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_goes_through_the_shortest() {
        let times = [(1, vec![4.0, 3.0, 99.0]), (2, vec![5.0]), (4, vec![9.0])];
        assert_eq!(line(&times.into()), (1.0, 2.0));
        // What falls is no cost.
        assert_eq!(line(&[(1, vec![3.0]), (2, vec![1.0])].into()), (2.0, 0.0));
    }

    #[test]
    fn bytes_go_as_fast_as_the_slower_side() {
        let one = |value| Published {
            value,
            unit: String::new(),
            what: String::new(),
            source: String::new(),
            link: None,
        };
        let published = [("bandwidth", 1000.0), ("servers", 10.0), ("client", 30.0)];
        let known = Known {
            start: [0.0; 3],
            metadata_reads: 0.0,
            work: 0.0,
            alone: 0.0,
            together: 0.0,
            published: published.map(|it| (it.0.to_owned(), one(it.1))).into(),
        };
        // Two nodes of 30 bytes a second; one server of 100, or ten.
        assert_eq!(known.moved(600.0, 2.0 * A_NODE, 10.0), 10.0);
        assert_eq!(known.moved(600.0, 1000.0 * A_NODE, 1.0), 6.0);
        assert_eq!(known.moved(600.0, 1000.0 * A_NODE, 10.0), 0.6);
    }

    #[test]
    fn times_have_two_digits() {
        let shown = [6.6e-8, 8.5e-4, 0.0123, 3.44, 119.0, 125.0, 86_400.0].map(time);
        let right = [
            "66 ns", "850 µs", "12 ms", "3.4 s", "119 s", "2.1 min", "24 h",
        ];
        assert_eq!(shown, right);
        assert_eq!(amount(10e12, "B/s"), "10 TB/s");
        assert_eq!(amount(15e9, "B/s"), "15 GB/s");
    }
}
