//! HDF5 from the source package of Debian (or Ubuntu), built the seed's own way:
//! `CC=mpicc ./configure --enable-parallel --prefix=…`; then HDF5's own parallel tests.
//!
//! The package is fetched with a list of sources of our own, below the folder: the
//! machine's own set-up of apt is read, and left alone. It works for an ordinary user too.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use launch::supervise::{Ended, Line, supervise};
use launch::{Launch, cores, launcher_output, output_of};

use crate::compiler::{Compiler, Library, belongs_to};
use crate::job::{Count, Job};
use crate::stamp::Stamp;

// ANCHOR: options
/// What `configure` is told, other than the prefix.
const OPTIONS: [&str; 5] = [
    "--enable-parallel",
    "--enable-build-mode=production",
    "--disable-static",
    // Shortens the build; the tests that we run are built afterwards.
    "--disable-tests",
    "--disable-dependency-tracking",
];
// ANCHOR_END: options

// ANCHOR: tests
/// The quick ones of HDF5's own parallel tests (`testpar/`), and how many ranks each gets.
/// `t_prestart` reads the file of `t_pshutdown`. Left out: `t_cache`, `t_shapesame`, `t_bigio`,
/// `t_filters_parallel` and the like, which take minutes or gigabytes.
const TESTS: [(&str, usize); 6] = [
    ("t_mpi", 4),
    ("t_init_term", 4),
    ("t_pshutdown", 4),
    ("t_prestart", 4),
    ("t_pread", 4),
    ("testphdf5", 4),
];
// ANCHOR_END: tests

/// A test that takes longer than this is stopped.
const TEST_LIMIT: Duration = Duration::from_secs(300);

/// Builds the library in `folder`, unless it is there already, and tests it.
pub fn library(folder: &Path, compiler: &Compiler, release: &str) -> Result<Library> {
    let home = folder.join("debian-source");
    std::fs::create_dir_all(&home)
        .with_context(|| format!("cannot make the folder {}", home.display()))?;
    let mut job = Job::new(&folder.join(format!("debian-{}.log", compiler.mpi.name())))?;
    let source = source(&home, release, &mut job)?;

    let name = format!("{}-{}", source.version, compiler.mpi.name());
    let (prefix, work) = (folder.join(&name), folder.join(format!("{name}-build")));
    let library = Library {
        version: source.version.clone(),
        prefix: prefix.clone(),
    };
    let mut options: Vec<String> = OPTIONS.map(str::to_owned).to_vec();
    options.push(format!("--prefix={}", prefix.display()));
    let made_from = [&source.package, &compiler.version, &options.join(" ")];
    let stamp = Stamp::new(&made_from.map(String::as_str));
    if stamp.is_on(&prefix) {
        println!(
            "HDF5 {} for {} is built and tested already: {}",
            library.version,
            compiler.mpi,
            prefix.display()
        );
        return Ok(library);
    }

    if !stamp.is_on(&work) {
        Stamp::begin(&work)?;
        let mut configure = Command::new(source.folder.join("configure"));
        configure
            .args(&options)
            .env("CC", &compiler.mpicc)
            .current_dir(&work);
        let doing = format!("Configuring HDF5 {} for {}", library.version, compiler.mpi);
        eprintln!("$ CC={} ./configure {}", compiler.mpicc, options.join(" "));
        job.step(&doing, configure, Count::Nothing)?;
        stamp.put_on(&work)?;
    }
    let count = Count::Compiled(left_to_compile(&work));
    let doing = format!("Compiling HDF5 {}", library.version);
    job.step(&doing, make(&work, &["-j", &cores().to_string()]), count)?;
    Stamp::begin(&prefix)?;
    job.step("Installing it", make(&work, &["install"]), Count::Nothing)?;
    test(&work, &prefix, compiler, &mut job)?;
    stamp.put_on(&prefix)?;
    // Of no more use; the library stands by itself.
    let _ = std::fs::remove_dir_all(&work);
    Ok(library)
}

/// `make` in the folder `work`, in English.
fn make(work: &Path, args: &[&str]) -> Command {
    let mut make = Command::new("make");
    make.arg("-C").arg(work).args(args).env("LC_ALL", "C");
    // Those of the `make` that called us are not meant for this one.
    make.env_remove("MAKEFLAGS")
        .env_remove("MFLAGS")
        .env_remove("MAKELEVEL");
    // The same for `make chapter-5 MPI=… HDF5=…`.
    make.env_remove("MAKEOVERRIDES").env_remove("HDF5");
    make
}

