//! Limits of size and depth for JSON values, and their removal without recursion.
//!
//! Functions here recurse at most [`MAX_DEPTH`] levels; deeper levels are never visited, except by
//! [`dismantle`], which keeps its own stack.

use std::{fmt, sync::Arc};

use serde_json::{Map, Number, Value as Json};

use super::{MAX_DEPTH, TRUNCATED, start_of};

/// Minimum length to which a string is cut while other ways of saving space remain.
const SHORTEST_CUT: usize = 32;
/// Bytes reserved for a mark of missing items: `,"... [truncated]":4294967295`.
const MARK: usize = 32;

/// Size of a value as compact JSON text, split into the parts that cutting needs.
#[derive(Debug, Default)]
struct Measure {
    /// Number of bytes without the contents of string values.
    frame: usize,
    /// Number of bytes of each string value, escaped and without its quotes.
    strings: Vec<usize>,
    too_deep: bool,
}

impl Measure {
    /// Measures `value`, and stops early when the frame alone exceeds `limit`.
    fn of(value: &Json, limit: usize) -> Self {
        let mut measure = Self::default();
        measure.add(value, limit, 0);
        measure
    }

    fn add(&mut self, value: &Json, limit: usize, depth: usize) {
        match value {
            Json::String(text) => {
                self.frame += 2;
                self.strings.push(escaped_len(text));
            }
            Json::Array(_) | Json::Object(_) if depth >= MAX_DEPTH => {
                self.too_deep = true;
                self.frame += TRUNCATED.len() + 2;
            }
            Json::Array(items) => {
                self.frame += 1 + items.len().max(1);
                for item in items {
                    if self.frame > limit {
                        return;
                    }
                    self.add(item, limit, depth + 1);
                }
            }
            Json::Object(fields) => {
                self.frame += 1 + fields.len().max(1);
                for (key, field) in fields {
                    if self.frame > limit {
                        return;
                    }
                    self.frame += escaped_len(key) + 3;
                    self.add(field, limit, depth + 1);
                }
            }
            scalar => self.frame += scalar_len(scalar),
        }
    }

    fn total(&self) -> usize {
        self.strings.iter().fold(self.frame, |sum, len| sum.saturating_add(*len))
    }

    /// Returns the maximum length of strings at which the whole value fits; `None` if cutting
    /// strings is not enough.
    fn string_cap(mut self, limit: usize) -> Option<usize> {
        let mut room = limit.checked_sub(self.frame)?;
        self.strings.sort_unstable();
        let mut waiting = self.strings.len();
        for len in self.strings {
            let share = room / waiting;
            if len > share {
                return (share >= SHORTEST_CUT).then_some(share);
            }
            room -= len;
            waiting -= 1;
        }
        Some(usize::MAX)
    }
}

/// Returns the value cut to `limit` bytes of JSON text and [`MAX_DEPTH`] levels; `None` when it
/// fits.
///
/// Cuts long strings first, the longest most. If that is not enough, drops the last items. Both
/// leave a mark.
pub(super) fn cut(value: &Json, limit: usize) -> Option<Json> {
    if room_left(value, limit, 0).is_some() {
        return None;
    }
    let measure = Measure::of(value, limit);
    if measure.total() <= limit && !measure.too_deep {
        return None;
    }
    let mut cutter = if let Some(cap) = measure.string_cap(limit) {
        Cutter { room: limit, string_cap: cap, mark: 0 }
    } else {
        let mark = if limit >= 2 * MARK { MARK } else { 0 };
        let cap = (limit / 4).clamp(SHORTEST_CUT, 256);
        Cutter { room: limit - mark, string_cap: cap, mark }
    };
    Some(cutter.copy(value, 0).unwrap_or(Json::String(String::new())))
}

/// Maximum number of bytes of a byte of a string inside JSON text: those of `\u0000`.
const LONGEST_ESCAPE: usize = 6;

/// Returns `room` less the size that a value has at most; `None` if it may be too large or too deep.
/// Unlike [`Measure`], it does not read strings, most of which are far below their limit.
fn room_left(value: &Json, room: usize, depth: usize) -> Option<usize> {
    let of_text = |text: &str| text.len().checked_mul(LONGEST_ESCAPE)?.checked_add(2);
    match value {
        Json::String(text) => room.checked_sub(of_text(text)?),
        Json::Array(_) | Json::Object(_) if depth >= MAX_DEPTH => None,
        Json::Array(items) => {
            let room = room.checked_sub(1 + items.len().max(1))?;
            items.iter().try_fold(room, |room, item| room_left(item, room, depth + 1))
        }
        Json::Object(fields) => {
            let room = room.checked_sub(1 + fields.len().max(1))?;
            fields.iter().try_fold(room, |room, (key, field)| {
                room_left(field, room.checked_sub(of_text(key)? + 1)?, depth + 1)
            })
        }
        scalar => room.checked_sub(scalar_len(scalar)),
    }
}

