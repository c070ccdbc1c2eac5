//! Summaries of long files, kept in a file beside each.
//!
//! `traces.jsonl.raaf-index` has the summary of the lines up to a position, and how the file looked there.
//! Trace files only grow: what was read once is not read again, unless the file is another one.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hasher as _},
    io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::input::{Faults, INDEX};

/// Smallest file that has an index, in bytes.
const LEAST: u64 = 16 * 1024 * 1024;

/// Bytes at each of several places of the read part that tell whether a file is still the same.
const PROOF: u64 = 4_096;

/// Number of these places, at equal distances.
const PLACES: u64 = 64;

/// Version of the index; others are made anew.
const VERSION: u32 = 7;

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    version: u32,
    /// Hash of the settings that the summary depends on.
    basis: u64,
    /// Position behind the last line that was read.
    end: u64,
    /// Hash of bytes before that, and of what the system tells of the file.
    proof: u64,
    /// Length and time of the last change of the file.
    state: (u64, u128),
    faults: usize,
}

/// Returns the summary of a file: from its index and what has been written since, else by reading all of
/// it, which makes an index if the file is long.
///
/// # Errors
///
/// If the file cannot be read. An index that cannot be read or written is none.
pub(crate) fn or_scan<S: Serialize + DeserializeOwned + Default>(
    (path, basis): (&Path, u64),
    scan: impl Fn(Range<u64>) -> anyhow::Result<(S, Faults)>,
    merge: impl Fn(&mut S, S),
) -> anyhow::Result<(S, Faults)> {
    let before = state(path)?;
    let end = end_of_lines(path)?;
    if end < LEAST {
        return scan(0..u64::MAX);
    }
    let place = place(path);
    let (mut all, mut faults, known) = match load::<S>((path, basis), &place, end) {
        Some((head, all)) => (all, Faults { count: head.faults, texts: Vec::new() }, head.end),
        None => (S::default(), Faults::default(), 0),
    };
    if known < end {
        let (more, bad) = scan(known..end)?;
        merge(&mut all, more);
        faults.merge(bad);
        if let (Ok(proof), Ok(now)) = (proof(path, end), state(path))
            && now == before
        {
            let head =
                Head { version: VERSION, basis, end, proof, state: now, faults: faults.count };
            // It only saves time.
            let _ = save(&place, &head, &all);
        }
    }
    // A line that is being written.
    let (more, bad) = scan(end..u64::MAX)?;
    merge(&mut all, more);
    faults.merge(bad);
    Ok((all, faults))
}

fn place(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(INDEX);
    name.into()
}

/// Returns the position behind the last line feed; 0 if there is none near the end.
fn end_of_lines(path: &Path) -> io::Result<u64> {
    const NEAR: u64 = 1024 * 1024;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(NEAR);
    file.seek(SeekFrom::Start(from))?;
    let mut last = Vec::new();
    file.take(NEAR).read_to_end(&mut last)?;
    let feed = memchr::memrchr(b'\n', &last);
    Ok(feed.map_or(0, |feed| from + feed as u64 + 1))
}

fn proof(path: &Path, end: u64) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut hasher = DefaultHasher::new();
    let last = end.saturating_sub(PROOF);
    for from in (0..PLACES).map(|place| last / (PLACES - 1) * place).chain([last]) {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from))?;
        (&mut file).take(PROOF.min(end - from)).read_to_end(&mut bytes)?;
        hasher.write(&bytes);
    }
    #[cfg(unix)]
    hasher.write_u64(std::os::unix::fs::MetadataExt::ino(&file.metadata()?));
    Ok(hasher.finish())
}

fn state(path: &Path) -> io::Result<(u64, u128)> {
    let file = path.metadata()?;
    let changed = file.modified()?.duration_since(SystemTime::UNIX_EPOCH);
    Ok((file.len(), changed.map_or(0, |changed| changed.as_nanos())))
}

