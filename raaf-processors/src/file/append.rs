//! Appending whole lines to a file that others may append to as well.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write},
    path::Path,
};

/// A file that grows by whole lines.
#[derive(Debug)]
pub(super) struct AppendFile {
    file: File,
    /// Pipes and devices have no last line to look at, and nothing that could be taken back.
    is_regular: bool,
}

/// Other writers keep away while this lives.
struct Locked<'a>(&'a File);

impl<'a> Locked<'a> {
    /// Some file systems know no locks. There, that a single write appends is all there is.
    fn new(file: &'a File) -> Self {
        let _ = file.lock();
        Self(file)
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

impl AppendFile {
    /// Opens the file, or makes it; an unfinished last line is closed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        // Reading is needed to see how the file ends, and can be forbidden where writing is not.
        // Whoever reads a pipe keeps it open, and would not notice that nobody else reads it.
        let wants_end = fs::metadata(path).map_or(true, |there| there.is_file());
        let (file, readable) = match options.clone().read(wants_end).open(path) {
            Ok(file) => (file, wants_end),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                (options.open(path)?, false)
            }
            Err(error) => return Err(error),
        };
        let is_regular = file.metadata()?.is_file();
        let mut opened = Self { file, is_regular };
        if is_regular && readable {
            opened.close_last_line()?;
        }
        Ok(opened)
    }

    fn close_last_line(&mut self) -> io::Result<()> {
        let _locked = Locked::new(&self.file);
        let mut file = &self.file;
        if file.seek(SeekFrom::End(0))? == 0 {
            return Ok(());
        }
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
        Ok(())
    }

    /// Whether the file was deleted: what is appended to it then is lost.
    pub(super) fn is_deleted(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            self.is_regular && self.file.metadata().is_ok_and(|now| now.nlink() == 0)
        }
        #[cfg(not(unix))]
        false
    }

    /// Appends these lines, or nothing where that can be had.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let _locked = Locked::new(&self.file);
        if !self.is_regular {
            return (&self.file).write_all(lines);
        }
        let before = self.file.metadata()?.len();
        let (written, result) = write_counted(&self.file, lines);
        if result.is_err() && written > 0 {
            self.take_back(before, written);
        }
        result
    }

    /// Removes a part of a batch, unless somebody who respects no locks wrote after it; opening
    /// the file again closes the line then.
    fn take_back(&self, before: u64, written: usize) {
        let ours = before.checked_add(written as u64);
        if self.file.metadata().is_ok_and(|now| Some(now.len()) == ours) {
            let _ = self.file.set_len(before);
        }
    }

    pub(super) fn flush(&self) -> io::Result<()> {
        (&self.file).flush()
    }
}

/// Writes all of `bytes`, and says how many were written.
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

    /// A disk with room for so many bytes, which takes them in small pieces.
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
}
