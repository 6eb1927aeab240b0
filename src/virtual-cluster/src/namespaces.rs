//! Makes the hosts, and goes from one to another.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use launch::namespaces;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{
    ForkResult, Pid, fork, getegid, geteuid, gethostname, pause, sethostname,
};

use crate::hosts::{Hosts, NETWORK, NOT_MADE, SSH_SHIM, ip, name};

/// Memory of each host's own: its `/dev/shm`, and where its temporary files are.
const MEMORY: &str = "/dev/shm";

/// A program in there that takes the place of ssh.
const SSH: &str = "/dev/shm/ssh";

/// The processes that keep the hosts, in the order of the hosts.
const KEEPERS: &str = "WORKBOOK_HOSTS";

/// What a host has of its own, in the order in which it is entered.
const OWN: [(&str, CloneFlags); 4] = [
    ("ipc", CloneFlags::CLONE_NEWIPC),
    ("uts", CloneFlags::CLONE_NEWUTS),
    ("net", CloneFlags::CLONE_NEWNET),
    ("mnt", CloneFlags::CLONE_NEWNS),
];

/// How long the cable stays in after the file is there.
const BEFORE_THE_CUT: Duration = Duration::from_millis(500);

/// What the subcommand [`crate::hosts::MAKE_HOSTS`] does: makes the hosts that `spec` describes, and
/// runs the command on the first; the exit status is the command's.
pub fn enter(spec: &str, command: &[OsString]) -> i32 {
    let hosts: Hosts = match serde_json::from_str(spec) {
        Ok(hosts) => hosts,
        Err(error) => {
            eprintln!("workbook: these are no hosts: {error}");
            return NOT_MADE;
        }
    };
    make(&hosts, command).unwrap_or_else(|error| {
        eprintln!("workbook: cannot make the hosts: {error:#}");
        NOT_MADE
    })
}

fn make(hosts: &Hosts, command: &[OsString]) -> Result<i32> {
    separate()?;
    namespaces::with_first_process(
        |_| Ok(()),
        || {
            first(hosts, command).unwrap_or_else(|error| {
                eprintln!("workbook: cannot make the hosts: {error:#}");
                NOT_MADE
            })
        },
    )
}

/// Leaves the machine's namespaces. An ordinary account becomes root in a user namespace first:
/// it may then do to its own hosts what root may, and to nothing else.
fn separate() -> Result<()> {
    let (user, group) = (geteuid(), getegid());
    let flags = OWN
        .iter()
        .fold(CloneFlags::CLONE_NEWPID, |all, it| all | it.1);
    let as_root = user.is_root() && unshare(flags).is_ok();
    if !as_root {
        unshare(flags | CloneFlags::CLONE_NEWUSER).context("unshare")?;
        namespaces::map_own_user((user, group), (0, 0))?;
    }
    let nothing: Option<&str> = None;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(nothing, "/", nothing, private, nothing).context("cannot separate the mounts")
}

/// The first process of all: makes the hosts, starts the command, and waits. When it ends, the
/// kernel kills the others.
fn first(hosts: &Hosts, command: &[OsString]) -> Result<i32> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let nothing: Option<&str> = None;
    mount(Some("proc"), "/proc", Some("proc"), flags, nothing)
        .context("cannot mount /proc (is this a container that hides it?)")?;
    configure(None, "link add switch type bridge\nlink set switch up\n")?;
    let mut keepers = Vec::new();
    for host in 0..hosts.count {
        let keeper = spawn_namespace_holder(hosts, host)?;
        let (cable, [a, b, c]) = (cable(host), NETWORK);
        configure(
            None,
            &format!(
                "link add {cable} type veth peer name eth0 netns {keeper}\n\
                 link set {cable} master switch up\n"
            ),
        )?;
        let mut own = format!(
            "link set lo up\naddr add {a}.{b}.{c}.{}/24 dev eth0\nlink set eth0 up\n",
            host + 1
        );
        if hosts.second_card {
            own += "link add eth1 type veth peer name nowhere\nlink set nowhere up\n\
                    addr add 172.17.0.1/16 dev eth1\nlink set eth1 up\n";
        }
        configure(Some(keeper), &own)?;
        keepers.push(keeper);
    }

    let child = start(command, &keepers)?;
    let mut cut = LinkFailure::of(hosts);
    namespaces::wait_for(child, || {
        if let Some(one) = &mut cut
            && one.trigger()?
        {
            cut = None;
        }
        Ok(None)
    })
}