fn load<S: DeserializeOwned>(
    (path, basis): (&Path, u64),
    place: &Path,
    end: u64,
) -> Option<(Head, S)> {
    let mut text = BufReader::new(File::open(place).ok()?);
    let mut line = String::new();
    io::BufRead::read_line(&mut text, &mut line).ok()?;
    let head: Head = serde_json::from_str(&line).ok()?;
    let (length, changed) = state(path).ok()?;
    // A file that was changed and has not grown was not written by a sink.
    let edited = length <= head.state.0 && changed != head.state.1;
    let is_other = || proof(path, head.end).ok() != Some(head.proof);
    let of_another = (head.version, head.basis) != (VERSION, basis);
    if of_another || head.end > end || edited || is_other() {
        return None;
    }
    let mut rest = Vec::new();
    text.read_to_end(&mut rest).ok()?;
    Some((head, serde_json::from_slice(&rest).ok()?))
}

/// Writes an index beside its place, and moves it there.
fn save<S: Serialize>(place: &Path, head: &Head, all: &S) -> anyhow::Result<()> {
    let mut new = place.as_os_str().to_owned();
    new.push(format!(".{}", std::process::id()));
    let new = PathBuf::from(new);
    let mut options = File::options();
    options.write(true).create_new(true);
    // It has names that the trace file has.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = (|| {
        let mut text = BufWriter::new(options.open(&new)?);
        serde_json::to_writer(&mut text, head)?;
        text.write_all(b"\n")?;
        serde_json::to_writer(&mut text, all)?;
        text.flush()?;
        fs::rename(&new, place)?;
        anyhow::Ok(())
    })();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Sums up a file of which each line is a number, and tells what was read for it.
    fn sum(path: &Path) -> (u64, Vec<(u64, u64)>) {
        sum_by(path, 1)
    }

    fn sum_by(path: &Path, basis: u64) -> (u64, Vec<(u64, u64)>) {
        let read = RefCell::new(Vec::new());
        let scan = |range: Range<u64>| {
            let text = fs::read(path).unwrap();
            let (start, end) = (range.start as usize, (range.end as usize).min(text.len()));
            let part = String::from_utf8(text[start.min(end)..end].to_vec()).unwrap();
            let sum: u64 = part.lines().filter_map(|line| line.trim().parse::<u64>().ok()).sum();
            read.borrow_mut().push((range.start, range.end));
            Ok((sum, Faults::default()))
        };
        let (sum, _) = or_scan((path, basis), scan, |all, more| *all += more).unwrap();
        (sum, read.into_inner())
    }

    #[test]
    fn what_was_read_is_not_read_again_unless_the_file_is_another_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.jsonl");
        let lines = |number: u64| format!("{number:>1023}\n").repeat(LEAST as usize / 1_024);
        fs::write(&path, lines(1)).unwrap();
        let count = LEAST / 1_024;
        assert_eq!(sum(&path), (count, vec![(0, LEAST), (LEAST, u64::MAX)]));
        assert_eq!(sum(&path), (count, vec![(LEAST, u64::MAX)]));

        // Such as other prices.
        assert_eq!(sum_by(&path, 2), (count, vec![(0, LEAST), (LEAST, u64::MAX)]));
        assert_eq!(sum(&path).1.len(), 2);

        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"5\n7").unwrap();
        // The line that has no end yet is read each time, and not kept.
        assert_eq!(sum(&path), (count + 12, vec![(LEAST, LEAST + 2), (LEAST + 2, u64::MAX)]));
        assert_eq!(sum(&path), (count + 12, vec![(LEAST + 2, u64::MAX)]));

        // Edited in the middle, at the same length.
        let mut text = fs::read(&path).unwrap();
        let middle = text.len() / 2 / 1_024 * 1_024 + 1_022;
        text[middle] = b'3';
        fs::write(&path, &text).unwrap();
        assert_eq!(sum(&path).0, count + 14);

        fs::write(&path, lines(2)).unwrap();
        assert_eq!(sum(&path), (2 * count, vec![(0, LEAST), (LEAST, u64::MAX)]));
        fs::write(place(&path), "nonsense").unwrap();
        assert_eq!(sum(&path).0, 2 * count);
        assert_eq!(sum(&path).1.len(), 1);
    }
}
