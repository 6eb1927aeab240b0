//! The library: what it selects, writes, reads and refuses, in one process and on several
//! ranks.

mod common;
#[path = "library/ranks.rs"]
mod ranks;

use common::{
    RANKS, change_serially, create_serially, fail, launch, launch_test, mpi, open_serially,
    root, scratch, succeed,
};
use hdf5::{Dataset, File};
use launch::Mpi;
use ndarray::{Array1, Array2, Array3, ArrayD, IxDyn, arr0, arr2, s};
use parallel_hdf5::{
    DatasetOptions, Indices, Slab, SlabError, Transfer, chunked_rows_of, create_dataset,
    cyclic, read_rows, read_slab, read_slab_into, rows_of, write_rows, write_slab,
};
use proptest::prelude::*;

/// A dataset of shape (4, 3), filled with -1.
fn four_by_three(folder: &tempfile::TempDir) -> (File, Dataset) {
    let file = create_serially(folder.path().join("x.h5")).unwrap();
    let dataset = create_dataset::<f32>(&file, "x", (4, 3)).unwrap();
    dataset.write(&Array2::from_elem((4, 3), -1.0_f32)).unwrap();
    (file, dataset)
}

/// What a test starts inherits the files that are open in the test, and their locks with them.
#[test]
fn a_file_is_not_locked_by_what_was_started_meanwhile() {
    let folder = scratch();
    let (file, dataset) = four_by_three(&folder);
    let mut started = std::process::Command::new("sleep")
        .arg("60")
        .spawn()
        .unwrap();
    drop((file, dataset));
    let again = change_serially(folder.path().join("x.h5"));
    started.kill().unwrap();
    started.wait().unwrap();
    again.unwrap();
}

/// The trap that `write_rows` is there for. When this test fails, `hdf5-metno` has mended
/// it: rejoice, and change what chapter 3 says.
#[test]
fn write_slice_of_hdf5_metno_scrambles_a_wrong_shape() {
    let folder = scratch();
    let (_file, dataset) = four_by_three(&folder);
    let wrong = Array2::from_shape_fn((3, 4), |(row, column)| (10 * row + column) as f32);
    dataset
        .write_slice(&wrong, s![0..4, 0..3])
        .expect("accepted in silence");
    let found = dataset.read_2d::<f32>().unwrap();
    assert_eq!(
        found.row(1).to_vec(),
        [3.0, 10.0, 11.0],
        "cut at other places"
    );
}

#[test]
fn write_rows_refuses_what_does_not_fit() {
    let folder = scratch();
    let (_file, dataset) = four_by_three(&folder);
    let write = |rows, values: &Array2<f32>| {
        write_rows(&dataset, rows, values.view(), Transfer::Independent)
    };
    let shape = write(0..4, &Array2::zeros((3, 4)));
    assert!(matches!(shape, Err(SlabError::Shape(..))), "{shape:?}");
    assert_eq!(
        shape.unwrap_err().to_string(),
        "an array of shape [3, 4] does not fit a slab of shape [4, 3]"
    );
    for (rows, extent) in [
        (0..1, (2, 3)),
        (0..2, (1, 3)),
        (0..2, (2, 2)),
        (2..2, (1, 3)),
    ] {
        let refused = write(rows, &Array2::zeros(extent));
        assert!(
            matches!(refused, Err(SlabError::Shape(..))),
            "{extent:?}: {refused:?}"
        );
    }
    let beyond = write(3..5, &Array2::zeros((2, 3)));
    assert!(matches!(beyond, Err(SlabError::Beyond(_, 4))), "{beyond:?}");

    let flat = Array1::<f32>::zeros(12);
    let flat = write_rows(&dataset, 0..4, flat.view(), Transfer::Independent);
    assert!(matches!(flat, Err(SlabError::Dimensions(1, 2))), "{flat:?}");
    let deep = Array3::<f32>::zeros((4, 3, 1));
    let deep = write_rows(&dataset, 0..4, deep.view(), Transfer::Independent);
    assert!(matches!(deep, Err(SlabError::Dimensions(3, 2))), "{deep:?}");

    // A transposed array has the right shape, but not the right order in memory.
    let transposed = Array2::<f32>::zeros((3, 4)).reversed_axes();
    let strided = write_rows(&dataset, 0..4, transposed.view(), Transfer::Independent);
    assert!(matches!(strided, Err(SlabError::Strided)), "{strided:?}");

    let untouched = dataset.read_2d::<f32>().unwrap();
    assert!(untouched.iter().all(|it| *it == -1.0), "{untouched}");
}