/// Copies the value without levels deeper than [`MAX_DEPTH`].
pub(super) fn copy(value: &Json) -> Json {
    let mut cutter = Cutter { room: usize::MAX, string_cap: usize::MAX, mark: 0 };
    cutter.copy(value, 0).unwrap_or(Json::Null)
}

/// Copies a value as far as the remaining bytes allow.
struct Cutter {
    room: usize,
    string_cap: usize,
    /// Bytes reserved for one mark; 0 once it is used.
    mark: usize,
}

impl Cutter {
    fn pay(&mut self, bytes: usize) -> Option<()> {
        self.room = self.room.checked_sub(bytes)?;
        Some(())
    }

    /// Copies `value` and subtracts its size from `room`; `None` when no form of it fits.
    fn copy(&mut self, value: &Json, depth: usize) -> Option<Json> {
        match value {
            Json::String(text) => {
                self.pay(2)?;
                let text = cut_escaped(text, self.string_cap.min(self.room));
                self.pay(escaped_len(&text))?;
                Some(Json::String(text))
            }
            Json::Array(_) | Json::Object(_) if depth >= MAX_DEPTH => {
                self.pay(TRUNCATED.len() + 2)?;
                Some(Json::String(TRUNCATED.into()))
            }
            Json::Array(items) => {
                self.pay(2)?;
                Some(Json::Array(self.copy_items(items, depth)))
            }
            Json::Object(fields) => {
                self.pay(2)?;
                Some(Json::Object(self.copy_fields(fields, depth)))
            }
            scalar => {
                self.pay(scalar_len(scalar))?;
                Some(scalar.clone())
            }
        }
    }

    fn copy_items(&mut self, items: &[Json], depth: usize) -> Vec<Json> {
        let mut copies = Vec::new();
        for item in items {
            let before = self.room;
            let comma = usize::from(!copies.is_empty());
            let Some(copy) = self.pay(comma).and_then(|()| self.copy(item, depth + 1)) else {
                self.room = before;
                if std::mem::take(&mut self.mark) > 0 {
                    copies.push(Json::String(TRUNCATED.into()));
                }
                break;
            };
            copies.push(copy);
        }
        copies
    }

    /// Copies the fields that fit. Unlike items, fields have names, so a small field after a large
    /// one is still copied.
    fn copy_fields(&mut self, fields: &Map<String, Json>, depth: usize) -> Map<String, Json> {
        let mut copies = Map::new();
        let mut missing = 0_u32;
        for (key, field) in fields {
            let before = self.room;
            let own = usize::from(!copies.is_empty()) + key.len().saturating_add(3);
            // Escapes only lengthen a key, so most keys that do not fit are rejected without
            // reading them.
            let copy = (own <= self.room)
                .then(|| own - key.len() + escaped_len(key))
                .and_then(|own| self.pay(own))
                .and_then(|()| self.copy(field, depth + 1));
            if let Some(copy) = copy {
                copies.insert(key.clone(), copy);
            } else {
                self.room = before;
                missing = missing.saturating_add(1);
            }
        }
        if missing > 0 && std::mem::take(&mut self.mark) > 0 {
            copies.entry(TRUNCATED).or_insert_with(|| missing.into());
        }
        copies
    }
}

/// Returns the bytes of a number, bool or null as JSON text.
fn scalar_len(value: &Json) -> usize {
    struct Count(usize);
    impl fmt::Write for Count {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    fn number_len(number: &Number) -> usize {
        let mut count = Count(0);
        let _ = fmt::write(&mut count, format_args!("{number}"));
        count.0
    }
    match value {
        Json::Null | Json::Bool(true) => 4,
        Json::Bool(false) => 5,
        Json::Number(number) => number_len(number),
        Json::String(_) | Json::Array(_) | Json::Object(_) => 0,
    }
}

fn escaped_byte_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0C => 2,
        0..=0x1F => 6,
        _ => 1,
    }
}

/// Returns the bytes of a string inside JSON text, without its quotes.
fn escaped_len(text: &str) -> usize {
    text.bytes().map(escaped_byte_len).sum()
}

