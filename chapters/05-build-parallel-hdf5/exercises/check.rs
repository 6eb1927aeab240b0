//! The checks of the exercises.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ndarray::Array2;

use check::exercise::{Case, Exercise, Finding, Given, Trial, Wrong};

pub const ALL: &[Exercise] = &[
    Exercise {
        name: "which-library",
        prepare: prepare_libraries,
        judge: which_library,
    },
    Exercise {
        name: "launcher",
        prepare: prepare_launches,
        judge: launcher,
    },
    Exercise {
        name: "compressed",
        prepare: prepare_heights,
        judge: compressed,
    },
];

// --- 5.1 -------------------------------------------------------------------------------

/// A file of which the program is to say what it is.
struct Sample {
    from: From,
    verdict: &'static str,
    /// Why it is that.
    why: &'static str,
}

/// Where a sample comes from.
enum From {
    /// The HDF5 that is in use here.
    InUse,
    /// The distribution's serial HDF5, if it is installed.
    Serial,
    /// A library made from this source, after [`SERIAL`].
    C(&'static str),
    /// The same, but it asks for an MPI library.
    CWithMpi(&'static str),
    /// From this source alone.
    Caller(&'static str),
    Text(&'static str),
    Nothing,
}

/// Functions of every HDF5: whichever of them an answer looks for, a library that is to be taken
/// for one has it.
const SERIAL: &str = "
    int H5open(void) { return 0; }
    int H5close(void) { return 0; }
    int H5get_libversion(void) { return 0; }
    int H5Fcreate(void) { return 0; }
    int H5Fopen(void) { return 0; }
    int H5Fclose(void) { return 0; }
    int H5Dcreate2(void) { return 0; }
    int H5Dopen2(void) { return 0; }
    int H5Dread(void) { return 0; }
    int H5Dwrite(void) { return 0; }
    int H5Pcreate(void) { return 0; }
";

const SAMPLES: [Sample; 9] = [
    Sample {
        from: From::InUse,
        verdict: "parallel",
        why: "it is the HDF5 that you use all the time",
    },
    Sample {
        from: From::Serial,
        verdict: "serial",
        why: "it is a serial HDF5 of this system, and has no H5Pset_fapl_mpio",
    },
    Sample {
        from: From::C(
            "const char H5libhdf5_settings[] = \"HDF5 Version: 1.10.8\\nParallel HDF5: yes\\n\";",
        ),
        verdict: "serial",
        why: "its settings say that it is parallel, but it has no H5Pset_fapl_mpio",
    },
    Sample {
        from: From::CWithMpi(
            "int H5Pset_fapl_mpio(void) { return 0; }
             int H5Pget_fapl_mpio(void) { return 0; }
             int H5Pset_dxpl_mpio(void) { return 0; }
             int H5Pget_dxpl_mpio(void) { return 0; }",
        ),
        verdict: "parallel",
        why: "it has H5Pset_fapl_mpio, though no settings that would say so",
    },
    Sample {
        from: From::CWithMpi(""),
        verdict: "serial",
        why: "it asks for an MPI library, but has no H5Pset_fapl_mpio",
    },
    Sample {
        from: From::CWithMpi(
            "const char H5libhdf5_settings[] = \"HDF5 Version: 1.10.8\\nParallel HDF5: yes\\n\";",
        ),
        verdict: "serial",
        why: "its settings say that it is parallel, and it asks for an MPI library, but it has no \
              H5Pset_fapl_mpio",
    },
    Sample {
        from: From::Caller(
            "int H5get_libversion(void);
             int H5Pset_fapl_mpio(void);
             int calls(void) { return H5get_libversion() + H5Pset_fapl_mpio(); }",
        ),
        verdict: "not HDF5",
        why: "it calls functions of a parallel HDF5, but has none of its own",
    },
    Sample {
        from: From::Text(
            "Parallel HDF5: yes\nH5get_libversion H5Pset_fapl_mpio libmpi.so\n",
        ),
        verdict: "not HDF5",
        why: "it is a text that speaks of a parallel HDF5",
    },
    Sample {
        from: From::Nothing,
        verdict: "not HDF5",
        why: "there is no such file",
    },
];

/// The samples in an order of their own, each with its name.
fn samples(case: &Case) -> Vec<(String, &'static Sample)> {
    let mut samples: Vec<&Sample> = SAMPLES.iter().collect();
    case.random(1).shuffle(&mut samples);
    let named = |(at, sample)| (format!("library-{}.so", at + 1), sample);
    samples.into_iter().enumerate().map(named).collect()
}

/// Makes the file of a sample; false if that cannot be done on this machine.
fn make(sample: &Sample, path: &Path) -> Result<bool, String> {
    let saying = |error: std::io::Error| format!("{}: {error}", path.display());
    let copy = |from: Option<PathBuf>| match from {
        Some(from) => fs::copy(from, path).map(|_| true).map_err(saying),
        None => Ok(false),
    };
    match sample.from {
        From::InUse => copy(in_use()),
        From::Serial => copy(serial()),
        From::Caller(source) => Ok(compile(source, &[], path)),
        From::C(source) => Ok(compile(&format!("{SERIAL}{source}"), &[], path)),
        From::CWithMpi(source) => {
            let mpi = path.with_extension("mpi");
            let made = compile("int MPI_Init(void);", &["-Wl,-soname,libmpi.so.40"], &mpi)
                && compile(
                    &format!("{SERIAL}{source}"),
                    &["-Wl,--no-as-needed", &mpi.to_string_lossy()],
                    path,
                );
            let _ = fs::remove_file(mpi);
            Ok(made)
        }
        From::Text(text) => fs::write(path, text).map(|()| true).map_err(saying),
        From::Nothing => Ok(true),
    }
}

/// The HDF5 library that this process has loaded.
fn in_use() -> Option<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let mut paths = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5));
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let is_it = |path: &&str| {
        let name = name(path);
        name.starts_with("libhdf5") && !name.contains("_hl") && name.contains(".so")
    };
    paths.find(is_it).map(PathBuf::from)
}

fn serial() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten().map(|it| it.path());
    let candidates = folders.flat_map(|folder| {
        ["libhdf5_serial.so", "hdf5/serial/libhdf5.so"].map(|name| folder.join(name))
    });
    candidates.into_iter().find(|it| it.is_file())
}

