//! `workbook hosts`: any command, on hosts that are namespaces of this machine.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use virtual_cluster::hosts::{self, Hosts};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many hosts.
    #[arg(long, env = "HOSTS", default_value_t = 2,
        value_parser = clap::value_parser!(u64).range(1..=hosts::MOST))]
    hosts: u64,
    /// Give each a second network card, which leads nowhere, with the same address on all.
    #[arg(long)]
    second_card: bool,
    /// Do not tell them each other's names.
    #[arg(long)]
    no_names: bool,
    /// Pull out the cable of the last host, half a second after this file is there; in
    /// $WORKBOOK_DATA, if that is set.
    #[arg(long, value_name = "FILE")]
    cut: Option<PathBuf>,
    /// Stop it after this many seconds.
    #[arg(long, env = "LIMIT", default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// The command: `mpirun --host h1:2,h2:2 -n 4 program`.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl Args {
    /// The exit status of the command.
    pub(crate) fn run(self) -> Result<u8> {
        let data = std::env::var_os("WORKBOOK_DATA").unwrap_or_default();
        let on = Hosts {
            second_card: self.second_card,
            no_names: self.no_names,
            cut: self.cut.map(|it| PathBuf::from(data).join(it)),
            ..Hosts::new(&std::env::current_exe()?, self.hosts as usize)
        };
        let limit = Duration::from_secs(self.limit);
        Ok(hosts::run(&on, &self.command, limit)? as u8)
    }
}

#[derive(clap::Args)]
pub(crate) struct MakeArgs {
    spec: String,
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl MakeArgs {
    /// The exit status of the command.
    pub(crate) fn run(self) -> u8 {
        virtual_cluster::enter(&self.spec, &self.command) as u8
    }
}

#[derive(clap::Args)]
pub(crate) struct SshArgs {
    #[arg(last = true, required = true)]
    args: Vec<OsString>,
}

impl SshArgs {
    /// Returns only if the command cannot be started there.
    pub(crate) fn run(self) -> u8 {
        virtual_cluster::ssh(&self.args) as u8
    }
}
