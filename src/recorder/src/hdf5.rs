//! What HDF5 functions are called for.
//!
//! The questions that are put to HDF5 here are local ones. Most of them clear HDF5's error
//! stack: so they are put before the real call, which clears it as well, or after it
//! succeeded.

use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_uint};
use std::ptr;
use std::sync::{Mutex, Once};

use record::{Access, Block, Call, Event, Selection};

use crate::mpi::{self, Group};
use crate::symbols::{questions, symbol};
use crate::text::{text, whole_path};
use crate::writer;

type Id = i64;

questions! {
    H5get_libversion(major: *mut c_uint, minor: *mut c_uint, release: *mut c_uint) -> c_int,
        or -1;
    H5Eget_auto2(stack: Id, function: *mut usize, data: *mut usize) -> c_int, or -1;
    H5Eset_auto2(stack: Id, function: usize, data: usize) -> c_int, or -1;
    H5Iis_valid(id: Id) -> c_int, or 0;
    H5Iget_type(id: Id) -> c_int, or -1;
    H5Iget_ref(id: Id) -> c_int, or -1;
    H5Iget_name(id: Id, name: *mut c_char, size: usize) -> isize, or -1;
    H5Fget_name(id: Id, name: *mut c_char, size: usize) -> isize, or -1;
    H5Aget_name(id: Id, size: usize, name: *mut c_char) -> isize, or -1;
    H5Aget_space(id: Id) -> Id, or -1;
    H5Dget_space(id: Id) -> Id, or -1;
    H5Dget_type(id: Id) -> Id, or -1;
    H5Tclose(id: Id) -> c_int, or -1;
    H5Tget_class(id: Id) -> c_int, or -1;
    H5Tget_size(id: Id) -> usize, or 0;
    H5Tget_sign(id: Id) -> c_int, or 0;
    H5Sclose(id: Id) -> c_int, or -1;
    H5Sget_simple_extent_ndims(id: Id) -> c_int, or -1;
    H5Sget_simple_extent_npoints(id: Id) -> i64, or -1;
    H5Tis_variable_str(id: Id) -> c_int, or 1;
    H5Sget_simple_extent_dims(id: Id, dims: *mut u64, most: *mut u64) -> c_int, or -1;
    H5Sget_select_type(id: Id) -> c_int, or -1;
    H5Sis_regular_hyperslab(id: Id) -> c_int, or 0;
    H5Sget_regular_hyperslab(
        id: Id,
        start: *mut u64,
        stride: *mut u64,
        count: *mut u64,
        block: *mut u64
    ) -> c_int, or -1;
    H5Sget_select_hyper_nblocks(id: Id) -> i64, or -1;
    H5Sget_select_hyper_blocklist(id: Id, first: u64, count: u64, into: *mut u64) -> c_int,
        or -1;
    H5Sget_select_elem_npoints(id: Id) -> i64, or -1;
    H5Sget_select_elem_pointlist(id: Id, first: u64, count: u64, into: *mut u64) -> c_int,
        or -1;
    H5Sget_select_bounds(id: Id, start: *mut u64, end: *mut u64) -> c_int, or -1;
    H5Pget_dxpl_mpio(id: Id, mode: *mut c_int) -> c_int, or -1;
    H5Pget_mpio_actual_io_mode(id: Id, mode: *mut c_int) -> c_int, or -1;
    H5Pget_layout(id: Id) -> c_int, or -1;
    H5Pget_chunk(id: Id, most: c_int, dims: *mut u64) -> c_int, or -1;
    H5Pget_nfilters(id: Id) -> c_int, or -1;
    H5Pget_alignment(id: Id, threshold: *mut u64, multiple: *mut u64) -> c_int, or -1;
}

/// No more blocks of a selection are listed.
const MOST_BLOCKS: u64 = 256;
/// HDF5's own limit.
const MOST_DIMENSIONS: usize = 32;
/// What is known of more datasets than these is forgotten.
const MOST_DATASETS: usize = 10_000;

/// What is known of files, property lists and datasets.
#[derive(Default)]
struct Known {
    /// By the name that HDF5 has for the file: its whole path, and its ranks.
    files: HashMap<String, (String, Option<Group>)>,
    /// The ranks that a file will have that is opened by this property list.
    fapls: HashMap<Id, Option<Group>>,
    /// Ids do not come again.
    datasets: HashMap<Id, Dataset>,
}

