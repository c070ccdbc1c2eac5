//! The layer for a whole test program.

use std::sync::Once;

use raaf_tracing::Builder;
use tracing_subscriber::prelude::*;

/// Sets the layer for all threads of the test program.
pub(crate) fn subscribe(directives: &str) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let layer = Builder::new().filter(directives).unwrap().build();
        tracing_subscriber::registry().with(layer).init();
    });
}
