//! What the machine can do: the bytes that chapter 3 reads and writes, in the same blocks, by
//! `pread` and `pwrite`, from as many processes. No MPI, no HDF5, nothing computed.

mod place;

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Result, Write, stdin};
use std::os::unix::fs::FileExt;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use clap::Parser;
use place::Place;

/// Reads and writes what the ranks of chapter 3 read and write.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    place: Place,
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
    let place = &args.place;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&place.file)?;
    println!("ready");
    stdin().lock().read_line(&mut String::new())?;

    let start = Instant::now();
    let mut points = vec![0_u8; place.most() * 8];
    let distances = vec![0_u8; place.most() * 4];
    for block in place.blocks(rank, args.size) {
        let first = block.start as u64;
        file.read_exact_at(&mut points[..block.len() * 8], place.coords + 8 * first)?;
        file.write_all_at(&distances[..block.len() * 4], place.distances + 4 * first)?;
    }
    Ok(start.elapsed().as_secs_f64())
}
