//! What the arguments of MPI functions mean, for every MPI.
//!
//! A handle is a pointer in Open MPI and an `int` in MPICH: here it is as wide as a
//! register, with its upper half cleared where it is an `int`.

use std::collections::HashMap;
use std::ffi::{c_char, c_int};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use record::{Call, Event, Peer};

use crate::symbols::{questions, symbol};
use crate::text::{text, whole_path};
use crate::thread::now;
use crate::{bytes, writer};

questions! {
    PMPI_Comm_rank(comm: usize, rank: *mut c_int) -> c_int, or -1;
    PMPI_Comm_size(comm: usize, size: *mut c_int) -> c_int, or -1;
    PMPI_Comm_group(comm: usize, group: *mut usize) -> c_int, or -1;
    PMPI_Group_size(group: usize, size: *mut c_int) -> c_int, or -1;
    PMPI_Group_translate_ranks(
        group: usize,
        n: c_int,
        ranks: *const c_int,
        other: usize,
        translated: *mut c_int
    ) -> c_int, or -1;
    PMPI_Group_free(group: *mut usize) -> c_int, or -1;
    PMPI_File_get_position(file: usize, offset: *mut i64) -> c_int, or -1;
    PMPI_File_get_byte_offset(file: usize, offset: i64, byte: *mut i64) -> c_int, or -1;
    PMPI_Get_library_version(words: *mut c_char, length: *mut c_int) -> c_int, or -1;
    PMPI_Type_size(datatype: usize, size: *mut c_int) -> c_int, or -1;
}

/// The ranks of a communicator, in the world.
pub type Group = Arc<Vec<usize>>;

/// MPI works: it was started, and not finalized.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// What is known of communicators and files, by handle.
#[derive(Default)]
struct Known {
    groups: HashMap<usize, Option<Group>>,
    files: HashMap<usize, (String, Option<Group>)>,
    /// The size of a file's elementary type, in which its offsets count; 1 if it is not here.
    units: HashMap<usize, u64>,
}

static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

fn with_known<T>(use_it: impl FnOnce(&mut Known) -> T) -> T {
    let mut guard: MutexGuard<'_, Option<Known>> = KNOWN
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    use_it(guard.get_or_insert_default())
}

/// How the MPI of this process names things.
struct Flavour {
    pointers: bool,
    world: usize,
    null: usize,
    any_source: i32,
    nobody: i32,
}

fn flavour() -> &'static Flavour {
    static FLAVOUR: OnceLock<Flavour> = OnceLock::new();
    FLAVOUR.get_or_init(|| match symbol(c"ompi_mpi_comm_world") {
        0 => Flavour {
            pointers: false,
            world: 0x4400_0000,
            null: 0x0400_0000,
            any_source: -2,
            nobody: -1,
        },
        world => Flavour {
            pointers: true,
            world,
            null: symbol(c"ompi_mpi_comm_null"),
            any_source: -1,
            nobody: -2,
        },
    })
}

fn handle(argument: usize) -> usize {
    match flavour().pointers {
        true => argument,
        false => argument & 0xffff_ffff,
    }
}

/// The handle that a pointer points to.
fn handle_behind(pointer: usize) -> usize {
    match (pointer, flavour().pointers) {
        (0, _) => flavour().null,
        // SAFETY: the program gives a valid pointer to a handle, of the size of its MPI.
        (_, true) => unsafe { *(pointer as *const usize) },
        // SAFETY: as above.
        (_, false) => unsafe { *(pointer as *const u32) as usize },
    }
}

/// Which argument is what.
#[derive(Clone, Copy, Default)]
pub struct Spec {
    collective: bool,
    comm: Option<usize>,
    /// The argument is a pointer to the handle.
    comm_behind: Option<usize>,
    file: Option<usize>,
    file_behind: Option<usize>,
    path: Option<usize>,
    root: Option<usize>,
    amount: Option<(usize, usize)>,
    peer: Option<usize>,
    tag: Option<usize>,
    range: Option<(Place, usize, usize)>,
}

/// Where in a file a function of MPI-IO reads or writes.
#[derive(Clone, Copy)]
pub enum Place {
    /// At the offset that this argument is.
    Offset(usize),
    /// Where the rank's own file pointer is.
    Pointer,
}

