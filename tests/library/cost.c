/* The same as `cost` in ranks.rs, as one writes it in C: property lists, dataspaces and types
   are made once. Arguments: the file, elements a call, calls, 1 for collective.
   Prints the seconds for writing and reading of the slowest rank. */
#include <hdf5.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static double slowest(double mine) {
    double all;
    MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return all;
}

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    int rank, size;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    hsize_t elements = strtoull(argv[2], NULL, 10), calls = strtoull(argv[3], NULL, 10);
    hsize_t total = elements * calls * size;

    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_mpio(fapl, MPI_COMM_WORLD, MPI_INFO_NULL);
    hid_t file = H5Fcreate(argv[1], H5F_ACC_TRUNC, H5P_DEFAULT, fapl);
    hid_t space = H5Screate_simple(1, &total, NULL);
    hid_t dataset = H5Dcreate(file, "x", H5T_NATIVE_FLOAT, space, H5P_DEFAULT, H5P_DEFAULT,
                              H5P_DEFAULT);
    hid_t memory = H5Screate_simple(1, &elements, NULL);
    hid_t dxpl = H5Pcreate(H5P_DATASET_XFER);
    H5Pset_dxpl_mpio(dxpl, atoi(argv[4]) ? H5FD_MPIO_COLLECTIVE : H5FD_MPIO_INDEPENDENT);
    float *values = malloc(elements * sizeof *values);
    for (hsize_t i = 0; i < elements; i++) values[i] = (float)(i % 1000);

    double took[2];
    for (int reads = 0; reads < 2; reads++) {
        MPI_Barrier(MPI_COMM_WORLD);
        double begin = MPI_Wtime();
        for (hsize_t call = 0; call < calls; call++) {
            hsize_t start = (rank * calls + call) * elements;
            H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &elements, NULL);
            herr_t status =
                reads ? H5Dread(dataset, H5T_NATIVE_FLOAT, memory, space, dxpl, values)
                      : H5Dwrite(dataset, H5T_NATIVE_FLOAT, memory, space, dxpl, values);
            if (status < 0) MPI_Abort(MPI_COMM_WORLD, 1);
        }
        took[reads] = slowest(MPI_Wtime() - begin);
    }
    if (rank == 0) printf("took %.9f %.9f\n", took[0], took[1]);
    free(values);
    H5Pclose(dxpl), H5Sclose(memory), H5Dclose(dataset), H5Sclose(space), H5Fclose(file);
    H5Pclose(fapl);
    MPI_Finalize();
    return 0;
}
