//! The programs that are compared: how they are built, started, and asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use launch::cargo::{Chatter, cargo};
use launch::supervise::{Stream, supervise};
use launch::{Launch, Mpi, Toolchain, output_of};

use super::contenders::{Size, Who};
use super::found::{Sample, Slabs};

/// How many rows those work on at once that work block by block: as many as chapter 3's
/// program takes for points of two f32.
pub const BLOCK: usize = (256 << 10) / 8;

/// What stands for no blocks, but all rows of a rank at once.
const ALL_AT_ONCE: usize = 0;

/// No run may take longer than this.
const LIMIT: Duration = Duration::from_secs(300);

/// What is a program's own.
struct Built {
    toolchain: Toolchain,
    /// Where cargo put the programs.
    folder: PathBuf,
    /// The C program as `h5pcc -O3` makes it, and for this very processor.
    c: PathBuf,
    c_tuned: PathBuf,
}

/// All programs, built for both MPIs.
pub struct Programs {
    root: PathBuf,
    built: Vec<Built>,
    python: Option<PathBuf>,
    /// What could not be had, and why.
    pub left_out: Vec<String>,
}

/// The file that a contest is about.
pub struct File {
    path: PathBuf,
    rows: usize,
    /// At which byte the points begin.
    coords: u64,
    /// At which byte the distances begin.
    distances: u64,
}

/// What is to be done.
pub struct Work<'a> {
    pub mpi: Mpi,
    pub ranks: usize,
    pub file: &'a File,
}

impl Programs {
    /// Builds them all, optimised (a test is content with what the other tests use).
    pub fn build(root: &Path, size: Size) -> Result<Programs> {
        let profile = if size == Size::Tiny { "dev" } else { "release" };
        let mut left_out = Vec::new();
        let mut built = Vec::new();
        for mpi in Mpi::ALL {
            let toolchain = match Toolchain::find(mpi, root, None) {
                Ok(toolchain) => toolchain,
                Err(error) => {
                    left_out.push(format!("{mpi}: {error:#}"));
                    continue;
                }
            };
            println!("building the programs for {mpi}");
            let words = ["--profile", profile, "--package", "baselines", "--bins"];
            let chapter = ["--profile", profile, "--bin", "distances"];
            for words in [&words[..], &chapter[..]] {
                if !cargo(root, &toolchain, "build", words, Chatter::OnTerminal)? {
                    bail!("the programs for {mpi} do not build");
                }
            }
            let folder = match profile {
                "dev" => "debug",
                other => other,
            };
            let folder = toolchain.target.join(folder);
            let in_c = |name: &str, flags: &[&str]| {
                compile(root, &toolchain, &folder, name, flags)
            };
            built.push(Built {
                c: in_c("bench-c", &[])?,
                // Without these a root must be able to set `errno`, and a product and a sum
                // may be rounded once, where all others round twice.
                c_tuned: in_c(
                    "bench-c-tuned",
                    &["-march=native", "-fno-math-errno", "-ffp-contract=off"],
                )?,
                folder,
                toolchain,
            });
        }
        if built.is_empty() {
            bail!("there is no MPI with its HDF5: {}", left_out.join("; "));
        }
        // Debian's, which is built for Open MPI.
        let python = PathBuf::from("/usr/bin/python3");
        let has_h5py = Command::new(&python)
            .args(["-c", "import h5py, mpi4py"])
            .output()
            .is_ok_and(|it| it.status.success());
        if !has_h5py {
            left_out.push("h5py: this system's Python has no h5py and mpi4py".to_owned());
        }
        Ok(Programs {
            root: root.to_owned(),
            built,
            python: has_h5py.then_some(python),
            left_out,
        })
    }

    /// Whether this program is there for this MPI.
    pub fn has(&self, who: Who, mpi: Mpi) -> bool {
        let h5py = matches!(who, Who::H5pyBlocks | Who::H5pyWhole);
        self.is_there(mpi) && (!h5py || self.python.is_some() && mpi == Mpi::OpenMpi)
    }

    fn of(&self, mpi: Mpi) -> Option<&Built> {
        self.built.iter().find(|it| it.toolchain.mpi == mpi)
    }

    fn find(&self, mpi: Mpi) -> Result<&Built> {
        self.of(mpi).with_context(|| format!("{mpi} is not there"))
    }

    /// Whether this MPI is there with its HDF5.
    pub fn is_there(&self, mpi: Mpi) -> bool {
        self.of(mpi).is_some()
    }

    /// `Open MPI 4.1.4`.
    pub fn release(&self, mpi: Mpi) -> Result<String> {
        let [release, _] = self.find(mpi)?.toolchain.releases();
        Ok(release)
    }

