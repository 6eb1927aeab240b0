//! The two files of this process.

use std::collections::HashMap;
use std::ffi::{CString, c_int};
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use record::{Call, Event, Slot};

/// Not more is written about one process.
const MOST_BYTES: usize = 64 << 20;

/// Whether there is anything to do at all.
static ACTIVE: AtomicBool = AtomicBool::new(false);
static SLOT: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
static WRITER: Mutex<Option<Writer>> = Mutex::new(None);

struct Writer {
    file: c_int,
    bytes: usize,
    truncated: bool,
    line: Vec<u8>,
    stacks: HashMap<Vec<u64>, u32>,
    seq: u64,
}

/// True while this process is recorded.
pub fn active() -> bool {
    ACTIVE.load(Ordering::Relaxed)
}

/// Stops recording, for good.
pub fn stop() {
    ACTIVE.store(false, Ordering::Relaxed);
}

/// The path of a file of this process: `<pid>.jsonl`.
fn path(folder: &Path, extension: &str) -> Option<CString> {
    let path = folder.join(format!("{}.{extension}", std::process::id()));
    CString::new(path.into_os_string().into_encoded_bytes()).ok()
}

/// Has standard error written to a file in `folder` from now on.
pub fn take_standard_error(folder: &Path) {
    let Some(path) = path(folder, "err") else {
        return;
    };
    let flags = libc::O_CREAT | libc::O_CLOEXEC | libc::O_APPEND | libc::O_WRONLY;
    // SAFETY: the path ends with a zero byte, and the descriptor is ours.
    unsafe {
        let file = libc::open(path.as_ptr(), flags, 0o644);
        if file >= 0 {
            libc::dup2(file, libc::STDERR_FILENO);
            libc::close(file);
        }
    }
}

/// How many bytes were written on standard error so far, if that is a file of ours.
pub fn said() -> Option<u64> {
    // SAFETY: the descriptor is a number, and what is filled in is ours.
    let is = unsafe {
        let mut is: libc::stat = std::mem::zeroed();
        (libc::fstat(libc::STDERR_FILENO, &raw mut is) == 0).then_some(is)?
    };
    (is.st_mode & libc::S_IFMT == libc::S_IFREG).then_some(is.st_size as u64)
}

/// Opens the files in `folder`; records nothing if that is not possible.
pub fn start(folder: &Path) {
    let (Some(lines), Some(state)) = (path(folder, "jsonl"), path(folder, "state")) else {
        return;
    };
    let flags = libc::O_CREAT | libc::O_CLOEXEC;
    // SAFETY: the paths end with a zero byte; the descriptors are ours, and what is mapped is
    // as long as the file.
    unsafe {
        let low = libc::open(
            lines.as_ptr(),
            flags | libc::O_APPEND | libc::O_WRONLY,
            0o644,
        );
        // Away from the numbers that a program may count on.
        let high = libc::fcntl(low, libc::F_DUPFD_CLOEXEC, 200);
        let file = if high >= 0 {
            libc::close(low);
            high
        } else {
            low
        };
        let shared = libc::open(state.as_ptr(), flags | libc::O_RDWR, 0o644);
        if file < 0 || shared < 0 || libc::ftruncate(shared, Slot::SIZE as i64) != 0 {
            return;
        }
        let slot = libc::mmap(
            ptr::null_mut(),
            Slot::SIZE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            shared,
            0,
        );
        libc::close(shared);
        if slot == libc::MAP_FAILED {
            return;
        }
        let slot = slot.cast::<u8>();
        ptr::copy_nonoverlapping(Slot::MAGIC.as_ptr(), slot, Slot::MAGIC.len());
        SLOT.store(slot, Ordering::Release);
        *lock() = Some(Writer {
            file,
            bytes: 0,
            truncated: false,
            line: Vec::with_capacity(1024),
            stacks: HashMap::new(),
            seq: 0,
        });
    }
    ACTIVE.store(true, Ordering::Release);
}

fn lock() -> MutexGuard<'static, Option<Writer>> {
    WRITER
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Writes an event that is not a call: also when the file is large enough.
pub fn event(event: &Event) {
    if active()
        && let Some(writer) = lock().as_mut()
    {
        writer.write(event);
    }
}

