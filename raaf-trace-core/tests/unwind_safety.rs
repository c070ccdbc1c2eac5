//! Traced code can be wrapped in `catch_unwind` without ado.

mod doubles;

use std::panic::{RefUnwindSafe, UnwindSafe, catch_unwind};

use doubles::{in_line, only};
use raaf_trace_core::{
    Component, Context, FinishedSpan, ManualSpan, MemoryExporter, Span, Status, TraceableExt as _,
    TracerProvider,
};

#[test]
fn l1_a_user_may_catch_a_panic_of_traced_code() {
    let (provider, memory) = in_line();
    let tool = Component::tool("Search").with_provider(&provider);
    let caught = catch_unwind(|| tool.traced("run").run(|| panic!("on purpose")));
    assert!(caught.is_err());
    assert_eq!(only(&memory).status(), Status::Error);
}

#[test]
fn l1_what_users_hold_is_unwind_safe() {
    fn holds<T: UnwindSafe + RefUnwindSafe>() {}
    holds::<Component>();
    holds::<TracerProvider>();
    holds::<Context>();
    holds::<Span>();
    holds::<ManualSpan>();
    holds::<FinishedSpan>();
    holds::<MemoryExporter>();
}
