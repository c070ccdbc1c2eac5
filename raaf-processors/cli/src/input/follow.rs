//! Files that are read while they are written.

use std::{
    collections::VecDeque,
    fs::{File, Metadata},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{MAX_LINE, parts};

/// Pause between two looks at a file that does not grow.
pub(crate) const PAUSE: Duration = Duration::from_millis(200);

/// Bytes at the end of a file among which the last lines are sought.
const LAST: u64 = 4 * 1024 * 1024;

/// Number of files that are open: the current one, and those before it, to which a program that does not
/// lock may still write.
const OPEN: usize = 4;

/// Number of files that are remembered as read.
const KNOWN: usize = 1_024;

/// A file that grows and may be rotated or replaced.
#[derive(Debug)]
pub(crate) struct Followed {
    path: PathBuf,
    /// Files in the order of their lines; the path names the last one, unless it was rotated since.
    open: VecDeque<Part>,
    known: VecDeque<Id>,
}

/// Identity of a file. One that reuses the number of a deleted file was created later.
type Id = (u64, u64, Option<SystemTime>);

#[derive(Debug)]
struct Part {
    text: BufReader<File>,
    position: u64,
    /// The part of the last line that was read so far.
    line: Vec<u8>,
    /// The last line is too long, and is skipped to its end.
    skips: bool,
    longest: u64,
}

impl Followed {
    /// Opens a file at its last lines.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub(crate) fn near_end(path: &Path) -> io::Result<Self> {
        let mut followed = Self::from_start(path)?;
        if let Some(part) = followed.open.back_mut() {
            part.skip_to_last_lines()?;
        }
        Ok(followed)
    }

    /// Opens a file at its beginning. The rotated parts that are beside it already are not read.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub(crate) fn from_start(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut followed =
            Self { path: path.to_owned(), open: VecDeque::new(), known: VecDeque::new() };
        // Files that are renamed meanwhile are known by their identity.
        followed
            .known
            .extend(parts(path).iter().filter_map(|part| Some(id(&part.metadata().ok()?))));
        followed.know(id(&file.metadata()?));
        followed.open.push_back(Part::new(file));
        Ok(followed)
    }

    /// Reads the whole lines that have been written, also to files that took the place of this one.
    /// Returns whether there were any.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or that of `each`.
    pub(crate) fn read(
        &mut self,
        mut each: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<bool> {
        // Files that are new now follow all that was written to the others before.
        let new = self.successors()?;
        let mut any = false;
        for part in &mut self.open {
            any |= part.read(&mut each)?;
        }
        for file in new {
            let mut part = Part::new(file);
            any |= part.read(&mut each)?;
            self.open.push_back(part);
            if self.open.len() > OPEN {
                self.open.pop_front();
            }
        }
        Ok(any)
    }

    /// Opens the files that have come beside the path, or in its place, since the last look, oldest first.
    fn successors(&mut self) -> io::Result<Vec<File>> {
        let mut new = Vec::new();
        for path in parts(&self.path) {
            // It may have been renamed or deleted since it was listed; the next look finds its new name.
            let Ok(file) = File::open(path) else { continue };
            let metadata = file.metadata()?;
            if metadata.is_file() && self.know(id(&metadata)) {
                new.push(file);
            }
        }
        Ok(new)
    }

    /// Remembers a file; `false` if it is known already.
    fn know(&mut self, id: Id) -> bool {
        if self.known.contains(&id) {
            return false;
        }
        self.known.push_back(id);
        if self.known.len() > KNOWN {
            self.known.pop_front();
        }
        true
    }
}

impl Part {
    fn new(file: File) -> Self {
        let text = BufReader::new(file);
        Self { text, position: 0, line: Vec::new(), skips: false, longest: MAX_LINE }
    }

    fn skip_to_last_lines(&mut self) -> io::Result<()> {
        let length = self.text.get_ref().metadata()?.len();
        self.position = length.saturating_sub(LAST);
        self.text.seek(SeekFrom::Start(self.position))?;
        self.skips = self.position > 0;
        Ok(())
    }

