//! Connections: the way to a server, through a proxy and by TLS where that is asked.

use std::{fmt::Write as _, io, sync::Arc};

use bytes::Bytes;
use h2::client::{self, SendRequest};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};
use ureq::{
    Error, Proxy,
    http::{Uri, uri::Scheme},
};

use super::{Failure, Network};
use crate::http::{proxy, refusal::Target};

/// Largest number of bytes read from a proxy's reply.
const MAX_HEAD: usize = 16 * 1024;

/// Server, with the way to it.
#[derive(Debug)]
pub(super) struct Peer {
    host: String,
    port: u16,
    is_https: bool,
    /// `None` without TLS, or if the client's certificate cannot be used.
    tls: Option<Arc<ClientConfig>>,
    proxy: Option<Proxy>,
    shown_proxy: Option<String>,
}

impl Peer {
    pub(super) fn new(url: &Uri, network: &Network) -> Self {
        let is_https = url.scheme() == Some(&Scheme::HTTPS);
        let tls = if is_https { network.certificates.rustls_config() } else { None };
        let tls = tls.map(|mut config| {
            config.alpn_protocols = vec![b"h2".to_vec()];
            Arc::new(config)
        });
        let proxy = network.proxies.proxy(url).cloned();
        Self {
            host: url.host().unwrap_or_default().to_owned(),
            port: url.port_u16().unwrap_or(if is_https { 443 } else { 80 }),
            is_https,
            tls,
            shown_proxy: proxy.as_ref().map(proxy::shown),
            proxy,
        }
    }

    /// Returns the address of the method at this URL, for errors.
    pub(super) fn target<'a>(&'a self, url: &'a str) -> Target<'a> {
        Target { url, proxy: self.shown_proxy.as_deref() }
    }

    /// Connects. The connection is driven by a task of the current runtime.
    pub(super) async fn connect(&self) -> Result<SendRequest<Bytes>, Failure> {
        let stream = match &self.proxy {
            None => tcp(&self.host, self.port).await?,
            Some(proxy) => self.tunnel(proxy).await?,
        };
        if !self.is_https {
            return handshake(stream).await;
        }
        let unusable = Failure::Way("the client's certificate and key cannot be used");
        let config = self.tls.clone().ok_or(unusable)?;
        let name = ServerName::try_from(bare(&self.host).to_owned())
            .map_err(|_| Failure::Way("the host is neither a name nor an address"))?;
        handshake(TlsConnector::from(config).connect(name, stream).await?).await
    }

    /// Connects through a tunnel of a proxy.
    async fn tunnel(&self, proxy: &Proxy) -> Result<TcpStream, Failure> {
        if proxy.uri().scheme_str().unwrap_or("http") != "http" {
            let text = "gRPC goes through proxies with an address in http:// alone; name such a \
                        proxy, or exempt the server in NO_PROXY";
            return Err(Failure::Way(text));
        }
        let mut stream = tcp(proxy.host(), proxy.port()).await?;
        let (host, port) = (&self.host, self.port);
        let mut head = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
        let user = proxy::authorization(proxy);
        if let Some(user) = user.as_ref().and_then(|user| user.to_str().ok()) {
            // Writing to a string does not fail.
            let _ = write!(head, "Proxy-Authorization: {user}\r\n");
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut reply = Vec::new();
        while !reply.ends_with(b"\r\n\r\n") && reply.len() < MAX_HEAD {
            reply.push(stream.read_u8().await?);
        }
        let line = String::from_utf8_lossy(&reply);
        let status = line.split_whitespace().nth(1).unwrap_or("no status");
        if status.starts_with('2') {
            return Ok(stream);
        }
        let reason = format!("the proxy answered {status}");
        Err(Failure::Unreached(Error::ConnectProxyFailed(reason)))
    }
}

/// Returns a host without the brackets of an address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((bare(host), port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Bytes>, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (requests, connection) =
        client::Builder::new().enable_push(false).handshake(stream).await?;
    // The requests report its error.
    tokio::spawn(async { drop(connection.await) });
    Ok(requests)
}
