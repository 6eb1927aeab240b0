use std::path::Path;

use super::*;

const PAGE: &str = "# Rows

**What you will be able to do:** share.

## The problem

A file. It holds `a.b` rows. Here it is:

```rust,ignore
fn main() {}
```

<details class=\"talk\">
<summary>Ask</summary>

Whose is row 7?

</details>

- First. And more.
- Second [link](../x/index.md), [out](https://example.org).

## Links

- none
";

fn slides(page: &str) -> Vec<Slide> {
    let blocks = page::blocks(page);
    let mut builder = Builder::new(3, Path::new("/nowhere"));
    builder.chapter(&blocks, &[]).unwrap();
    builder.slides
}

#[test]
fn a_page_becomes_slides_with_notes() {
    let slides = slides(PAGE);
    let kinds: Vec<_> = slides.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, ["title", "text"]);
    assert!(slides[0].body.contains("share"), "{slides:#?}");
    assert_eq!(slides[1].title, "The problem");
    assert!(
        slides[1]
            .body
            .contains("A file. It holds <code>a.b</code> rows. Here it is:")
    );
    assert!(
        slides[1]
            .body
            .contains("<code class=\"language-rust\">fn main() {}")
    );
    assert!(
        slides[1]
            .notes
            .starts_with("<div class=\"talk\"><h3>Ask</h3>")
    );
    assert!(slides[1].notes.contains("Whose is row 7?"));
    assert!(slides[1].body.ends_with(
        "<ul><li>First. And more.</li><li>Second link, <a href=\"https://example.org\">out</a>.</li></ul>"
    ));
    assert!(slides[1].notes.contains("And more."));
}

#[test]
fn what_is_marked_is_left_out() {
    let marked = PAGE.replace("```rust", "<!-- not a slide -->\n\n```rust");
    assert!(!slides(&marked)[1].body.contains("main"));
    let marked = PAGE.replace("## The", "<!-- not a slide -->\n\n## The");
    assert_eq!(slides(&marked).len(), 1);
}

#[test]
fn a_long_listing_is_cut_where_it_is_natural_and_nothing_is_lost() {
    let text: String = (0..60)
        .map(|it| match it % 10 {
            9 => "\n".to_owned(),
            _ => format!("line {it}\n"),
        })
        .collect();
    let parts = cut::listing(&text, 2.0, 1.0);
    assert!(parts.len() > 2);
    assert!(parts.iter().all(|it| it.lines().count() <= 22));
    assert!(parts[1].starts_with("line 20"), "{parts:?}");
    let lines = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(lines(&parts.join("\n")), lines(&text));
}

#[test]
fn sentences_end_where_another_begins() {
    let folder = Path::new("");
    for (text, first) in [
        (
            "With Open MPI 4.1 it hangs. Not so elsewhere.",
            "With Open MPI 4.1 it hangs.",
        ),
        (
            "It says `a. B` there. Yes.",
            "It says <code>a. B</code> there.",
        ),
        ("Why?\nBecause.", "Why?"),
        ("(Seen with 1.10.8.) More.", "(Seen with 1.10.8.)"),
        (
            "**ROMIO, on:** none. Here it works.",
            "<strong>ROMIO, on:</strong> none.",
        ),
        ("One only", "One only"),
    ] {
        assert_eq!(html::beginning(text, 0, folder), first);
    }
}

#[test]
fn a_printed_table_is_not_broken_and_a_cut_leaves_brackets_where_they_belong() {
    let table = format!("$ run\n| {} |\n", "x".repeat(140));
    let scale = cut::scale(&table);
    assert!(scale < 0.8 && scale > 0.66, "{scale}");
    assert_eq!(
        cut::listing_height(&table, scale),
        cut::listing_height("a\nb\n", scale)
    );
    assert_eq!(cut::scale(&"x".repeat(140)), 1.0);

    let mut text = "fn a(\n".to_owned();
    text += &"    b: u8,\n".repeat(16);
    text += ") {\n";
    text += &"    c();\n".repeat(20);
    let parts = cut::listing(&text, 4.0, 1.0);
    assert!(
        parts.len() > 1 && parts.iter().all(|it| !it.starts_with(')')),
        "{parts:?}"
    );
}
