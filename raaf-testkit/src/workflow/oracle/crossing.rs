//! Steps that leave the flow or the span in which they began.

use raaf_trace_core::Status;

use super::{
    End, Flow, Oracle,
    spans::{Identity, named},
};
use crate::workflow::{
    AROUND, At, Call, Made, Member, Step, Who, after_path, below, branch_name, common_name,
    early_key, heir_name, late_key, late_path, maker_name, shared,
};

impl Oracle {
    pub(super) fn moved(
        &mut self,
        made: Made,
        call: &Call,
        after: &[Step],
        flow: &Flow,
        path: &str,
    ) -> End {
        let mut begun = Flow { blocking: false, ..flow.clone() };
        if made != Made::Here {
            let name = maker_name(path);
            let maker = self.open(flow.innermost, flow, named("component", &name), "run");
            self.end(maker, Status::Ok);
            if made == Made::InContextElsewhere {
                begun = Flow { innermost: Some(maker), own: false, ..begun };
            }
        }
        let call = Call { blocking: false, ..call.clone() };
        let (inside, span) = self.enter(&call, &begun, path);
        let mut end = self.steps(&call.steps, &inside, path);
        let hung_here = end == End::Hung;
        if end == End::Done {
            // Only a call with a span, be it a reused one, carries a context.
            let carries = made == Made::InContextElsewhere || self.is_reused(&call, &begun);
            let mut rest = inside.clone();
            if call.skip {
                rest = inside.outside();
                if carries {
                    (rest.innermost, rest.own) = (inside.innermost, inside.own);
                }
            }
            rest.can_hang = true;
            rest.scope = None;
            end = self.steps(after, &rest, &after_path(path));
        }
        self.leave(span, end);
        if hung_here { End::Hung } else { End::Done }
    }

    pub(super) fn together(&mut self, members: &[Member], flow: &Flow, path: &str) {
        let name = common_name(path);
        let common = named("component", &name);
        let mut started = Vec::new();
        for (number, member) in members.iter().enumerate() {
            let path = below(path, number);
            let around = if member.in_context {
                Flow { own: false, ..flow.clone() }
            } else {
                flow.outside()
            };
            let mut around = Flow { scope: None, can_hang: false, blocking: true, ..around };
            around.ancestors.push(common.0.clone());
            let outer = member.within.then(|| {
                let (who, (kind, name)) = (Identity::Shared(AROUND.0), shared(AROUND.0));
                let parent = self.parent_of_call(Who::Shared(AROUND.0), &who, &around);
                self.open(parent, &around, (who, kind, name), AROUND.1)
            });
            if let Some(outer) = outer {
                around = around.inside(outer);
            }
            let name = branch_name(&path);
            let inside = if member.bound {
                let who = named("component", &name);
                let parent = self.parent_of_bound(&who.0, &common.0, &around);
                let span = self.open(parent, &around, who.clone(), "run");
                around.within(span, who.0)
            } else {
                around.inside(self.open(around.innermost, &around, common.clone(), "run"))
            };
            started.push((inside, outer, path));
        }
        let mut staying = Vec::new();
        for (member, (inside, outer, path)) in members.iter().zip(started) {
            let status = self.steps(&member.steps, &inside, &path).status();
            for span in [inside.innermost, outer].into_iter().flatten() {
                if member.stays {
                    staying.push((span, status));
                } else {
                    self.end(span, status);
                }
            }
        }
        for (span, status) in staying {
            self.end(span, status);
        }
    }

    pub(super) fn outlive(
        &mut self,
        at: At,
        call: &Call,
        late: &[Step],
        flow: &Flow,
        path: &str,
    ) -> End {
        // This step drives a runtime.
        let flow = Flow { blocking: false, ..flow.clone() };
        let (inside, span) = self.enter(call, &flow, path);
        let captured = inside.innermost;
        if let Some(captured) = captured {
            self.set(captured, early_key(path));
        }
        let end = self.steps(&call.steps, &inside, path);
        self.leave(span, end);
        if end == End::Hung {
            return End::Hung;
        }
        if let Some(captured) = captured {
            self.set(captured, late_key(path));
        }
        let name = heir_name(path);
        let heir = self.open(captured.or(flow.innermost), &flow, named("component", &name), "run");
        self.end(heir, Status::Ok);
        let late_flow = Flow {
            innermost: captured,
            own: false,
            scope: flow.scope.filter(|_| at == At::Here),
            can_hang: flow.can_hang && at == At::Here,
            blocking: at == At::Thread,
            ..flow
        };
        self.steps(late, &late_flow, &late_path(path)).kept()
    }
}
