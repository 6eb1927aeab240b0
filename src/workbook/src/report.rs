//! `make report`: all that somebody must know who is to help, in one text to paste.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use launch::toolchain::hdf5_version;
use launch::{Mpi, output_of};
use regex::Regex;

use crate::doctor;
use crate::git::Git;
use crate::release;
use crate::transcript::Failed;

/// Settings that change what is built or how it runs. No other variable is looked at.
const SETTINGS: [&str; 50] = [
    "MPI",
    "NP",
    "ARGS",
    "LIMIT",
    "HDF5",
    "PYTHON",
    "SEED",
    "TRACE",
    "ROOTLESS",
    "WORKBOOK_ANSWERS",
    "WORKBOOK_DATA",
    "WORKBOOK_MPI",
    "MPICC",
    "MPI_PKG_CONFIG",
    "MPI_RUN_PATH",
    "CRAY_MPICH_DIR",
    "HDF5_DIR",
    "HDF5_USE_FILE_LOCKING",
    "HDF5_PLUGIN_PATH",
    "HDF5_PARAPREFIX",
    "LIBCLANG_PATH",
    "BINDGEN_EXTRA_CLANG_ARGS",
    "CARGO_TARGET_DIR",
    "CARGO_INCREMENTAL",
    "CARGO_BUILD_JOBS",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
    "RUST_BACKTRACE",
    "OMPI_ALLOW_RUN_AS_ROOT",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM",
    "OPAL_PREFIX",
    "PRTE_MCA_rmaps_default_mapping_policy",
    "MPIEXEC_TIMEOUT",
    "HYDRA_LAUNCHER",
    "HYDRA_IFACE",
    "ROMIO_HINTS",
    "ROMIO_FSTYPE_FORCE",
    "UCX_TLS",
    "UCX_NET_DEVICES",
    "FI_PROVIDER",
    "OMP_NUM_THREADS",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "TMPDIR",
    "LANG",
    "LAUNCHER",
    "NODES",
    "HOSTS",
    "SLURM_CONF",
    "SLURM_MPI_TYPE",
];

/// The beginnings of the names of more settings of Open MPI and MPICH. Its launchers set others,
/// which tell of addresses.
const FAMILIES: [&str; 11] = [
    "OMPI_MCA_btl",
    "OMPI_MCA_pml",
    "OMPI_MCA_mtl",
    "OMPI_MCA_io",
    "OMPI_MCA_fs",
    "OMPI_MCA_fcoll",
    "OMPI_MCA_sharedfp",
    "OMPI_MCA_coll",
    "OMPI_MCA_rmaps",
    "OMPI_MCA_mpi_",
    "MPIR_CVAR_",
];

/// Makes the report, prints it, and saves it as `target/report/report.txt`.
pub fn report(root: &Path, request: &doctor::Request) -> Result<bool> {
    eprintln!("Looking at this machine; it takes some seconds ...");
    let text = Mask::of_this_machine(root).apply(&collect(root, request));
    let text = fenced(&text);
    print!("{text}");
    let file = root.join("target/report/report.txt");
    let save = || {
        std::fs::create_dir_all(file.parent().unwrap_or(root))?;
        std::fs::write(&file, &text)
    };
    let shown = file.strip_prefix(root).unwrap_or(&file).display();
    match save() {
        Ok(()) => eprintln!(
            "\nThis text is in {shown}, too. Read it, and then paste all of it where you ask \
             for help."
        ),
        Err(error) => eprintln!(
            "\nIt could not be written to {shown} ({error}): copy it from here. Read it, and \
             then paste all of it where you ask for help."
        ),
    }
    Ok(true)
}

fn collect(root: &Path, request: &doctor::Request) -> String {
    let failed = Failed::last(root);
    let mut text = String::from(
        "Report of the workbook \"Parallel HDF5 in Rust\"\n\n\
         In here are: versions; settings of MPI, HDF5 and Rust; what `make doctor` finds;\n",
    );
    text += match failed {
        Some(_) => {
            "and the output of the last command that failed, which may show lines of your program.\n"
        }
        None => {
            "no transcript, because no run and no check has failed since the last good one.\n"
        }
    };
    text += "Not in here are: any other settings, passwords or keys, other files of yours. Your\n\
             home folder is ~, the workbook's folder is <workbook>; the names of this machine, of\n\
             you and of other accounts, and addresses are replaced where they were recognised.\n";
    for (heading, part) in [
        ("Versions", versions(root)),
        ("Settings", settings(root)),
        ("Doctor", doctors(root, request)),
        ("What failed last", transcript(failed)),
    ] {
        let _ = write!(text, "\n== {heading}\n{}\n", part.trim_end());
    }
    text
}

