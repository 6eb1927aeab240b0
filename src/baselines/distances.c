/* Chapter 3 in C: each rank reads its rows of `coords`, and writes its rows of `distances`.
   `distances FILE BLOCK`: in blocks of so many rows; BLOCK 0: all rows of a rank at once. */
#include <hdf5.h>
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The seconds since `*since`, of the slowest rank. The next ones are counted from now. */
static double lap(double *since) {
    double mine = MPI_Wtime() - *since, slowest;
    MPI_Allreduce(&mine, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    *since = MPI_Wtime();
    return slowest;
}

/* The most memory that this process has used, in MiB. */
static double peak_memory(void) {
    char line[256];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &kib);
    if (status) fclose(status);
    return kib / 1024.0;
}

static void check(int good, const char *what) {
    if (good) return;
    fprintf(stderr, "cannot %s\n", what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    int rank, size;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    check(argc == 3, "do without two arguments: the file, and the rows of a block");

    MPI_Barrier(MPI_COMM_WORLD);
    double since = MPI_Wtime();
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_mpio(fapl, MPI_COMM_WORLD, MPI_INFO_NULL);
    hid_t file = H5Fopen(argv[1], H5F_ACC_RDWR, fapl);
    check(file >= 0, "open the file");
    hid_t coords = H5Dopen(file, "coords", H5P_DEFAULT);
    hid_t distances = H5Dopen(file, "distances", H5P_DEFAULT);
    hid_t in = H5Dget_space(coords), out = H5Dget_space(distances);
    hsize_t shape[2];
    H5Sget_simple_extent_dims(in, shape, NULL);
    check(shape[1] == 2, "work with points of other than two columns");
    double opened = lap(&since);

    hsize_t share = shape[0] / size, left = shape[0] % size;
    hsize_t start = rank * share + ((hsize_t)rank < left ? (hsize_t)rank : left);
    hsize_t mine = share + ((hsize_t)rank < left);
    hsize_t block = strtoull(argv[2], NULL, 10);
    if (block == 0 || block > mine) block = mine;
    float *points = malloc(block * 2 * sizeof *points);
    float *result = malloc(block * sizeof *result);
    check(block == 0 || (points && result), "get the memory");

    for (hsize_t done = 0; done < mine; done += block) {
        hsize_t rows = block < mine - done ? block : mine - done;
        hsize_t at[2] = {start + done, 0}, count[2] = {rows, 2};
        hid_t memory = H5Screate_simple(2, count, NULL);
        H5Sselect_hyperslab(in, H5S_SELECT_SET, at, NULL, count, NULL);
        check(H5Dread(coords, H5T_NATIVE_FLOAT, memory, in, H5P_DEFAULT, points) >= 0, "read");
        H5Sclose(memory);

        for (hsize_t row = 0; row < rows; row++) {
            float x = points[2 * row], y = points[2 * row + 1];
            result[row] = sqrtf(x * x + y * y);
        }

        memory = H5Screate_simple(1, count, NULL);
        H5Sselect_hyperslab(out, H5S_SELECT_SET, at, NULL, count, NULL);
        check(H5Dwrite(distances, H5T_NATIVE_FLOAT, memory, out, H5P_DEFAULT, result) >= 0,
              "write");
        H5Sclose(memory);
    }
    double worked = lap(&since);

    H5Sclose(in), H5Sclose(out), H5Dclose(coords), H5Dclose(distances);
    check(H5Fclose(file) >= 0, "close the file");
    H5Pclose(fapl);
    double closed = lap(&since);
    double memory = peak_memory(), most;
    MPI_Allreduce(&memory, &most, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    if (rank == 0)
        printf("open %.6f s, work %.6f s, close %.6f s; at most %.1f MiB a rank\n", opened, worked,
               closed, most);
    free(points), free(result);
    MPI_Finalize();
    return 0;
}