/// Makes a library by the C compiler; false if there is none, or it cannot.
fn compile(source: &str, options: &[&str], path: &Path) -> bool {
    let compiler = Command::new("cc")
        .args([
            "-shared",
            "-fPIC",
            "-nostdlib",
            "-x",
            "c",
            "-",
            "-x",
            "none",
            "-o",
        ])
        .arg(path)
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut compiler) = compiler else {
        return false;
    };
    if let Some(mut stdin) = compiler.stdin.take() {
        // If it reads nothing it fails, which is seen below.
        let _ = stdin.write_all(source.as_bytes());
    }
    compiler.wait().is_ok_and(|status| status.success())
}

fn prepare_libraries(case: &Case) -> Result<Given, String> {
    let mut names = Vec::new();
    for (name, sample) in samples(case) {
        if make(sample, &case.data.join(&name))? {
            names.push(name);
        }
    }
    Ok(Given {
        words: format!("{} files", names.len()),
        args: names,
        ..Given::default()
    })
}

fn which_library(trial: &Trial) -> Finding {
    let mut judged = 0;
    for (name, sample) in samples(&trial.case) {
        // As it was before the run: the program may have changed or deleted it.
        let again = trial.case.data.join("again.so");
        if !make(sample, &again)? {
            continue;
        }
        let begin = format!("{name}: ");
        let verdicts: Vec<&str> = trial
            .lines
            .iter()
            .filter_map(|line| line.strip_prefix(&begin))
            .collect();
        match verdicts.as_slice() {
            [one] if one.trim() == sample.verdict => judged += 1,
            [one] => {
                return Err(Wrong::Result(format!(
                    "`{name}: {one}` was printed, but it is {}: {}",
                    sample.verdict, sample.why
                )));
            }
            [] => return Err(Wrong::Result(format!("There is no line `{begin}…`"))),
            several => {
                return Err(Wrong::Result(format!(
                    "`{name}` has {} verdicts, on {} ranks; rank 0 alone should print",
                    several.len(),
                    trial.ranks()
                )));
            }
        }
    }
    Ok(format!("{judged} files, each with the right verdict"))
}

