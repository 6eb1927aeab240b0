//! Several hosts on one machine: network namespaces, made by the workbook. Ranks on two hosts
//! write one file; what goes wrong between hosts; and nothing left behind.
//!
//! HOSTS is for Open MPI; under MPICH only its refusal is tried. Where the system refuses
//! namespaces the tests say that they were not tried.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::*;
use launch::{Launch, Mpi};
use virtual_cluster::hosts::{self, Hosts};

const CLUSTER: &str = env!("CARGO_BIN_EXE_cluster");
const DISTANCES: &str = env!("CARGO_BIN_EXE_distances");
const PITFALLS: &str = env!("CARGO_BIN_EXE_pitfalls");

/// Whether hosts can be made here; says so if not.
fn possible() -> bool {
    if mpi() != Mpi::OpenMpi {
        return false;
    }
    match hosts::refused() {
        Some(why) => {
            println!("not tried: several hosts: {why}");
            false
        }
        None => true,
    }
}

fn world(hosts: usize) -> Hosts {
    Hosts::new(workbook_program(), hosts)
}

/// The same run on so many hosts.
fn on(mut launch: Launch, hosts: Hosts) -> Launch {
    hosts::distribute(&mut launch, hosts);
    launch
}

/// What `workbook hosts` prints, and whether it succeeds.
fn hosts_command(options: &[&str], command: &[&str]) -> (bool, String) {
    let mut workbook = workbook_command();
    workbook.arg("hosts").args(options).arg("--").args(command);
    let output = workbook.output().unwrap();
    (output.status.success(), printed(&output))
}

/// The bits of a file's distances.
fn bits(file: &Path) -> Vec<u32> {
    let distances = open_serially(file).unwrap().dataset("distances").unwrap();
    let all = distances.read_1d::<f32>().unwrap();
    all.iter().map(|it| it.to_bits()).collect()
}

#[test]
fn ranks_are_on_different_hosts_and_write_one_file() {
    if !possible() {
        return;
    }
    for (ranks, hosts) in [(1, 2), (2, 2), (3, 2), (4, 3), (7, 2)] {
        let data = scratch();
        let run = succeed(&on(launch(CLUSTER, ranks, &[], data.path()), world(hosts)));
        let (share, more) = (ranks / hosts, ranks % hosts);
        let slots = (0..hosts).map(|host| share + usize::from(host < more));
        let places: Vec<usize> = slots
            .enumerate()
            .flat_map(|(host, slots)| vec![host; slots])
            .collect();
        for (rank, node) in places.iter().enumerate() {
            let line = format!("rank {rank} is on node {node}, h{}", node + 1);
            assert!(run.out[0].lines().any(|it| it == line), "{}", run.report());
        }
        let rows = open_serially(data.path().join("cluster.hdf5")).unwrap();
        let rows = rows.dataset("written_by").unwrap();
        let rows = rows.read_1d::<u64>().unwrap();
        for (rank, node) in places.iter().enumerate() {
            for row in parallel_hdf5::rows_of(rank as i32, ranks as i32, 1000) {
                assert_eq!(rows[row], *node as u64, "row {row} of rank {rank}");
            }
        }
        assert!(processes_that_mention(data.path()).is_empty());
    }
}

#[test]
fn two_hosts_make_the_same_bits_as_one() {
    if !possible() {
        return;
    }
    let (one, two) = (scratch(), scratch());
    succeed(&launch(DISTANCES, 4, &[], one.path()));
    succeed(&on(launch(DISTANCES, 4, &[], two.path()), world(2)));
    let [one, two] = [&one, &two].map(|it| it.path().join("coords.hdf5"));
    assert_eq!(bits(&one).len(), 1000);
    assert_eq!(bits(&one), bits(&two));
}