/// How many files `make` would compile: it is asked what it would do.
fn left_to_compile(work: &Path) -> u64 {
    let ask = make(work, &["--dry-run", "--keep-going"]);
    let minute = Duration::from_secs(60);
    // Without an answer the progress bar has no end; the build does not need one.
    let lines = supervise(ask, minute, |_| {}).map_or(Vec::new(), |it| it.lines);
    let compiles = |line: &&Line| line.text.contains("echo \"  CC ");
    lines.iter().filter(compiles).count() as u64
}

/// Debian's source package, unpacked and patched.
struct Source {
    folder: PathBuf,
    /// The version of HDF5: `1.10.8`.
    version: String,
    /// The package's: `hdf5 1.10.8+repack1-1`.
    package: String,
}

/// Fetches the source package into `home`, unless it is there already.
fn source(home: &Path, release: &str, job: &mut Job) -> Result<Source> {
    let known = std::fs::read_to_string(home.join("version.txt")).unwrap_or_default();
    let whole = if known.is_empty() {
        ask_apt(home, job)?
    } else {
        known
    };
    // 1.10.8+repack1-1: the packagers' part begins behind HDF5's own.
    let version = whole.split(['+', '-']).next().unwrap_or(&whole).to_owned();
    if !belongs_to(&version, release) {
        let minor: Vec<&str> = version.split('.').take(2).collect();
        bail!(
            "HDF5={release} is not to be had here: the source package of this system is HDF5 \
             {version}. Say HDF5={}, or leave HDF5=… out for the newest, 2.x",
            minor.join(".")
        );
    }
    let folder = home.join(format!("hdf5-{version}"));
    let source = Source {
        folder,
        version,
        package: format!("hdf5 {whole}"),
    };
    let stamp = Stamp::new(&[&source.package]);
    if stamp.is_on(&source.folder) {
        return Ok(source);
    }
    let wanted = format!("hdf5={whole}");
    let mut download = apt("apt-get", home);
    download
        .args(["source", "--only-source", "--download-only", &wanted])
        .current_dir(home);
    job.step(
        &format!("Fetching Debian's source package {wanted}"),
        download,
        Count::Nothing,
    )?;
    // dpkg-source wants to make the folder itself.
    Stamp::begin(&source.folder)?;
    std::fs::remove_dir(&source.folder).context("cannot empty the source's folder")?;
    // A version's part before a colon is not in the file's name.
    let file = whole.rsplit(':').next().unwrap_or(&whole);
    let mut unpack = Command::new("dpkg-source");
    unpack
        .args(["--no-check", "--extract", &format!("hdf5_{file}.dsc")])
        .arg(&source.folder)
        .current_dir(home);
    job.step("Unpacking it", unpack, Count::Nothing)?;
    stamp.put_on(&source.folder)?;
    Ok(source)
}

/// Has apt read the lists of sources, and say which version of HDF5 there is.
fn ask_apt(home: &Path, job: &mut Job) -> Result<String> {
    let lines = source_lines()?;
    for part in ["lists/partial", "cache/archives/partial"] {
        std::fs::create_dir_all(home.join(part))
            .context("cannot make the folders of apt")?;
    }
    std::fs::write(home.join("sources.list"), lines)
        .context("cannot write sources.list")?;
    let mut update = apt("apt-get", home);
    update.arg("update");
    job.step(
        "Asking Debian for its source packages",
        update,
        Count::Nothing,
    )?;
    let mut show = apt("apt-cache", home);
    show.args(["showsrc", "--only-source", "hdf5"]);
    let shown = job.step("Looking for hdf5 among them", show, Count::Nothing)?;
    let versions = shown
        .lines()
        .filter_map(|line| line.strip_prefix("Version: "));
    // The newest of several suites is the one that `apt-get source` would take.
    let newest = versions.max_by(|a, b| {
        let newer = ["--compare-versions", a, "gt", b];
        let newer = output_of("dpkg", &newer).is_some();
        if newer {
            std::cmp::Ordering::Greater
        } else {
            std::cmp::Ordering::Less
        }
    });
    let newest = newest.context("this system has no source package called hdf5")?;
    std::fs::write(home.join("version.txt"), newest).context("cannot write version.txt")?;
    Ok(newest.to_owned())
}

/// The `deb-src` lines that belong to the machine's own `deb` lines.
fn source_lines() -> Result<String> {
    let format = "$(CREATED_BY) $(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)";
    let Some(targets) = output_of("apt-get", &["indextargets", "--format", format]) else {
        bail!(
            "HDF5 1.x is built from the source package of Debian or Ubuntu, and there is no \
             apt-get here. Without HDF5=… the source comes by cargo, on any system"
        )
    };
    let lines = deb_src(&targets, |keyring| Path::new(keyring).is_file());
    if lines.is_empty() {
        bail!(
            "apt knows no Debian or Ubuntu to fetch a source package from; `apt-get update`?"
        );
    }
    Ok(lines)
}

