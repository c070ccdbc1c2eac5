//! Records that the tools of the workers wrote.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use crate::server::Server;

/// The steps of a report, in their order; those with the same rank run side by side.
pub(crate) const STEPS: [(&str, u32); 13] = [
    ("Planner/model0", 0),
    ("Planner/debit", 1),
    ("Planner/credit", 1),
    ("Planner/model1", 2),
    ("Researcher/model0", 3),
    ("Researcher/debit", 4),
    ("Researcher/model1", 5),
    ("Researcher/credit", 6),
    ("Researcher/model2", 7),
    ("Writer/model0", 8),
    ("Writer/debit", 9),
    ("Writer/credit", 9),
    ("Writer/model1", 10),
];

/// Asserts that no step began again after a later one: that one began when the step was in the journal.
/// Returns the ranks of the steps that began, by their job.
pub(crate) fn assert_steps_in_order(server: &Server) -> BTreeMap<String, Vec<u32>> {
    let log = fs::read_to_string(server.path("work/steps")).unwrap();
    let mut jobs = BTreeMap::<String, Vec<u32>>::new();
    for line in log.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [job, step, _] = words[..] else { panic!("{line}") };
        let rank = STEPS.iter().find(|(known, _)| *known == step).unwrap().1;
        jobs.entry(job.to_owned()).or_default().push(rank);
    }
    for (job, ranks) in &jobs {
        assert!(ranks.is_sorted(), "{job}: {ranks:?}");
        let all: BTreeSet<_> = ranks.iter().collect();
        assert_eq!(all.len(), 11, "{job}: {ranks:?}");
    }
    jobs
}

/// Asserts that the ledger has six entries of each job: two tools of three agents.
pub(crate) fn assert_ledger(server: &Server, jobs: usize) {
    let mut entries = BTreeMap::<String, usize>::new();
    for entry in fs::read_dir(server.path("work/ledger")).unwrap() {
        let job = fs::read_to_string(entry.unwrap().path()).unwrap();
        *entries.entry(job).or_default() += 1;
    }
    let expected = (0..jobs).map(|job| (format!("j{job}"), 6)).collect();
    assert_eq!(entries, expected);
}
