//! Which bytes of which file the operating system is told to read and write.
//!
//! Functions of the names of the C library's, as in `wrappers.rs`. They write down something
//! only after [`start`], and only about files that MPI-IO or HDF5 uses: a regular file that
//! was touched inside one of their calls, and from then on wherever it is touched.
//!
//! Anybody may call these functions at any time: before this library is ready, in a signal
//! handler, in any thread. So where there is nothing to write down they do nothing but look at
//! two numbers of their own, and call the real function.

use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_void};
use std::mem::transmute;
use std::os::unix::ffi::OsStringExt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use record::Event;

use crate::symbols::Symbol;
use crate::text::{text, whole_path};
use crate::thread::{self, now, quietly};
use crate::writer;

/// No more runs of bytes are written down of one process.
const MOST_RUNS: u64 = 100_000;
/// Where libraries have files of their own.
const NOT_DATA: [&str; 5] = ["/proc", "/sys", "/usr", "/etc", "/lib"];

static ON: AtomicBool = AtomicBool::new(false);
/// The descriptors, below 1024, of files that MPI-IO or HDF5 uses.
static WATCHED: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];
static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

thread_local! {
    /// In how many calls of HDF5 and MPI-IO this thread is.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
    /// For how many microseconds this thread has read and written, in all.
    static SPENT: Cell<u64> = const { Cell::new(0) };
}

#[derive(Default)]
struct Known {
    /// By its path: its number.
    files: HashMap<Vec<u8>, u32>,
    /// By the descriptor: what it was when it was last looked at, and the file's number.
    open: HashMap<c_int, ((u64, u64), u32)>,
    /// How many runs were written down.
    runs: u64,
    /// The last one.
    run: Option<Run>,
}

/// Bytes one behind the other, read or written in the same call.
#[derive(Clone, Copy, Debug)]
struct Run {
    file: u32,
    write: bool,
    end: u64,
    took: u64,
    times: u64,
    seq: u64,
    by: &'static str,
}

/// Looks for the real functions: that is nothing for a signal handler.
pub fn find() {
    for real in ALL {
        real.find();
    }
}

/// Writes down from now on.
pub fn start() {
    *lock() = Some(Known::default());
    ON.store(true, Ordering::Release);
}

/// Whether anything is written down.
pub fn are_recorded() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Writes down nothing from now on.
pub fn stop() {
    ON.store(false, Ordering::Release);
}

/// A call of HDF5 or MPI-IO begins; gives what [`leave`] wants back.
pub fn enter() -> u32 {
    INSIDE.replace(INSIDE.get() + 1)
}

/// It ends.
pub fn leave(before: u32) {
    INSIDE.set(before);
}

/// For how many microseconds this thread has read and written so far.
pub fn spent() -> u64 {
    SPENT.get()
}

/// Writes down how far the last run went.
pub fn flush() {
    if ON.load(Ordering::Acquire)
        && let Some(known) = lock().as_mut()
    {
        known.end_run();
    }
}

fn lock() -> MutexGuard<'static, Option<Known>> {
    KNOWN
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The bit of a descriptor.
fn bit(fd: c_int) -> Option<(&'static AtomicU64, u64)> {
    let fd = usize::try_from(fd).ok()?;
    Some((WATCHED.get(fd / 64)?, 1 << (fd % 64)))
}

/// Whether something is to be written down of this descriptor, perhaps.
fn is_of_interest(fd: c_int) -> bool {
    ON.load(Ordering::Relaxed)
        && !thread::is_ours()
        && (INSIDE.get() > 0
            || bit(fd).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0))
}

/// One read or write: where it was, if it says so, and what came of it.
fn around(
    by: &'static str,
    write: bool,
    fd: c_int,
    position: Option<i64>,
    real: impl FnOnce() -> isize,
) -> isize {
    if !is_of_interest(fd) {
        return real();
    }
    let at = now();
    let count = real();
    if count > 0 {
        quietly(|| {
            let took = now() - at;
            SPENT.set(SPENT.get() + took);
            moved(by, write, fd, position, count as u64, at, took);
        });
    }
    count
}

fn moved(
    by: &'static str,
    write: bool,
    fd: c_int,
    position: Option<i64>,
    count: u64,
    at: u64,
    took: u64,
) {
    let mut guard = lock();
    let Some(known) = guard.as_mut() else {
        return;
    };
    let Some(file) = known.file(fd) else {
        return;
    };
    let start = match position {
        Some(start) => start as u64,
        // SAFETY: any number may be asked about; nothing is moved.
        None => match unsafe { libc::lseek(fd, 0, libc::SEEK_CUR) } {
            end if end < 0 => return,
            end => (end as u64).saturating_sub(count),
        },
    };
    let seq = thread::seq();
    if let Some(run) = &mut known.run
        && (run.file, run.write, run.end) == (file, write, start)
        && (run.seq, run.by) == (seq, by)
    {
        run.end += count;
        run.took += took;
        run.times += 1;
        return;
    }
    known.end_run();
    if known.runs >= MOST_RUNS {
        if known.runs == MOST_RUNS {
            known.runs += 1;
            writer::bytes(&Event::NoMoreBytes);
        }
        return;
    }
    known.runs += 1;
    let end = start + count;
    // At once, not at its end: a process that is killed has no time for it.
    writer::bytes(&Event::Bytes {
        file,
        write,
        start,
        end,
        at,
        took,
        seq,
        by: by.to_owned(),
    });
    known.run = Some(Run {
        file,
        write,
        end,
        took,
        times: 1,
        seq,
        by,
    });
}

