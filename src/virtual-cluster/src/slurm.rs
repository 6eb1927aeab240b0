//! `make cluster-up`, `cluster-status`, `cluster-down`: a real Slurm on this machine, and
//! `LAUNCHER=slurm`, which starts a chapter's program on it.
//!
//! One `slurmctld`, and a `slurmd` for each node, all of them the packages' own, run by whoever
//! calls, in one folder. Where the kernel allows it, each node has a host name and a local disk of
//! its own.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use launch::supervise::MARK;
use launch::{Launch, Mpi, output_of};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid};

/// How many nodes a cluster has unless the reader says.
pub const NODES: usize = 2;

/// So many CPUs each node says it has, whatever the machine has: the ranks share the real ones.
const CPUS: usize = 16;

/// How long the daemons may take to come up, and to go.
const PATIENCE: Duration = Duration::from_secs(20);

/// The path of a cluster's folder may have so many bytes.
const LONGEST: usize = 60;

/// The first line of our `slurm.conf`.
const FIRST_LINE: &str = "# Written by the workbook's cluster-up.";

/// The folder within the cluster's that is a disk of its own on each node.
const LOCAL: &str = "local";

/// The folder within the cluster's in which each node has a folder for what Slurm keeps there.
const SPOOL: &str = "spool";

/// What runs, and watches, the `slurmd` of a node.
const NODE: &str = include_str!("node.sh");

/// What makes a process one of the cluster's daemons, in its environment.
const DAEMON: &str = "WORKBOOK_CLUSTER_DAEMON";

/// A Slurm that `make cluster-up` has started.
#[derive(Clone, Debug)]
pub struct Cluster {
    folder: PathBuf,
}

/// Whether the nodes have host names and local disks of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeIsolation {
    /// Each its own: namespaces of Linux.
    Own,
    /// Those of the machine, because it forbids namespaces, or because we were told so.
    Shared,
}

/// How long a cluster lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until it is told to end.
    Detached,
    /// Not longer than the process that started it, even if that is killed.
    ParentBound,
}

/// A process of a cluster.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its number, as this machine counts.
    pub pid: i32,
    /// The name of the program: `slurmd`, `slurmstepd`, `distances`.
    pub program: String,
    /// The daemon that it is, or was started for: `slurmctld`, or a node's name.
    daemon: Option<String>,
    /// The node that it is on.
    node: Option<String>,
}

impl Process {
    /// Whether it is on the node of this name.
    pub fn is_on(&self, node: &str) -> bool {
        [&self.daemon, &self.node].contains(&&Some(node.to_owned()))
    }
}

/// Where a program is started: `LAUNCHER=slurm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Launcher {
    /// On this machine, by the launcher of the MPI.
    #[default]
    Mpirun,
    /// By Slurm: on the cluster of `make cluster-up` if that is up, else on the one that this
    /// machine belongs to.
    Slurm,
}

/// The Slurm that a run is submitted to.
#[derive(Clone, Debug)]
pub struct Slurm {
    /// Ours; `None` if it is the site's.
    cluster: Option<Cluster>,
}

impl Slurm {
    /// Our cluster, if it is up; else the site's.
    ///
    /// # Errors
    /// If there is neither.
    pub fn find(root: &Path) -> Result<Slurm> {
        let cluster = Cluster::find(&usual_folder(root));
        // Where no Slurm is set up, sinfo looks for one in the network, and that takes a minute.
        let conf = std::env::var_os("SLURM_CONF").map(PathBuf::from);
        let named = conf.is_none_or(|it| it.exists());
        let site =
            || named && output_of("timeout", &["5", "sinfo", "--noheader"]).is_some();
        match cluster.is_some() || site() {
            true => Ok(Slurm { cluster }),
            false => bail!("no cluster is up: first `make cluster-up`"),
        }
    }

    /// This cluster.
    pub fn of(cluster: &Cluster) -> Slurm {
        Slurm {
            cluster: Some(cluster.clone()),
        }
    }

