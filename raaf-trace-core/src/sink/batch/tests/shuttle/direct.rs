//! Items that a provider puts into the queue itself.

use std::sync::Arc;

use shuttle::thread::spawn;

use super::support::{Bench, Item, Manners, check, config, join};

/// Puts an item where a provider would; says whether that was the queue.
fn put(bench: &Bench, number: usize) -> bool {
    let mut item = Some(Item(number));
    let direct = bench.queue.shards().put_directly(|| item.take(), |_| {});
    assert_eq!(direct, item.is_none(), "either it was taken or it goes elsewhere");
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
                // Brings places and a chunk.
                bench.push_all([first]);
                for number in first + 1..first + 6 {
                    put(&bench, number);
                }
            })
        });
        let ends = {
            let bench = Arc::clone(&bench);
            spawn(move || {
                let shards = bench.queue.shards();
                shards.detach();
                let taken = shards.directly();
                bench.flush([]);
                let log = bench.sink.log();
                let delivered = log.delivered.iter().filter(|item| *item % 10 > 0).count();
                assert_eq!(delivered as u64, taken, "the queue has what came before the barrier");
                drop(log);
                taken
            })
        };
        join(threads);
        let taken = ends.join().ok();
        assert_eq!(taken, Some(bench.queue.shards().directly()), "nothing came after the barrier");
        bench.end();
    });
}
