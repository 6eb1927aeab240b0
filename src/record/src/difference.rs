//! The first place where the ranks do not make the same collective calls.

use std::collections::BTreeMap;

use crate::waiting::{self, Key, Sequences};
use crate::{Call, Lines, Record, State, prose};

/// The first call at which the ranks of one communicator differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// In what they differ.
    pub kind: Kind,
    /// The ranks of the communicator.
    pub group: Vec<usize>,
    /// How many collective calls of this communicator were the same before.
    pub before: usize,
    /// The call that it is about: one that some of the ranks made and others did not.
    pub call: Call,
    /// The ranks by what they did; who made `call` first.
    pub sides: Vec<Side>,
    /// The first call before, made by all alike, that came from different places of the
    /// program: each with its ranks. There a rank may have lost its step already.
    pub apart: Vec<(Vec<usize>, Call)>,
}

/// In what ranks differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Some ranks leave a call out.
    Missing,
    /// All make it, but for another file, object or attribute.
    Names,
    /// With another shape.
    Shapes,
    /// With another alignment of what is in the file.
    Alignments,
    /// With chunks of another shape, or without chunks.
    Chunks,
    /// With another type of elements.
    Elements,
    /// All make the same calls, in another order.
    Order,
    /// All write the attribute, but another value.
    Values,
    /// With another root.
    Roots,
    /// With another number of bytes.
    Sizes,
    /// They make calls that have nothing to do with each other.
    Functions,
}

/// Ranks that did the same at the place of a [`Difference`].
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// The ranks.
    pub ranks: Vec<usize>,
    /// The call that they made there (that of the first of them), if they made one.
    pub call: Option<Call>,
    /// How many such calls these ranks have made there, this one included.
    pub nth: usize,
    /// How many calls like the one that the difference is about they had made before.
    pub before: usize,
    /// The ranks by the places of the program where they made it, if there are several: each
    /// with its call. A root has one of its own, and is not told of.
    pub places: Vec<(Vec<usize>, Call)>,
    /// What became, on these ranks, of the call that the difference is about.
    pub fate: Fate,
}

/// What became of a call on ranks where it was expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// They made it.
    Made,
    /// They made it later.
    Later(Box<Call>),
    /// They ended without it, or wait for the others in `MPI_Finalize`.
    Ended,
    /// They wait in this call for something that cannot come any more.
    Stuck(Box<Call>),
    /// They might still have made it: the run ended too early to say.
    NotYet,
}

impl Record {
    /// The first collective call at which the ranks of a communicator differ.
    ///
    /// A rank that is behind, or that was stopped while it computed, is none. Where several
    /// communicators have a difference, it is the one that does not follow from another, and
    /// of these the earliest.
    pub fn first_difference(&self) -> Option<Difference> {
        let sequences = Sequences::of(self);
        let stuck = waiting::stuck(self, &sequences);
        let found = sequences
            .groups()
            .filter_map(|group| self.difference_in(group, &sequences, &stuck));
        found.min_by_key(|it| {
            let follows = it.sides.iter().all(|side| {
                matches!(side.fate, Fate::Made)
                    || matches!(&side.fate, Fate::Stuck(_)) && side.call.is_none()
            });
            let calls = it.sides.iter().filter_map(|side| side.call.as_ref());
            (follows, calls.map(|call| call.at).min())
        })
    }

