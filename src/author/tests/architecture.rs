//! What ARCHITECTURE.md says of the crates and their modules holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Each crate, and those of ours that it may use. Only crates further up in the list.
const LAYERS: [(&str, &[&str]); 14] = [
    ("parallel-hdf5", &[]),
    ("protocol", &[]),
    ("record", &[]),
    ("launch", &[]),
    ("recorder", &["record"]),
    ("trace", &["record"]),
    ("sandbox", &["launch"]),
    ("virtual-cluster", &["launch"]),
    ("hdf5-build", &["launch"]),
    ("check", &["parallel-hdf5", "protocol", "record", "trace"]),
    ("baselines", &["parallel-hdf5"]),
    (
        "workbook",
        &[
            "hdf5-build",
            "launch",
            "protocol",
            "record",
            "trace",
            "virtual-cluster",
        ],
    ),
    ("teacher", &["launch", "sandbox", "workbook"]),
    (
        "author",
        &["launch", "trace", "virtual-cluster", "workbook"],
    ),
];

/// These build on a machine without MPI and HDF5, so they may not depend on the crates of either.
const WITHOUT_MPI: [&str; 11] = [
    "protocol",
    "record",
    "recorder",
    "launch",
    "trace",
    "sandbox",
    "virtual-cluster",
    "hdf5-build",
    "workbook",
    "teacher",
    "author",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What the manifest of a crate names in `[dependencies]`, of any target.
fn dependencies(name: &str) -> BTreeSet<String> {
    let file = root().join("src").join(name).join("Cargo.toml");
    let text =
        fs::read_to_string(&file).unwrap_or_else(|it| panic!("{}: {it}", file.display()));
    let manifest: toml::Table = text.parse().unwrap();
    let mut tables = vec![manifest.get("dependencies")];
    let targets = manifest.get("target").and_then(|it| it.as_table());
    for target in targets.into_iter().flatten() {
        tables.push(target.1.get("dependencies"));
    }
    let tables = tables.into_iter().flatten().filter_map(|it| it.as_table());
    tables.flat_map(|it| it.keys().cloned()).collect()
}

#[test]
fn crates_use_only_those_below() {
    let ours: BTreeSet<&str> = LAYERS.iter().map(|it| it.0).collect();
    for (index, (name, allowed)) in LAYERS.iter().enumerate() {
        let used = dependencies(name);
        let used: BTreeSet<&str> = used.iter().map(String::as_str).collect();
        let used: BTreeSet<&str> = used.intersection(&ours).copied().collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        assert_eq!(used, allowed, "what {name} uses is not what is said here");
        let below: BTreeSet<&str> = LAYERS[..index].iter().map(|it| it.0).collect();
        assert!(used.is_subset(&below), "{name} uses what is above it");
    }
    for name in WITHOUT_MPI {
        for foreign in ["mpi", "hdf5", "hdf5-sys", "parallel-hdf5", "check"] {
            let is_used = dependencies(name).contains(foreign);
            assert!(
                !is_used,
                "{name} must build without MPI, and uses {foreign}"
            );
        }
    }
}

#[test]
fn every_crate_is_in_the_list_and_says_what_it_is() {
    let known: BTreeSet<&str> = LAYERS.iter().map(|it| it.0).chain(["editor"]).collect();
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let folder = entry.unwrap();
        let name = folder.file_name().into_string().unwrap();
        assert!(
            known.contains(&*name),
            "{name} is not in the list of this test"
        );
        assert!(
            page.contains(&format!("`{name}`")),
            "ARCHITECTURE.md lacks {name}"
        );
        assert!(
            folder.path().join("README.md").is_file(),
            "{name} has no README.md"
        );
    }
}

/// A module, by its path within the crate: `exercise::trial`.
type Module = String;

/// The modules of a crate, with the text of each without its tests.
fn modules(name: &str) -> BTreeMap<Module, String> {
    let mut all = BTreeMap::new();
    let top = root().join("src").join(name).join("src");
    collect(&top, &top, &mut all);
    all
}

fn collect(top: &Path, folder: &Path, all: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(top, &path, all);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let own = path.strip_prefix(top).unwrap().with_extension("");
            let mut parts: Vec<&str> = own.iter().map(|it| it.to_str().unwrap()).collect();
            if parts.last() == Some(&"mod") || parts == ["lib"] || parts == ["main"] {
                parts.pop();
            }
            let text = fs::read_to_string(&path).unwrap();
            let text = text
                .split("#[cfg(test)]\nmod tests {")
                .next()
                .unwrap_or_default();
            all.insert(parts.join("::"), text.to_owned());
        }
    }
}

