//! Chapter 10: each row of the file names the node of the rank whose row it is.

use hdf5::File;

use check::{Finished, Verdict, saying};

pub fn check(run: &Finished) -> Verdict {
    run.ended_well()?;
    let nodes = nodes(run)?;
    let count = 1 + nodes.iter().max().copied().unwrap_or(0);
    let given = run.args.iter().position(|it| it == "--folder");
    let folder = match given.and_then(|it| run.args.get(it + 1)) {
        Some(folder) => folder.into(),
        None => run.data.clone(),
    };
    let file = saying("cluster.hdf5", File::open(folder.join("cluster.hdf5")))?;
    let rows = saying("written_by", file.dataset("written_by"))?;
    let rows = saying("written_by", rows.read_1d::<u64>())?;
    // As equal as possible, the first ranks have one row more.
    let (share, more) = (rows.len() / run.ranks, rows.len() % run.ranks);
    let mut found = rows.iter();
    for (rank, node) in nodes.iter().enumerate() {
        for _ in 0..share + usize::from(rank < more) {
            match found.next() {
                Some(found) if found == node => {}
                other => {
                    return Err(format!(
                        "a row of rank {rank}, which is on node {node}, holds {other:?}"
                    ));
                }
            }
        }
    }
    let nodes = if count == 1 {
        "1 node"
    } else {
        &format!("{count} nodes")
    };
    Ok(format!(
        "one file of {} rows, written by {} on {nodes}",
        rows.len(),
        run.ranks_in_words()
    ))
}

/// The node of each rank, by what the ranks printed.
fn nodes(run: &Finished) -> Result<Vec<u64>, String> {
    let node_of = |rank: usize| {
        let start = format!("rank {rank} is on node ");
        let line = run.printed.lines().find_map(|it| it.strip_prefix(&start));
        let node = line.and_then(|it| it.split(',').next()?.parse().ok());
        node.ok_or_else(|| format!("rank {rank} did not say on which node it is"))
    };
    (0..run.ranks).map(node_of).collect()
}
