//! The W3C `baggage` header.

use std::fmt;

use thiserror::Error;

use super::{BAGGAGE, Extractor, Injector};
use crate::percent;

const MOST_MEMBERS: usize = 64;
const MOST_BYTES: usize = 8_192;

/// Values that travel with a request through all processes that handle it, such as a user's or a
/// tenant's id, as in the W3C `baggage` header: at most 64 members, and 8,192 bytes as a header.
///
/// Baggage is never sent or accepted automatically, because everyone who receives the request can
/// read it, and anyone can send it; see [`inject`](Self::inject) and [`extract`](Self::extract).
///
/// Displays as the value of the header.
///
/// # Examples
///
/// ```
/// # use raaf_trace_core::propagation::Baggage;
/// let mut baggage = Baggage::parse("user.id=7;private, plan=pro%20plus");
/// assert_eq!(baggage.get("plan"), Some("pro plus"));
/// baggage.insert("tag", "50 %")?;
/// assert_eq!(baggage.to_string(), "user.id=7;private,plan=pro%20plus,tag=50%20%25");
/// # Ok::<(), raaf_trace_core::propagation::BaggageError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baggage {
    members: Vec<Member>,
    /// Length of all members as a header, each with a separator.
    bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    key: String,
    value: String,
    /// Properties as received, separated by semicolons.
    properties: String,
}

/// Error of adding a member to a [`Baggage`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BaggageError {
    /// The key is empty, or has a character other than letters, digits and ``!#$%&'*+-.^_`|~``.
    #[error("invalid baggage key `{}`; expected an HTTP token, such as `user.id`", .0.escape_debug())]
    Key(String),
    /// There would be more than 64 members, or more than 8,192 bytes.
    #[error("baggage has no capacity for `{0}`; at most 64 members and 8192 bytes are allowed")]
    Full(String),
}

impl Baggage {
    /// Creates an empty baggage.
    pub const fn new() -> Self {
        Self { members: Vec::new(), bytes: 0 }
    }

    /// Parses the value of a header. Keeps order and properties; drops members that are malformed
    /// or exceed a limit. A repeated key has its last value.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::propagation::Baggage;
    ///
    /// let baggage = Baggage::parse("plan=free, no value, plan=pro");
    /// assert_eq!(baggage.iter().collect::<Vec<_>>(), [("plan", "pro")]);
    /// ```
    pub fn parse(header: &str) -> Self {
        let mut baggage = Self::new();
        for member in header.split(',').filter_map(Member::parse) {
            // Members beyond W3C's limits are dropped.
            let _ = baggage.put(member);
        }
        baggage
    }

    /// Reads the baggage from a carrier; empty if there is none. Use it only for senders that you
    /// trust with the decisions that depend on the baggage.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Context, propagation::Baggage};
    ///
    /// let headers = vec![("baggage".to_owned(), "tenant=acme".to_owned())];
    /// let context = Context::extract(&headers).with_baggage(Baggage::extract(&headers));
    /// context.run(|| assert_eq!(Context::current().baggage().get("tenant"), Some("acme")));
    /// ```
    pub fn extract(carrier: &(impl Extractor + ?Sized)) -> Self {
        Self::parse(&carrier.get_all(BAGGAGE).join(","))
    }

    /// Writes the baggage into a carrier and replaces its baggage. Use it only for receivers that
    /// may read the baggage.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::{Context, propagation::Baggage};
    ///
    /// let context = Context::current().with_baggage(Baggage::parse("tenant=acme"));
    /// let mut headers = Vec::new();
    /// context.inject(&mut headers); // without baggage
    /// context.baggage().inject(&mut headers);
    /// assert_eq!(headers, [("baggage".to_owned(), "tenant=acme".to_owned())]);
    /// ```
    pub fn inject(&self, carrier: &mut (impl Injector + ?Sized)) {
        if self.is_empty() {
            carrier.remove(BAGGAGE);
        } else {
            carrier.set(BAGGAGE, &self.to_string());
        }
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.find(key).map(|member| member.value.as_str())
    }

    /// Returns the properties of a key as they came, separated by semicolons; empty if it has none.
    pub fn properties(&self, key: &str) -> Option<&str> {
        self.find(key).map(|member| member.properties.as_str())
    }