// --- 5.2 -------------------------------------------------------------------------------

const OPEN_MPI: &str = "OMPI_COMM_WORLD_SIZE";
const MPICH: &str = "PMI_SIZE";

/// A note in the environment: its name, and what is on it.
type Note = (&'static str, String);

/// How large the launcher of this trial pretends to have meant it: with one rank it plays the
/// wrong one; with more, the note is left over from somewhere else.
fn pretended(case: &Case) -> Note {
    let other = match parallel_hdf5::about::mpi_library().starts_with("Open MPI") {
        true => MPICH,
        false => OPEN_MPI,
    };
    let meant = match case.ranks {
        1 => case.random(1).usize(2..10),
        2 => 1,
        ranks => 2 * ranks,
    };
    (other, meant.to_string())
}

/// Other runs: how many ranks MPI says there are, the notes, and what was meant, if that is
/// something else.
fn launches(case: &Case) -> Vec<(usize, Vec<Note>, Option<usize>)> {
    let mut random = case.random(2);
    let mut some = || random.usize(2..100);
    let (a, b, c, d, e) = (some(), some(), some(), some(), some());
    let note = |name, value: usize| (name, value.to_string());
    let mut launches = vec![
        (1, vec![], None),
        (1, vec![note(OPEN_MPI, 1)], None),
        (1, vec![note(MPICH, 1)], None),
        (1, vec![note(MPICH, a)], Some(a)),
        (1, vec![note(OPEN_MPI, b)], Some(b)),
        (1, vec![note(OPEN_MPI, 1), note(MPICH, c)], Some(c)),
        (1, vec![note(MPICH, 1), note(OPEN_MPI, d)], Some(d)),
        (1, vec![(MPICH, "many".to_owned())], None),
        (1, vec![note(MPICH, 0)], None),
        (1, vec![(OPEN_MPI, "-3".to_owned())], None),
        (1, vec![(OPEN_MPI, String::new()), note(MPICH, e)], Some(e)),
        (a, vec![note(OPEN_MPI, a)], None),
        (b, vec![note(MPICH, b)], None),
        (c, vec![note(OPEN_MPI, c), note(MPICH, 1)], None),
        (d, vec![note(MPICH, d), note(OPEN_MPI, 2 * d)], None),
        (e, vec![], None),
    ];
    random.shuffle(&mut launches);
    launches
}

/// `MPI says 1 PMI_SIZE=4`
fn in_a_line((size, notes, _): &(usize, Vec<Note>, Option<usize>)) -> String {
    let notes = notes.iter().map(|(name, value)| format!(" {name}={value}"));
    format!("MPI says {size}{}", notes.collect::<String>())
}

fn prepare_launches(case: &Case) -> Result<Given, String> {
    let lines: Vec<String> = launches(case).iter().map(in_a_line).collect();
    fs::write(case.data.join("launches.txt"), lines.join("\n") + "\n")
        .map_err(|error| format!("launches.txt: {error}"))?;
    let (name, value) = pretended(case);
    Ok(Given {
        words: format!("{name}={value}"),
        environment: vec![(name.to_owned(), value)],
        fails: case.ranks == 1,
        ..Given::default()
    })
}

fn launcher(trial: &Trial) -> Finding {
    let ranks = trial.ranks();
    let (name, value) = pretended(&trial.case);
    let meant = (ranks == 1).then(|| value.parse().unwrap_or(0));
    compare(
        trial,
        "this run",
        meant,
        &format!("MPI says {ranks} and {name} says {value}"),
    )?;
    let launches = launches(&trial.case);
    for launch in &launches {
        let line = in_a_line(launch);
        compare(trial, &line, launch.2, &line)?;
    }
    if (trial.status == 0) == meant.is_some() {
        let should = if meant.is_some() {
            "another than 0"
        } else {
            "0"
        };
        return Err(Wrong::Result(format!(
            "The run ended with status {}, should be {should}",
            trial.status
        )));
    }
    Ok(format!(
        "this run ({name}={value}) and {} others, each with the right answer",
        launches.len()
    ))
}

/// Rank 0 must have found that so many were meant in a case.
fn compare(
    trial: &Trial,
    case: &str,
    meant: Option<usize>,
    what: &str,
) -> Result<(), Wrong> {
    let begin = format!("{case}: ");
    let should = match meant {
        Some(meant) => format!("the launcher meant {meant}"),
        None => "nothing wrong".to_owned(),
    };
    let found: Vec<&str> = trial
        .lines
        .iter()
        .filter_map(|line| line.strip_prefix(&begin))
        .collect();
    match found.as_slice() {
        [one] if *one == should => Ok(()),
        [] => Err(Wrong::Result(format!("There is no line `{begin}…`"))),
        [other, ..] => Err(Wrong::Result(format!(
            "Where {what}, `{other}` was found; should be `{should}`"
        ))),
    }
}

// --- 5.3 -------------------------------------------------------------------------------

const COLUMNS: usize = 64;

/// A landscape: neighbours are of a similar height, so that it can be packed.
fn heights(case: &Case) -> Array2<i32> {
    let mut random = case.random(3);
    let mut height = 1000;
    Array2::from_shape_simple_fn((case.rows(), COLUMNS), || {
        height += random.i32(-2..=2);
        height
    })
}

fn prepare_heights(case: &Case) -> Result<Given, String> {
    let heights = heights(case);
    let write = || {
        let file = hdf5::File::create(case.data.join("plain.hdf5"))?;
        let dataset = file
            .new_dataset::<i32>()
            .shape(heights.dim())
            .create("heights")?;
        dataset.write(&heights)
    };
    write().map_err(|error: hdf5::Error| format!("plain.hdf5: {error}"))?;
    Ok(Given {
        words: format!("{} rows", heights.nrows()),
        ..Given::default()
    })
}

fn compressed(trial: &Trial) -> Finding {
    let right = heights(&trial.case);
    let (rows, columns) = right.dim();
    let file = trial.open("packed.hdf5")?;
    let dataset = trial.dataset(&file, "heights", &[rows, columns])?;
    if !dataset.dtype().is_ok_and(|it| it.is::<i32>()) {
        return Err(Wrong::Result(
            "The dataset `heights` is not of `i32`".to_owned(),
        ));
    }
    let written = trial.record.written(Some("/packed.hdf5"), "heights");

    let found: Array2<i32> = trial.read(&dataset)?;
    let mut pairs = found.indexed_iter().zip(&right);
    if let Some((((row, column), is), should)) =
        pairs.find(|((_, is), should)| is != should)
    {
        let ranks = written.as_ref().map_or_else(Vec::new, |it| {
            let wrote = |rank: &usize| {
                it.rows(*rank)
                    .ranges
                    .iter()
                    .any(|it| it.contains(&(row as u64)))
            };
            (0..trial.ranks()).filter(wrote).collect()
        });
        let who = match ranks.as_slice() {
            [] => "nobody wrote this row".to_owned(),
            some => format!("it was {} that wrote this row", record::prose::ranks(some)),
        };
        return Err(Wrong::Result(format!(
            "`heights[{row}, {column}]` is {is}, should be {should}; {who}"
        )));
    }

    let (plain, packed) = ((rows * columns * 4) as u64, dataset.storage_size());
    if 2 * packed >= plain {
        let how = match dataset.filters().len() {
            0 => "it goes through no filter",
            _ => "are its chunks too small, or its filters not made for it?",
        };
        return Err(Wrong::Result(format!(
            "`heights` takes {packed} bytes, not compressed it would be {plain}: {how}"
        )));
    }

    if let Some(written) = &written {
        if let Some((element, ranks)) = written.by_two_ranks() {
            return Err(Wrong::Silent(format!(
                "Row {} was written by {}: in the file is whatever came last",
                element[0],
                record::prose::ranks(&ranks)
            )));
        }
        let idle: Vec<usize> = (0..trial.ranks())
            .filter(|rank| written.rows(*rank).ranges.is_empty())
            .collect();
        if rows >= 100 * trial.ranks() && !idle.is_empty() {
            return Err(Wrong::Silent(format!(
                "Of the {rows} rows, {} wrote none: the work is not shared",
                record::prose::ranks(&idle)
            )));
        }
    }
    Ok(format!("{rows} rows in {packed} bytes, not {plain}"))
}
