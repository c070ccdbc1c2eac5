//! Failed requests: the reason, and whether a retry can help.

use std::{
    borrow::Cow,
    io,
    time::{Duration, SystemTime},
};

use raaf_trace_model::sink::ExportError;
use ureq::{
    Error,
    http::{HeaderMap, HeaderName, StatusCode, header::RETRY_AFTER},
};

use super::Protocol;

/// Largest number of characters of a reply that an error repeats.
const MAX_WORDS: usize = 500;

/// Length of a body above which a broken connection may mean that it is too large: some servers
/// answer before they have read it, and close.
const LARGE: usize = 1024 * 1024;

/// Failed request.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// A smaller request might be accepted.
    is_too_large: bool,
    error: ExportError,
}

impl Refusal {
    /// Creates an error; `is_too_large` if a smaller request might be accepted.
    #[cfg(feature = "otlp-grpc")]
    pub(super) fn new(is_too_large: bool, error: ExportError) -> Self {
        Self { is_too_large, error }
    }

    /// Creates an error from a reply with an error status. `at` is the address, where that may be
    /// wrong.
    pub(super) fn of_status(
        status: StatusCode,
        at: Option<&str>,
        words: &str,
        is_passing: bool,
        wait: Option<Duration>,
    ) -> Self {
        let mut message = format!("the server answered {status}");
        for (before, part) in [(" at ", at.unwrap_or_default()), (": ", &shown(words))] {
            if !part.is_empty() {
                message.extend([before, part]);
            }
        }
        let error = match (is_passing, wait) {
            (false, _) => ExportError::permanent(message),
            (true, None) => ExportError::retryable(message),
            (true, Some(wait)) => ExportError::retryable(message).after(wait),
        };
        Self { is_too_large: status == StatusCode::PAYLOAD_TOO_LARGE, error }
    }

    pub(super) fn into_error(self) -> ExportError {
        self.error
    }

    /// Returns true if a smaller request might be accepted.
    pub(super) fn is_too_large(&self) -> bool {
        self.is_too_large
    }
}

/// Address of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) url: &'a str,
    pub(super) proxy: Option<&'a str>,
}

impl Target<'_> {
    /// Returns the address for an error.
    pub(super) fn shown(self) -> String {
        let origin = origin(self.url);
        match self.proxy {
            Some(proxy) => format!("{origin} (through the proxy {proxy})"),
            None => origin.into_owned(),
        }
    }

    /// Creates an error for a request without a reply, whose body has this length.
    pub(super) fn unreached(self, body: usize, error: &Error, protocol: &Protocol) -> Refusal {
        let Protocol { expected, authorities, .. } = protocol;
        let is_too_large = body > LARGE && is_broken(error);
        let origin = self.shown();
        let message = format!("{origin} cannot be reached: {error}");
        let error = match error {
            Error::Protocol(error) => ExportError::permanent(format!(
                "{origin} does not answer in HTTP/1.1 ({error}); expected {expected}"
            )),
            Error::ConnectProxyFailed(reason) if is_refused(reason) => {
                ExportError::permanent(message)
            }
            Error::BadUri(_) | Error::Http(_) | Error::InvalidProxyUrl | Error::Rustls(_) => {
                ExportError::permanent(message)
            }
            Error::Io(io) if io.to_string().contains("UnknownIssuer") => {
                ExportError::permanent(format!(
                    "{origin} has a certificate of an unknown issuer ({io}); if it is the right \
                     server, set {authorities} to a file with the issuer's certificate in PEM"
                ))
            }
            Error::Io(io) if io.to_string().contains("InvalidContentType") => {
                ExportError::permanent(format!(
                    "{origin} does not use TLS ({io}); expected http:// in the address of a server \
                     without TLS"
                ))
            }
            // Invalid TLS and untrusted certificates are reported as such.
            Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                ExportError::permanent(message)
            }
            _ => ExportError::retryable(message),
        };
        Refusal { is_too_large, error }
    }
}

/// Creates an error for a proxy that rejects requests.
pub(super) fn of_proxy(proxy: &str, status: StatusCode) -> Refusal {
    ExportError::permanent(format!("the proxy {proxy} answered {status}")).into()
}

/// Returns true if a proxy rejected a tunnel with a status that does not pass: `reason` ends in it.
fn is_refused(reason: &str) -> bool {
    let status = reason.rsplit(['/', ' ']).next().and_then(|status| status.parse::<u16>().ok());
    status.is_some_and(|status| (400..500).contains(&status) && ![408, 429].contains(&status))
}

/// Error of a request that cannot be made, or of which a part was rejected.
impl From<ExportError> for Refusal {
    fn from(error: ExportError) -> Self {
        Self { is_too_large: false, error }
    }
}

/// Returns true if the connection was closed while it was in use.
fn is_broken(error: &Error) -> bool {
    let Error::Io(error) = error else { return false };
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Returns the delay that the server asks for: in milliseconds, as OpenAI's servers do, otherwise
/// as HTTP defines it.
pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let millis = text(HeaderName::from_static("retry-after-ms"));
    let millis = millis.and_then(|text| text.trim().parse::<f64>().ok());
    millis
        .and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok())
        .or_else(|| read_wait(text(RETRY_AFTER)?, SystemTime::now()))
}

/// Parses `Retry-After`: seconds, or a date.
fn read_wait(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = httpdate::parse_http_date(header).ok()?;
    // A date in the past means immediately.
    Some(at.duration_since(now).unwrap_or_default())
}

/// Formats a reply as one line of limited length, without control characters.
pub(super) fn shown(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String =
        line.chars().filter(|character| !character.is_control()).take(MAX_WORDS).collect();
    if line.chars().nth(MAX_WORDS).is_some() {
        shown.push('…');
    }
    shown
}

/// Returns the origin of a URL, without parts that may be secret: the user, the path and the query.
pub(crate) fn origin(url: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = url.split_once("://") else { return Cow::Borrowed("the server") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    Cow::Owned(format!("{scheme}://{host}"))
}

/// Shows an invalid URL without parts that may be secret.
#[cfg(feature = "openai")]
pub(crate) fn mistyped(text: &str) -> Cow<'_, str> {
    if text.contains("://") {
        return origin(text);
    }
    let host = text.split(['/', '?', '#']).next().unwrap_or_default();
    Cow::Borrowed(host.rsplit('@').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:30 GMT")
            .unwrap_or_else(|_| SystemTime::now());
        assert_eq!(read_wait(" 7 ", now), Some(Duration::from_secs(7)));
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(read_wait(date, now), Some(Duration::from_secs(7)));
        assert_eq!(read_wait(date, now + Duration::from_secs(60)), Some(Duration::ZERO));
        for nonsense in ["", "-1", "NaN", "inf", "1e300", "soon"] {
            assert_eq!(read_wait(nonsense, now), None, "{nonsense}");
        }
    }

    #[test]
    fn a_servers_words_are_one_short_harmless_line() {
        assert_eq!(shown("a\u{1b}[31mb\n\n c"), "a[31mb c");
        let long = "x".repeat(MAX_WORDS + 1);
        assert_eq!(shown(&long).chars().count(), MAX_WORDS + 1);
        assert!(shown(&long).ends_with('…'));
    }

    #[test]
    fn an_error_names_the_server_and_nothing_secret() {
        assert_eq!(origin("https://me:pass@host:1/token/x?key=1"), "https://host:1");
        assert_eq!(origin("nonsense"), "the server");
    }
}
