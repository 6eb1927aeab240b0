//! Drawings of runs made by hand: what must be in them, whatever they look like.

use std::fs;
use std::path::PathBuf;

use crate::{Access, File, Part, Show, Trace, What, fixtures, page, prose, svg, text};

/// Writes all drawings into the folder that is named by `TRACE_PICTURES`, to be looked at.
#[test]
fn all_can_be_drawn_and_twice_alike() {
    let folder = std::env::var_os("TRACE_PICTURES").map(PathBuf::from);
    for (name, trace) in fixtures::all() {
        if let Some(folder) = &folder {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join(format!("{name}.html")), page::draw(&trace)).unwrap();
            for width in [80, 40] {
                let text = text::draw(&trace, width, false);
                fs::write(folder.join(format!("{name}-{width}.txt")), text).unwrap();
            }
        }
        for (kind, show) in [
            ("file", Show::File),
            ("time", Show::Time),
            ("both", Show::Both),
        ] {
            let drawing = svg::draw(&trace, show);
            assert_eq!(drawing, svg::draw(&trace, show));
            let words = prose::alternative(&trace, show);
            assert_eq!(words.lines().count(), usize::from(!words.is_empty()));
            if let Some(folder) = &folder {
                fs::write(folder.join(format!("{name}-{kind}.svg")), drawing).unwrap();
                fs::write(folder.join(format!("{name}-{kind}.md")), words).unwrap();
            }
        }
    }
}

// --- What an SVG says ------------------------------------------------------------------

/// A rectangle in a drawing.
#[derive(Debug)]
struct Rect {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    fill: String,
}

/// The rectangles of a drawing, of those fills that `wanted` wants.
fn rects(svg: &str, wanted: impl Fn(&str) -> bool) -> Vec<Rect> {
    let attribute = |element: &str, name: &str| {
        let start = element.find(&format!(" {name}=\""))? + name.len() + 3;
        let length = element[start..].find('"')?;
        Some(element[start..start + length].to_owned())
    };
    svg.lines()
        .filter(|it| it.starts_with("<rect x="))
        .map(|it| {
            let number = |name| attribute(it, name).unwrap().parse().unwrap();
            Rect {
                x: number("x"),
                y: number("y"),
                width: number("width"),
                height: number("height"),
                fill: attribute(it, "fill").unwrap_or_default(),
            }
        })
        .filter(|it| wanted(&it.fill))
        .collect()
}

/// What the first four ranks wrote is filled with.
const FULL: [&str; 4] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7"];

#[test]
fn slabs_are_stairs() {
    let svg = svg::file_strip(&fixtures::slabs(4));
    for group in [0, 1] {
        // Without the metadata, which is at the left.
        let steps: Vec<Rect> = FULL
            .iter()
            .flat_map(|fill| {
                let mut own = rects(&svg, |it| it == *fill);
                own.retain(|it| it.width > 5.0);
                assert_eq!(own.len(), 2, "asked for, and moved");
                own.into_iter().nth(group)
            })
            .collect();
        for pair in steps.windows(2) {
            let (end, next) = (pair[0].x + pair[0].width, pair[1].x);
            assert!((end - next).abs() < 0.3, "a gap or an overlap: {pair:?}");
            assert!(
                pair[0].y + pair[0].height < pair[1].y,
                "not below: {pair:?}"
            );
            assert!((pair[0].width - pair[1].width).abs() < 0.3, "{pair:?}");
        }
    }
}

#[test]
fn columns_are_scattered_and_magnified() {
    let svg = svg::file_strip(&fixtures::columns(4));
    let scattered = rects(&svg, |it| it.starts_with("url(#scattered"));
    // Eight lanes, and one in the legend.
    assert_eq!(scattered.len(), 9);
    assert!(
        scattered[..8].iter().all(|it| it.width > 300.0),
        "{scattered:?}"
    );
    assert!(svg.contains("bytes 2048 to 2111 of /table"));
    for fill in FULL {
        let pieces = rects(&svg, |it| it == fill);
        let pieces: Vec<&Rect> = pieces.iter().filter(|it| it.width > 30.0).collect();
        assert_eq!(pieces.len(), 4, "two asked for, two moved");
    }
}

#[test]
fn an_aggregator_moves_what_others_asked_for() {
    let svg = svg::file_strip(&fixtures::aggregated(4));
    let scattered = rects(&svg, |it| it.starts_with("url(#scattered"));
    assert_eq!(
        scattered.len(),
        5,
        "only what was asked for, and the legend"
    );
    let whole = rects(&svg, |it| it == FULL[0]);
    assert_eq!(
        whole.iter().filter(|it| it.width > 300.0).count(),
        2,
        "lane and glass"
    );
    for fill in &FULL[1..] {
        let pieces = rects(&svg, |it| it == *fill);
        assert_eq!(
            pieces.len(),
            2,
            "only under the magnifying glass: {pieces:?}"
        );
    }
    assert!(svg.contains("written by rank 0: bytes 2048 to 34047"));
}