#[derive(Clone)]
struct Dataset {
    file: Option<String>,
    group: Option<Group>,
    object: Option<String>,
    element: Option<String>,
    element_size: Option<u64>,
}

static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

fn with_known<T>(use_it: impl FnOnce(&mut Known) -> T) -> T {
    let mut guard = KNOWN
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    use_it(guard.get_or_insert_default())
}

/// The address of a function of the library; 0 if there is no HDF5.
pub fn some_function() -> usize {
    symbol(c"H5get_libversion")
}

/// Asks HDF5, without a word from it on standard error if it has no answer.
pub fn without_complaints<T>(ask: impl FnOnce() -> T) -> T {
    let (mut function, mut data) = (0, 0);
    // SAFETY: 0 is this thread's error stack; a function and a pointer fit into ours.
    let silenced = unsafe {
        H5Eget_auto2(0, &raw mut function, &raw mut data) >= 0 && H5Eset_auto2(0, 0, 0) >= 0
    };
    let answer = ask();
    if silenced {
        // SAFETY: this is what was set before.
        unsafe { H5Eset_auto2(0, function, data) };
    }
    answer
}

// ---- what each function is called for ----

/// A function that is of no interest itself, but may call MPI.
pub fn nothing(_: &[usize], _: &mut Call) -> bool {
    false
}

/// `H5Fcreate`: path, flags, creation properties, access properties.
pub fn create_file(args: &[usize], call: &mut Call) -> bool {
    file_by_path(args[0], args[3], call)
}

/// `H5Fopen`: path, flags, access properties.
pub fn open_file(args: &[usize], call: &mut Call) -> bool {
    file_by_path(args[0], args[2], call)
}

fn file_by_path(path: usize, fapl: usize, call: &mut Call) -> bool {
    call.file = text(path).map(|it| whole_path(&it));
    let group = with_known(|known| known.fapls.get(&(fapl as Id)).cloned().flatten());
    set_group(group, call);
    let fapl = fapl as Id;
    if fapl > 0 && is_valid(fapl) {
        let (mut threshold, mut multiple) = (1, 1);
        // SAFETY: the list exists, and the numbers are ours.
        let asked =
            unsafe { H5Pget_alignment(fapl, &raw mut threshold, &raw mut multiple) };
        call.alignment = (asked >= 0 && multiple > 1).then_some((threshold, multiple));
    }
    true
}

/// Something done to the file that this id belongs to.
pub fn of_file(args: &[usize], call: &mut Call) -> bool {
    set_file(args[0] as Id, call);
    true
}

/// `H5Idec_ref`: closes a file, if it is the last handle of one.
pub fn release(args: &[usize], call: &mut Call) -> bool {
    const FILE: c_int = 1;
    let id = args[0] as Id;
    // SAFETY: any number may be asked about.
    let closes = unsafe { H5Iget_type(id) == FILE && H5Iget_ref(id) == 1 };
    if closes {
        set_file(id, call);
    }
    closes
}

/// Something of this name in this place.
pub fn named(args: &[usize], call: &mut Call) -> bool {
    set_file(args[0] as Id, call);
    call.object = joined(args[0] as Id, args[1]);
    true
}

/// The place itself.
pub fn object(args: &[usize], call: &mut Call) -> bool {
    set_file(args[0] as Id, call);
    call.object = name_of(args[0] as Id);
    true
}

/// `H5Dcreate2`: place, name, type, space, link, creation and access properties.
pub fn create_dataset(args: &[usize], call: &mut Call) -> bool {
    named(args, call);
    new_dataset(args[2], args[3], args[5], call)
}

/// `H5Dcreate1`: place, name, type, space, creation properties.
pub fn create_dataset_1(args: &[usize], call: &mut Call) -> bool {
    named(args, call);
    new_dataset(args[2], args[3], args[4], call)
}

/// `H5Dcreate_anon`: place, type, space, creation and access properties.
pub fn create_dataset_anon(args: &[usize], call: &mut Call) -> bool {
    set_file(args[0] as Id, call);
    new_dataset(args[1], args[2], args[3], call)
}

