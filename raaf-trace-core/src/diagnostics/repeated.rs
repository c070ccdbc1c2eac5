//! Rate limiting of repeated failures.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counter of a repeated failure that decides when to report it: the first time, then at every
/// doubling.
///
/// ```
/// # use raaf_trace_core::diagnostics::Repeated;
/// let refused = Repeated::new();
/// let reported: Vec<u64> = (0..10).filter_map(|_| refused.happened()).collect();
/// assert_eq!(reported, [1, 2, 4, 8]);
/// ```
#[derive(Debug, Default)]
pub struct Repeated(AtomicU64);

impl Repeated {
    /// Creates a counter at zero.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Counts an occurrence. Returns the number so far if it is to be reported now.
    pub fn happened(&self) -> Option<u64> {
        let count = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        count.is_power_of_two().then_some(count)
    }

    /// Returns the number of occurrences.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::Repeated;

    #[test]
    fn threads_report_each_doubling_once() {
        let failure = Repeated::new();
        let mut reported: Vec<u64> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let count = || (0..256).filter_map(|_| failure.happened()).collect::<Vec<_>>();
                    scope.spawn(count)
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        reported.sort_unstable();
        assert_eq!(reported, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]);
        assert_eq!(failure.count(), 1024);
    }
}
