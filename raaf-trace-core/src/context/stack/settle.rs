//! Settling: frames become records that others can share.

use std::{mem, sync::Arc};

use super::Stack;
use crate::{
    component::Component,
    context::{
        chain::{Depth, Link},
        current::Current,
    },
    span::pool::Pool,
};
use raaf_trace_model::span::ComponentInfo;

/// Growth of `settling` for a frame that is settled, and its limit.
const SETTLED: u32 = 16;
const MOST_SETTLING: u32 = 512;

impl Stack {
    /// Gives each frame a record that others can share.
    #[inline]
    pub(crate) fn settle(&mut self, current: &mut Current, pool: &mut Pool) {
        if !self.frames.is_empty() {
            self.settle_all(current, pool);
        }
    }

    #[cold]
    fn settle_all(&mut self, current: &mut Current, pool: &mut Pool) {
        let mut frames = mem::take(&mut self.frames);
        let all = frames.len();
        self.settling = (self.settling + SETTLED * all as u32).min(MOST_SETTLING);
        for mut frame in frames.drain(..) {
            let Some(trace) = self.trace(frame.trace).cloned() else { continue };
            let component = self.components.component(frame.component).unwrap_or_else(|| {
                // The call has consumed it.
                let info = self.components.info(frame.component);
                let part = |info: &Arc<ComponentInfo>| (info.kind.clone(), info.name.clone());
                let (kind, name) = info.map_or_else(Default::default, part);
                Component::unlisted(kind, name)
            });
            let (link, depth) = match current.innermost.local() {
                Some(innermost) if frame.linked => Link::within(innermost),
                _ => (Link::None, Depth::default()),
            };
            let unused = self.forget(&frame);
            let mut record = pool.take_record();
            record.fill(frame.to_head(trace, component), (link, depth));
            mem::swap(record.body_mut(), &mut frame.body);
            pool.give_frame(frame);
            let record = record.shareable();
            record.head().component.span_started(&record);
            let inside = current.inside(record);
            self.settled.push(mem::replace(current, inside));
            self.unused.extend(unused);
        }
        self.frames = frames;
        // Last: a thread that looks for them sees the frames before this, and the records after it.
        if let Some(published) = &self.published {
            (0..all).rev().for_each(|place| published.close(place));
        }
    }
}
