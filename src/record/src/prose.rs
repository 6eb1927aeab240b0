//! Ranks, rows and calls in the words of the workbook.

use std::ops::Range;

use crate::{Call, Kind, Peer};

/// `rank 0`, `ranks 1–3`, `ranks 0, 2 and 5`.
pub fn ranks(ranks: &[usize]) -> String {
    let mut sorted: Vec<u64> = ranks.iter().map(|it| *it as u64).collect();
    sorted.sort_unstable();
    sorted.dedup();
    numbers("rank", &runs(&sorted))
}

/// `row 5`, `rows 667–999`, `rows 0–9 and 20–29`, `no rows`.
pub fn rows(ranges: &[Range<u64>]) -> String {
    numbers("row", ranges)
}

/// Neighbours joined: `[1, 2, 3, 7]` is `1..4` and `7..8`.
fn runs(sorted: &[u64]) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for number in sorted {
        match runs.last_mut() {
            Some(last) if last.end == *number => last.end += 1,
            _ => runs.push(*number..*number + 1),
        }
    }
    runs
}

fn numbers(one: &str, ranges: &[Range<u64>]) -> String {
    let mut words = Vec::new();
    let mut count = 0;
    for range in ranges.iter().filter(|it| it.start < it.end) {
        count += range.end - range.start;
        match range.end - range.start {
            1 => words.push(range.start.to_string()),
            2 => words.extend([range.start.to_string(), (range.start + 1).to_string()]),
            _ => words.push(format!("{}–{}", range.start, range.end - 1)),
        }
    }
    match words.len() {
        0 => format!("no {one}s"),
        _ => format!(
            "{one}{} {}",
            if count == 1 { "" } else { "s" },
            list(&words)
        ),
    }
}

/// `a, b and c`. Of more than eight, the first ones and how many more.
pub fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] if words.len() <= 8 => format!("{} and {last}", most.join(", ")),
        _ => format!("{} and {} more", words[..7].join(", "), words.len() - 7),
    }
}

/// ` (line 7)`, or nothing.
pub fn at_line(line: Option<u32>) -> String {
    line.map_or_else(String::new, |line| format!(" (line {line})"))
}

/// `(1000, 3)`; `()` of a single value.
pub fn shape(shape: Option<&[u64]>) -> String {
    let extents = shape.unwrap_or_default().iter().map(u64::to_string);
    format!("({})", extents.collect::<Vec<_>>().join(", "))
}

/// `2nd`, `11th`, `23rd`.
pub fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// What a call does, in the infinitive: ``create dataset `x` ``, `barrier`.
pub fn call(call: &Call) -> String {
    Phrase::of(call).infinitive
}

/// What ranks did, after their name: ``created dataset `x` ``, `entered the barrier`.
pub fn did(call: &Call) -> String {
    Phrase::of(call).past
}

/// What was done: ``dataset `x` was created``, `the broadcast was called`.
pub fn passive(call: &Call) -> String {
    Phrase::of(call).passive
}

/// A call in words.
struct Phrase {
    infinitive: String,
    past: String,
    passive: String,
}

impl Phrase {
    /// `create`, `created`, ``dataset `x` ``
    fn verb(infinitive: &str, past: &str, object: &str) -> Phrase {
        Phrase {
            infinitive: format!("{infinitive} {object}"),
            past: format!("{past} {object}"),
            passive: match past {
                "wrote" => format!("{object} was written"),
                past => format!("{object} was {past}"),
            },
        }
    }

    /// A call of MPI that has a name of its own: `broadcast`.
    fn noun(noun: &str) -> Phrase {
        Phrase {
            infinitive: noun.to_owned(),
            past: format!("called the {noun}"),
            passive: format!("the {noun} was called"),
        }
    }

