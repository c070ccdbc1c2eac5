//! Contexts and handles that are used after the end of their span.

use std::{
    sync::{Mutex, PoisonError},
    thread,
};

use futures::channel::oneshot;
use raaf_trace_core::{Component, Context, InContext as _, Traceable as _, current_span};

use super::{Env, component, kept, kept_async};
use crate::workflow::{At, Call, Step, early_key, heir_name, late_key, late_path};

impl Env {
    /// Runs the call, and then what comes late.
    pub(super) async fn outlive(&self, at: At, call: &Call, late: &[Step], path: &str) {
        let captured = Mutex::new(None);
        let capture = || {
            let span = current_span();
            if let Some(span) = &span {
                span.set_attribute(early_key(path), true);
            }
            let both = (Context::current(), span);
            *captured.lock().unwrap_or_else(PoisonError::into_inner) = Some(both);
        };
        kept_async(self.call_with(call, path, capture)).await;
        let captured = captured.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Some((context, span)) = captured else {
            return self.report(format!("{path} did not run"));
        };
        if let Some(span) = &span {
            span.set_attribute(late_key(path), true);
        }
        let heir: Component = component("component", &heir_name(path));
        heir.traced("run").parent(span).in_span(|| ());
        self.late(at, context, late, late_path(path)).await;
    }

    async fn late(&self, at: At, context: Context, late: &[Step], path: String) {
        if at == At::Here {
            return kept_async(self.steps(late, path)).in_context(context).await;
        }
        let (env, late) = (self.without_hanging(), late.to_vec());
        let (done, wait) = oneshot::channel::<()>();
        if at == At::Task {
            let work = async move {
                kept_async(env.steps(&late, path)).await;
                drop(done);
            };
            drop(self.runtime.spawn(work.in_context(context)));
        } else {
            thread::spawn(move || {
                context.run(|| kept(|| env.blocking_steps(&late, &path)));
                env.expect_same(None, &path);
                drop(done);
            });
        }
        let _ = wait.await;
    }
}
