//! Records made by hand.

use std::fs;

use crate::*;

const WORLD: [usize; 3] = [0, 1, 2];

fn mpi(name: &str) -> Call {
    Call {
        name: name.to_owned(),
        collective: true,
        group: Some(WORLD.to_vec()),
        ok: Some(true),
        ..Call::default()
    }
}

fn create(dataset: &str, rows: u64) -> Call {
    Call {
        file: Some("/data/a.hdf5".to_owned()),
        object: Some(format!("/{dataset}")),
        shape: Some(vec![rows, 2]),
        element: Some("f32".to_owned()),
        ..mpi("H5Dcreate2")
    }
}

fn barrier() -> Call {
    mpi("MPI_Barrier")
}

fn message(name: &str, peer: usize) -> Call {
    Call {
        name: name.to_owned(),
        peer: Some(Peer::Rank(peer)),
        group: Some(WORLD.to_vec()),
        ..Call::default()
    }
}

/// A run; each rank's calls and how it ended.
fn run(ranks: Vec<(Vec<Call>, State)>) -> Record {
    let size = ranks.len();
    let of_rank = |(rank, (mut calls, state)): (usize, (Vec<Call>, State))| {
        for (at, call) in calls.iter_mut().enumerate() {
            call.at = 10 * at as u64 + rank as u64;
            call.stack = vec![at as u64 + 1];
        }
        if let State::Inside { call, .. } = &state {
            calls[*call].ok = None;
        }
        RankRecord {
            rank,
            size,
            calls,
            state,
            ..RankRecord::default()
        }
    };
    Record {
        ranks: ranks.into_iter().enumerate().map(of_rank).collect(),
        ..Record::default()
    }
}

fn inside(call: usize) -> State {
    State::Inside { call, inner: None }
}

/// As if each call were on a line of its own.
fn line(call: &Call) -> Option<u32> {
    Some(call.stack[0] as u32)
}

fn sentence(record: &Record) -> (Kind, String) {
    let difference = record.first_difference().expect("there is one");
    (difference.kind, difference.sentence(&line))
}

#[test]
fn equal_ranks_do_not_differ() {
    let calls = || (vec![create("x", 9), barrier()], State::Exited);
    let record = run(vec![calls(), calls(), calls()]);
    assert_eq!(record.first_difference(), None);
}

#[test]
fn who_is_only_behind_does_not_differ() {
    // Stopped while it computed, or killed by another's abort.
    for aborted in [false, true] {
        let mut record = run(vec![
            (vec![create("x", 9), barrier()], inside(1)),
            (vec![create("x", 9)], State::Between),
            (vec![], State::Between),
        ]);
        if aborted {
            record.ranks[1].state = State::Exited;
            record.ranks[1].aborted = Some(1);
        }
        assert_eq!(record.first_difference(), None);
    }
    // All were in the last barrier when the time was up: it would have ended.
    let calls = || (vec![barrier(), barrier()], inside(1));
    let behind = (vec![barrier()], inside(0));
    assert_eq!(run(vec![calls(), calls(), behind]).first_difference(), None);
}

#[test]
fn a_call_left_out_is_missing() {
    let with = || (vec![create("x", 9), barrier(), barrier()], State::Exited);
    let without = (vec![barrier(), barrier()], State::Exited);
    let record = run(vec![without, with(), with()]);
    let (kind, sentence) = sentence(&record);
    assert_eq!(kind, Kind::Missing);
    assert_eq!(
        sentence,
        "ranks 1 and 2 created dataset `x` (line 1), rank 0 never did (its next call: \
         barrier, line 1)"
    );
    assert_eq!(
        record.first_difference().unwrap().rule(),
        "creating a dataset is collective: every rank of the file's communicator must do \
         it, with the same name, shape and type (chapter 2)"
    );
}

