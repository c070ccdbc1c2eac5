#![deny(deprecated)]

use raaf_trace_core::{Component, Traceable, traced};

#[derive(Traceable)]
struct Reader {
    component: Component,
}

type Bytes = Box<dyn Iterator<Item = u8>>;

impl Reader {
    #[traced]
    fn lines(&self) -> impl Iterator<Item = u8> {
        0..3
    }

    #[traced]
    fn behind_an_alias(&self) -> Bytes {
        Box::new(0..3)
    }

    #[traced]
    async fn named(&self) -> std::io::Result<std::vec::IntoIter<u8>> {
        Ok(vec![1].into_iter())
    }

    #[traced]
    fn streamed(&self) -> futures::stream::Iter<std::ops::Range<u8>> {
        futures::stream::iter(0..3)
    }

    #[traced]
    fn range(&self) -> std::ops::Range<usize> {
        0..3
    }

    #[traced]
    fn collected(&mut self) -> (&mut Self, Vec<u8>) {
        (self, vec![1])
    }

    #[traced(stream)]
    fn traced_to_the_end(&self) -> impl Iterator<Item = u8> {
        0..3
    }

    #[traced(stream = false)]
    fn meant(&self) -> Box<dyn Iterator<Item = u8>> {
        Box::new(0..3)
    }
}

fn main() {
    let mut reader = Reader { component: Component::tool("Reader") };
    let _ = (reader.behind_an_alias(), reader.named(), reader.streamed(), reader.range());
    let _ = reader.collected();
    let _ = (reader.lines(), reader.traced_to_the_end(), reader.meant());
}