fn versions(root: &Path) -> String {
    let mut text = String::new();
    let mut line = |what: &str, says: &str| {
        let _ = writeln!(text, "{what:10} {says}");
    };
    line("workbook", &workbook_version(root));
    let first = |program: &str, args: &[&str]| {
        let says = output_of(program, args);
        let first = says.as_deref().and_then(|it| it.lines().next());
        first.map_or("not found".to_owned(), |it| it.trim().to_owned())
    };
    let rustc = output_of("rustc", &["-vV"]).unwrap_or_default();
    let host = rustc.lines().find_map(|it| it.strip_prefix("host: "));
    let host = host.map_or(String::new(), |it| format!(", for {it}"));
    line("rustc", &(first("rustc", &["--version"]) + &host));
    line("cargo", &first("cargo", &["--version"]));
    line("cc", &first("cc", &["--version"]));
    line("python3", &first("python3", &["--version"]));
    for mpi in Mpi::ALL {
        let says = match (mpi.launcher(root), mpi.compiler(root)) {
            (Some(launcher), Some(mpicc)) => {
                format!("{} ({launcher}, {mpicc})", mpi.release(&launcher))
            }
            (Some(launcher), None) => {
                format!("{} ({launcher}), without its mpicc", mpi.release(&launcher))
            }
            (None, Some(mpicc)) => format!("{mpicc}, without its mpirun"),
            (None, None) => "not found".to_owned(),
        };
        line(mpi.name(), &says);
        let hdf5 = match mpi.system_hdf5(root) {
            Some(folder) => {
                let version = hdf5_version(&folder.join("include"));
                let version = version.unwrap_or_else(|| "of an unknown version".to_owned());
                format!("{version} ({})", folder.display())
            }
            None => "not found".to_owned(),
        };
        line("  its HDF5", &hdf5);
    }
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release
        .lines()
        .find_map(|it| it.strip_prefix("PRETTY_NAME="));
    let name = name.map_or("of an unknown name", |it| it.trim_matches('"'));
    line("system", name);
    line("kernel", &first("uname", &["-s", "-r", "-m"]));
    line("libc", &first("ldd", &["--version"]));
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().find_map(|it| {
        let kib: u64 = it
            .strip_prefix("MemTotal:")?
            .trim()
            .split(' ')
            .next()?
            .parse()
            .ok()?;
        Some(format!(", {} GiB of memory", kib.div_ceil(1 << 20)))
    });
    line(
        "cores",
        &format!("{}{}", launch::cores(), memory.unwrap_or_default()),
    );
    let container = ["/.dockerenv", "/run/.containerenv"]
        .iter()
        .any(|it| Path::new(it).exists());
    let user = match nix::unistd::geteuid().is_root() {
        true => "root",
        false => "an ordinary one",
    };
    line(
        "account",
        &format!("{user}{}", if container { ", in a container" } else { "" }),
    );
    text
}

/// Which release or commit, and which of its files are not as they were.
fn workbook_version(root: &Path) -> String {
    let mut text = release::version(root).unwrap_or_else(|error| error.to_string());
    match Git::of(root) {
        Ok(Some(git)) => {
            let commit = git.answer(&["rev-parse", "--short", "HEAD"]);
            let _ = write!(text, ", commit {}", commit.unwrap_or_default());
            let changed = git
                .answer(&["diff", "--name-only", "HEAD"])
                .unwrap_or_default();
            // Answers are meant to be changed; a class repository tracks them.
            let changed: Vec<&str> = changed
                .lines()
                .filter(|it| !it.starts_with("answers/"))
                .collect();
            if let Some(first) = changed.first() {
                let _ = write!(text, ", with changes in {first}");
                if changed.len() > 1 {
                    let _ = write!(text, " and {} more", changed.len() - 1);
                }
            }
        }
        Ok(None) => match release::released_commit(root) {
            Some(commit) => {
                let short = commit.get(..9).unwrap_or(&commit);
                let _ = write!(text, ", unpacked release of commit {short}");
            }
            None => text += ", no git clone",
        },
        Err(error) => {
            let _ = write!(text, " ({error:#})");
        }
    }
    text
}

