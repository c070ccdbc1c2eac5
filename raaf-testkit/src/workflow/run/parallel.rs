//! Branches in threads and tasks.

use std::thread;

use futures::{channel::oneshot, future::join_all};
use raaf_trace_core::{InContext as _, Traceable as _, in_current_context};

use super::{Env, component, kept, kept_async};
use crate::workflow::{On, Step, below, branch_name, fork_name};

impl Env {
    pub(super) async fn parallel(&self, on: On, branches: &[Vec<Step>], path: &str) {
        let env = self.without_hanging();
        if on == On::Join {
            let branch = |(number, branch)| kept_async(env.steps(branch, below(path, number)));
            join_all(branches.iter().map(Vec::as_slice).enumerate().map(branch)).await;
            return;
        }
        let mut waiting = Vec::new();
        for (number, branch) in branches.iter().enumerate() {
            let (env, branch, path) = (env.clone(), branch.clone(), below(path, number));
            let (done, wait) = oneshot::channel::<()>();
            waiting.push(wait);
            if on == On::Tasks {
                let work = async move {
                    kept_async(env.steps(&branch, path)).await;
                    drop(done);
                };
                drop(self.runtime.spawn(work.in_current_context()));
                continue;
            }
            let checks = env.clone();
            let place = path.clone();
            let work = in_current_context(move || kept(|| env.blocking_steps(&branch, &path)));
            let work = move || {
                // Threads of a pool come with whatever their last work left behind.
                checks.expect_same(None, "what ran in this thread before");
                work();
                checks.expect_same(None, &place);
                drop(done);
            };
            if on == On::Blocking {
                drop(self.runtime.spawn_blocking(work));
            } else {
                thread::spawn(work);
            }
        }
        // A branch is done when its sender is dropped.
        join_all(waiting).await;
    }

    pub(super) async fn bare_threads(&self, branches: &[Vec<Step>], path: &str) {
        let fork = component("component", &fork_name(path));
        let env = self.within(&fork).without_hanging();
        let work = async {
            let mut waiting = Vec::new();
            for (number, branch) in branches.iter().enumerate() {
                let (branch, path) = (branch.clone(), below(path, number));
                let bound = component("component", &branch_name(&path)).with_parent(&fork);
                let env = env.within(&bound);
                let (done, wait) = oneshot::channel::<()>();
                waiting.push(wait);
                thread::spawn(move || {
                    kept(|| bound.try_in_span("run", || env.blocking_steps(&branch, &path)));
                    env.expect_same(None, &path);
                    drop(done);
                });
            }
            join_all(waiting).await;
        };
        fork.in_span("run", work).await;
    }
}