    fn difference_in(
        &self,
        group: &[usize],
        sequences: &Sequences,
        stuck: &[bool],
    ) -> Option<Difference> {
        let lines: Vec<(usize, &[usize])> = group
            .iter()
            .map(|rank| (*rank, sequences.calls(group, *rank)))
            .collect();
        let longest = lines.iter().map(|(_, calls)| calls.len()).max()?;
        let call = |rank: usize, index: usize| &self.ranks[rank].calls[index];
        for at in 0..longest {
            let mut by_key: BTreeMap<Key<'_>, Vec<usize>> = BTreeMap::new();
            let mut without = Vec::new();
            for (rank, calls) in &lines {
                match calls.get(at) {
                    Some(index) => {
                        let key = Key::of(call(*rank, *index));
                        by_key.entry(key).or_default().push(*rank);
                    }
                    // Where nothing is known, nothing is wrong.
                    None if self.never_will(*rank, stuck) => without.push(*rank),
                    None => {}
                }
            }
            if by_key.len() < 2 && without.is_empty() {
                continue;
            }
            let mut sides: Vec<(Key<'_>, Vec<usize>)> = by_key.into_iter().collect();
            sides.sort_by_key(|(_, ranks)| (usize::MAX - ranks.len(), ranks[0]));
            // What follows on a rank, this call included.
            let rest = |rank: usize| {
                let calls = sequences.calls(group, rank).get(at..).unwrap_or_default();
                calls.iter().map(move |index| call(rank, *index))
            };
            let times = |key: &Key<'_>, rank: usize| {
                rest(rank).filter(|it| Key::of(it) == *key).count()
            };
            let times_alike = |key: &Key<'_>, rank: usize| {
                rest(rank).filter(|it| Key::of(it).is_like(key)).count()
            };
            let made_before = |key: &Key<'_>, rank: usize| {
                let calls = sequences.calls(group, rank).get(..at).unwrap_or_default();
                let mut calls = calls.iter().map(|index| call(rank, *index));
                calls.any(|it| Key::of(it).is_like(key))
            };
            let (kind, about) = kind_of(&sides, &times, &times_alike, &made_before);
            let at_place = |rank: usize| {
                let index = sequences.calls(group, rank).get(at)?;
                Some(call(rank, *index))
            };
            let wanted = &sides[about].0;
            let fate = |ranks: &[usize]| {
                let first = ranks[0];
                if at_place(first).is_some_and(|it| Key::of(it) == *wanted) {
                    return Fate::Made;
                }
                if let Some(later) = rest(first).find(|it| Key::of(it) == *wanted) {
                    return Fate::Later(Box::new(later.clone()));
                }
                let record = &self.ranks[first];
                match &record.state {
                    it if it.is_over() && record.aborted.is_none() => Fate::Ended,
                    State::Inside { call, .. } => {
                        let inside = &record.calls[*call];
                        match stuck[first] {
                            _ if inside.name == "MPI_Finalize" => Fate::Ended,
                            true => Fate::Stuck(Box::new(inside.clone())),
                            false => Fate::NotYet,
                        }
                    }
                    _ => Fate::NotYet,
                }
            };
            let about = at_place(sides[about].1[0])?.clone();
            let before = |rank: usize| {
                let calls = sequences.calls(group, rank).get(..at).unwrap_or_default();
                calls.iter().map(move |index| call(rank, *index))
            };
            let nth = |rank: usize, wanted: &Call| {
                let wanted = Key::of(wanted);
                1 + before(rank)
                    .filter(|it| Key::of(it).is_like(&wanted))
                    .count()
            };
            let mut result: Vec<Side> = Vec::new();
            let apart = sides.iter().map(|(_, ranks)| ranks.clone());
            for ranks in apart.chain(without.iter().map(|rank| vec![*rank])) {
                let call = at_place(ranks[0]).cloned();
                let of_call = call.as_ref().map_or(0, |it| nth(ranks[0], it));
                let mut places: Vec<(Vec<usize>, Call)> = Vec::new();
                for rank in &ranks {
                    let Some(call) = at_place(*rank).filter(|it| it.root.is_none()) else {
                        continue;
                    };
                    match places.iter_mut().find(|it| it.1.stack == call.stack) {
                        Some((here, _)) => here.push(*rank),
                        None => places.push((vec![*rank], call.clone())),
                    }
                }
                let side = Side {
                    call,
                    nth: of_call,
                    before: nth(ranks[0], &about) - 1,
                    places,
                    fate: fate(&ranks),
                    ranks,
                };
                // Ranks without a call that came to the same end are one side.
                let same = result.iter_mut().find(|it| {
                    it.call.is_none()
                        && side.call.is_none()
                        && it.before == side.before
                        && same_fate(&it.fate, &side.fate)
                });
                match same {
                    Some(same) => same.ranks.extend(&side.ranks),
                    None => result.push(side),
                }
            }
            result.sort_by_key(|side| side.fate != Fate::Made);
            return Some(Difference {
                kind,
                group: group.to_vec(),
                before: at,
                call: about,
                sides: result,
                apart: self.first_apart(group, sequences, at),
            });
        }
        None
    }

    /// See [`Difference::apart`]: of the first `end` calls.
    fn first_apart(
        &self,
        group: &[usize],
        sequences: &Sequences,
        end: usize,
    ) -> Vec<(Vec<usize>, Call)> {
        for at in 0..end {
            let mut apart: Vec<(Vec<usize>, Call)> = Vec::new();
            for rank in group {
                let Some(index) = sequences.calls(group, *rank).get(at) else {
                    continue;
                };
                let call = &self.ranks[*rank].calls[*index];
                match apart.iter_mut().find(|it| it.1.stack == call.stack) {
                    Some((ranks, _)) => ranks.push(*rank),
                    None => apart.push((vec![*rank], call.clone())),
                }
            }
            // A root often makes a call of its own for what the others call elsewhere.
            let rooted = apart.iter().any(|it| it.1.root.is_some());
            if apart.len() > 1 && !rooted {
                return apart;
            }
        }
        Vec::new()
    }

    /// Whether a rank that has no further call of a communicator cannot make one any more.
    fn never_will(&self, rank: usize, stuck: &[bool]) -> bool {
        let Some(record) = self.ranks.get(rank) else {
            return false;
        };
        let over = record.state.is_over() && record.aborted.is_none() && !record.truncated;
        over || stuck[rank]
    }
}

