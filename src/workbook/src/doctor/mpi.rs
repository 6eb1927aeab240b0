//! The launcher, the compiler, and whether two processes that they make and start know of
//! each other.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use launch::supervise::{Ended, Stream, supervise};
use launch::wheel::Wheel;
use launch::{Mpi, output_of};
use launch::{is_program, on_path};

use super::machine::{Machine, Report, first_version};

/// After this long a trial is given up. Open MPI takes half a second to start.
const LIMIT: Duration = Duration::from_secs(30);

/// What each process says, in a form that nothing else prints.
const TRIAL: &str = r#"
#include <mpi.h>
#include <stdio.h>
int main(int argc, char **argv) {
    int rank, size, length;
    char library[MPI_MAX_LIBRARY_VERSION_STRING];
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Get_library_version(library, &length);
    printf("<trial: %d of %d: %.60s>\n", rank, size, library);
    return MPI_Finalize();
}
"#;

/// An MPI that works.
pub(super) struct WorkingMpi {
    pub launcher: String,
    pub mpicc: String,
    pub version: String,
}

/// How two processes met.
enum Meeting {
    /// They are 0 of 2 and 1 of 2; the library that both use.
    Met(String),
    /// Each is 0 of 1; the library that both use.
    Alone(String),
    /// The program could not be compiled; why.
    NotCompiled(String),
    /// The run failed; why.
    Failed(String),
}

/// Looks at the MPI that was asked for; `Some` if it works.
pub(super) fn check(machine: &Machine, report: &mut Report) -> Result<Option<WorkingMpi>> {
    let mpi = machine.request.mpi;
    let (launcher, mpicc) = (mpi.launcher(machine.root), mpi.compiler(machine.root));
    // Whatever the shell finds under the usual names, whosever it is.
    let (plain_launcher, plain_mpicc) = (on_path("mpirun"), on_path("mpicc"));
    let place = match Wheel::chosen(machine.root, mpi) {
        Some(_) => format!("in target/rootless/{}", mpi.name()),
        None => "on the PATH".to_owned(),
    };
    let get_launcher = || {
        let what = format!("{mpi}'s launcher");
        machine.provide(mpi.name(), &what, |folder| {
            own_in(folder, "mpirun", mpi, |it| mpi.owns_launcher(it))
        })
    };
    let get_mpicc = || {
        let what = format!("{mpi}'s compiler mpicc");
        machine.provide(mpi.name(), &what, |folder| {
            own_in(folder, "mpicc", mpi, |it| mpi.owns_compiler(it))
        })
    };

    let (launcher, mpicc) = match (launcher, mpicc) {
        (Some(launcher), Some(mpicc)) => (launcher, mpicc),
        (None, None) => {
            report.wrong(
                "mpi",
                format!("no {mpi}: there is no mpirun and no mpicc of it {place}"),
                vec![get_launcher()],
            );
            let other = Mpi::ALL
                .into_iter()
                .find(|it| *it != mpi && it.launcher(machine.root).is_some());
            if let Some(other) = other {
                report.note(
                    "other-mpi",
                    format!("{other} is here, and the workbook works with it as well"),
                    vec![format!("`make doctor MPI={}`", other.name())],
                );
            }
            return Ok(None);
        }
        (None, Some(mpicc)) => {
            // Is there another MPI's launcher instead, and does it do what is feared?
            let foreign = plain_launcher.is_some();
            if !(foreign && mismatch(machine, report, &mpicc, "mpirun", &get_launcher)?) {
                let says = format!("no launcher: there is no mpirun of {mpi} {place}");
                report.wrong("launcher", says, vec![get_launcher()]);
            }
            return Ok(None);
        }
        (Some(launcher), None) => {
            let foreign = plain_mpicc.is_some();
            if !(foreign && mismatch(machine, report, "mpicc", &launcher, &get_mpicc)?) {
                let says = format!("no compiler: there is no mpicc of {mpi} {place}");
                report.wrong("mpicc", says, vec![get_mpicc()]);
            }
            return Ok(None);
        }
    };

    if report.is_wrong("c-compiler") {
        report
            .skipped
            .push("whether the processes of a run know of each other");
        return Ok(None);
    }
    let version = match meet(machine, &mpicc, &launcher)? {
        Meeting::Met(library) => first_version(&library).unwrap_or(library),
        Meeting::Alone(library) => {
            report.wrong(
                "mismatch",
                format!(
                    "{launcher} started 2 processes of a program made by {mpicc}, and each \
                     is \"rank 0 of 1\": the program loads another MPI than {mpi} ({library})"
                ),
                vec!["take folders with another MPI's libraries off LD_LIBRARY_PATH".to_owned()],
            );
            return Ok(None);
        }
        Meeting::NotCompiled(why) => {
            report.wrong(
                "mpicc",
                format!("{mpicc} cannot compile a program of ten lines: {why}"),
                vec![get_mpicc()],
            );
            return Ok(None);
        }
        Meeting::Failed(why) => {
            report.wrong(
                "launcher",
                format!("{launcher} cannot run 2 processes: {why}"),
                vec![get_launcher()],
            );
            return Ok(None);
        }
    };
    report.ok(
        "mpi",
        format!(
            "{mpi} {version}: two processes, made by {mpicc} and started by {launcher}, know \
             of each other"
        ),
    );

    // The workbook does not use the plain name, but a reader who starts a program by hand
    // does.
    if let Some(plain) = plain_launcher
        && launcher != "mpirun"
        && let Meeting::Alone(_) = meet(machine, &mpicc, "mpirun")?
    {
        report.note(
            "plain-launcher",
            format!(
                "`mpirun` is not {mpi}'s ({}): a program built for {mpi} runs under it as \
                 copies of \"rank 0 of 1\"",
                plain.display()
            ),
            vec![format!(
                "by hand, write `{launcher}` where the book says `mpirun`"
            )],
        );
    }
    if nix::unistd::geteuid().is_root() && mpi == Mpi::OpenMpi {
        report.note(
            "root",
            "you are root, which Open MPI refuses; the workbook tells it that this is meant",
            vec![
                "by hand, first `export OMPI_ALLOW_RUN_AS_ROOT=1 \
                 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1`"
                    .to_owned(),
            ],
        );
    }
    Ok(Some(WorkingMpi {
        launcher,
        mpicc,
        version,
    }))
}

