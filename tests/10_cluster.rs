//! Chapter 10: the programs of the chapters on a real Slurm with two nodes, started here and
//! stopped again; ranks and daemons that are killed; and nothing left behind.
//!
//! Where Slurm is not installed each of these says so, and fails: `make test` installs it.

mod common;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use common::*;
use launch::supervise::{Ended, supervise};
use launch::{Launch, Mpi, Run};
use mpi::traits::*;
use ndarray::Array1;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use parallel_hdf5::{Transfer, create, create_dataset, data_folder, rows_of, write_rows};
use tempfile::TempDir;
use virtual_cluster::slurm::{self, Cluster, Lifetime, NodeIsolation};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cluster");

/// A cluster of the tests' own, stopped at their end, whatever happens.
struct Up {
    cluster: Cluster,
    // Deleted last.
    scratch: TempDir,
}

impl Up {
    fn new(worlds: NodeIsolation) -> Up {
        assert!(
            slurm::installed(),
            "Slurm is not installed: make test installs it"
        );
        let scratch = scratch();
        let folder = scratch.path().join("cluster");
        let cluster = Cluster::up(&folder, 2, worlds, Lifetime::ParentBound).unwrap();
        Up { cluster, scratch }
    }

    /// Of two nodes, where this machine allows it, else of one.
    fn usual() -> Up {
        let worlds = slurm::possible_isolation();
        if worlds == NodeIsolation::Shared {
            println!("not tried: two nodes; this machine forbids namespaces");
        }
        Up::new(worlds)
    }

    fn last_node(&self) -> String {
        format!("n{}", self.nodes())
    }

    /// How many nodes it has.
    fn nodes(&self) -> usize {
        self.running("slurmd").len()
    }

    /// One for all tests that run at this time and leave it as it is.
    fn shared() -> Arc<Up> {
        static SHARED: Mutex<Weak<Up>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(|it| it.into_inner());
        shared.upgrade().unwrap_or_else(|| {
            let up = Arc::new(Up::usual());
            *shared = Arc::downgrade(&up);
            up
        })
    }

    /// The same run on the cluster.
    fn on(&self, mut launch: Launch) -> Launch {
        let slurm = slurm::Slurm::of(&self.cluster);
        slurm.submit(&mut launch).unwrap();
        launch
    }

    /// A command that finds this cluster.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.envs(self.cluster.environment(mpi()));
        command
    }

    /// The processes of this program on the nodes, by number.
    fn running(&self, program: &str) -> Vec<slurm::Process> {
        let all = self.cluster.processes().into_iter();
        all.filter(|it| it.program == program).collect()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.cluster.down();
    }
}

/// Waits until something is so; for half a minute.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
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
    let rows = open_serially(file).unwrap().dataset("written_by").unwrap();
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
    let up = Up::shared();
    for ranks in RANKS {
        let data = scratch();
        let run = succeed(&up.on(launch(PROGRAM, ranks, &[], data.path())));
        let nodes = nodes(&run);
        assert_eq!(nodes.len(), ranks, "{}", run.report());
        assert_eq!(nodes[0].0, 0);
        let last = ranks.min(up.nodes()) - 1;
        assert_eq!(nodes[ranks - 1].0, last, "{nodes:?}");
        let named = |(node, host): &(usize, String)| *host == format!("n{}", node + 1);
        assert!(up.nodes() == 1 || nodes.iter().all(named), "{nodes:?}");
        assert_written_by(&data.path().join("cluster.hdf5"), &nodes);
    }
}

#[test]
fn the_chapters_run_on_it_by_their_commands() {
    let up = Up::shared();
    // Without arguments chapter 4 would run under both MPIs.
    for (chapter, args) in [
        ("1", ""),
        ("2", ""),
        ("3", ""),
        ("4", "--recipe"),
        ("10", ""),
    ] {
        let data = scratch();
        let output = workbook_command()
            .args(["run", chapter, "--launcher", "slurm"])
            .env("WORKBOOK_CLUSTER", up.cluster.folder())
            .env("WORKBOOK_DATA", data.path())
            .env("ARGS", args)
            .output()
            .unwrap();
        let said = printed(&output);
        assert!(output.status.success(), "chapter {chapter}:\n{said}");
        let interface = slurm::interface(mpi());
        let command = format!("$ srun --mpi={interface} --nodes={} ", up.nodes());
        assert!(said.contains(&command), "{said}");
        assert!(said.lines().any(|it| it.starts_with("ok: ")), "{said}");
    }
}