fn new_dataset(datatype: usize, space: usize, dcpl: usize, call: &mut Call) -> bool {
    set_element(datatype as Id, call);
    call.shape = extent(space as Id);
    let dcpl = dcpl as Id;
    if dcpl > 0 && is_valid(dcpl) {
        const CHUNKED: c_int = 2;
        let mut dims = [0; MOST_DIMENSIONS];
        // SAFETY: the list exists; `dims` has room for as many dimensions as there can be.
        unsafe {
            if H5Pget_layout(dcpl) == CHUNKED {
                let count = H5Pget_chunk(dcpl, MOST_DIMENSIONS as c_int, dims.as_mut_ptr());
                let count = usize::try_from(count).unwrap_or(0).min(MOST_DIMENSIONS);
                call.chunk = Some(dims[..count].to_vec());
            }
            call.filters = u32::try_from(H5Pget_nfilters(dcpl))
                .ok()
                .filter(|it| *it > 0);
        }
    }
    true
}

/// `H5Dset_extent`: dataset, new shape.
pub fn set_extent(args: &[usize], call: &mut Call) -> bool {
    let dims = set_dataset(args[0] as Id, call).map_or(0, |it| it.len());
    if args[1] != 0 {
        let shape = (0..dims).map(|n| {
            // SAFETY: the program gives one number for each dimension.
            unsafe { *(args[1] as *const u64).add(n) }
        });
        call.shape = Some(shape.collect());
    }
    true
}

/// `H5Acreate2`: place, name, type, space.
pub fn create_attribute(args: &[usize], call: &mut Call) -> bool {
    attribute(args, call);
    set_element(args[2] as Id, call);
    call.shape = extent(args[3] as Id);
    true
}

/// `H5Acreate_by_name`: place, object, name, type, space.
pub fn create_attribute_by_name(args: &[usize], call: &mut Call) -> bool {
    attribute_by_name(args, call);
    set_element(args[3] as Id, call);
    call.shape = extent(args[4] as Id);
    true
}

/// An attribute of the place: place, name.
pub fn attribute(args: &[usize], call: &mut Call) -> bool {
    object(args, call);
    call.attribute = text(args[1]);
    true
}

/// An attribute of an object: place, object, name.
pub fn attribute_by_name(args: &[usize], call: &mut Call) -> bool {
    named(args, call);
    call.attribute = text(args[2]);
    true
}

/// `H5Arename`: place, old name, new name.
pub fn rename_attribute(args: &[usize], call: &mut Call) -> bool {
    attribute(args, call);
    call.target = text(args[2]);
    true
}

/// `H5Arename_by_name`: place, object, old name, new name.
pub fn rename_attribute_by_name(args: &[usize], call: &mut Call) -> bool {
    attribute_by_name(args, call);
    call.target = text(args[3]);
    true
}

/// `H5Awrite`: attribute, type in memory, value.
pub fn write_attribute(args: &[usize], call: &mut Call) -> bool {
    let id = args[0] as Id;
    object(args, call);
    call.value = value(id, args[1] as Id, args[2]);
    // SAFETY: `read_name` gives a buffer and its size.
    call.attribute = read_name(id, |id, to, size| unsafe { H5Aget_name(id, size, to) });
    true
}

