//! The W3C `tracestate` header.

use std::fmt;

use thiserror::Error;

const MOST_MEMBERS: usize = 32;
const LONGEST: usize = 256;

/// Vendor data of a trace, as in the W3C `tracestate` header: at most 32 pairs, the most recent
/// first.
///
/// ```
/// # use raaf_trace_core::propagation::TraceState;
/// let mut state = TraceState::parse("congo=t61rcWkgMzE, rojo=00f067aa0ba902b7");
/// state.insert("raaf", "7")?;
/// assert_eq!(state.get("rojo"), Some("00f067aa0ba902b7"));
/// assert_eq!(state.to_string(), "raaf=7,congo=t61rcWkgMzE,rojo=00f067aa0ba902b7");
/// # Ok::<(), raaf_trace_core::propagation::TraceStateError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceState(Vec<(String, String)>);

/// Error of adding a pair to a [`TraceState`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TraceStateError {
    /// The key is not 1 to 256 characters of `a-z 0-9 _ - * / @`, the first a letter or digit.
    #[error("invalid tracestate key `{}`; expected 1 to 256 of the characters a-z 0-9 _ - * / @", .0.escape_debug())]
    Key(String),
    /// The value is not 1 to 256 printable ASCII characters without comma, equals sign or a space
    /// at the end.
    #[error(
        "invalid tracestate value of `{0}`; expected 1 to 256 printable ASCII characters \
             without comma, equals sign or trailing space"
    )]
    Value(String),
}

impl TraceState {
    /// Parses the value of a header. Keeps the order, and the first of pairs with the same key. The
    /// result is empty if a pair is malformed or there are more than 32, as W3C requires.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::propagation::TraceState;
    ///
    /// assert_eq!(TraceState::parse("a=1,b=2").len(), 2);
    /// assert!(TraceState::parse("a=1,malformed").is_empty()); // not only the malformed pair
    /// ```
    pub fn parse(value: &str) -> Self {
        Self::checked(value).unwrap_or_default()
    }

    fn checked(value: &str) -> Option<Self> {
        let members = value.split(',').map(|member| member.trim_matches([' ', '\t']));
        let members: Vec<_> = members.filter(|member| !member.is_empty()).collect();
        if members.len() > MOST_MEMBERS {
            return None;
        }
        let mut state = Self::default();
        for member in members {
            let (key, value) = member.split_once('=')?;
            if !is_key(key) || !is_value(value) {
                return None;
            }
            if state.get(key).is_none() {
                state.0.push((key.to_owned(), value.to_owned()));
            }
        }
        Some(state)
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(held, _)| *held == key).map(|(_, value)| value)
    }

    /// Adds a pair at the front and removes the key's previous pair. Beyond 32 pairs the last one
    /// is removed.
    ///
    /// # Errors
    ///
    /// Returns an error if the key or the value is invalid. The pairs are unchanged then.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::propagation::TraceState;
    ///
    /// let mut state = TraceState::parse("a=1,b=2");
    /// state.insert("b", "3")?;
    /// assert_eq!(state.to_string(), "b=3,a=1"); // moved to the front
    /// assert!(state.insert("Upper", "1").is_err());
    /// # Ok::<(), raaf_trace_core::propagation::TraceStateError>(())
    /// ```
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), TraceStateError> {
        if !is_key(key) {
            return Err(TraceStateError::Key(key.to_owned()));
        }
        if !is_value(value) {
            return Err(TraceStateError::Value(key.to_owned()));
        }
        self.0.retain(|(held, _)| held != key);
        self.0.truncate(MOST_MEMBERS - 1);
        self.0.insert(0, (key.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Returns the pairs, the most recent first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Returns the number of pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for TraceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{key}={value}")?;
        }
        Ok(())
    }
}

fn is_key(key: &str) -> bool {
    let letter_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    key.len() <= LONGEST
        && key.bytes().next().is_some_and(letter_or_digit)
        && key.bytes().all(|byte| letter_or_digit(byte) || b"_-*/@".contains(&byte))
}

fn is_value(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= LONGEST
        && !value.ends_with(' ')
        && value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_order_is_kept_and_space_and_empty_members_ignored() {
        let state = TraceState::parse("b=2 ,\ta=1,, 0tenant@vendor=x y ,");
        assert_eq!(state.to_string(), "b=2,a=1,0tenant@vendor=x y");
        assert_eq!(state.len(), 3);
        assert!(TraceState::parse("").is_empty());
    }

    #[test]
    fn p3_one_malformed_member_discards_the_header() {
        let long = "x".repeat(257);
        for member in ["B=2", "=3", "c", "d=", "_e=4", "f=5=6", "g=\u{7f}", "h=ä", "a b=1", "k =1"]
        {
            let header = format!("a=1,{member}");
            assert!(TraceState::parse(&header).is_empty(), "{header}");
        }
        assert!(TraceState::parse(&format!("{long}=1")).is_empty());
        assert!(TraceState::parse(&format!("i={long}")).is_empty());
        let longest = format!("{}={}", &long[1..], &long[1..]);
        assert_eq!(TraceState::parse(&longest).to_string(), longest);
    }

    #[test]
    fn p3_of_one_key_the_first_member_counts() {
        assert_eq!(TraceState::parse("a=1,b=2,a=9").to_string(), "a=1,b=2");
    }

    #[test]
    fn p3_at_most_32_members() {
        let header =
            |members: usize| (0..members).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        assert!(TraceState::parse(&header(33)).is_empty());
        let mut state = TraceState::parse(&header(32));
        assert_eq!(state.len(), 32);
        state.insert("new", "1").unwrap();
        assert_eq!(state.len(), 32);
        assert_eq!(state.iter().next(), Some(("new", "1")));
        assert_eq!(state.get("k31"), None);
    }

    #[test]
    fn p3_inserting_moves_a_key_to_the_front() {
        let mut state = TraceState::parse("a=1,b=2");
        state.insert("b", "3").unwrap();
        assert_eq!(state.to_string(), "b=3,a=1");
        assert_eq!(state.insert("B", "3"), Err(TraceStateError::Key("B".into())));
        assert_eq!(state.insert("b", "x,y"), Err(TraceStateError::Value("b".into())));
        assert_eq!(state.insert("b", "\n"), Err(TraceStateError::Value("b".into())));
        assert_eq!(state.to_string(), "b=3,a=1");
    }
}