    fn of(call: &Call) -> Phrase {
        let object = quoted(call.object.as_deref().map(|it| it.trim_start_matches('/')));
        let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let file = quoted(call.file.as_deref().map(name).as_deref());
        let file = format!("file{file}");
        let attribute = match &call.attribute {
            Some(_) => format!("attribute{} of{}", quoted(call.attribute.as_deref()), {
                match object.as_str() {
                    "" | " ``" => " the file".to_owned(),
                    object => object.to_owned(),
                }
            }),
            None => "an attribute".to_owned(),
        };
        let dataset = match object.as_str() {
            "" => "a dataset".to_owned(),
            object => format!("dataset{object}"),
        };
        let group = match object.as_str() {
            "" => "a group".to_owned(),
            object => format!("group{object}"),
        };
        let link = match object.as_str() {
            "" => "a link".to_owned(),
            object => object.trim_start().to_owned(),
        };
        let (infinitive, past, object) = match call.name.as_str() {
            "H5Fcreate" => ("create", "created", file),
            "H5Fopen" => ("open", "opened", file),
            "H5Freopen" => ("reopen", "reopened", file),
            "H5Fclose" | "H5Idec_ref" => ("close", "closed", file),
            "H5Fflush" => ("flush", "flushed", file),
            "H5Fmount" | "H5Funmount" => ("mount", "mounted", file),
            "H5Fget_access_plist" => {
                let what = format!("the access properties of {file}");
                ("ask for", "asked for", what)
            }
            "H5Fset_mpi_atomicity" => ("set", "set", format!("the atomicity of {file}")),
            "H5Gcreate1" | "H5Gcreate2" | "H5Gcreate_anon" => ("create", "created", group),
            "H5Dcreate1" | "H5Dcreate2" | "H5Dcreate_anon" => {
                ("create", "created", dataset)
            }
            "H5Dset_extent" | "H5Dextend" => ("resize", "resized", dataset),
            "H5Dwrite" => match call.collective {
                true => ("write together to", "wrote together to", dataset),
                false => ("write to", "wrote to", dataset),
            },
            "H5Dread" => match call.collective {
                true => ("read together from", "read together from", dataset),
                false => ("read from", "read from", dataset),
            },
            "H5Acreate1" | "H5Acreate2" | "H5Acreate_by_name" => {
                ("create", "created", attribute)
            }
            "H5Awrite" => ("write", "wrote", attribute),
            "H5Adelete" | "H5Adelete_by_name" => ("delete", "deleted", attribute),
            "H5Arename" | "H5Arename_by_name" => ("rename", "renamed", attribute),
            "H5Ldelete" | "H5Ldelete_by_idx" => ("delete", "deleted", link),
            "H5Lmove" => ("move", "moved", link),
            "H5Lcopy" | "H5Ocopy" => ("copy", "copied", link),
            "H5Lcreate_hard" | "H5Lcreate_soft" | "H5Lcreate_external" | "H5Olink" => {
                ("link", "linked", link)
            }
            "H5Oset_comment" => ("comment", "commented", link),
            "H5Tcommit1" | "H5Tcommit2" | "H5Tcommit_anon" => {
                ("commit", "committed", format!("type{object}"))
            }
            _ => return Phrase::of_mpi(call),
        };
        Phrase::verb(infinitive, past, &object)
    }

    fn of_mpi(call: &Call) -> Phrase {
        let who = match call.peer {
            Some(Peer::Rank(rank)) => format!("rank {rank}"),
            Some(Peer::Any) => "any rank".to_owned(),
            _ => "nobody".to_owned(),
        };
        let path = call.file.as_deref().unwrap_or_default();
        match call.name.as_str() {
            "MPI_Barrier" => Phrase {
                infinitive: "barrier".to_owned(),
                past: "entered the barrier".to_owned(),
                passive: "the barrier was entered".to_owned(),
            },
            "MPI_Init" | "MPI_Init_thread" => Phrase::verb("start", "started", "MPI"),
            "MPI_Finalize" => Phrase::verb("end", "ended", "MPI"),
            // hdf5-metno does so when it is told the communicator of a file.
            "MPI_Comm_dup" | "MPI_Comm_idup" | "MPI_Comm_dup_with_info" => Phrase::verb(
                "duplicate",
                "duplicated",
                "the communicator, with which opening a file for all ranks begins",
            ),
            "MPI_Comm_split" | "MPI_Comm_split_type" => {
                Phrase::verb("split", "split", "the communicator")
            }
            "MPI_Bcast" => Phrase::noun("broadcast"),
            "MPI_Reduce" => Phrase::noun("reduction"),
            "MPI_Allreduce" => Phrase::noun("reduction for all"),
            "MPI_Gather" | "MPI_Gatherv" => Phrase::noun("gather"),
            "MPI_Allgather" | "MPI_Allgatherv" => Phrase::noun("gather for all"),
            "MPI_Scatter" | "MPI_Scatterv" => Phrase::noun("scatter"),
            "MPI_Alltoall" | "MPI_Alltoallv" | "MPI_Alltoallw" => {
                Phrase::noun("exchange of all with all")
            }
            "MPI_Scan" | "MPI_Exscan" => Phrase::noun("scan"),
            "MPI_Recv" | "MPI_Irecv" | "MPI_Probe" | "MPI_Mprobe" => {
                Phrase::verb("receive", "received", &format!("a message from {who}"))
            }
            "MPI_Send" | "MPI_Ssend" | "MPI_Bsend" | "MPI_Rsend" | "MPI_Isend" => {
                Phrase::verb("send", "sent", &format!("a message to {who}"))
            }
            "MPI_Mrecv" | "MPI_Imrecv" => Phrase::verb("receive", "received", "a message"),
            "MPI_Wait" | "MPI_Waitall" | "MPI_Waitany" | "MPI_Waitsome" => Phrase {
                infinitive: "wait for a message".to_owned(),
                past: "waited for a message".to_owned(),
                passive: "a message was waited for".to_owned(),
            },
            "MPI_File_open" => Phrase::verb("open", "opened", &format!("file `{path}`")),
            "MPI_File_close" => Phrase::verb("close", "closed", &format!("file `{path}`")),
            other => Phrase {
                infinitive: format!("call {other}"),
                past: format!("called {other}"),
                passive: format!("{other} was called"),
            },
        }
    }
}

