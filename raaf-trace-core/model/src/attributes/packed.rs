//! Attributes of many spans in few bytes.

use smol_str::SmolStr;

use super::{AttributeEntry, Attributes, Key, Value};
use crate::numbered::Numbered;

/// Maximum length of a string that is copied, in bytes: larger ones are moved.
pub(crate) const MOST_COPIED: usize = 1_024;

/// Memory that emptied columns keep, in attributes, bytes of text, and values.
const MOST_KEPT: (usize, usize, usize) = (1_024, 16_384, 256);

/// Columns of attributes: 16 bytes for a number, and keys once.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackedAttributes {
    cells: Vec<Cell>,
    /// Texts of [`Cell::Text`], one after another.
    text: String,
    /// Values of [`Cell::Value`], in order.
    values: Vec<Value>,
    keys: Numbered<Key>,
    /// Number of attributes that were drained last.
    drained: usize,
}

/// An attribute: number of its key, marks, and the value or what says where it is.
#[derive(Clone, Copy, Debug)]
enum Cell {
    Bool(u16, Marks, bool),
    Int(u16, Marks, i64),
    Float(u16, Marks, f64),
    /// Length of the text.
    Text(u16, Marks, u32),
    Value(u16, Marks),
}

#[derive(Clone, Copy, Debug)]
struct Marks {
    content: bool,
    on_demand: bool,
}

impl Marks {
    const NONE: Self = Self { content: false, on_demand: false };
}

/// Numbers of entries in each column.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    cells: usize,
    text: usize,
    values: usize,
}

impl PackedAttributes {
    /// Provides empty columns with memory for the attributes of so many spans, in this thread's cache.
    pub(crate) fn prepare(&mut self, spans: usize) {
        self.cells.clear();
        self.cells.resize(self.drained.max(2 * spans), Cell::Int(0, Marks::NONE, 0));
        self.cells.clear();
    }

    /// Returns the size of the columns in bytes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        let Self { cells, text, values, .. } = self;
        let cells = cells.capacity() * size_of::<Cell>();
        cells + text.capacity() + values.capacity() * size_of::<Value>()
    }

    /// Returns whether there are numbers left for the keys of a list.
    #[inline]
    pub(crate) fn takes(&self, attributes: &Attributes) -> bool {
        self.keys.has_room_for(attributes.len())
    }

    /// Moves the attributes out of a list, which has no losses.
    #[inline]
    pub(crate) fn pack(&mut self, attributes: &mut Attributes) {
        for AttributeEntry { key, value, content, on_demand } in attributes.drain_entries() {
            let (key, marks) = (self.key_number(&key), Marks { content, on_demand });
            let cell = match value {
                Value::Bool(value) => Cell::Bool(key, marks, value),
                Value::Int(value) => Cell::Int(key, marks, value),
                Value::Float(value) => Cell::Float(key, marks, value),
                Value::Str(text) if text.len() <= MOST_COPIED => {
                    self.text.push_str(&text);
                    Cell::Text(key, marks, text.len() as u32)
                }
                Value::Str(_) | Value::Json(_) => {
                    self.values.push(value);
                    Cell::Value(key, marks)
                }
            };
            self.cells.push(cell);
        }
        attributes.clear();
    }

    /// Returns the extent of `more` attributes after `start`.
    pub(crate) fn extent(&self, start: Extent, more: usize) -> Extent {
        let cells = self.cells.iter().skip(start.cells).take(more);
        cells.fold(start, |mut end, cell| {
            end.cells += 1;
            match cell {
                Cell::Text(_, _, length) => end.text += *length as usize,
                Cell::Value(..) => end.values += 1,
                Cell::Bool(..) | Cell::Int(..) | Cell::Float(..) => {}
            }
            end
        })
    }

    /// Moves what is before `end` out.
    pub(crate) fn split_front(&mut self, end: Extent) -> Self {
        let front = Self {
            cells: self.cells[..end.cells].to_vec(),
            text: self.text[..end.text].to_owned(),
            values: self.values.drain(..end.values).collect(),
            keys: self.keys.clone(),
            drained: 0,
        };
        self.cells.drain(..end.cells);
        self.text.drain(..end.text);
        front
    }

    /// Removes what is between two extents.
    pub(crate) fn remove(&mut self, start: Extent, end: Extent) {
        self.cells.drain(start.cells..end.cells);
        self.text.drain(start.text..end.text);
        self.values.drain(start.values..end.values);
    }

    /// Reads all attributes from the beginning, and empties the columns but for the text; see
    /// [`forget`](Self::forget).
    pub(crate) fn drain(&mut self) -> Unpack<'_> {
        let Self { cells, text, values, keys, drained } = self;
        *drained = cells.len().min(MOST_KEPT.0);
        Unpack { cells: cells.drain(..), text, at: 0, values: values.drain(..), keys }
    }

    /// Forgets texts, keys if there are many, and memory beyond what is usual. All attributes were
    /// moved out before.
    pub(crate) fn forget(&mut self) {
        let (cells, text, values) = MOST_KEPT;
        self.cells.shrink_to(cells);
        self.text.clear();
        self.text.shrink_to(text);
        self.values.shrink_to(values);
        self.keys.clear_if_many();
    }

    /// Returns the number of a key.
    #[inline]
    fn key_number(&mut self, key: &Key) -> u16 {
        self.keys.number([key.address(), key.len() as u64, 0], || key.clone())
    }
}

/// Reader of [`PackedAttributes`].
pub(crate) struct Unpack<'a> {
    cells: std::vec::Drain<'a, Cell>,
    text: &'a str,
    at: usize,
    values: std::vec::Drain<'a, Value>,
    keys: &'a Numbered<Key>,
}

impl Unpack<'_> {
    /// Adds the next `count` attributes to an empty list.
    pub(crate) fn next_into(&mut self, count: usize, attributes: &mut Attributes) {
        for cell in self.cells.by_ref().take(count) {
            let (key, marks, value) = match cell {
                Cell::Bool(key, marks, value) => (key, marks, Value::Bool(value)),
                Cell::Int(key, marks, value) => (key, marks, Value::Int(value)),
                Cell::Float(key, marks, value) => (key, marks, Value::Float(value)),
                Cell::Text(key, marks, length) => {
                    let start = self.at;
                    self.at += length as usize;
                    (key, marks, Value::Str(SmolStr::new(&self.text[start..self.at])))
                }
                Cell::Value(key, marks) => {
                    let Some(value) = self.values.next() else { continue };
                    (key, marks, value)
                }
            };
            let Some(key) = self.keys.get(key).cloned() else { continue };
            let Marks { content, on_demand } = marks;
            attributes.push_entry(AttributeEntry { key, value, content, on_demand });
        }
    }
}
