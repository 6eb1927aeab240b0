//! Which ranks wait for something that cannot come any more.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Call, Peer, Record, State};

/// Freeing a communicator is collective by the letter, but no rank waits in it.
const NO_MATTER: [&str; 2] = ["MPI_Comm_free", "MPI_Comm_disconnect"];

/// The collective calls of each communicator, told apart by its ranks, on each of them.
pub(crate) struct Sequences {
    /// For each group and rank: indices into [`crate::RankRecord::calls`].
    calls: BTreeMap<Vec<usize>, BTreeMap<usize, Vec<usize>>>,
}

/// What must be the same on all ranks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key<'a> {
    pub name: &'a str,
    pub file: Option<&'a str>,
    pub object: Option<&'a str>,
    pub attribute: Option<&'a str>,
    pub target: Option<&'a str>,
    pub shape: Option<&'a [u64]>,
    pub alignment: Option<(u64, u64)>,
    pub chunk: Option<&'a [u64]>,
    pub element: Option<&'a str>,
    pub value: Option<&'a str>,
    pub root: Option<usize>,
    pub bytes: Option<u64>,
}

impl Key<'_> {
    pub fn of(call: &Call) -> Key<'_> {
        Key {
            // Dropping the last handle of a file closes it.
            name: match call.name.as_str() {
                "H5Idec_ref" => "H5Fclose",
                name => name,
            },
            file: call.file.as_deref(),
            object: call.object.as_deref(),
            attribute: call.attribute.as_deref(),
            target: call.target.as_deref(),
            shape: call.shape.as_deref(),
            alignment: call.alignment,
            chunk: call.chunk.as_deref(),
            element: call.element.as_deref(),
            value: call.value.as_deref(),
            root: call.root,
            bytes: call.bytes,
        }
    }

    /// Whether it does the same to the same thing, if perhaps in another way.
    pub fn is_like(&self, other: &Key) -> bool {
        self.name == other.name && self.names() == other.names()
    }

    pub fn names(&self) -> [Option<&str>; 4] {
        [self.file, self.object, self.attribute, self.target]
    }
}

impl Sequences {
    pub fn of(record: &Record) -> Sequences {
        let mut calls: BTreeMap<Vec<usize>, BTreeMap<usize, Vec<usize>>> = BTreeMap::new();
        for rank in &record.ranks {
            for (index, call) in rank.calls.iter().enumerate() {
                if let Some(group) = group_of(record, call) {
                    let of_group = calls.entry(group).or_default();
                    of_group.entry(rank.rank).or_default().push(index);
                }
            }
        }
        // A rank that is not in it has no call in it, whatever its record says.
        for (group, of_group) in &mut calls {
            of_group.retain(|rank, _| group.contains(rank));
        }
        Sequences { calls }
    }

    pub fn groups(&self) -> impl Iterator<Item = &Vec<usize>> {
        self.calls.keys()
    }

    /// The calls of a rank in a group.
    pub fn calls(&self, group: &[usize], rank: usize) -> &[usize] {
        let calls = self.calls.get(group).and_then(|it| it.get(&rank));
        calls.map(Vec::as_slice).unwrap_or_default()
    }
}

/// The ranks of a collective call, sorted; `None` if it is none, or has impossible ones.
fn group_of(record: &Record, call: &Call) -> Option<Vec<usize>> {
    if !call.collective || NO_MATTER.contains(&call.name.as_str()) {
        return None;
    }
    let group: BTreeSet<usize> = call.group.as_ref()?.iter().copied().collect();
    let sane = group.iter().all(|rank| *rank < record.ranks.len());
    (sane && group.len() > 1).then(|| group.into_iter().collect())
}

/// Which ranks wait in a call for ranks that wait themselves, or have ended.
///
/// After an abort nobody does: it ended whatever they waited for.
pub(crate) fn stuck(record: &Record, sequences: &Sequences) -> Vec<bool> {
    let ranks = &record.ranks;
    if ranks.iter().any(|it| it.aborted.is_some()) {
        return vec![false; ranks.len()];
    }
    // Those that can go on, or may lead others on.
    let mut live: Vec<bool> = ranks
        .iter()
        .map(|it| it.truncated || matches!(it.state, State::Between | State::NeverStarted))
        .collect();
    loop {
        let mut changed = false;
        for rank in 0..ranks.len() {
            if !live[rank] && can_go_on(record, sequences, rank, &live) {
                live[rank] = true;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let inside = |rank: usize| matches!(ranks[rank].state, State::Inside { .. });
    (0..ranks.len())
        .map(|rank| inside(rank) && !live[rank])
        .collect()
}

fn can_go_on(record: &Record, sequences: &Sequences, rank: usize, live: &[bool]) -> bool {
    let own = &record.ranks[rank];
    let State::Inside { call: inside, .. } = own.state else {
        return false;
    };
    let Some(call) = own.calls.get(inside) else {
        return true;
    };
    let another_lives = live
        .iter()
        .enumerate()
        .any(|(it, live)| *live && it != rank);
    if let Some(group) = group_of(record, call) {
        let place = sequences
            .calls(&group, rank)
            .iter()
            .position(|it| *it == inside);
        let Some(place) = place else {
            return true;
        };
        return group.iter().filter(|it| **it != rank).all(|other| {
            match sequences.calls(&group, *other).get(place) {
                Some(theirs) => {
                    Key::of(&record.ranks[*other].calls[*theirs]) == Key::of(call)
                }
                None => live[*other],
            }
        });
    }
    if let Some(peer) = call.peer {
        return match peer {
            Peer::Nobody => true,
            Peer::Any => another_lives || message_is_there(record, rank, inside, None),
            Peer::Rank(peer) => {
                live.get(peer).copied().unwrap_or(true)
                    || message_is_there(record, rank, inside, Some(peer))
            }
        };
    }
    match call.name.as_str() {
        "MPI_Wait" | "MPI_Waitall" | "MPI_Waitany" | "MPI_Waitsome" => another_lives,
        _ => true,
    }
}

/// Whether the other side has done more sends (or receives) than this rank has received
/// (or sent) before.
fn message_is_there(
    record: &Record,
    rank: usize,
    inside: usize,
    peer: Option<usize>,
) -> bool {
    let own = &record.ranks[rank];
    let call = &own.calls[inside];
    let receives = takes(call);
    let same_tag = |it: &Call| call.tag.is_none() || it.tag.is_none() || it.tag == call.tag;
    let with = |it: &Call, wanted: usize| match it.peer {
        Some(Peer::Rank(it)) => it == wanted,
        Some(Peer::Any) => true,
        _ => false,
    };
    let answers = record
        .ranks
        .iter()
        .filter(|it| peer.is_none_or(|peer| it.rank == peer));
    let answers: usize = answers
        .map(|other| {
            let calls = other.calls.iter();
            calls
                .filter(|it| takes(it) != receives || it.name.starts_with("MPI_Sendrecv"))
                .filter(|it| same_tag(it) && with(it, rank))
                .count()
        })
        .sum();
    let before = own.calls[..inside].iter();
    let before = before
        .filter(|it| it.peer.is_some() && takes(it) == receives && same_tag(it))
        .filter(|it| !it.name.contains("robe")) // takes no message away
        .filter(|it| peer.is_none_or(|peer| with(it, peer)))
        .count();
    answers > before
}

/// Whether a call with a peer receives.
fn takes(call: &Call) -> bool {
    !call.name.contains("end") || call.name.starts_with("MPI_Sendrecv")
}