/// Which other modules of its crate a module names.
fn named(module: &str, text: &str, all: &BTreeMap<Module, String>) -> BTreeSet<Module> {
    let comments = Regex::new(r"(?m)//.*$|pub\((?:super|crate)\)").unwrap();
    let text = comments.replace_all(text, "");
    let path = Regex::new(r"\b(crate|super)\b((?:::\w+)*)(?:::\{([^;]*?)\};)?").unwrap();
    let first = Regex::new(r"(?:^|[,{])\s*(\w+)").unwrap();
    let mut found = BTreeSet::new();
    for parts in path.captures_iter(&text) {
        let mut base: Vec<&str> = match &parts[1] {
            "crate" => Vec::new(),
            _ => module
                .rsplit_once("::")
                .map_or(Vec::new(), |it| it.0.split("::").collect()),
        };
        for part in parts[2].split("::").filter(|it| !it.is_empty()) {
            match part {
                "super" => drop(base.pop()),
                _ => base.push(part),
            }
        }
        let items = parts.get(3).map_or("", |it| it.as_str());
        let mut ends: Vec<Vec<&str>> = first
            .captures_iter(items)
            .map(|it| [base.clone(), vec![it.get(1).unwrap().as_str()]].concat())
            .collect();
        ends.push(base);
        for mut end in ends {
            while !end.is_empty() && !all.contains_key(&end.join("::")) {
                end.pop();
            }
            let end = end.join("::");
            if !end.is_empty() && end != module {
                found.insert(end);
            }
        }
    }
    // A parent names a child by its name alone.
    let names = Regex::new(r"(?:^|[^:\w])(\w+)::").unwrap();
    for name in names.captures_iter(&text).filter(|_| !module.is_empty()) {
        let child = format!("{module}::{}", &name[1]);
        if all.contains_key(&child) {
            found.insert(child);
        }
    }
    found
}

/// A module that needs itself, by way of others; `None` if there is none.
fn ring(edges: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    let mut left = edges.clone();
    loop {
        // Take away what needs nothing that is left.
        let ends: Vec<Module> = left
            .iter()
            .filter(|(_, needs)| needs.iter().all(|it| !left.contains_key(it)))
            .map(|it| it.0.clone())
            .collect();
        if ends.is_empty() {
            break;
        }
        left.retain(|module, _| !ends.contains(module));
    }
    // What is left leads to a ring.
    let mut way = vec![left.keys().next()?.clone()];
    loop {
        let next = left[way.last()?]
            .iter()
            .find(|it| left.contains_key(*it))?
            .clone();
        if let Some(start) = way.iter().position(|it| *it == next) {
            return Some(way.split_off(start));
        }
        way.push(next);
    }
}

fn edges(all: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let named =
        |(module, text): (&Module, &String)| (module.clone(), named(module, text, all));
    all.iter()
        .filter(|it| !it.0.is_empty())
        .map(named)
        .collect()
}

#[test]
fn no_two_modules_need_each_other() {
    for (name, _) in LAYERS {
        let all = modules(name);
        assert!(!all.is_empty(), "{name} has no modules");
        let found = ring(&edges(&all));
        assert_eq!(
            found, None,
            "a ring of modules in {name}; what both need goes into a third"
        );
    }
}

/// The search itself finds what it is for.
#[test]
fn a_ring_is_found() {
    let crate_of = |files: &[(&str, &str)]| -> BTreeMap<Module, String> {
        let files = files.iter();
        files.map(|it| (it.0.to_owned(), it.1.to_owned())).collect()
    };
    let two = crate_of(&[
        ("a", "use crate::b::X;"),
        ("b", "use super::{a, c};"),
        ("c", ""),
    ]);
    assert_eq!(
        ring(&edges(&two)),
        Some(vec!["a".to_owned(), "b".to_owned()])
    );
    let child = crate_of(&[("a", "fn f() { b::g() }"), ("a::b", "use super::X;")]);
    assert_eq!(
        ring(&edges(&child)),
        Some(vec!["a".to_owned(), "a::b".to_owned()])
    );
    // A word that begins like one of Rust's is none.
    let begins = crate_of(&[("a", ""), ("a::b", "use launch::supervise::x;")]);
    assert!(edges(&begins)["a::b"].is_empty());
    let none = crate_of(&[
        ("a", "use crate::{b, c::D};"),
        ("b", "use crate::c;"),
        ("c", ""),
    ]);
    assert_eq!(ring(&edges(&none)), None);
    assert_eq!(edges(&none)["a"].len(), 2);
}
