//! Drawings of runs made by hand.

use std::fs;
use std::path::PathBuf;

use crate::{Show, fixtures, page, svg, text, words};

/// Writes all drawings into the folder that is named by `TRACE_PICTURES`, to be looked at.
#[test]
fn all_can_be_drawn() {
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
            let words = words::alternative(&trace, show);
            if let Some(folder) = &folder {
                fs::create_dir_all(folder).unwrap();
                fs::write(folder.join(format!("{name}-{kind}.svg")), drawing).unwrap();
                fs::write(folder.join(format!("{name}-{kind}.md")), words).unwrap();
            }
        }
    }
}