/// Silent by nature: each rank is alone, and all is well.
#[test]
fn the_wrong_interface_is_an_error_that_says_the_right_one() {
    let up = Up::shared();
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
    let up = Up::shared();
    let data = scratch();
    let bin = Path::new(PROGRAM).parent().unwrap().display().to_string();
    let path = std::env::var("PATH").unwrap();
    if up.nodes() == 1 {
        println!("not tried: the job script asks for two nodes");
        return;
    }
    let mut sbatch = up.command("sbatch");
    sbatch
        .arg("--wait")
        .arg(root().join("chapters/10-cluster/job.slurm"))
        .env("PATH", format!("{bin}:{path}"))
        .env("MPI_INTERFACE", slurm::interface(mpi()))
        .current_dir(data.path());
    let outcome = supervise(sbatch, Duration::from_secs(60), |_| {}).unwrap();
    let left: Vec<_> = fs::read_dir(data.path()).unwrap().flatten().collect();
    let text = left
        .iter()
        .find(|it| it.path().extension().is_some_and(|it| it == "txt"));
    let text = text.map_or(String::new(), |it| fs::read_to_string(it.path()).unwrap());
    assert!(outcome.ended.success(), "{:?}\n{text}", outcome.lines);
    assert!(text.contains("rank 3 is on node 1"), "{text}");
    assert!(text.contains("1000 distances written"), "{text}");
    let folder = left.iter().find(|it| it.path().is_dir()).unwrap().path();
    let coords = open_serially(folder.join("coords.hdf5")).unwrap();
    assert!(coords.link_exists("distances"));
}

/// Else the job would wait for ever: a cluster that may not make namespaces has one node, and the
/// page's job script asks for two.
#[test]
fn a_job_that_asks_for_too_many_nodes_is_refused_at_once() {
    let up = Up::shared();
    let nodes = format!("--nodes={}", up.nodes() + 1);
    for program in ["srun", "sbatch"] {
        let mut command = up.command(program);
        match program {
            "srun" => command.args([&nodes, "true"]),
            _ => command.args([&nodes, "--wrap=true"]),
        };
        let outcome = supervise(command, Duration::from_secs(20), |_| {}).unwrap();
        assert!(
            matches!(outcome.ended, Ended::Exit(status) if status != 0),
            "{program}: {:?}",
            outcome.lines
        );
        let said = |it: &str| outcome.lines.iter().any(|line| line.text.contains(it));
        assert!(
            said("Node count specification invalid"),
            "{:?}",
            outcome.lines
        );
    }
}

/// What goes wrong on real clusters: each node has a /tmp of its own.
#[test]
fn a_folder_that_is_not_shared_is_an_error_on_the_rank_that_sees_it() {
    let up = Up::shared();
    if up.nodes() == 1 {
        println!("not tried: local disks of nodes; this machine forbids namespaces");
        return;
    }
    let data = scratch();
    let local = up.cluster.folder().join("local").display().to_string();
    let run = fail(&up.on(launch(PROGRAM, 4, &["--folder", &local], data.path())));
    let said = run.complaints();
    assert_eq!(said.matches("Error:").count(), 1, "{said}");
    let expected = "Error: rank 2: what rank 0 writes into";
    assert!(said.contains(expected), "{said}");
}

/// Where namespaces are forbidden: one node, which has the name of the machine.
#[test]
fn a_node_that_has_the_machines_name_serves_as_well() {
    let up = Up::new(NodeIsolation::Shared);
    let data = scratch();
    let run = succeed(&up.on(launch(PROGRAM, 4, &[], data.path())));
    let nodes = nodes(&run);
    assert!(nodes.len() == 4 && up.nodes() == 1, "{}", run.report());
    assert_written_by(&data.path().join("cluster.hdf5"), &nodes);
}

/// As a program: writes 1000 rows, flushes them, and then its ranks wait for each other, again
/// and again, for ever.
#[test]
#[ignore = "runs as a rank"]
fn stays() {
    rank(|world| {
        let file = create(data_folder()?.join("flushed.hdf5"), world)?;
        let rows = create_dataset::<i32>(&file, "rank", 1000)?;
        let mine = rows_of(world.rank(), world.size(), 1000);
        let values = Array1::from_elem(mine.len(), world.rank());
        write_rows(&rows, mine, values.view(), Transfer::Collective)?;
        file.flush()?;
        world.barrier();
        if world.rank() == 0 {
            fs::write(data_folder()?.join("all-have-flushed"), "")?;
        }
        loop {
            world.barrier();
            std::thread::sleep(Duration::from_millis(10));
        }
    });
}