#[test]
fn an_extra_call_of_one_rank_is_missing_on_the_others() {
    let without = || (vec![barrier()], State::Exited);
    let with = (vec![create("x", 9), barrier()], State::Exited);
    let difference = run(vec![with, without(), without()])
        .first_difference()
        .unwrap();
    assert_eq!(difference.kind, Kind::Missing);
    assert_eq!(difference.odd_ranks(), [1, 2]);
    assert_eq!(difference.call.name, "H5Dcreate2");
}

#[test]
fn who_has_ended_never_makes_the_call() {
    let waits = || (vec![barrier(), create("x", 9)], inside(1));
    let ended = (vec![barrier()], State::Exited);
    assert_eq!(
        sentence(&run(vec![waits(), waits(), ended])),
        (
            Kind::Missing,
            "ranks 0 and 1 created dataset `x` (line 2), rank 2 never did".to_owned()
        )
    );
    let waits = || (vec![barrier()], inside(0));
    let ends = (vec![mpi("MPI_Finalize")], inside(0));
    assert_eq!(
        sentence(&run(vec![waits(), waits(), ends])),
        (
            Kind::Missing,
            "ranks 0 and 1 entered the barrier (line 1), rank 2 never did: it ended MPI \
             (line 1)"
                .to_owned()
        )
    );
}

#[test]
fn who_waits_for_a_message_that_nobody_sends_never_makes_the_call() {
    let waits = || (vec![barrier()], inside(0));
    let receives = (vec![message("MPI_Recv", 1)], inside(0));
    assert_eq!(
        sentence(&run(vec![receives.clone(), waits(), waits()])),
        (
            Kind::Missing,
            "ranks 1 and 2 entered the barrier (line 1), rank 0 never did: it waits in \
             MPI_Recv (receive a message from rank 1, line 1)"
                .to_owned()
        )
    );
    // The sender still computes, or has sent.
    let computes = (vec![], State::Between);
    let record = run(vec![receives.clone(), computes, waits()]);
    assert_eq!(record.first_difference(), None);
    let sent = (vec![message("MPI_Send", 0), barrier()], inside(1));
    assert_eq!(run(vec![receives, sent, waits()]).first_difference(), None);
}

#[test]
fn who_makes_fewer_calls_of_the_same_kind_is_told_how_many() {
    let write = || Call {
        object: Some("/x".to_owned()),
        file: Some("/data/a.hdf5".to_owned()),
        ..mpi("H5Dwrite")
    };
    let close = || Call {
        file: Some("/data/a.hdf5".to_owned()),
        ..mpi("H5Fclose")
    };
    let waits = |writes: usize| {
        let mut calls = vec![write(); writes];
        calls.push(close());
        (calls, inside(writes))
    };
    assert_eq!(
        sentence(&run(vec![waits(3), waits(5), waits(5)])),
        (
            Kind::Missing,
            "ranks 1 and 2 wrote together to dataset `x` for the 4th time (line 4), rank 0 did so \
             only 3 times (its next call: close file `a.hdf5`, line 4)"
                .to_owned()
        )
    );
    // Who makes one more waits in it, and so has not come to what the others do next.
    let stuck = || (vec![write(); 4], inside(3));
    let (kind, said) = sentence(&run(vec![waits(3), stuck(), stuck()]));
    assert_eq!(kind, Kind::Missing, "{said}");
    assert!(said.contains("rank 0 did so only 3 times"), "{said}");
    let (_, sentence) = sentence(&run(vec![waits(1), waits(1), waits(2)]));
    assert!(
        sentence.contains("ranks 0 and 1 did so only once"),
        "{sentence}"
    );
}

#[test]
fn a_transfer_for_another_dataset_is_named_with_both() {
    let writes = |name: &str| {
        let write = Call {
            object: Some(format!("/{name}")),
            file: Some("/data/a.hdf5".to_owned()),
            ..mpi("H5Dwrite")
        };
        (vec![write, barrier()], State::Exited)
    };
    let record = run(vec![writes("d0"), writes("d1"), writes("d0")]);
    assert_eq!(
        sentence(&record),
        (
            Kind::Names,
            "ranks 0 and 2 wrote together to dataset `d0` (line 1) and rank 1 wrote together to \
             dataset `d1` (line 1)"
                .to_owned()
        )
    );
    let rule = record.first_difference().unwrap().rule();
    assert!(rule.contains("for the same dataset"), "{rule}");
    // Where each does it for itself, each may write what it likes.
    let alone = |name: &str| {
        let (mut calls, state) = writes(name);
        calls[0].collective = false;
        (calls, state)
    };
    let record = run(vec![alone("d0"), alone("d1"), alone("d0")]);
    assert_eq!(record.first_difference(), None);
}

