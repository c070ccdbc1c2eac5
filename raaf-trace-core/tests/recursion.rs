//! Recursive methods: one span, or a tree.

use std::cell::Cell;

use async_trait::async_trait;
use futures::future::{BoxFuture, FutureExt as _};
use raaf_testkit::{Capture, assert_span_tree};
use raaf_trace_core::{
    Attributes, Component, Traceable, attributes::SpanLimits, traced, traced_block,
};
use serde_json::json;
use tokio::task::yield_now;

#[derive(Traceable)]
struct Planner {
    component: Component,
}

fn planner() -> Planner {
    Planner { component: Component::agent("Planner") }
}

impl Planner {
    #[traced(with(depth))]
    fn walk(&self, depth: u32) -> u32 {
        if depth == 0 { 0 } else { 1 + self.walk(depth - 1) }
    }

    #[traced(with(goal, depth))]
    fn solve(&self, goal: &str, depth: u32) -> BoxFuture<'_, Result<u32, String>> {
        let goal = goal.to_owned();
        async move {
            yield_now().await;
            if goal == "build.1.1" {
                return Err("no way".to_owned());
            }
            let mut solved = 1;
            if depth > 0 {
                for part in 0..2 {
                    solved += self.solve(&format!("{goal}.{part}"), depth - 1).await.unwrap_or(0);
                }
            }
            Ok(solved)
        }
        .boxed()
    }

    #[traced]
    fn factorial(&self, number: u64) -> u64 {
        if number == 0 { 1 } else { number * self.factorial(number - 1) }
    }

    #[traced(new)]
    fn tick(&self, left: u32) {
        if left > 0 {
            self.tick(left - 1);
        }
    }

    #[traced(content(prompt))]
    fn ask(&self, prompt: &str) {
        if prompt.ends_with('?') {
            self.ask(prompt.trim_end_matches('?'));
        }
    }
}

#[test]
fn g12_a_recursion_with_other_arguments_is_a_tree() {
    let capture = Capture::new();
    assert_eq!(capture.run(|| planner().walk(2)), 2);
    assert_span_tree!(capture, {
        agent "Planner".walk [depth = 2] {
            agent "Planner".walk [depth = 1] { agent "Planner".walk [depth = 0] }
        }
    });
}

#[tokio::test]
async fn g12_an_async_recursion_shows_each_call_with_its_own_outcome() {
    let capture = Capture::new();
    let solved = capture.run_async(async { planner().solve("build", 2).await }).await;
    assert_eq!(solved, Ok(6));
    assert_span_tree!(capture, {
        agent "Planner".solve [goal = "build", depth = 2, status = ok] {
            agent "Planner".solve [goal = "build.0"] {
                agent "Planner".solve [goal = "build.0.0"]
                agent "Planner".solve [goal = "build.0.1"]
            }
            agent "Planner".solve [goal = "build.1", status = ok] {
                agent "Planner".solve [goal = "build.1.0"]
                agent "Planner".solve [goal = "build.1.1", depth = 0, status = error]
            }
        }
    });
}

#[test]
fn g12_calls_that_say_the_same_are_one() {
    let capture = Capture::new();
    let planner = planner();
    assert_eq!(capture.run(|| planner.factorial(10)), 3_628_800);
    capture.run(|| {
        let run = || planner.traced("run").with("n", f64::NAN).with("list", json!([1, {"a": 2}]));
        run().in_span(|| run().with("more", 1).in_span(|| run().in_span(|| ())));
    });
    assert_span_tree!(capture, {
        agent "Planner".factorial
        agent "Planner" [list = json!([1, {"a": 2}]), more = 1]
    });
}

#[test]
fn g12_only_keys_that_both_calls_give_are_compared() {
    let capture = Capture::new();
    let planner = planner();
    capture.run(|| {
        planner.traced("run").with("outer", 1).in_span(|| {
            planner.traced("run").with("inner", 2).in_span(|| {
                planner.traced("run").with("inner", 3).in_span(|| ());
            });
        });
    });
    assert_span_tree!(capture, {
        agent "Planner" [outer = 1, inner = 2] { agent "Planner" [inner = 3] }
    });
}

