//! Compiles a learner's file: by `rustc` itself, against what cargo has built.
//!
//! An answer is no target of cargo's, so one that does not compile (or is not there) breaks
//! nothing but its own check.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cargo_metadata::{Message, TargetKind};
use launch::supervise::{Ended, Stream, interrupted, supervise_while};
use launch::{Isolate, Toolchain, Workload, cargo_config, isolate, limits, output_of};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// The crates that an answer may use, by the names that it uses.
const CRATES: [(&str, &str); 4] = [
    ("hdf5", "hdf5_metno"),
    ("mpi", "mpi"),
    ("ndarray", "ndarray"),
    ("parallel_hdf5", "parallel_hdf5"),
];

/// A compiler that is still at it after this long has met a file that means it harm.
const LIMIT: Duration = Duration::from_secs(120);

/// What answers are compiled, run and checked with.
#[derive(Clone, Debug)]
pub struct Kit {
    /// The MPI and the HDF5.
    pub toolchain: Toolchain,
    /// Where the compiled answers are.
    folder: PathBuf,
    /// The library that is loaded into each rank.
    pub recorder: PathBuf,
    /// The program that knows what is right.
    pub check: PathBuf,
    options: Vec<String>,
    /// What cargo has built that an answer may be linked with, directly or not.
    libraries: Vec<PathBuf>,
    rustc: PathBuf,
    /// Parts of a program that did not change are not compiled again.
    incremental: bool,
    /// Where strangers' answers run.
    pub(super) isolation: Option<Arc<dyn Isolate>>,
    /// What the compiler must see then.
    shown: Vec<PathBuf>,
}

/// What became of a file.
#[derive(Clone, Debug)]
pub enum Compiled {
    /// The program.
    Program(PathBuf),
    /// The compiler's own words: the first error in full, and how many more there are.
    Errors(String),
}