    /// Turns a launch on this machine into one by `srun`.
    ///
    /// # Errors
    /// If this Slurm cannot tell a program of this MPI who the other ranks are. Left to itself
    /// it would start as many programs that know of no other, without a word.
    pub fn submit(&self, launch: &mut Launch) -> Result<()> {
        let environment = self.cluster.as_ref().map(|it| it.environment(launch.mpi));
        launch.environment.extend(environment.unwrap_or_default());
        // What is an option of mpirun reaches the ranks of srun as a variable.
        for option in std::mem::take(&mut launch.options).chunks(3) {
            match option {
                [mca, name, value] if mca == "--mca" => {
                    let name = format!("OMPI_MCA_{name}");
                    launch.environment.push((name, value.clone()));
                }
                other => bail!("srun has no option like mpirun's {other:?}"),
            }
        }
        let interface = interface(launch.mpi);
        self.must_know(interface, launch.mpi)?;
        launch.launcher = "srun".to_owned();
        launch.options.push(format!("--mpi={interface}"));
        if let Some(cluster) = &self.cluster {
            let nodes = cluster.nodes().min(launch.ranks);
            launch.options.push(format!("--nodes={nodes}"));
            // More ranks than CPUs are welcome. It also makes Slurm deal them out evenly.
            launch.options.push("--overcommit".to_owned());
        }
        // Else the others would wait for a rank that is dead.
        launch.options.push("--kill-on-bad-exit".to_owned());
        Ok(())
    }

    /// Asks Slurm which of MPI's interfaces it has.
    fn must_know(&self, interface: &str, mpi: Mpi) -> Result<()> {
        let mut list = Command::new(find_program("srun")?);
        list.arg("--mpi=list").stdin(Stdio::null());
        if let Some(cluster) = &self.cluster {
            list.envs(cluster.environment(mpi));
        }
        let list = list.output().context("cannot run srun")?;
        let mut said = String::from_utf8_lossy(&list.stdout).into_owned();
        said += &String::from_utf8_lossy(&list.stderr);
        let mut words = said.split_whitespace();
        if words.any(|it| it == interface) {
            return Ok(());
        }
        bail!(
            "{mpi} needs `srun --mpi={interface}`, and this Slurm has no {interface}. Each rank \
             would believe that it is alone. `srun --mpi=list` says:\n{}",
            said.trim()
        )
    }
}

/// By which of Slurm's interfaces the ranks of an MPI learn of each other, as Debian builds
/// them: Slurm's "MPI Users Guide", <https://slurm.schedmd.com/mpi_guide.html>.
pub fn interface(mpi: Mpi) -> &'static str {
    match mpi {
        Mpi::OpenMpi => "pmix",
        Mpi::Mpich => "pmi2",
    }
}

/// By what UCX sends for an MPI; `posix` is shared memory.
fn transports(mpi: Mpi) -> &'static str {
    match mpi {
        Mpi::OpenMpi => "self,posix,tcp",
        Mpi::Mpich => "self,posix",
    }
}

/// Whether Slurm's daemons and commands are installed.
pub fn installed() -> bool {
    ["slurmctld", "slurmd", "srun"]
        .iter()
        .all(|it| find_program(it).is_ok())
}

/// Whether a cluster can be started here whose nodes have names of their own.
pub fn is_possible() -> bool {
    installed() && possible_isolation() == NodeIsolation::Own
}

/// Where the cluster of `make cluster-up` lives: `$WORKBOOK_CLUSTER`, else `target/cluster`.
pub fn usual_folder(root: &Path) -> PathBuf {
    match std::env::var_os("WORKBOOK_CLUSTER") {
        Some(folder) => folder.into(),
        None => root.join("target/cluster"),
    }
}

/// What this machine allows.
pub fn possible_isolation() -> NodeIsolation {
    let tried = own_world(
        "x",
        "mount -t tmpfs tmpfs /dev/shm && setpriv --inh-caps=-all --ambient-caps=-all true",
    )
    .output();
    match tried.is_ok_and(|it| it.status.success()) {
        true => NodeIsolation::Own,
        false => NodeIsolation::Shared,
    }
}

