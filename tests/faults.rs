//! What goes wrong with a run ends it, soon, with a message; and leaves no process behind.

#![cfg(target_os = "linux")] // looks into /proc

mod common;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::*;
use launch::Mpi;
use launch::supervise::{Ended, supervise};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const ATOMICITY: &str = env!("CARGO_BIN_EXE_atomicity");
const OPEN_MPIO: &str = env!("CARGO_BIN_EXE_open-mpio");

/// The processes whose environment holds `entry`, found without the code under test.
fn processes_with(entry: &str) -> Vec<i32> {
    let pids = fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|it| it.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let ended = state
                .rsplit_once(") ")
                .is_none_or(|(_, rest)| rest.starts_with('Z'));
            !ended
                && environment
                    .split(|byte| *byte == 0)
                    .any(|it| it == entry.as_bytes())
        })
        .collect()
}

/// Waits until `found` is true.
#[track_caller]
fn wait_until(what: &str, mut found: impl FnMut() -> bool) {
    let started = Instant::now();
    while !found() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "waited in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The process of `rank` among those that write into `data`.
fn process_of(rank: usize, data: &Path) -> Option<i32> {
    let name = match mpi() {
        Mpi::OpenMpi => "OMPI_COMM_WORLD_RANK",
        Mpi::Mpich => "PMI_RANK",
    };
    let ranks = processes_with(&format!("{name}={rank}"));
    let of_run = processes_with(&format!("WORKBOOK_DATA={}", data.display()));
    ranks.into_iter().find(|pid| of_run.contains(pid))
}

#[test]
fn a_rank_killed_while_it_writes_ends_the_job() {
    for victim in [0, 1] {
        let data = scratch();
        let mut launch = launch(ATOMICITY, 3, &["--torn-reads", "1000000"], data.path());
        launch.limit = Duration::from_secs(100);
        let file = data.path().join("torn-reads.hdf5");
        let (run, took) = std::thread::scope(|scope| {
            let killed = scope.spawn(|| {
                // The file is large once rank 0 writes.
                wait_until("rank 0 writes", || {
                    fs::metadata(&file).is_ok_and(|it| it.len() > 1 << 20)
                });
                let pid = process_of(victim, data.path()).expect("the rank has a process");
                kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
                Instant::now()
            });
            let run = launch.run().unwrap();
            (run, killed.join().unwrap().elapsed())
        });
        assert!(took < Duration::from_secs(20), "it took {took:?} to end");
        assert!(
            matches!(run.ended, Ended::Exit(status) if status != 0),
            "{}",
            run.report()
        );
        let said = run.launcher_said.to_lowercase() + &run.err.concat().to_lowercase();
        match mpi() {
            // "process rank 1 with PID … on node … exited on signal 9 (Killed)"
            Mpi::OpenMpi => {
                assert!(said.contains(&format!("rank {victim}")), "{}", run.report());
            }
            // Hydra names the process, not the rank.
            Mpi::Mpich => assert!(said.contains("killed (signal 9)"), "{}", run.report()),
        }
        assert!(run.left_behind.is_empty(), "{:?}", run.left_behind);
        let data_entry = format!("WORKBOOK_DATA={}", data.path().display());
        assert_eq!(processes_with(&data_entry), Vec::<i32>::new());
    }
}

#[test]
fn a_run_that_hangs_is_ended_with_all_its_processes() {
    let data = scratch();
    let mut launch = launch(OPEN_MPIO, 4, &["--wrong", "rank-zero-creates"], data.path());
    launch.limit = Duration::from_secs(3);
    let data_entry = format!("WORKBOOK_DATA={}", data.path().display());
    let run = std::thread::scope(|scope| {
        let run = scope.spawn(|| launch.run().unwrap());
        // The launcher and its four ranks.
        wait_until("all ranks run", || processes_with(&data_entry).len() >= 5);
        run.join().unwrap()
    });
    assert_eq!(run.ended, Ended::Limit(Duration::from_secs(3)));
    assert_eq!(processes_with(&data_entry), Vec::<i32>::new());
    let report = run.report();
    assert!(
        report.contains("rank 0 printed:\n    rank 0 creates the file ..."),
        "{report}"
    );
    assert!(report.contains("rank 3 printed nothing"), "{report}");
}

/// A command that ignores the polite signal, and hides a child from the launcher's group.
#[test]
fn a_stubborn_command_and_its_hidden_child_are_ended() {
    let mut command = Command::new("sh");
    let script =
        "trap '' TERM; setsid sleep 1000 & echo started; while :; do sleep 1; done";
    command
        .args(["-c", script])
        .env("STUBBORN", "yes, this one");
    let outcome = supervise(command, Duration::from_secs(1), |_| {}).unwrap();
    assert_eq!(outcome.ended, Ended::Limit(Duration::from_secs(1)));
    assert_eq!(outcome.lines[0].text, "started");
    assert_eq!(processes_with("STUBBORN=yes, this one"), Vec::<i32>::new());
}

/// A child that outlives a command which ends well is found and reported.
#[test]
fn what_is_left_behind_is_named() {
    let mut command = Command::new("sh");
    command
        .args(["-c", "setsid sleep 999 >/dev/null 2>&1 & exit 3"])
        .env("LEFT", "behind");
    let outcome = supervise(command, Duration::from_secs(10), |_| {}).unwrap();
    assert_eq!(outcome.ended, Ended::Exit(3));
    assert_eq!(outcome.left_behind.len(), 1, "{:?}", outcome.left_behind);
    assert_eq!(outcome.left_behind[0].1, "sleep");
    assert_eq!(processes_with("LEFT=behind"), Vec::<i32>::new());
}

/// Ctrl-C during `make chapter-N`: the signal goes to the `workbook` command, which ends
/// the ranks. And if `workbook` itself is killed, the ranks do not go on either.
#[test]
fn the_reader_may_interrupt_a_run_or_kill_it() {
    let workbook = workbook_program();
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let mut command = Command::new(workbook);
        let mpi = mpi().name();
        command
            .args(["run", "2", "--mpi", mpi, "--ranks", "3", "--limit", "60"])
            .args(["--args", "--wrong rank-zero-creates"])
            .env("INTERRUPTED_BY", signal.as_str())
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = command.spawn().unwrap();
        let entry = format!("INTERRUPTED_BY={}", signal.as_str());
        // The command, the launcher and three ranks; cargo may have to build first.
        let started = Instant::now();
        while processes_named("open-mpio", &entry) < 3 {
            assert!(
                started.elapsed() < Duration::from_secs(300),
                "the ranks never ran"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        let status = child.wait().unwrap();
        assert!(!status.success());
        wait_until("the ranks end", || processes_with(&entry).is_empty());
    }
}

fn processes_named(name: &str, entry: &str) -> usize {
    let is_called = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|it| it.trim() == name)
    };
    processes_with(entry)
        .iter()
        .filter(|pid| is_called(pid))
        .count()
}
