//! Output: tables, JSON lines, texts.

mod pager;
mod table;

use std::{
    fmt,
    io::{self, BufWriter, IsTerminal as _, Write},
    mem,
    process::Child,
    time::{Duration, SystemTime},
};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use raaf_processors::HumanDuration;
use raaf_trace_model::{escape::Escaped, span::Record, time::Timestamp};
use serde::Serialize;

use crate::{args::Color, input::Faults, state::State};

/// Destination and form of the output.
pub(crate) struct Printer {
    out: Box<dyn Write>,
    colors: ColorChoice,
    pub(crate) json: bool,
    is_terminal: bool,
    /// The first output starts a pager.
    pages: bool,
    pager: Option<Child>,
    /// Lines for standard error when the pager has ended.
    notes: Vec<String>,
}

impl Printer {
    pub(crate) fn new(json: bool, color: Color) -> Self {
        let colors = match color {
            Color::Auto => AutoStream::choice(&io::stdout()),
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        let (out, is_terminal) = (io::stdout(), io::stdout().is_terminal());
        let out = Box::new(BufWriter::new(out));
        Self { out, colors, json, is_terminal, pages: false, pager: None, notes: Vec::new() }
    }

    /// Shows the output by a pager if it goes to a terminal.
    pub(crate) fn page(&mut self) {
        self.pages = self.is_terminal;
    }

    pub(crate) fn has_color(&self) -> bool {
        self.colors != ColorChoice::Never
    }

    fn out(&mut self) -> &mut Box<dyn Write> {
        if mem::take(&mut self.pages)
            && let Some(mut pager) = pager::start()
            && let Some(input) = pager.stdin.take()
        {
            self.out = Box::new(BufWriter::new(input));
            self.pager = Some(pager);
        }
        &mut self.out
    }

    pub(crate) fn text(&mut self, text: impl fmt::Display) -> io::Result<()> {
        let colors = self.colors;
        write!(AutoStream::new(self.out(), colors), "{text}")
    }

    pub(crate) fn line(&mut self, text: impl fmt::Display) -> io::Result<()> {
        self.text(format_args!("{text}\n"))
    }

    /// Prints data for other programs without changes, unlike the stream for texts, which removes control
    /// characters if the output is not a terminal. On a terminal, they are escaped.
    pub(crate) fn data(&mut self, data: impl fmt::Display) -> io::Result<()> {
        if !self.is_terminal {
            return write!(self.out(), "{data}");
        }
        let text = data.to_string();
        for line in text.split_inclusive('\n') {
            let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
            write!(self.out(), "{}{end}", Escaped(line.trim_end_matches('\r')))?;
        }
        Ok(())
    }

    /// Prints an object as a line of JSON.
    pub(crate) fn object(&mut self, object: &impl Serialize) -> io::Result<()> {
        let line = serde_json::to_string(object)?;
        self.data(format_args!("{line}\n"))
    }

    /// Prints a record as a line of JSON, as in a trace file. `went_on` is the final state of a run that went
    /// on after its root had paused; it is added as `run_status`.
    pub(crate) fn record(&mut self, record: &Record, went_on: Option<State>) -> io::Result<()> {
        #[derive(Serialize)]
        struct Shown<'a, S> {
            #[serde(flatten)]
            line: &'a S,
            run_status: State,
        }

        match (record.ended(), record.running(), went_on) {
            (Some(line), _, Some(run_status)) => self.object(&Shown { line, run_status }),
            (Some(span), ..) => self.object(span),
            (None, Some(start), _) => self.object(start),
            (None, None, _) => Ok(()),
        }
    }

    /// Prints a table; columns in `right` are aligned to the right. On a terminal, long cells have several
    /// lines. A row with a state that is not `ok` has its colour.
    pub(crate) fn table<const N: usize>(
        &mut self,
        head: [&str; N],
        right: &[usize],
        rows: impl IntoIterator<Item = [String; N]>,
    ) -> io::Result<()> {
        let rows: Vec<_> = rows.into_iter().collect();
        let styles = rows.iter().map(|row| row.iter().find_map(|cell| style_of(cell)));
        let styles: Vec<_> = styles.map(Option::unwrap_or_default).collect();
        for (row, line) in table::lines(head, right, rows, width()) {
            let style = row.map_or(Style::new().bold(), |row| styles[row]);
            self.line(format_args!("{style}{line}{style:#}"))?;
        }
        Ok(())
    }

