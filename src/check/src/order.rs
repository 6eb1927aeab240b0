//! Which call was over before another began: not by the clock, but because MPI sees to it.
//!
//! A collective call of HDF5 is no such thing: HDF5 promises nothing of the kind.

use std::collections::BTreeMap;

use record::{Call, Peer, Record};

/// A call: its rank, and its place among the calls of this rank.
pub type At = (usize, usize);

/// Who waits for whom.
pub struct Order {
    /// All that the one rank did before the one call is over when the other rank has come
    /// back from the other call.
    waits: Vec<(At, At)>,
}

/// Who waits for whom in a collective call.
#[derive(Clone, Copy)]
enum Waits {
    AllForAll,
    AllForRoot,
    RootForAll,
    HigherForLower,
}

impl Order {
    /// What the recorded calls of all ranks order.
    pub fn of(record: &Record) -> Order {
        let mut order = Order { waits: Vec::new() };
        order.collectives(record);
        order.messages(record);
        order
    }

    /// Whether `one` was over before `other` began, in every run.
    pub fn is_before(&self, one: At, other: At) -> bool {
        // For each rank the first call after which `one` is sure to be over.
        let mut over = BTreeMap::from([one]);
        loop {
            let before = over.clone();
            for ((rank, call), (waiting, from)) in &self.waits {
                if over.get(rank).is_some_and(|it| it < call) {
                    let first = over.entry(*waiting).or_insert(*from);
                    *first = (*first).min(*from);
                }
            }
            if before == over {
                return over.get(&other.0).is_some_and(|it| *it < other.1);
            }
        }
    }

    fn collectives(&mut self, record: &Record) {
        // The first barrier of a group on one rank is the first on the others, and so on.
        let mut meetings: BTreeMap<(Vec<usize>, String, usize), Vec<At>> = BTreeMap::new();
        for rank in &record.ranks {
            let mut counts: BTreeMap<(Vec<usize>, String), usize> = BTreeMap::new();
            for (at, call) in rank.calls.iter().enumerate() {
                if collective(call).is_none() {
                    continue;
                }
                let group = group(record, call);
                let count = counts
                    .entry((group.clone(), call.name.clone()))
                    .or_default();
                let key = (group, call.name.clone(), *count);
                *count += 1;
                meetings.entry(key).or_default().push((rank.rank, at));
            }
        }
        for ((group, ..), calls) in meetings {
            let place = |rank: usize| group.iter().position(|it| *it == rank);
            for &(rank, at) in &calls {
                let call = &record.ranks[rank].calls[at];
                let Some(waits) = collective(call) else {
                    continue;
                };
                for &(waiting, there) in calls.iter().filter(|it| it.0 != rank) {
                    let does = match waits {
                        Waits::AllForAll => true,
                        Waits::AllForRoot => call.root == Some(rank),
                        Waits::RootForAll => call.root == Some(waiting),
                        Waits::HigherForLower => place(rank) < place(waiting),
                    };
                    if does {
                        let back = back(record, (waiting, there));
                        self.waits.push(((rank, at), back));
                    }
                }
            }
        }
    }

    fn messages(&mut self, record: &Record) {
        for rank in &record.ranks {
            for (at, call) in rank.calls.iter().enumerate().filter(|it| receives(it.1)) {
                let here = (rank.rank, at);
                let end = back(record, here);
                for sent in sent(record, here) {
                    self.waits.push((sent, end));
                    let name = &record.ranks[sent.0].calls[sent.1].name;
                    // Such a sender waits until the message is being received.
                    if matches!(&**name, "MPI_Ssend" | "MPI_Issend")
                        && matches!(call.peer, Some(Peer::Rank(_)))
                    {
                        self.waits.push((here, back(record, sent)));
                    }
                }
            }
        }
    }
}

