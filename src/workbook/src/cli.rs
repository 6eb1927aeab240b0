//! The commands, and what several of them have in common.

use anyhow::Result;
use clap::{Parser, Subcommand};
use virtual_cluster::hosts;
use workbook::find_root;

use crate::commands::args::Machine;
use crate::commands::{
    cluster, doctor, exercise, hosts as on_hosts, report, rootless, run, trace,
};

/// Runs and checks the chapters of the workbook for parallel HDF5 in Rust.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Build a chapter's program, run it on several ranks and check the result.
    Run(run::Args),
    /// Run any command that starts an MPI program, and draw which rank read and wrote which
    /// bytes of which dataset, and when.
    Trace(trace::Args),
    /// Check the answer to an exercise, or to all of a chapter.
    Check(exercise::CheckArgs),
    /// Run the answer to an exercise once, and show what it prints.
    Try(exercise::CheckArgs),
    /// Show the next unsolved exercise, and check it again whenever it is saved.
    Watch(Machine),
    /// Show the next hint of an exercise.
    Hint(exercise::Which),
    /// Show which exercises are done.
    Progress,
    /// Put the starter of an exercise in place again; your file is kept beside it.
    Reset(exercise::Which),
    /// Show the solution of an exercise beside your version.
    Solution(exercise::SolutionArgs),
    /// Say what this machine has, what is wrong with it, and the cure.
    Doctor(doctor::Args),
    /// Collect what somebody must know who is to help you, in one text to paste.
    Report(Machine),
    /// A Slurm on this machine, with nodes of its own.
    #[command(subcommand)]
    Cluster(cluster::Cluster),
    /// Run any command on the first of several hosts, h1, h2, …: namespaces of this machine,
    /// joined by TCP.
    Hosts(on_hosts::Args),
    /// Part of `hosts`: makes them.
    #[command(hide = true, name = hosts::MAKE_HOSTS)]
    MakeHosts(on_hosts::MakeArgs),
    /// Part of `hosts`: starts something on another one, in place of ssh.
    #[command(hide = true, name = hosts::SSH_SHIM)]
    SshShim(on_hosts::SshArgs),
    /// Part of the set-up without root: builds HDF5 for an MPI that came from a wheel.
    #[command(hide = true)]
    Rootless(rootless::Args),
}

impl Command {
    /// What a command is called whose transcript is kept if it fails.
    pub(crate) fn kept(&self) -> Option<String> {
        match self {
            Command::Run(it) => Some(format!("run {}", it.chapter)),
            Command::Check(it) => Some(format!("check {}", it.exercise)),
            Command::Try(it) => Some(format!("try {}", it.exercise)),
            _ => None,
        }
    }

    /// Does it; the exit status: 0 if all holds, 1 if something does not.
    pub(crate) fn run(self) -> Result<u8> {
        let root = find_root();
        let held = match self {
            // Wherever they are started, with the status of what they run.
            Command::MakeHosts(args) => return Ok(args.run()),
            Command::SshShim(args) => return Ok(args.run()),
            Command::Hosts(args) => return args.run(),
            Command::Run(args) => args.run(&root?)?,
            Command::Trace(args) => args.run(&root?)?,
            Command::Check(args) => args.check(&root?)?,
            Command::Try(args) => args.try_out(&root?)?,
            Command::Watch(machine) => exercise::watch(&root?, &machine)?,
            Command::Hint(which) => which.hint(&root?)?,
            Command::Progress => exercise::progress(&root?)?,
            Command::Reset(which) => which.reset(&root?)?,
            Command::Solution(args) => args.run(&root?)?,
            Command::Doctor(args) => args.run(&root?)?,
            Command::Report(machine) => report::run(&root?, &machine)?,
            Command::Cluster(cluster) => cluster.run(&root?)?,
            Command::Rootless(args) => args.run(&root?)?,
        };
        Ok(u8::from(!held))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_command_line_makes_sense() {
        Cli::command().debug_assert();
    }
}
