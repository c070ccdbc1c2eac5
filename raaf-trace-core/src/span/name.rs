//! What a span is called.

use std::borrow::Cow;

use super::head::Head;

/// A manual span's own name, else what the provider's pattern makes of kind, component and method.
pub(crate) fn of(head: &Head) -> Cow<'_, str> {
    if let Some(name) = &head.name {
        return Cow::Borrowed(name);
    }
    let (kind, component) = (head.component.kind().as_str(), head.component.name());
    Cow::Owned(head.trace.provider.naming().render(kind, component, &head.method))
}