    /// Sets the value of a key, which can be any string. An existing key keeps its position and
    /// loses its properties.
    ///
    /// # Errors
    ///
    /// Returns an error if the key is invalid in a header, or the member exceeds a limit. The
    /// baggage is unchanged then.
    ///
    /// # Examples
    ///
    /// ```
    /// use raaf_trace_core::propagation::{Baggage, BaggageError};
    ///
    /// let mut baggage = Baggage::parse("plan=free;private");
    /// baggage.insert("plan", "any text, ünïcode too")?;
    /// assert_eq!(baggage.properties("plan"), Some(""));
    /// assert!(matches!(baggage.insert("a key", "1"), Err(BaggageError::Key(_))));
    /// # Ok::<(), BaggageError>(())
    /// ```
    pub fn insert(&mut self, key: &str, value: &str) -> Result<(), BaggageError> {
        if !is_token(key) {
            return Err(BaggageError::Key(key.to_owned()));
        }
        let (key, value) = (key.to_owned(), value.to_owned());
        self.put(Member { key, value, properties: String::new() })
    }

    /// Removes a key and returns its value.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        let member = self.members.remove(self.position(key)?);
        self.bytes -= member.encoded_len();
        Some(member.value)
    }

    /// Returns keys and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.members.iter().map(|member| (member.key.as_str(), member.value.as_str()))
    }

    /// Returns the number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn find(&self, key: &str) -> Option<&Member> {
        self.position(key).map(|index| &self.members[index])
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.members.iter().position(|member| member.key == key)
    }

    fn put(&mut self, member: Member) -> Result<(), BaggageError> {
        let index = self.position(&member.key);
        let replaced = index.map_or(0, |index| self.members[index].encoded_len());
        let bytes = self.bytes - replaced + member.encoded_len();
        // The first member has no separator.
        let fits = bytes <= MOST_BYTES + 1;
        match index {
            Some(index) if fits => self.members[index] = member,
            None if fits && self.len() < MOST_MEMBERS => self.members.push(member),
            _ => return Err(BaggageError::Full(member.key)),
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Member {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(trimmed);
        let (key, value) = parts.next()?.split_once('=')?;
        let (key, value) = (trimmed(key), trimmed(value));
        if !is_token(key) || !value.bytes().all(is_octet) {
            return None;
        }
        let properties: Vec<_> = parts.filter(|property| is_property(property)).collect();
        let value = String::from_utf8_lossy(&percent::decoded(value.as_bytes())).into_owned();
        Some(Self { key: key.to_owned(), value, properties: properties.join(";") })
    }

    /// Returns the length of the member in the header, with one separator.
    fn encoded_len(&self) -> usize {
        let value: usize = self.value.bytes().map(|byte| if is_plain(byte) { 1 } else { 3 }).sum();
        let properties = if self.properties.is_empty() { 0 } else { 1 + self.properties.len() };
        self.key.len() + 1 + value + properties + 1
    }
}

impl fmt::Display for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Member { key, value, properties }) in self.members.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{key}=")?;
            for byte in value.bytes() {
                if is_plain(byte) {
                    write!(f, "{}", char::from(byte))?;
                } else {
                    write!(f, "%{byte:02X}")?;
                }
            }
            if !properties.is_empty() {
                write!(f, ";{properties}")?;
            }
        }
        Ok(())
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

/// Returns whether a header value allows this byte: visible ASCII without `"`, `,`, `;` and `\`.
fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

/// Returns whether this byte of a value is written without encoding.
fn is_plain(byte: u8) -> bool {
    is_octet(byte) && byte != b'%'
}