impl Cluster {
    /// Starts a cluster in `folder`, which is made, and waits until all nodes are ready.
    ///
    /// Of shared isolation there is one node only, whatever `nodes` says. With two nodes of one
    /// host name, Open MPI 4.1 crashed in one of a hundred runs.
    ///
    /// # Errors
    /// If Slurm is not installed, if a cluster is up there already, or if a daemon does not come
    /// up; then what was started is stopped again.
    pub fn up(
        folder: &Path,
        nodes: usize,
        isolation: NodeIsolation,
        lifetime: Lifetime,
    ) -> Result<Cluster> {
        let folder = std::path::absolute(folder)?;
        let cluster = Cluster { folder };
        let nodes = match isolation {
            NodeIsolation::Own => nodes,
            NodeIsolation::Shared => 1,
        };
        if !cluster.daemons().is_empty() {
            bail!("the cluster is up already: `make cluster-status` shows it");
        }
        // Slurm's sockets are files in there, and the kernel allows a path of 107 bytes.
        if cluster.folder.as_os_str().len() > LONGEST {
            bail!(
                "{} is too long for Slurm's sockets ({LONGEST} bytes at most); name a shorter \
                 one: make cluster-up WORKBOOK_CLUSTER=/tmp/cluster",
                cluster.folder.display()
            );
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            cluster.clear()?;
            fs::create_dir_all(&cluster.folder)
                .with_context(|| format!("cannot make {}", cluster.folder.display()))?;
            let started = cluster
                .start(nodes, isolation, lifetime)
                .and_then(|()| cluster.wait_until_ready(nodes));
            let Err(error) = started else {
                return Ok(cluster);
            };
            let logs = cluster.last_words();
            let _ = cluster.down();
            // Between our choice of a port and Slurm's use of it, somebody else may take it.
            if attempts == 5 || !logs.contains("Address already in use") {
                return Err(error.context(format!("Slurm did not come up\n{logs}")));
            }
        }
    }

    /// The cluster in `folder`, if one is up there.
    pub fn find(folder: &Path) -> Option<Cluster> {
        let folder = std::path::absolute(folder).ok()?;
        let cluster = Cluster { folder };
        (!cluster.daemons().is_empty()).then_some(cluster)
    }

