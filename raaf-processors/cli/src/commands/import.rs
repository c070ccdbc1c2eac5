//! `import`: traces of other programs as lines of a trace file.

use std::{
    fs::File,
    io::{self, BufReader, Read},
};

use anyhow::Context as _;
use serde_json::{Deserializer, Value as Json};

use super::Found;
use crate::{args::Import, import::spans, print::Printer};

pub(super) fn run(import: &Import, printer: &mut Printer) -> anyhow::Result<Found> {
    let mut any = false;
    for path in &import.files {
        let name = path.display().to_string();
        let text: Box<dyn Read> = if path.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).with_context(|| name.clone())?)
        };
        let values = Deserializer::from_reader(BufReader::new(text)).into_iter::<Json>();
        for (body, number) in values.zip(1..) {
            let at = || format!("{name}, request {number}");
            let body = body.with_context(at)?;
            for span in spans(&body).map_err(anyhow::Error::msg).with_context(at)? {
                printer.object(&span)?;
                any = true;
            }
        }
    }
    Ok(Found::any(any))
}