#[test]
fn kinds_are_told_apart() {
    let ends = |call: Call| (vec![call, barrier()], State::Exited);
    let kind = |one: Call, other: Call| {
        let record = run(vec![ends(one.clone()), ends(other), ends(one)]);
        record.first_difference().unwrap().kind
    };
    assert_eq!(kind(create("x", 9), create("y", 9)), Kind::Names);
    assert_eq!(kind(create("x", 9), create("x", 8)), Kind::Shapes);
    let f64 = Call {
        element: Some("f64".to_owned()),
        ..create("x", 9)
    };
    assert_eq!(kind(create("x", 9), f64), Kind::Elements);
    let chunked = |rows| Call {
        chunk: Some(vec![rows]),
        ..create("x", 9)
    };
    assert_eq!(kind(chunked(4), chunked(5)), Kind::Chunks);
    assert_eq!(kind(chunked(4), create("x", 9)), Kind::Chunks);
    let written = |value: &str| Call {
        attribute: Some("mean".to_owned()),
        value: Some(value.to_owned()),
        ..mpi("H5Awrite")
    };
    assert_eq!(kind(written("1.5"), written("-1.0")), Kind::Values);
    let rooted = |root| Call {
        root: Some(root),
        ..mpi("MPI_Bcast")
    };
    assert_eq!(kind(rooted(0), rooted(1)), Kind::Roots);
    let sized = |bytes| Call {
        bytes: Some(bytes),
        ..mpi("MPI_Allreduce")
    };
    assert_eq!(kind(sized(4), sized(8)), Kind::Sizes);
    assert_eq!(kind(create("x", 9), sized(8)), Kind::Functions);
    let close = Call {
        name: "H5Fclose".to_owned(),
        shape: None,
        element: None,
        ..create("x", 9)
    };
    // Who closes the file has left out what the others do before.
    assert_eq!(kind(sized(8), close.clone()), Kind::Missing);
    let aligned = |multiple| Call {
        name: "H5Fcreate".to_owned(),
        alignment: Some((1, multiple)),
        ..close.clone()
    };
    assert_eq!(kind(aligned(512), aligned(4096)), Kind::Alignments);
    let dropped = Call {
        name: "H5Idec_ref".to_owned(),
        ..close.clone()
    };
    let record = run(vec![ends(close.clone()), ends(dropped), ends(close)]);
    assert_eq!(record.first_difference(), None);
}

#[test]
fn another_order_is_not_a_missing_call() {
    let one = || (vec![create("x", 9), create("y", 9)], State::Exited);
    let other = (vec![create("y", 9), create("x", 9)], State::Exited);
    assert_eq!(
        sentence(&run(vec![one(), other, one()])),
        (
            Kind::Order,
            "the same calls in another order: ranks 0 and 2 created dataset `x` (line 1) and \
             rank 1 created dataset `y` (line 1) first"
                .to_owned()
        )
    );
}

#[test]
fn communicators_are_apart() {
    let part = Call {
        group: Some(vec![0, 1]),
        ..barrier()
    };
    let (with, without) = (vec![part, barrier()], vec![barrier()]);
    let record = run(vec![
        (with.clone(), State::Exited),
        (with.clone(), State::Exited),
        (without.clone(), State::Exited),
    ]);
    assert_eq!(record.first_difference(), None);
    // Rank 1 goes to the barrier of all, rank 0 waits for it in that of two.
    let record = run(vec![
        (with[..1].to_vec(), inside(0)),
        (without.clone(), inside(0)),
        (without, inside(0)),
    ]);
    let difference = record.first_difference().unwrap();
    assert!(
        difference
            .sides
            .iter()
            .any(|it| matches!(it.fate, Fate::Stuck(_)))
    );
    // A group that cannot be.
    let scribbled = Call {
        group: Some(vec![0, 99]),
        ..barrier()
    };
    let record = run(vec![
        (vec![scribbled], State::Exited),
        (vec![], State::Exited),
    ]);
    assert_eq!(record.first_difference(), None);
}