/// What is about to be written to an attribute, as the ranks' values are compared: see
/// [`Call::value`].
fn value(attribute: Id, datatype: Id, from: usize) -> Option<String> {
    /// More is not looked at: the attribute is a table, and this is only a recorder.
    const LONGEST: usize = 1 << 20;
    const INTEGER: c_int = 0;
    const FLOAT: c_int = 1;
    const TEXT: c_int = 3;
    const ENUMERATION: c_int = 8;
    if from == 0 || !is_valid(attribute) || !is_valid(datatype) {
        return None;
    }
    // SAFETY: both exist.
    let (class, size, count) = unsafe {
        let space = H5Aget_space(attribute);
        let count = H5Sget_simple_extent_npoints(space);
        H5Sclose(space);
        (H5Tget_class(datatype), H5Tget_size(datatype), count)
    };
    // SAFETY: as above.
    if class == TEXT && unsafe { H5Tis_variable_str(datatype) } != 0 {
        // One pointer to a text, which HDF5 is about to follow as well.
        // SAFETY: as there is one element, there is one pointer.
        let pointer = (count == 1).then(|| unsafe { *(from as *const usize) })?;
        return Some(shown_text(text(pointer)?.as_bytes()));
    }
    // No pointers, and no bytes between the fields of a structure, which mean nothing.
    let plain = matches!(class, INTEGER | FLOAT | TEXT | ENUMERATION);
    let length = size.checked_mul(usize::try_from(count).ok()?)?;
    if !plain || length == 0 || length > LONGEST {
        return None;
    }
    // SAFETY: HDF5 is about to read as many bytes from there.
    let bytes = unsafe { std::slice::from_raw_parts(from as *const u8, length) };
    if class == TEXT && count == 1 {
        return Some(shown_text(bytes));
    }
    // SAFETY: the type exists.
    let signed = class == INTEGER && unsafe { H5Tget_sign(datatype) } != 0;
    let numbers = bytes
        .chunks_exact(size)
        .map(|it| number(class == FLOAT, signed, it));
    Some(match numbers.collect::<Option<Vec<String>>>() {
        Some(numbers) if numbers.len() == 1 => numbers[0].clone(),
        Some(numbers) if numbers.len() <= 8 => format!("[{}]", numbers.join(", ")),
        _ => digest(bytes),
    })
}

/// A number in memory.
fn number(float: bool, signed: bool, bytes: &[u8]) -> Option<String> {
    macro_rules! of {
        ($type:ty) => {
            format!("{:?}", <$type>::from_ne_bytes(bytes.try_into().ok()?))
        };
    }
    Some(match (float, signed, bytes.len()) {
        (true, _, 4) => of!(f32),
        (true, _, 8) => of!(f64),
        (false, true, 1) => of!(i8),
        (false, true, 2) => of!(i16),
        (false, true, 4) => of!(i32),
        (false, true, 8) => of!(i64),
        (false, false, 1) => of!(u8),
        (false, false, 2) => of!(u16),
        (false, false, 4) => of!(u32),
        (false, false, 8) => of!(u64),
        _ => return None,
    })
}

/// A text up to its zero byte, in quotation marks, if it is short.
fn shown_text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|it| *it == 0);
    let bytes = &bytes[..end.unwrap_or(bytes.len())];
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.len() <= 64 => format!("{text:?}"),
        _ => digest(bytes),
    }
}

/// So that ranks can be compared without what they wrote (FNV-1a).
fn digest(bytes: &[u8]) -> String {
    let digest = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("of {} bytes (digest {digest:016x})", bytes.len())
}

/// From one place and name to another: `H5Lmove`, `H5Lcopy`, `H5Ocopy`, `H5Lcreate_hard`.
pub fn from_to(args: &[usize], call: &mut Call) -> bool {
    const SAME: usize = 0;
    let (from, to) = match (args[0], args[2]) {
        (SAME, to) => (to, to),
        (from, SAME) => (from, from),
        both => both,
    };
    set_file(to as Id, call);
    call.object = joined(from as Id, args[1]);
    call.target = joined(to as Id, args[3]);
    true
}

/// `H5Lcreate_soft`: where it points, place, name.
pub fn soft_link(args: &[usize], call: &mut Call) -> bool {
    named(&args[1..], call);
    call.target = text(args[0]);
    true
}

/// `H5Lcreate_external`: file, path in it, place, name.
pub fn external_link(args: &[usize], call: &mut Call) -> bool {
    named(&args[2..], call);
    call.target = text(args[0])
        .zip(text(args[1]))
        .map(|(file, path)| format!("{file}:{path}"));
    true
}

/// `H5Olink`: object, new place, new name.
pub fn link_object(args: &[usize], call: &mut Call) -> bool {
    named(&args[1..], call);
    call.target = name_of(args[0] as Id);
    true
}

/// `H5Dwrite`: dataset, memory type and space, file space, transfer properties.
pub fn write(args: &[usize], call: &mut Call) -> bool {
    transfer(args, true, call)
}

/// `H5Dread`: the same.
pub fn read(args: &[usize], call: &mut Call) -> bool {
    transfer(args, false, call)
}