    /// Where it lives.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Ends all jobs and all daemons, and deletes the folder.
    ///
    /// # Errors
    /// If a process cannot be ended, or the folder not be deleted.
    pub fn down(&self) -> Result<()> {
        if !self.daemons().is_empty() {
            // In good order first. What fails here is made good below.
            let me = geteuid().to_string();
            let _ = self.run("scancel", &["--user", &me, "--signal=KILL"]);
            let _ = self.run("scontrol", &["shutdown"]);
        }
        let deadline = Instant::now() + Duration::from_secs(3);
        while !self.processes().is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            if Instant::now() > deadline {
                bail!("these processes of the cluster do not end: {left:?}");
            }
            for process in left {
                let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.clear()
    }

    /// The nodes and the jobs, as a person wants to see them.
    pub fn status(&self) -> Result<String> {
        let mut text = String::new();
        let nodes = self.output("sinfo", &["--Node", "--noheader", "--format=%N %T %E"])?;
        for node in nodes.lines() {
            let mut words = node.splitn(3, ' ');
            let mut word = || words.next().unwrap_or_default().trim();
            let (name, state, reason) = (word(), word(), word());
            // A star: it does not answer, which is no news of one that is down.
            let _ = match reason {
                "none" | "" => writeln!(text, "{name}   {state}"),
                _ => writeln!(text, "{name}   {}: {reason}", state.trim_end_matches('*')),
            };
        }
        let format = "--format=job %i: %j, %T, %D nodes, %M";
        let jobs = self.output("squeue", &["--noheader", format])?;
        text.push_str(&jobs);
        if jobs.is_empty() {
            text.push_str("no jobs\n");
        }
        Ok(text)
    }

    /// What Slurm's commands, and MPI on the nodes, must find in their environment.
    pub fn environment(&self, mpi: Mpi) -> Vec<(String, String)> {
        let tmp = self.folder.join("tmp");
        let ours = [
            ("SLURM_CONF", self.conf().display().to_string()),
            // Both MPIs send by UCX. Open MPI: shared memory within a node, TCP between nodes.
            // (Its own TCP crashed under Slurm in MPI_Init in one of fifty runs: 4.1.4, when
            // the machine was busy. By UCX none of 300 did.)
            ("OMPI_MCA_pml", "ucx".to_owned()),
            ("OMPI_MCA_osc", "ucx".to_owned()),
            ("OMPI_MCA_pml_ucx_tls", "any".to_owned()),
            ("OMPI_MCA_pml_ucx_devices", "any".to_owned()),
            ("OMPI_MCA_btl", "^ofi".to_owned()),
            // All nodes are on this machine: its inner network, which MPI leaves aside else.
            ("OMPI_MCA_oob_tcp_if_include", "lo".to_owned()),
            ("UCX_NET_DEVICES", "lo".to_owned()),
            // MPICH 4.0: over TCP half of the runs hang in MPI_Finalize: some ranks wait for the
            // others to close their connections, and those wait for the first ones elsewhere.
            // Through shared memory none does, also between our nodes.
            ("UCX_TLS", transports(mpi).to_owned()),
            ("UCX_POSIX_USE_PROC_LINK", "n".to_owned()),
            // What a killed rank leaves in there goes with the cluster.
            ("OMPI_MCA_orte_tmpdir_base", tmp.display().to_string()),
            // A folder that is another one on each node.
            ("LOCAL", self.folder.join(LOCAL).display().to_string()),
        ];
        let usual = Mpi::OpenMpi.launch_environment().into_iter();
        let usual = usual.map(|(name, value)| (name, value.to_owned()));
        let all: BTreeMap<&str, String> = usual.chain(ours).collect();
        let all = all.into_iter();
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// How many nodes it has.
    fn nodes(&self) -> usize {
        let conf = fs::read_to_string(self.conf()).unwrap_or_default();
        conf.lines()
            .filter(|it| it.starts_with("NodeName="))
            .count()
    }

    fn conf(&self) -> PathBuf {
        self.folder.join("slurm.conf")
    }

    fn start(
        &self,
        nodes: usize,
        isolation: NodeIsolation,
        lifetime: Lifetime,
    ) -> Result<()> {
        let names: Vec<String> = (1..=nodes).map(|it| format!("n{it}")).collect();
        fs::write(self.conf(), self.text_of_conf(&names)?)?;
        for inner in ["state", "log", SPOOL, "tmp", "shm", LOCAL] {
            fs::create_dir(self.folder.join(inner))?;
        }
        for name in &names {
            for of_nodes in ["tmp", SPOOL] {
                fs::create_dir(self.folder.join(of_nodes).join(name))?;
            }
        }
        let exports = self
            .environment(Mpi::OpenMpi)
            .into_iter()
            .map(|(name, value)| format!("export {name}={}\n", shell_words::quote(&value)));
        let of_mpich = format!(
            "[ \"${{MPI:-}}\" != mpich ] || export UCX_TLS={}\n",
            transports(Mpi::Mpich)
        );
        let text = exports.collect::<String>() + &of_mpich;
        fs::write(self.folder.join("environment"), text)?;

        let mut slurmctld = Command::new(find_program("slurmctld")?);
        slurmctld.args(["-D", "-c"]);
        self.spawn(slurmctld, "slurmctld")?;
        let node = self.folder.join("node.sh");
        fs::write(&node, NODE)?;
        let owner = match lifetime {
            Lifetime::Detached => "1".to_owned(),
            Lifetime::ParentBound => std::process::id().to_string(),
        };
        for name in &names {
            let words = [
                Path::new("sh"),
                &node,
                Path::new(name),
                &find_program("slurmd")?,
                &self.folder.join(SPOOL).join(name),
                Path::new(&owner),
            ];
            let command = match isolation {
                NodeIsolation::Own => {
                    let words = words.map(|it| it.to_string_lossy());
                    let folder = shell_words::quote(self.folder.to_str().context("UTF-8")?);
                    // What is left in /dev/shm goes with the folder.
                    let script = format!(
                        "mount --bind {folder}/shm /dev/shm && \
                         mount -t tmpfs -o size=64m tmpfs {folder}/{LOCAL} && \
                         exec setpriv --inh-caps=-all --ambient-caps=-all {}",
                        shell_words::join(words)
                    );
                    own_world(name, &script)
                }
                NodeIsolation::Shared => {
                    let mut command = Command::new(words[0]);
                    command.args(&words[1..]);
                    command
                }
            };
            self.spawn(command, name)?;
        }
        Ok(())
    }

    fn text_of_conf(&self, names: &[String]) -> Result<String> {
        let account = User::from_uid(geteuid())?;
        let account = account
            .context("your account has no name on this machine")?
            .name;
        let host = fs::read_to_string("/proc/sys/kernel/hostname")?;
        let host = host.trim().split('.').next().unwrap_or_default();
        // Held until all are found, so that they differ.
        let ports: Vec<TcpListener> = (0..=names.len())
            .map(|_| TcpListener::bind(("127.0.0.1", 0)))
            .collect::<std::io::Result<_>>()?;
        let port = |index: usize| ports[index].local_addr().map(|it| it.port());
        let folder = self.folder.display();
        let mut conf = format!(
            "{FIRST_LINE}
ClusterName=workbook
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={}
SlurmUser={account}
SlurmdUser={account}
# Whoever can reach the ports is believed. Fit for one machine and a lesson, not for more.
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
KillOnBadExit=1
EnforcePartLimits=ALL
KillWait=2
# A busy machine answers late. Nodes that die are reported by node.sh.
SlurmdTimeout=30
ReturnToService=2
SlurmdParameters=config_overrides
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/{SPOOL}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/%n.log
TmpFS={folder}/tmp/%n
",
            port(0)?
        );
        for (index, name) in names.iter().enumerate() {
            let port = port(index + 1)?;
            let _ = writeln!(
                conf,
                "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={CPUS}"
            );
        }
        conf.push_str("PartitionName=all Nodes=ALL Default=YES State=UP\n");
        Ok(conf)
    }

    /// Starts a daemon that outlives us.
    fn spawn(&self, mut command: Command, name: &str) -> Result<()> {
        let log = File::create(self.folder.join(format!("log/{name}.out")))?;
        let program = command.get_program().to_owned();
        command
            .env("SLURM_CONF", self.conf())
            .env(DAEMON, name)
            .env_remove(MARK)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", program.to_string_lossy()))?;
        Ok(())
    }

    fn wait_until_ready(&self, nodes: usize) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let states = self.output("sinfo", &["--Node", "--noheader", "--format=%T"]);
            let states = states.unwrap_or_default();
            if states.lines().filter(|it| *it == "idle").count() == nodes {
                return Ok(());
            }
            if self.daemons().len() <= nodes {
                bail!("a daemon has ended");
            }
            if Instant::now() > deadline {
                bail!("not all nodes are ready after {} s", PATIENCE.as_secs());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn run(&self, program: &str, args: &[&str]) -> Result<Output> {
        Command::new(program)
            .args(args)
            .env("SLURM_CONF", self.conf())
            .env_remove(MARK)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {program}"))
    }

    fn output(&self, program: &str, args: &[&str]) -> Result<String> {
        let output = self.run(program, args)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            bail!("{program} failed: {}", said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The ends of the logs.
    fn last_words(&self) -> String {
        let mut text = String::new();
        let logs = fs::read_dir(self.folder.join("log"));
        for log in logs.into_iter().flatten().flatten() {
            let said = fs::read(log.path()).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let lines: Vec<&str> = said.lines().collect();
            let name = log.file_name();
            for line in &lines[lines.len().saturating_sub(5)..] {
                let _ = writeln!(text, "{}: {line}", name.to_string_lossy());
            }
        }
        text
    }

    /// The names of the daemons that run: `slurmctld`, `n1`, `n2`.
    fn daemons(&self) -> BTreeSet<String> {
        let all = self.processes().into_iter();
        all.filter_map(|it| it.daemon).collect()
    }

    /// The daemons, and what they have started on the nodes.
    pub fn processes(&self) -> Vec<Process> {
        let ours = self.conf();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|it| it.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid: i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
            let value = |name: &str| {
                let all = environment.split(|byte| *byte == 0);
                let mut values = all
                    .filter_map(|it| it.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
                values.next().map(OsStr::from_bytes)
            };
            let text = |name: &str| Some(value(name)?.to_string_lossy().into_owned());
            let (daemon, mut node) = (text(DAEMON), text("SLURMD_NODENAME"));
            if let Some(of_folder) = self.node_of_folder(pid) {
                node = Some(of_folder);
            } else if value("SLURM_CONF") != Some(ours.as_os_str())
                // A shell of the reader's may use our slurm.conf as well. It has no node's name.
                || (daemon.is_none() && node.is_none())
            {
                return None;
            }
            let program = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
            Some(Process {
                pid,
                program: program.trim().to_owned(),
                daemon,
                node,
            })
        })
        .collect()
    }

    /// The node in whose own folder a process works, as `slurmd` does and what it starts for
    /// itself. (The `slurmstepd` of Slurm 24.11 writes its title over its environment.)
    fn node_of_folder(&self, pid: i32) -> Option<String> {
        let folder = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
        let of_node = folder.strip_prefix(self.folder.join(SPOOL)).ok()?;
        let name = of_node.to_str()?;
        Some(name.strip_suffix(" (deleted)").unwrap_or(name).to_owned())
    }

    /// Deletes the folder, if it is a cluster's.
    fn clear(&self) -> Result<()> {
        if !self.folder.exists() {
            return Ok(());
        }
        let conf = fs::read_to_string(self.conf()).unwrap_or_default();
        let is_empty = fs::read_dir(&self.folder)?.next().is_none();
        if !conf.starts_with(FIRST_LINE) && !is_empty {
            bail!(
                "{} is not a cluster's folder, so it is left alone",
                self.folder.display()
            );
        }
        fs::remove_dir_all(&self.folder)
            .with_context(|| format!("cannot delete {}", self.folder.display()))
    }
}

/// `make cluster-up`.
pub fn start(folder: &Path, nodes: usize, shared: bool) -> Result<()> {
    if let Some(cluster) = Cluster::find(folder) {
        println!("The cluster is up already.");
        print!("{}", cluster.status()?);
        return Ok(());
    }
    let isolation = match shared {
        true => NodeIsolation::Shared,
        false => possible_isolation(),
    };
    let cluster = Cluster::up(folder, nodes, isolation, Lifetime::Detached)?;
    print!("{}", cluster.status()?);
    if isolation == NodeIsolation::Shared {
        println!(
            "One node only: this system lets you make no namespaces, as in many containers, so a \
             node cannot have a name and a disk of its own.\n\
             The workbook's commands, srun and sbatch work as with two; where the book asks for \
             two nodes, ask for one: `sbatch --nodes=1 --ntasks-per-node=4 job.slurm`."
        );
    }
    println!("Now `make chapter-3 LAUNCHER=slurm`. `make cluster-down` stops it.");
    println!(
        "For Slurm's own commands: . {}",
        cluster.folder.join("environment").display()
    );
    Ok(())
}

/// `make cluster-status`.
pub fn show(folder: &Path) -> Result<()> {
    match Cluster::find(folder) {
        Some(cluster) => print!("{}", cluster.status()?),
        None => println!("No cluster is up: `make cluster-up` starts one."),
    }
    Ok(())
}

/// `make cluster-down`.
pub fn stop(folder: &Path) -> Result<()> {
    match Cluster::find(folder) {
        Some(cluster) => {
            cluster.down()?;
            println!("The cluster is down; nothing is left of it.");
        }
        None => println!("No cluster is up."),
    }
    Ok(())
}

/// A command that runs `script` in a world of its own: host name and mounts.
/// For an ordinary account that takes a user namespace as well.
fn own_world(name: &str, script: &str) -> Command {
    let mut unshare = Command::new("unshare");
    // In a user namespace of its own an ordinary account may name the host, and mount.
    if !geteuid().is_root() {
        unshare.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    unshare
        .args(["--uts", "--mount", "sh", "-c"])
        .arg(format!("hostname {name} && {script}"));
    unshare
}

/// A program of Slurm's.
fn find_program(name: &str) -> Result<PathBuf> {
    launch::on_path_of_root(name).with_context(|| {
        format!(
            "Slurm is not installed: no {name} on the PATH (`make cluster-up` installs it)"
        )
    })
}