#[test]
fn places_are_one_for_equal_ranks() {
    let waits = |call| {
        let state = State::Inside {
            call: 0,
            inner: Some("MPI_Barrier".to_owned()),
        };
        (vec![call], state)
    };
    let record = run(vec![
        (vec![message("MPI_Recv", 2)], inside(0)),
        waits(create("x", 9)),
        waits(create("x", 9)),
    ]);
    let places = record.where_each_rank_sits(&line);
    let texts: Vec<&str> = places.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "rank 0: in MPI_Recv (receive a message from rank 2), line 1",
            "ranks 1 and 2: in H5Dcreate2 (create dataset `x`), waiting in MPI_Barrier, line 1"
        ]
    );
}

fn writes(shape: &[u64], selection: Selection) -> Call {
    Call {
        collective: false,
        shape: Some(shape.to_vec()),
        access: Some(Access {
            write: true,
            collective: false,
            selection,
        }),
        ..create("x", 0)
    }
}

fn block(start: &[u64], end: &[u64]) -> Selection {
    Selection::Blocks {
        blocks: vec![Block {
            start: start.to_vec(),
            end: end.to_vec(),
        }],
        exact: true,
    }
}

fn written(shape: &[u64], selections: Vec<Selection>) -> Touched {
    let of_rank = |it| (vec![writes(shape, it)], State::Exited);
    let record = run(selections.into_iter().map(of_rank).collect());
    record.written(Some("a.hdf5"), "x").unwrap()
}

#[test]
fn rows_of_each_rank_are_exact_in_a_dataset_of_any_size() {
    let huge = 1 << 40;
    let half = huge / 2;
    let touched = written(
        &[huge, 3],
        vec![block(&[0, 0], &[half, 3]), block(&[half, 0], &[huge, 3])],
    );
    assert_eq!((touched.by_two_ranks(), touched.by_nobody()), (None, None));
    assert_eq!(touched.rows(0).ranges.first(), Some(&(0..half)));
    assert!(touched.rows(0).whole);

    let touched = written(
        &[huge, 3],
        vec![
            block(&[0, 0], &[half + 1, 3]),
            block(&[half, 1], &[huge, 3]),
        ],
    );
    assert_eq!(touched.by_two_ranks(), Some((vec![half, 1], vec![0, 1])));
    assert_eq!(touched.by_nobody(), Some(vec![half + 1, 0]));
    assert!(!touched.rows(1).whole);
}

#[test]
fn strided_columns_are_exact() {
    let column = |at| Selection::Regular {
        start: vec![0, at],
        stride: vec![1, 2],
        count: vec![5, 3],
        block: vec![1, 1],
    };
    let touched = written(&[5, 6], vec![column(0), column(1)]);
    assert!(touched.exact);
    assert_eq!((touched.by_two_ranks(), touched.by_nobody()), (None, None));
    let touched = written(&[5, 6], vec![column(0), Selection::Nothing, column(0)]);
    assert_eq!(touched.by_two_ranks(), Some((vec![0, 0], vec![0, 2])));
    assert_eq!(touched.by_nobody(), Some(vec![0, 1]));
    assert_eq!(touched.ranks(), [0, 2]);
}