/// `` `x` `` with a space before; nothing if there is no name.
fn quoted(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!(" `{name}`"))
}

/// The rule that a difference breaks, and the chapter that explains it.
pub fn rule(kind: Kind, call: &Call) -> String {
    let every = "every rank of the file's communicator must";
    let hdf5 = |what: &str, same: &str| {
        format!("{what} is collective: {every} do it{same} (chapter 2)")
    };
    match (kind, call.name.as_str()) {
        (Kind::Order, _) => "collective calls come in the same order on every rank of the \
                             communicator (chapter 2)"
            .to_owned(),
        (Kind::Alignments, _) => {
            let what = "opening or creating a file";
            hdf5(what, ", with the same property list")
        }
        (_, "H5Fcreate") => hdf5("creating a file", ", with the same path"),
        (_, "H5Fopen") => hdf5("opening a file", ", with the same path"),
        (_, "H5Fclose" | "H5Idec_ref") => {
            format!("closing a file is collective: {every} close it (chapter 2)")
        }
        (_, "H5Fflush") => hdf5("flushing a file", ""),
        (Kind::Chunks, _) => hdf5("creating a dataset", ", with the same property list"),
        (_, name) if name.starts_with("H5Dcreate") => {
            hdf5("creating a dataset", ", with the same name, shape and type")
        }
        (_, name) if name.starts_with("H5Gcreate") => {
            hdf5("creating a group", ", with the same name")
        }
        (_, "H5Dset_extent" | "H5Dextend") => {
            hdf5("resizing a dataset", ", with the same shape")
        }
        (Kind::Names, "H5Dwrite" | "H5Dread") => format!(
            "a collective transfer is one call of all ranks for the same dataset: {every} make \
             it, also one without rows in this dataset (chapter 8)"
        ),
        (_, "H5Dwrite" | "H5Dread") => format!(
            "a collective transfer is made by all: {every} take part, also one without rows \
             (chapter 3)"
        ),
        (Kind::Values, _) => format!(
            "writing an attribute is collective: {every} write the same value (chapter 2)"
        ),
        (_, name) if name.starts_with("H5A") => hdf5(
            "creating, writing or deleting an attribute",
            ", with the same name, shape and type",
        ),
        (_, name) if name.starts_with("H5") => hdf5(
            "what changes the structure of a file",
            ", with the same names",
        ),
        (Kind::Roots, _) => {
            "every rank of the communicator must name the same root (chapter 2)".to_owned()
        }
        (Kind::Sizes, _) => {
            "every rank of the communicator must give as much, of the same type (chapter 2)"
                .to_owned()
        }
        (_, "MPI_Comm_dup") => format!(
            "opening or creating a file for all ranks is collective: {every} do it \
             (chapter 2)"
        ),
        _ => format!(
            "{} is collective: every rank of the communicator must call it (chapter 2)",
            call.name
        ),
    }
}
