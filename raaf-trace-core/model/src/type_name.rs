//! Short names of types.

/// Returns the short name of a type from its [`std::any::type_name`]: without module path, generic
/// parameters, references and `dyn`.
///
/// A closure or future has the name of the function around it. Types without a name become `unit`,
/// `tuple`, `array`, `slice` or `fn`.
///
/// ```
/// # use raaf_trace_core::naming::short_type_name;
/// assert_eq!(short_type_name("my_app::tools::WebSearch<my_app::Client>"), "WebSearch");
/// assert_eq!(short_type_name("&mut dyn my_app::Search"), "Search");
/// assert_eq!(short_type_name("my_app::plan::{{closure}}"), "plan");
/// ```
pub fn short_type_name(full: &str) -> &str {
    let name = without_qualifiers(full);
    match name.as_bytes().first() {
        Some(b'(') if name == "()" => return "unit",
        Some(b'(') => return "tuple",
        Some(b'[') if name.contains(';') => return "array",
        Some(b'[') => return "slice",
        _ => {}
    }
    if name.starts_with("fn(") || name.starts_with("extern \"") {
        return "fn";
    }
    let mut best = None;
    for (index, segment) in PathSegments(Some(name)).enumerate() {
        if index == 0 && segment.starts_with('<') {
            best = Some(self_type(segment));
        } else if let Some(word) = word(segment) {
            best = Some(word);
        }
    }
    best.unwrap_or(name)
}

fn without_qualifiers(full: &str) -> &str {
    let mut name = full.trim();
    loop {
        // `(dyn A + B)` is one type in brackets, not a tuple.
        let shorter = ["&", "*const ", "*mut ", "mut ", "dyn ", "(dyn ", "impl ", "unsafe "]
            .iter()
            .find_map(|qualifier| name.strip_prefix(qualifier))
            .or_else(|| after_binder(name))
            .or_else(|| after_lifetime(name));
        match shorter {
            Some(rest) => name = rest.trim_start(),
            None => return name,
        }
    }
}

fn after_binder(name: &str) -> Option<&str> {
    name.strip_prefix("for<")?.split_once("> ").map(|(_, rest)| rest)
}

fn after_lifetime(name: &str) -> Option<&str> {
    name.strip_prefix('\'')?.split_once(' ').map(|(_, rest)| rest)
}

/// Returns the type of `<Type as Trait>`.
fn self_type(segment: &str) -> &str {
    let inner = segment[1..].strip_suffix('>').unwrap_or(&segment[1..]);
    short_type_name(inner.split(" as ").next().unwrap_or(inner))
}

/// Returns a segment's name before its generics; `None` for `{{closure}}` and for generics alone.
fn word(segment: &str) -> Option<&str> {
    let end = segment.find(['<', '(', '{', ')']).unwrap_or(segment.len());
    Some(&segment[..end]).filter(|word| !word.is_empty())
}

/// Iterator over the parts of a path between those `::` that are outside all brackets.
struct PathSegments<'a>(Option<&'a str>);

impl<'a> Iterator for PathSegments<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0?;
        let bytes = rest.as_bytes();
        let mut depth = 0_i32;
        for (index, byte) in bytes.iter().enumerate() {
            match byte {
                b'<' | b'(' | b'[' | b'{' => depth += 1,
                b'>' if index > 0 && bytes[index - 1] == b'-' => {}
                b'>' | b')' | b']' | b'}' => depth -= 1,
                // The rest is not part of the path: `dyn A + B`, `dyn Fn(A) -> B`.
                b' ' if depth == 0 => {
                    self.0 = None;
                    return Some(&rest[..index]);
                }
                b':' if depth == 0 && rest[index..].starts_with("::") => {
                    self.0 = Some(&rest[index + 2..]);
                    return Some(&rest[..index]);
                }
                _ => {}
            }
        }
        self.0 = None;
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use std::any::{type_name, type_name_of_val};

    use super::short_type_name;

    struct Plain;
    struct Generic<T>(T);
    trait Search {}
    trait Make {
        fn name(&self) -> &'static str;
    }
    impl<T> Make for Generic<T> {
        fn name(&self) -> &'static str {
            type_name_of_val(&|| ())
        }
    }

    #[test]
    fn names_of_real_types() {
        for (full, short) in [
            (type_name::<Plain>(), "Plain"),
            (type_name::<&mut Plain>(), "Plain"),
            (type_name::<*const Plain>(), "Plain"),
            (type_name::<Generic<Vec<Plain>>>(), "Generic"),
            (type_name::<Generic<fn(u8) -> Plain>>(), "Generic"),
            (type_name::<dyn Search>(), "Search"),
            (type_name::<&(dyn Search + Send)>(), "Search"),
            (type_name::<dyn for<'a> Fn(&'a str) -> &'a Plain>(), "Fn"),
            (type_name::<(Plain, Plain)>(), "tuple"),
            (type_name::<()>(), "unit"),
            (type_name::<[Plain; 2]>(), "array"),
            (type_name::<[Plain]>(), "slice"),
            (type_name::<fn(Plain) -> Plain>(), "fn"),
            (type_name::<extern "C" fn()>(), "fn"),
            (type_name::<str>(), "str"),
            (type_name_of_val(&|| ()), "names_of_real_types"),
            (type_name_of_val(&async {}), "names_of_real_types"),
            (Generic(Plain).name(), "name"),
        ] {
            assert_eq!(short_type_name(full), short, "{full}");
        }
    }

    #[test]
    fn names_of_odd_texts() {
        for (full, short) in [
            ("", ""),
            ("<a::B<c::D> as e::F>::{{closure}}", "B"),
            ("a::b::<c::D>", "b"),
            ("&'static a::B", "B"),
            ("a::B<C", "B"),
            ("a>::B", "a>::B"),
            ("<", ""),
            ("größe::Größe<é>", "Größe"),
        ] {
            assert_eq!(short_type_name(full), short, "{full}");
        }
    }
}