/// The settings, and whether it was `.cargo/config.toml` that made them.
fn settings(root: &Path) -> String {
    let file = std::fs::read_to_string(root.join(".cargo/config.toml"));
    let config: toml::Table = file.ok().and_then(|it| it.parse().ok()).unwrap_or_default();
    let configured = |name: &str| config.get("env")?.get(name)?.as_str();
    let mut found: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let known = SETTINGS.contains(&&*name)
                || FAMILIES.iter().any(|family| name.starts_with(family));
            known.then(|| (name, value.to_string_lossy().into_owned()))
        })
        .collect();
    found.sort();
    let mut text = String::new();
    for (name, value) in found {
        if value.is_empty() {
            continue;
        }
        let by = match configured(&name) == Some(&value) {
            true => "   (by .cargo/config.toml)",
            false => "",
        };
        // Cargo adds folders of its own, which tell nothing.
        let value = match &*name {
            "LD_LIBRARY_PATH" => {
                let of_cargo =
                    |it: &&str| it.contains("/.rustup/") || Path::new(it).starts_with(root);
                let others = value
                    .split(':')
                    .filter(|it| !it.is_empty() && !of_cargo(it));
                others.collect::<Vec<_>>().join(":")
            }
            _ => value,
        };
        let value: String = value
            .chars()
            .filter(|it| !it.is_control())
            .take(300)
            .collect();
        let _ = writeln!(text, "{name}={value}{by}");
    }
    if text.is_empty() {
        text += "none of those that matter is set\n";
    }
    text
}

fn doctors(root: &Path, request: &doctor::Request) -> String {
    match doctor::examine(root, request) {
        Ok(report) => console::strip_ansi_codes(&report.shown()).into_owned(),
        Err(error) => format!("the doctor itself failed: {error:#}"),
    }
}

