//! States of what has paused.

use raaf_agents::{PendingCall, PipelineState, RunState, UnknownCall};
use serde::{Serialize, de::DeserializeOwned};

use crate::approval::Decision;

/// State of a run or of a pipeline that has paused.
pub(crate) trait Paused: Serialize + DeserializeOwned + Send + Sync {
    fn pending(&self) -> Vec<PendingCall>;

    fn decide(&mut self, key: &str, decision: Decision) -> Result<(), UnknownCall>;
}

macro_rules! paused {
    ($($state:ident),*) => {$(
        impl Paused for $state {
            fn pending(&self) -> Vec<PendingCall> {
                self.pending()
            }

            fn decide(&mut self, key: &str, decision: Decision) -> Result<(), UnknownCall> {
                match decision {
                    Decision::Approve => self.approve(key),
                    Decision::ApproveAlways => self.approve_always(key),
                    Decision::Reject(reason) => self.reject(key, reason),
                    Decision::RejectAlways(reason) => self.reject_always(key, reason),
                }
            }
        }
    )*};
}

paused!(RunState, PipelineState);
