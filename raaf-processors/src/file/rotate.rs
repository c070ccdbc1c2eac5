//! Rotates full files: `traces.jsonl` becomes `traces.jsonl.1`, the former `.1` becomes `.2`, and
//! so on, up to the number of files to keep.
//!
//! Rotation runs under the lock of the file that the path names. That file is renamed last, so that
//! no other process can begin to rotate before all other files are renamed: until then the process
//! waits for that lock, and afterwards it finds that the path names another file.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use raaf_trace_core::diagnostics::{self, Category, Repeated};

/// Size limit of a file, and number of full files to keep.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    /// In bytes; `None` for no limit.
    pub(super) max_size: Option<u64>,
    pub(super) keep: u32,
    pub(super) failures: Repeated,
}

impl Rotation {
    /// Returns true if a file of this size must be rotated before `more` bytes are appended. An
    /// empty file never is: a batch that exceeds the limit gets a file of its own.
    pub(super) fn is_due(&self, size: u64, more: usize) -> bool {
        let after = size.saturating_add(more as u64);
        size > 0 && self.max_size.is_some_and(|most| after > most)
    }

    /// Renames the file, and returns whether it succeeded. If it fails, the file keeps growing,
    /// because losing spans would be worse.
    pub(super) fn rotate(&self, path: &Path) -> bool {
        let Err(error) = move_all(path, self.keep) else { return true };
        if let Some(count) = self.failures.happened() {
            let path = path.display();
            let text = format_args!(
                "the file sink cannot rotate `{path}`, which keeps growing: {error} (failure {count})"
            );
            diagnostics::warn(Category::Export, text);
        }
        false
    }
}

fn move_all(path: &Path, keep: u32) -> io::Result<()> {
    if keep == 0 {
        return fs::remove_file(path);
    }
    // A program that was killed here has left a gap, which is filled before a file is deleted.
    let free = (1..keep).find(|number| !numbered(path, *number).exists()).unwrap_or(keep);
    for number in (1..free).rev() {
        fs::rename(numbered(path, number), numbered(path, number + 1))?;
    }
    fs::rename(path, numbered(path, 1))
}

/// Path of a file after `number` rotations.
pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

/// Returns the existing files of this path: rotated files, oldest first, and then the current one.
pub(super) fn all_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let own = path.file_name().unwrap_or_default().as_encoded_bytes();
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let rest =
            name.as_encoded_bytes().strip_prefix(own).and_then(|rest| rest.strip_prefix(b"."));
        let number = rest.and_then(|digits| str::from_utf8(digits).ok()?.parse::<u32>().ok());
        // `.01` and `.+1` are not ours.
        numbers.extend(number.filter(|number| rest == Some(number.to_string().as_bytes())));
    }
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    let mut files: Vec<_> = numbers.into_iter().map(|number| numbered(path, number)).collect();
    if path.exists() {
        files.push(path.to_owned());
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: &Path) -> Vec<String> {
        let files = all_files(path).unwrap();
        files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
    }

    #[test]
    fn the_oldest_goes_when_all_names_are_taken() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.jsonl");
        for text in ["1", "2", "3", "4"] {
            fs::write(&path, text).unwrap();
            move_all(&path, 3).unwrap();
        }
        assert_eq!(texts(&path), ["2", "3", "4"]);
        assert!(numbered(&path, 3).exists() && !numbered(&path, 4).exists());
    }

    #[test]
    fn a_gap_is_filled_before_anything_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.jsonl");
        for (number, text) in [(1, "2"), (3, "1")] {
            fs::write(numbered(&path, number), text).unwrap();
        }
        fs::write(&path, "3").unwrap();
        move_all(&path, 3).unwrap();
        assert_eq!(texts(&path), ["1", "2", "3"]);
    }

    #[test]
    fn nothing_is_kept_where_nothing_should_be() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.jsonl");
        fs::write(&path, "1").unwrap();
        move_all(&path, 0).unwrap();
        assert_eq!(texts(&path), [""; 0]);
    }

    #[test]
    fn files_of_others_are_not_ours() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.jsonl");
        for name in
            ["x.jsonl.01", "x.jsonl.+2", "x.jsonl.gz", "x.jsonl2", "y.jsonl.1", "x.jsonl.10"]
        {
            fs::write(directory.path().join(name), name).unwrap();
        }
        fs::write(&path, "last").unwrap();
        assert_eq!(texts(&path), ["x.jsonl.10", "last"]);
    }

    #[test]
    fn a_file_is_full_before_it_is_too_large() {
        let rotation = Rotation { max_size: Some(10), ..Rotation::default() };
        assert!(!rotation.is_due(0, 11));
        assert!(!rotation.is_due(5, 5));
        assert!(rotation.is_due(5, 6));
        assert!(!Rotation::default().is_due(u64::MAX, 1));
    }
}
