//! Appends whole lines to a file that other writers may append to, rotate or delete.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write},
    path::Path,
};

use super::rotate::Rotation;

/// A file that grows by whole lines.
///
/// The holder of the lock of the file that the path names may append to it and rotate it. A writer
/// that gets the lock therefore first checks that the path still names its file.
#[derive(Debug)]
pub(super) struct AppendFile {
    file: File,
    /// False for pipes and devices, which have no last line to inspect and cannot be truncated.
    is_regular: bool,
    is_readable: bool,
    /// Length of the file after this writer's last append. While the file has this length, it
    /// ends in a line feed. 0 before the first append.
    end: u64,
}

/// Result of an append.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Appended {
    /// The lines are in the file.
    Here,
    /// The path now names another file, or none; nothing may be written to this file any more.
    Moved,
    /// Another writer holds the lock.
    Locked,
}

/// Guard that holds the lock of a file.
struct Locked<'a>(&'a File);

impl<'a> Locked<'a> {
    /// Locks the file; `None` if another writer holds the lock. On file systems without locks, the
    /// atomicity of a single appending write is the only protection.
    fn new(file: &'a File) -> Option<Self> {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => None,
            Ok(()) | Err(TryLockError::Error(_)) => Some(Self(file)),
        }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

impl AppendFile {
    /// Opens the file, or creates it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        // Prompts and answers are private, so only the owner may read the file.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        // Read access is needed to inspect the end of the file, and may be denied where writing is
        // allowed. A pipe must not be opened for reading: it would then never lose its last reader.
        let wants_end = fs::metadata(path).map_or(true, |there| there.is_file());
        let (file, is_readable) = match options.clone().read(wants_end).open(path) {
            Ok(file) => (file, wants_end),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                (options.open(path)?, false)
            }
            Err(error) => return Err(error),
        };
        let is_regular = file.metadata()?.is_file();
        Ok(Self { file, is_regular, is_readable, end: 0 })
    }

    /// Appends these lines, or none of them where that is possible. Closes a line that another
    /// writer left unfinished. A full file is rotated instead.
    pub(super) fn append(
        &mut self,
        path: &Path,
        lines: &[u8],
        rotation: &Rotation,
    ) -> io::Result<Appended> {
        let Some(locked) = Locked::new(&self.file) else { return Ok(Appended::Locked) };
        if !self.is_regular {
            (&self.file).write_all(lines)?;
            return Ok(Appended::Here);
        }
        let now = self.file.metadata()?;
        if !is_named(&now, path) {
            return Ok(Appended::Moved);
        }
        let before = now.len();
        if rotation.is_due(before, lines.len()) && rotation.rotate(path) {
            return Ok(Appended::Moved);
        }
        if before != self.end && self.is_torn()? {
            (&self.file).write_all(b"\n")?;
        }
        let before = self.file.metadata()?.len();
        let (written, result) = write_counted(&self.file, lines);
        if result.is_err() && written > 0 {
            self.take_back(before, written);
        }
        drop(locked);
        self.end = before + written as u64;
        result.map(|()| Appended::Here)
    }

    /// Returns true if the last line is unfinished, or may be: the end of a file that cannot be
    /// read is unknown, and an empty line does no harm. No writer that respects locks is still
    /// writing it: the one that began it was killed.
    fn is_torn(&self) -> io::Result<bool> {
        let mut file = &self.file;
        let is_empty = file.seek(SeekFrom::End(0))? == 0;
        if is_empty || !self.is_readable {
            return Ok(!is_empty);
        }
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        Ok(last != *b"\n")
    }

    /// Removes a partially written batch, unless a writer that ignores locks wrote after it; in
    /// that case, the next writer closes the line.
    fn take_back(&self, before: u64, written: usize) {
        let ours = before.checked_add(written as u64);
        if self.file.metadata().is_ok_and(|now| Some(now.len()) == ours) {
            let _ = self.file.set_len(before);
        }
    }

    /// Syncs written data to the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        if self.is_regular { self.file.sync_data() } else { Ok(()) }
    }
}