fn is_property(text: &str) -> bool {
    match text.split_once('=') {
        Some((key, value)) => is_token(trimmed(key)) && trimmed(value).bytes().all(is_octet),
        None => is_token(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_value_survives_a_header(key in "[a-z0-9!#$%&'*+.^_`|~-]{1,20}", value in any::<String>()) {
            let mut baggage = Baggage::new();
            baggage.insert(&key, &value).unwrap();
            let header = baggage.to_string();
            prop_assert!(header.is_ascii());
            prop_assert_eq!(Baggage::parse(&header), baggage);
        }

        #[test]
        fn whatever_is_read_is_within_the_limits_and_reads_the_same_again(
            header in prop_oneof![any::<String>(), "[a-c=;,% \t\"\\\\41é]{0,60}"],
        ) {
            let baggage = Baggage::parse(&header);
            let written = baggage.to_string();
            prop_assert!(baggage.len() <= MOST_MEMBERS && written.len() <= MOST_BYTES);
            prop_assert_eq!(Baggage::parse(&written), baggage);
        }

        #[test]
        fn the_limits_hold_for_what_is_written(
            members in prop::collection::vec(("[a-z]{1,3}", "[a é]{0,60}"), 0..90),
        ) {
            let mut baggage = Baggage::new();
            for (key, value) in members {
                let before = baggage.clone();
                if baggage.insert(&key, &value).is_err() {
                    prop_assert_eq!(&baggage, &before);
                }
            }
            let written = baggage.to_string();
            prop_assert!(baggage.len() <= MOST_MEMBERS && written.len() <= MOST_BYTES);
            prop_assert_eq!(Baggage::parse(&written), baggage);
        }
    }

    #[test]
    fn space_is_ignored_and_order_and_properties_are_kept() {
        let baggage = Baggage::parse(" b = 2 ; p = 1 ;; q ,\ta=%41%20%c3%a9,,c= ");
        let members: Vec<_> = baggage.iter().collect();
        assert_eq!(members, [("b", "2"), ("a", "A é"), ("c", "")]);
        assert_eq!(baggage.properties("b"), Some("p = 1;q"));
        assert_eq!((baggage.properties("a"), baggage.properties("x")), (Some(""), None));
        assert_eq!(baggage.to_string(), "b=2;p = 1;q,a=A%20%C3%A9,c=");
    }

    #[test]
    fn several_lines_are_one_list() {
        let lines = ["a=1,b=2", "", "c=3"].map(|line| ("Baggage".to_owned(), line.to_owned()));
        assert_eq!(Baggage::extract(&Vec::from(lines)).to_string(), "a=1,b=2,c=3");
    }

    #[test]
    fn what_is_malformed_is_dropped() {
        let header = "ok=1,=2,no,a b=3,d=\"4\",e=5 6,f=\\,g=ä,(h)=7;p,i=8;bad prop;good=1;\"x\"";
        assert_eq!(Baggage::parse(header).to_string(), "ok=1,i=8;good=1");
    }

    #[test]
    fn a_broken_escape_stands_for_itself_and_bytes_that_are_no_text_are_replaced() {
        let baggage = Baggage::parse("a=100%,b=%zz%4,c=%ff");
        let members: Vec<_> = baggage.iter().collect();
        assert_eq!(members, [("a", "100%"), ("b", "%zz%4"), ("c", "\u{fffd}")]);
        assert_eq!(baggage.to_string(), "a=100%25,b=%25zz%254,c=%EF%BF%BD");
    }

    #[test]
    fn a_key_that_comes_twice_has_its_last_value_in_its_first_place() {
        let baggage = Baggage::parse("a=1;p,b=2,a=3");
        assert_eq!(baggage.to_string(), "a=3,b=2");
    }

    #[test]
    fn there_is_room_for_64_members_and_8192_bytes() {
        let header: Vec<_> = (0..70).map(|n| format!("k{n}=v")).collect();
        let mut baggage = Baggage::parse(&header.join(","));
        assert_eq!((baggage.len(), baggage.get("k63")), (64, Some("v")));
        assert_eq!(baggage.insert("new", "1"), Err(BaggageError::Full("new".into())));
        baggage.insert("k0", "replaced").unwrap();
        assert_eq!(baggage.remove("k1"), Some("v".into()));
        baggage.insert("new", "1").unwrap();
        assert_eq!(baggage.len(), 64);

        let fits = format!("a={}", "x".repeat(MOST_BYTES - "a=,b=1".len()));
        let mut baggage = Baggage::parse(&format!("{fits},b=1"));
        assert_eq!(baggage.to_string().len(), MOST_BYTES);
        assert_eq!(baggage.insert("b", "12"), Err(BaggageError::Full("b".into())));
        assert_eq!(Baggage::parse(&format!("{fits},b=12")).to_string(), fits);
    }

    #[test]
    fn a_key_that_no_header_can_hold_is_an_error() {
        let mut baggage = Baggage::new();
        for key in ["", "a b", "a=b", "é", "a,b", "a;b"] {
            assert_eq!(baggage.insert(key, "1"), Err(BaggageError::Key(key.into())));
        }
        assert!(baggage.is_empty());
    }

    #[test]
    fn old_baggage_does_not_stay_in_a_carrier() {
        let mut headers = vec![("Baggage".to_owned(), "old=1".to_owned())];
        Baggage::parse("new=1").inject(&mut headers);
        assert_eq!(Baggage::extract(&headers), Baggage::parse("new=1"));
        Baggage::new().inject(&mut headers);
        assert!(headers.is_empty());
        assert!(Baggage::extract(&headers).is_empty());
    }
}
