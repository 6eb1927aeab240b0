//! Tells the launchers' own words from what the ranks printed.
//!
//! When a rank fails, `mpirun` adds a block that is longer than the rank's own message.
//! A transcript in the book shows what the ranks said.

use std::sync::LazyLock;

use regex::Regex;

use crate::supervise::{Line, Stream};

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
        // UCX, on a rank whose peer has gone: [seconds] [host:12345 :0]  file.c:26  UCX  ERROR …
        r"^\[\d+\.\d+\] +\[[\w.-]+:\d+ *:\d+\] .* UCX +(ERROR|WARN)",
        // and on a rank that crashes: [host:12345:0:12345] Caught signal, ==== backtrace,
        //  0  /lib/libucs.so.0(ucs_handle_error+0x2dc) [0x7ff7528bfe9c], =====
        r"^\[[\w.-]+:\d+ *:\d+:\d+\] +Caught signal",
        r"^==== backtrace ",
        r"^ *\d+ +\S+\(.*\) \[0x[0-9a-f]+\]$",
        r"^={20,59}$",
        // Slurm's, with job numbers and times
        r"^(srun|slurmstepd)(-\w+)?: ",
        // what Open MPI 5's launcher ends its last block with
        r"^\x00+$",
        // a command of ours, the first time
        r"^Building with .*; the first time takes a few minutes\.$",
        // the shell, or timeout(1), on a launcher that was killed
        r"^Terminated$",
    ];
    Regex::new(&patterns.join("|")).expect("the patterns are valid")
});

/// Whether MPI wrote this line in a rank, because of an error: such a line names a rank that the
/// program need not have named.
pub fn is_of_mpi(line: &str) -> bool {
    static OF_MPI: LazyLock<Regex> = LazyLock::new(|| {
        let patterns = [
            r"^\[[\w.-]+:\d+\] \*\*\* ",
            r"^Abort\(-?\d+\) on node \d+",
            r"^application called MPI_Abort",
            r"^In: PMI_Abort",
        ];
        Regex::new(&patterns.join("|")).expect("the patterns are valid")
    });
    OF_MPI.is_match(line)
}

/// The lines without those of the launcher: single ones, and blocks between two rules
/// (dashes in Open MPI, equals signs in MPICH), with the blank lines around them.
pub fn without<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let lines: Vec<&str> = lines.collect();
    let kept = not_noise(&lines);
    lines
        .into_iter()
        .zip(kept)
        .filter_map(|(line, kept)| kept.then_some(line))
        .collect()
}

/// The same for what came from both streams, in the order of its arrival. Each stream is
/// looked at by itself: a line of one may arrive in the middle of a block of the other.
pub fn without_streams(lines: &[Line]) -> Vec<&str> {
    let mut kept = vec![true; lines.len()];
    for stream in [Stream::Out, Stream::Err] {
        let places: Vec<usize> = (0..lines.len())
            .filter(|index| lines[*index].stream == stream)
            .collect();
        let of_stream: Vec<&str> = places
            .iter()
            .map(|index| lines[*index].text.as_str())
            .collect();
        for (index, keep) in places.into_iter().zip(not_noise(&of_stream)) {
            kept[index] = keep;
        }
    }
    lines
        .iter()
        .zip(kept)
        .filter_map(|(line, keep)| keep.then_some(&*line.text))
        .collect()
}

/// For each line of one stream whether it is not the launcher's.
fn not_noise(lines: &[&str]) -> Vec<bool> {
    let mut block: Option<char> = None;
    let mut after_mpich_block = false;
    let not_launchers = lines.iter().map(|line| {
        if let Some(rule) = rule(line) {
            after_mpich_block = block == Some('=') && rule == '=';
            block = if block == Some(rule) {
                None
            } else {
                Some(rule)
            };
            return false;
        }
        // MPICH goes on below its block.
        let goes_on = ["YOUR APPLICATION", "This typically", "Please see the FAQ"];
        let below = after_mpich_block && goes_on.iter().any(|it| line.starts_with(it));
        block.is_none() && !SINGLE.is_match(line) && !below
    });
    let mut kept: Vec<bool> = not_launchers.collect();
    // Blank lines belong to what they set apart.
    for index in 0..lines.len() {
        if lines[index].trim().is_empty() {
            let after_noise = index > 0 && !kept[index - 1];
            let before_noise = kept.get(index + 1) == Some(&false);
            kept[index] = kept[index] && !after_noise && !before_noise;
        }
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
    fn leaves_out_what_ucx_says_of_peers_that_have_gone() {
        let ucx = "\
before
[1795541520.599693] [n1:8056 :0]           flush.c:26   UCX  ERROR req 0x1: error during flush
[1795541520.599693] [n1:18056:0]           flush.c:26   UCX  ERROR req 0x1: error during flush
[n1:08056] common_ucx.c:470  Error: ucp_disconnect_nb(3) failed: Endpoint timeout
[vm:8470 :0:8470] Caught signal 11 (Segmentation fault: address not mapped to object at address 0x558)
==== backtrace (tid:   8470) ====
 0  /lib/x86_64-linux-gnu/libucs.so.0(ucs_handle_error+0x2dc) [0x7ff7528bfe9c]
 1  /lib/x86_64-linux-gnu/libucs.so.0(+0x2908c) [0x7ff7528c008c]
=================================
[0.5] is a rank's own";
        assert_eq!(without(ucx.lines()), ["before", "[0.5] is a rank's own"]);
    }

    #[test]
    fn leaves_out_the_zero_byte_behind_the_block_of_open_mpi_5() {
        let rule = "-".repeat(74);
        let said =
            format!("Error on rank 1\n{rule}\nprterun has exited due to\n{rule}\n\0");
        assert_eq!(without(said.lines()), ["Error on rank 1"]);
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
Please see the FAQ page for debugging suggestions
after";
        assert_eq!(without(mpich.lines()), ["before", "after"]);
    }

    #[test]
    fn a_line_that_arrives_within_a_block_of_the_other_stream_is_kept() {
        let rule = "-".repeat(74);
        let said = |stream, text: &str| Line {
            stream,
            text: text.to_owned(),
        };
        let lines = [
            said(Stream::Err, &rule),
            said(Stream::Out, "rank 0 prints"),
            said(Stream::Err, "MPI_ABORT was invoked"),
            said(Stream::Err, &rule),
            said(Stream::Err, " "),
            said(Stream::Err, "Error on rank 1"),
        ];
        assert_eq!(
            without_streams(&lines),
            ["rank 0 prints", "Error on rank 1"]
        );
    }

    #[test]
    fn a_short_rule_is_the_ranks_own() {
        assert_eq!(
            without("----\n| a |\n----".lines()),
            ["----", "| a |", "----"]
        );
    }
}
