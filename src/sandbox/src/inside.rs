//! Makes a sandbox, from inside: two processes that nobody else's code runs in.
//!
//! The outer one leaves the machine's namespaces and lays out what is to be seen. The inner
//! one is the first of the new process namespace: it starts the command, waits, and looks at
//! what all processes of the sandbox use up.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow, bail};
use launch::namespaces;
use nix::errno::Errno;
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{
    ForkResult, Gid, Pid, Uid, fork, getegid, geteuid, pivot_root, setgroups, sethostname,
    setresgid, setresuid,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};

use crate::sandbox::{Mechanism, NOT_MADE, SHARED, Sandbox};

/// The system's folders and files that a program needs to run, or a compiler to compile.
const SYSTEM: [&str; 20] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/sys",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/libibverbs.d",
    "/etc/localtime",
    "/etc/mpich",
    "/etc/openmpi",
    "/etc/pmix-mca-params.conf",
    "/etc/prte-mca-params.conf",
    "/etc/prte.conf",
    "/etc/ucx",
];

const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// How often it is looked at what the processes use up.
const LOOK: Duration = Duration::from_millis(40);

/// The user that a program is in a user namespace that root has made.
const SOMEBODY: u32 = 1000;

/// Makes the sandbox that `spec` describes, and runs the command in it; the exit status is the
/// command's.
pub fn enter(spec: &str, command: &[OsString]) -> i32 {
    let sandbox: Sandbox = match serde_json::from_str(spec) {
        Ok(sandbox) => sandbox,
        Err(error) => {
            eprintln!("workbook: this is no sandbox: {error}");
            return NOT_MADE;
        }
    };
    let report = fs::OpenOptions::new().append(true).open(&sandbox.report);
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            eprintln!("workbook: {}: {error}", sandbox.report.display());
            return NOT_MADE;
        }
    };
    separate(&sandbox, command, &report).unwrap_or_else(|error| failed(&report, &error))
}

