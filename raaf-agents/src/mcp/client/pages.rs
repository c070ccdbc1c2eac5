//! Lists that a server returns by pages.

use raaf_trace_core::call::SpanBuilder;
use rmcp::model::{ClientRequest, PaginatedRequestParams, ServerResult};

use super::{connection::Inner, request::request_span};
use crate::mcp::McpError;

/// Bound on the number of pages of a list.
const MAX_PAGES: usize = 1_000;

/// Bound on the number of items of a list.
const MAX_ITEMS: usize = 10_000;

/// A page, and the cursor of the next one.
pub(super) type Page<T> = (Vec<T>, Option<String>);

impl Inner {
    /// Returns all items of a list, each page in a span of its own. `request` makes the request for a page,
    /// and `read` returns `None` for an answer that is not a page.
    pub(super) async fn pages<T>(
        &self,
        method: &str,
        span: impl Fn(SpanBuilder) -> SpanBuilder,
        request: impl Fn(Option<PaginatedRequestParams>) -> ClientRequest,
        read: impl Fn(ServerResult) -> Option<Page<T>>,
    ) -> Result<Vec<T>, McpError> {
        let (mut all, mut cursor) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let page =
                cursor.map(|cursor| PaginatedRequestParams::default().with_cursor(Some(cursor)));
            let read =
                |answer| read(answer).ok_or_else(|| self.misfit(method, "a list of that kind"));
            let span = span(request_span(method, None));
            let (items, next) = self.request(span, request(page), read).await?;
            all.extend(items);
            if all.len() > MAX_ITEMS {
                return Err(self.misfit(method, &format!("a list of at most {MAX_ITEMS} items")));
            }
            cursor = next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
        Err(self.misfit(method, &format!("a list of at most {MAX_PAGES} pages")))
    }
}