/// The end of a host's cable at the switch.
fn cable(host: usize) -> String {
    format!("cable{}", host + 1)
}

/// Starts the command on the first host.
fn start(command: &[OsString], keepers: &[Pid]) -> Result<Pid> {
    let (program, args) = command.split_first().context("there is no command")?;
    let listed: Vec<String> = keepers.iter().map(Pid::to_string).collect();
    let mut command = Command::new(program);
    command
        .args(args)
        .env(KEEPERS, listed.join(","))
        .env("TMPDIR", MEMORY)
        // Open MPI 4.1 and 5.0. They need not be told that they are root if they are not, but
        // in a user namespace they are.
        .env("OMPI_MCA_plm_rsh_agent", SSH)
        .env("PRTE_MCA_plm_ssh_agent", SSH)
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    let host = Host::of(keepers[0])?;
    // SAFETY: system calls and nothing more, in a process of one thread.
    unsafe { command.pre_exec(move || Ok(host.enter()?)) };
    let started = command.spawn();
    let started =
        started.with_context(|| format!("cannot start {}", program.to_string_lossy()))?;
    Ok(Pid::from_raw(started.id() as i32))
}

/// A cable that is to be pulled out.
struct LinkFailure {
    host: usize,
    when: PathBuf,
    seen: Option<Instant>,
}

impl LinkFailure {
    fn of(hosts: &Hosts) -> Option<LinkFailure> {
        Some(LinkFailure {
            host: hosts.count - 1,
            when: hosts.cut.clone()?,
            seen: None,
        })
    }

    /// Pulls it out if it is time.
    fn trigger(&mut self) -> Result<bool> {
        if self.seen.is_none() && self.when.exists() {
            self.seen = Some(Instant::now());
        }
        let now = self.seen.is_some_and(|it| it.elapsed() >= BEFORE_THE_CUT);
        if now {
            configure(None, &format!("link set {} down\n", cable(self.host)))?;
            println!("(the cable of {} is out)", name(self.host));
        }
        Ok(now)
    }
}

// --- One host ---------------------------------------------------------------------------

/// Starts the process that keeps a host as long as it lives.
fn spawn_namespace_holder(hosts: &Hosts, host: usize) -> Result<Pid> {
    let (mut ready, mut say) = std::io::pipe()?;
    // SAFETY: this process has one thread.
    match unsafe { fork() }.context("cannot start a process")? {
        ForkResult::Parent { child } => {
            drop(say);
            let mut said = String::new();
            ready.read_to_string(&mut said)?;
            match said.as_str() {
                "ready" => Ok(child),
                why => bail!("{}: {why}", name(host)),
            }
        }
        ForkResult::Child => {
            namespaces::end_with_parent();
            drop(ready);
            match set_up_host(hosts, host) {
                Ok(()) => {
                    let _ = say.write_all(b"ready");
                    drop(say);
                    loop {
                        pause();
                    }
                }
                Err(error) => {
                    let _ = write!(say, "{error:#}");
                    std::process::exit(NOT_MADE);
                }
            }
        }
    }
}

