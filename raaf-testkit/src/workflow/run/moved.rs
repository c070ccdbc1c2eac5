//! Futures that are begun in one place and finished in another.

use std::{
    sync::{Arc, Mutex},
    thread,
};

use futures::{
    FutureExt as _,
    channel::oneshot,
    future::{BoxFuture, Either, select},
};
use raaf_trace_core::{InContext as _, Traceable as _};

use super::{Env, Outcome, component, kept_async};
use crate::workflow::{Call, Made, Step, after_path, maker_name};

impl Env {
    /// Polls the call until it has done its own steps, and finishes it elsewhere.
    pub(super) async fn moved(
        &self,
        made: Made,
        task: bool,
        call: &Call,
        after: &[Step],
        path: &str,
    ) {
        let (say, pauses) = oneshot::channel();
        let (go_on, moved) = oneshot::channel::<()>();
        let (say_hangs, hangs) = oneshot::channel();
        let mut rest = self.clone();
        rest.hang = Some(Arc::new(Mutex::new(Some(say_hangs))));
        let begin = || self.in_two_parts(call, (rest, after), (say, moved), path);
        let maker = component("component", &maker_name(path));
        let work = match made {
            Made::Here => begin(),
            Made::Elsewhere => maker.in_span("run", begin),
            Made::InContextElsewhere => {
                maker.in_span("run", || begin().in_current_context().boxed())
            }
        };
        let work = Box::pin(kept_async(work));
        let Either::Right((Ok(()), work)) = select(work, pauses).await else { return };
        let (done, wait) = oneshot::channel::<()>();
        let finish = async move {
            let _ = go_on.send(());
            // Whichever comes first; the other is dropped.
            let _ = select(work, hangs).await;
        };
        let outside = self.outside.clone();
        if task {
            let work = async move {
                finish.await;
                drop(done);
            };
            drop(self.runtime.spawn(work.in_context(outside)));
        } else {
            let (env, path) = (self.clone(), path.to_owned());
            thread::spawn(move || {
                outside.run(|| env.runtime.block_on(finish));
                env.expect_same(None, &path);
                drop(done);
            });
        }
        let _ = wait.await;
    }

    /// The call, which says when it has done its own steps, and waits to be moved.
    fn in_two_parts(
        &self,
        call: &Call,
        (rest, after): (Self, &[Step]),
        (say, moved): (oneshot::Sender<()>, oneshot::Receiver<()>),
        path: &str,
    ) -> BoxFuture<'static, Outcome> {
        let (component, parent) = self.who(call, path);
        let first = self.inside(call, &component);
        let rest = if call.skip { rest.outside() } else { rest.inside(call, &component) };
        let (steps, after, path) = (call.steps.clone(), after.to_vec(), path.to_owned());
        let work = async move {
            first.steps(&steps, path.clone()).await?;
            let _ = say.send(());
            let _ = moved.await;
            rest.steps(&after, after_path(&path)).await
        };
        let (method, skip) = (call.method, call.skip);
        async move {
            let traced = component.traced(method).skip_if(skip).parent(parent);
            traced.try_in_span(work).await
        }
        .boxed()
    }
}
