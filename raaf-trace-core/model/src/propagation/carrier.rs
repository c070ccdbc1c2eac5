//! Carriers for context propagation.

use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasher,
};

/// A carrier from which context is read: the headers of a request.
pub trait Extractor {
    /// Returns the value of a key, ignoring case.
    fn get(&self, key: &str) -> Option<&str>;

    /// Returns all values of a key in order: a request may have several header lines of one name.
    /// Implement it for carriers that can hold several; the default returns [`get`](Self::get).
    fn get_all(&self, key: &str) -> Vec<&str> {
        self.get(key).into_iter().collect()
    }
}

/// A carrier to which context is written: the headers of a request, the environment of a
/// [`Command`](std::process::Command).
pub trait Injector {
    /// Sets a key and replaces its value, ignoring case.
    fn set(&mut self, key: &str, value: &str);

    /// Removes a key, ignoring case.
    fn remove(&mut self, key: &str);
}

impl<S: BuildHasher> Extractor for HashMap<String, String, S> {
    fn get(&self, key: &str) -> Option<&str> {
        self.get(key).or_else(|| find(self, key)).map(String::as_str)
    }
}

impl<S: BuildHasher> Injector for HashMap<String, String, S> {
    fn set(&mut self, key: &str, value: &str) {
        Injector::remove(self, key);
        self.insert(key.to_owned(), value.to_owned());
    }

    fn remove(&mut self, key: &str) {
        self.retain(|held, _| !held.eq_ignore_ascii_case(key));
    }
}

impl Extractor for BTreeMap<String, String> {
    fn get(&self, key: &str) -> Option<&str> {
        self.get(key).or_else(|| find(self, key)).map(String::as_str)
    }
}

impl Injector for BTreeMap<String, String> {
    fn set(&mut self, key: &str, value: &str) {
        Injector::remove(self, key);
        self.insert(key.to_owned(), value.to_owned());
    }

    fn remove(&mut self, key: &str) {
        self.retain(|held, _| !held.eq_ignore_ascii_case(key));
    }
}

impl Extractor for Vec<(String, String)> {
    fn get(&self, key: &str) -> Option<&str> {
        find(self.iter().map(|(key, value)| (key, value)), key).map(String::as_str)
    }

    fn get_all(&self, key: &str) -> Vec<&str> {
        let named = self.iter().filter(|(held, _)| held.eq_ignore_ascii_case(key));
        named.map(|(_, value)| value.as_str()).collect()
    }
}

impl Injector for Vec<(String, String)> {
    fn set(&mut self, key: &str, value: &str) {
        Injector::remove(self, key);
        self.push((key.to_owned(), value.to_owned()));
    }

    fn remove(&mut self, key: &str) {
        self.retain(|(held, _)| !held.eq_ignore_ascii_case(key));
    }
}

fn find<'a>(
    pairs: impl IntoIterator<Item = (&'a String, &'a String)>,
    key: &str,
) -> Option<&'a String> {
    pairs.into_iter().find(|(held, _)| held.eq_ignore_ascii_case(key)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaces_whatever_the_case<C>()
    where
        C: Extractor + Injector + FromIterator<(String, String)> + IntoIterator,
    {
        let mut carrier: C = [("TraceParent".to_owned(), "old".to_owned())].into_iter().collect();
        assert_eq!(carrier.get("traceparent"), Some("old"));
        carrier.set("traceparent", "new");
        assert_eq!(carrier.get("TRACEPARENT"), Some("new"));
        assert_eq!(carrier.get("tracestate"), None);
        carrier.set("tracestate", "a=1");
        carrier.remove("TraceState");
        assert_eq!(carrier.into_iter().count(), 1);
    }

    #[test]
    fn p3_keys_have_no_case() {
        replaces_whatever_the_case::<HashMap<String, String>>();
        replaces_whatever_the_case::<BTreeMap<String, String>>();
        replaces_whatever_the_case::<Vec<(String, String)>>();
    }
}
