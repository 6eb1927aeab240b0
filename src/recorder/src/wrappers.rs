//! One function for each of MPI and HDF5 that is written down.

use std::ffi::{CStr, c_void};
use std::mem::transmute;

use crate::hdf5;
use crate::intercept::{What, around};
use crate::mpi::{ANY, Place};
use crate::symbols::Symbol;

/// As wide as a register, which holds whatever the program gives: a number, a pointer, a
/// handle of either MPI. It is handed on as it came.
macro_rules! register {
    ($arg:ident) => {
        usize
    };
}

macro_rules! wrappers {
    ($($name:ident($($arg:ident)*) $what:expr;)*) => {
        $(
            #[allow(non_snake_case, reason = "the name in C")]
            #[unsafe(no_mangle)]
            extern "C" fn $name($($arg: usize),*) -> usize {
                static REAL: Symbol = Symbol::new(
                    match CStr::from_bytes_with_nul(
                        concat!(stringify!($name), "\0").as_bytes(),
                    ) {
                        Ok(name) => name,
                        Err(_) => panic!(),
                    },
                );
                const WHAT: What = $what;
                let real = REAL.find();
                if real.is_null() {
                    return WHAT.failure();
                }
                // SAFETY: the function has as many arguments, and each of them, and what it
                // gives back, is passed in a register or in a place of that size.
                let real = unsafe {
                    transmute::<
                        *mut c_void,
                        unsafe extern "C" fn($(register!($arg)),*) -> usize,
                    >(real)
                };
                // SAFETY: the arguments are those of the program.
                around(stringify!($name), WHAT, &[$($arg),*], || unsafe { real($($arg),*) })
            }
        )*
    };
}

