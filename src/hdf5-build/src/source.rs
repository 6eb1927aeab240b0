//! Where cargo keeps a source that is in one of its packages.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;
use launch::output_of;
use launch::supervise::{Ended, Stream, supervise};

/// Asks cargo where the crate `name` is, which a `feature` of ours wants: its folder, and its
/// name and version. Cargo fetches it if need be.
pub fn crate_source(root: &Path, feature: &str, name: &str) -> Result<(PathBuf, String)> {
    let mut metadata = MetadataCommand::new();
    let mut options = vec!["--locked".to_owned()];
    // Without this cargo would fetch what other systems need as well.
    let rustc = output_of("rustc", &["-vV"]).unwrap_or_default();
    if let Some(host) = rustc.lines().find_map(|line| line.strip_prefix("host: ")) {
        options.extend(["--filter-platform".to_owned(), host.to_owned()]);
    }
    metadata
        .manifest_path(root.join("Cargo.toml"))
        .features(cargo_metadata::CargoOpt::SomeFeatures(vec![
            feature.to_owned(),
        ]))
        .other_options(options);
    let hour = std::time::Duration::from_secs(3600);
    let outcome = supervise(metadata.cargo_command(), hour, |line| {
        if line.stream == Stream::Err {
            eprintln!("{}", line.text);
        }
    })?;
    match outcome.ended {
        Ended::Exit(0) => {}
        Ended::Interrupted => bail!("interrupted while fetching the source"),
        ended => bail!("cargo cannot find the source that is wanted ({name}): {ended}"),
    }
    // One line of JSON; a line that is as long as this may arrive in pieces.
    let out = outcome.lines.iter().filter(|it| it.stream == Stream::Out);
    let json: String = out
        .skip_while(|it| !it.text.starts_with('{'))
        .map(|it| it.text.as_str())
        .collect();
    let metadata = MetadataCommand::parse(&json).context("cannot read cargo's metadata")?;
    let package = metadata.packages.iter().find(|it| it.name.as_str() == name);
    let package = package.with_context(|| format!("Cargo.lock does not name {name}"))?;
    let home = package
        .manifest_path
        .parent()
        .context("a manifest lies in a folder")?;
    Ok((
        home.as_std_path().to_owned(),
        format!("{name} {}", package.version),
    ))
}