#[test]
fn a_chapter_runs_on_hosts() {
    let data = scratch();
    let mut workbook = workbook_command();
    workbook
        .args(["run", "10", "--hosts", "2"])
        .env("WORKBOOK_DATA", data.path());
    if mpi() == Mpi::Mpich {
        let output = workbook.output().unwrap();
        assert!(!output.status.success());
        let said = printed(&output);
        assert!(said.contains("HOSTS is for Open MPI"), "{said}");
        return;
    }
    if !possible() {
        return;
    }
    let output = workbook.output().unwrap();
    let said = printed(&output);
    assert!(output.status.success(), "{said}");
    let command = "$ mpirun --host h1:2,h2:2 -n 4 target/debug/cluster";
    assert!(said.contains(command), "{said}");
    assert!(said.contains("written by 4 ranks on 2 nodes"), "{said}");

    // Not with Slurm as well, and not what is more than one run.
    for (chapter, launcher, why) in [
        ("10", "slurm", "HOSTS or LAUNCHER=slurm, not both"),
        ("8", "mpirun", "does more than one run"),
    ] {
        let mut workbook = workbook_command();
        workbook.args(["run", chapter, "--hosts", "2", "--launcher", launcher]);
        let output = workbook.output().unwrap();
        assert!(!output.status.success());
        assert!(printed(&output).contains(why), "{}", printed(&output));
    }
}

#[test]
fn a_cut_cable_ends_the_run_and_what_was_flushed_is_there() {
    if !possible() {
        return;
    }
    let data = scratch();
    // A step is marked once the steps before it are in the file. Only then is there something to keep.
    let marked = data.path().join("a-step-is-marked");
    let steps = data.path().join("steps.hdf5");
    let watch = std::thread::spawn({
        let marked = marked.clone();
        move || {
            let deadline = Instant::now() + Duration::from_secs(20);
            while Instant::now() < deadline && marked_steps(&steps) == 0 {
                std::thread::sleep(Duration::from_millis(20));
            }
            fs::write(marked, "").unwrap();
        }
    });
    let cut = Hosts {
        cut: Some(marked),
        ..world(2)
    };
    let mut launch = on(launch(PITFALLS, 4, &["--steps", "5000"], data.path()), cut);
    // Without the settings it takes minutes.
    launch.limit = Duration::from_secs(30);
    let run = fail(&launch);
    watch.join().unwrap();
    let said = run.report();
    assert!(said.contains("(the cable of h2 is out)"), "{said}");
    assert!(said.contains("lost communication"), "{said}");
    assert!(said.contains("on node h2"), "{said}");
    assert!(processes_that_mention(data.path()).is_empty());

    let left = succeed(&common::launch(PITFALLS, 1, &["--left"], data.path()));
    let numbers = regex::Regex::new(r"opens: (\d+) steps are whole, (\d+) are marked");
    let found = numbers.unwrap();
    let found = found.captures(&left.stdout);
    let found = found.unwrap_or_else(|| panic!("{}", left.report()));
    let [whole, marked] = [1, 2].map(|it| found[it].parse::<usize>().unwrap());
    assert!(whole >= marked && marked >= 1, "{whole} {marked}");
}

/// How many steps are marked as complete in a file that is being written. None if it cannot be
/// read yet.
fn marked_steps(file: &Path) -> u64 {
    let read = || -> hdf5::Result<Vec<u64>> {
        open_serially(file)?.dataset("complete")?.read_raw()
    };
    read().map_or(0, |it| it[0])
}

#[test]
fn a_name_that_does_not_resolve_is_named() {
    if !possible() {
        return;
    }
    let command = |hosts| ["mpirun", "--host", hosts, "-n", "2", "hostname"];
    let (succeeds, said) = hosts_command(&[], &command("h1,h3"));
    assert!(!succeeds, "{said}");
    let message = "h1 cannot find the host h3: no such name";
    assert!(said.contains(message), "{said}");

    let (succeeds, said) = hosts_command(&["--no-names"], &command("h1,h2"));
    assert!(!succeeds, "{said}");
    assert!(said.contains("h1 cannot find the host h2"), "{said}");
    let addresses = command("10.77.0.1,10.77.0.2");
    let (succeeds, said) = hosts_command(&["--no-names"], &addresses);
    assert!(succeeds, "{said}");
    let mut names: Vec<&str> = said.lines().filter(|it| it.len() == 2).collect();
    names.sort();
    assert_eq!(names, ["h1", "h2"], "{said}");
}