    fn read(&mut self, each: &mut impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<bool> {
        if self.text.get_ref().metadata()?.len() < self.position {
            // It was cut: begin again.
            self.text.seek(SeekFrom::Start(0))?;
            (self.position, self.skips) = (0, false);
            self.line.clear();
        }
        let mut any = false;
        loop {
            let room = self.longest + 1 - self.line.len() as u64;
            let read = (&mut self.text).take(room).read_until(b'\n', &mut self.line)?;
            self.position += read as u64;
            if read == 0 {
                return Ok(any);
            }
            if self.line.pop_if(|byte| *byte == b'\n').is_some() {
                if !self.skips {
                    each(&self.line)?;
                    any = true;
                }
                self.skips = false;
                self.line.clear();
            } else if self.line.len() as u64 > self.longest {
                self.skips = true;
                self.line.clear();
            }
        }
    }
}

#[cfg(unix)]
fn id(file: &Metadata) -> Id {
    use std::os::unix::fs::MetadataExt as _;
    (file.dev(), file.ino(), file.created().ok())
}

#[cfg(not(unix))]
fn id(file: &Metadata) -> Id {
    (0, 0, file.created().ok())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, OpenOptions},
        io::Write as _,
    };

    use tempfile::TempDir;

    use super::*;

    /// A directory with the file `t`, which contains `1`.
    fn file() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t");
        fs::write(&path, "1\n").unwrap();
        (directory, path)
    }

    fn lines(followed: &mut Followed) -> Vec<String> {
        let mut lines = Vec::new();
        let any = followed.read(|line| {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
            Ok(())
        });
        assert_eq!(any.unwrap(), !lines.is_empty());
        lines
    }

    /// Rotates `t` as the sink does, with `keep` files, and begins the next one.
    fn rotate(path: &Path, keep: u32, text: &str) {
        let numbered = |number: u32| path.with_extension(number.to_string());
        for number in (1..keep).rev() {
            let _ = fs::rename(numbered(number), numbered(number + 1));
        }
        fs::rename(path, numbered(1)).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn files_of_several_rotations_are_read_in_their_order() {
        let (_directory, path) = file();
        let mut followed = Followed::from_start(&path).unwrap();
        assert_eq!(lines(&mut followed), ["1"]);
        for text in ["2\n", "3\n", "4\n"] {
            rotate(&path, 5, text);
        }
        assert_eq!(lines(&mut followed), ["2", "3", "4"]);
        assert_eq!(lines(&mut followed), [""; 0]);
        // More than are kept: the first of them are gone, the others are not read twice.
        for text in ["5\n", "6\n", "7\n"] {
            rotate(&path, 2, text);
        }
        assert_eq!(lines(&mut followed), ["5", "6", "7"]);
    }

    #[test]
    fn parts_that_were_there_before_are_not_read() {
        let (_directory, path) = file();
        rotate(&path, 5, "2\n");
        let mut followed = Followed::from_start(&path).unwrap();
        assert_eq!(lines(&mut followed), ["2"]);
        fs::remove_file(&path).unwrap();
        assert_eq!(lines(&mut followed), [""; 0]);
        fs::write(&path, "3\n").unwrap();
        assert_eq!(lines(&mut followed), ["3"]);
    }

    #[test]
    fn what_is_written_to_a_rotated_file_is_read() {
        let (_directory, path) = file();
        let mut followed = Followed::from_start(&path).unwrap();
        let mut old = OpenOptions::new().append(true).open(&path).unwrap();
        rotate(&path, 5, "2\n");
        assert_eq!(lines(&mut followed), ["1", "2"]);
        old.write_all(b"late\n").unwrap();
        assert_eq!(lines(&mut followed), ["late"]);
    }

    #[test]
    fn a_line_is_read_when_it_has_its_end_unless_it_is_too_long() {
        let (_directory, path) = file();
        let mut followed = Followed::from_start(&path).unwrap();
        followed.open[0].longest = 5;
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        let mut write = |text: &str| file.write_all(text.as_bytes()).unwrap();
        write("abc");
        assert_eq!(lines(&mut followed), ["1"]);
        write("de\nabcdefghij");
        assert_eq!(lines(&mut followed), ["abcde"]);
        assert!(followed.open[0].line.len() <= 5, "no more than that is kept");
        write("klmnopq");
        assert_eq!(lines(&mut followed), [""; 0]);
        write("rst\nnext\n");
        assert_eq!(lines(&mut followed), ["next"]);
    }

    #[test]
    fn a_file_that_was_cut_is_read_again() {
        let (_directory, path) = file();
        let mut followed = Followed::near_end(&path).unwrap();
        assert_eq!(lines(&mut followed), ["1"]);
        File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
        assert_eq!(lines(&mut followed), [""; 0]);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"2\n").unwrap();
        assert_eq!(lines(&mut followed), ["2"]);
    }
}
