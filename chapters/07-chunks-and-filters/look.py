"""Looks at a compressed dataset without MPI: any h5py will do.

Usage: /usr/bin/python3 look.py FILE
"""

import sys

import h5py

with h5py.File(sys.argv[1], "r") as file:
    dataset = file["heights"]
    print("shape", dataset.shape, "chunks", dataset.chunks)
    print("compression", dataset.compression, dataset.compression_opts,
          "shuffle", dataset.shuffle)
    print("last row", dataset[-1, :4], "...")
    # ANCHOR: chunks
    count = dataset.id.get_num_chunks()
    for n in list(range(3)) + [count - 1]:
        chunk = dataset.id.get_chunk_info(n)
        print("chunk", n, "begins at row", chunk.chunk_offset[0], "and takes", chunk.size,
              "bytes from byte", chunk.byte_offset)
    # ANCHOR_END: chunks
