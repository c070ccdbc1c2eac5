//! Items that a provider puts into the queue itself.

use std::sync::Arc;

use shuttle::thread::spawn;

use super::support::{Bench, Item, Manners, check, config, join};

/// Puts an item where a provider would; says whether that was the queue.
fn put(bench: &Bench, number: usize) -> bool {
    let direct = bench.queue.shards().put_directly(|| Some(Item(number)), |_| {});
    if direct {
        bench.sink.told(number, true);
    }
    direct
}

#[test]
fn g48_a_detached_queue_has_what_it_took_and_takes_no_more() {
    check(|| {
        // Four to a chunk and to a block of places, so that there is room to put items into.
        let bench = Bench::new(config().with_batch_size(4).with_max_spans(64), Manners::default());
        assert!(bench.queue.shards().attach());
        let threads = [0, 10].map(|first| {
            let bench = Arc::clone(&bench);
            spawn(move || {
                bench.push_all([first]);
                for number in first + 1..first + 6 {
                    put(&bench, number);
                }
            })
        });
        let shards = Arc::clone(bench.queue.shards());
        let ends = {
            let bench = Arc::clone(&bench);
            spawn(move || {
                shards.detach();
                let taken = shards.directly();
                assert_eq!(bench.queue.force_flush(super::support::LONG), Ok(()));
                // Whatever the producers were told by then: nothing comes in any more.
                assert_eq!(shards.directly(), taken);
            })
        };
        join(threads);
        join([ends]);
        bench.end();
    });
}
