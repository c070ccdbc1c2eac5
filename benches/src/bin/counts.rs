//! W1 for a tool that counts instructions; `counts.sh` runs it.
//!
//! Prints how many spans `count_here` makes.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use raaf_benches::{
    facts::Says,
    raaf::Raaf,
    tool::{Setup, Tool as _},
    workload::{SPANS_A_TREE, Tree},
};

/// Trees before anything is counted: enough to fill all pools.
const WARM_UP: u64 = 2_000;

/// Trees between two flushes.
const BURST: u64 = 100;

/// Trees that are counted.
const COUNTED: u64 = 20 * BURST;

fn main() -> ExitCode {
    let setup = Setup::ample();
    let Some(tool) = Raaf::start(&setup) else {
        return ExitCode::FAILURE;
    };
    let tree = Tree::new(0);
    for _ in 0..WARM_UP / BURST {
        (0..BURST).for_each(|_| tree.run(&tool, Says::Four));
        tool.flush();
    }
    for _ in 0..COUNTED / BURST {
        count_here(&tool, &tree);
        tool.flush();
    }
    if setup.collector.delivered() != (WARM_UP + COUNTED) * SPANS_A_TREE {
        return ExitCode::FAILURE;
    }
    match writeln!(io::stdout(), "{}", COUNTED * SPANS_A_TREE) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Runs the counted work: the producer's, without delivery.
#[inline(never)]
fn count_here(tool: &Raaf, tree: &Tree<Raaf>) {
    for _ in 0..BURST {
        tree.run(tool, Says::Four);
    }
}
