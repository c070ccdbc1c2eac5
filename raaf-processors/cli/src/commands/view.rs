//! `view` and `serve`: traces in a browser.

use std::{net::SocketAddr, slice, sync::Arc};

use anyhow::bail;
use serde::Serialize;

use super::Found;
use crate::{
    args::{Serve, View},
    input::Input,
    print::Printer,
    serve::{Server, loopback},
};

#[derive(Serialize)]
struct Shown {
    url: String,
}

const MIB: usize = 1024 * 1024;

pub(super) fn view(view: &View, printer: &mut Printer) -> anyhow::Result<Found> {
    let input = view.files.input()?;
    let server = Arc::new(Server::new(view.memory.saturating_mul(MIB), input.prices().clone()));
    server.load(&input, true)?;
    run(server, loopback(view.port), printer)
}

pub(super) fn serve(serve: &Serve, printer: &mut Printer) -> anyhow::Result<Found> {
    if let Some(path) = serve.keep.as_ref().filter(|path| path.exists())
        && Input::find(slice::from_ref(path), true)?.single().is_none()
    {
        let name = path.display();
        bail!("`{name}` is compressed or standard input; spans are appended to plain files");
    }
    let server = Server::new(serve.memory.saturating_mul(MIB), serve.prices.table()?);
    let server = Arc::new(server.receiving(serve.keep.as_ref())?);
    if let Some(path) = &serve.keep {
        server.load(&Input::find(slice::from_ref(path), false)?, false)?;
    }
    run(server, serve.listen, printer)
}

fn run(server: Arc<Server>, address: SocketAddr, printer: &mut Printer) -> anyhow::Result<Found> {
    server.run(address, |address| {
        let url = format!("http://{address}/");
        if printer.json {
            printer.object(&Shown { url })?;
        } else {
            printer.line(url)?;
        }
        printer.flush()
    })?;
    Ok(Found::Yes)
}
