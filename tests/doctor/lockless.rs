//! A file system in memory that keeps files and knows no locks, mounted for real (FUSE).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, InitFlags, KernelConfig, LockOwner, MountOption, ReplyAttr, ReplyCreate,
    ReplyEmpty, ReplyEntry, ReplyLock, Request,
};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// What the file system does when a lock is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Locks {
    /// It says that it has none.
    Refused,
    /// It says yes to everybody.
    GivenToAll,
}

/// Calls `during` while such a file system is mounted at `mount_point`.
///
/// As root the mount is visible to this thread and what it starts alone, so none can be
/// left behind, whatever happens to the test.
pub fn mounted<T: Send>(
    mount_point: &Path,
    locks: Locks,
    during: impl FnOnce() -> T + Send,
) -> io::Result<T> {
    let serve = || {
        if nix::unistd::geteuid().is_root() {
            unshare(CloneFlags::CLONE_NEWNS)?;
            // Refused in a chroot, whose top is no mount; then it is seen by others, until
            // it is unmounted below.
            let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
            let _ = mount(None::<&str>, "/", None::<&str>, private, None::<&str>);
        }
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("lockless".to_owned())];
        let files = Mutex::default();
        let session = fuser::spawn_mount(Lockless { locks, files }, mount_point, &config)?;
        let result = during();
        session.umount_and_join()?;
        Ok(result)
    };
    // A thread of its own: what it no longer shares with the others goes when it ends.
    std::thread::scope(|scope| scope.spawn(serve).join().expect("it does not panic"))
}

struct Lockless {
    locks: Locks,
    files: Mutex<BTreeMap<u64, OsString>>,
}

const KEPT: Duration = Duration::from_secs(1);

impl Lockless {
    fn attributes(&self, inode: u64) -> FileAttr {
        let folder = inode == 1;
        FileAttr {
            ino: INodeNo(inode),
            size: 0,
            blocks: 0,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: if folder {
                FileType::Directory
            } else {
                FileType::RegularFile
            },
            perm: if folder { 0o755 } else { 0o600 },
            nlink: 1,
            uid: nix::unistd::geteuid().as_raw(),
            gid: nix::unistd::getegid().as_raw(),
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }

    fn inode_of(&self, name: &OsStr) -> Option<u64> {
        let files = self.files.lock().expect("nobody panics");
        files
            .iter()
            .find(|(_, it)| *it == name)
            .map(|(inode, _)| *inode)
    }
}

impl Filesystem for Lockless {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // Else the kernel keeps locks itself, and does not ask.
        config
            .add_capabilities(InitFlags::FUSE_POSIX_LOCKS | InitFlags::FUSE_FLOCK_LOCKS)
            .map_err(|_| io::Error::other("this kernel does not ask for locks"))
    }

    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.inode_of(name) {
            Some(inode) => reply.entry(&KEPT, &self.attributes(inode), Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(
        &self,
        _: &Request,
        inode: INodeNo,
        _: Option<FileHandle>,
        reply: ReplyAttr,
    ) {
        reply.attr(&KEPT, &self.attributes(inode.0));
    }

    fn create(
        &self,
        _: &Request,
        _: INodeNo,
        name: &OsStr,
        _mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let mut files = self.files.lock().expect("nobody panics");
        let inode = files.keys().last().copied().unwrap_or(1) + 1;
        files.insert(inode, name.to_owned());
        let attributes = self.attributes(inode);
        let (generation, handle) = (Generation(0), FileHandle(0));
        reply.created(&KEPT, &attributes, generation, handle, FopenFlags::empty());
    }

    fn unlink(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.files
            .lock()
            .expect("nobody panics")
            .retain(|_, it| it != name);
        reply.ok();
    }

    fn getlk(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: LockOwner,
        _start: u64,
        _end: u64,
        _kind: i32,
        _pid: u32,
        reply: ReplyLock,
    ) {
        reply.error(Errno::ENOLCK);
    }

    fn setlk(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: LockOwner,
        _start: u64,
        _end: u64,
        _kind: i32,
        _pid: u32,
        _sleep: bool,
        reply: ReplyEmpty,
    ) {
        match self.locks {
            Locks::Refused => reply.error(Errno::ENOLCK),
            Locks::GivenToAll => reply.ok(),
        }
    }
}