/// Tries a compiler and a launcher of which one is another MPI's, and says what that does;
/// true if the processes do not know of each other.
fn mismatch(
    machine: &Machine,
    report: &mut Report,
    mpicc: &str,
    launcher: &str,
    cure: &dyn Fn() -> String,
) -> Result<bool> {
    if report.is_wrong("c-compiler") {
        return Ok(false);
    }
    let Meeting::Alone(library) = meet(machine, mpicc, launcher)? else {
        return Ok(false);
    };
    let whose = Mpi::ALL.into_iter().find(|it| it.owns_launcher(launcher));
    let shown = |name: &str| {
        on_path(name)
            .unwrap_or(PathBuf::from(name))
            .display()
            .to_string()
    };
    report.wrong(
        "mismatch",
        format!(
            "{} is {}'s, and {} makes programs for {}: of 2 processes each was \"rank 0 of \
             1\", without any message",
            shown(launcher),
            whose.map_or("another MPI".to_owned(), |it| it.to_string()),
            shown(mpicc),
            name_of_library(&library),
        ),
        vec![cure()],
    );
    Ok(true)
}

/// Compiles the trial program with `mpicc` and starts two processes with `launcher`.
fn meet(machine: &Machine, mpicc: &str, launcher: &str) -> Result<Meeting> {
    let folder = trial_folder(machine)?;
    let program = match compile(mpicc, folder.path(), TRIAL, &[])? {
        Ok(program) => program,
        Err(why) => return Ok(Meeting::NotCompiled(why)),
    };
    let (ended, lines) = run(launcher, 2, &program, &[])?;
    // MPICH's launcher may put two processes' answers into one line.
    let said = lines.join(" ");
    let answers: Vec<&str> = said.split("<trial: ").skip(1).collect();
    let library = answers
        .first()
        .and_then(|it| it.split_once(": "))
        .and_then(|(_, library)| library.split('>').next())
        .map_or(String::new(), |library| library.trim().to_owned());
    let count = |who: &str| answers.iter().filter(|it| it.starts_with(who)).count();
    Ok(
        if count("0 of 2") == 1 && count("1 of 2") == 1 && ended.success() {
            Meeting::Met(library)
        } else if count("0 of 1") == 2 {
            Meeting::Alone(library)
        } else {
            let last = lines
                .iter()
                .rev()
                .find(|it| it.contains(char::is_alphanumeric));
            Meeting::Failed(format!(
                "{ended}; {}",
                last.map_or("it said nothing", |it| it.trim())
            ))
        },
    )
}

