//! One component in several threads at once, which take turns.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::mpsc,
    thread,
};

use futures::channel::oneshot;
use raaf_trace_core::{Context, Traceable as _};

use super::{Env, component, kept};
use crate::workflow::{AROUND, Member, below, branch_name, common_name};

/// A thread's turns. A turn lasts until the next one is awaited.
struct Turns {
    given: mpsc::Receiver<oneshot::Sender<()>>,
    current: Option<oneshot::Sender<()>>,
}

impl Turns {
    /// Ends this turn, and waits for the next one.
    fn next(&mut self) {
        self.current = None;
        self.current = self.given.recv().ok();
    }
}

/// Gives a thread its turn, and waits for its end. A thread that has ended takes none.
async fn turn(of: &mpsc::Sender<oneshot::Sender<()>>) {
    let (done, wait) = oneshot::channel();
    let _ = of.send(done);
    let _ = wait.await;
}

impl Env {
    /// Starts the members in turn, then lets each do its steps, then ends those that stay.
    pub(super) async fn together(&self, members: &[Member], path: &str) {
        let common = component("component", &common_name(path));
        let mut threads = Vec::new();
        for (number, member) in members.iter().enumerate() {
            let (member, path) = (member.clone(), below(path, number));
            let (thread, given) = mpsc::channel();
            threads.push(thread);
            let around = if member.in_context { self.clone() } else { self.outside() };
            let mut env = around.within(&common).without_hanging();
            let mut who = common.clone();
            if member.bound {
                who = component("component", &branch_name(&path)).with_parent(&common);
                env = env.within(&who);
            }
            let context = if member.in_context { Context::current() } else { self.outside.clone() };
            let within = member.within.then(|| self.shared[usize::from(AROUND.0)].clone());
            let checks = self.clone();
            let work = move |turns: &mut Turns| {
                let steps = || {
                    turns.next();
                    let steps = || env.blocking_steps(&member.steps, &path);
                    let end = catch_unwind(AssertUnwindSafe(steps));
                    if member.stays {
                        turns.next();
                    }
                    end.unwrap_or_else(|panic| resume_unwind(panic))
                };
                let run = || who.try_in_span("run", steps);
                kept(|| match &within {
                    Some(within) => within.try_in_span(AROUND.1, run),
                    None => run(),
                });
            };
            let mut turns = Turns { given, current: None };
            thread::spawn(move || {
                turns.next();
                context.run(|| work(&mut turns));
                checks.expect_same(None, "a member");
                drop(turns);
            });
        }
        for _ in ["starts", "steps", "ends"] {
            for thread in &threads {
                turn(thread).await;
            }
        }
    }
}