    /// Reports on standard error which lines could not be read.
    pub(crate) fn tell(&mut self, faults: &Faults) {
        if let Some(note) = note(faults) {
            self.note(note);
        }
    }

    /// Prints a note on standard error, at the end if there is a pager.
    pub(crate) fn note(&mut self, note: String) {
        if self.pages || self.pager.is_some() {
            self.notes.push(note);
        } else {
            let _ = writeln!(io::stderr(), "{note}");
        }
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes what is left, and waits for the end of the pager.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        // The pager waits for the end of its input.
        self.out = Box::new(io::sink());
        if let Some(mut pager) = self.pager.take() {
            pager.wait()?;
        }
        for note in self.notes.drain(..) {
            let _ = writeln!(io::stderr(), "{note}");
        }
        flushed
    }
}

/// Returns the width of the terminal; `None` if the output goes elsewhere.
fn width() -> Option<usize> {
    io::stdout().is_terminal().then(textwrap::termwidth)
}

/// Returns the colour of a state that is not `ok`.
fn style_of(state: &str) -> Option<Style> {
    // For a root that has paused, the final state of its run counts.
    let color = match state.rsplit(THEN).next()? {
        "error" => AnsiColor::Red,
        "cancelled" | "stale" | "partial" | "paused" => AnsiColor::Yellow,
        "running" => AnsiColor::Blue,
        _ => return None,
    };
    Some(color.on_default())
}

/// Separator of the state of a root that has paused and the final state of its run.
const THEN: &str = ", then ";

/// Returns the state of a span, with the final state of its run if it went on later.
pub(crate) fn states(own: State, went_on: Option<State>) -> String {
    let run = went_on.map(|run| format!("{THEN}{}", run.as_str()));
    format!("{}{}", own.as_str(), run.unwrap_or_default())
}

/// Returns a state in its colour.
pub(crate) fn state(state: &str) -> impl fmt::Display {
    let style = style_of(state).unwrap_or_default();
    format!("{style}{state}{style:#}")
}

/// Returns which lines could not be read, if there are any.
fn note(faults: &Faults) -> Option<String> {
    let first = Escaped(faults.texts.first()?);
    Some(match faults.count {
        1 => format!("raaf: a line could not be read: {first}"),
        count => format!("raaf: {count} lines could not be read; the first: {first}"),
    })
}

/// Reports on standard error which lines could not be read.
pub(crate) fn tell(faults: &Faults) {
    if let Some(note) = note(faults) {
        let _ = writeln!(io::stderr(), "{note}");
    }
}

/// Returns the text with escaped control characters.
pub(crate) fn name(text: &str) -> String {
    Escaped(text).to_string()
}

pub(crate) fn time(time: SystemTime) -> String {
    let text = Timestamp::from(time).to_string();
    text.split('.').next().unwrap_or_default().replace('T', " ")
}

pub(crate) fn duration(duration: Duration) -> String {
    HumanDuration(duration).to_string()
}

/// Returns a number of tokens, or of others; empty for none.
pub(crate) fn count(count: u64) -> String {
    if count == 0 { String::new() } else { count.to_string() }
}

/// Smallest number that is shown with an exponent.
const LARGE: f64 = 1e15;

/// Returns a number with two decimals at most.
pub(crate) fn number(number: f64) -> String {
    if number.abs() >= LARGE {
        return format!("{number:e}");
    }
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn numbers_are_short() {
        assert_eq!([1.0, 0.5, 0.333, 120.0].map(super::number), ["1", "0.5", "0.33", "120"]);
        assert_eq!(
            [-1e308, 2.5e15, 1e14].map(super::number),
            ["-1e308", "2.5e15", "100000000000000"]
        );
    }
}