#[test]
fn each_host_has_memory_and_a_network_of_its_own() {
    if !possible() {
        return;
    }
    // What h1 puts there, h2 does not see; and h2's loopback is not that of h1.
    let script = "touch /dev/shm/mine; mpirun --host h2 -n 1 ls /dev/shm; echo end";
    let (succeeds, said) = hosts_command(&[], &["sh", "-c", script]);
    assert!(succeeds && said.contains("end"), "{said}");
    assert!(!said.contains("mine"), "{said}");
    // Out of the hosts there is no way.
    let (_, said) = hosts_command(&[], &["ip", "-brief", "address"]);
    let cards: Vec<&str> = said
        .lines()
        .filter_map(|it| it.split_whitespace().next())
        .map(|it| it.split('@').next().unwrap())
        .collect();
    assert_eq!(cards, ["lo", "eth0"], "{said}");
    let (_, routes) = hosts_command(&[], &["ip", "route"]);
    assert_eq!(routes.lines().count(), 1, "{routes}");
    assert!(routes.starts_with("10.77.0.0/24 dev eth0"), "{routes}");
}

#[test]
fn nothing_is_left_whatever_becomes_of_the_command() {
    if !possible() {
        return;
    }
    let links = || {
        let all = Command::new("ip")
            .args(["-brief", "link"])
            .output()
            .unwrap();
        String::from_utf8_lossy(&all.stdout).lines().count()
    };
    let before = links();
    let data = scratch();
    let mut workbook = workbook_command()
        .args([
            "hosts", "--", "mpirun", "--host", "h1,h2", "-n", "2", "sleep",
        ])
        .arg("100")
        .env("WORKBOOK_DATA", data.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let sleeping = |count: usize| {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let all = processes_that_mention(data.path());
            let those = all
                .iter()
                .filter(|it| it.split_once(' ').is_some_and(|it| it.1 == "sleep 100 "));
            if those.count() == count && (count > 0 || all.is_empty()) {
                return;
            }
            assert!(Instant::now() < deadline, "{all:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    sleeping(2);
    workbook.kill().unwrap();
    workbook.wait().unwrap();
    sleeping(0);
    assert_eq!(links(), before);
}

#[test]
fn an_ordinary_account_may_have_hosts_too() {
    if !possible() {
        return;
    }
    if !nix::unistd::geteuid().is_root() {
        return; // then all of these tests are of one
    }
    let user = ["--reuid=1950000100", "--regid=1950000100", "--clear-groups"];
    let tried = Command::new("setpriv")
        .args(user)
        .args(["unshare", "--user", "--map-root-user", "--net", "true"])
        .output();
    if !tried.is_ok_and(|it| it.status.success()) {
        println!("not tried: hosts of an ordinary account: it may have no namespaces here");
        return;
    }
    // Where this account can read and write it.
    let data = scratch();
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let [workbook, program] = ["workbook", "cluster"].map(|it| data.path().join(it));
    fs::copy(workbook_program(), &workbook).unwrap();
    fs::copy(CLUSTER, &program).unwrap();
    fs::create_dir(data.path().join("chapters")).unwrap();
    fs::write(data.path().join("chapters/SUMMARY.md"), "").unwrap();
    let output = Command::new("setpriv")
        .args(user)
        .arg(&workbook)
        .args(["hosts", "--", "mpirun", "--host", "h1:1,h2:1", "-n", "2"])
        .arg(&program)
        .env("WORKBOOK_DATA", data.path())
        .env("HOME", data.path())
        .current_dir(data.path())
        .output()
        .unwrap();
    let said = printed(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("rank 1 is on node 1, h2"), "{said}");
    let rows = open_serially(data.path().join("cluster.hdf5")).unwrap();
    let rows = rows
        .dataset("written_by")
        .unwrap()
        .read_1d::<u64>()
        .unwrap();
    assert_eq!(rows.iter().sum::<u64>(), 500);
}
