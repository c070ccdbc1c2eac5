//! Measures rows and prints them as one table.

use std::{
    env, fmt, fs,
    io::{self, Write as _},
    process::{Command, ExitCode},
};

use crate::measure::Sample;

/// Number of measurements; medians are shown.
const ROUNDS: usize = 3;

/// The packages whose versions matter to the comparison.
const PEERS: [&str; 6] = [
    "fastrace",
    "opentelemetry_sdk",
    "tokio",
    "tracing",
    "tracing-opentelemetry",
    "tracing-subscriber",
];

/// The word by which a program is asked to measure one entry.
const CHILD: &str = "child";

/// Settings of tools from the environment, which the measured ones do without.
const SETTINGS: [&str; 3] = ["RAAF_", "OTEL_", "OPENAI_"];

type Failure = Box<dyn std::error::Error>;

/// Measures one tool or size; `None` if the tool cannot do that.
type Measure = Box<dyn Fn() -> Option<Sample>>;

/// A workload, and the tools or sizes that it is measured with.
pub struct Row {
    name: &'static str,
    title: &'static str,
    /// Labels and measurements; the first is ours, or the smallest.
    entries: Vec<(String, Measure)>,
}

impl Row {
    /// Creates a row of that name on the command line and that title in the table.
    pub fn new(name: &'static str, title: &'static str) -> Self {
        Self { name, title, entries: Vec::new() }
    }