wrappers! {
    MPI_Init(a b) What::Mpi(ANY);
    MPI_Init_thread(a b c d) What::Mpi(ANY);
    MPI_Finalize() What::Mpi(ANY);
    MPI_Abort(a b) What::Mpi(ANY);
    MPI_Barrier(a) What::Mpi(ANY.all_of(0));
    MPI_Ibarrier(a b) What::Mpi(ANY.all_of(0));
    MPI_Bcast(a b c d e) What::Mpi(ANY.all_of(4).root(3).amount(1, 2));
    MPI_Ibcast(a b c d e f) What::Mpi(ANY.all_of(4).root(3).amount(1, 2));
    MPI_Gather(a b c d e f g h) What::Mpi(ANY.all_of(7).root(6));
    MPI_Igather(a b c d e f g h i) What::Mpi(ANY.all_of(7).root(6));
    MPI_Gatherv(a b c d e f g h i) What::Mpi(ANY.all_of(8).root(7));
    MPI_Igatherv(a b c d e f g h i j) What::Mpi(ANY.all_of(8).root(7));
    MPI_Scatter(a b c d e f g h) What::Mpi(ANY.all_of(7).root(6));
    MPI_Iscatter(a b c d e f g h i) What::Mpi(ANY.all_of(7).root(6));
    MPI_Scatterv(a b c d e f g h i) What::Mpi(ANY.all_of(8).root(7));
    MPI_Iscatterv(a b c d e f g h i j) What::Mpi(ANY.all_of(8).root(7));
    MPI_Allgather(a b c d e f g) What::Mpi(ANY.all_of(6));
    MPI_Iallgather(a b c d e f g h) What::Mpi(ANY.all_of(6));
    MPI_Allgatherv(a b c d e f g h) What::Mpi(ANY.all_of(7));
    MPI_Iallgatherv(a b c d e f g h i) What::Mpi(ANY.all_of(7));
    MPI_Alltoall(a b c d e f g) What::Mpi(ANY.all_of(6));
    MPI_Ialltoall(a b c d e f g h) What::Mpi(ANY.all_of(6));
    MPI_Alltoallv(a b c d e f g h i) What::Mpi(ANY.all_of(8));
    MPI_Ialltoallv(a b c d e f g h i j) What::Mpi(ANY.all_of(8));
    MPI_Alltoallw(a b c d e f g h i) What::Mpi(ANY.all_of(8));
    MPI_Ialltoallw(a b c d e f g h i j) What::Mpi(ANY.all_of(8));
    MPI_Reduce(a b c d e f g) What::Mpi(ANY.all_of(6).root(5).amount(2, 3));
    MPI_Ireduce(a b c d e f g h) What::Mpi(ANY.all_of(6).root(5).amount(2, 3));
    MPI_Allreduce(a b c d e f) What::Mpi(ANY.all_of(5).amount(2, 3));
    MPI_Iallreduce(a b c d e f g) What::Mpi(ANY.all_of(5).amount(2, 3));
    MPI_Reduce_scatter(a b c d e f) What::Mpi(ANY.all_of(5));
    MPI_Ireduce_scatter(a b c d e f g) What::Mpi(ANY.all_of(5));
    MPI_Reduce_scatter_block(a b c d e f) What::Mpi(ANY.all_of(5).amount(2, 3));
    MPI_Ireduce_scatter_block(a b c d e f g) What::Mpi(ANY.all_of(5).amount(2, 3));
    MPI_Scan(a b c d e f) What::Mpi(ANY.all_of(5).amount(2, 3));
    MPI_Iscan(a b c d e f g) What::Mpi(ANY.all_of(5).amount(2, 3));
    MPI_Exscan(a b c d e f) What::Mpi(ANY.all_of(5).amount(2, 3));
    MPI_Iexscan(a b c d e f g) What::Mpi(ANY.all_of(5).amount(2, 3));
    MPI_Comm_dup(a b) What::Mpi(ANY.all_of(0));
    MPI_Comm_idup(a b c) What::Mpi(ANY.all_of(0));
    MPI_Comm_dup_with_info(a b c) What::Mpi(ANY.all_of(0));
    MPI_Comm_split(a b c d) What::Mpi(ANY.all_of(0));
    MPI_Comm_split_type(a b c d e) What::Mpi(ANY.all_of(0));
    MPI_Comm_create(a b c) What::Mpi(ANY.all_of(0));
    MPI_Comm_create_group(a b c d) What::Mpi(ANY);
    MPI_Cart_create(a b c d e f) What::Mpi(ANY.all_of(0));
    MPI_Cart_sub(a b c) What::Mpi(ANY.all_of(0));
    MPI_Comm_free(a) What::Mpi(ANY.all_behind(0));
    MPI_Comm_disconnect(a) What::Mpi(ANY.all_behind(0));
    MPI_Send(a b c d e f) What::Mpi(ANY.message(3, 4, 5));
    MPI_Isend(a b c d e f g) What::Mpi(ANY.message(3, 4, 5));
    MPI_Ssend(a b c d e f) What::Mpi(ANY.message(3, 4, 5));
    MPI_Issend(a b c d e f g) What::Mpi(ANY.message(3, 4, 5));
    MPI_Bsend(a b c d e f) What::Mpi(ANY.message(3, 4, 5));
    MPI_Ibsend(a b c d e f g) What::Mpi(ANY.message(3, 4, 5));
    MPI_Rsend(a b c d e f) What::Mpi(ANY.message(3, 4, 5));
    MPI_Irsend(a b c d e f g) What::Mpi(ANY.message(3, 4, 5));
    MPI_Recv(a b c d e f g) What::Mpi(ANY.message(3, 4, 5));
    MPI_Irecv(a b c d e f g) What::Mpi(ANY.message(3, 4, 5));
    MPI_Mrecv(a b c d e) What::Mpi(ANY);
    MPI_Imrecv(a b c d e) What::Mpi(ANY);
    MPI_Sendrecv(a b c d e f g h i j k l) What::Mpi(ANY.message(8, 9, 10));
    MPI_Sendrecv_replace(a b c d e f g h i) What::Mpi(ANY.message(5, 6, 7));
    MPI_Probe(a b c d) What::Mpi(ANY.message(0, 1, 2));
    MPI_Mprobe(a b c d e) What::Mpi(ANY.message(0, 1, 2));
    MPI_Wait(a b) What::Mpi(ANY);
    MPI_Waitall(a b c) What::Mpi(ANY);
    MPI_Waitany(a b c d) What::Mpi(ANY);
    MPI_Waitsome(a b c d e) What::Mpi(ANY);
    MPI_File_open(a b c d e) What::Mpi(ANY.all_of(0).path(1));
    MPI_File_close(a) What::Mpi(ANY.all_of_file_behind(0));
    MPI_File_delete(a b) What::Mpi(ANY.path(0));
    MPI_File_set_size(a b) What::Mpi(ANY.all_of_file(0));
    MPI_File_preallocate(a b) What::Mpi(ANY.all_of_file(0));
    MPI_File_sync(a) What::Mpi(ANY.all_of_file(0));
    MPI_File_set_view(a b c d e f) What::Mpi(ANY.all_of_file(0));
    MPI_File_set_atomicity(a b) What::Mpi(ANY.all_of_file(0));
    MPI_File_read_at_all(a b c d e f)
        What::Mpi(ANY.all_of_file(0).range(Place::Offset(1), 3, 4));
    MPI_File_write_at_all(a b c d e f)
        What::Mpi(ANY.all_of_file(0).range(Place::Offset(1), 3, 4));
    MPI_File_read_all(a b c d e)
        What::Mpi(ANY.all_of_file(0).range(Place::Pointer, 2, 3));
    MPI_File_write_all(a b c d e)
        What::Mpi(ANY.all_of_file(0).range(Place::Pointer, 2, 3));
    MPI_File_get_size(a b) What::Mpi(ANY.of_file(0));
    MPI_File_read_at(a b c d e f)
        What::Mpi(ANY.of_file(0).range(Place::Offset(1), 3, 4));
    MPI_File_write_at(a b c d e f)
        What::Mpi(ANY.of_file(0).range(Place::Offset(1), 3, 4));
    MPI_File_read(a b c d e)
        What::Mpi(ANY.of_file(0).range(Place::Pointer, 2, 3));
    MPI_File_write(a b c d e)
        What::Mpi(ANY.of_file(0).range(Place::Pointer, 2, 3));
    H5Fcreate(a b c d) What::Hdf5(hdf5::create_file);
    H5Fopen(a b c) What::Hdf5(hdf5::open_file);
    H5Fclose(a) What::Hdf5(hdf5::of_file);
    H5Fflush(a b) What::Hdf5(hdf5::of_file);
    H5Freopen(a) What::Hdf5(hdf5::of_file);
    H5Fget_access_plist(a) What::Hdf5(hdf5::of_file);
    H5Fset_mpi_atomicity(a b) What::Hdf5(hdf5::of_file);
    H5Fmount(a b c d) What::Hdf5(hdf5::named);
    H5Funmount(a b) What::Hdf5(hdf5::named);
    H5Idec_ref(a) What::Hdf5(hdf5::release);
    H5Pset_fapl_mpio(a b c) What::Hdf5(hdf5::nothing);
    H5Pcopy(a) What::Hdf5(hdf5::nothing);
    H5Pclose(a) What::Hdf5(hdf5::nothing);
    H5Gcreate1(a b c) What::Hdf5(hdf5::named);
    H5Gcreate2(a b c d e) What::Hdf5(hdf5::named);
    H5Gcreate_anon(a b c) What::Hdf5(hdf5::of_file);
    H5Dcreate1(a b c d e) What::Hdf5(hdf5::create_dataset_1);
    H5Dcreate2(a b c d e f g) What::Hdf5(hdf5::create_dataset);
    H5Dcreate_anon(a b c d e) What::Hdf5(hdf5::create_dataset_anon);
    H5Dset_extent(a b) What::Hdf5(hdf5::set_extent);
    H5Dextend(a b) What::Hdf5(hdf5::set_extent);
    H5Dwrite(a b c d e f) What::Hdf5(hdf5::write);
    H5Dread(a b c d e f) What::Hdf5(hdf5::read);
    H5Acreate1(a b c d e) What::Hdf5(hdf5::create_attribute);
    H5Acreate2(a b c d e f) What::Hdf5(hdf5::create_attribute);
    H5Acreate_by_name(a b c d e f g h) What::Hdf5(hdf5::create_attribute_by_name);
    H5Awrite(a b c) What::Hdf5(hdf5::write_attribute);
    H5Adelete(a b) What::Hdf5(hdf5::attribute);
    H5Adelete_by_name(a b c d) What::Hdf5(hdf5::attribute_by_name);
    H5Arename(a b c) What::Hdf5(hdf5::rename_attribute);
    H5Arename_by_name(a b c d e) What::Hdf5(hdf5::rename_attribute_by_name);
    H5Ldelete(a b c) What::Hdf5(hdf5::named);
    H5Ldelete_by_idx(a b c d e f) What::Hdf5(hdf5::named);
    H5Lmove(a b c d e f) What::Hdf5(hdf5::from_to);
    H5Lcopy(a b c d e f) What::Hdf5(hdf5::from_to);
    H5Lcreate_hard(a b c d e f) What::Hdf5(hdf5::from_to);
    H5Ocopy(a b c d e f) What::Hdf5(hdf5::from_to);
    H5Lcreate_soft(a b c d e) What::Hdf5(hdf5::soft_link);
    H5Lcreate_external(a b c d e f) What::Hdf5(hdf5::external_link);
    H5Olink(a b c d e) What::Hdf5(hdf5::link_object);
    H5Oset_comment(a b) What::Hdf5(hdf5::object);
    H5Tcommit1(a b c) What::Hdf5(hdf5::named);
    H5Tcommit2(a b c d e f) What::Hdf5(hdf5::named);
    H5Tcommit_anon(a b c d) What::Hdf5(hdf5::of_file);
}

/// When a rank looks at MPI's clock. What it gives back does not come in the register that
/// the others use, so it is passed by.
#[allow(non_snake_case, reason = "the name in C")]
#[unsafe(no_mangle)]
extern "C" fn MPI_Wtime() -> f64 {
    static REAL: Symbol = Symbol::new(c"MPI_Wtime");
    let real = REAL.find();
    if real.is_null() {
        return 0.0;
    }
    // SAFETY: the function has no arguments, and gives back a double.
    let real = unsafe { transmute::<*mut c_void, unsafe extern "C" fn() -> f64>(real) };
    let mut now = 0.0;
    around("MPI_Wtime", What::Mpi(ANY), &[], || {
        // SAFETY: as above.
        now = unsafe { real() };
        0
    });
    now
}