/// Writes some bytes that were read or written, or that these went on, unless the file is
/// large enough.
pub fn bytes(event: &Event) {
    if active()
        && let Some(writer) = lock().as_mut()
        && !writer.is_full()
    {
        writer.write(event);
    }
}

/// Writes that a call begins; gives its number.
pub fn enter(call: Box<Call>, frames: Vec<u64>) -> u64 {
    let mut guard = lock();
    let Some(writer) = guard.as_mut() else {
        return 0;
    };
    writer.seq += 1;
    if writer.is_full() {
        return writer.seq;
    }
    let next = writer.stacks.len() as u32;
    let stack = match writer.stacks.get(&frames) {
        Some(known) => *known,
        None => {
            let event = Event::Stack { id: next, frames };
            writer.write(&event);
            if let Event::Stack { frames, .. } = event {
                writer.stacks.insert(frames, next);
            }
            next
        }
    };
    let seq = writer.seq;
    writer.write(&Event::Enter { seq, stack, call });
    seq
}

/// Writes whether a transfer was collective, as it was asked to be.
pub fn honoured(seq: u64, honoured: bool) {
    let mut guard = lock();
    if let Some(writer) = guard.as_mut()
        && !writer.is_full()
    {
        writer.write(&Event::Honoured { seq, honoured });
    }
}

/// Writes that it ended.
pub fn leave(seq: u64, ok: bool, at: u64, waited: u64) {
    let mut guard = lock();
    if let Some(writer) = guard.as_mut()
        && !writer.is_full()
    {
        writer.write(&Event::Leave {
            seq,
            ok,
            at,
            waited,
        });
    }
}

impl Writer {
    fn is_full(&mut self) -> bool {
        if !self.truncated && self.bytes >= MOST_BYTES {
            self.truncated = true;
            self.write(&Event::Truncated);
        }
        self.truncated
    }

    fn write(&mut self, event: &Event) {
        self.line.clear();
        if serde_json::to_writer(&mut self.line, event).is_err() {
            return;
        }
        self.line.push(b'\n');
        self.bytes += self.line.len();
        // SAFETY: the descriptor is ours, and the bytes are as many as we say. In one piece,
        // so that a process that is killed leaves no half line.
        unsafe { libc::write(self.file, self.line.as_ptr().cast(), self.line.len()) };
    }
}

/// Says where this process is, for whoever watches.
pub fn show(seq: u64, depth: u32, mpi: Option<(&'static str, u32)>) {
    let slot = SLOT.load(Ordering::Acquire);
    if slot.is_null() {
        return;
    }
    let (name, mpi_depth) = mpi.unwrap_or(("", 0));
    let length = name.len().min(Slot::SIZE - Slot::NAME - 1);
    // SAFETY: the slot is `Slot::SIZE` bytes, mapped for good, and its numbers are aligned.
    // Only this process writes; that another one reads a name half written is allowed for.
    unsafe {
        let to = slot.add(Slot::NAME);
        ptr::copy_nonoverlapping(name.as_ptr(), to, length);
        to.add(length).write_volatile(0);
        short(slot, Slot::MPI_DEPTH).store(mpi_depth, Ordering::Relaxed);
        short(slot, Slot::DEPTH).store(depth, Ordering::Relaxed);
        long(slot, Slot::SEQ).store(seq, Ordering::Relaxed);
        long(slot, Slot::PROGRESS).fetch_add(1, Ordering::Release);
    }
}

/// Says that this process ends.
pub fn show_over() {
    let slot = SLOT.load(Ordering::Acquire);
    if !slot.is_null() {
        // SAFETY: as above.
        unsafe { slot.add(Slot::OVER).write_volatile(1) };
    }
}

/// # Safety
/// The slot is mapped.
unsafe fn long<'a>(slot: *mut u8, at: usize) -> &'a AtomicU64 {
    // SAFETY: it begins a page, and `at` is a multiple of 8 within it.
    unsafe { AtomicU64::from_ptr(slot.add(at).cast()) }
}

/// # Safety
/// The slot is mapped.
unsafe fn short<'a>(slot: *mut u8, at: usize) -> &'a AtomicU32 {
    // SAFETY: it begins a page, and `at` is a multiple of 4 within it.
    unsafe { AtomicU32::from_ptr(slot.add(at).cast()) }
}
