//! What a run that is recorded needs, and what is read of it afterwards.

use std::io::Read as _;
use std::path::Path;

use launch::{Launch, Mpi, Run, launcher_output};
use record::{Difference, Record};

/// Has the recorder loaded into each rank (and not into the launcher).
pub(crate) fn record_into(launch: &mut Launch, recorder: &Path, folder: &Path) {
    let variables = [
        ("LD_PRELOAD", recorder.display().to_string()),
        (record::FOLDER, folder.display().to_string()),
        (record::STANDARD_ERROR, "1".to_owned()),
    ];
    for (name, value) in variables {
        launch.options.extend(for_ranks(launch.mpi, name, &value));
    }
}

/// Adds what each rank wrote on standard error, which the launcher has not seen.
pub(crate) fn add_standard_error(run: &mut Run, record: &Record, folder: &Path) {
    for (rank, err) in record.ranks.iter().zip(&mut run.err) {
        *err += &standard_error(folder, rank.pid);
    }
    // Of processes that ended before they were a rank.
    let known: Vec<u32> = record.ranks.iter().map(|it| it.pid).collect();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_suffix(".err").and_then(|pid| pid.parse().ok());
        if let Some(pid) = pid.filter(|pid| !known.contains(pid)) {
            run.launcher_said += &standard_error(folder, pid);
        }
    }
}

/// What each rank itself wrote on standard error.
pub(crate) fn own_words(run: &Run, record: &Record, folder: &Path) -> Vec<String> {
    let ranks = record.ranks.iter().zip(&run.err);
    let own = ranks.map(|(rank, of_launcher)| {
        let mut said = standard_error(folder, rank.pid);
        if let Some(length) = rank.said.map(|it| it as usize)
            && said.is_char_boundary(length)
        {
            said.truncate(length);
        }
        let of_launcher = launcher_output::without(of_launcher.lines()).into_iter();
        let said = said.lines().filter(|it| !launcher_output::is_of_mpi(it));
        of_launcher
            .chain(said)
            .map(|line| format!("{line}\n"))
            .collect()
    });
    own.collect()
}

fn standard_error(folder: &Path, pid: u32) -> String {
    let path = folder.join(format!("{pid}.err"));
    let mut bytes = Vec::new();
    // Nothing else that the program may have put in its place.
    if std::fs::symlink_metadata(&path).is_ok_and(|it| it.is_file())
        && let Ok(file) = std::fs::File::open(&path)
    {
        let _ = file.take(1 << 20).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The launcher's options that set a variable in the environment of the ranks alone.
pub(crate) fn for_ranks(mpi: Mpi, name: &str, value: &str) -> Vec<String> {
    match mpi {
        Mpi::OpenMpi => vec!["-x".to_owned(), format!("{name}={value}")],
        Mpi::Mpich => vec!["-genv".to_owned(), name.to_owned(), value.to_owned()],
    }
}

/// What differs, and the rule that it breaks.
pub(crate) fn differs(difference: &Difference, lines: record::Lines<'_>) -> String {
    let sentence = capital(&difference.sentence(lines));
    let rule = capital(&difference.rule());
    match difference.apart_sentence(lines) {
        Some(apart) => format!("{sentence}. {}.\n{rule}.", capital(&apart)),
        None => format!("{sentence}.\n{rule}."),
    }
}

/// With a capital at its beginning, and no stop at its end.
pub(crate) fn capital(sentence: &str) -> String {
    let mut letters = sentence.trim_end_matches('.').chars();
    let first = letters.next().map(|it| it.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}
