//! The file that the benchmark's programs work on: makes it, spoils the results in it before
//! each of them, and compares what each has written with what one process computes.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use nix::fcntl::{FallocateFlags, PosixFadviseAdvice, fallocate, posix_fadvise};
use parallel_hdf5::Result;

/// Makes the benchmark's file, and looks at the results in it.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Makes a file with `coords`, (rows, 2), and `distances`, (rows,), both f32; and says at
    /// which bytes they begin.
    Make { file: PathBuf, rows: usize },
    /// Takes the results away: the file has no room for them any more (the file system must
    /// find it anew), or, with `--keep-room`, they are no numbers.
    Spoil {
        file: PathBuf,
        distances: u64,
        rows: u64,
        #[arg(long)]
        keep_room: bool,
        /// Also take the file out of the memory in which the system keeps what was read and
        /// written: it must be read from the disk.
        #[arg(long)]
        cold: bool,
    },
    /// Compares each result, bit by bit, with what one process computes, row by row.
    Compare {
        file: PathBuf,
        coords: u64,
        distances: u64,
        rows: u64,
    },
}

/// So many rows are in memory at once.
const BLOCK: u64 = 1 << 16;

fn main() -> ExitCode {
    match run(Args::parse().what) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: What) -> Result<()> {
    match what {
        What::Make { file, rows } => make(&file, rows),
        What::Spoil {
            file,
            distances,
            rows,
            keep_room,
            cold,
        } => {
            match keep_room {
                true => overwrite(&file, distances, rows)?,
                false => take_room_away(&file, distances, rows)?,
            }
            match cold {
                true => forget(&file),
                false => Ok(()),
            }
        }
        What::Compare {
            file,
            coords,
            distances,
            rows,
        } => compare(&file, coords, distances, rows),
    }
}

fn make(path: &PathBuf, rows: usize) -> Result<()> {
    let (coords, distances) = {
        let file = hdf5::File::create(path)?;
        let early = |name: &str, shape: &[usize]| {
            let builder = file.new_dataset::<f32>().shape(shape);
            builder
                .alloc_time(Some(hdf5::plist::dataset_create::AllocTime::Early))
                .fill_time(hdf5::plist::dataset_create::FillTime::Never)
                .create(name)
        };
        let coords = early("coords", &[rows, 2])?;
        let distances = early("distances", &[rows])?;
        let begin = |dataset: &hdf5::Dataset| {
            dataset
                .offset()
                .ok_or("the dataset has no place in the file")
        };
        // A dataset without rows has no place, and needs none.
        match rows {
            0 => (0, 0),
            _ => (begin(&coords)?, begin(&distances)?),
        }
    };
    let mut file = BufWriter::with_capacity(1 << 20, writable(path)?);
    file.seek(SeekFrom::Start(coords))?;
    for row in 0..rows as u64 {
        let [x, y] = point(row);
        file.write_all(&x.to_ne_bytes())?;
        file.write_all(&y.to_ne_bytes())?;
    }
    file.flush()?;
    println!("{coords} {distances}");
    Ok(())
}

/// Some point or other, between -50 and 50, with as many digits as an f32 has.
fn point(row: u64) -> [f32; 2] {
    let scrambled = row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [
        (scrambled >> 40) as f32,
        (scrambled >> 16 & 0xff_ffff) as f32,
    ]
    .map(|it| it * (100.0 / 16_777_216.0) - 50.0)
}

fn writable(path: &PathBuf) -> Result<File> {
    Ok(OpenOptions::new().read(true).write(true).open(path)?)
}

fn take_room_away(path: &PathBuf, distances: u64, rows: u64) -> Result<()> {
    if rows > 0 {
        let file = writable(path)?;
        let hole =
            FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        fallocate(file.as_fd(), hole, distances as i64, 4 * rows as i64)?;
    }
    Ok(())
}

fn overwrite(path: &PathBuf, distances: u64, rows: u64) -> Result<()> {
    let mut file = writable(path)?;
    file.seek(SeekFrom::Start(distances))?;
    let not_a_number = vec![0xff; 4 * BLOCK as usize];
    for first in (0..rows).step_by(BLOCK as usize) {
        let rows = BLOCK.min(rows - first) as usize;
        file.write_all(&not_a_number[..4 * rows])?;
    }
    Ok(())
}

fn forget(path: &PathBuf) -> Result<()> {
    let file = writable(path)?;
    file.sync_all()?; // only what is on the disk can be forgotten
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
    Ok(())
}

fn compare(path: &PathBuf, coords: u64, distances: u64, rows: u64) -> Result<()> {
    let file = File::open(path)?;
    let (mut points, mut found) =
        (vec![0; 8 * BLOCK as usize], vec![0; 4 * BLOCK as usize]);
    for first in (0..rows).step_by(BLOCK as usize) {
        let count = BLOCK.min(rows - first) as usize;
        let (points, found) = (&mut points[..8 * count], &mut found[..4 * count]);
        file.read_exact_at(points, coords + 8 * first)?;
        file.read_exact_at(found, distances + 4 * first)?;
        let number =
            |bytes: &[u8]| f32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        for (row, (point, found)) in points
            .chunks_exact(8)
            .zip(found.chunks_exact(4))
            .enumerate()
        {
            let (x, y, found) = (number(point), number(&point[4..]), number(found));
            let right = (x * x + y * y).sqrt();
            if right.to_bits() != found.to_bits() {
                let row = first + row as u64;
                return Err(
                    format!("distances[{row}] is {found}, should be {right}").into()
                );
            }
        }
    }
    Ok(())
}