/// A folder for trial programs, which goes when the value does.
///
/// Below `target`, where the doctor itself was built: a temporary folder elsewhere may be
/// closed to programs (`noexec`).
pub(super) fn trial_folder(machine: &Machine) -> Result<tempfile::TempDir> {
    let target = machine.root.join("target");
    std::fs::create_dir_all(&target)
        .and_then(|()| {
            tempfile::Builder::new()
                .prefix("doctor-")
                .tempdir_in(&target)
        })
        .with_context(|| format!("cannot write below {}", target.display()))
}

/// Compiles `source` in `folder`; the program, or the first complaint of the compiler.
pub(super) fn compile(
    mpicc: &str,
    folder: &Path,
    source: &str,
    options: &[String],
) -> Result<Result<PathBuf, String>> {
    let (file, program) = (folder.join("trial.c"), folder.join("trial"));
    std::fs::write(&file, source)?;
    let mut command = Command::new(mpicc);
    command.arg(&file).arg("-o").arg(&program).args(options);
    let outcome = supervise(command, LIMIT, |_| {})?;
    if outcome.ended.success() {
        return Ok(Ok(program));
    }
    let says = |word: &str| outcome.lines.iter().find(|it| it.text.contains(word));
    let complaint = says("error")
        .or_else(|| says("cannot"))
        .or(outcome.lines.first());
    Ok(Err(
        complaint.map_or(outcome.ended.to_string(), |it| it.text.clone())
    ))
}

/// Starts `count` processes; how they ended, and what they printed, complaints first.
pub(super) fn run(
    launcher: &str,
    count: usize,
    program: &Path,
    args: &[&std::ffi::OsStr],
) -> Result<(Ended, Vec<String>)> {
    let mut command = Command::new(launcher);
    command
        .args(["-n", &count.to_string()])
        .arg(program)
        .args(args);
    // Whosever the launcher is: MPICH does not mind what is meant for Open MPI.
    command.envs(Mpi::OpenMpi.launch_environment());
    let outcome = supervise(command, LIMIT, |_| {})?;
    let (err, out): (Vec<_>, Vec<_>) = outcome
        .lines
        .into_iter()
        .partition(|it| it.stream == Stream::Err);
    Ok((
        outcome.ended,
        err.into_iter().chain(out).map(|it| it.text).collect(),
    ))
}

/// Whether `folder` holds `tool`, or what Debian calls it, of this MPI.
fn own_in(folder: &Path, tool: &str, mpi: Mpi, is_own: impl Fn(&str) -> bool) -> bool {
    // Only under the plain name, or under the one that the workbook tries next.
    [tool.to_owned(), format!("{tool}.{}", mpi.name())]
        .into_iter()
        .map(|name| folder.join(name))
        .any(|program| is_program(&program) && is_own(&path_text(&program)))
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// `Open MPI 4.1.4` from what an MPI library says of itself.
fn name_of_library(library: &str) -> String {
    let version = first_version(library).unwrap_or_default();
    match library {
        it if it.contains("Open MPI") => format!("Open MPI {version}"),
        it if it.contains("MPICH") => format!("MPICH {version}"),
        it => it.to_owned(),
    }
}

/// The major version of a launcher.
pub(super) fn major(version: &str) -> u32 {
    version
        .split('.')
        .next()
        .and_then(|it| it.parse().ok())
        .unwrap_or(0)
}

/// What `ldd` says a library needs, and where it finds it; `None` without `ldd`.
pub(super) fn needed_by(library: &Path) -> Option<String> {
    output_of("ldd", &[&path_text(library)])
}