    /// Adds a tool or a size, measured in a process of its own.
    #[must_use]
    pub fn entry(mut self, label: &str, measure: impl Fn() -> Option<Sample> + 'static) -> Self {
        self.entries.push((label.to_owned(), Box::new(measure)));
        self
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reference of the figures in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ratio {
    /// The first entry's figure divided by each other's: below 1, ours takes less.
    OursByIt,
    /// Each other's figure divided by the first's: how much more it takes at that size.
    ItByFirst,
}

/// The body of a program's `main`: measures the rows whose names contain one of the arguments, or
/// all, and prints the table.
///
/// Called with `child ROW ENTRY`, it measures that entry and prints the sample as JSON. It calls
/// itself so: peaks of memory, and what tools keep for the whole process, must not mix.
pub fn main(rows: &[Row], ratio: Ratio) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [CHILD, row, entry] => answer(rows, row, entry),
        _ => compare(rows, &arguments, ratio),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed, nobody can be told.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn answer(rows: &[Row], row: &str, entry: &str) -> Result<(), Failure> {
    let row = rows.iter().find(|known| known.name == row).ok_or("unknown row")?;
    let (_, measure) = row.entries.get(entry.parse::<usize>()?).ok_or("unknown entry")?;
    Ok(writeln!(io::stdout(), "{}", serde_json::to_string(&measure())?)?)
}

fn compare(rows: &[Row], words: &[String], ratio: Ratio) -> Result<(), Failure> {
    let wanted = |row: &&Row| words.is_empty() || words.iter().any(|word| row.name.contains(word));
    let rows: Vec<&Row> = rows.iter().filter(wanted).collect();
    if rows.is_empty() {
        return Err(format!("no row is called {}", words.join(" or ")).into());
    }
    let mut samples: Vec<Vec<Vec<Sample>>> =
        rows.iter().map(|row| vec![Vec::new(); row.entries.len()]).collect();
    // Round by round, so that what the machine does meanwhile hits all entries.
    for round in 1..=ROUNDS {
        for (row, samples) in rows.iter().zip(&mut samples) {
            writeln!(io::stderr(), "round {round} of {ROUNDS}: {}", row.title)?;
            for (number, samples) in samples.iter_mut().enumerate() {
                samples.extend(in_child(row.name, number)?);
            }
        }
    }
    let mut lines = vec![head(ratio)];
    for (row, samples) in rows.iter().zip(&samples) {
        for ((label, _), rounds) in row.entries.iter().zip(samples) {
            if !rounds.is_empty() {
                let label = format!("{}: {label}", row.title);
                lines.push(line(label, rounds, &samples[0], ratio));
            }
        }
    }
    for column in (1..lines[0].len()).rev() {
        if lines[1..].iter().all(|line| line[column].is_empty()) {
            for line in &mut lines {
                line.remove(column);
            }
        }
    }
    Ok(write!(io::stdout(), "{}\n{}", provenance(), table(&lines))?)
}

/// Measures one entry in a fresh process of this program.
fn in_child(row: &str, entry: usize) -> Result<Option<Sample>, Failure> {
    let mut command = Command::new(env::current_exe()?);
    command.args([CHILD, row, &entry.to_string()]);
    for (name, _) in env::vars_os() {
        if SETTINGS.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    let output = command.output()?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{row}`, entry {entry}: {}\n{error}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn head(ratio: Ratio) -> Vec<String> {
    let ratio = match ratio {
        Ratio::OursByIt => "ours / it",
        Ratio::ItByFirst => "it / first",
    };
    let head = ["", "producer ns", ratio, "to delivery ns", ratio, "M spans/s", ratio];
    head.into_iter().chain(["delivered", "peak MiB"]).map(str::to_owned).collect()
}

/// The medians of an entry's rounds, and those of each round's ratio: what slows a round down slows
/// both.
fn line(label: String, rounds: &[Sample], first: &[Sample], ratio: Ratio) -> Vec<String> {
    let shown = |figure: &dyn Fn(&Sample) -> Option<f64>, digits: usize| {
        let own = median(rounds.iter().filter_map(figure));
        let ratios = rounds.iter().zip(first).filter_map(|(it, first)| match ratio {
            Ratio::OursByIt => Some(figure(first)? / figure(it)?),
            Ratio::ItByFirst => Some(figure(it)? / figure(first)?),
        });
        let compared = median(ratios).filter(|_| !std::ptr::eq(rounds, first));
        [own.map(|own| format!("{own:.digits$}")), compared.map(|ratio| format!("{ratio:.2}"))]
            .map(Option::unwrap_or_default)
    };
    let of = |count: fn(&Sample) -> u64| rounds.iter().map(count).sum::<u64>() as f64;
    let (started, delivered) = (of(|sample| sample.started), of(|sample| sample.delivered));
    let share = if started > 0.0 {
        format!("{:.1} %", (delivered / started * 1_000.0).floor() / 10.0)
    } else {
        String::new()
    };
    let [peak, _] = shown(&|sample| sample.peak_mib, 0);
    std::iter::once(label)
        .chain(shown(&|sample| sample.producer_ns, 1))
        .chain(shown(&|sample| sample.delivery_ns, 1))
        .chain(shown(&|sample| sample.per_second.map(|speed| speed / 1e6), 2))
        .chain([share, peak])
        .collect()
}

/// The upper of the two in the middle, if there are two.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// A Markdown table with aligned columns; the first is text, the others are numbers.
fn table(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0).max(3)).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths).enumerate();
        text.extend(cells.map(|(column, (cell, width))| match column {
            0 => format!("| {cell:<width$} "),
            _ => format!("| {cell:>width$} "),
        }));
        text.push_str("|\n");
        if number == 0 {
            text.extend(widths.iter().enumerate().map(|(column, width)| match column {
                0 => format!("| {} ", "-".repeat(*width)),
                _ => format!("| {}:", "-".repeat(*width)),
            }));
            text.push_str("|\n");
        }
    }
    text
}

/// Returns the origin of the figures: commit, machine, compiler, versions.
fn provenance() -> String {
    let printed = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(": ")?.1.to_owned())
    });
    let unknown = || "unknown".to_owned();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let versions: Vec<String> =
        PEERS.iter().map(|name| format!("{name} {}", version(name).unwrap_or_default())).collect();
    format!(
        "- commit {}, {}\n- {}, {cores} cores\n- {}\n",
        printed("git", &["describe", "--always", "--dirty"]).unwrap_or_else(unknown),
        printed("rustc", &["--version"]).unwrap_or_else(unknown),
        processor.unwrap_or_else(unknown),
        versions.join(", "),
    )
}

/// The version of a package that was locked when this program was built.
fn version(package: &str) -> Option<&'static str> {
    let lock = include_str!("../../Cargo.lock");
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(times: [f64; 3]) -> Vec<Sample> {
        times.map(|time| Sample { producer_ns: Some(time), ..Sample::default() }).into()
    }

    #[test]
    fn a_slow_round_does_not_change_the_ratio() {
        let (ours, other) = (samples([10.0, 90.0, 11.0]), samples([20.0, 180.0, 20.0]));
        let cells = line("it".to_owned(), &other, &ours, Ratio::OursByIt);
        assert_eq!(cells[..3], ["it", "20.0", "0.50"]);
        let first = line("ours".to_owned(), &ours, &ours, Ratio::OursByIt);
        assert_eq!(first[..3], ["ours", "11.0", ""]);
    }

    #[test]
    fn columns_line_up() {
        let lines = [["tool", "time"], ["raaf", "12"], ["another", "1234"]]
            .map(|line| line.map(str::to_owned).to_vec());
        let expected = "\
| tool    | time |
| ------- | ----:|
| raaf    |   12 |
| another | 1234 |
";
        assert_eq!(table(&lines), expected);
    }

    #[test]
    fn the_versions_of_all_peers_are_locked() {
        for package in PEERS {
            assert!(version(package).is_some(), "{package}");
        }
    }
}