fn transfer(args: &[usize], write: bool, call: &mut Call) -> bool {
    let (dataset, space, dxpl) = (args[0] as Id, args[3] as Id, args[4] as Id);
    let shape = set_dataset(dataset, call);
    call.shape = shape.clone();
    let collective = is_collective(dxpl);
    call.collective = collective && call.group.is_some();
    call.access = Some(Access {
        write,
        collective,
        selection: selection(space, shape.as_deref().unwrap_or_default()),
    });
    true
}

/// Whether a data-transfer property list asks for a collective transfer.
fn is_collective(dxpl: Id) -> bool {
    let mut mode = 0;
    if dxpl > 0 && is_valid(dxpl) {
        // SAFETY: the list exists, and the mode is ours.
        unsafe { H5Pget_dxpl_mpio(dxpl, &raw mut mode) };
    }
    mode == 1
}

// ---- what is learnt from calls that succeeded ----

/// `H5Dwrite` and `H5Dread`: whether the transfer was collective, if it was asked to be.
pub fn honoured(args: &[usize]) -> Option<bool> {
    let (dxpl, mut mode) = (args[4] as Id, -1);
    if !is_collective(dxpl) {
        return None;
    }
    // SAFETY: the list exists, and the mode is ours.
    let known = unsafe { H5Pget_mpio_actual_io_mode(dxpl, &raw mut mode) } >= 0;
    // H5D_MPIO_CHUNK_COLLECTIVE, H5D_MPIO_CONTIGUOUS_COLLECTIVE
    known.then_some(mode == 2 || mode == 4)
}

/// `H5Fcreate` and `H5Fopen`: which ranks have the file.
pub fn opened(args: &[usize], file: Id) {
    say_version();
    let Some(path) = text(args[0]).map(|it| whole_path(&it)) else {
        return;
    };
    let Some(name) = without_complaints(|| file_name(file)) else {
        return;
    };
    with_known(|known| {
        // The access properties are the last argument.
        let fapl = args[args.len() - 1] as Id;
        let group = known.fapls.get(&fapl).cloned().flatten();
        known.files.insert(name, (path, group));
    });
}

/// Writes once which HDF5 it is.
fn say_version() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let mut version: [c_uint; 3] = [0; 3];
        let [major, minor, release] = &mut version;
        // SAFETY: three numbers of ours.
        if unsafe { H5get_libversion(major, minor, release) } >= 0 {
            let [major, minor, release] = version;
            let words = format!("HDF5 {major}.{minor}.{release}");
            writer::event(&Event::Library(words));
        }
    });
}

/// `H5Pset_fapl_mpio`: list, communicator.
pub fn fapl_set(args: &[usize]) {
    let group = mpi::group(args[1]);
    with_known(|known| known.fapls.insert(args[0] as Id, group));
}

/// `H5Pcopy`.
pub fn fapl_copied(args: &[usize], copy: Id) {
    with_known(|known| {
        if let Some(group) = known.fapls.get(&(args[0] as Id)).cloned() {
            known.fapls.insert(copy, group);
        }
    });
}

/// `H5Pclose`.
pub fn fapl_closed(args: &[usize]) {
    with_known(|known| known.fapls.remove(&(args[0] as Id)));
}

/// `H5Fget_access_plist`: a file opened by this list has the ranks of the first.
pub fn fapl_of_file(args: &[usize], fapl: Id) {
    let name = without_complaints(|| file_name(args[0] as Id));
    with_known(|known| {
        let file = name.and_then(|it| known.files.get(&it).cloned());
        if let Some((_, group)) = file {
            known.fapls.insert(fapl, group);
        }
    });
}

/// Objects may have other names now.
pub fn names_changed() {
    with_known(|known| known.datasets.clear());
}

// ---- questions ----

fn is_valid(id: Id) -> bool {
    // SAFETY: any number may be asked about.
    unsafe { H5Iis_valid(id) > 0 }
}

/// A name that HDF5 writes into a buffer.
fn read_name(id: Id, ask: impl Fn(Id, *mut c_char, usize) -> isize) -> Option<String> {
    let mut buffer = [0_u8; 1024];
    if !is_valid(id) {
        return None;
    }
    let length = ask(id, buffer.as_mut_ptr().cast(), buffer.len());
    let length = usize::try_from(length).ok()?.min(buffer.len() - 1);
    (length > 0).then(|| String::from_utf8_lossy(&buffer[..length]).into_owned())
}