#[test]
fn what_is_both_read_and_written_shares_a_lane() {
    let file = fixtures::file("x.hdf5", &[("/x", 1000)]);
    let whole = |_| vec![(2048, 3048)];
    let mut trace = fixtures::writes(1, file, whole, whole, false);
    let read = trace.asked.clone();
    trace
        .asked
        .extend(read.into_iter().map(|it| Access { write: false, ..it }));
    let svg = svg::file_strip(&trace);
    let written = rects(&svg, |it| it == FULL[0]);
    let read = rects(&svg, |it| it == "#cce3f0");
    assert_eq!(read.len(), 1);
    assert!(
        read[0].y + read[0].height < written[0].y,
        "{read:?} {written:?}"
    );
    assert_eq!(read[0].height.round(), (written[0].height - 1.4).round());
}

#[test]
fn no_bar_leaves_its_box() {
    for (name, trace) in fixtures::all() {
        let svg = svg::draw(&trace, Show::Both);
        for rect in rects(&svg, |_| true) {
            assert!(rect.width >= 0.0 && rect.height >= 0.0, "{name}: {rect:?}");
            assert!(
                rect.x >= 0.0 && rect.x + rect.width <= 420.1,
                "{name}: {rect:?}"
            );
        }
    }
}

#[test]
fn a_hang_is_named_with_its_line() {
    let trace = fixtures::hang();
    let svg = svg::time_lines(&trace);
    assert_eq!(svg.matches("hangs, line 21").count(), 3);
    assert_eq!(svg.matches("hangs, line 24").count(), 1);
    assert!(svg.contains("MPI_Barrier, which never returned, line 21"));
    let text = text::draw(&trace, 80, false);
    assert!(
        text.contains("rank 0 never returned from H5Fclose (line 24)"),
        "{text}"
    );
    assert!(
        text.contains("rank 3 never returned from MPI_Barrier (line 21)"),
        "{text}"
    );
}

#[test]
fn times_do_not_show_in_the_drawing_of_a_file() {
    let trace = fixtures::aggregated(4);
    let mut later = trace.clone();
    for span in &mut later.spans {
        span.start = span.start * 3 + 17;
        span.end = span.end.map(|it| it * 3 + 40);
        span.waited *= 2;
    }
    for touch in later.asked.iter_mut().chain(&mut later.moved) {
        touch.at = touch.at * 3 + 20;
    }
    assert_eq!(svg::file_strip(&trace), svg::file_strip(&later));
    assert_eq!(
        prose::alternative(&trace, Show::Both),
        prose::alternative(&later, Show::Both)
    );
    assert_ne!(svg::time_lines(&trace), svg::time_lines(&later));
}

// --- Words -----------------------------------------------------------------------------

#[test]
fn slabs_in_words() {
    assert_eq!(
        prose::one_file(&fixtures::slabs(2), 0),
        [
            "The file slabs.hdf5 has 6048 bytes.",
            "Dataset /distances lies in bytes 2048 to 6047.",
            "Rank 0 asked to write bytes 2048 to 4047 of /distances, and did so itself, in 1 write.",
            "Rank 1 asked to write bytes 4048 to 6047 of /distances, and did so itself, in 1 write.",
            "Rank 0 wrote metadata, in 2 writes.",
        ]
    );
}

#[test]
fn an_aggregator_in_words() {
    let words = prose::one_file(&fixtures::aggregated(4), 0);
    assert_eq!(
        words[3],
        "Rank 1 asked to write 1000 pieces of 8 bytes of /table, one every 32 bytes, from byte \
         2056 to 34031."
    );
    assert_eq!(
        words[6],
        "Rank 0 wrote bytes 2048 to 34047 of /table, in 1 write."
    );
    assert_eq!(
        words[7],
        "Ranks 1 to 3 moved none of these bytes: others did."
    );
}

#[test]
fn many_ranks_in_one_sentence() {
    let words = prose::one_file(&fixtures::columns(16), 0);
    assert_eq!(
        words[2],
        "Ranks 0 to 15 each asked to write 1000 pieces of 8 bytes of /table, one every 128 \
         bytes, and did so itself, in 1000 writes each: rank 0 from byte 2048 on, each next rank \
         8 bytes further."
    );
    // Not if one of them does otherwise.
    let mut trace = fixtures::slabs(16);
    trace.asked[5].end -= 1;
    let words = prose::one_file(&trace, 0).join("\n");
    assert!(
        words.contains("Rank 5 asked to write bytes 3298 to 3546 of"),
        "{words}"
    );
}

#[test]
fn a_rank_without_a_share_is_told_of() {
    let mut trace = fixtures::slabs(4);
    for touches in [&mut trace.asked, &mut trace.moved] {
        touches.retain(|it| it.rank != 3);
    }
    let words = prose::one_file(&trace, 0);
    assert!(
        words.contains(&"Rank 3 did not touch /distances.".to_owned()),
        "{words:#?}"
    );
}

