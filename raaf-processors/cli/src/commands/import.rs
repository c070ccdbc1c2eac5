//! `import`: traces of other programs as lines of a trace file.

use std::{io, slice};

use anyhow::{Context as _, bail};
use raaf_trace_model::escape::Escaped;
use serde_json::{Deserializer, Value as Json};

use super::Found;
use crate::{
    args::Import,
    import::{Imported, Requests},
    input::Input,
    print::Printer,
};

/// Number of faults that are reported one by one.
const TOLD: usize = 10;

/// Outcome of an import: whether spans were written, and what could not be read.
#[derive(Default)]
struct Outcome {
    any: bool,
    faults: Vec<String>,
}

impl Outcome {
    fn add(&mut self, imported: &Imported, at: &str, printer: &mut Printer) -> anyhow::Result<()> {
        for span in &imported.spans {
            printer.object(span)?;
            self.any = true;
        }
        self.faults.extend(imported.faults.iter().map(|fault| format!("{at}{fault}")));
        Ok(())
    }
}

pub(super) fn run(import: &Import, printer: &mut Printer) -> anyhow::Result<Found> {
    let (mut outcome, mut requests) = (Outcome::default(), Requests::default());
    for path in &import.files {
        let input = Input::find(slice::from_ref(path), true)?;
        for source in input.sources() {
            let name = source.name();
            let text = source.reader().with_context(|| name.clone())?;
            let values = Deserializer::from_reader(text).into_iter::<Json>();
            for (body, number) in values.zip(1..) {
                let at = format!("{name}, request {number}");
                let body = match body {
                    Ok(body) => body,
                    Err(error) if error.is_io() => {
                        return Err(io::Error::from(error)).context(at);
                    }
                    // After invalid JSON, the start of the next request is unknown.
                    Err(error) => {
                        outcome.faults.push(format!("{at}: {error}"));
                        break;
                    }
                };
                let read = requests.read(body).unwrap_or_else(|reason| Imported {
                    faults: vec![reason],
                    ..Imported::default()
                });
                outcome.add(&read, &format!("{at}: "), printer)?;
            }
        }
    }
    outcome.add(&requests.finish(), "", printer)?;
    let Outcome { any, faults } = outcome;
    match &faults[..] {
        [only] if !any => bail!("{}", Escaped(only)),
        [first, rest @ ..] if !any => bail!("{}; and {} more", Escaped(first), rest.len()),
        _ => {}
    }
    for fault in faults.iter().take(TOLD) {
        printer.note(format!("raaf: {}", Escaped(fault)));
    }
    if faults.len() > TOLD {
        printer.note(format!("raaf: {} more parts could not be read", faults.len() - TOLD));
    }
    Ok(Found::any(any))
}
