//! Where the figures come from: machine, compiler, versions.

use std::{collections::BTreeSet, fs, process::Command, time::SystemTime};

use raaf_trace_core::Rfc3339;

/// What was locked when this program was built.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// The packages whose versions matter.
const PACKAGES: [&str; 8] = [
    "fastrace",
    "opentelemetry",
    "opentelemetry_sdk",
    "rig-agent",
    "tokio",
    "tracing",
    "tracing-opentelemetry",
    "tracing-subscriber",
];

/// Machine, compiler and versions, as a list.
pub fn provenance() -> String {
    let unknown = || "unknown".to_owned();
    let processor = processor().unwrap_or_else(unknown);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = memory().unwrap_or_else(unknown);
    let kernel = read("/proc/sys/kernel/osrelease").unwrap_or_else(unknown);
    let compiler = said_by("rustc", &["--version"]).unwrap_or_else(unknown);
    let commit = said_by("git", &["describe", "--always", "--dirty"]).unwrap_or_else(unknown);
    let now = Rfc3339::new(SystemTime::now()).to_string();
    let day = now.split('T').next().unwrap_or_default();
    let packages = PACKAGES.map(|name| format!("{name} {}", versions(LOCK, name))).join(", ");
    format!(
        "- measured on {day}, at commit {commit}\n\
         - {processor}, {cores} cores, {memory}, kernel {kernel}\n\
         - {compiler}, release profile\n\
         - {packages}\n"
    )
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory() -> Option<String> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(format!("{:.0} GiB", kib / (1024.0 * 1024.0)))
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The versions of a package in a lock file.
fn versions(lock: &str, package: &str) -> String {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines();
    let mut found = BTreeSet::new();
    while let Some(line) = lines.next() {
        if line == name
            && let Some(version) = lines.next().and_then(|line| line.strip_prefix("version = "))
        {
            found.insert(version.trim_matches('"'));
        }
    }
    Vec::from_iter(found).join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_found() {
        for package in PACKAGES {
            assert_ne!(versions(LOCK, package), "", "{package}");
        }
        assert_eq!(versions(LOCK, "no-such-package"), "");
    }
}
