//! Faults of a file: the traced program goes on, and every span is accounted for.

#![cfg(all(feature = "file", unix))]
#![allow(clippy::unwrap_used, reason = "only tests are here")]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use raaf_processors::{FileSink, FileSync, read::TraceReader};
use raaf_trace_core::{FinishedSpan, SpanProcessor as _, TracerProvider, sink::BatchConfig};

/// Longer than any test takes; nothing waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

fn provider(sink: FileSink) -> TracerProvider {
    let mut batch = BatchConfig::default().with_max_spans(100_000);
    batch.max_retries = 0;
    TracerProvider::builder().with(sink).batch(batch).build()
}

/// Traces one piece of work, which is not affected, and says what the flush says.
fn work(provider: &TracerProvider) -> Result<(), String> {
    assert_eq!(provider.tracer().span("work").in_span(|| 7), 7);
    provider.force_flush(LONG).map_err(|error| error.to_string())
}

fn counted(provider: &TracerProvider) -> (u64, u64) {
    let stats = &provider.stats().processors[0];
    (stats.delivered, stats.dropped)
}

fn spans(path: &Path) -> usize {
    TraceReader::open(path).unwrap().inspect(|record| assert!(record.is_ok())).count()
}

#[test]
fn d1_a_directory_that_is_removed_and_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("place");
    let path = place.join("traces.jsonl");
    fs::create_dir(&place).unwrap();
    let provider = provider(FileSink::new(&path));
    work(&provider).unwrap();
    fs::remove_dir_all(&place).unwrap();
    let error = work(&provider).unwrap_err();
    assert!(error.contains("its directory does not exist"), "{error}");
    fs::create_dir(&place).unwrap();
    work(&provider).unwrap();
    assert_eq!((counted(&provider), spans(&path)), ((2, 1), 1));
}

#[test]
fn d1_places_where_no_file_can_be() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for (path, reason) in [
        (file.join("traces.jsonl"), "Not a directory"),
        (directory.path().into(), "Is a directory"),
    ] {
        let provider = provider(FileSink::new(&path));
        let error = work(&provider).unwrap_err();
        assert!(error.contains(&format!("`{}`: {reason}", path.display())), "{error}");
        assert_eq!(counted(&provider), (0, 1));
    }
}

#[test]
fn d1_something_else_in_place_of_the_file_while_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let provider = provider(FileSink::new(&path));
    work(&provider).unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(work(&provider).unwrap_err().contains("Is a directory"));
    fs::remove_dir(&path).unwrap();
    work(&provider).unwrap();
    assert_eq!((counted(&provider), spans(&path)), ((2, 1), 1));
}

#[test]
fn d1_a_file_that_cannot_be_rotated_grows_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    fs::create_dir(directory.path().join("traces.jsonl.1")).unwrap();
    let provider = provider(FileSink::builder(&path).max_size(1).keep(1).build());
    for _ in 0..3 {
        work(&provider).unwrap();
    }
    assert_eq!((counted(&provider), spans(&path)), ((3, 0), 3));
}

#[test]
fn a_file_that_somebody_else_moved_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let (path, moved) = (directory.path().join("traces.jsonl"), directory.path().join("moved"));
    let provider = provider(FileSink::builder(&path).sync(FileSync::OnFlush).build());
    work(&provider).unwrap();
    fs::rename(&path, &moved).unwrap();
    work(&provider).unwrap();
    assert_eq!((spans(&moved), spans(&path)), (1, 1));
}

#[cfg(target_os = "linux")]
#[test]
fn d1_a_full_disk_takes_no_part_of_a_start() {
    let sink = FileSink::builder("/dev/full").build_with_starts(BatchConfig::default());
    sink.on_start(&mut FinishedSpan::builder("tool", "work").build().started());
    sink.force_flush(LONG).unwrap();
    assert_eq!((sink.dropped_starts(), sink.stats().dropped), (1, 0));
}

/// A file system with room for so much, which goes when this does.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where it cannot be had.
    fn mount(place: PathBuf, size: &str) -> Option<Self> {
        let size = format!("size={size}");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(&place).output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Self(place))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn d1_a_disk_that_fills_up_and_is_emptied() {
    let directory = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(directory.path().to_owned(), "128k") else {
        let _ = writeln!(std::io::stderr(), "skipped: a small file system cannot be mounted here");
        return;
    };
    let path = disk.0.join("traces.jsonl");
    let provider = provider(FileSink::new(&path));
    let mut errors = Vec::new();
    for _ in 0..100 {
        let span = provider.tracer().span("work").with("text", "x".repeat(4_000));
        span.start().finish();
        errors.extend(provider.force_flush(LONG).err());
    }
    assert!(errors[0].to_string().contains("No space left"), "{}", errors[0]);
    let (delivered, dropped) = counted(&provider);
    assert_eq!((delivered + dropped, dropped), (100, errors.len() as u64));
    // What did not fit was taken back, so that no line is broken.
    assert_eq!(spans(&path) as u64, delivered);

    fs::remove_file(&path).unwrap();
    work(&provider).unwrap();
    assert_eq!(spans(&path), 1);
}

#[test]
fn d1_a_lock_that_another_program_keeps_holds_up_no_traced_thread() {
    const SPANS: u64 = 10_000;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("traces.jsonl");
    let other = fs::File::create(&path).unwrap();
    other.lock().unwrap();
    let provider = TracerProvider::builder()
        .with(FileSink::new(&path))
        .batch(BatchConfig::default().with_max_spans(100).with_batch_size(10))
        .build();
    let (done, over) = mpsc::channel();
    let traced = provider.clone();
    thread::spawn(move || {
        for _ in 0..SPANS {
            traced.tracer().span("work").in_span(|| ());
        }
        done.send(()).unwrap();
    });
    assert_eq!(over.recv_timeout(LONG), Ok(()), "the traced thread hangs");
    other.unlock().unwrap();
    assert!(provider.force_flush(LONG).is_err(), "some spans found no room");
    let (delivered, dropped) = counted(&provider);
    assert_eq!((delivered + dropped, spans(&path) as u64), (SPANS, delivered));
}