fn file_name(id: Id) -> Option<String> {
    // SAFETY: `read_name` gives a buffer and its size.
    read_name(id, |id, to, size| unsafe { H5Fget_name(id, to, size) })
}

/// The path of an object in its file.
fn name_of(id: Id) -> Option<String> {
    // SAFETY: `read_name` gives a buffer and its size.
    read_name(id, |id, to, size| unsafe { H5Iget_name(id, to, size) })
}

/// The path of something called `name` in a place.
fn joined(place: Id, name: usize) -> Option<String> {
    let name = text(name)?;
    let mut path = match name.starts_with('/') {
        true => String::new(),
        false => name_of(place)?,
    };
    for part in name.split('/').filter(|it| !matches!(*it, "" | ".")) {
        if !path.ends_with('/') {
            path.push('/');
        }
        path.push_str(part);
    }
    Some(path)
}

fn set_group(group: Option<Group>, call: &mut Call) {
    call.collective = group.is_some();
    call.group = group.map(|it| it.to_vec());
}

fn file_of(id: Id) -> (Option<String>, Option<Group>) {
    let Some(name) = file_name(id) else {
        return (None, None);
    };
    match with_known(|known| known.files.get(&name).cloned()) {
        Some((path, group)) => (Some(path), group),
        None => (Some(whole_path(&name)), None),
    }
}

fn set_file(id: Id, call: &mut Call) {
    let (file, group) = file_of(id);
    call.file = file;
    set_group(group, call);
}

/// What is known of a dataset, and its shape.
fn set_dataset(id: Id, call: &mut Call) -> Option<Vec<u64>> {
    if !is_valid(id) {
        return None;
    }
    let known = with_known(|known| known.datasets.get(&id).cloned());
    let dataset = known.unwrap_or_else(|| {
        let (file, group) = file_of(id);
        let mut described = Call::default();
        // SAFETY: the dataset exists; its type is closed here.
        unsafe {
            let datatype = H5Dget_type(id);
            set_element(datatype, &mut described);
            if datatype > 0 {
                H5Tclose(datatype);
            }
        }
        let dataset = Dataset {
            file,
            group,
            object: name_of(id),
            element: described.element,
            element_size: described.element_size,
        };
        with_known(|known| {
            if known.datasets.len() >= MOST_DATASETS {
                known.datasets.clear();
            }
            known.datasets.insert(id, dataset.clone());
        });
        dataset
    });
    call.file = dataset.file;
    call.object = dataset.object;
    call.element = dataset.element;
    call.element_size = dataset.element_size;
    set_group(dataset.group, call);
    // SAFETY: the dataset exists; its space is closed here.
    unsafe {
        let space = H5Dget_space(id);
        let shape = extent(space);
        if space > 0 {
            H5Sclose(space);
        }
        shape
    }
}

fn extent(space: Id) -> Option<Vec<u64>> {
    if space <= 0 || !is_valid(space) {
        return None;
    }
    let mut dims = [0; MOST_DIMENSIONS];
    // SAFETY: `dims` has room for as many dimensions as there can be.
    let count =
        unsafe { H5Sget_simple_extent_dims(space, dims.as_mut_ptr(), ptr::null_mut()) };
    let count = usize::try_from(count).ok()?.min(MOST_DIMENSIONS);
    Some(dims[..count].to_vec())
}

fn set_element(datatype: Id, call: &mut Call) {
    if datatype <= 0 || !is_valid(datatype) {
        return;
    }
    // SAFETY: the type exists.
    let (class, size, sign) = unsafe {
        let class = H5Tget_class(datatype);
        let sign = if class == 0 { H5Tget_sign(datatype) } else { 0 };
        (class, H5Tget_size(datatype) as u64, sign)
    };
    call.element_size = Some(size);
    call.element = Some(match (class, sign) {
        (0, 0) => format!("u{}", 8 * size),
        (0, _) => format!("i{}", 8 * size),
        (1, _) => format!("f{}", 8 * size),
        (3, _) => format!("string({size})"),
        (4, _) => format!("bits({size})"),
        (5, _) => format!("opaque({size})"),
        (6, _) => format!("compound({size})"),
        (7, _) => format!("reference({size})"),
        (8, _) => format!("enum({size})"),
        (9, _) => "variable length".to_owned(),
        (10, _) => format!("array({size})"),
        (11, _) => format!("complex({size})"),
        _ => format!("other({size})"),
    });
}

