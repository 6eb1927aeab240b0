"""A file with a dataset of every layout, and links of every kind. Arguments: the file, and the
size of its user block."""
import sys

import h5py
import numpy as np

with h5py.File(sys.argv[1], "w", userblock_size=int(sys.argv[2])) as file:
    file["rows"] = np.arange(12, dtype="f4").reshape(6, 2)
    file.create_group("a/b")["deep"] = np.arange(5, dtype="i8")
    file.create_dataset("chunked", data=np.arange(35, dtype="i4").reshape(5, 7), chunks=(2, 3))
    squeezed = file.create_dataset(
        "squeezed", shape=(100, 4), dtype="i2", chunks=(30, 4), compression="gzip"
    )
    squeezed[10:40] = 7
    sparse = file.create_dataset("sparse", shape=(20,), dtype="i4", chunks=(4,))
    sparse[9] = 1
    file.create_dataset("never", shape=(8,), dtype="f8")
    file["single"] = 3.5

    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((4,))
    h5py.h5d.create(file.id, b"compact", h5py.h5t.NATIVE_INT32, space, compact)
    file.create_dataset("raw", shape=(10,), dtype="u1", external=[("raw.bin", 0, 10)])
    virtual = h5py.VirtualLayout(shape=(6, 2), dtype="f4")
    virtual[:] = h5py.VirtualSource(file["rows"])
    file.create_virtual_dataset("virtual", virtual)

    file["link"] = file["a/b/deep"]
    file["soft"] = h5py.SoftLink("/rows")
    file["dangling"] = h5py.SoftLink("/nothing")
    file["away"] = h5py.ExternalLink("other.hdf5", "/x")
    file["circle"] = file["/"]