fn separate(sandbox: &Sandbox, command: &[OsString], report: &File) -> Result<i32> {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/tmp"));
    let (user, group) = (geteuid(), getegid());
    let mut flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if sandbox.mechanism == Mechanism::UserNamespace {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    let mapped = match sandbox.mechanism {
        Mechanism::UserNamespace if user.is_root() => Some(map_from_outside(sandbox.user)?),
        _ => None,
    };
    unshare(flags).context("this system does not allow namespaces (unshare)")?;
    if let Some(mapped) = mapped {
        mapped()?;
    } else if sandbox.mechanism == Mechanism::UserNamespace {
        let own = (user.as_raw(), group.as_raw());
        namespaces::map_own_user((user, group), own)?;
    }
    sethostname("sandbox").context("cannot set the host name")?;
    loopback_up().context("cannot start the loopback network")?;
    lay_out(sandbox)?;

    namespaces::with_first_process(
        |child| Ok(writeln!(&*report, "init {child}")?),
        || {
            first(sandbox, command, &here, report)
                .unwrap_or_else(|error| failed(report, &error))
        },
    )
}

/// Says why there is no sandbox.
fn failed(mut report: &File, error: &Error) -> i32 {
    let error = format!("{error:#}").replace('\n', " ");
    let _ = writeln!(report, "failed {error}");
    NOT_MADE
}

/// Prepares the user namespace of a sandbox that root makes: root itself is in it, who lays out
/// what is to be seen, and a user that nobody else is, whom the program becomes. (As root
/// outside, though another within, it could start processes without end: the kernel's limit
/// is not for root.) Returns what is to be done when we are in the namespace.
///
/// Only a process outside may name more than one user: `user_namespaces(7)`.
fn map_from_outside(user: u32) -> Result<impl FnOnce() -> Result<()>> {
    let (mut wait, mut go) = io::pipe()?;
    let us = std::process::id();
    // SAFETY: this process has one thread.
    match unsafe { fork() }.context("cannot start a process")? {
        ForkResult::Child => {
            drop(go);
            let mut map = || -> io::Result<()> {
                wait.read_exact(&mut [0])?;
                for map in ["uid_map", "gid_map"] {
                    let text = format!("0 0 1\n{SOMEBODY} {user} 1\n");
                    fs::write(format!("/proc/{us}/{map}"), text)?;
                }
                Ok(())
            };
            std::process::exit(map().err().map_or(0, |it| it.raw_os_error().unwrap_or(1)))
        }
        ForkResult::Parent { child } => Ok(move || {
            go.write_all(&[0])?;
            match waitpid(child, None)? {
                WaitStatus::Exited(_, 0) => Ok(()),
                WaitStatus::Exited(_, error) => {
                    Err(io::Error::from_raw_os_error(error)).context("cannot map users")
                }
                other => bail!("cannot map users: {other:?}"),
            }
        }),
    }
}

// --- What is to be seen -----------------------------------------------------------------

/// Lays out the new root, in the mount namespace that is ours now.
fn lay_out(sandbox: &Sandbox) -> Result<()> {
    let nothing: Option<&str> = None;
    mount(
        nothing,
        "/",
        nothing,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        nothing,
    )
    .context("cannot separate the mounts")?;
    let root = &sandbox.root;
    memory(root, "size=16m,mode=755", MsFlags::MS_NODEV)?;
    for path in SYSTEM {
        system(Path::new(path), root)?;
    }
    let etc = |name: &str, text: String| {
        let path = root.join("etc").join(name);
        fs::write(&path, text).with_context(|| format!("{}", path.display()))
    };
    fs::create_dir_all(root.join("etc"))?;
    let (user, group) = owner(sandbox);
    etc(
        "passwd",
        format!("learner:x:{user}:{group}::/tmp:/bin/sh\n"),
    )?;
    etc("group", format!("learner:x:{group}:\n"))?;
    etc(
        "hosts",
        "127.0.0.1 localhost sandbox\n::1 localhost\n".into(),
    )?;
    etc(
        "nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files\n".into(),
    )?;

    let devices = root.join("dev");
    fs::create_dir_all(&devices)?;
    for name in DEVICES {
        bind(&Path::new("/dev").join(name), root, Access::Device)?;
    }
    for (name, to) in [
        ("fd", "fd"),
        ("stdin", "fd/0"),
        ("stdout", "fd/1"),
        ("stderr", "fd/2"),
    ] {
        std::os::unix::fs::symlink(format!("/proc/self/{to}"), devices.join(name))?;
    }
    for (folder, mode) in [("dev/shm", "1777"), ("tmp", "1777")] {
        let options = format!("size={SHARED}m,nr_inodes=20000,mode={mode}");
        memory(&root.join(folder), &options, MsFlags::MS_NODEV)?;
    }
    terminals(root);
    fs::create_dir_all(root.join("proc"))?;

    // What lies in another comes after it.
    let mut given: BTreeMap<&Path, Access> = BTreeMap::new();
    for path in &sandbox.read {
        given.insert(path, Access::Read);
    }
    for path in &sandbox.write {
        given.insert(path, Access::Write);
    }
    for (path, access) in given {
        let is_there = SYSTEM[..7].iter().any(|it| path.starts_with(it));
        if !(is_there && access == Access::Read) && path.exists() {
            bind(path, root, access)?;
        }
    }
    remount(root, MsFlags::MS_NODEV | MsFlags::MS_RDONLY)
}

/// Who the program is.
fn owner(sandbox: &Sandbox) -> (u32, u32) {
    match sandbox.mechanism {
        Mechanism::Uid => (sandbox.user, sandbox.user),
        Mechanism::UserNamespace if geteuid().is_root() => (SOMEBODY, SOMEBODY),
        Mechanism::UserNamespace => (geteuid().as_raw(), getegid().as_raw()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Device,
}

/// A folder in memory.
fn memory(at: &Path, options: &str, flags: MsFlags) -> Result<()> {
    fs::create_dir_all(at).with_context(|| format!("{}", at.display()))?;
    mount(
        Some("tmpfs"),
        at,
        Some("tmpfs"),
        flags | MsFlags::MS_NOSUID,
        Some(options),
    )
    .with_context(|| format!("cannot mount memory at {}", at.display()))
}

/// Pseudo-terminals, which launchers like; they do without.
fn terminals(root: &Path) {
    let at = root.join("dev/pts");
    let made = fs::create_dir_all(&at).is_ok()
        && mount(
            Some("devpts"),
            &at,
            Some("devpts"),
            MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
            Some("newinstance,ptmxmode=0666,mode=0620"),
        )
        .is_ok();
    if made {
        let _ = std::os::unix::fs::symlink("pts/ptmx", root.join("dev/ptmx"));
    }
}

/// One of the system's folders; `/lib` is often a link to one of them.
fn system(path: &Path, root: &Path) -> Result<()> {
    match fs::read_link(path) {
        Ok(to) => {
            let link = inside(path, root);
            if let Some(folder) = link.parent() {
                fs::create_dir_all(folder)?;
            }
            std::os::unix::fs::symlink(to, link)
                .with_context(|| format!("{}", path.display()))
        }
        Err(_) if path.exists() => bind(path, root, Access::Read),
        Err(_) => Ok(()),
    }
}

fn inside(path: &Path, root: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Shows a folder or file in the sandbox, at the same place.
fn bind(path: &Path, root: &Path, access: Access) -> Result<()> {
    let to = inside(path, root);
    let place = |to: &Path| -> io::Result<()> {
        if to.exists() {
            return Ok(());
        }
        if fs::metadata(path)?.is_dir() {
            return fs::create_dir_all(to);
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        File::create(to).map(drop)
    };
    place(&to).with_context(|| format!("cannot make room for {}", path.display()))?;
    let nothing: Option<&str> = None;
    mount(
        Some(path),
        &to,
        nothing,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        nothing,
    )
    .with_context(|| format!("cannot show {}", path.display()))?;
    for at in mounts_below(&to)? {
        let flags = match access {
            Access::Read => MsFlags::MS_NODEV | MsFlags::MS_RDONLY,
            Access::Write => MsFlags::MS_NODEV,
            Access::Device => MsFlags::empty(),
        };
        remount(&at, flags)?;
    }
    Ok(())
}

/// Changes a mount's flags; those that it has stay, as they must in a user namespace.
fn remount(at: &Path, flags: MsFlags) -> Result<()> {
    let has = statvfs(at)
        .with_context(|| format!("{}", at.display()))?
        .flags();
    let mut all = flags | MsFlags::MS_NOSUID | MsFlags::MS_BIND | MsFlags::MS_REMOUNT;
    for (of_fs, flag) in [
        (FsFlags::ST_RDONLY, MsFlags::MS_RDONLY),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ] {
        if has.contains(of_fs) {
            all |= flag;
        }
    }
    let nothing: Option<&str> = None;
    match mount(nothing, at, nothing, all, nothing) {
        // A mount that another lies upon; nobody reaches it.
        Err(Errno::EINVAL | Errno::ENOENT) if !is_mount(at) => Ok(()),
        done => done.with_context(|| format!("cannot protect {}", at.display())),
    }
}

fn is_mount(path: &Path) -> bool {
    mounts_below(path).is_ok_and(|it| it.iter().any(|it| it == path))
}

/// The places of all mounts at a path and below it (`proc_pid_mountinfo(5)`).
fn mounts_below(path: &Path) -> Result<Vec<PathBuf>> {
    let text =
        fs::read("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
    let mut all: Vec<PathBuf> = text
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(|place| PathBuf::from(unescaped(place)))
        .filter(|place| place.starts_with(path))
        .collect();
    all.dedup();
    Ok(all)
}

/// A blank is written `\040` there.
fn unescaped(place: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt as _;
    let mut bytes = Vec::new();
    let mut rest = place;
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail.get(..3).and_then(|it| std::str::from_utf8(it).ok());
        let code = code.and_then(|it| u8::from_str_radix(it, 8).ok());
        match (byte, code) {
            (b'\\', Some(code)) => {
                bytes.push(code);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    OsString::from_vec(bytes)
}

/// Starts the loopback network: there is no other in a sandbox, and launchers want one.
fn loopback_up() -> Result<()> {
    // SAFETY: a request that is all zeros is one without a name and flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: a socket that is ours, and a request that lives as long as the call.
    let failed = unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        if socket < 0 {
            return Err(io::Error::last_os_error().into());
        }
        let done = libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &request);
        let error = io::Error::last_os_error();
        libc::close(socket);
        (done != 0).then_some(error)
    };
    failed.map_or(Ok(()), |error| Err(error.into()))
}

// --- The first process of the sandbox ---------------------------------------------------------

fn first(
    sandbox: &Sandbox,
    words: &[OsString],
    here: &Path,
    mut report: &File,
) -> Result<i32> {
    let nothing: Option<&str> = None;
    mount(
        Some("proc"),
        &sandbox.root.join("proc"),
        Some("proc"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC,
        nothing,
    )
    .context("cannot mount the sandbox's /proc (is this a container that hides /proc?)")?;
    std::env::set_current_dir(&sandbox.root)?;
    // The old root then lies over the new one: pivot_root(2), "pivot_root(".", ".")".
    pivot_root(".", ".").context("cannot change the root")?;
    umount2(".", MntFlags::MNT_DETACH).context("cannot leave the old root")?;
    std::env::set_current_dir(if here.is_dir() {
        here
    } else {
        Path::new("/tmp")
    })?;

    let (program, args) = words.split_first().context("there is no command")?;
    let mut command = Command::new(program);
    command.args(args);
    let most = sandbox.processes + 40;
    let becomes = geteuid().is_root().then(|| owner(sandbox));
    let filters = filters()?;
    // SAFETY: system calls and nothing more, in a process of one thread.
    unsafe {
        command.pre_exec(move || {
            setrlimit(Resource::RLIMIT_NPROC, most, most)?;
            if let Some((user, group)) = becomes {
                setgroups(&[])?;
                let group = Gid::from_raw(group);
                setresgid(group, group, group)?;
                let user = Uid::from_raw(user);
                setresuid(user, user, user)?;
            }
            for filter in &filters {
                // Sets no_new_privs as well.
                seccompiler::apply_filter(filter).map_err(io::Error::other)?;
            }
            Ok(())
        });
    }
    let child = match command.spawn() {
        Ok(child) => Pid::from_raw(child.id() as i32),
        Err(error) => {
            eprintln!("cannot start {}: {error}", program.to_string_lossy());
            return Ok(127);
        }
    };
    let mut looked = Instant::now();
    namespaces::wait_for(child, || {
        if looked.elapsed() < LOOK {
            return Ok(None);
        }
        looked = Instant::now();
        let Some(over) = over(sandbox) else {
            return Ok(None);
        };
        writeln!(report, "over {over}")?;
        // All others end with us.
        Ok(Some(NOT_MADE))
    })
}

/// What all processes of the sandbox use too much of.
fn over(sandbox: &Sandbox) -> Option<String> {
    let (mut pages, mut tasks) = (0, 0);
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let name = entry.file_name();
        if !name.as_bytes().first().is_some_and(u8::is_ascii_digit) {
            continue;
        }
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // After the name, which may hold anything: state, ppid, …; `proc_pid_stat(5)`.
        let Some((_, fields)) = stat.rsplit_once(") ") else {
            continue;
        };
        let fields: Vec<&str> = fields.split(' ').collect();
        let number = |index: usize| -> u64 {
            fields
                .get(index)
                .and_then(|it| it.parse().ok())
                .unwrap_or(0)
        };
        tasks += number(17).max(1);
        pages += number(21);
    }
    let segments = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    let segments: u64 = segments
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().nth(14)?.parse::<u64>().ok())
        .sum();
    let mib = (pages * page_size() + segments) >> 20;
    if mib > sandbox.memory {
        return Some(format!(
            "its processes together had more than {} MiB of memory",
            sandbox.memory
        ));
    }
    let most = sandbox.processes;
    (tasks > most).then(|| format!("it started more than {most} processes"))
}

fn page_size() -> u64 {
    // SAFETY: sysconf only looks.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096)
}

/// What no program of a sandbox may ask the kernel for: namespaces of its own, in which it could
/// mount memory that nobody counts, and other memory that is no process's.
fn filters() -> Result<Vec<BpfProgram>> {
    let mut forbidden = vec![
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_open_tree,
        libc::SYS_move_mount,
        libc::SYS_fsopen,
        libc::SYS_fsmount,
        libc::SYS_memfd_create,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_io_uring_setup,
        libc::SYS_msgget,
    ];
    forbidden.push(447); // memfd_secret, the same on all machines
    let spaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWCGROUP,
    ];
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        forbidden.into_iter().map(|it| (it, Vec::new())).collect();
    let mut clones = Vec::new();
    for flag in spaces {
        let flag = flag as u64;
        let has = SeccompCondition::new(
            0,
            SeccompCmpArgLen::Qword,
            SeccompCmpOp::MaskedEq(flag),
            flag,
        )?;
        clones.push(SeccompRule::new(vec![has])?);
    }
    rules.insert(libc::SYS_clone, clones);
    // Its flags lie in memory, where a filter cannot look. Who is told that the kernel is too
    // old for it uses clone.
    let newer = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let filter = |rules: BTreeMap<i64, Vec<SeccompRule>>, error: Errno| {
        let architecture = std::env::consts::ARCH.try_into()?;
        // Numbers of the x32 interface of x86-64 mean the same calls.
        let mut all = rules.clone();
        if cfg!(target_arch = "x86_64") {
            all.extend(
                rules
                    .into_iter()
                    .map(|(call, rules)| (call | 0x4000_0000, rules)),
            );
        }
        SeccompFilter::new(
            all,
            SeccompAction::Allow,
            SeccompAction::Errno(error as u32),
            architecture,
        )?
        .try_into()
    };
    let made: std::result::Result<Vec<BpfProgram>, seccompiler::BackendError> =
        [(rules, Errno::EPERM), (newer, Errno::ENOSYS)]
            .into_iter()
            .map(|(rules, error)| filter(rules, error))
            .collect();
    made.map_err(|error| anyhow!("cannot make the filter of system calls: {error}"))
}
