//! Addresses of servers.

/// Returns the host and the port of a URL, by default the port of its scheme.
pub(super) fn server(url: &str) -> Option<(&str, Option<u16>)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let usual = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    // IPv6 addresses have colons within brackets.
    let end = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
    let (host, port) = match end {
        Some(at) => (&authority[..at], authority[at + 1..].parse().ok()),
        None => (authority, usual),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::server;

    #[test]
    fn server_is_host_and_port() {
        for (url, expected) in [
            ("https://api.openai.com/v1", Some(("api.openai.com", Some(443)))),
            ("http://localhost:11434/v1", Some(("localhost", Some(11434)))),
            ("http://[::1]:80", Some(("::1", Some(80)))),
            ("http://[::1]/v1", Some(("::1", Some(80)))),
            ("grpc://host/x", Some(("host", None))),
            ("http://host:99999", Some(("host", None))),
            ("http://", None),
            ("host", None),
        ] {
            assert_eq!(server(url), expected, "{url}");
        }
    }
}
