//! Trace context in `params._meta`.

use raaf_trace_core::{
    Context,
    propagation::{Extractor, Injector},
};
use rmcp::model::RequestMetaObject;

/// Writes the current context.
pub(super) fn inject(meta: &mut RequestMetaObject) {
    Context::current().inject(&mut Meta(meta));
}

/// Reads the context of the sender.
pub(super) fn extract(meta: &RequestMetaObject) -> Context {
    Context::extract(&Read(meta))
}

struct Meta<'a>(&'a mut RequestMetaObject);

impl Injector for Meta<'_> {
    fn set(&mut self, key: &str, value: &str) {
        self.0.insert(key.to_owned(), value.into());
    }

    fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }
}

struct Read<'a>(&'a RequestMetaObject);

impl Extractor for Read<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_that_is_not_text_is_none() {
        let mut meta = RequestMetaObject::new();
        meta.insert("traceparent".to_owned(), 7.into());
        assert!(extract(&meta).span_context().is_none());
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        meta.insert("traceparent".to_owned(), parent.into());
        assert!(extract(&meta).span_context().is_some());
    }
}