/// A function of which only the name is of interest.
pub const ANY: Spec = Spec {
    collective: false,
    comm: None,
    comm_behind: None,
    file: None,
    file_behind: None,
    path: None,
    root: None,
    amount: None,
    peer: None,
    tag: None,
    range: None,
};

impl Spec {
    /// Collective over the communicator, which is this argument.
    pub const fn all_of(mut self, comm: usize) -> Spec {
        self.collective = true;
        self.comm = Some(comm);
        self
    }

    /// The same, given by a pointer.
    pub const fn all_behind(mut self, comm: usize) -> Spec {
        self.collective = true;
        self.comm_behind = Some(comm);
        self
    }

    /// Collective over the file's communicator.
    pub const fn all_of_file(mut self, file: usize) -> Spec {
        self.collective = true;
        self.file = Some(file);
        self
    }

    /// The same, given by a pointer.
    pub const fn all_of_file_behind(mut self, file: usize) -> Spec {
        self.collective = true;
        self.file_behind = Some(file);
        self
    }

    /// With a file, each rank for itself.
    pub const fn of_file(mut self, file: usize) -> Spec {
        self.file = Some(file);
        self
    }

    /// The path of a file.
    pub const fn path(mut self, path: usize) -> Spec {
        self.path = Some(path);
        self
    }

    /// The root.
    pub const fn root(mut self, root: usize) -> Spec {
        self.root = Some(root);
        self
    }

    /// How many elements of which type: the same on all ranks.
    pub const fn amount(mut self, count: usize, datatype: usize) -> Spec {
        self.amount = Some((count, datatype));
        self
    }

    /// A message: with whom, its tag, and the communicator.
    pub const fn message(mut self, peer: usize, tag: usize, comm: usize) -> Spec {
        self.peer = Some(peer);
        self.tag = Some(tag);
        self.comm = Some(comm);
        self
    }

    /// Reads or writes there so many elements of that type.
    pub const fn range(mut self, place: Place, count: usize, datatype: usize) -> Spec {
        self.range = Some((place, count, datatype));
        self
    }

    /// Whether it is a function of MPI-IO.
    pub const fn is_of_files(&self) -> bool {
        self.file.is_some() || self.file_behind.is_some() || self.path.is_some()
    }

    /// Whether it ends only when other ranks do their part: a collective call, a message.
    /// Not one that returns at once (`MPI_Ibarrier`), nor `MPI_File_sync`, which waits for
    /// the disk, mostly.
    pub fn waits(&self, name: &str) -> bool {
        const AT_ONCE: [&str; 3] = ["MPI_Comm_free", "MPI_File_sync", "MPI_File_set_view"];
        let immediate = name.starts_with("MPI_I") || AT_ONCE.contains(&name);
        let message =
            self.peer.is_some() || name == "MPI_Mrecv" || name.starts_with("MPI_Wait");
        !immediate && (self.collective || message)
    }

    /// Fills in what the arguments say.
    pub fn describe(&self, name: &str, args: &[usize], call: &mut Call) {
        if !RUNNING.load(Ordering::Relaxed) {
            return;
        }
        call.collective = self.collective;
        let comm = match (self.comm, self.comm_behind) {
            (Some(at), _) => Some(handle(args[at])),
            (_, Some(at)) => Some(handle_behind(args[at])),
            _ if name == "MPI_Finalize" => {
                call.collective = true;
                Some(flavour().world)
            }
            _ => None,
        };
        let mut group = comm.and_then(group);
        let file = self.file.map(|at| handle(args[at]));
        let file = file.or(self.file_behind.map(|at| handle_behind(args[at])));
        if let Some(file) = file {
            with_known(|known| {
                if let Some((path, of_file)) = known.files.get(&file) {
                    call.file = Some(path.clone());
                    group = of_file.clone();
                }
            });
        }
        if let Some(at) = self.path {
            call.file = text(args[at]).map(|it| whole_path(&it));
        }
        let in_world = |rank: i32| {
            let rank = usize::try_from(rank).ok()?;
            group
                .as_ref()
                .map_or(Some(rank), |it| it.get(rank).copied())
        };
        call.root = self.root.and_then(|at| in_world(args[at] as i32));
        call.peer = self.peer.and_then(|at| match args[at] as i32 {
            rank if rank == flavour().any_source => Some(Peer::Any),
            rank if rank == flavour().nobody => Some(Peer::Nobody),
            rank => in_world(rank).map(Peer::Rank),
        });
        let tag = self.tag.map(|at| args[at] as i32);
        call.tag = tag.filter(|it| *it >= 0).map(i64::from);
        call.bytes = self.amount.and_then(|(count, datatype)| {
            let count = u64::try_from(args[count] as i32).ok()?;
            count.checked_mul(type_size(args[datatype])?)
        });
        call.group = group.map(|it| it.to_vec());
        if let (Some((place, count, datatype)), Some(file)) = (self.range, self.file)
            && bytes::are_recorded()
        {
            let count = u64::try_from(args[count] as i32).ok();
            let length = count.zip(type_size(args[datatype]));
            let length = length.and_then(|(count, size)| count.checked_mul(size));
            call.range = length.and_then(|it| range(args[file], place, args, it));
        }
    }
}

