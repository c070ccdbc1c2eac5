//! Smoke.
use raaf_trace_core::{traced, *};
use std::time::Duration;

#[derive(Traceable)]
struct Pipeline {
    component: Component,
}
#[derive(Traceable)]
struct Agent {
    component: Component,
    #[trace("agent.model")]
    model: String,
}
#[derive(Debug, thiserror::Error)]
#[error("nope")]
struct Nope;

impl Pipeline {
    #[traced]
    async fn execute(&self, agents: &[Agent]) -> Result<u32, Nope> {
        for agent in agents {
            agent.run(3).await?;
        }
        std::thread::scope(|s| {
            s.spawn(|| agents[0].check(true));
        });
        traced_block!(self, "finish", n = 3, || 1 + 1);
        agents[0].check(false).map(|()| 1)
    }
}
impl Agent {
    #[traced(with(n), result = |r, a| { a.set("result.n", *r); })]
    async fn run(&self, n: u32) -> Result<u32, Nope> {
        tokio::task::yield_now().await;
        self.again(n);
        Ok(n * 2)
    }
    #[traced("run")]
    fn again(&self, n: u32) -> u32 {
        n
    }
    #[traced]
    fn check(&self, ok: bool) -> Result<(), Nope> {
        if ok { Ok(()) } else { Err(Nope) }
    }
}

#[tokio::test]
async fn smoke() {
    let memory = MemoryExporter::new();
    let provider = TracerProvider::builder().exporter(memory.clone()).build();
    let pipeline = Pipeline { component: Component::new("DataPipeline") };
    let agents: Vec<_> = ["A", "B"]
        .map(|n| Agent { component: Component::agent(n).with_parent(&pipeline), model: "m".into() })
        .into_iter()
        .collect();
    let r = pipeline.execute(&agents).in_context(provider.context()).await;
    assert!(r.is_err());
    provider.force_flush(Duration::from_secs(5)).unwrap();
    for s in memory.spans() {
        println!(
            "{} {} parent={:?} {} {:?}",
            s.name(),
            s.span_id(),
            s.parent_id(),
            s.status(),
            s.attributes()
        );
        for e in s.events() {
            println!("   {} {:?}", e.name(), e.attributes());
        }
    }
    println!("{:#?}", provider.stats());
    assert!(current_span().is_none());
}
