//! A call of the program in words, with what it reads or writes.

use record::{Call, Selection};

/// `write rows 0–249 of dataset distances`, `create dataset x`, `barrier`.
pub fn words(call: &Call) -> String {
    let words = match &call.access {
        Some(access) => {
            let verb = if access.write { "write" } else { "read" };
            let dataset = call.object.as_deref().unwrap_or("?");
            let dataset = dataset.trim_start_matches('/');
            let shape = call.shape.as_deref().unwrap_or_default();
            let what = selection(&access.selection, shape);
            format!("{verb} {what} of dataset {dataset}")
        }
        None => record::prose::call(call),
    };
    words.replace('`', "")
}

/// `rows 0–249`, `column 3`, `every 4th row from 1`, `all`, `nothing`.
fn selection(selection: &Selection, shape: &[u64]) -> String {
    match selection {
        Selection::All => "all".to_owned(),
        Selection::Nothing => "nothing".to_owned(),
        Selection::Regular {
            start,
            stride,
            count,
            block,
        } => {
            let dims = shape.len();
            let all = [start, stride, count, block];
            if all.iter().any(|it| it.len() != dims) {
                return "something".to_owned();
            }
            let axes = (0..dims).filter_map(|at| {
                axis(at, shape[at], start[at], stride[at], count[at], block[at])
            });
            all_of(axes.collect())
        }
        Selection::Blocks { blocks, .. } => match blocks.as_slice() {
            [] => "nothing".to_owned(),
            blocks if blocks.iter().any(|it| it.start.len() != shape.len()) => {
                "something".to_owned()
            }
            blocks => {
                let bounds = |at: usize| {
                    let first = blocks.iter().map(|it| it.start[at]).min().unwrap_or(0);
                    let end = blocks.iter().filter_map(|it| it.end.get(at).copied()).max();
                    (first, end.unwrap_or(first).saturating_sub(first))
                };
                let axes = (0..shape.len()).filter_map(|at| {
                    let (first, length) = bounds(at);
                    axis(at, shape[at], first, 1, 1, length)
                });
                let words = all_of(axes.collect());
                match blocks.len() {
                    1 => words,
                    many => format!("{many} blocks in {words}"),
                }
            }
        },
        _ => "something".to_owned(),
    }
}

fn all_of(axes: Vec<String>) -> String {
    match axes.is_empty() {
        true => "all".to_owned(),
        false => axes.join(" and "),
    }
}

/// What is selected along one axis; `None` if it is all.
fn axis(
    at: usize,
    extent: u64,
    start: u64,
    stride: u64,
    count: u64,
    block: u64,
) -> Option<String> {
    let one = match at {
        0 => "row".to_owned(),
        1 => "column".to_owned(),
        at => format!("index of axis {at}"),
    };
    let many = match at {
        0 => "rows".to_owned(),
        1 => "columns".to_owned(),
        at => format!("indices of axis {at}"),
    };
    // Blocks that touch each other are one.
    let (count, block) = match stride == block && count > 1 {
        true => (1, block.saturating_mul(count)),
        false => (count, block),
    };
    if count == 1 && start == 0 && block == extent {
        return None;
    }
    Some(match (count, block) {
        (0, _) | (_, 0) => format!("no {many}"),
        (1, 1) => format!("{one} {start}"),
        (1, _) => format!("{many} {start}–{}", start.saturating_add(block) - 1),
        (_, 1) => format!(
            "every {} {one} from {start}",
            record::prose::ordinal(stride as usize)
        ),
        _ => format!("{block} of every {stride} {many} from {start}"),
    })
}

#[cfg(test)]
mod tests {
    use record::{Access, Block};

    use super::*;

    fn writes(shape: &[u64], selection: Selection) -> String {
        words(&Call {
            name: "H5Dwrite".to_owned(),
            object: Some("/g/x".to_owned()),
            shape: Some(shape.to_vec()),
            access: Some(Access {
                write: true,
                collective: false,
                selection,
            }),
            ..Call::default()
        })
    }

    #[test]
    fn says_which_rows_and_columns() {
        let regular = |start: &[u64], stride: &[u64], count: &[u64], block: &[u64]| {
            Selection::Regular {
                start: start.to_vec(),
                stride: stride.to_vec(),
                count: count.to_vec(),
                block: block.to_vec(),
            }
        };
        let said = writes(&[1000, 2], regular(&[250, 0], &[1, 1], &[1, 1], &[250, 2]));
        assert_eq!(said, "write rows 250–499 of dataset g/x");
        let said = writes(&[1000, 8], regular(&[0, 3], &[1, 1], &[1000, 1], &[1, 1]));
        assert_eq!(said, "write column 3 of dataset g/x");
        let said = writes(&[9, 8], regular(&[1, 0], &[4, 2], &[2, 4], &[1, 2]));
        assert_eq!(said, "write every 4th row from 1 of dataset g/x");
        let said = writes(&[9, 8], regular(&[1, 0], &[4, 4], &[2, 2], &[2, 2]));
        let expected = "write 2 of every 4 rows from 1 and 2 of every 4 columns from 0";
        assert_eq!(said, format!("{expected} of dataset g/x"));
        assert_eq!(writes(&[9], Selection::All), "write all of dataset g/x");
        assert_eq!(
            writes(&[9], Selection::Nothing),
            "write nothing of dataset g/x"
        );
        let blocks = Selection::Blocks {
            blocks: vec![
                Block {
                    start: vec![0],
                    end: vec![2],
                },
                Block {
                    start: vec![4],
                    end: vec![5],
                },
            ],
            exact: true,
        };
        assert_eq!(
            writes(&[9], blocks),
            "write 2 blocks in rows 0–4 of dataset g/x"
        );
    }
}