impl Known {
    fn end_run(&mut self) {
        if let Some(run) = self.run.take().filter(|it| it.times > 1) {
            writer::bytes(&Event::MoreBytes {
                end: run.end,
                took: run.took,
                times: run.times,
            });
        }
    }

    /// The number of a descriptor's file, if it is one of interest.
    fn file(&mut self, fd: c_int) -> Option<u32> {
        // SAFETY: zeros are a `stat`, and it is ours; any number may be asked about.
        let stat = unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            if libc::fstat(fd, &raw mut stat) != 0 {
                return None;
            }
            stat
        };
        let is = (stat.st_dev, stat.st_ino);
        // Closing is noticed, mostly (`fclose` and `dup2` are not): so both are compared.
        let is_watched =
            bit(fd).is_none_or(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0);
        if let Some((was, file)) = self.open.get(&fd)
            && *was == is
            && is_watched
        {
            return Some(*file);
        }
        if let Some((word, bit)) = bit(fd) {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
        self.open.remove(&fd);
        if INSIDE.get() == 0 || stat.st_mode & libc::S_IFMT != libc::S_IFREG {
            return None;
        }
        let path = std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
        if NOT_DATA.iter().any(|it| path.starts_with(it)) {
            return None;
        }
        let next = self.files.len() as u32;
        let words = path.to_string_lossy().into_owned();
        let file = *self
            .files
            .entry(path.into_os_string().into_vec())
            .or_insert_with(|| {
                let event = Event::File {
                    id: next,
                    path: words,
                };
                writer::bytes(&event);
                next
            });
        self.open.insert(fd, (is, file));
        if let Some((word, bit)) = bit(fd) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
        Some(file)
    }
}

/// The C library's own functions.
macro_rules! reals {
    ($($real:ident $name:literal;)*) => {
        $(static $real: Symbol = Symbol::new($name);)*
        static ALL: &[&Symbol] = &[$(&$real),*];
    };
}

reals! {
    CLOSE c"close";
    READ c"read";
    WRITE c"write";
    PREAD c"pread64";
    PWRITE c"pwrite64";
    READV c"readv";
    WRITEV c"writev";
    PREADV c"preadv64";
    PWRITEV c"pwritev64";
    PREADV2 c"preadv64v2";
    PWRITEV2 c"pwritev64v2";
    RENAME c"rename";
    RENAMEAT c"renameat";
    AIO_READ c"aio_read64";
    AIO_WRITE c"aio_write64";
}

macro_rules! wrappers {
    ($(
        $($name:ident)*: $write:literal ($fd:ident $($arg:ident: $type:ty),*)
        at $position:expr, $real:ident or $number:ident ($($word:expr),*);
    )*) => {
        $(wrappers! {
            @each [$($name)*] $write $fd ($($arg: $type),*) $position, $real, $number
            ($($word),*)
        })*
    };
    (
        @each [$name:ident $($other:ident)*] $write:literal $fd:ident
        ($($arg:ident: $type:ty),*) $position:expr, $real:ident, $number:ident
        ($($word:expr),*)
    ) => {
        /// # Safety
        /// As for the function itself.
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($fd: c_int $(, $arg: $type)*) -> isize {
            around(stringify!($name), $write, $fd, $position, || {
                match $real.found() {
                    // Before this library was ready.
                    // SAFETY: the system call that the function is made of; the arguments
                    // are those of the program.
                    None => unsafe { libc::syscall(libc::$number, $fd $(, $word)*) as isize },
                    // SAFETY: the C library's function has this signature.
                    Some(real) => unsafe {
                        transmute::<
                            *mut c_void,
                            unsafe extern "C" fn(c_int $(, $type)*) -> isize,
                        >(real)($fd $(, $arg)*)
                    },
                }
            })
        }
        wrappers! {
            @each [$($other)*] $write $fd ($($arg: $type),*) $position, $real, $number
            ($($word),*)
        }
    };
    (
        @each [] $write:literal $fd:ident ($($arg:ident: $type:ty),*) $position:expr,
        $real:ident, $number:ident ($($word:expr),*)
    ) => {};
}

type Buffer = *mut c_void;
type Pieces = *const libc::iovec;

