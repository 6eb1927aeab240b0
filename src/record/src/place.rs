//! Where the ranks sit, for a run that did not end.

use crate::{Call, Lines, Record, State, prose};

/// Ranks that are at the same place.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The ranks.
    pub ranks: Vec<usize>,
    /// The call that they are in.
    pub call: Option<Call>,
    /// The MPI call inside it in which they wait.
    pub inner: Option<String>,
    /// The line of the program.
    pub line: Option<u32>,
    /// All of it in words: `ranks 1–3: in H5Dcreate2 (create dataset x), waiting in
    /// MPI_Barrier, line 31`.
    pub text: String,
}

impl Record {
    /// Where each rank was when the record ends; ranks at the same place together.
    pub fn where_each_rank_sits(&self, lines: Lines<'_>) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        for rank in &self.ranks {
            let (call, inner) = match &rank.state {
                _ if rank.aborted.is_some() => (rank.calls.last(), None),
                State::Inside { call, inner } => (rank.calls.get(*call), inner.clone()),
                State::Between => (rank.calls.last(), None),
                _ => (None, None),
            };
            let line = call.and_then(lines);
            let after = call.map(|call| {
                let failed = if call.ok == Some(false) {
                    " failed"
                } else {
                    ""
                };
                format!(
                    ", after {}{failed}{}",
                    prose::call(call),
                    prose::at_line(line)
                )
            });
            let after = after.unwrap_or_default();
            let text = match (&rank.state, call) {
                _ if rank.aborted.is_some() => format!("ended the run (MPI_Abort){after}"),
                (State::NeverStarted, _) => "never started MPI".to_owned(),
                (State::Finalized, _) => "ended MPI".to_owned(),
                (State::Exited, _) => "ended".to_owned(),
                (State::Between, _) => format!("in the program itself{after}"),
                (State::Inside { .. }, None) => "in a call".to_owned(),
                (State::Inside { .. }, Some(call)) => {
                    let mut text = format!("in {} ({})", call.name, prose::call(call));
                    if let Some(inner) = &inner {
                        text += &format!(", waiting in {inner}");
                    }
                    if let Some(line) = line {
                        text += &format!(", line {line}");
                    }
                    text
                }
            };
            match places.iter_mut().find(|it| it.text == text) {
                Some(place) => place.ranks.push(rank.rank),
                None => places.push(Place {
                    ranks: vec![rank.rank],
                    call: call.cloned(),
                    inner,
                    line,
                    text,
                }),
            }
        }
        for place in &mut places {
            place.text = format!("{}: {}", prose::ranks(&place.ranks), place.text);
        }
        places
    }
}
