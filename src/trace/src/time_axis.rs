//! Time on a line of limited length: what is short is stretched, so that a call of some
//! microseconds is seen beside one that took a second. The order is kept exactly.

use std::ops::Range;

use crate::model::Span;

/// A scale from microseconds to a place on a line.
pub(crate) struct TimeAxis {
    /// Times at which something happens, and where they are.
    stops: Vec<(u64, f64)>,
}

impl TimeAxis {
    /// A line of this length, for the time between the first and the last of these calls.
    pub fn new<'a>(spans: impl IntoIterator<Item = &'a Span>, length: f64) -> TimeAxis {
        let mut times: Vec<u64> = spans
            .into_iter()
            .flat_map(|it| {
                let waited = it.start + it.waited;
                let waited = (it.waited > 0).then(|| waited.min(it.end.unwrap_or(waited)));
                [Some(it.start), waited, it.end]
            })
            .flatten()
            .collect();
        times.sort_unstable();
        times.dedup();
        let weight = |from: u64, to: u64| ((to - from) as f64).powf(0.4);
        let all: f64 = times.windows(2).map(|it| weight(it[0], it[1])).sum();
        let mut at = 0.0;
        let mut stops = Vec::new();
        for (index, time) in times.iter().enumerate() {
            if index > 0 {
                at += weight(times[index - 1], *time) / all * length;
            }
            stops.push((*time, at));
        }
        TimeAxis { stops }
    }

    /// The place of a time.
    pub fn place(&self, time: u64) -> f64 {
        let after = self.stops.partition_point(|it| it.0 < time);
        match (
            after.checked_sub(1).map(|it| self.stops[it]),
            self.stops.get(after),
        ) {
            (_, Some(stop)) if stop.0 == time => stop.1,
            (Some((from, left)), Some((to, right))) => {
                left + (time - from) as f64 / (to - from) as f64 * (right - left)
            }
            (Some((_, last)), None) => last,
            (None, Some((_, first))) => *first,
            (None, None) => 0.0,
        }
    }

    /// Round times since the first, at least `distance` apart, with their names.
    pub fn ticks(&self, distance: f64) -> Vec<(f64, String)> {
        let Some(((first, _), (last, end))) = self.stops.first().zip(self.stops.last())
        else {
            return Vec::new();
        };
        let mut ticks = vec![(0.0, "0".to_owned())];
        let round = (0..18).flat_map(|power| [1, 2, 5].map(|it| it * 10_u64.pow(power)));
        for time in round.take_while(|it| *it <= last - first) {
            let place = self.place(first + time);
            if place - ticks.last().map_or(0.0, |it| it.0) >= distance
                && *end - place >= distance / 3.0
            {
                ticks.push((place, duration(time)));
            }
        }
        ticks
    }
}

/// `20 µs`, `1.5 ms`, `2 s`: at most two digits behind the point.
pub(crate) fn duration(microseconds: u64) -> String {
    let (value, unit) = match microseconds {
        0..1_000 => return format!("{microseconds} µs"),
        1_000..1_000_000 => (microseconds as f64 / 1e3, "ms"),
        _ => (microseconds as f64 / 1e6, "s"),
    };
    let text = match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    format!("{text} {unit}")
}

/// The calls that are worth a place in a drawing: all but the begin and the end of MPI,
/// which take longer than all others, unless that is where a rank stayed.
pub(crate) fn drawn(spans: &[Span]) -> Vec<&Span> {
    let of_interest = |it: &&Span| {
        let is_frame =
            ["MPI_Init", "MPI_Init_thread", "MPI_Finalize"].contains(&it.call.as_str());
        !is_frame || it.end.is_none() || it.ok == Some(false)
    };
    spans.iter().filter(of_interest).collect()
}

/// When the waiting part of a call was: how long is known, where in the call is not. It is
/// drawn at its begin.
pub(crate) fn waiting(span: &Span) -> Option<Range<u64>> {
    let end = span.end.unwrap_or(u64::MAX);
    let until = span.start.saturating_add(span.waited).min(end);
    (until > span.start).then_some(span.start..until)
}