// Offsets are as wide as a register here: see `lib.rs`.
wrappers! {
    read: false (fd to: Buffer, n: usize) at None, READ or SYS_read (to, n);
    write: true (fd from: Buffer, n: usize) at None, WRITE or SYS_write (from, n);
    pread pread64: false (fd to: Buffer, n: usize, at: i64) at Some(at),
        PREAD or SYS_pread64 (to, n, at);
    pwrite pwrite64: true (fd from: Buffer, n: usize, at: i64) at Some(at),
        PWRITE or SYS_pwrite64 (from, n, at);
    readv: false (fd to: Pieces, n: c_int) at None, READV or SYS_readv (to, n);
    writev: true (fd from: Pieces, n: c_int) at None, WRITEV or SYS_writev (from, n);
    preadv preadv64: false (fd to: Pieces, n: c_int, at: i64) at Some(at),
        PREADV or SYS_preadv (to, n, at, 0);
    pwritev pwritev64: true (fd from: Pieces, n: c_int, at: i64) at Some(at),
        PWRITEV or SYS_pwritev (from, n, at, 0);
    preadv2 preadv64v2: false (fd to: Pieces, n: c_int, at: i64, flags: c_int)
        at Some(at).filter(|it| *it >= 0), PREADV2 or SYS_preadv2 (to, n, at, 0, flags);
    pwritev2 pwritev64v2: true (fd from: Pieces, n: c_int, at: i64, flags: c_int)
        at Some(at).filter(|it| *it >= 0), PWRITEV2 or SYS_pwritev2 (from, n, at, 0, flags);
}

/// # Safety
/// As for the function itself.
#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    if let Some((word, bit)) = bit(fd).filter(|_| ON.load(Ordering::Relaxed)) {
        word.fetch_and(!bit, Ordering::Relaxed);
    }
    match CLOSE.found() {
        // SAFETY: as in the wrappers above.
        None => unsafe { libc::syscall(libc::SYS_close, fd) as c_int },
        // SAFETY: the C library's function has this signature.
        Some(real) => unsafe {
            transmute::<*mut c_void, unsafe extern "C" fn(c_int) -> c_int>(real)(fd)
        },
    }
}

/// A file has another name, if that succeeded.
fn renamed(status: c_int, from: *const c_char, to: *const c_char) {
    const MOST: u32 = 1000;
    static RENAMED: AtomicU32 = AtomicU32::new(0);
    if status != 0 || !ON.load(Ordering::Relaxed) || thread::is_ours() {
        return;
    }
    quietly(|| {
        let (from, to) = (text(from as usize), text(to as usize));
        if RENAMED.fetch_add(1, Ordering::Relaxed) < MOST
            && let (Some(from), Some(to)) = (from, to)
        {
            writer::bytes(&Event::Renamed {
                from: whole_path(&from),
                to: whole_path(&to),
                at: now(),
            });
        }
    });
}

/// # Safety
/// As for the function itself.
#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let status = match RENAME.found() {
        // SAFETY: as in the wrappers above.
        None => unsafe {
            let here = libc::AT_FDCWD;
            libc::syscall(libc::SYS_renameat2, here, from, here, to, 0) as c_int
        },
        // SAFETY: the C library's function has this signature.
        Some(real) => unsafe {
            transmute::<
                *mut c_void,
                unsafe extern "C" fn(*const c_char, *const c_char) -> c_int,
            >(real)(from, to)
        },
    };
    renamed(status, from, to);
    status
}

/// # Safety
/// As for the function itself.
#[unsafe(no_mangle)]
unsafe extern "C" fn renameat(
    place: c_int,
    from: *const c_char,
    other: c_int,
    to: *const c_char,
) -> c_int {
    let status = match RENAMEAT.found() {
        // SAFETY: as in the wrappers above.
        None => unsafe {
            libc::syscall(libc::SYS_renameat2, place, from, other, to, 0) as c_int
        },
        // SAFETY: the C library's function has this signature.
        Some(real) => unsafe {
            transmute::<
                *mut c_void,
                unsafe extern "C" fn(c_int, *const c_char, c_int, *const c_char) -> c_int,
            >(real)(place, from, other, to)
        },
    };
    if (place, other) == (libc::AT_FDCWD, libc::AT_FDCWD) {
        renamed(status, from, to);
    }
    status
}

/// Writes down what is asked for, not what comes of it: that is known only later.
///
/// # Safety
/// The control block is valid.
unsafe fn asynchronous(
    by: &'static str,
    write: bool,
    real: &Symbol,
    block: *mut libc::aiocb,
) -> c_int {
    let Some(real) = real.found() else {
        return -1;
    };
    // SAFETY: the C library's function has this signature; the rest is the caller's.
    unsafe {
        let (fd, position) = ((*block).aio_fildes, (*block).aio_offset);
        let bytes = (*block).aio_nbytes;
        let real =
            transmute::<*mut c_void, unsafe extern "C" fn(*mut libc::aiocb) -> c_int>(real);
        let mut status = -1;
        around(by, write, fd, Some(position), || {
            status = real(block);
            if status == 0 { bytes as isize } else { -1 }
        });
        status
    }
}

macro_rules! asynchronous {
    ($($name:ident $write:literal $real:ident;)*) => {
        $(
            /// # Safety
            /// As for the function itself.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name(block: *mut libc::aiocb) -> c_int {
                // SAFETY: the caller's.
                unsafe { asynchronous(stringify!($name), $write, &$real, block) }
            }
        )*
    };
}

asynchronous! {
    aio_read false AIO_READ;
    aio_read64 false AIO_READ;
    aio_write true AIO_WRITE;
    aio_write64 true AIO_WRITE;
}