    /// Of everything that is compared.
    pub fn versions(&self) -> BTreeMap<String, String> {
        let mut versions = BTreeMap::new();
        for built in &self.built {
            let [mpi, hdf5] = built.toolchain.releases();
            versions.insert(mpi, hdf5);
            let mpicc = &built.toolchain.mpicc;
            let says = output_of(mpicc, &["--version"]).unwrap_or_default();
            let says = says.lines().next().unwrap_or("unknown").to_owned();
            versions.insert("C compiler".to_owned(), says);
        }
        let rustc = output_of("rustc", &["--version"]).unwrap_or_default();
        let rustc = rustc.split(" (").next().unwrap_or_default().to_owned();
        versions.insert("Rust compiler".to_owned(), rustc);
        if let Some(python) = &self.python {
            let ask = "import h5py, numpy; print(h5py.__version__ + ', numpy ' + numpy.__version__)";
            let says = output_of(&python.to_string_lossy(), &["-c", ask]);
            versions.insert(
                "h5py".to_owned(),
                says.unwrap_or_default().trim().to_owned(),
            );
        }
        versions
    }

    /// The program that makes the file and looks at it, by one process.
    fn ask(&self, args: &[&dyn ToString]) -> Result<std::process::Output> {
        let args = args.iter().map(|it| it.to_string());
        let program = self.built[0].folder.join("bench-file");
        let output = Command::new(&program).args(args).output();
        output.with_context(|| format!("cannot run {}", program.display()))
    }

    fn asked(&self, args: &[&dyn ToString]) -> Result<String> {
        let output = self.ask(args)?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => bail!(
                "bench-file: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ),
        }
    }

    /// Makes a file with so many points.
    pub fn make_file(&self, path: &Path, rows: usize) -> Result<File> {
        let says = self.asked(&[&"make", &path.display(), &rows])?;
        let mut numbers = says.split_whitespace().map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(coords)), Some(Ok(distances))) => Ok(File {
                path: path.to_owned(),
                rows,
                coords,
                distances,
            }),
            _ => bail!("bench-file says {says:?}"),
        }
    }

    /// Takes the results away: with their room in the file, or not.
    pub fn spoil(&self, file: &File, keep_room: bool, cold: bool) -> Result<()> {
        let path = file.path.display();
        let mut args: Vec<&dyn ToString> =
            vec![&"spoil", &path, &file.distances, &file.rows];
        if keep_room {
            args.push(&"--keep-room");
        }
        if cold {
            args.push(&"--cold");
        }
        self.asked(&args).map(drop)
    }

    /// What is wrong with the results, if anything is.
    pub fn fault(&self, file: &File) -> Result<Option<String>> {
        let path = file.path.display();
        let (coords, distances, rows) = (file.coords, file.distances, file.rows);
        let output = self.ask(&[&"compare", &path, &coords, &distances, &rows])?;
        let says = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Ok((!output.status.success()).then_some(says))
    }

    /// Lets a program do the work once.
    pub fn run(&self, who: Who, work: &Work) -> Result<Sample> {
        let built = self.find(work.mpi)?;
        let file = work.file;
        let path = file.path.display().to_string();
        let numbers = [file.coords, file.distances, file.rows as u64, BLOCK as u64];
        let numbers = numbers.map(|it| it.to_string());
        let (program, args) = match who {
            Who::Reuse | Who::Vector | Who::Blocks | Who::Whole => {
                let form = who.form().unwrap_or_default();
                let args = ["--file", &path, "--time", "--form", form];
                (
                    built.folder.join("distances"),
                    args.map(str::to_owned).to_vec(),
                )
            }
            Who::CBlocksTuned => (built.c_tuned.clone(), vec![path, BLOCK.to_string()]),
            Who::CBlocks => (built.c.clone(), vec![path, BLOCK.to_string()]),
            Who::CWhole => (built.c.clone(), vec![path, ALL_AT_ONCE.to_string()]),
            Who::H5pyBlocks | Who::H5pyWhole => {
                let script = self.root.join("src/baselines/distances.py");
                let block = match who {
                    Who::H5pyBlocks => BLOCK,
                    _ => ALL_AT_ONCE,
                };
                let args = vec![script.display().to_string(), path, block.to_string()];
                (self.python.clone().context("there is no h5py")?, args)
            }
            Who::MpiIo => {
                let args = [path].into_iter().chain(numbers).collect();
                (built.folder.join("bench-mpi-io"), args)
            }
            Who::Floor => {
                let mut command = Command::new(built.folder.join("bench-floor"));
                command.arg(path).args(numbers).arg(work.ranks.to_string());
                return floor(command);
            }
        };
        let says = self.launch(built, work.ranks, &program, &args)?;
        sample(&says).with_context(|| format!("{} says {says:?}", who.name()))
    }

    /// What a program that only opens the file needs in memory, in MiB a rank.
    pub fn only_open(&self, work: &Work) -> Result<f64> {
        let built = self.find(work.mpi)?;
        let program = built.folder.join("bench-open");
        let args = [work.file.path.display().to_string()];
        let says = self.launch(built, work.ranks, &program, &args)?;
        let memory = number(&says, "at most ");
        memory.with_context(|| format!("{} says {says:?}", program.display()))
    }

    /// The library against MPI-IO.
    pub fn slabs(
        &self,
        mpi: Mpi,
        file: &Path,
        numbers: [usize; 3],
    ) -> Result<BTreeMap<String, Slabs>> {
        let built = self.find(mpi)?;
        let json = file.with_extension("json");
        let mut args = vec![file.display().to_string()];
        args.extend(numbers.map(|it| it.to_string()));
        args.push(json.display().to_string());
        self.launch(built, 2, &built.folder.join("bench-slabs"), &args)?;
        let text = std::fs::read_to_string(&json)?;
        serde_json::from_str(&text).with_context(|| format!("bench-slabs wrote {text:?}"))
    }

    /// What the ranks print.
    fn launch(
        &self,
        built: &Built,
        ranks: usize,
        program: &Path,
        args: &[String],
    ) -> Result<String> {
        let Toolchain { mpi, launcher, .. } = &built.toolchain;
        let mut launch = Launch::new(*mpi, launcher, ranks, program);
        launch.args = args.iter().map(Into::into).collect();
        launch.limit = LIMIT;
        let run = launch.run()?;
        if !run.ended.success() {
            bail!("{}\n{}", launch.shown(&self.root), run.report());
        }
        Ok(run.stdout)
    }
}