fn same_fate(one: &Fate, other: &Fate) -> bool {
    match (one, other) {
        (Fate::Stuck(one), Fate::Stuck(other)) => {
            one.name == other.name && one.stack == other.stack && one.peer == other.peer
        }
        (Fate::Later(one), Fate::Later(other)) => one.stack == other.stack,
        _ => one == other,
    }
}

/// In what the sides differ, and which side's call it is about.
///
/// `times` counts how often a rank makes a call from here on. A call that is made more often
/// on one side than on another is missing there, if the other side has no such call itself.
/// `times_alike` counts those that do the same to the same thing, with other arguments too.
/// `made_before` says whether a rank has made such a call already.
fn kind_of(
    sides: &[(Key<'_>, Vec<usize>)],
    times: &dyn Fn(&Key<'_>, usize) -> usize,
    times_alike: &dyn Fn(&Key<'_>, usize) -> usize,
    made_before: &dyn Fn(&Key<'_>, usize) -> bool,
) -> (Kind, usize) {
    let Some((one, ranks)) = sides.first() else {
        return (Kind::Missing, 0);
    };
    let Some((other, other_ranks)) = sides.get(1) else {
        return (Kind::Missing, 0);
    };
    let (here, there) = (ranks[0], other_ranks[0]);
    let mut only_here = times(one, here) > times(one, there);
    let mut only_there = times(other, there) > times(other, here);
    if only_here && only_there && one.name != other.name {
        // Perhaps one of the two calls comes on the other side too, with other arguments.
        let here_alike = times_alike(one, here) > times_alike(one, there);
        let there_alike = times_alike(other, there) > times_alike(other, here);
        if here_alike != there_alike {
            (only_here, only_there) = (here_alike, there_alike);
        }
    }
    if only_here && only_there {
        // One more transfer, where the others have come to the end of theirs and go on.
        let once_more = |key: &Key<'_>, rank: usize| {
            matches!(key.name, "H5Dwrite" | "H5Dread") && made_before(key, rank)
        };
        match (once_more(one, there), once_more(other, here)) {
            (true, false) if one.name != other.name => return (Kind::Missing, 0),
            (false, true) if one.name != other.name => return (Kind::Missing, 1),
            _ => {}
        }
    }
    match (only_here, only_there) {
        (true, false) => (Kind::Missing, 0),
        (false, true) => (Kind::Missing, 1),
        (false, false) => (Kind::Order, 0),
        // A rank that ends has left out whatever the others do.
        _ if other.name == "MPI_Finalize" => (Kind::Missing, 0),
        _ if one.name == "MPI_Finalize" => (Kind::Missing, 1),
        // So has a rank that closes the file, which the others will still do.
        _ if closes(other) && !closes(one) => (Kind::Missing, 0),
        _ if closes(one) && !closes(other) => (Kind::Missing, 1),
        _ if one.name != other.name => {
            // HDF5's calls say more than a barrier; the first step of opening a file, too.
            let telling = |name: &str| match name {
                "MPI_Comm_dup" => 1,
                name if name.starts_with("H5") => 2,
                _ => 0,
            };
            let about = telling(other.name) > telling(one.name);
            (Kind::Functions, usize::from(about))
        }
        _ if one.root != other.root => (Kind::Roots, 0),
        _ if one.names() != other.names() => (Kind::Names, 0),
        _ if one.shape != other.shape => (Kind::Shapes, 0),
        _ if one.alignment != other.alignment => (Kind::Alignments, 0),
        _ if one.chunk != other.chunk => (Kind::Chunks, 0),
        _ if one.element != other.element => (Kind::Elements, 0),
        _ if one.value != other.value => (Kind::Values, 0),
        _ => (Kind::Sizes, 0),
    }
}

fn closes(key: &Key<'_>) -> bool {
    key.name == "H5Fclose"
}

impl Difference {
    /// What differs, in a sentence: ``ranks 1–3 created dataset `x` (line 7), rank 0 never
    /// did``.
    pub fn sentence(&self, lines: Lines<'_>) -> String {
        let at = |call: &Call| prose::at_line(lines(call));
        let did = |side: &Side| {
            let ranks = prose::ranks(&side.ranks);
            match &side.call {
                Some(call) => {
                    let nth = match side.nth {
                        0 | 1 => String::new(),
                        nth => format!(" for the {} time", prose::ordinal(nth)),
                    };
                    let each = side.places.iter().map(|(ranks, call)| {
                        let line = lines(call)?;
                        Some((line, format!("{} in line {line}", prose::ranks(ranks))))
                    });
                    let each: Option<Vec<(u32, String)>> = each.collect();
                    let each = each.unwrap_or_default();
                    let place = match each.iter().any(|it| it.0 != each[0].0) {
                        true => {
                            let each: Vec<String> =
                                each.into_iter().map(|it| it.1).collect();
                            format!(" ({})", prose::list(&each))
                        }
                        false => at(call),
                    };
                    format!("{ranks} {}{nth}{place}", prose::did(call))
                }
                None => format!("{ranks} did not"),
            }
        };
        // "rank 0 with shape (10), ranks 1–3 with shape (12)"
        let each = |what: &dyn Fn(&Call) -> String| {
            let with = self.sides.iter().filter_map(|side| {
                let call = side.call.as_ref()?;
                Some(format!(
                    "{} {}{}",
                    prose::ranks(&side.ranks),
                    what(call),
                    at(call)
                ))
            });
            prose::list(&with.collect::<Vec<_>>())
        };
        match self.kind {
            Kind::Missing => {
                let mut parts = Vec::new();
                for side in &self.sides {
                    let ranks = prose::ranks(&side.ranks);
                    let it = if side.ranks.len() == 1 { "it" } else { "they" };
                    let its = if side.ranks.len() == 1 {
                        "its"
                    } else {
                        "their"
                    };
                    let waits = if side.ranks.len() == 1 {
                        "waits"
                    } else {
                        "wait"
                    };
                    let what = |call: &Call| match lines(call) {
                        Some(line) => format!("{}, line {line}", prose::call(call)),
                        None => prose::call(call),
                    };
                    // As many times as before, and not once more.
                    let never = match side.before {
                        0 => "never did".to_owned(),
                        1 => "did so only once".to_owned(),
                        times => format!("did so only {times} times"),
                    };
                    parts.push(match (&side.fate, &side.call) {
                        (Fate::Made, _) => did(side),
                        (Fate::Later(call), _) => {
                            format!("{ranks} only did so later{}", at(call))
                        }
                        (Fate::Stuck(call), None) => format!(
                            "{ranks} {never}: {it} {waits} in {} ({})",
                            call.name,
                            what(call)
                        ),
                        (_, Some(call)) if call.name == "MPI_Finalize" => {
                            format!("{ranks} {never}: {it} ended MPI{}", at(call))
                        }
                        (_, Some(call)) => {
                            format!("{ranks} {never} ({its} next call: {})", what(call))
                        }
                        (Fate::Ended, None) => format!("{ranks} {never}"),
                        (Fate::NotYet, None) => format!("{ranks} had not done so"),
                    });
                }
                parts.join(", ")
            }
            Kind::Names => {
                let parts: Vec<String> = self.sides.iter().map(did).collect();
                prose::list(&parts)
            }
            Kind::Shapes => {
                let shape = |call: &Call| {
                    format!("with shape {}", prose::shape(call.shape.as_deref()))
                };
                format!("{}: {}", prose::passive(&self.call), each(&shape))
            }
            Kind::Alignments => {
                let alignment = |call: &Call| match call.alignment {
                    Some((threshold, multiple)) => {
                        format!("with alignment ({threshold}, {multiple})")
                    }
                    None => "without alignment".to_owned(),
                };
                format!("{}: {}", prose::passive(&self.call), each(&alignment))
            }
            Kind::Chunks => {
                let chunks = |call: &Call| match call.chunk.as_deref() {
                    Some(chunk) => format!("with chunks of {}", prose::shape(Some(chunk))),
                    None => "without chunks".to_owned(),
                };
                format!("{}: {}", prose::passive(&self.call), each(&chunks))
            }
            Kind::Elements => {
                let element = |call: &Call| {
                    format!("with type {}", call.element.as_deref().unwrap_or("unknown"))
                };
                format!("{}: {}", prose::passive(&self.call), each(&element))
            }
            Kind::Values => {
                let value = |call: &Call| match &call.value {
                    Some(value) if value.starts_with("of ") => {
                        format!("with a value {value}")
                    }
                    Some(value) => format!("with the value {value}"),
                    None => "with another value".to_owned(),
                };
                format!("{}: {}", prose::passive(&self.call), each(&value))
            }
            Kind::Order => {
                let parts: Vec<String> = self.sides.iter().map(did).collect();
                format!(
                    "the same calls in another order: {} first",
                    prose::list(&parts)
                )
            }
            Kind::Roots => {
                let root = |call: &Call| match call.root {
                    Some(root) => format!("with root {root}"),
                    None => "without a valid root".to_owned(),
                };
                format!("{}: {}", prose::passive(&self.call), each(&root))
            }
            Kind::Sizes => {
                let bytes = |call: &Call| match call.bytes {
                    Some(bytes) => format!("with {bytes} bytes"),
                    None => "with another number of bytes".to_owned(),
                };
                format!("{}: {}", prose::passive(&self.call), each(&bytes))
            }
            Kind::Functions => {
                let parts: Vec<String> = self.sides.iter().map(did).collect();
                parts.join(", while ")
            }
        }
    }

    /// Where the ranks may have lost their step before, in a sentence: `already before, rank 0
    /// called the reduction for all in line 50, rank 1 in line 44`.
    pub fn apart_sentence(&self, lines: Lines<'_>) -> Option<String> {
        let mut parts: Vec<(Vec<usize>, u32)> = Vec::new();
        for (ranks, call) in &self.apart {
            let line = lines(call)?;
            match parts.iter_mut().find(|it| it.1 == line) {
                Some((known, _)) => known.extend(ranks),
                None => parts.push((ranks.clone(), line)),
            }
        }
        let (first, others) = parts.split_first().filter(|it| !it.1.is_empty())?;
        let did = prose::did(&self.apart[0].1);
        let others: Vec<String> = others
            .iter()
            .map(|(ranks, line)| format!("{} in line {line}", prose::ranks(ranks)))
            .collect();
        Some(format!(
            "already before, {} {did} in line {}, {}",
            prose::ranks(&first.0),
            first.1,
            prose::list(&others)
        ))
    }

    /// The rule that it breaks, and the chapter that explains it.
    pub fn rule(&self) -> String {
        prose::rule(self.kind, &self.call)
    }

    /// The ranks that did not make the call.
    pub fn odd_ranks(&self) -> Vec<usize> {
        let odd = self.sides.iter().filter(|side| side.fate != Fate::Made);
        let mut ranks: Vec<usize> = odd.flat_map(|side| side.ranks.clone()).collect();
        ranks.sort_unstable();
        ranks
    }
}