/// What is selected in a space of this shape. 0 stands for all.
fn selection(space: Id, shape: &[u64]) -> Selection {
    if space == 0 {
        return Selection::All;
    }
    if !is_valid(space) {
        return everything(shape);
    }
    let dims = shape.len();
    // SAFETY: the space exists. The functions fill in one number for each of its dimensions,
    // or two for each block and dimension, which is what there is room for: a space in a
    // file has as many dimensions as the dataset, which is looked at here once more.
    unsafe {
        if H5Sget_simple_extent_ndims(space) != dims as c_int {
            return everything(shape);
        }
        match H5Sget_select_type(space) {
            0 => Selection::Nothing,
            1 => points(space, dims).unwrap_or_else(|| bounds(space, shape)),
            2 if H5Sis_regular_hyperslab(space) > 0 => {
                let [mut start, mut stride, mut count, mut block] =
                    [(); 4].map(|()| vec![0; dims]);
                let failed = H5Sget_regular_hyperslab(
                    space,
                    start.as_mut_ptr(),
                    stride.as_mut_ptr(),
                    count.as_mut_ptr(),
                    block.as_mut_ptr(),
                ) < 0;
                if failed {
                    return bounds(space, shape);
                }
                if count.contains(&0) || block.contains(&0) {
                    return Selection::Nothing;
                }
                Selection::Regular {
                    start,
                    stride,
                    count,
                    block,
                }
            }
            2 => blocks(space, dims).unwrap_or_else(|| bounds(space, shape)),
            3 => Selection::All,
            _ => everything(shape),
        }
    }
}

fn everything(shape: &[u64]) -> Selection {
    Selection::Blocks {
        blocks: vec![Block {
            start: vec![0; shape.len()],
            end: shape.to_vec(),
        }],
        exact: false,
    }
}

/// # Safety
/// The space exists, and has `dims` dimensions.
unsafe fn blocks(space: Id, dims: usize) -> Option<Selection> {
    // SAFETY: the caller's; there is room for two corners of each block.
    let corners = unsafe {
        let count = u64::try_from(H5Sget_select_hyper_nblocks(space)).ok()?;
        if count > MOST_BLOCKS {
            return None;
        }
        let mut corners = vec![0; 2 * dims * count as usize];
        if H5Sget_select_hyper_blocklist(space, 0, count, corners.as_mut_ptr()) < 0 {
            return None;
        }
        corners
    };
    let block = |it: &[u64]| Block {
        start: it[..dims].to_vec(),
        end: it[dims..].iter().map(|last| last + 1).collect(),
    };
    Some(Selection::Blocks {
        blocks: corners.chunks_exact(2 * dims.max(1)).map(block).collect(),
        exact: true,
    })
}

/// # Safety
/// The space exists, and has `dims` dimensions.
unsafe fn points(space: Id, dims: usize) -> Option<Selection> {
    // SAFETY: the caller's; there is room for each point.
    let points = unsafe {
        let count = u64::try_from(H5Sget_select_elem_npoints(space)).ok()?;
        if count > MOST_BLOCKS {
            return None;
        }
        let mut points = vec![0; dims * count as usize];
        if H5Sget_select_elem_pointlist(space, 0, count, points.as_mut_ptr()) < 0 {
            return None;
        }
        points
    };
    let block = |it: &[u64]| Block {
        start: it.to_vec(),
        end: it.iter().map(|index| index + 1).collect(),
    };
    Some(Selection::Blocks {
        blocks: points.chunks_exact(dims.max(1)).map(block).collect(),
        exact: true,
    })
}

/// # Safety
/// The space exists, and has as many dimensions as the shape.
unsafe fn bounds(space: Id, shape: &[u64]) -> Selection {
    let (mut start, mut last) = (vec![0; shape.len()], vec![0; shape.len()]);
    // SAFETY: the caller's.
    if unsafe { H5Sget_select_bounds(space, start.as_mut_ptr(), last.as_mut_ptr()) } < 0 {
        return everything(shape);
    }
    let end = last.into_iter().map(|it| it + 1).collect();
    Selection::Blocks {
        blocks: vec![Block { start, end }],
        exact: false,
    }
}