/// Compiles the C program, as those do who use HDF5 in C.
fn compile(
    root: &Path,
    toolchain: &Toolchain,
    folder: &Path,
    name: &str,
    flags: &[&str],
) -> Result<PathBuf> {
    let program = folder.join(name);
    // Debian has one for each MPI; another HDF5 has its own.
    let of_debian = PathBuf::from(format!("h5pcc.{}", toolchain.mpi.name()));
    let own = toolchain.hdf5.join("bin/h5pcc");
    let h5pcc = if own.is_file() { own } else { of_debian };
    let compiled = Command::new(&h5pcc)
        .arg("-O3")
        .args(flags)
        .arg("-o")
        .arg(&program)
        .arg(root.join("src/baselines/distances.c"))
        .arg("-lm")
        .current_dir(folder) // it leaves an object file behind
        .output()
        .with_context(|| format!("cannot run {}", h5pcc.display()))?;
    if !compiled.status.success() {
        let says = String::from_utf8_lossy(&compiled.stderr);
        bail!("{} does not compile the C program: {says}", h5pcc.display());
    }
    Ok(program)
}

/// Runs what needs no launcher.
fn floor(command: Command) -> Result<Sample> {
    let mut says = String::new();
    let outcome = supervise(command, LIMIT, |line| {
        if line.stream == Stream::Out {
            says += &line.text;
        }
    })?;
    if !outcome.ended.success() {
        bail!("the floor: {}", outcome.ended);
    }
    let work =
        number(&says, "work ").with_context(|| format!("the floor says {says:?}"))?;
    Ok(Sample {
        open: 0.0,
        work,
        close: 0.0,
        memory: 0.0,
    })
}

/// What a program says of its times: `open 0.003 s, work 0.06 s, close 0.0004 s; at most 23 MiB
/// a rank`.
fn sample(says: &str) -> Option<Sample> {
    Some(Sample {
        open: number(says, "open ")?,
        work: number(says, "work ")?,
        close: number(says, "close ")?,
        memory: number(says, "at most ")?,
    })
}

/// The number behind some words, in the last line that has them.
fn number(says: &str, words: &str) -> Option<f64> {
    let (_, rest) = says.rsplit_once(words)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// What the times depend on, as far as Linux says it.
pub fn machine() -> BTreeMap<String, String> {
    let line = |file: &str, key: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key));
        let value = line.and_then(|line| line.split(':').nth(1));
        value.map_or("unknown".to_owned(), |value| value.trim().to_owned())
    };
    let cores = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cores = cores.matches("processor\t").count().to_string();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/ostype").unwrap_or_default();
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release: Vec<&str> = release.trim().split(['.', '-']).take(2).collect();
    [
        ("processor", line("/proc/cpuinfo", "model name")),
        ("cores", cores),
        ("cache of a core", line("/proc/cpuinfo", "cache size")),
        ("memory", line("/proc/meminfo", "MemTotal")),
        ("system", format!("{} {}", kernel.trim(), release.join("."))),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says() {
        let says = "rank 0: rows 0 to 9\nopen 0.25 s, work 1.5 s, close 0.125 s; at most 23.5 MiB a rank\n";
        let right = Sample {
            open: 0.25,
            work: 1.5,
            close: 0.125,
            memory: 23.5,
        };
        assert_eq!(sample(says), Some(right));
        assert_eq!(sample("rank 0: rows 0 to 9\n"), None);
    }
}