#[test]
fn words_of_markdown_and_html_are_words() {
    let trace = fixtures::names();
    let words = prose::alternative(&trace, Show::Both);
    assert!(words.contains(r"\<script\>alert(1)\</script\>"), "{words}");
    assert!(words.contains(r"\[x\](y) \`z\`"), "{words}");
    for drawing in [svg::draw(&trace, Show::Both), page::draw(&trace)] {
        assert!(!drawing.contains("<script>alert"), "{drawing}");
        assert!(
            !drawing.contains("<made>") && !drawing.contains("<b>"),
            "{drawing}"
        );
        assert!(drawing.contains("&lt;script&gt;alert(1)"), "{drawing}");
    }
    let text = text::draw(&trace, 80, true);
    assert!(!text.contains('\u{7}'), "a terminal would beep");
}

// --- Text ------------------------------------------------------------------------------

#[test]
fn text_fits_and_names_the_ranks() {
    for (name, trace) in fixtures::all() {
        for width in [40, 80, 200] {
            let text = text::draw(&trace, width, false);
            assert!(!text.contains('\x1b'), "{name}");
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{name}, {width}: {line}");
            }
        }
        // In colour it is the same.
        let colours = text::draw(&trace, 80, true);
        let mut pieces = colours.split('\x1b');
        let mut plain = pieces.next().unwrap_or_default().to_owned();
        plain.extend(pieces.filter_map(|it| it.split_once('m')).map(|it| it.1));
        assert_eq!(plain, text::draw(&trace, 80, false), "{name}");
    }
}

#[test]
fn the_strip_of_a_rank_as_text() {
    let text = text::draw(&fixtures::slabs(4), 40, false);
    let lanes: Vec<&str> = text.lines().filter(|it| it.starts_with("rank ")).collect();
    assert_eq!(
        lanes[..4],
        [
            "rank 0  |  |WWWWWWW                    |",
            "rank 1  |  |       WWWWWW              |",
            "rank 2  |  |              WWWWWW       |",
            "rank 3  |  |                    WWWWWWW|",
        ]
    );
    let text = text::draw(&fixtures::columns(4), 40, false);
    assert!(
        text.contains("rank 2  |  |wwwwwwwwwwwwwwwwwwwwwwwwwww|"),
        "{text}"
    );
    assert!(
        text.contains("moved   00001111222233330000111122223333"),
        "{text}"
    );
}

// --- Odd runs --------------------------------------------------------------------------

/// A touch of a file by rank 0.
fn touch(file: usize, start: u64, end: u64) -> Access {
    Access {
        file,
        start,
        end,
        write: true,
        by: "pwrite64".to_owned(),
        ..Access::default()
    }
}

/// Every drawing of a run, joined.
fn everything(trace: &Trace) -> String {
    [
        svg::draw(trace, Show::Both),
        text::draw(trace, 80, false),
        page::draw(trace),
    ]
    .join("\n")
}

#[test]
fn a_file_without_layout_and_bytes_behind_its_end() {
    let trace = Trace {
        ranks: 1,
        files: vec![File {
            name: "raw.bin".to_owned(),
            size: 100,
            parts: Vec::new(),
        }],
        moved: vec![touch(0, 0, 50), touch(0, 100, 300)],
        ..Trace::default()
    };
    let all = everything(&trace);
    assert!(all.contains("behind the end"), "{all}");
    let words = prose::one_file(&trace, 0);
    assert_eq!(words[1], "Rank 0 wrote bytes 0 to 49, in 1 write.");
    assert_eq!(
        words[2],
        "Rank 0 wrote bytes 100 to 299 behind the end of the file, in 1 write."
    );
}

#[test]
fn what_makes_no_sense_is_no_panic() {
    let part = |start, end| Part {
        start,
        end,
        what: What::Dataset("/x".to_owned()),
    };
    let mut trace = Trace {
        ranks: 2,
        files: vec![
            File::default(),
            File {
                name: "odd".to_owned(),
                size: u64::MAX,
                parts: vec![part(5, 5), part(10, 2), part(0, u64::MAX)],
            },
        ],
        moved: vec![
            touch(7, 0, 1),
            touch(1, 9, 3),
            touch(1, u64::MAX - 1, u64::MAX),
            touch(0, 0, 0),
        ],
        ..fixtures::hang()
    };
    trace.asked = trace.moved.clone();
    trace.asked[2].rank = 99;
    trace.asked[2].span = Some(12_345);
    trace.spans[0].rank = 50;
    trace.spans[1].end = Some(0);
    everything(&trace);
    everything(&trace.without_times());
    // No dataset has bytes, no rank is known.
    trace.ranks = 0;
    everything(&trace);
}

#[test]
fn many_datasets_are_not_drawn_without_end() {
    let names: Vec<String> = (0..500).map(|it| format!("/group/{it}")).collect();
    let datasets: Vec<(&str, u64)> = names.iter().map(|it| (it.as_str(), 100)).collect();
    let file = fixtures::file("many.hdf5", &datasets);
    let all = |_| vec![(2048, 52_048)];
    let trace = fixtures::writes(2, file, all, all, false);
    let svg = svg::file_strip(&trace);
    assert!(svg.contains("more parts, which are not drawn"));
    assert!(svg.len() < 1 << 20, "{}", svg.len());
    let text = text::draw(&trace, 80, false);
    assert!(text.lines().count() < 400, "{text}");
}
