//! Chapter 2: each rank saw the same file, and it opens without MPI; the mistakes end as
//! the page says.

#[path = "exercises/check.rs"]
pub mod exercises;

use hdf5::File;

use check::{Finished, Verdict, saying};
use protocol::RunEnd;

pub fn check(run: &Finished) -> Verdict {
    let wrong = run.args.iter().position(|arg| arg == "--wrong");
    if let Some(mistake) = wrong.and_then(|at| run.args.get(at + 1)) {
        return check_mistake(run, mistake);
    }
    run.ended_well()?;
    let ranks = run.ranks;
    for rank in 0..ranks {
        let wanted =
            format!("rank {rank}: driver mpio, communicator of {ranks}, the same file");
        if !run.printed.lines().any(|line| line == wanted) {
            return Err(format!("nobody printed `{wanted}`"));
        }
    }
    let file = saying("shared.hdf5", File::open(run.data.join("shared.hdf5")))?;
    saying("shared.hdf5", file.group("made-together"))?;
    let ranks = run.ranks_in_words();
    Ok(format!(
        "{ranks} saw one file, and it opens without MPI with its group in it"
    ))
}

fn check_mistake(run: &Finished, mistake: &str) -> Verdict {
    let ended = run.ended;
    // One rank alone cannot wait for itself, and there is no rank 1 to fail.
    if run.ranks == 1 && mistake != "never-closed" {
        run.ended_well()?;
        return Ok("with one rank there is nobody to wait for; try more".to_owned());
    }
    match (mistake, ended) {
        ("rank-zero-creates" | "error" | "panic", RunEnd::Limit) => {
            Ok("as the page says: the ranks wait for each other for ever".to_owned())
        }
        ("serial-driver", RunEnd::Exit(1)) if !run.printed.contains("1 of ") => {
            Err("several ranks had the file: file locking is off \
                (HDF5_USE_FILE_LOCKING), or this file system has none"
                .to_owned())
        }
        (_, RunEnd::Exit(2)) => {
            Err("the arguments make no sense: see the message above".to_owned())
        }
        ("serial-driver" | "error-guarded", RunEnd::Exit(1))
        | ("panic-guarded", RunEnd::Exit(101)) => {
            Ok("as the page says: a message, and the run ends".to_owned())
        }
        ("never-closed", RunEnd::Exit(0)) => {
            match File::open(run.data.join("never-closed.hdf5")) {
                Err(_) => {
                    Ok("as the page says: exit status 0, and no file to read".to_owned())
                }
                Ok(_) => Ok(
                    "this HDF5 has closed the file itself when MPI ended; HDF5 1.10.8 \
                would have left none"
                        .to_owned(),
                ),
            }
        }
        ("serial-driver", RunEnd::Exit(0)) => {
            Err("no rank was locked out: file locking is off \
            (HDF5_USE_FILE_LOCKING), or this file system has none"
                .to_owned())
        }
        _ => Err(format!(
            "the page does not say that `{mistake}` ends with {ended}"
        )),
    }
}
