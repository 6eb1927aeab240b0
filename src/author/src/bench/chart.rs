//! The first contest as a bar chart, as SVG: no wider than a phone, on paper of its own, with
//! its content in words for those who cannot see it.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use quick_xml::escape::partial_escape;

use super::found::{Bench, Contest};
use crate::figures::{Ratio, short};

const WIDTH: f64 = 420.0;
const MARGIN: f64 = 12.0;
/// The height of a bar, and of a program's name above its two bars.
const BAR: f64 = 11.0;
const NAME: f64 = 17.0;
/// What is kept free at the right, for the number.
const NUMBER: f64 = 48.0;
/// Blue and orange of Okabe and Ito, which those tell apart who do not see all colours.
const COLOURS: [&str; 2] = ["#0072b2", "#e69f00"];

/// The first contest of the first run.
pub fn draw(runs: &[Bench]) -> Result<String> {
    let contest = runs.first().and_then(|it| it.contests.first());
    let contest = contest.context("no contest was held")?;
    let bars = bars(contest);
    let most = bars.iter().flat_map(|(_, both)| both).map(|it| it.median);
    let most = most.fold(1.0, f64::max);
    let room = WIDTH - 2.0 * MARGIN - NUMBER;
    let length = |ratio: f64| room * ratio / most;

    let mut body = String::new();
    let mut words = String::new();
    let mut y = MARGIN + 14.0;
    let _ = writeln!(
        body,
        r##"<text x="{MARGIN}" y="{y:.0}" font-weight="bold">How many times as long as distances</text>"##
    );
    y += 18.0;
    let _ = writeln!(
        body,
        r##"<text x="{MARGIN}" y="{y:.0}" font-size="12">{}</text>"##,
        partial_escape(contest.title())
    );
    y += 10.0;
    for (colour, (index, text)) in COLOURS
        .iter()
        .zip(["first write", "rewrite"].iter().enumerate())
    {
        let x = MARGIN + 110.0 * index as f64;
        let _ = writeln!(
            body,
            r##"<rect x="{x:.0}" y="{y:.0}" width="12" height="{BAR}" fill="{colour}"/>"##
        );
        let _ = writeln!(
            body,
            r##"<text x="{:.0}" y="{:.0}" font-size="12">{text}</text>"##,
            x + 18.0,
            y + 10.0
        );
    }
    y += BAR + 4.0;
    for (name, both) in &bars {
        y += NAME;
        let name = name.replace('`', "");
        let _ = writeln!(
            body,
            r##"<text x="{MARGIN}" y="{:.0}">{}</text>"##,
            y,
            partial_escape(&name)
        );
        y += 4.0;
        for (colour, spread) in COLOURS.iter().zip(both) {
            let width = length(spread.median);
            let _ = writeln!(
                body,
                r##"<rect x="{MARGIN}" y="{y:.1}" width="{width:.1}" height="{BAR}" fill="{colour}"/>"##
            );
            // The middle half of the rounds.
            let (low, high) = (
                MARGIN + length(spread.low),
                MARGIN + length(spread.high.min(most)),
            );
            let middle = y + BAR / 2.0;
            let _ = writeln!(
                body,
                r##"<path d="M{low:.1} {middle:.1}H{high:.1}" stroke="#111" stroke-width="1.5"/>"##
            );
            let x = MARGIN + width.max(length(spread.high.min(most))) + 5.0;
            let _ = writeln!(
                body,
                r##"<text x="{x:.1}" y="{:.1}" font-size="11">{}</text>"##,
                y + 9.5,
                short(spread.median)
            );
            y += BAR + 1.0;
        }
        let _ = write!(
            words,
            "{name}: {} at the first write, {} at a rewrite. ",
            short(both[0].median),
            short(both[1].median)
        );
    }
    let height = y + MARGIN;
    Ok(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" width="{WIDTH}" height="{height:.0}" role="img" aria-labelledby="title desc" font-family="sans-serif" font-size="13">
<title id="title">How many times as long as distances other programs take: {}</title>
<desc id="desc">{}</desc>
<rect width="{WIDTH}" height="{height:.0}" rx="8" fill="#fff"/>
<g fill="#111">
{body}</g>
</svg>
"##,
        partial_escape(contest.title()),
        partial_escape(words.trim_end())
    ))
}

/// Everybody's two ratios, the fastest first.
fn bars(contest: &Contest) -> Vec<(String, [Ratio; 2])> {
    let mut bars: Vec<(String, [Ratio; 2])> = contest
        .entrants
        .iter()
        .filter_map(|entrant| {
            let ratio = |first| contest.ratio(&entrant.name, first);
            Some((entrant.name.clone(), [ratio(true)?, ratio(false)?]))
        })
        .collect();
    bars.sort_by(|(_, one), (_, other)| one[0].median.total_cmp(&other[0].median));
    bars
}
