//! Chapter 10: the programs of the chapters on a real Slurm with two nodes, started here and
//! stopped again; ranks and daemons that are killed; and nothing left behind.
//!
//! Where Slurm is not installed each of these says so, and fails: `make test` installs it.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use common::*;
use hdf5::File;
use tempfile::TempDir;
use workbook::cluster::{self, Cluster, Worlds};
use workbook::launch::{Launch, Run};
use workbook::mpi::Mpi;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cluster");

/// A cluster of the test's own, stopped at the end of the test, whatever happens.
struct Up {
    cluster: Cluster,
    // Deleted last.
    _scratch: TempDir,
}

impl Up {
    fn new(worlds: Worlds) -> Up {
        assert!(
            cluster::installed(),
            "Slurm is not installed: make test installs it"
        );
        let scratch = scratch();
        let folder = scratch.path().join("cluster");
        let cluster = Cluster::up(&folder, 2, worlds).unwrap();
        Up {
            cluster,
            _scratch: scratch,
        }
    }

    /// With host names of the nodes' own, where this machine allows it.
    fn usual() -> Up {
        let worlds = cluster::possible_worlds();
        if worlds == Worlds::Shared {
            println!(
                "not tried: nodes with names of their own; this machine forbids namespaces"
            );
        }
        Up::new(worlds)
    }

    /// The same run on the cluster.
    fn on(&self, mut launch: Launch) -> Launch {
        let slurm = cluster::Slurm::of(&self.cluster);
        slurm.submit(&mut launch).unwrap();
        launch
    }

    /// A command that finds this cluster.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(self.cluster.environment());
        command
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.cluster.down();
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr)
}

/// On which node each rank was, by what rank 0 printed.
fn nodes(run: &Run) -> Vec<(usize, String)> {
    let lines = run.out[0]
        .lines()
        .filter_map(|it| it.split_once(" is on node "));
    lines
        .map(|(_, node)| {
            let (number, host) = node.split_once(", ").unwrap();
            (number.parse().unwrap(), host.to_owned())
        })
        .collect()
}

#[track_caller]
fn assert_written_by(file: &Path, nodes: &[(usize, String)]) {
    let rows = File::open(file).unwrap().dataset("written_by").unwrap();
    let rows = rows.read_1d::<u64>().unwrap();
    let size = nodes.len() as i32;
    for (rank, (node, _)) in nodes.iter().enumerate() {
        for row in parallel_hdf5::rows_of(rank as i32, size, 1000) {
            assert_eq!(rows[row], *node as u64, "row {row} of rank {rank}");
        }
    }
}

