//! Lets the programs find, when they run, the HDF5 and the MPI that they were linked with.
//!
//! `HDF5_DIR` names an HDF5 that may lie outside the system's library path (the one
//! that chapter 5 builds, say); `hdf5-metno-sys` links with it but sets no run path.
//! `MPI_RUN_PATH` is set for an MPI that lies outside it: one that came without root.

fn main() {
    println!("cargo::rerun-if-env-changed=HDF5_DIR");
    println!("cargo::rerun-if-env-changed=MPI_RUN_PATH");
    if let Ok(dir) = std::env::var("HDF5_DIR") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{dir}/lib");
    }
    if let Ok(lib) = std::env::var("MPI_RUN_PATH") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    }
}