/// The grid against a count of every element.
#[test]
fn random_blocks_agree_with_a_count_of_each_element() {
    let mut seed = 12345_u64;
    let mut random = |below: u64| {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 33) % below
    };
    for _ in 0..300 {
        let shape = [1 + random(6), 1 + random(6), 1 + random(4)];
        let mut count = vec![Vec::new(); shape.iter().product::<u64>() as usize];
        let mut selections = Vec::new();
        for rank in 0..3 {
            let start = shape.map(&mut random);
            let mut end = start;
            for (end, extent) in end.iter_mut().zip(shape) {
                *end += 1 + random(extent - *end);
            }
            selections.push(block(&start, &end));
            for (at, ranks) in count.iter_mut().enumerate() {
                let at = at as u64;
                let index = [
                    at / shape[2] / shape[1],
                    at / shape[2] % shape[1],
                    at % shape[2],
                ];
                if (0..3).all(|it| start[it] <= index[it] && index[it] < end[it]) {
                    ranks.push((rank, index));
                }
            }
        }
        let touched = written(&shape, selections);
        let two = count.iter().find(|it| it.len() > 1).map(|ranks| {
            (
                ranks[0].1.to_vec(),
                ranks.iter().map(|it| it.0).collect::<Vec<_>>(),
            )
        });
        assert_eq!(touched.by_two_ranks(), two);
        assert_eq!(
            touched.by_nobody().is_none(),
            count.iter().all(|it| !it.is_empty())
        );
    }
}

#[test]
fn odd_shapes_do_no_harm() {
    let scalar = written(&[], vec![Selection::All, Selection::All]);
    assert_eq!(scalar.by_two_ranks(), Some((vec![], vec![0, 1])));
    assert_eq!(scalar.rows(0).ranges, []);
    let empty = written(&[0, 3], vec![Selection::All]);
    assert_eq!((empty.by_nobody(), empty.rows(0).ranges), (None, vec![]));
    // What was scribbled: a block outside, one of another shape, one that is inside out.
    let touched = written(
        &[4, 2],
        vec![
            block(&[9, 9], &[u64::MAX, 12]),
            block(&[1], &[2]),
            block(&[3, 0], &[1, 2]),
        ],
    );
    assert_eq!(
        (touched.by_two_ranks(), touched.by_nobody()),
        (None, Some(vec![0, 0]))
    );
    let strange = Selection::Regular {
        start: vec![u64::MAX; 2],
        stride: vec![u64::MAX; 2],
        count: vec![u64::MAX; 2],
        block: vec![2; 2],
    };
    assert!(!written(&[4, 2], vec![strange]).exact);
}

