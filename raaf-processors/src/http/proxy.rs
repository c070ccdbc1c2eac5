//! Choice of the proxy for an address.

use std::net::IpAddr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use raaf_trace_core::diagnostics::{self, Category};
use raaf_trace_model::environment::Environment;
use ureq::{
    Proxy,
    http::{HeaderValue, Uri, uri},
};

use super::{forward::Forward, refusal::origin};

/// Proxies of an environment, as `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name them,
/// in lower case, which takes precedence, or upper case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    exempt: Vec<String>,
}

/// Way to an address.
#[derive(Debug)]
pub(super) enum Route {
    Direct,
    /// By a tunnel through the proxy.
    Tunnel(Proxy),
    /// By requests to the proxy that name the whole address: `to` has the proxy's authority and the
    /// server's path.
    Forward {
        to: Uri,
        by: Forward,
        host: HeaderValue,
        authorization: Option<HeaderValue>,
    },
}

impl Proxies {
    /// Reads the variables. One that names no proxy counts as not set, with a warning.
    pub(crate) fn read(environment: &Environment) -> Self {
        let get = |name: &str| environment.get(name).ok().flatten();
        let first = |lower: &str| {
            let upper = lower.to_ascii_uppercase();
            // In a CGI program, a header of the request sets the upper-case variable.
            let is_safe = lower != "http_proxy" || get("REQUEST_METHOD").is_none();
            get(lower).or_else(|| get(&upper).filter(|_| is_safe))
        };
        let proxy = |lower: &str| {
            let proxy = Proxy::new(first(lower)?.trim());
            if proxy.is_err() {
                let warning = format_args!(
                    "{} is set (not shown); expected the address of a proxy such as \
                     http://proxy.example:3128; the variable is ignored",
                    lower.to_ascii_uppercase()
                );
                diagnostics::warn(Category::Http, warning);
            }
            proxy.ok()
        };
        let all = proxy("all_proxy");
        Self {
            http: proxy("http_proxy").or_else(|| all.clone()),
            https: proxy("https_proxy").or(all),
            exempt: first("no_proxy")
                .unwrap_or_default()
                .split([',', ' '])
                .map(|entry| entry.trim().to_ascii_lowercase())
                .filter(|entry| !entry.is_empty())
                .collect(),
        }
    }

    /// Returns the way to an address.
    pub(super) fn route(&self, url: &Uri) -> Route {
        let Some(proxy) = self.proxy(url) else { return Route::Direct };
        let is_web = ["http", "https"].contains(&proxy.uri().scheme_str().unwrap_or("http"));
        let forward = if is_https(url) || !is_web { None } else { forward(url, proxy) };
        forward.unwrap_or_else(|| Route::Tunnel(proxy.clone()))
    }

    /// Returns the proxy for an address. This machine is reached without one.
    pub(super) fn proxy(&self, url: &Uri) -> Option<&Proxy> {
        let proxy = if is_https(url) { &self.https } else { &self.http };
        proxy.as_ref().filter(|_| !self.is_exempt(url))
    }

    fn is_exempt(&self, url: &Uri) -> bool {
        let host = url.host().unwrap_or_default().to_ascii_lowercase();
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let address: Option<IpAddr> = host.parse().ok();
        let port = url.port_u16().or(Some(if is_https(url) { 443 } else { 80 }));
        let is_local = address.is_some_and(|address| address.to_canonical().is_loopback());
        is_local
            || host == "localhost"
            || host.ends_with(".localhost")
            || self.exempt.iter().any(|entry| matches(entry, host, port, address))
    }
}

fn is_https(url: &Uri) -> bool {
    url.scheme() == Some(&uri::Scheme::HTTPS)
}

/// Returns true if an entry of `NO_PROXY` names a host: `*`, a name with all names below it, an
/// address, or a range of addresses; perhaps with a port.
fn matches(entry: &str, host: &str, port: Option<u16>, address: Option<IpAddr>) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some(address) = address {
        let bare = entry.trim_start_matches('[').trim_end_matches(']');
        if let Some((range, bits)) = bare.split_once('/') {
            return range.parse().is_ok_and(|range| is_within(address, range, bits.parse().ok()));
        }
        if let Ok(entry) = bare.parse::<IpAddr>() {
            return entry == address;
        }
    }
    let (name, entry_port) = match entry.rsplit_once(':') {
        Some((name, digits)) => match digits.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        None => (entry, None),
    };
    let name = name.trim_start_matches('*').trim_start_matches('.');
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let is_below = || host.strip_suffix(name).is_some_and(|above| above.ends_with('.'));
    !name.is_empty()
        && (host == name || is_below())
        && entry_port.is_none_or(|entry| Some(entry) == port)
}

/// Returns true if the first `bits` bits of two addresses are equal.
fn is_within(address: IpAddr, range: IpAddr, bits: Option<u32>) -> bool {
    let differing = match (address, range) {
        (IpAddr::V4(address), IpAddr::V4(range)) => {
            (address.to_bits() ^ range.to_bits()).leading_zeros()
        }
        (IpAddr::V6(address), IpAddr::V6(range)) => {
            (address.to_bits() ^ range.to_bits()).leading_zeros()
        }
        _ => return false,
    };
    bits.is_some_and(|bits| differing >= bits)
}

