//! The warning of requests to axum without a route, which is given once in a process.

use std::sync::{Arc, Mutex};

use axum::{Router, routing::get};
use raaf_tower::ServerLayer;
use raaf_trace_core::diagnostics;
use tower::{Layer as _, ServiceBuilder};

#[test]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]
fn requests_to_axum_without_a_route_are_warned_of_once() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&lines);
    diagnostics::set_handler(move |line| heard.lock().unwrap().push(line.to_string()));
    let told = || lines.lock().unwrap().clone();
    let router = || -> Router { Router::new().route("/orders/{id}", get(async || ())) };

    let _ = ServerLayer::new().route(|_| None).layer(router());
    let _ = ServerLayer::new().layer(tower::service_fn(async |()| Ok::<_, String>(())));
    assert_eq!(told(), <[&str; 0]>::default());

    let _ = router().layer(ServerLayer::new());
    let _ = router().layer(ServiceBuilder::new().layer(ServerLayer::new()));
    assert_eq!(told().len(), usize::from(cfg!(not(feature = "axum"))));

    let _ = ServerLayer::new().layer(router());
    let _ = ServerLayer::new().layer(router());
    let remedy = if cfg!(feature = "axum") {
        "add the layer with `Router::layer`, inside of which axum knows the route"
    } else {
        "enable the feature `axum` of `raaf-tower`"
    };
    let expected = format!(
        "raaf warn [http] requests to axum are named after their method alone, without the route: \
         {remedy}, or set `ServerLayer::route`"
    );
    assert_eq!(told(), [expected]);
}