fn transcript(failed: Option<Failed>) -> String {
    let Some(failed) = failed else {
        return "Nothing: no run and no check has failed since the last good one."
            .to_owned();
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let minutes = now.map_or(0, |it| it.as_secs()).saturating_sub(failed.at) / 60;
    let ago = match minutes {
        0 => "just now".to_owned(),
        1 => "1 minute ago".to_owned(),
        2..120 => format!("{minutes} minutes ago"),
        120..2880 => format!("{} hours ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    };
    format!("workbook {}, {ago}:\n\n{}", failed.command, failed.text)
}

/// As a block that looks the same wherever Markdown is shown, and is text elsewhere.
fn fenced(text: &str) -> String {
    let longest = text.split(|it| it != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

/// What is not to be told.
struct Mask {
    /// Folders, and what stands for them; longer ones first.
    folders: Vec<(String, &'static str)>,
    /// Names, and what stands for them.
    names: Vec<(String, &'static str)>,
}

impl Mask {
    fn of_this_machine(root: &Path) -> Mask {
        let user = nix::unistd::User::from_uid(nix::unistd::getuid())
            .ok()
            .flatten();
        let home = user.as_ref().map(|it| it.dir.clone());
        let set = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
        let mut folders = vec![(root.to_owned(), "<workbook>")];
        folders.extend(root.canonicalize().map(|it| (it, "<workbook>")));
        for home in [home, set("HOME").map(PathBuf::from)].into_iter().flatten() {
            folders.extend(home.canonicalize().map(|it| (it, "~")));
            folders.push((home, "~"));
        }
        let folders = folders
            .into_iter()
            .map(|(path, with)| (path.display().to_string(), with));
        let mut names = Vec::new();
        names.extend(user.map(|it| (it.name, "<user>")));
        for name in ["USER", "LOGNAME", "SUDO_USER"] {
            names.extend(set(name).map(|it| (it, "<user>")));
        }
        let mut hosts: Vec<String> = nix::unistd::gethostname()
            .ok()
            .and_then(|it| it.into_string().ok())
            .into_iter()
            .chain(set("HOSTNAME"))
            .collect();
        let short = |it: &String| it.split('.').next().unwrap_or_default().to_owned();
        hosts.extend(hosts.iter().map(short).collect::<Vec<_>>());
        names.extend(hosts.into_iter().map(|it| (it, "<machine>")));
        Mask::new(folders.collect(), names)
    }

    fn new(
        mut folders: Vec<(String, &'static str)>,
        mut names: Vec<(String, &'static str)>,
    ) -> Mask {
        folders.retain(|(folder, _)| folder.len() > 1 && folder.starts_with('/'));
        folders.sort_by_key(|(folder, _)| std::cmp::Reverse(folder.len()));
        // These tell nothing, and stand for other things, too.
        names.retain(|(name, _)| {
            name.len() > 1 && !["root", "localhost"].contains(&&**name)
        });
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Mask { folders, names }
    }

    fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (folder, with) in &self.folders {
            let part = |it: char| it.is_alphanumeric() || "_-.".contains(it);
            let before = |it: char| part(it) || it == '/' || it == '~';
            text = replace(&text, folder, with, before, part);
        }
        let others = Regex::new(r"(/home/|/Users/)[^/\s:;,'\x22)]+").expect("it is valid");
        text = others.replace_all(&text, "$1<user>").into_owned();
        // Before the names that are a part of one.
        let mail =
            Regex::new(r"[\w.+-]+@[\w-]+(\.[\w-]+)*\.[a-z]{2,}\b").expect("it is valid");
        text = mail.replace_all(&text, "<address>").into_owned();
        let part = |it: char| it.is_alphanumeric() || it == '_';
        for (name, with) in &self.names {
            text = replace(&text, name, with, part, part);
        }
        let address =
            Regex::new(r"\b(\d{1,3})\.\d{1,3}\.\d{1,3}\.\d{1,3}\b").expect("it is valid");
        let text = address.replace_all(&text, |found: &regex::Captures| match &found[1] {
            "127" | "0" => found[0].to_owned(),
            _ => "<address>".to_owned(),
        });
        text.into_owned()
    }
}

/// Replaces `what` where neither the character before it nor that after it is a part of a longer
/// word.
fn replace(
    text: &str,
    what: &str,
    with: &str,
    before: impl Fn(char) -> bool,
    after: impl Fn(char) -> bool,
) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(what) {
        let (front, back) = (&rest[..at], &rest[at + what.len()..]);
        let last = front.chars().last().or(done.chars().last());
        let stands_alone =
            !last.is_some_and(&before) && !back.chars().next().is_some_and(&after);
        done += front;
        done += if stands_alone { with } else { what };
        rest = back;
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask() -> Mask {
        let folders = [
            ("/home/ada/book", "<workbook>"),
            ("/home/ada", "~"),
            ("/root", "~"),
        ];
        let names = [
            ("ada", "<user>"),
            ("root", "<user>"),
            ("lab-7.example.org", "<machine>"),
            ("lab-7", "<machine>"),
        ];
        let own = |all: &[(&str, &'static str)]| {
            all.iter().map(|(a, b)| ((*a).to_owned(), *b)).collect()
        };
        Mask::new(own(&folders), own(&names))
    }

    #[test]
    fn what_is_personal_is_replaced_and_nothing_else() {
        for (text, masked) in [
            ("in /home/ada/book/target", "in <workbook>/target"),
            ("in /home/ada/bookcase", "in ~/bookcase"),
            ("/root:/root/.cargo", "~:~/.cargo"),
            (
                "target/rootless/bin and /rootless",
                "target/rootless/bin and /rootless",
            ),
            (
                "of ben: /home/ben/x:/Users/cleo/y",
                "of ben: /home/<user>/x:/Users/<user>/y",
            ),
            (
                "[lab-7:123] on lab-7.example.org",
                "[<machine>:123] on <machine>",
            ),
            (
                "prterun-lab-7-12@1,2 of ada, not adapted",
                "prterun-<machine>-12@1,2 of <user>, not adapted",
            ),
            ("rank 0 is root", "rank 0 is root"),
            (
                "10.77.0.1 and 127.0.0.1 and 4.1.4",
                "<address> and 127.0.0.1 and 4.1.4",
            ),
            ("ada.l@example.org wrote", "<address> wrote"),
        ] {
            assert_eq!(mask().apply(text), masked);
        }
    }

    #[test]
    fn a_fence_holds_what_has_fences() {
        assert_eq!(fenced("a\n"), "```text\na\n```\n");
        assert_eq!(fenced("````\n"), "`````text\n````\n`````\n");
    }
}