/// Returns the longest prefix of `text` that takes at most `cap` bytes inside JSON text, marked
/// where the mark fits; the whole text if it fits.
fn cut_escaped(text: &str, cap: usize) -> String {
    if text.len() <= cap && escaped_len(text) <= cap {
        return text.to_owned();
    }
    let (room, mark) = match cap.checked_sub(TRUNCATED.len()) {
        Some(room) => (room, TRUNCATED),
        None => (cap, ""),
    };
    let mut used = 0;
    let end = text.bytes().position(|byte| {
        used += escaped_byte_len(byte);
        used > room
    });
    [start_of(text, end.unwrap_or(text.len())), mark].concat()
}

/// Drops a shared value, without recursion if this was the last reference.
pub(super) fn discard(value: Arc<Json>) {
    if let Some(value) = Arc::into_inner(value) {
        dismantle(value);
    }
}

/// Drops a value of any depth without recursion.
fn dismantle(value: Json) {
    let mut waiting = vec![value];
    let nested = |value: &Json| matches!(value, Json::Array(_) | Json::Object(_));
    while let Some(value) = waiting.pop() {
        match value {
            Json::Array(items) => waiting.extend(items.into_iter().filter(nested)),
            Json::Object(fields) => {
                waiting.extend(fields.into_iter().map(|(_, field)| field).filter(nested));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    pub(in super::super) fn nest(depth: usize) -> Json {
        (0..depth).fold(json!("core"), |inner, level| {
            if level % 2 == 0 {
                Json::Array(vec![inner])
            } else {
                Json::Object(Map::from_iter([("a".into(), inner)]))
            }
        })
    }

    pub(crate) fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            // Floats that serde_json reads back unchanged.
            any::<i32>().prop_map(|eighths| Json::from(f64::from(eighths) / 8.0)),
            any::<String>().prop_map(Json::from),
            "[a-z\"\\\\\u{0}\u{1f}é]{0,80}".prop_map(Json::from),
        ];
        leaf.prop_recursive(5, 60, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Json::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a2_the_measure_is_the_length_of_the_text(value in any_json()) {
            prop_assert_eq!(Measure::of(&value, usize::MAX).total(), value.to_string().len());
        }

        #[test]
        fn a2_any_json_fits_any_limit_and_stays_json(value in any_json(), limit in 2_usize..300) {
            let text = value.to_string();
            match cut(&value, limit) {
                None => prop_assert!(text.len() <= limit),
                Some(cut) => {
                    prop_assert!(text.len() > limit);
                    let cut_text = cut.to_string();
                    prop_assert!(cut_text.len() <= limit, "{} > {limit}: {cut_text}", cut_text.len());
                    prop_assert_eq!(serde_json::from_str::<Json>(&cut_text).unwrap(), cut);
                }
            }
        }
    }

    #[test]
    fn a2_strings_are_cut_before_items_are_dropped() {
        let value = json!({"id": 7, "note": "short", "text": "x".repeat(1_000)});
        let cut = cut(&value, 200).expect("too long");
        assert_eq!(cut.to_string().len(), 200);
        assert_eq!(cut["id"], 7);
        assert_eq!(cut["note"], "short");
        assert!(cut["text"].as_str().unwrap().ends_with("xxx... [truncated]"));
    }

    #[test]
    fn a2_the_last_items_go_and_leave_a_mark() {
        let list = Json::from((0..1_000).collect::<Vec<_>>());
        let cut_list = cut(&list, 100).expect("too long");
        assert!(cut_list.to_string().starts_with("[0,1,2,3,"));
        assert!(cut_list.to_string().ends_with(",\"... [truncated]\"]"), "{cut_list}");

        let object = json!({"a": vec![1; 400], "b": "kept", "c": vec!["y"; 300]});
        let cut_object = cut(&object, 300).expect("too long");
        assert!(cut_object.to_string().len() <= 300);
        assert!(cut_object["a"].as_array().unwrap().len() > 50);
    }

    #[test]
    fn a1_deep_values_are_cut_and_dropped_without_recursion() {
        let deep = Arc::new(nest(100_000));
        let cut = cut(&deep, 4_096).expect("too deep");
        assert_eq!(Measure::of(&cut, usize::MAX).total(), cut.to_string().len());
        assert!(cut.to_string().contains(TRUNCATED));
        assert_eq!(copy(&deep), cut);
        discard(deep);
    }

    #[test]
    fn a1_the_deepest_allowed_value_is_kept() {
        assert!(cut(&nest(MAX_DEPTH), 4_096).is_none());
        assert!(cut(&nest(MAX_DEPTH + 1), 4_096).is_some());
    }
}