/// The sends from which the message may come that is received there. It is one, unless the
/// record does not say which.
fn sent(record: &Record, (rank, at): At) -> Vec<At> {
    let calls = &record.ranks[rank].calls;
    let call = &calls[at];
    let from = |other: usize| match call.peer {
        Some(Peer::Rank(it)) => it == other,
        Some(Peer::Any) => true,
        _ => false,
    };
    let same_tag = |one: &Call, other: &Call| {
        one.tag.is_none() || other.tag.is_none() || one.tag == other.tag
    };
    // The record says of such a call from whom it receives, not to whom it sends.
    let to_somebody = |it: &Call| it.name.starts_with("MPI_Sendrecv");
    let to_here = |it: &Call| {
        to_somebody(it)
            || (sends(it) && it.peer == Some(Peer::Rank(rank)) && same_tag(it, call))
    };
    let earlier = |it: &&Call| receives(it) && same_tag(it, call);
    let nth = |other: usize| {
        let from_it = |it: &&Call| it.peer == Some(Peer::Rank(other));
        let earlier = calls[..at].iter().filter(earlier);
        earlier.filter(from_it).count()
    };
    let vague = call.peer == Some(Peer::Any)
        || calls[..at]
            .iter()
            .filter(earlier)
            .any(|it| it.peer == Some(Peer::Any));
    let end = back(record, (rank, at)).1;
    let over = calls.get(end + 1).map_or(u64::MAX, |it| it.at);

    let mut found = Vec::new();
    for other in record.ranks.iter().filter(|it| from(it.rank)) {
        let all = other.calls.iter().enumerate();
        let all: Vec<(usize, &Call)> = all.filter(|(_, it)| to_here(it)).collect();
        if vague || all.iter().any(|(_, it)| to_somebody(it)) {
            // Any that had begun by then: better one too many than a right answer refused.
            let begun = all.iter().filter(|(_, it)| it.at <= over);
            found.extend(begun.map(|(at, _)| (other.rank, *at)));
        } else if let Some((at, _)) = all.get(nth(other.rank)) {
            found.push((other.rank, *at));
        }
    }
    found
}

/// Who waits for whom in this call; `None` if it is not such a call.
fn collective(call: &Call) -> Option<Waits> {
    let name = call.name.strip_prefix("MPI_")?.trim_end_matches("_c");
    let name = name.to_lowercase();
    let waits = match name.strip_prefix('i').unwrap_or(&name) {
        "barrier" | "comm_split" | "reduce_scatter" | "reduce_scatter_block" => {
            Waits::AllForAll
        }
        all if all.starts_with("allto") => Waits::AllForAll,
        "allgather" | "allgatherv" | "allreduce" => Waits::AllForAll,
        "bcast" | "scatter" | "scatterv" => Waits::AllForRoot,
        "gather" | "gatherv" | "reduce" => Waits::RootForAll,
        "scan" | "exscan" => Waits::HigherForLower,
        _ => return None,
    };
    Some(waits)
}

/// The ranks of the call's communicator, in its order.
fn group(record: &Record, call: &Call) -> Vec<usize> {
    let all = || (0..record.ranks.len()).collect();
    call.group.clone().unwrap_or_else(all)
}

fn sends(call: &Call) -> bool {
    let name = call.name.to_lowercase();
    call.peer.is_some() && name.ends_with("send")
}

fn receives(call: &Call) -> bool {
    let name = call.name.as_str();
    call.peer.is_some()
        && (matches!(name, "MPI_Recv" | "MPI_Irecv" | "MPI_Mprobe")
            || name.starts_with("MPI_Sendrecv"))
}