/// The bytes of the file that are read or written, if they lie one behind the other. The file
/// is a pointer, in MPICH too, where other handles are numbers.
fn range(file: usize, place: Place, args: &[usize], bytes: u64) -> Option<(u64, u64)> {
    let mut offset = 0;
    match place {
        Place::Offset(at) => offset = args[at] as i64,
        // SAFETY: the program gave this file to MPI; the offset is ours.
        Place::Pointer => unsafe {
            if PMPI_File_get_position(file, &raw mut offset) != 0 {
                return None;
            }
        },
    }
    let byte = |offset: i64| {
        let mut byte = 0;
        // SAFETY: as above.
        let failed = unsafe { PMPI_File_get_byte_offset(file, offset, &raw mut byte) } != 0;
        u64::try_from(byte).ok().filter(|_| !failed)
    };
    let unit = with_known(|known| known.units.get(&handle(file)).copied()).unwrap_or(1);
    let start = byte(offset)?;
    if bytes == 0 {
        return Some((start, start));
    }
    let last = i64::try_from((bytes / unit.max(1)).checked_sub(1)?).ok()?;
    let end = byte(offset.checked_add(last)?)?.checked_add(unit)?;
    (end.checked_sub(start)? == bytes).then_some((start, end))
}

/// `MPI_File_set_view`: file, displacement, elementary type.
pub fn view_set(args: &[usize]) {
    if let Some(size) = type_size(args[2]) {
        with_known(|known| known.units.insert(handle(args[0]), size));
    }
}

fn type_size(datatype: usize) -> Option<u64> {
    let mut size = 0;
    // SAFETY: the program gave this type to MPI; the size is ours.
    let failed = unsafe { PMPI_Type_size(handle(datatype), &raw mut size) } != 0;
    u64::try_from(size).ok().filter(|_| !failed)
}

/// The ranks of a communicator, in the world.
pub fn group(comm: usize) -> Option<Group> {
    let comm = handle(comm);
    if !RUNNING.load(Ordering::Relaxed) || comm == flavour().null || comm == 0 {
        return None;
    }
    if let Some(known) = with_known(|it| it.groups.get(&comm).cloned()) {
        return known;
    }
    let ranks = ask_group(comm).map(Arc::new);
    with_known(|it| it.groups.insert(comm, ranks.clone()));
    ranks
}

fn ask_group(comm: usize) -> Option<Vec<usize>> {
    let (mut of_comm, mut of_world, mut size) = (0_usize, 0_usize, 0);
    // SAFETY: the communicators exist; a handle fits into each `usize`, numbers for as many
    // ranks as the group has into the vectors. None of these functions talks to other ranks.
    unsafe {
        if PMPI_Comm_group(comm, &raw mut of_comm) != 0 {
            return None;
        }
        if PMPI_Comm_group(flavour().world, &raw mut of_world) != 0 {
            return None;
        }
        if PMPI_Group_size(of_comm, &raw mut size) != 0 {
            return None;
        }
        let ranks: Vec<c_int> = (0..size).collect();
        let mut translated = vec![-1; ranks.len()];
        let failed = PMPI_Group_translate_ranks(
            of_comm,
            size,
            ranks.as_ptr(),
            of_world,
            translated.as_mut_ptr(),
        );
        PMPI_Group_free(&raw mut of_comm);
        PMPI_Group_free(&raw mut of_world);
        if failed != 0 {
            return None;
        }
        translated
            .into_iter()
            .map(|it| usize::try_from(it).ok())
            .collect()
    }
}