impl Kit {
    /// Builds the library, the recorder and the check by cargo, or finds them built.
    pub fn build(root: &Path, toolchain: &Toolchain) -> Result<Kit> {
        cargo_config::write(root)?;
        let mut cargo = Command::new("cargo")
            .args([
                "build",
                "--locked",
                "--message-format=json-render-diagnostics",
            ])
            .args(["--package", "parallel-hdf5", "--package", "recorder"])
            .args([
                "--package",
                "parallel-hdf5-workbook",
                "--lib",
                "--bin",
                "check",
            ])
            .current_dir(root)
            .envs(toolchain.build_environment())
            .stdout(Stdio::piped())
            .stderr(match toolchain.program("check").is_file() {
                // Nothing to say on a machine where it was built before, but errors.
                true => Stdio::piped(),
                false => Stdio::inherit(),
            })
            .spawn()
            .context("cannot run cargo")?;
        let complaints = cargo.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut text = String::new();
                let _ = std::io::Read::read_to_string(&mut stderr, &mut text);
                text
            })
        });
        let output = cargo.stdout.take().expect("stdout is a pipe");
        let mut kit = Kit {
            toolchain: toolchain.clone(),
            folder: toolchain.target.join("exercises"),
            recorder: PathBuf::new(),
            check: PathBuf::new(),
            options: Vec::new(),
            libraries: Vec::new(),
            rustc: PathBuf::from("rustc"),
            incremental: true,
            isolation: None,
            shown: Vec::new(),
        };
        for message in Message::parse_stream(std::io::BufReader::new(output)) {
            match message? {
                Message::CompilerArtifact(artifact) => kit.take(artifact),
                Message::BuildScriptExecuted(script) => {
                    let paths = script.linked_paths.into_iter();
                    kit.options
                        .extend(paths.flat_map(|path| ["-L".to_owned(), path.to_string()]));
                }
                _ => {}
            }
        }
        if !cargo.wait()?.success() {
            if let Some(Ok(text)) = complaints.map(std::thread::JoinHandle::join) {
                eprint!("{text}");
            }
            bail!(
                "the workbook's library does not build; if the message above speaks of MPI, \
                 HDF5 or libclang, `make doctor` says what to do"
            );
        }
        let deps = toolchain.target.join("debug/deps");
        let lib = toolchain.hdf5.join("lib");
        kit.options.extend([
            "-L".to_owned(),
            format!("dependency={}", deps.display()),
            format!("-Clink-arg=-Wl,-rpath,{}", lib.display()),
        ]);
        let environment = toolchain.build_environment();
        let run_path = environment.iter().find(|(name, _)| *name == "MPI_RUN_PATH");
        kit.options
            .extend(run_path.map(|(_, path)| format!("-Clink-arg=-Wl,-rpath,{path}")));
        std::fs::create_dir_all(&kit.folder)
            .with_context(|| format!("cannot make {}", kit.folder.display()))?;
        Ok(kit)
    }

    fn take(&mut self, artifact: cargo_metadata::Artifact) {
        let name = artifact.target.name.replace('-', "_");
        if name != "recorder" {
            let files = artifact.filenames.iter();
            let files = files.filter(|it| {
                it.extension()
                    .is_some_and(|it| ["rlib", "rmeta", "so"].contains(&it))
            });
            self.libraries.extend(files.map(|it| it.clone().into()));
        }
        let is = |kind: TargetKind| artifact.target.kind.contains(&kind);
        let file = |extension: &str| {
            let mut files = artifact.filenames.iter();
            files.find(|it| it.extension() == Some(extension))
        };
        if name == "recorder" && is(TargetKind::CDyLib) {
            let library = file("so").or(file("dylib"));
            self.recorder = library.map(|it| it.clone().into()).unwrap_or_default();
        } else if name == "check" && is(TargetKind::Bin) {
            self.check = artifact.executable.map(Into::into).unwrap_or_default();
        } else if let Some((known_as, _)) = CRATES.iter().find(|it| it.1 == name)
            && is(TargetKind::Lib)
            && let Some(library) = file("rlib")
        {
            self.options
                .extend(["--extern".to_owned(), format!("{known_as}={library}")]);
        }
    }

    /// The same for strangers' answers, which are compiled into `folder`; their compilers and
    /// programs run in sandboxes of `isolation`, if there is one. A compiler sees nothing of the
    /// workbook but its libraries, which are gathered in the folder `libraries`.
    ///
    /// # Errors
    /// If the folders cannot be made.
    pub fn for_strangers(
        &self,
        folder: &Path,
        libraries: &Path,
        isolation: Option<Arc<dyn Isolate>>,
    ) -> Result<Kit> {
        let mut kit = self.clone();
        kit.folder = folder.to_owned();
        kit.incremental = false;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        if isolation.is_some() {
            let sysroot = output_of("rustc", &["--print", "sysroot"]);
            let sysroot = sysroot.context("rustc does not say where it is")?;
            let sysroot = PathBuf::from(sysroot.trim_end());
            kit.rustc = sysroot.join("bin/rustc");
            kit.shown = vec![sysroot, libraries.to_owned()];
            let mut options = Vec::new();
            for option in &self.options {
                let moved = match option.split_once('=') {
                    Some(("dependency", _)) => {
                        format!("dependency={}", libraries.display())
                    }
                    Some((name, path)) if CRATES.iter().any(|it| it.0 == name) => {
                        let file = Path::new(path).file_name().unwrap_or_default();
                        format!("{name}={}", libraries.join(file).display())
                    }
                    Some(("native", path)) => {
                        kit.shown.push(PathBuf::from(path));
                        option.clone()
                    }
                    _ => option.clone(),
                };
                options.push(moved);
            }
            kit.options = options;
        }
        kit.isolation = isolation;
        Ok(kit)
    }

    /// Gathers what an answer is linked with in the folder `libraries`, and nothing else:
    /// beside them, cargo keeps the programs that know what is right. The check and the
    /// recorder go into `tools`, where cargo does not replace them meanwhile.
    ///
    /// # Errors
    /// If the folders cannot be made.
    pub fn gather(&mut self, libraries: &Path, tools: &Path) -> Result<()> {
        let gather = |file: &Path, folder: &Path| -> Result<PathBuf> {
            let there = folder.join(file.file_name().unwrap_or_default());
            if std::fs::hard_link(file, &there).is_err() && !there.exists() {
                std::fs::copy(file, &there)
                    .with_context(|| format!("cannot copy {}", file.display()))?;
            }
            Ok(there)
        };
        for folder in [libraries, tools] {
            let _ = std::fs::remove_dir_all(folder);
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        for file in &self.libraries {
            gather(file, libraries)?;
        }
        self.check = gather(&self.check, tools)?;
        self.recorder = gather(&self.recorder, tools)?;
        Ok(())
    }

    /// What tells whether two builds of the workbook check alike: the bytes of the check, of
    /// the recorder and of the libraries that answers are linked with.
    pub fn fingerprint(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        let libraries = self.options.iter().filter_map(|it| it.split_once('='));
        let libraries = libraries
            .filter(|(name, _)| CRATES.iter().any(|it| it.0 == *name))
            .map(|(_, path)| PathBuf::from(path));
        for file in [self.check.clone(), self.recorder.clone()]
            .into_iter()
            .chain(libraries)
        {
            std::fs::read(file).unwrap_or_default().hash(&mut hasher);
        }
        hasher.finish()
    }

    /// A folder for one trial, which is deleted whatever the program does to it.
    pub(super) fn scratch(&self, prefix: &str) -> Result<Scratch> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(prefix);
        Ok(Scratch(match &self.isolation {
            Some(_) => builder.tempdir_in(&self.folder)?,
            None => builder.tempdir()?,
        }))
    }

    /// Waits until nobody else, in another terminal, say, is at work on the program `name`,
    /// as long as `go_on` says so; an error if it was stopped.
    pub fn only_one<G: FnMut() -> bool>(
        &self,
        name: &str,
        mut go_on: G,
    ) -> Result<impl Drop + use<G>> {
        let mut file = std::fs::File::create(self.folder.join(format!("{name}.lock")))?;
        // Not one call that waits: Ctrl-C would not end it.
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(lock),
                Err((again, Errno::EWOULDBLOCK)) => file = again,
                Err((_, error)) => {
                    return Err(error).context("cannot lock the folder of the programs");
                }
            }
            if !go_on() || interrupted() {
                bail!("interrupted");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Compiles `source` into a program that is called `name`; see [`Kit::only_one`].
    pub fn compile(&self, root: &Path, source: &Path, name: &str) -> Result<Compiled> {
        self.compile_while(root, source, name, || true)
    }

    /// The same, but only as long as `go_on` says so; an error if it was stopped.
    pub fn compile_while(
        &self,
        root: &Path,
        source: &Path,
        name: &str,
        mut go_on: impl FnMut() -> bool,
    ) -> Result<Compiled> {
        let program = self.folder.join(name);
        // Messages then name the file as the learner knows it.
        let shown = source.strip_prefix(root).unwrap_or(source);
        let mut rustc = Command::new(&self.rustc);
        rustc
            .args(["--edition", "2024", "--crate-name"])
            .arg(format!("exercise_{}", name.replace('-', "_")))
            .args(["--crate-type", "bin", "--error-format", "json"])
            .args(["--json", "diagnostic-rendered-ansi"])
            // Lines for the report of a hang; overflow and bounds as in the chapters.
            .args(["-Cdebuginfo=line-tables-only", "-Cdebug-assertions=on"])
            // Errors only. (Not `--cap-lints`: that would allow constants without an end.)
            .arg("-Awarnings")
            .args(&self.options)
            .arg("-o")
            .arg(&program)
            .arg(shown)
            .current_dir(root);
        if self.incremental {
            let folder = self.folder.join("incremental");
            rustc.arg(format!("-Cincremental={}", folder.display()));
        }
        let mut confined = None;
        if let Some(isolation) = &self.isolation {
            let _ = std::fs::remove_file(&program);
            let read: Vec<&Path> = self.shown.iter().map(PathBuf::as_path).collect();
            let read = [read.as_slice(), &[root]].concat();
            let sandbox = isolation.sandbox(Workload::Compiler, &read, &[&self.folder])?;
            isolation.hand_over(&self.folder)?;
            rustc = sandbox.wrap(&rustc);
            confined = Some(sandbox);
        }
        limits::of_a_compiler(&mut rustc);
        let said = std::cell::Cell::new(0);
        let outcome = supervise_while(
            rustc,
            LIMIT,
            |line| said.set(said.get() + line.text.len()),
            || go_on() && said.get() <= limits::COMPLAINTS << 10,
        )?;
        if said.get() > limits::COMPLAINTS << 10 {
            return Ok(Compiled::Errors(format!(
                "the compiler was stopped: it said more than {} KiB",
                limits::COMPLAINTS
            )));
        }
        if let Some(over) = confined.map(|it| it.exceeded()).transpose()?.flatten() {
            return Ok(Compiled::Errors(format!(
                "the compiler was stopped: {over}"
            )));
        }
        if outcome.ended.success() {
            return Ok(Compiled::Program(program));
        }
        #[derive(serde::Deserialize)]
        struct Diagnostic {
            level: String,
            rendered: String,
        }
        let said = outcome.lines.iter().filter(|it| it.stream == Stream::Err);
        let mut errors = Vec::new();
        let mut other = String::new();
        for line in said {
            match serde_json::from_str::<Diagnostic>(&line.text) {
                // "aborting due to 2 previous errors" is none.
                Ok(it)
                    if it.level == "error" && !it.rendered.contains("aborting due to") =>
                {
                    errors.push(it.rendered);
                }
                Ok(_) => {}
                Err(_) => other += &format!("{}\n", line.text),
            }
        }
        let text = match (errors.first(), outcome.ended) {
            (_, Ended::Interrupted | Ended::Stopped) => bail!("interrupted"),
            (Some(first), _) => {
                let first = first.trim_end();
                match errors.len() - 1 {
                    0 => first.to_owned(),
                    1 => format!("{first}\n(and 1 more error)"),
                    more => format!("{first}\n(and {more} more errors)"),
                }
            }
            (None, Ended::Exit(_)) => other,
            (None, ended) => format!("the compiler was stopped: {ended}\n{other}"),
        };
        Ok(Compiled::Errors(text))
    }
}

/// A folder of one trial.
pub(super) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        isolate::delete(self.0.path());
    }
}
