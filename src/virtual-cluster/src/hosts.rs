//! `make chapter-N HOSTS=2`, and `workbook hosts -- mpirun …`: several hosts on one machine.
//!
//! Each host is a set of Linux namespaces (`namespaces(7)`): a host name, an address and a
//! network card, and a `/dev/shm` of its own. Virtual cables join the cards to a switch, so what
//! one host says to another goes by TCP. They share the file system, as the nodes of a cluster
//! do, and this machine's processors.
//!
//! All of it is in a process namespace: when the command ends, the kernel kills whatever is left,
//! and with the last process the hosts, their cards and the switch are gone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use launch::supervise::{Ended, Stream, supervise};
use launch::{Launch, Mpi, Wrap, run_inside};
use serde::{Deserialize, Serialize};

/// The hidden subcommand of the `workbook` command that makes the hosts.
pub const MAKE_HOSTS: &str = "make-hosts";

/// The hidden subcommand by which a launcher starts something on another host, in place of ssh.
pub const SSH_SHIM: &str = "ssh-shim";

/// The exit status if the hosts could not be made.
pub const NOT_MADE: i32 = 125;

/// How many hosts there may be.
pub const MOST: u64 = 8;

/// The three numbers with which the addresses of all hosts begin.
pub const NETWORK: [u8; 3] = [10, 77, 0];

/// Several hosts, and what is wrong with them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hosts {
    /// The `workbook` command.
    pub workbook: PathBuf,
    /// How many hosts; they are called `h1`, `h2`, …
    pub count: usize,
    /// Whether each has a second card, which leads nowhere, with the same address on all.
    pub second_card: bool,
    /// Whether the hosts do not know each other's names.
    pub no_names: bool,
    /// The cable of the last host is pulled out half a second after this file is there.
    pub cut: Option<PathBuf>,
}

impl Hosts {
    /// So many hosts, with which nothing is wrong.
    pub fn new(workbook: &Path, count: usize) -> Hosts {
        Hosts {
            workbook: workbook.to_owned(),
            count,
            second_card: false,
            no_names: false,
            cut: None,
        }
    }
}

impl Wrap for Hosts {
    /// The same command on the first of the hosts.
    fn wrap(&self, command: &Command) -> Command {
        let spec = serde_json::to_string(self).expect("it has no maps");
        let mut outer = Command::new(&self.workbook);
        outer.arg(MAKE_HOSTS).arg(spec);
        run_inside(outer, command)
    }
}

/// Whether programs of this MPI can be started on several hosts here.
///
/// # Errors
/// If it is not Open MPI, or if this machine refuses namespaces.
pub fn are_possible(mpi: Mpi) -> Result<()> {
    if mpi != Mpi::OpenMpi {
        bail!(
            "HOSTS is for Open MPI. Between hosts, MPICH 4.0.2 as Debian builds it (ch4:ucx) \
             hangs in MPI_Finalize, in about a third of its runs, with each setting that we \
             tried. `make cluster-up`, then LAUNCHER=slurm, runs MPICH on two nodes."
        );
    }
    if let Some(why) = refused() {
        bail!("this machine cannot have several hosts: {why}");
    }
    Ok(())
}

/// Turns a launch on this machine into one on several hosts, as many ranks on each as on the
/// others, or one more.
pub fn distribute(launch: &mut Launch, hosts: Hosts) {
    let (share, more) = (launch.ranks / hosts.count, launch.ranks % hosts.count);
    let slots = (0..hosts.count).map(|host| share + usize::from(host < more));
    let used = slots.enumerate().filter(|(_, slots)| *slots > 0);
    let names: Vec<String> = used
        .map(|(host, slots)| format!("{}:{slots}", name(host)))
        .collect();
    let mut options = vec!["--host".to_owned(), names.join(",")];
    options.append(&mut launch.options);
    launch.options = options;
    launch.environment.extend(by_tcp());
    launch.environment.extend(told_of_a_cut());
    launch.wrappers.push(Arc::new(hosts));
}

/// Open MPI talks by TCP only: also among the ranks of one host, so that all do the same.
fn by_tcp() -> [(String, String); 1] {
    [("OMPI_MCA_btl".to_owned(), "tcp,self".to_owned())]
}

/// After how many seconds without a word `mpirun` asks a host whether it is still there, in which
/// intervals it asks again, and how often: `ompi_info --param oob tcp --level 9`. As it is, the
/// first question comes after five minutes. The second names are those of Open MPI 5.0.
fn told_of_a_cut() -> impl Iterator<Item = (String, String)> {
    let settings = [("time", 2), ("intvl", 1), ("probes", 3)];
    settings.into_iter().flat_map(|(name, value)| {
        ["OMPI", "PRTE"].map(|of| {
            let name = format!("{of}_MCA_oob_tcp_keepalive_{name}");
            (name, value.to_string())
        })
    })
}

/// What the host with this number is called; numbers begin with 0, names with 1.
pub fn name(host: usize) -> String {
    format!("h{}", host + 1)
}

/// Why there cannot be several hosts here, if so.
pub fn refused() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("only Linux has namespaces".to_owned());
    }
    let Some(ip) = ip() else {
        return Some("there is no `ip` (the package iproute2)".to_owned());
    };
    let mut unshare = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        unshare.args(["--user", "--map-root-user"]);
    }
    unshare
        .args(["--net", "--mount", "--uts", "--ipc", "--pid", "--fork"])
        .args(["--mount-proc", "--kill-child"])
        .arg(ip)
        .args(["link", "add", "switch", "type", "bridge"])
        .stdin(Stdio::null());
    match unshare.output() {
        Ok(tried) if tried.status.success() => None,
        Ok(tried) => {
            let said = String::from_utf8_lossy(&tried.stderr).into_owned();
            Some(format!("it refuses namespaces ({})", said.trim()))
        }
        Err(error) => Some(format!("there is no `unshare` ({error})")),
    }
}

/// The program that configures networks.
pub(crate) fn ip() -> Option<PathBuf> {
    launch::on_path_of_root("ip")
}

/// `workbook hosts`: runs a command on the first host, for `limit` at most. Its exit status; 1 if
/// there is none.
pub fn run(hosts: &Hosts, words: &[OsString], limit: Duration) -> Result<i32> {
    if let Some(why) = refused() {
        bail!("this machine cannot have several hosts: {why}");
    }
    let (program, args) = words.split_first().expect("clap wants a command");
    let mut command = Command::new(program);
    command
        .args(args)
        .envs(Mpi::OpenMpi.launch_environment())
        .envs(by_tcp())
        .envs(told_of_a_cut());
    let outcome = supervise(hosts.wrap(&command), limit, |line| match line.stream {
        Stream::Out => println!("{}", line.text),
        Stream::Err => eprintln!("{}", line.text),
    })?;
    match outcome.ended {
        Ended::Exit(status) => return Ok(status),
        Ended::Limit(limit) => println!(
            "(no end after {} s, so what ran on the hosts was stopped)",
            limit.as_secs()
        ),
        Ended::Interrupted => bail!("interrupted; what ran on the hosts was stopped"),
        other => println!("({other})"),
    }
    Ok(1)
}