fn deb_src(targets: &str, exists: impl Fn(&str) -> bool) -> String {
    let lines: BTreeSet<String> = targets
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (made_by, origin) = (words.next()?, words.next()?);
            let (uri, suite, component) = (words.next()?, words.next()?, words.next()?);
            if made_by != "Packages" || !["Debian", "Ubuntu"].contains(&origin) {
                return None;
            }
            let keyring = format!(
                "/usr/share/keyrings/{}-archive-keyring.gpg",
                origin.to_lowercase()
            );
            let signed = if exists(&keyring) {
                format!("[signed-by={keyring}] ")
            } else {
                String::new()
            };
            Some(format!("deb-src {signed}{uri} {suite} {component}\n"))
        })
        .collect();
    lines.into_iter().collect()
}

/// An apt that reads our list of sources, and writes only below `home`.
fn apt(program: &str, home: &Path) -> Command {
    let mut apt = Command::new(program);
    for (name, value) in [
        ("Dir::Etc::sourcelist", home.join("sources.list")),
        ("Dir::Etc::sourceparts", PathBuf::from("-")),
        ("Dir::State::lists", home.join("lists")),
        ("Dir::Cache", home.join("cache")),
        // apt run by root would fetch as another user, who may not write here.
        ("APT::Sandbox::User", PathBuf::from("root")),
    ] {
        apt.arg("-o").arg(format!("{name}={}", value.display()));
    }
    apt.env("LC_ALL", "C");
    apt
}

/// Builds the quick ones of HDF5's own parallel tests, and runs them on the library.
fn test(work: &Path, prefix: &Path, compiler: &Compiler, job: &mut Job) -> Result<()> {
    let mpi = compiler.mpi;
    let Some(launcher) = &compiler.launcher else {
        bail!("{mpi} has a compiler but no launcher here; `make doctor` says what to do")
    };
    let (test, testpar) = (work.join("test"), work.join("testpar"));
    let cores = cores().to_string();
    let libh5test = make(&test, &["-j", &cores, "libh5test.la"]);
    job.step(
        "Compiling what HDF5's tests share",
        libh5test,
        Count::Nothing,
    )?;
    let mut args = vec!["-j", &cores];
    args.extend(TESTS.map(|(name, _)| name));
    job.step(
        "Compiling HDF5's parallel tests",
        make(&testpar, &args),
        Count::Nothing,
    )?;

    for (name, ranks) in TESTS {
        // libtool leaves the program itself in .libs, and a script in its place.
        let mut launch =
            Launch::new(mpi, launcher, ranks, &testpar.join(".libs").join(name));
        launch.folder = Some(testpar.clone());
        launch.limit = TEST_LIMIT;
        let libraries = prefix.join("lib").display().to_string();
        launch.environment = vec![
            ("LD_LIBRARY_PATH".to_owned(), libraries),
            ("HDF5_PARAPREFIX".to_owned(), testpar.display().to_string()),
        ];
        let started = Instant::now();
        eprintln!("Running testpar/{name} on {ranks} ranks ...");
        let run = launch.run()?;
        job.note(&run.report());
        if run.ended == Ended::Interrupted {
            bail!("interrupted while running {name}; the same command goes on from here");
        }
        if !run.ended.success() {
            let said = format!("{}{}", run.stdout, run.err.concat());
            let said = launcher_output::without(said.lines());
            bail!(
                "HDF5's own test {name} fails: {}\n{}\nAll that it printed is in the log, {}",
                run.ended,
                said[said.len().saturating_sub(15)..].join("\n"),
                job.path().display()
            );
        }
        println!(
            "ok: testpar/{name} on {ranks} ranks ({} s)",
            started.elapsed().as_secs()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::deb_src;

    #[test]
    fn takes_the_machines_own_archives_only() {
        let targets = "\
Packages Debian http://archive.example/debian/ bookworm main
DEP-11 Debian http://archive.example/debian/ bookworm main
Packages Debian http://archive.example/debian/ bookworm-updates main
Packages Somebody http://other.example/ stable main
";
        assert_eq!(
            deb_src(targets, |_| false),
            "deb-src http://archive.example/debian/ bookworm main\n\
             deb-src http://archive.example/debian/ bookworm-updates main\n"
        );
        let signed = deb_src(targets, |keyring| keyring.contains("/debian-archive-"));
        assert!(signed.starts_with(
            "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http"
        ));
    }
}
