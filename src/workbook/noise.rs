//! Tells the launchers' own words from what the ranks printed.
//!
//! When a rank fails, `mpirun` adds a block that is longer than the rank's own message.
//! A transcript in the book shows what the ranks said.

use std::sync::LazyLock;

use regex::Regex;

/// Lines that a launcher (or its daemons) prints by themselves.
static SINGLE: LazyLock<Regex> = LazyLock::new(|| {
    let patterns = [
        // Open MPI: [host:12345] message, also from its daemons
        r"^\[[\w.-]+:\d+\]",
        r"^\[[\w.-]+\]\[\[\d+,\d+\],\d+\]",
        r"^\[(mpiexec|proxy:[^\]]*)@[^\]]*\]",
        r"^mpirun(\.\w+)?: (Forwarding signal|killing job|abort)",
        r"^(prterun|prted)\b.*noticed",
        // MPICH: by the process that calls MPI_Abort
        r"^Abort\(-?\d+\) on node \d+",
        r"^application called MPI_Abort",
        r"^In: PMI_Abort",
        r"^Attempting to use an MPI routine",
        r"^\*\*\* ",
        // a door of ours, the first time
        r"^Building with .*; the first time takes a few minutes\.$",
        // the shell, or timeout(1), on a launcher that was killed
        r"^Terminated$",
    ];
    Regex::new(&patterns.join("|")).expect("the patterns are valid")
});

/// The lines without those of the launcher: single ones, and blocks between two rules
/// (dashes in Open MPI, equals signs in MPICH).
pub fn without<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut kept = Vec::new();
    let mut block: Option<char> = None;
    let mut after_mpich_block = false;
    for line in lines {
        if let Some(rule) = rule(line) {
            after_mpich_block = block == Some('=') && rule == '=';
            block = if block == Some(rule) {
                None
            } else {
                Some(rule)
            };
            continue;
        }
        if block.is_some() || SINGLE.is_match(line) {
            continue;
        }
        // MPICH goes on below its block: "YOUR APPLICATION TERMINATED WITH …"
        if after_mpich_block
            && (line.starts_with("YOUR APPLICATION") || line.starts_with("This typically"))
        {
            continue;
        }
        kept.push(line);
    }
    kept
}

/// The character of which a launcher's ruling line consists.
fn rule(line: &str) -> Option<char> {
    let first = line.chars().next().filter(|it| "-=".contains(*it))?;
    (line.len() >= 60 && line.chars().all(|it| it == first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_the_ranks_said() {
        let open_mpi = "\
rank 1 of 2: no such file
--------------------------------------------------------------------------
MPI_ABORT was invoked on rank 1 in communicator MPI_COMM_WORLD
with errorcode 1.
--------------------------------------------------------------------------
[host:12345] 1 more process has sent help message
done";
        assert_eq!(
            without(open_mpi.lines()),
            ["rank 1 of 2: no such file", "done"]
        );
    }

    #[test]
    fn leaves_out_the_block_of_mpich() {
        let mpich = "\
before
Abort(1) on node 1 (rank 1 in comm 0): application called MPI_Abort(MPI_COMM_WORLD, 1) - process 1

===================================================================================
=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES
=   EXIT CODE: 9
===================================================================================
YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal 9)
This typically refers to a problem with your application.
after";
        assert_eq!(without(mpich.lines()), ["before", "", "after"]);
    }

    #[test]
    fn a_short_rule_is_the_ranks_own() {
        assert_eq!(
            without("----\n| a |\n----".lines()),
            ["----", "| a |", "----"]
        );
    }
}
