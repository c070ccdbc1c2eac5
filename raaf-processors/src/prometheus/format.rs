//! Formats of the metrics, and their choice by a scraper.

/// Format of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus' text format 0.0.4.
    Text,
    /// `OpenMetrics` 1.0, which has exemplars.
    OpenMetrics,
}

impl Format {
    /// Returns the format that the header `Accept` prefers.
    pub(super) fn accepted(accept: &str) -> Self {
        let weight = |media: &str| {
            let one = accept
                .split(',')
                .find(|one| one.split(';').next().is_some_and(|of| of.trim() == media));
            one.map_or(0.0, quality)
        };
        let open = weight("application/openmetrics-text");
        if open > 0.0 && open >= weight("text/plain") { Self::OpenMetrics } else { Self::Text }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Returns whether the header `Accept-Encoding` allows gzip.
pub(super) fn accepts_gzip(encodings: &str) -> bool {
    encodings.split(',').any(|one| {
        one.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("gzip"))
            && quality(one) > 0.0
    })
}

/// Returns the weight of a member of a list, by default 1.
fn quality(member: &str) -> f64 {
    let weight = member.split(';').skip(1).find_map(|pair| pair.trim().strip_prefix("q="));
    weight.map_or(1.0, |weight| weight.trim().parse().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scraper_gets_the_format_that_it_prefers() {
        for (accept, expected) in [
            ("", Format::Text),
            ("*/*", Format::Text),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("application/openmetrics-text;q=0,text/plain", Format::Text),
            ("text/plain;version=0.0.4;q=0.9, application/openmetrics-text;q=0.5", Format::Text),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                 text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                Format::OpenMetrics,
            ),
        ] {
            assert_eq!(Format::accepted(accept), expected, "{accept}");
        }
    }

    #[test]
    fn gzip_is_used_where_it_is_accepted() {
        let cases = [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("", false),
            ("x-gzip2", false),
        ];
        for (encodings, expected) in cases {
            assert_eq!(accepts_gzip(encodings), expected, "{encodings}");
        }
    }
}