/// Gives a host its name and its memory, and what it knows of the others.
fn set_up_host(hosts: &Hosts, host: usize) -> Result<()> {
    let own = OWN.iter().fold(CloneFlags::empty(), |all, it| all | it.1);
    unshare(own).context("unshare")?;
    sethostname(name(host)).context("cannot set the host name")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(
        Some("tmpfs"),
        MEMORY,
        Some("tmpfs"),
        flags,
        Some("mode=1777"),
    )
    .with_context(|| format!("cannot mount memory at {MEMORY}"))?;

    let [a, b, c] = NETWORK;
    let mut names = "127.0.0.1 localhost\n".to_owned();
    for other in (0..hosts.count).filter(|it| *it == host || !hosts.no_names) {
        names += &format!("{a}.{b}.{c}.{} {}\n", other + 1, name(other));
    }
    // Nobody else is to be asked: there is no way to a name server.
    for (file, text) in [("/etc/hosts", names), ("/etc/resolv.conf", String::new())] {
        let own = Path::new(MEMORY).join(Path::new(file).file_name().unwrap_or_default());
        fs::write(&own, text)?;
        let nothing: Option<&str> = None;
        if Path::new(file).exists() {
            mount(Some(&own), file, nothing, MsFlags::MS_BIND, nothing)
                .with_context(|| format!("cannot replace {file}"))?;
        }
    }

    let workbook = hosts.workbook.display().to_string();
    let script = format!(
        "#!/bin/sh\nexec {} {SSH_SHIM} -- \"$@\"\n",
        shell_words::quote(&workbook)
    );
    fs::write(SSH, script)?;
    fs::set_permissions(SSH, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Lets `ip` do these things, in the network of a host, or in that of the switch.
fn configure(keeper: Option<Pid>, lines: &str) -> Result<()> {
    let mut command = Command::new(ip().context("there is no `ip`")?);
    command.args(["-batch", "-"]).stdin(Stdio::piped());
    if let Some(keeper) = keeper {
        let net = File::open(format!("/proc/{keeper}/ns/net"))?;
        // SAFETY: a system call and nothing more, in a process of one thread.
        unsafe { command.pre_exec(move || Ok(setns(&net, CloneFlags::CLONE_NEWNET)?)) };
    }
    let mut ip = command
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run `ip`")?;
    let mut stdin = ip.stdin.take().expect("it is a pipe");
    stdin.write_all(lines.as_bytes())?;
    drop(stdin);
    let done = ip.wait_with_output()?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        bail!("ip: {}", said.trim());
    }
    Ok(())
}

/// A host that is entered.
struct Host {
    spaces: Vec<(File, CloneFlags)>,
    folder: PathBuf,
}

impl Host {
    fn of(keeper: Pid) -> Result<Host> {
        let open = |&(space, flag): &(&str, CloneFlags)| {
            let space = format!("/proc/{keeper}/ns/{space}");
            let file = File::open(&space).with_context(|| space.clone())?;
            Ok((file, flag))
        };
        Ok(Host {
            spaces: OWN.iter().map(open).collect::<Result<_>>()?,
            folder: std::env::current_dir()?,
        })
    }

    /// Goes there; the folder stays the same.
    fn enter(&self) -> nix::Result<()> {
        for (space, flag) in &self.spaces {
            setns(space, *flag)?;
        }
        nix::unistd::chdir(&self.folder)
    }
}

// --- From one host to another -------------------------------------------------------------

/// What the subcommand [`crate::hosts::SSH_SHIM`] does: runs a command on another host; `args` are
/// those that a launcher gives to ssh. Returns only if that cannot be done.
pub fn ssh(args: &[OsString]) -> i32 {
    match become_command_there(args) {
        Ok(never) => match never {},
        Err(error) => eprintln!("{error:#}"),
    }
    // As ssh(1).
    255
}

/// Finds the host by its name or address, goes there, and becomes the command.
fn become_command_there(words: &[OsString]) -> Result<std::convert::Infallible> {
    // Launchers give ssh options without arguments, such as -x.
    let is_option = |word: &&OsString| word.to_string_lossy().starts_with('-');
    let mut words = words.iter().skip_while(is_option);
    let to = words.next().context("to which host?")?.to_string_lossy();
    let here = gethostname().unwrap_or_default();
    let here = here.to_string_lossy();
    let all = (&*to, 0)
        .to_socket_addrs()
        .map_err(|_| anyhow!("{here} cannot find the host {to}: no such name"))?;
    let keepers = std::env::var(KEEPERS).unwrap_or_default();
    let keepers: Vec<&str> = keepers.split(',').collect();
    let host = all.filter_map(|it| number(it.ip())).next();
    let keeper = host.and_then(|it| keepers.get(it)?.parse().ok());
    let keeper = keeper.with_context(|| format!("{here} has no way to the host {to}"))?;

    // ssh joins its words, and a shell splits them again.
    let words: Vec<&OsStr> = words.map(OsString::as_os_str).collect();
    let line = words.join(OsStr::new(" "));
    let host = Host::of(Pid::from_raw(keeper))?;
    host.enter().with_context(|| format!("cannot enter {to}"))?;
    Err(Command::new("/bin/sh").arg("-c").arg(line).exec().into())
}

/// The number of the host with this address.
fn number(address: IpAddr) -> Option<usize> {
    let IpAddr::V4(address) = address else {
        return None;
    };
    let [a, b, c, last] = Ipv4Addr::octets(&address);
    ([a, b, c] == NETWORK && last > 0).then(|| usize::from(last) - 1)
}