impl Up {
    /// Runs [`stays`] on four ranks; when all have flushed, does `then`, once, which may say
    /// that the run is to be stopped (`false`). What was flushed must be there, and nobody of
    /// the run be left on the nodes.
    #[track_caller]
    fn stays_until(&self, then: impl Fn() -> bool) -> Run {
        let data = scratch();
        let launch = self.on(launch_test("stays", 4, data.path()));
        let done = Cell::new(None);
        let run = launch
            .run_while(|_| {
                let now =
                    done.get().is_none() && data.path().join("all-have-flushed").exists();
                !now || {
                    done.set(Some(Instant::now()));
                    then()
                }
            })
            .unwrap();
        let done = done.get().unwrap_or_else(|| panic!("{}", run.report()));
        println!(
            "{} {:.1} s after it",
            run.ended,
            done.elapsed().as_secs_f64()
        );
        assert!(!run.ended.success(), "{}", run.report());
        let file = open_serially(data.path().join("flushed.hdf5")).unwrap();
        let rows = file.dataset("rank").unwrap().read_1d::<i32>().unwrap();
        for rank in 0..4 {
            let mut mine = rows_of(rank, 4, 1000);
            assert!(mine.all(|row| rows[row] == rank), "rank {rank}: {rows:?}");
        }
        until("no rank is left", || {
            let all = self.cluster.processes();
            !all.iter().any(|it| it.program.starts_with("10_cluster"))
        });
        until("no job is left", || {
            self.cluster.status().unwrap().contains("no jobs")
        });
        run
    }

    /// Kills the last process of this program on the last node; the run is to go on.
    #[track_caller]
    fn kill_on_last_node(&self, program: &str) -> bool {
        let mut all = self.cluster.processes().into_iter();
        let last = self.last_node();
        let victim = all.rfind(|it| it.is_on(&last) && it.program.starts_with(program));
        let victim = victim.unwrap_or_else(|| panic!("{program} runs on {last}"));
        kill(Pid::from_raw(victim.pid), Signal::SIGKILL).unwrap();
        true
    }
}

#[test]
fn a_run_that_ends_before_its_time_leaves_flushed_rows_and_no_job() {
    let up = Up::usual();
    let stopped = up.stays_until(|| false);
    assert_eq!(stopped.ended, Ended::Stopped, "{}", stopped.report());

    let rank = up.stays_until(|| up.kill_on_last_node("10_cluster"));
    assert!(matches!(rank.ended, Ended::Exit(_)), "{}", rank.report());
    // The node goes on.
    until("all nodes are idle", || {
        let status = up.cluster.status().unwrap();
        status.matches("   idle\n").count() == up.nodes()
    });

    // The daemon that looks after the job's ranks on its node.
    let last = up.last_node();
    let stepd = up.stays_until(|| up.kill_on_last_node("slurmstepd"));
    assert!(matches!(stepd.ended, Ended::Exit(_)), "{}", stepd.report());
    let why = format!("{last}   down: a slurmstepd was killed\n");
    until(&why, || up.cluster.status().unwrap().contains(&why));
}

#[test]
fn a_killed_slurmd_takes_its_node_along_and_ends_the_job() {
    let up = Up::usual();
    let last = up.last_node();
    let run = up.stays_until(|| up.kill_on_last_node("slurmd"));
    assert!(matches!(run.ended, Ended::Exit(_)), "{}", run.report());
    let why = format!("{last}   down: slurmd was killed\n");
    until(&why, || up.cluster.status().unwrap().contains(&why));
    let others = up.cluster.status().unwrap().matches("   idle\n").count();
    assert_eq!(others, up.nodes(), "the others go on");
}

