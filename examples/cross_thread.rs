//! Work that is sent through a channel stays in the trace of the code that requested it.
//!
//! Run it with `cargo run --example cross_thread`.
//!
//! Each job carries the context of its sender, and the worker passes it to the call as the parent.
//! The first job is sent before the worker starts: the sender's span has ended when the worker
//! takes the job, and is still the parent.

use std::{
    error::Error,
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use raaf_processors::ConsoleSink;
use raaf_trace_core::{Component, Context, Traceable, TracerProvider, trace, traced};

struct Job {
    text: &'static str,
    context: Context,
    reply: Sender<String>,
}

#[derive(Traceable)]
struct IndexWorker {
    component: Component,
}

impl IndexWorker {
    fn serve(&self, jobs: &Receiver<Job>) {
        for job in jobs {
            let entry = self.index(&job);
            // The sender may not have waited for it.
            let _ = job.reply.send(entry);
        }
    }

    #[traced(parent = &job.context, with("text.bytes" = job.text.len()))]
    fn index(&self, job: &Job) -> String {
        let mut words: Vec<_> = job.text.split_whitespace().map(str::to_lowercase).collect();
        words.sort_unstable();
        words.dedup();
        words.join(" ")
    }
}

#[derive(Traceable)]
struct IndexingPipeline {
    component: Component,
    jobs: Sender<Job>,
}

impl IndexingPipeline {
    #[traced]
    fn submit(&self, text: &'static str) -> Result<Receiver<String>, mpsc::SendError<Job>> {
        let (reply, answer) = mpsc::channel();
        self.jobs.send(Job { text, context: Context::current(), reply })?;
        Ok(answer)
    }

    #[traced]
    fn submit_and_wait(&self, text: &'static str) -> Result<String, Box<dyn Error>> {
        Ok(self.submit(text)?.recv()?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let _tracing = TracerProvider::builder().with(ConsoleSink::new()).init()?;

    trace("indexing").try_in_span(|| {
        let (jobs, queue) = mpsc::channel();
        let pipeline = IndexingPipeline { component: Component::of::<IndexingPipeline>(), jobs };
        let early = pipeline.submit("the cake and the tea")?;

        let worker = IndexWorker { component: Component::of::<IndexWorker>() };
        let worker = thread::spawn(move || worker.serve(&queue));
        println!("{}", early.recv()?);
        println!("{}", pipeline.submit_and_wait("the tea or the coffee")?);

        drop(pipeline); // closes the channel
        worker.join().map_err(|_| "the worker panicked".into())
    })
}
