//! Chapter 7: compressed data from any number of ranks; and what the page says of space,
//! unwritten parts, growing and reading again.

mod common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::*;
use hdf5::Dataset;
use launch::Mpi;
use mpi::traits::*;
use ndarray::{Array1, Array2, s};
use parallel_hdf5::{
    DatasetOptions, FileOptions, Transfer, chunked_rows_of, create_dataset, data_folder,
    read_rows, rows_of, write_rows,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chunks-and-filters");

#[path = "../chapters/07-chunks-and-filters/heights.rs"]
mod heights;

/// Fails the test unless the file holds just these rows, compressed in chunks of 64.
#[track_caller]
fn assert_heights(path: &Path, rows: usize) -> Dataset {
    let file = open_serially(path).unwrap();
    let dataset = file.dataset("heights").unwrap();
    let found: Array2<i32> = dataset.read().unwrap();
    assert_eq!(found, heights::of(0..rows, 64));
    assert_eq!(dataset.chunk(), Some(vec![64, 64]));
    assert_eq!(dataset.filters().len(), 2, "shuffle, deflate");
    assert!(dataset.storage_size() < (rows * 64 * 4 / 2) as u64);
    dataset
}

fn in_words(what: &str, range: std::ops::Range<usize>) -> String {
    match range.len() {
        0 => format!("no {what}s"),
        1 => format!("{what} {}", range.start),
        _ => format!("{what}s {} to {}", range.start, range.end - 1),
    }
}

#[test]
fn any_number_of_ranks_writes_the_same_compressed_file() {
    let data = scratch();
    let path = data.path().join("heights.hdf5");
    let mut sizes = Vec::new();
    for ranks in RANKS {
        for (args, whole) in [(&[][..], true), (&["--slabs"], false)] {
            let run = succeed(&launch(PROGRAM, ranks, args, data.path()));
            let mut shared = [0; 16];
            let mut expected = String::new();
            for rank in 0..ranks {
                let mine = match whole {
                    true => chunked_rows_of(rank as i32, ranks as i32, 1000, 64),
                    false => rows_of(rank as i32, ranks as i32, 1000),
                };
                let chunks = mine.start / 64..mine.end.div_ceil(64);
                for chunk in chunks.clone() {
                    shared[chunk] += 1;
                }
                expected += &format!(
                    "rank {rank}: {}, in {}\n",
                    in_words("row", mine),
                    in_words("chunk", chunks)
                );
            }
            let shared = shared.iter().filter(|it| **it > 1).count();
            assert_eq!(shared == 0, whole || ranks == 1);
            expected += &format!("16 chunks, {shared} of them shared by ranks\n");
            let printed = &run.out[0];
            assert!(printed.starts_with(&expected), "{}", run.report());
            assert!(
                printed.contains("collective") && printed.contains("as asked"),
                "{}",
                run.report()
            );
            let dataset = assert_heights(&path, 1000);
            let size = dataset.storage_size();
            let line = format!("256000 bytes of numbers take {size} bytes of the file\n");
            assert!(printed.ends_with(&line), "{}", run.report());
            sizes.push(size);
        }
    }
    sizes.dedup();
    assert_eq!(sizes.len(), 1, "packed alike, whoever packs: {sizes:?}");
}

#[test]
fn a_compressed_dataset_is_not_written_independently() {
    let data = scratch();
    for ranks in [1, 2, 3, 7] {
        let launch = launch(PROGRAM, ranks, &["--independent"], data.path());
        if ranks == 1 && one_rank_may_write_filtered_data_independently() {
            succeed(&launch);
            assert_heights(&data.path().join("heights.hdf5"), 1000);
            continue;
        }
        let run = fail(&launch);
        let complaints = run.complaints();
        assert_eq!(complaints.matches("Error").count(), 1, "{}", run.report());
        assert!(complaints.contains("filters"), "{}", run.report());
    }
}

#[test]
fn it_grows_on_any_number_of_ranks() {
    let data = scratch();
    for ranks in RANKS {
        let run = succeed(&launch(PROGRAM, ranks, &["--append"], data.path()));
        assert!(
            run.out[0].ends_with("step 4: 2 rows more, 389 in all\n"),
            "{}",
            run.report()
        );
        let dataset = assert_heights(&data.path().join("growing.hdf5"), 389);
        assert!(dataset.is_resizable());
    }
}

/// The rows of a table, without its heading: words.
fn table(printed: &str) -> Vec<Vec<&str>> {
    let rows = printed.lines().skip(1);
    rows.map(|row| row.split_whitespace().collect()).collect()
}

/// What is not compressed has all its space at once, whatever was asked for; and not so in a
/// file without MPI. Compressed chunks: as the library does it.
#[test]
fn a_parallel_file_allocates_early() {
    let data = scratch();
    for ranks in [1, 3] {
        let run = succeed(&launch(PROGRAM, ranks, &["--space"], data.path()));
        let rows = table(&run.out[0]);
        assert_eq!(rows.len(), 8, "{}", run.report());
        for row in rows {
            let [layout, allocation, parallel, serial] = row[..] else {
                panic!("{row:?}");
            };
            let plain = if layout == "contiguous" {
                "256000"
            } else {
                "262144"
            };
            match (layout, allocation) {
                ("compressed", "early") => assert_eq!(parallel, serial),
                ("compressed", _) => assert_eq!(serial, "0"),
                (_, "early") => assert_eq!((parallel, serial), (plain, plain)),
                _ => assert_eq!((parallel, serial), (plain, "0"), "{row:?}"),
            }
            if is_hdf5_1_10() && layout == "compressed" {
                assert_ne!(parallel, "0", "{row:?}");
            }
        }
    }
}

#[test]
fn what_is_filled_holds_no_old_numbers() {
    let data = scratch();
    for ranks in [1, 4] {
        let run = succeed(&launch(PROGRAM, ranks, &["--unwritten"], data.path()));
        let rows: Vec<String> = table(&run.out[0]).iter().map(|it| it.join(" ")).collect();
        for layout in ["contiguous", "chunked"] {
            let filled = format!("{layout} at allocation 0 old numbers, 1000 zeros");
            assert!(rows.contains(&filled), "{}", run.report());
        }
        if is_hdf5_1_10() {
            for row in [
                "contiguous if set 1000 old numbers, 0 zeros",
                "chunked if set 0 old numbers, 1000 zeros",
                "chunked never 1000 old numbers, 0 zeros",
            ] {
                assert!(rows.contains(&row.to_owned()), "{row}\n{}", run.report());
            }
        }
    }
}

/// What OMPIO 4.1 leaves in a gap is whatever was in its memory; ROMIO leaves zeros.
#[test]
fn a_gap_that_nobody_wrote_is_zero_if_it_is_filled() {
    let data = scratch();
    let mut usual = launch(PROGRAM, 7, &["--gap"], data.path());
    // 40 files, each made by seven ranks: with MPICH, whose ranks do not give their cores away
    // while they wait, it takes more than a minute where two cores have other things to do.
    usual.limit = Duration::from_secs(300);
    let mut romio = usual.clone();
    if mpi() == Mpi::OpenMpi {
        romio.options = io_options("romio");
    }
    let library = parallel_hdf5::about::mpi_library();
    for (is_romio, launch) in [(mpi() == Mpi::Mpich, usual), (true, romio)] {
        let run = succeed(&launch);
        let line = |word: &str| {
            let mut lines = run.out[0].lines();
            let line = lines.find(|it| it.starts_with(word)).unwrap();
            line.rsplit_once(" hold something in ")
                .unwrap()
                .1
                .to_owned()
        };
        assert_eq!(line("at allocation"), "0 of 20 files", "{}", run.report());
        if is_romio {
            assert_eq!(line("if set"), "0 of 20 files", "{}", run.report());
        } else if library == "Open MPI 4.1.4" && is_hdf5_1_10() {
            assert_ne!(line("if set"), "0 of 20 files", "{}", run.report());
        }
    }
}

#[test]
fn what_a_rank_has_unpacked_it_keeps() {
    let data = scratch();
    for ranks in [1, 2, 4] {
        let run = succeed(&launch(PROGRAM, ranks, &["--again"], data.path()));
        for when in ["then, collectively", "opened again, independently"] {
            let right = format!("{when}: 0 ones, 1000 twos\n");
            assert!(run.out[0].contains(&right), "{}", run.report());
        }
        if is_hdf5_1_10() {
            let old = "then, independently: 1000 ones, 0 twos\n";
            assert!(run.out[0].contains(old), "{}", run.report());
        }
        let file = open_serially(data.path().join("again.hdf5")).unwrap();
        let found = file.dataset("x").unwrap().read_1d::<i32>().unwrap();
        assert!(found.iter().all(|it| *it == 2), "the file is right");
    }
}

/// How many chunks are unpacked is arithmetic; nobody is held to a time.
#[test]
fn the_comparison_says_how_many_chunks_are_unpacked() {
    let data = scratch();
    let run = succeed(&launch(PROGRAM, 2, &["--compare", "1"], data.path()));
    for (layout, rows, columns) in [
        ("chunks of 64 rows", ", 16 of 32", ", 32 of 32"),
        ("chunks of 64 columns", ", 32 of 32", ", 16 of 32"),
        ("chunks of 256 by 256", ", 32 of 64", ", 32 of 64"),
    ] {
        let mut lines = run.out[0].lines();
        let line = lines.find(|it| it.starts_with(layout)).expect(layout);
        assert!(line.contains(rows) && line.ends_with(columns), "{line}");
    }
    let left = std::fs::read_dir(data.path()).unwrap().count();
    assert_eq!(left, 0, "the large files are deleted");
}

/// The page says how large a chunk may be. None of it is written: space is taken when needed.
#[test]
fn a_chunk_has_less_than_4_gib_until_hdf5_2() {
    let data = scratch();
    let file = hdf5::File::create(data.path().join("large.hdf5")).unwrap();
    let create = |name: &str, bytes: usize| {
        let builder = file.new_dataset::<u8>().chunk(bytes).shape(bytes);
        builder.create(name).map(drop)
    };
    create("less", (1 << 32) - 1).expect("less than 4 GiB");
    let created = create("more", 1 << 32);
    assert_eq!(
        created.is_ok(),
        hdf5::library_version() >= (2, 0, 0),
        "{created:?}"
    );
}

/// The Python program writes the same heights, and more of them.
#[test]
fn python_writes_the_same() {
    let data = scratch();
    let script = root().join("chapters/07-chunks-and-filters/chunks_and_filters.py");
    for ranks in [1, 3, 7] {
        succeed(&launch_python(&script, ranks, &[], data.path()));
        assert_heights(&data.path().join("heights-by-python.hdf5"), 1100);
    }
}

/// A serial h5py reads what the ranks wrote, chunk by chunk.
#[test]
fn python_without_mpi_reads_it() {
    let data = scratch();
    succeed(&launch(PROGRAM, 3, &[], data.path()));
    let looked = Command::new(python())
        .arg(root().join("chapters/07-chunks-and-filters/look.py"))
        .arg("heights.hdf5")
        .current_dir(data.path())
        .output()
        .expect("python3 can be started");
    let printed = String::from_utf8_lossy(&looked.stdout);
    let file = open_serially(data.path().join("heights.hdf5")).unwrap();
    let dataset = file.dataset("heights").unwrap();
    for n in [0, 1, 2, 15] {
        let chunk = dataset.chunk_info(n).unwrap();
        let line = format!(
            "chunk {n} begins at row {} and takes {} bytes from byte {}\n",
            chunk.offset[0], chunk.size, chunk.addr
        );
        assert!(printed.contains(&line), "{line}{printed}");
    }
}

/// h5py is refused as the crate is.
#[test]
fn python_may_not_write_independently_either() {
    let data = scratch();
    let script = root().join("chapters/07-chunks-and-filters/chunks_and_filters.py");
    let script = std::fs::read_to_string(script).unwrap();
    let collective = "    with dataset.collective:\n";
    assert_eq!(script.matches(collective).count(), 2);
    let alone = script.replace(collective, "    if True:\n");
    let path = data.path().join("alone.py");
    std::fs::write(&path, alone).unwrap();
    let run = fail(&launch_python(&path, 2, &[], data.path()));
    let complaints = run.complaints();
    assert!(complaints.contains("OSError"), "{}", run.report());
    assert!(complaints.contains("filters"), "{}", run.report());
}

#[test]
fn what_the_page_says_without_showing_it() {
    let data = scratch();
    for ranks in [1, 3] {
        succeed(&launch_test("untold", ranks, data.path()));
        let file = open_serially(data.path().join("one-chunk.hdf5")).unwrap();
        let found = file.dataset("x").unwrap().read_1d::<i32>().unwrap();
        for rank in 0..ranks {
            let part = rows_of(rank as i32, ranks as i32, NUMBERS);
            let last = 10 * ROUNDS + rank as i32;
            assert!(found.slice(s![part]).iter().all(|it| *it == last));
        }
    }
}

const NUMBERS: usize = 1000;
const ROUNDS: i32 = 50;

/// Run by the test above, on several ranks.
#[test]
#[ignore = "runs as a rank"]
fn untold() {
    rank(|world| {
        let mine = rows_of(world.rank(), world.size(), NUMBERS);
        let values = |number| Array1::from_elem(mine.len(), number);

        // All ranks write to one chunk, independently, again and again, each its own part.
        let file = parallel_hdf5::create(data_folder()?.join("one-chunk.hdf5"), world)?;
        let one_chunk = DatasetOptions::new().chunks(&[NUMBERS]);
        let dataset = one_chunk.create::<i32>(&file, "x", &[NUMBERS])?;
        for round in 0..=ROUNDS {
            let values = values(10 * round + world.rank());
            write_rows(&dataset, mine.clone(), values.view(), Transfer::Independent)?;
        }
        drop(dataset);
        file.close()?;

        // Without a cache for chunks, what was written is read.
        let options = FileOptions::new().chunk_cache(521, 0);
        let file = options.create(data_folder()?.join("no-cache.hdf5"), world)?;
        let packed = DatasetOptions::new().chunks(&[100]).deflate(6);
        let dataset = packed.create::<i32>(&file, "x", &[NUMBERS])?;
        for number in 1..=2 {
            let values = values(number);
            write_rows(&dataset, mine.clone(), values.view(), Transfer::Collective)?;
            let read: Array1<i32> = read_rows(&dataset, 0..NUMBERS, Transfer::Independent)?;
            assert!(read.iter().all(|it| *it == number));
            world.barrier();
        }
        drop(dataset);

        // A contiguous dataset with a fill value of its own is filled.
        let old = create_dataset::<i32>(&file, "old", NUMBERS)?;
        write_rows(&old, mine.clone(), values(7).view(), Transfer::Collective)?;
        drop(old);
        file.unlink("old")?;
        let new = file.new_dataset::<i32>().fill_value(-1).shape(NUMBERS);
        let new = new.create("new")?;
        let read: Array1<i32> = read_rows(&new, 0..NUMBERS, Transfer::Independent)?;
        assert!(read.iter().all(|it| *it == -1));
        drop(new);
        file.close()?;
        Ok(())
    })
}

fn is_hdf5_1_10() -> bool {
    parallel_hdf5::about::hdf5_version().starts_with("1.10")
}