#[test]
fn nothing_is_left_of_a_cluster_that_is_down() {
    if mpi() != Mpi::OpenMpi {
        return; // no MPI in it
    }
    let memory = shared_memory();
    let up = Up::usual();
    let data = scratch();
    // A job that nobody waits for.
    let mut job = up
        .command("setsid")
        .args(["srun", &format!("--nodes={}", up.nodes()), "--ntasks=2"])
        .args(["tail", "-f", "/dev/null"])
        .current_dir(data.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("both ranks run", || up.running("tail").len() == 2);
    let status = up.cluster.status().unwrap();
    assert!(status.contains("tail, RUNNING, "), "{status}");
    let own = namespaces("self").unwrap();
    let theirs: BTreeSet<String> = up
        .running("slurmd")
        .iter()
        .flat_map(|it| namespaces(&it.pid.to_string()).unwrap())
        .filter(|it| !own.contains(it))
        .collect();
    if slurm::possible_isolation() == NodeIsolation::Own {
        assert!(theirs.len() >= 4, "host name and mounts of two: {theirs:?}");
    }
    // (Not their namespaces afterwards: the kernel gives their numbers to the next ones.)
    let in_them: BTreeSet<_> = processes()
        .filter(|(pid, _)| {
            let all = namespaces(pid).unwrap_or_default();
            all.iter().any(|it| theirs.contains(it))
        })
        .collect();

    up.cluster.down().unwrap();
    assert!(!job.wait().unwrap().success());
    let left = up.cluster.processes();
    assert!(left.is_empty(), "{left:?}");
    let left = processes_that_mention(up.cluster.folder());
    assert_eq!(left, Vec::<String>::new());
    assert!(!up.cluster.folder().exists());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let folder = up.cluster.folder().display().to_string();
    assert!(!mounts.contains(&folder), "{mounts}");
    let left: Vec<_> = processes().filter(|it| in_them.contains(it)).collect();
    assert!(left.is_empty(), "{left:?}");
    let left: Vec<_> = shared_memory().difference(&memory).cloned().collect();
    let ours = left
        .iter()
        .filter(|it| it.contains("n1") || it.contains("n2"));
    assert_eq!(ours.count(), 0, "{left:?}");
}

/// The names in /dev/shm.
fn shared_memory() -> BTreeSet<String> {
    let entries = fs::read_dir("/dev/shm").unwrap().flatten();
    entries
        .map(|it| it.file_name().to_string_lossy().into_owned())
        .collect()
}

/// All processes that live: number, and when each was started, since numbers come again
/// (`proc_pid_stat(5)`). One that has ended, and waits for its parent to notice, is none.
fn processes() -> impl Iterator<Item = (String, String)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|it| {
        let stat = fs::read_to_string(it.path().join("stat")).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        let start = fields.split(' ').nth(19)?.to_owned();
        if fields.starts_with('Z') {
            return None;
        }
        Some((it.file_name().to_string_lossy().into_owned(), start))
    })
}

/// The namespaces of a process.
fn namespaces(process: &str) -> Option<Vec<String>> {
    let entries = fs::read_dir(format!("/proc/{process}/ns")).ok()?.flatten();
    let links = entries.filter_map(|it| fs::read_link(it.path()).ok());
    Some(links.map(|it| it.display().to_string()).collect())
}

/// As a program: starts a cluster, and is killed before it can stop it.
#[test]
#[ignore = "runs as a program of a test"]
fn starts_a_cluster_and_is_killed() {
    if let Some(folder) = std::env::var_os("TEST_CLUSTER") {
        let worlds = slurm::possible_isolation();
        Cluster::up(Path::new(&folder), 2, worlds, Lifetime::ParentBound).unwrap();
        kill(Pid::this(), Signal::SIGKILL).unwrap();
    }
}

#[test]
fn a_cluster_does_not_outlive_a_test_that_is_killed() {
    if mpi() != Mpi::OpenMpi {
        return; // no MPI in it
    }
    let scratch = scratch();
    let folder = scratch.path().join("cluster");
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "starts_a_cluster_and_is_killed"])
        .env("TEST_CLUSTER", &folder)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success());
    until("no process is left", || Cluster::find(&folder).is_none());
}

#[test]
fn what_cannot_be_is_refused() {
    if mpi() != Mpi::OpenMpi {
        return; // no MPI in it
    }
    let up = Up::shared();
    let again = Cluster::up(
        up.cluster.folder(),
        2,
        NodeIsolation::Shared,
        Lifetime::ParentBound,
    )
    .unwrap_err();
    assert!(again.to_string().contains("is up already"), "{again}");
    assert!(Cluster::find(up.cluster.folder()).is_some());
    // A folder with something of the reader's in it is left alone.
    let mine = up.scratch.path().join("mine");
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("thesis.tex"), "").unwrap();
    let error =
        Cluster::up(&mine, 2, NodeIsolation::Shared, Lifetime::ParentBound).unwrap_err();
    assert!(error.to_string().contains("left alone"), "{error}");
    assert!(mine.join("thesis.tex").exists());
    // A socket's path would be too long.
    let long = up.scratch.path().join("l".repeat(100));
    let error =
        Cluster::up(&long, 2, NodeIsolation::Shared, Lifetime::ParentBound).unwrap_err();
    assert!(error.to_string().contains("name a shorter"), "{error}");
    // Neither a cluster of ours, nor a site's.
    let output = workbook_command()
        .args(["run", "1", "--launcher", "slurm"])
        .env("WORKBOOK_CLUSTER", up.scratch.path().join("none"))
        .env("SLURM_CONF", up.scratch.path().join("none"))
        .output()
        .unwrap();
    let said = printed(&output);
    assert!(!output.status.success(), "{said}");
    let cure = "no cluster is up: first `make cluster-up`";
    assert!(said.contains(cure), "{said}");
}