/// Returns the way through a proxy for plain HTTP: a request to the proxy whose target is the whole
/// address. Tunnels to other ports than that of HTTPS are often forbidden.
fn forward(url: &Uri, proxy: &Proxy) -> Option<Route> {
    let authority = url.authority()?;
    let mut to = uri::Parts::default();
    to.scheme = Some(proxy.uri().scheme().cloned().unwrap_or(uri::Scheme::HTTP));
    to.authority = Some(format!("{}:{}", proxy.host(), proxy.port()).parse().ok()?);
    to.path_and_query = url.path_and_query().cloned();
    let authorization = authorization(proxy);
    let host = HeaderValue::from_str(authority.as_str()).ok()?;
    let by = Forward { origin: format!("{}://{authority}", url.scheme_str()?) };
    Some(Route::Forward { to: Uri::from_parts(to).ok()?, by, host, authorization })
}

/// Returns the header by which the proxy's user identifies itself.
pub(super) fn authorization(proxy: &Proxy) -> Option<HeaderValue> {
    let user = proxy.username().or(proxy.password().map(|_| ""))?;
    let pair = format!("{user}:{}", proxy.password().unwrap_or_default());
    super::header::value(&format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

/// Returns the proxy's address for an error, without its user.
pub(super) fn shown(proxy: &Proxy) -> String {
    origin(&proxy.uri().to_string()).into_owned()
}

impl Route {
    /// Returns the proxy's address for an error, without its user.
    pub(super) fn proxy(&self) -> Option<String> {
        match self {
            Self::Direct => None,
            Self::Tunnel(proxy) => Some(shown(proxy)),
            Self::Forward { to, .. } => Some(format!("{}://{}", to.scheme_str()?, to.authority()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The way to an address: `direct`, or `tunnel` or `forward` with the proxy.
    fn route(variables: &[(&str, &str)], url: &str) -> String {
        let proxies = Proxies::read(&Environment::from_pairs(variables.iter().copied()));
        let route = proxies.route(&url.parse().unwrap());
        let way = match route {
            Route::Direct => return "direct".to_owned(),
            Route::Tunnel(_) => "tunnel",
            Route::Forward { .. } => "forward",
        };
        format!("{way} {}", route.proxy().unwrap())
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let both = [("HTTP_PROXY", "http://one:1"), ("HTTPS_PROXY", "http://two:2")];
        assert_eq!(route(&both, "http://host:4318/v1"), "forward http://one:1");
        assert_eq!(route(&both, "https://host"), "tunnel http://two:2");
        assert_eq!(route(&both[1..], "http://host"), "direct");
        assert_eq!(route(&both[..1], "https://host"), "direct");
        let all = [("ALL_PROXY", "me:key@three:3"), ("http_proxy", "http://one:1")];
        assert_eq!(route(&all, "https://host"), "tunnel http://three:3");
        assert_eq!(route(&all, "http://host"), "forward http://one:1");
        let socks = [("all_proxy", "socks5://four:4")];
        assert_eq!(route(&socks, "http://host"), "tunnel socks5://four:4");
    }

    #[test]
    fn lower_case_wins_and_a_header_sets_no_proxy() {
        let both = [("HTTP_PROXY", "http://upper:1"), ("http_proxy", "http://lower:1")];
        assert_eq!(route(&both, "http://host"), "forward http://lower:1");
        let cgi = [("HTTP_PROXY", "http://upper:1"), ("REQUEST_METHOD", "GET")];
        assert_eq!(route(&cgi, "http://host"), "direct");
    }

    #[test]
    fn this_machine_needs_no_proxy() {
        let all = [("ALL_PROXY", "http://proxy:1")];
        for host in ["localhost", "LocalHost.", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert_eq!(route(&all, &format!("http://{host}:4318")), "direct", "{host}");
        }
        for host in ["localhost.example", "128.0.0.1", "[::2]"] {
            assert_ne!(route(&all, &format!("http://{host}:4318")), "direct", "{host}");
        }
    }

    #[test]
    fn hosts_are_exempt_by_name_address_and_range() {
        let exempt = |entries: &str, host: &str| {
            let variables = [("ALL_PROXY", "http://proxy:1"), ("NO_PROXY", entries)];
            route(&variables, &format!("https://{host}/v1")) == "direct"
        };
        for (entries, host) in [
            ("*", "any.example"),
            ("other, corp.example", "corp.example"),
            ("corp.example", "otel.Corp.example"),
            (".corp.example", "otel.corp.example"),
            ("*.corp.example", "otel.corp.example"),
            ("corp.example:4318", "corp.example:4318"),
            ("corp.example:443", "corp.example"),
            ("10.1.0.0/16", "10.1.2.3:4318"),
            ("10.1.2.3", "10.1.2.3"),
            ("[fd00::1]", "[fd00::1]:4318"),
            ("fd00::/8", "[fd12::1]"),
        ] {
            assert!(exempt(entries, host), "{entries} {host}");
        }
        for (entries, host) in [
            ("", "host"),
            ("corp.example", "mycorp.example"),
            ("corp.example:80", "corp.example:4318"),
            ("10.1.0.0/16", "10.2.0.1"),
            ("10.1.0.0/x", "10.1.0.1"),
            (".", "host"),
        ] {
            assert!(!exempt(entries, host), "{entries} {host}");
        }
    }
}
