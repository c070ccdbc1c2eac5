//! Warns of services of axum whose routes are unknown.

use std::{
    any::type_name,
    sync::atomic::{AtomicBool, Ordering},
};

use raaf_trace_core::diagnostics::{self, Category};

static WARNED: AtomicBool = AtomicBool::new(false);

/// Warns once if requests to this service have no route, and could have one. By the name of the
/// type, since the dependency on axum is optional.
pub(super) fn look_at<S>() {
    if let Some(remedy) = remedy(type_name::<S>(), cfg!(feature = "axum"))
        && !WARNED.swap(true, Ordering::Relaxed)
    {
        diagnostics::warn(
            Category::Http,
            format_args!(
                "requests to axum are named after their method alone, without the route: {remedy}, \
                 or set `ServerLayer::route`"
            ),
        );
    }
}

fn remedy(service: &str, knows_axum: bool) -> Option<&'static str> {
    if !service.contains("axum::") {
        return None;
    }
    if !knows_axum {
        return Some("enable the feature `axum` of `raaf-tower`");
    }
    let is_router = service.contains("axum::routing::Router");
    is_router.then_some("add the layer with `Router::layer`, inside of which axum knows the route")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_services_of_axum_without_a_route_have_a_remedy() {
        assert_eq!(remedy("tonic::service::Routes", false), None);
        assert_eq!(remedy("tower::util::BoxCloneService<axum::routing::Route>", true), None);
        assert!(remedy("axum::routing::Route", false).unwrap_or_default().contains("feature"));
        let around = remedy("axum::routing::Router<()>", true);
        assert!(around.unwrap_or_default().contains("Router::layer"));
    }
}