#[tokio::test]
async fn g12_recursion_in_an_async_trait_is_a_tree() {
    #[async_trait]
    trait Search {
        async fn descend(&self, level: u32) -> u32;
    }

    #[async_trait]
    impl Search for Planner {
        #[traced(with(level))]
        async fn descend(&self, level: u32) -> u32 {
            if level == 0 { 0 } else { 1 + self.descend(level - 1).await }
        }
    }

    let capture = Capture::new();
    assert_eq!(capture.run_async(async { planner().descend(1).await }).await, 1);
    assert_span_tree!(capture, {
        agent "Planner".descend [level = 1] { agent "Planner".descend [level = 0] }
    });
}

#[test]
fn g12_content_decides_also_where_it_is_left_out() {
    for include in [true, false] {
        let capture = Capture::with(|provider| provider.include_sensitive_data(include));
        capture.run(|| planner().ask("why??"));
        capture.run(|| planner().ask("well"));
        assert_span_tree!(capture, {
            agent "Planner".ask { agent "Planner".ask }
            agent "Planner".ask
        });
        let same = Capture::with(|provider| provider.include_sensitive_data(include));
        let planner = planner();
        let ask = || planner.traced("ask").with_content("prompt", json!({"q": "why"}));
        same.run(|| ask().in_span(|| ask().in_span(|| ())));
        assert_span_tree!(same, { agent "Planner".ask });
    }
}

#[test]
fn g12_values_beyond_the_limits_decide_by_what_was_given() {
    let limits = SpanLimits::default().with_max_value_bytes(40).with_max_attributes(3);
    let planner = planner();
    let run = |tail: &str, dropped: u32| {
        planner
            .traced("run")
            .with("text", format!("{}{tail}", "x".repeat(100)))
            .with("json", json!(["y".repeat(100), "z"]))
            .with("third", 3)
            .with("fourth, of three", dropped)
    };
    let spans = |inner: (&str, u32)| {
        let capture = Capture::with(|provider| provider.limits(limits));
        capture.run(|| run("a", 1).in_span(|| run(inner.0, inner.1).in_span(|| ())));
        capture.spans().len()
    };
    assert_eq!(spans(("a", 1)), 1, "the same");
    assert_eq!(spans(("b", 1)), 2, "cut text");
    assert_eq!(spans(("a", 2)), 2, "dropped attribute");
}

#[test]
fn g14_a_lazy_hook_runs_once_a_call() {
    struct Hooked {
        component: Component,
        asked: Cell<u32>,
    }
    impl Traceable for Hooked {
        fn component(&self) -> &Component {
            &self.component
        }
        fn span_attributes(&self, _: &mut Attributes) {
            self.asked.set(self.asked.get() + 1);
        }
    }
    let hooked = Hooked { component: Component::tool("Hooked"), asked: Cell::new(0) };
    let runs = Cell::new(0);
    let run = |depth: u32| {
        let runs = &runs;
        hooked.traced("run").with_attributes(move |attributes| {
            runs.set(runs.get() + 1);
            attributes.set("depth", depth);
        })
    };
    let capture = Capture::new();
    capture.run(|| run(2).in_span(|| run(2).in_span(|| run(1).in_span(|| ()))));
    assert_eq!((runs.get(), hooked.asked.get()), (3, 2));
    assert_span_tree!(capture, { tool "Hooked" [depth = 2] { tool "Hooked" [depth = 1] } });
}

#[test]
fn g12_a_call_can_ask_for_a_span_of_its_own() {
    let capture = Capture::new();
    let planner = planner();
    capture.run(|| planner.tick(2));
    capture.run(|| {
        planner.in_span("run", || planner.traced("run").fresh().in_span(|| ()));
        planner.in_span("plan", || traced_block!(planner, "plan", new, || ()));
    });
    assert_span_tree!(capture, {
        agent "Planner".tick { agent "Planner".tick { agent "Planner".tick } }
        agent "Planner" { agent "Planner" }
        agent "Planner".plan { agent "Planner".plan }
    });
}

#[test]
fn g42_reuse_joins_whatever_the_calls_say() {
    let capture = Capture::new();
    let planner = planner();
    capture.run(|| {
        planner.traced("run").with("n", 1).in_span(|| {
            planner.traced("other").with("n", 2).reuse().in_span(|| ());
            traced_block!(planner, "third", reuse, n = 3, || ());
        });
    });
    assert_span_tree!(capture, { agent "Planner" [n = 1] });
}