/// Where the rank has what it waits for: the call itself, or the next `MPI_Wait` after a call
/// that does not wait (`MPI_Irecv`).
fn back(record: &Record, (rank, at): At) -> At {
    let calls = &record.ranks[rank].calls;
    let immediate = calls[at].name.starts_with("MPI_I");
    let wait = |call: &Call| call.name.starts_with("MPI_Wait");
    let next = calls[at..].iter().position(wait).filter(|_| immediate);
    (rank, at + next.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::RankRecord;

    /// A rank a line: `name`, or `name>rank`, where the root or the peer is that rank; `x` is
    /// no call of MPI.
    fn order(lines: &[&str]) -> Order {
        let call = |word: &str| {
            let (name, other) = word.split_once('>').unwrap_or((word, ""));
            let other = other.parse::<usize>().ok();
            let message = name.ends_with("end") || name.ends_with("ecv");
            let peer = match (message, other) {
                (false, _) => None,
                (true, Some(other)) => Some(Peer::Rank(other)),
                (true, None) => Some(Peer::Any),
            };
            Call {
                name: match name {
                    "x" => "H5Dread".to_owned(),
                    "flush" => "H5Fflush".to_owned(),
                    name => format!("MPI_{name}"),
                },
                root: other.filter(|_| !message),
                peer,
                ..Call::default()
            }
        };
        let ranks = lines.iter().enumerate().map(|(rank, line)| RankRecord {
            rank,
            calls: line.split_whitespace().map(call).collect(),
            ..RankRecord::default()
        });
        Order::of(&Record {
            ranks: ranks.collect(),
            ..Record::default()
        })
    }

    #[test]
    fn on_a_rank_what_is_called_first_is_first() {
        let order = order(&["x x", "x"]);
        assert!(order.is_before((0, 0), (0, 1)));
        assert!(!order.is_before((0, 1), (0, 0)));
        assert!(!order.is_before((0, 0), (1, 0)));
    }

    #[test]
    fn a_flush_waits_for_nobody() {
        assert!(!order(&["x flush", "flush x"]).is_before((0, 0), (1, 1)));
    }

    #[test]
    fn a_barrier_is_for_all() {
        for name in [
            "Barrier",
            "Allreduce",
            "Allgather",
            "Alltoallv",
            "Comm_split",
        ] {
            let line = format!("x {name} x");
            let order = order(&[&line, &line, &line]);
            assert!(order.is_before((0, 0), (2, 2)), "{name}");
            assert!(order.is_before((2, 0), (0, 2)), "{name}");
        }
    }

    #[test]
    fn the_root_gives_or_takes() {
        let line = "x Bcast>1 x";
        let bcast = order(&[line, line, line]);
        assert!(bcast.is_before((1, 0), (0, 2)) && bcast.is_before((1, 0), (2, 2)));
        assert!(!bcast.is_before((0, 0), (1, 2)) && !bcast.is_before((0, 0), (2, 2)));
        let line = "x Gather>1 x";
        let gather = order(&[line, line, line]);
        assert!(gather.is_before((0, 0), (1, 2)) && gather.is_before((2, 0), (1, 2)));
        assert!(!gather.is_before((1, 0), (0, 2)) && !gather.is_before((0, 0), (2, 2)));
        let line = "x Gather>0 Scatter>0 x";
        assert!(order(&[line, line, line]).is_before((1, 0), (2, 3)));
    }

    #[test]
    fn a_scan_goes_up() {
        let line = "x Exscan x";
        let order = order(&[line, line, line]);
        assert!(order.is_before((0, 0), (2, 2)) && order.is_before((1, 0), (2, 2)));
        assert!(!order.is_before((2, 0), (0, 2)));
    }

    #[test]
    fn a_chain_of_messages() {
        let chain = order(&["x Send>1 x", "Recv>0 x Send>2", "Recv>1 x"]);
        assert!(chain.is_before((0, 0), (2, 1)));
        assert!(chain.is_before((1, 1), (2, 1)));
        assert!(!chain.is_before((0, 2), (2, 1)));
        // Sent before it was received.
        let broken = order(&["x Send>1", "Send>2 Recv>0", "Recv>1 x"]);
        assert!(!broken.is_before((0, 0), (2, 1)));
    }

    #[test]
    fn messages_come_in_order() {
        let order = order(&["Send>1 x Send>1", "Recv>0 x Recv>0 x"]);
        assert!(!order.is_before((0, 1), (1, 1)));
        assert!(order.is_before((0, 1), (1, 3)));
    }

    #[test]
    fn from_any_rank_and_without_waiting() {
        let any = order(&["Recv Recv x", "x Send>0", "x Send>0"]);
        assert!(any.is_before((1, 0), (0, 2)) && any.is_before((2, 0), (0, 2)));
        let immediate = order(&["Irecv>1 x Wait x", "x Send>0"]);
        assert!(!immediate.is_before((1, 0), (0, 1)));
        assert!(immediate.is_before((1, 0), (0, 3)));
    }

    #[test]
    fn a_synchronous_send_waits_for_the_receiver() {
        let ssend = order(&["Ssend>1 x", "x Recv>0"]);
        assert!(ssend.is_before((1, 0), (0, 1)));
        let send = order(&["Send>1 x", "x Recv>0"]);
        assert!(!send.is_before((1, 0), (0, 1)));
    }
}
