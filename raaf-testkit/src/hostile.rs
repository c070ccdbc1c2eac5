//! Strings that have broken programs before.

/// Short texts, each hostile in its own way: empty, quotes and braces, control characters, escape
/// sequences for terminals, line separators, direction marks, other encodings' leftovers, markup,
/// formats, and what looks like a secret.
pub(crate) const TEXTS: &[&str] = &[
    "",
    " ",
    "\0",
    "\u{1}\u{2}\u{7}\u{8}\u{b}\u{c}\u{e}\u{1f}\u{7f}\u{80}\u{9b}31m",
    "line\nbreak\r\nand\ttab",
    "\u{1b}[2J\u{1b}[31mred\u{1b}]0;title\u{7}\u{1b}[0m",
    "\"}],\"injected\":true,\"x\":[{\"",
    "\\\" \\u0000 \\",
    "\u{2028}\u{2029}\u{85}",
    "\u{202e}desrever\u{202c} \u{2066}isolated\u{2069}",
    "\u{feff}\u{fffd}\u{fffe}\u{10ffff}",
    "e\u{301}\u{301}\u{301}\u{301}\u{200d}\u{200b}",
    "\u{1F468}\u{200d}\u{1F469}\u{200d}\u{1F467} \u{1F1EB}\u{1F1F7}",
    "{\"api_key\":\"sk-live-0123456789\"}",
    "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x",
    "<script>alert(1)</script>&amp;",
    "'; DROP TABLE spans; --",
    "%s%n {} ${HOME} $(id) `id`",
    "../../etc/passwd",
    "NaN",
    "null",
    "trace_00000000000000000000000000000000",
];