#[test]
fn rows_are_written_and_read_where_they_belong() {
    let folder = scratch();
    let (_file, dataset) = four_by_three(&folder);
    let values = arr2(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    write_rows(&dataset, 1..3, values.view(), Transfer::Independent).unwrap();
    let nothing = Array2::<f32>::zeros((0, 3));
    write_rows(&dataset, 4..4, nothing.view(), Transfer::Independent).unwrap();

    let all: Array2<f64> = read_rows(&dataset, 0..4, Transfer::Independent).unwrap();
    let m = -1.0;
    assert_eq!(
        all,
        arr2(&[[m, m, m], [1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [m, m, m]])
    );
    let none: Array2<f64> = read_rows(&dataset, 2..2, Transfer::Independent).unwrap();
    assert_eq!(none.dim(), (0, 3));

    let flat = read_rows::<f64, ndarray::Ix1>(&dataset, 0..4, Transfer::Independent);
    assert!(matches!(flat, Err(SlabError::Dimensions(1, 2))), "{flat:?}");
    let beyond = read_rows::<f64, ndarray::Ix2>(&dataset, 0..5, Transfer::Independent);
    assert!(matches!(beyond, Err(SlabError::Beyond(_, 4))), "{beyond:?}");
}

#[test]
fn a_name_that_is_taken_is_said() {
    let folder = scratch();
    let (file, _dataset) = four_by_three(&folder);
    let again = create_dataset::<f32>(&file, "x", 7).unwrap_err();
    assert_eq!(
        again.to_string(),
        "cannot create `x`: the name already exists"
    );
}

fn is_sorted_and_within(indices: &Indices, extent: usize) -> bool {
    let all: Vec<usize> = indices.iter().collect();
    let ascending = all.windows(2).all(|pair| pair[0] < pair[1]);
    ascending
        && all.len() == indices.len()
        && all.last().map_or(0, |last| last + 1) == indices.end()
        && indices.end() <= extent
}

proptest! {
    /// Dealt out in blocks, each index belongs to exactly one rank, and block to block.
    #[test]
    fn each_index_is_dealt_once(
        extent in 0_usize..500,
        size in 1_i32..40,
        block in 1_usize..60,
    ) {
        let mut owner = vec![None; extent];
        for rank in 0..size {
            let mine = cyclic(rank, size, extent, block);
            prop_assert!(is_sorted_and_within(&mine, extent), "{:?}", mine);
            for index in mine.iter() {
                prop_assert_eq!(owner[index].replace(rank), None);
            }
        }
        for (index, owner) in owner.into_iter().enumerate() {
            prop_assert_eq!(owner, Some((index / block) as i32 % size));
        }
    }

    /// Shares of whole chunks: each row once, no chunk in two shares, none a chunk larger than
    /// it must be.
    #[test]
    fn no_chunk_is_shared(rows in 0_usize..2000, size in 1_i32..50, chunk in 1_usize..200) {
        let mut next = 0;
        let chunks = rows.div_ceil(chunk);
        for rank in 0..size {
            let mine = chunked_rows_of(rank, size, rows, chunk);
            prop_assert!(mine.is_empty() || mine.start == next);
            prop_assert!(mine.is_empty() || mine.start.is_multiple_of(chunk));
            prop_assert!(mine.len() <= chunk * chunks.div_ceil(size as usize));
            next = next.max(mine.end);
        }
        prop_assert_eq!(next, rows);
    }

    /// Whatever is selected along whichever axes of up to four: written, it is there and
    /// nothing else is; read, it is the same.
    #[test]
    fn any_slab_is_written_and_read(
        axes in prop::collection::vec((1_usize..9, 1_i32..4, 0_i32..4, 0_usize..4), 0..=4)
    ) {
        let folder = scratch();
        let file = create_serially(folder.path().join("x.h5")).unwrap();
        let shape: Vec<usize> = axes.iter().map(|(extent, ..)| *extent).collect();
        let before = ArrayD::from_shape_fn(IxDyn(&shape), |_| -1_i64);
        let dataset = create_dataset::<i64>(&file, "x", shape.clone()).unwrap();
        dataset.write(&before).unwrap();

        let mut slab = Slab::of(&dataset);
        let mut chosen: Vec<Vec<usize>> = Vec::new();
        for (axis, (extent, size, rank, block)) in axes.iter().enumerate() {
            let rank = rank % size;
            let indices: Indices = match block {
                0 => rows_of(rank, *size, *extent).into(),
                block => cyclic(rank, *size, *extent, *block),
            };
            chosen.push(indices.iter().collect());
            slab = slab.along(axis, indices);
        }
        let mut number = 0;
        let values = ArrayD::from_shape_fn(IxDyn(&slab.shape()), |_| {
            number += 1;
            number
        });
        write_slab(&dataset, &slab, values.view(), Transfer::Independent).unwrap();

        // The same, said by ndarray.
        let mut right = before;
        for (index, value) in values.indexed_iter() {
            let place: Vec<usize> =
                (0..shape.len()).map(|axis| chosen[axis][index[axis]]).collect();
            right[IxDyn(&place)] = *value;
        }
        let whole = Slab::of(&dataset);
        let all: ArrayD<i64> = read_slab(&dataset, &whole, Transfer::Independent).unwrap();
        prop_assert_eq!(all, right);
        let read: ArrayD<i64> =
            read_slab(&dataset, &slab, Transfer::Independent).unwrap();
        prop_assert_eq!(read, values);
    }
}

#[test]
fn a_single_number_is_a_slab_too() {
    let folder = scratch();
    let file = create_serially(folder.path().join("x.h5")).unwrap();
    let dataset = create_dataset::<f64>(&file, "x", ()).unwrap();
    let slab = Slab::of(&dataset);
    write_slab(&dataset, &slab, arr0(2.5).view(), Transfer::Independent).unwrap();
    let read: ndarray::Array0<f64> =
        read_slab(&dataset, &slab, Transfer::Independent).unwrap();
    assert_eq!(read, arr0(2.5));
}

#[test]
fn a_slab_that_does_not_fit_is_refused() {
    let folder = scratch();
    let (_file, dataset) = four_by_three(&folder);
    let beyond = Slab::whole(&[4, 4]);
    let read = read_slab::<f32, ndarray::Ix2>(&dataset, &beyond, Transfer::Independent);
    assert_eq!(
        read.unwrap_err().to_string(),
        "the slab reaches index 3 along axis 1, where the dataset has 3"
    );
    let flat = Slab::whole(&[4]);
    let read = read_slab::<f32, ndarray::Ix1>(&dataset, &flat, Transfer::Independent);
    assert_eq!(
        read.unwrap_err().to_string(),
        "a slab with 1 axes of a dataset with 2"
    );
    let slab = Slab::of(&dataset).along(0, 1..3);
    let mut wrong = Array2::<f32>::zeros((3, 3));
    let read = read_slab_into(&dataset, &slab, wrong.view_mut(), Transfer::Independent);
    assert!(matches!(read, Err(SlabError::Shape(..))), "{read:?}");
    // Every second row of an array is not in one piece.
    let mut rows = Array2::<f32>::zeros((4, 3));
    let strided = rows.slice_mut(s![..;2, ..]);
    let read = read_slab_into(&dataset, &slab, strided, Transfer::Independent);
    assert!(matches!(read, Err(SlabError::Strided)), "{read:?}");
}

#[test]
fn options_that_do_not_fit_are_refused_with_a_reason() {
    let folder = scratch();
    let (file, _dataset) = four_by_three(&folder);
    let refused = |options: DatasetOptions| {
        let created = options.create::<f32>(&file, "y", &[100, 4]);
        let message = created.unwrap_err().to_string();
        let why = message.strip_prefix("cannot create `y`: ").unwrap();
        why.to_owned()
    };
    let new = DatasetOptions::new;
    assert_eq!(refused(new().deflate(4)), "compression needs chunks");
    assert_eq!(
        refused(new().unlimited(0)),
        "an axis that grows needs chunks"
    );
    assert_eq!(
        refused(new().chunks(&[10])),
        "chunks [10] for a shape [100, 4]"
    );
    assert_eq!(
        refused(new().chunks(&[10, 0])),
        "a chunk has no elements along axis 1"
    );
    assert_eq!(
        refused(new().chunks(&[101, 4])),
        "chunks of 101 along axis 0, where the dataset has only 100"
    );
    assert_eq!(
        refused(new().chunks(&[10, 4]).unlimited(2)),
        "there is no axis 2 in shape [100, 4]"
    );
    assert_eq!(
        refused(new().chunks(&[1 << 20, 1 << 11]).unlimited(0).unlimited(1)),
        "chunks [1048576, 2048] of more than 4 GiB"
    );
    assert_eq!(
        refused(new().chunks(&[10, 4]).deflate(10)),
        "zlib knows the levels 0 to 9"
    );
    assert!(!file.link_exists("y"));
}

/// Runs a program of `library/ranks.rs` at every rank count.
fn on_ranks(name: &str, then: impl Fn(&std::path::Path, usize)) {
    for ranks in RANKS {
        let folder = scratch();
        let run = succeed(&launch_test(
            &format!("ranks::{name}"),
            ranks,
            folder.path(),
        ));
        let all = run.out.concat();
        assert_eq!(all.matches("1 passed").count(), ranks, "{all}");
        then(folder.path(), ranks);
    }
}

#[test]
fn slabs_of_all_ranks_make_the_whole() {
    on_ranks("slabs", |folder, _| {
        let file = open_serially(folder.join("slabs.hdf5")).unwrap();
        let names = file.member_names().unwrap();
        assert_eq!(names.len(), 6 * 2 * 2);
        for name in names {
            let found = file.dataset(&name).unwrap().read_2d::<f64>().unwrap();
            let right = Array2::from_shape_fn(ranks::SHAPE, |(i, j)| ranks::value(i, j));
            assert_eq!(found, right, "{name}");
        }
    });
}

#[test]
fn a_wish_that_is_not_granted_is_told() {
    on_ranks("wish_not_granted", |folder, _| {
        let file = open_serially(folder.join("wish.hdf5")).unwrap();
        let found = file.dataset("x").unwrap().read_1d::<f32>().unwrap();
        assert!(found.iter().all(|it| *it == 1.5));
    });
}

#[test]
fn a_rank_with_wrong_arguments_keeps_nobody_waiting() {
    on_ranks("one_is_wrong", |folder, ranks| {
        let file = open_serially(folder.join("one-is-wrong.hdf5")).unwrap();
        let found = file.dataset("x").unwrap().read_2d::<i32>().unwrap();
        let wrong = rows_of(ranks as i32 - 1, ranks as i32, 8);
        for (row, found) in found.rows().into_iter().enumerate() {
            // With one rank nobody was right; else rank 0 wrote everything in the end.
            let right = if ranks == 1 && wrong.contains(&row) {
                0
            } else {
                7
            };
            assert!(found.iter().all(|it| *it == right), "row {row}: {found}");
        }
    });
}

#[test]
fn options_take_effect() {
    on_ranks("options", |folder, _| {
        let file = open_serially(folder.join("options.hdf5")).unwrap();
        let offset = |name| file.dataset(name).unwrap().offset().unwrap();
        assert_eq!(offset("large") % 4096, 0, "aligned: it has 12 000 bytes");
        let compressed = file.dataset("compressed").unwrap();
        assert_eq!(compressed.shape(), [30, 4]);
        assert_eq!(compressed.chunk(), Some(vec![10, 4]));
        assert_eq!(compressed.filters().len(), 2);
        let found = compressed.read_2d::<i32>().unwrap();
        let right = Array2::from_shape_fn((30, 4), |(row, column)| match row {
            0..25 => (4 * row + column) as i32,
            _ => 0,
        });
        assert_eq!(found, right);
    });
}

/// With Open MPI, whose OMPIO opens the files, and with its ROMIO; MPICH has nothing else.
#[test]
fn a_path_that_mpi_io_does_not_open_is_told_with_its_cure() {
    for name in ["paths", "colons"] {
        on_ranks(name, |_, _| {});
        if mpi() == Mpi::OpenMpi {
            let folder = scratch();
            let mut launch = launch_test(&format!("ranks::{name}"), 3, folder.path());
            let romio = ("OMPI_MCA_io".to_owned(), "^ompio".to_owned());
            launch.environment.push(romio);
            succeed(&launch);
        }
    }
}

#[test]
fn an_attribute_that_is_too_large_is_told_with_its_cure() {
    for ranks in RANKS {
        let folder = scratch();
        let run = fail(&launch_test("ranks::large_attribute", ranks, folder.path()));
        let said = run.complaints();
        let cure = "make it a dataset, or create the file with `FileOptions::versions`";
        assert_eq!(said.matches(cure).count(), 1, "{said}");
        let file = open_serially(folder.path().join("new.hdf5")).unwrap();
        assert_eq!(file.attr("table").unwrap().size(), 10_000);
    }
}

/// What `make doctor` says of Open MPI 4.1.0 to 4.1.4 is true of HDF5's reads as well, and so is
/// its cure (open-mpi/ompi #10546).
#[test]
fn a_collective_read_within_another_is_whole_but_for_a_known_fault() {
    for ranks in RANKS {
        for cured in [false, true] {
            let folder = scratch();
            let mut launch = launch_test("ranks::reads_within_reads", ranks, folder.path());
            if cured {
                let name = "OMPI_MCA_fbtl_posix_read_datasieving".to_owned();
                launch.environment.push((name, "0".to_owned()));
            }
            let said = succeed(&launch).out.concat();
            let library = parallel_hdf5::about::mpi_library();
            let patch = library.strip_prefix("Open MPI 4.1.");
            let faulty = patch.is_some_and(|it| it.parse::<u32>().is_ok_and(|it| it < 5));
            // Up to two ranks read for themselves.
            let hit = faulty && ranks > 2 && !cured;
            assert_eq!(
                said.contains("all: 0 wrong"),
                !hit,
                "{library}, {ranks}: {said}"
            );
            assert!(
                said.contains("borders: 0 wrong"),
                "{library}, {ranks}: {said}"
            );
        }
    }
}

#[test]
fn what_is_handed_over_arrives() {
    on_ranks("handed_over", |_, _| {});
}

#[test]
fn a_file_is_complete_or_not_there() {
    on_ranks("renamed", |folder, _| {
        let file = open_serially(folder.join("renamed.hdf5")).unwrap();
        let found = file.dataset("x").unwrap().read_1d::<i32>().unwrap();
        assert_eq!(found.to_vec(), [3; 4]);
        assert!(!folder.join("renamed.hdf5.part").exists());
    });
}

/// What the library costs against the same in C, in memory-backed storage:
/// `cargo test --test library -- --ignored --exact cost --nocapture`.
#[test]
#[ignore = "takes minutes"]
fn cost() {
    const ROUNDS: usize = 21;
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let in_c = folder.path().join("cost");
    let variable = |name| std::env::var(name).expect("set by .cargo/config.toml");
    let (mpicc, hdf5) = (variable("MPICC"), variable("HDF5_DIR"));
    let compiled = std::process::Command::new(mpicc)
        .args(["-O3", "-o"])
        .arg(&in_c)
        .arg(root().join("tests/library/cost.c"))
        .args([format!("-I{hdf5}/include"), format!("-L{hdf5}/lib")])
        .args([&format!("-Wl,-rpath,{hdf5}/lib"), "-lhdf5"])
        .status();
    assert!(
        compiled.is_ok_and(|it| it.success()),
        "the C program compiles"
    );
    let file = folder.path().join("cost.hdf5");
    let took = |launch: &launch::Launch| -> [f64; 2] {
        let run = succeed(launch);
        let out = run.out.concat();
        let (_, numbers) = out.split_once("took ").expect("the times");
        let mut numbers = numbers.split_whitespace().map(|it| it.parse().unwrap());
        let took = [numbers.next().unwrap(), numbers.next().unwrap()];
        std::fs::remove_file(&file).unwrap();
        took
    };
    let quartiles = |numbers: &mut Vec<f64>| {
        numbers.sort_by(f64::total_cmp);
        let at = |part: usize| numbers[part * (numbers.len() - 1) / 4];
        format!("{:.3} ({:.3}–{:.3})", at(2), at(1), at(3))
    };
    for (elements, calls) in [(1 << 24, 1), (1 << 14, 400), (2, 20_000)] {
        for collective in [0, 1] {
            let c_args = [
                file.display().to_string(),
                elements.to_string(),
                calls.to_string(),
                collective.to_string(),
            ];
            let c_args: Vec<&str> = c_args.iter().map(String::as_str).collect();
            let c = launch(in_c.to_str().unwrap(), 2, &c_args, folder.path());
            let mut rust = launch_test("ranks::cost", 2, folder.path());
            let given = format!("{elements},{calls},{collective}");
            rust.environment.push(("COST".to_owned(), given));
            let (mut ratios, mut extra) =
                ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
            took(&c);
            for round in 0..ROUNDS {
                // Whoever comes first has a colder machine.
                let (of_rust, of_c) = match round % 2 {
                    0 => (took(&rust), took(&c)),
                    _ => {
                        let of_c = took(&c);
                        (took(&rust), of_c)
                    }
                };
                for way in [0, 1] {
                    ratios[way].push(of_rust[way] / of_c[way]);
                    extra[way].push(1e6 * (of_rust[way] - of_c[way]) / calls as f64);
                }
            }
            for (way, name) in ["write", "read"].into_iter().enumerate() {
                let mode = ["independent", "collective"][collective];
                println!(
                    "{name} {calls} × {elements} f32, {mode}: {} times C's, {} µs more a call",
                    quartiles(&mut ratios[way]),
                    quartiles(&mut extra[way])
                );
            }
        }
    }
}

/// The page says how to use the library elsewhere. Here somebody does.
#[test]
fn a_stranger_can_use_it() {
    let folder = scratch();
    let stranger = root().join("tests/library/stranger");
    let manifest = std::fs::read_to_string(stranger.join("Cargo.toml")).unwrap();
    let manifest = manifest.replace("../../..", root().to_str().unwrap());
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    for (from, to) in [
        (stranger.join("main.rs"), "src/main.rs"),
        (root().join("Cargo.lock"), "Cargo.lock"),
    ] {
        std::fs::copy(from, folder.path().join(to)).unwrap();
    }
    let own = std::env::current_exe().unwrap();
    let target = own.ancestors().nth(3).unwrap();
    let built = std::process::Command::new("cargo")
        .args(["build", "--quiet", "--offline", "--target-dir"])
        .arg(target)
        .current_dir(folder.path())
        .status();
    assert!(built.is_ok_and(|it| it.success()), "it builds");
    let program = target.join("debug/stranger");
    let run = succeed(&launch(program.to_str().unwrap(), 3, &[], folder.path()));
    assert_eq!(run.out[0], "collective in one go, as asked\n");
    let file = open_serially(folder.path().join("columns.hdf5")).unwrap();
    let found = file.dataset("x").unwrap().read_2d::<f64>().unwrap();
    let right = Array2::from_shape_fn((1000, 8), |(_, column)| (column % 3) as f64);
    assert_eq!(found, right);
}

/// The page lists all that the library has.
#[test]
fn the_page_names_everything() {
    let library =
        std::fs::read_to_string(root().join("src/parallel-hdf5/src/lib.rs")).unwrap();
    let page = std::fs::read_to_string(root().join("chapters/library.md")).unwrap();
    let names =
        regex::Regex::new(r"(?s)pub (?:use \w+::|mod |fn |type )(\{.*?\}|\w+)").unwrap();
    let mut count = 0;
    for found in names.captures_iter(&library) {
        for name in found[1].split(|it: char| !it.is_alphanumeric() && it != '_') {
            if !name.is_empty() {
                count += 1;
                let listed = page.contains(&format!("`{name}`"));
                assert!(listed, "chapters/library.md does not name `{name}`");
            }
        }
    }
    assert!(count > 30, "{count}");
}