/// MPI was started.
pub fn started() {
    RUNNING.store(true, Ordering::Relaxed);
    STARTED.store(now(), Ordering::Relaxed);
    let (mut rank, mut size) = (0, 0);
    // SAFETY: the world exists, and the numbers are ours.
    unsafe {
        PMPI_Comm_rank(flavour().world, &raw mut rank);
        PMPI_Comm_size(flavour().world, &raw mut size);
    }
    let (rank, size) = (rank.max(0) as usize, size.max(0) as usize);
    writer::event(&Event::Rank { rank, size });
    let mut words = vec![0_u8; 8192]; // MPI_MAX_LIBRARY_VERSION_STRING is 256 or 8192
    let mut length = 0;
    // SAFETY: there is room for as many characters as any MPI writes.
    unsafe { PMPI_Get_library_version(words.as_mut_ptr().cast(), &raw mut length) };
    words.truncate(length.max(0) as usize);
    if let Some(first) = String::from_utf8_lossy(&words).lines().next() {
        let words = first.chars().filter(|it| *it != '\0').take(200).collect();
        writer::event(&Event::Library(words));
    }
}

/// MPI was finalized.
pub fn finalized() {
    RUNNING.store(false, Ordering::Relaxed);
    writer::event(&Event::Finalized);
}

/// The program ends all ranks.
pub fn aborting(args: &[usize]) {
    writer::event(&Event::Abort {
        code: args[1] as i32,
        said: writer::said(),
    });
}

/// The ranks in the order in which they are to begin to send, and the folder in which each leaves
/// a note that it does.
static TURNS: OnceLock<(Vec<c_int>, PathBuf)> = OnceLock::new();
/// When MPI was started.
static STARTED: AtomicU64 = AtomicU64::new(0);
static SENT: AtomicBool = AtomicBool::new(false);

/// How long ranks wait for each other with their first message, in microseconds.
const PATIENCE: u64 = 1_500_000;
/// How long a message may take that was sent, in microseconds.
const ON_THE_WAY: u32 = 20_000;

/// Has the ranks begin to send one after the other, as in `2,3,1`.
pub fn send_in_order(folder: PathBuf, order: &str) {
    let order = order.split(',').filter_map(|it| it.parse().ok());
    let _ = TURNS.set((order.collect(), folder));
}

/// The program sends a message: if it is the first, the rank before it in the order sends first,
/// unless that does not begin in time, perhaps because it waits for us.
pub fn sending() {
    let Some((order, folder)) = TURNS.get() else {
        return;
    };
    if SENT.swap(true, Ordering::Relaxed) {
        return;
    }
    let mut rank = 0;
    // SAFETY: the world exists, and the number is ours.
    unsafe { PMPI_Comm_rank(flavour().world, &raw mut rank) };
    let place = order.iter().position(|it| *it == rank);
    let before = place.and_then(|it| order.get(it.checked_sub(1)?));
    let note = |rank: c_int| folder.join(format!("{rank}.sends"));
    let end = STARTED.load(Ordering::Relaxed) + PATIENCE;
    while let Some(before) = before.filter(|_| now() < end) {
        let begins = note(*before).exists();
        let wait = if begins { ON_THE_WAY } else { 1000 };
        // SAFETY: it does nothing but wait.
        unsafe { libc::usleep(wait) };
        if begins {
            break;
        }
    }
    let _ = std::fs::write(note(rank), "");
}

/// The communicator behind this pointer will be freed, and its handle may come again.
pub fn forget(pointer: usize) {
    let comm = handle_behind(pointer);
    with_known(|known| known.groups.remove(&comm));
}

/// A file was opened: communicator, path, …, pointer to the handle.
pub fn opened(args: &[usize]) {
    let path = text(args[1]).map_or_else(String::new, |it| whole_path(&it));
    let group = group(args[0]);
    let file = handle_behind(args[4]);
    with_known(|known| {
        known.files.insert(file, (path, group));
        known.units.remove(&file);
    });
}