/// Returns true if the path still names this file. It does not after the file was rotated away or
/// deleted.
#[cfg(unix)]
fn is_named(file: &fs::Metadata, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (file.dev(), file.ino()))
}

/// File identity is available only on Unix.
#[cfg(not(unix))]
fn is_named(_: &fs::Metadata, path: &Path) -> bool {
    path.exists()
}

/// Writes all of `bytes`, and returns how many were written.
fn write_counted(mut out: impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match out.write(&bytes[written..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Disk with limited space that accepts writes in small pieces.
    struct Disk(usize);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.0).min(3);
            self.0 -= count;
            if count == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(count) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_written_before_a_failure_is_counted() {
        let (written, result) = write_counted(Disk(5), b"12345678");
        assert_eq!((written, result.unwrap_err().kind()), (5, io::ErrorKind::StorageFull));
        let (written, result) = write_counted(Disk(8), b"12345678");
        assert!(written == 8 && result.is_ok());
    }

    #[test]
    fn a_part_of_a_batch_is_taken_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        fs::write(&path, "whole\n").unwrap();
        let file = AppendFile::open(&path).unwrap();
        (&file.file).write_all(b"par").unwrap();
        file.take_back(6, 3);
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole\n");
    }

    #[test]
    fn nothing_of_others_is_taken_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let file = AppendFile::open(&path).unwrap();
        (&file.file).write_all(b"par").unwrap();
        fs::write(&path, "par{other}\n").unwrap();
        file.take_back(0, 3);
        assert_eq!(fs::read_to_string(&path).unwrap(), "par{other}\n");
    }

    #[test]
    fn only_a_line_without_an_end_is_closed() {
        let directory = tempfile::tempdir().unwrap();
        for (there, after) in [
            (b"" as &[u8], b"new\n" as &[u8]),
            (b"\n", b"\nnew\n"),
            (b"whole\n", b"whole\nnew\n"),
            (b"whole\ntor", b"whole\ntor\nnew\n"),
            (b"\xff\xc3", b"\xff\xc3\nnew\n"),
        ] {
            let path = directory.path().join("x");
            fs::write(&path, there).unwrap();
            let mut file = AppendFile::open(&path).unwrap();
            file.append(&path, b"new\n", &Rotation::default()).unwrap();
            assert_eq!(fs::read(&path).unwrap(), after);
        }
    }

    #[test]
    fn the_end_of_a_file_that_cannot_be_read_is_closed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        for (there, after) in [("", "1\n2\n"), ("tor", "tor\n1\n2\n"), ("0\n", "0\n\n1\n2\n")] {
            fs::write(&path, there).unwrap();
            let file = OpenOptions::new().append(true).open(&path).unwrap();
            let mut file = AppendFile { file, is_regular: true, is_readable: false, end: 0 };
            for line in ["1\n", "2\n"] {
                file.append(&path, line.as_bytes(), &Rotation::default()).unwrap();
            }
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        AppendFile::open(&path).unwrap();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        AppendFile::open(&path).unwrap();
        assert_eq!(mode(), 0o644, "what is there keeps its permissions");
    }

    #[test]
    fn what_another_writer_left_unfinished_is_closed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        let mut file = AppendFile::open(&path).unwrap();
        file.append(&path, b"one\n", &Rotation::default()).unwrap();
        let mut killed = OpenOptions::new().append(true).open(&path).unwrap();
        killed.write_all(b"tor").unwrap();
        file.append(&path, b"two\n", &Rotation::default()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntor\ntwo\n");
    }

    #[test]
    fn a_file_that_another_name_has_now_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let (path, old) = (directory.path().join("x"), directory.path().join("old"));
        let mut file = AppendFile::open(&path).unwrap();
        assert_eq!(file.append(&path, b"1\n", &Rotation::default()).unwrap(), Appended::Here);
        fs::rename(&path, &old).unwrap();
        assert_eq!(file.append(&path, b"2\n", &Rotation::default()).unwrap(), Appended::Moved);
        fs::write(&path, "").unwrap();
        assert_eq!(file.append(&path, b"2\n", &Rotation::default()).unwrap(), Appended::Moved);
        assert_eq!(fs::read_to_string(&old).unwrap(), "1\n");
    }
}