#[test]
fn ranks_and_rows_in_words() {
    assert_eq!(prose::ranks(&[0]), "rank 0");
    assert_eq!(prose::ranks(&[3, 1, 2]), "ranks 1–3");
    assert_eq!(prose::ranks(&[0, 2, 5]), "ranks 0, 2 and 5");
    assert_eq!(prose::ranks(&[]), "no ranks");
    assert_eq!(
        prose::rows(std::slice::from_ref(&(667..1000))),
        "rows 667–999"
    );
    assert_eq!(prose::rows(&[0..1, 5..7]), "rows 0, 5 and 6");
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let call = writes(&[5, 6], block(&[0, 0], &[1, 6]));
    let events = [
        Event::Rank { rank: 1, size: 2 },
        Event::Stack {
            id: 0,
            frames: vec![17],
        },
        Event::Enter {
            seq: 1,
            stack: 0,
            call: Box::new(call.clone()),
        },
        Event::Leave {
            seq: 1,
            ok: true,
            at: 7,
            waited: 3,
        },
        Event::File {
            id: 3,
            path: "/x.hdf5".to_owned(),
        },
        Event::Bytes {
            file: 3,
            write: true,
            start: 8,
            end: 16,
            at: 5,
            took: 1,
            seq: 1,
            by: "pwrite64".to_owned(),
        },
        Event::MoreBytes {
            end: 32,
            took: 2,
            times: 3,
        },
        Event::Renamed {
            from: "/x.hdf5".to_owned(),
            to: "/y.hdf5".to_owned(),
            at: 6,
        },
        Event::NoMoreBytes,
        Event::Library("HDF5 1.10.8".to_owned()),
        Event::Enter {
            seq: 2,
            stack: 7,
            call: Box::new(barrier()),
        },
    ];
    let mut lines = String::from("nonsense\n\n");
    for event in events {
        lines += &(serde_json::to_string(&event).unwrap() + "\n");
    }
    lines += "{\"Leave\":{\"seq\":99,\"ok\":true}}\n{\"Enter\":";
    fs::write(folder.path().join("7.jsonl"), &lines).unwrap();
    fs::write(folder.path().join("8.jsonl"), "\"Exited\"").unwrap();
    fs::write(folder.path().join("9.jsonl"), &lines).unwrap();
    fs::write(folder.path().join("notes.txt"), "x").unwrap();
    fs::create_dir(folder.path().join("10.jsonl")).unwrap();
    let record = Record::read(folder.path(), 2).unwrap();
    assert_eq!(record.skipped, 4);
    assert_eq!((record.without_mpi, record.surplus), (1, 1));
    assert_eq!(record.wrong_size(), None);
    assert_eq!(record.ranks[0].state, State::NeverStarted);
    assert_eq!(record.ranks[1].state, inside(1));
    let expected = Call {
        stack: vec![17],
        end: Some(7),
        waited: 3,
        ..call
    };
    assert_eq!(record.ranks[1].calls[0], expected);
    let moved = Moved {
        file: "/x.hdf5".to_owned(),
        write: true,
        start: 8,
        end: 32,
        at: 5,
        took: 2,
        times: 3,
        call: Some(0),
        by: "pwrite64".to_owned(),
    };
    assert_eq!(record.ranks[1].moved, [moved]);
    assert!(record.ranks[1].moved_truncated);
    assert_eq!(record.ranks[1].renamed[0].to, "/y.hdf5");
    assert_eq!(record.ranks[1].libraries, ["HDF5 1.10.8"]);
    // As many ranks as there were.
    assert_eq!(Record::read_all(folder.path()).unwrap(), record);
    // A line of an older recorder says less.
    let old = folder.path().join("old");
    fs::create_dir(&old).unwrap();
    let lines = lines.replace(r#","at":7,"waited":3"#, "");
    fs::write(old.join("7.jsonl"), lines).unwrap();
    let old = Record::read(&old, 2).unwrap();
    let call = &old.ranks[1].calls[0];
    assert_eq!((call.ok, call.end, call.waited), (Some(true), None, 0));
    assert_eq!(
        Record::read(folder.path(), 3).unwrap().wrong_size(),
        Some(2)
    );
    assert!(Record::read(&folder.path().join("none"), 2).is_err());
}

#[test]
fn a_call_that_only_one_rank_makes_is_missing_though_the_next_differs() {
    // Rank 0 alone broadcasts how large the dataset is; then it knows, and the others do not.
    let ends = || State::Exited;
    let root = (vec![mpi("MPI_Bcast"), create("x", 9)], ends());
    let other = || (vec![create("x", 0)], ends());
    let (kind, said) = sentence(&run(vec![root, other(), other()]));
    assert_eq!(kind, Kind::Missing);
    assert!(
        said.starts_with("rank 0 called the broadcast (line 1), ranks 1 and 2"),
        "{said}"
    );
}

#[test]
fn ranks_that_lost_their_step_before_are_told_where() {
    // Rank 1 leaves out the second of two reductions, so its third stands for that.
    let reduce = || mpi("MPI_Allreduce");
    let all = || (vec![reduce(), reduce(), reduce()], inside(2));
    let one = (vec![reduce(), reduce(), mpi("MPI_Finalize")], inside(2));
    let mut record = run(vec![all(), one, all()]);
    record.ranks[1].calls[1].stack = vec![3]; // called in the line of the third
    let difference = record.first_difference().unwrap();
    let said = difference.sentence(&line);
    assert!(said.contains("for the 3rd time (line 3)"), "{said}");
    assert_eq!(
        difference.apart_sentence(&line).unwrap(),
        "already before, ranks 0 and 2 called the reduction for all in line 2, rank 1 in line 3"
    );
}