#[test]
fn on_one_machine_all_ranks_are_on_node_0() {
    for ranks in RANKS {
        let data = scratch();
        let run = succeed(&launch(PROGRAM, ranks, &[], data.path()));
        let nodes = nodes(&run);
        assert_eq!(nodes.len(), ranks, "{}", run.report());
        assert!(nodes.iter().all(|it| *it == (0, nodes[0].1.clone())));
        assert_written_by(&data.path().join("cluster.hdf5"), &nodes);
        let left: Vec<_> = fs::read_dir(data.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}

#[test]
fn ranks_on_two_nodes_write_one_file() {
    let up = Up::usual();
    for ranks in RANKS {
        let data = scratch();
        let run = succeed(&up.on(launch(PROGRAM, ranks, &[], data.path())));
        let nodes = nodes(&run);
        assert_eq!(nodes.len(), ranks, "{}", run.report());
        assert_eq!(nodes[0].0, 0);
        assert_eq!(nodes[ranks - 1].0, usize::from(ranks > 1), "{nodes:?}");
        if cluster::possible_worlds() == Worlds::Own {
            assert!(
                nodes
                    .iter()
                    .all(|(node, host)| *host == format!("n{}", node + 1))
            );
        }
        assert_written_by(&data.path().join("cluster.hdf5"), &nodes);
    }
}

#[test]
fn the_chapters_run_on_it_by_their_doors() {
    let up = Up::usual();
    // Without arguments chapter 4 would run under both MPIs.
    for (chapter, args) in [
        ("1", ""),
        ("2", ""),
        ("3", ""),
        ("4", "--recipe"),
        ("10", ""),
    ] {
        let data = scratch();
        let mut door = Command::new(workbook_program());
        for name in ["CARGO_TARGET_DIR", "HDF5_DIR", "MPICC", "WORKBOOK_MPI"] {
            door.env_remove(name);
        }
        door.args(["run", chapter, "--launcher", "slurm", "--mpi", mpi().name()])
            .env("WORKBOOK_CLUSTER", up.cluster.folder())
            .env("WORKBOOK_DATA", data.path())
            .env("ARGS", args)
            .current_dir(root());
        let output = door.output().unwrap();
        let said = said(&output);
        assert!(output.status.success(), "chapter {chapter}:\n{said}");
        let command = format!("$ srun --mpi={} --nodes=2 ", cluster::interface(mpi()));
        assert!(said.contains(&command), "{said}");
        assert!(said.lines().any(|it| it.starts_with("ok: ")), "{said}");
    }
}

/// Silent by nature: each rank is alone, and all is well.
#[test]
fn the_wrong_interface_is_an_error_that_says_the_right_one() {
    let up = Up::usual();
    let data = scratch();
    let wrong = match mpi() {
        Mpi::OpenMpi => "pmi2",
        Mpi::Mpich => "pmix",
    };
    let mut launch = up.on(launch(PROGRAM, 4, &[], data.path()));
    launch.options[0] = format!("--mpi={wrong}");
    let run = launch.run().unwrap();
    assert!(!run.ended.success(), "{}", run.report());
    if mpi() == Mpi::Mpich {
        let said = run.complaints();
        assert_eq!(said.matches("each is rank 0 of 1").count(), 1, "{said}");
        assert!(said.contains("`srun --mpi=pmi2` if MPICH"), "{said}");
    }
    assert!(!data.path().join("cluster.hdf5").exists());
}

#[test]
fn the_job_script_of_the_page_does_what_it_says() {
    let up = Up::usual();
    let data = scratch();
    let bin = Path::new(PROGRAM).parent().unwrap().display().to_string();
    let path = std::env::var("PATH").unwrap();
    let output = up
        .command("sbatch")
        .arg("--wait")
        .arg(root().join("chapters/10-cluster/job.slurm"))
        .env("PATH", format!("{bin}:{path}"))
        .env("MPI_INTERFACE", cluster::interface(mpi()))
        .current_dir(data.path())
        .output()
        .unwrap();
    let left: Vec<_> = fs::read_dir(data.path()).unwrap().flatten().collect();
    let text = left
        .iter()
        .find(|it| it.path().extension().is_some_and(|it| it == "txt"));
    let text = text.map_or(String::new(), |it| fs::read_to_string(it.path()).unwrap());
    assert!(output.status.success(), "{}\n{text}", said(&output));
    assert!(text.contains("rank 3 is on node 1"), "{text}");
    assert!(text.contains("1000 distances written"), "{text}");
    let folder = left.iter().find(|it| it.path().is_dir()).unwrap().path();
    let coords = File::open(folder.join("coords.hdf5")).unwrap();
    assert!(coords.link_exists("distances"));
}

const PITFALLS: &str = env!("CARGO_BIN_EXE_pitfalls");

/// How many steps of chapter 8's simulation are whole in the file that a run left, and how many
/// are marked complete.
#[track_caller]
fn left(data: &Path) -> (usize, usize) {
    let run = succeed(&launch(PITFALLS, 1, &["--left"], data));
    let numbers =
        regex::Regex::new(r"opens: (\d+) steps are whole, (\d+) are marked").unwrap();
    let found = numbers
        .captures(&run.stdout)
        .unwrap_or_else(|| panic!("{}", run.report()));
    (found[1].parse().unwrap(), found[2].parse().unwrap())
}

#[test]
fn a_killed_rank_ends_the_job_and_what_was_flushed_is_there() {
    let up = Up::usual();
    let data = scratch();
    let die = "rank=3,step=4,point=flushed";
    let args = ["--steps", "9", "--die", die];
    let launch = up.on(launch(PITFALLS, 4, &args, data.path()));
    let started = Instant::now();
    let run = fail(&launch);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{}", run.report());
    let (whole, marked) = left(data.path());
    assert!(whole >= marked && marked >= 4, "{whole} {marked}");
}
