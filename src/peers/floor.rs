//! What the machine can do: the bytes that chapter 3 reads and writes, in the same blocks, by
//! `pread` and `pwrite`, from as many processes. No MPI, no HDF5, nothing computed.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Result, Write, stdin};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use clap::Parser;

/// Reads and writes what the ranks of chapter 3 read and write.
#[derive(Parser)]
struct Args {
    /// The file.
    file: PathBuf,
    /// At which byte of it the points begin: two f32 each.
    coords: u64,
    /// At which byte the distances begin: an f32 each.
    distances: u64,
    /// How many points there are.
    rows: usize,
    /// How many of them are moved at once.
    block: usize,
    /// How many processes.
    size: i32,
    /// Do the part of this one only; begin when a line comes.
    #[arg(long)]
    rank: Option<i32>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let seconds = match args.rank {
        Some(rank) => one(&args, rank)?,
        None => all(&args)?,
    };
    println!("work {seconds:.6} s");
    Ok(())
}

/// Starts a process for each rank, lets them begin together, and says how long the slowest
/// took.
fn all(args: &Args) -> Result<f64> {
    let start = |rank: i32| {
        Command::new(std::env::current_exe()?)
            .args(std::env::args_os().skip(1))
            .args(["--rank", &rank.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
    };
    let mut ranks: Vec<Child> = (0..args.size).map(start).collect::<Result<_>>()?;
    let mut says: Vec<_> = ranks
        .iter_mut()
        .map(|it| BufReader::new(it.stdout.take().expect("it is piped")).lines())
        .collect();
    for lines in &mut says {
        lines.next(); // it is ready
    }
    for rank in &mut ranks {
        rank.stdin.take().expect("it is piped").write_all(b"go\n")?;
    }
    let mut slowest: f64 = 0.0;
    for (rank, lines) in ranks.iter_mut().zip(says) {
        let text: String = lines.collect::<Result<_>>()?;
        let seconds = text.split(' ').nth(1).and_then(|it| it.parse().ok());
        match (rank.wait()?.success(), seconds) {
            (true, Some(seconds)) => slowest = slowest.max(seconds),
            _ => return Err(std::io::Error::other("a process failed")),
        }
    }
    Ok(slowest)
}

/// Moves the bytes of one rank.
fn one(args: &Args, rank: i32) -> Result<f64> {
    let mine = parallel_hdf5::rows_of(rank, args.size, args.rows);
    let file = OpenOptions::new().read(true).write(true).open(&args.file)?;
    println!("ready");
    stdin().lock().read_line(&mut String::new())?;

    let start = Instant::now();
    let most = args.block.min(args.rows);
    let mut points = vec![0_u8; most * 8];
    let distances = vec![0_u8; most * 4];
    for first in mine.clone().step_by(args.block) {
        let rows = args.block.min(mine.end - first);
        file.read_exact_at(&mut points[..rows * 8], args.coords + 8 * first as u64)?;
        file.write_all_at(&distances[..rows * 4], args.distances + 4 * first as u64)?;
    }
    Ok(start.elapsed().as_secs_f64())
}
