//! Writes down what a rank calls in MPI and HDF5.
