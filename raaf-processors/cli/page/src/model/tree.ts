/** The spans of a trace as a tree, with its problems. */

import { endOf, type Span } from "./span.ts";
import { duration } from "./text.ts";

export type ProblemKind = "orphan" | "duplicate" | "loop" | "no root" | "never ended" | "before parent";

export interface Problem {
  kind: ProblemKind;
  /** Index of the span; null for the whole tree. */
  at: number | null;
  text: string;
}

export interface Tree {
  /** Earliest start first. */
  spans: Span[];
  /** Index of each span's parent; -1 at the top. */
  parents: Int32Array;
  children: number[][];
  depths: Int32Array;
  /** Roots, spans whose parents are missing, and one span of each loop. */
  top: number[];
  /** All spans, each before those below it. */
  walk: Int32Array;
  problems: Problem[];
  indices: Map<string, number>;
  /** Problems by index of the span. */
  located: Map<number, Problem[]>;
}

/** Start times are exact to a microsecond, and doubles of them nearly so. */
const EARLY_MS = 0.002;

/**
 * Arranges spans. Of several records of a span, one is used: the first end, otherwise the last
 * start. `duplicates` counts further ends, by id.
 */
export function buildTree(records: Iterable<Span>, duplicates: Map<string, number> = new Map()): Tree {
  const spans = [...records].sort((a, b) => a.start - b.start);
  const count = spans.length;
  const indices = new Map<string, number>();
  spans.forEach((span, index) => indices.set(span.id, index));
  const tree: Tree = {
    spans,
    parents: new Int32Array(count).fill(-1),
    children: Array.from({ length: count }, () => []),
    depths: new Int32Array(count),
    top: [],
    walk: new Int32Array(count),
    problems: [],
    indices,
    located: new Map(),
  };
  const report = (kind: ProblemKind, at: number | null, text: string) => {
    const problem = { kind, at, text };
    tree.problems.push(problem);
    if (at !== null) tree.located.set(at, [...(tree.located.get(at) ?? []), problem]);
  };
  spans.forEach((span, index) => {
    const parent = span.parent === null ? undefined : indices.get(span.parent);
    if (parent !== undefined) {
      tree.parents[index] = parent;
      tree.children[parent]?.push(index);
    } else {
      tree.top.push(index);
      if (span.parent !== null && !span.localRoot) {
        report("orphan", index, `its parent, ${span.parent}, is missing`);
      }
    }
    if (span.duration === null) report("never ended", index, "it started and has not ended");
  });
  const cut = cutLoops(tree);
  for (const index of cut) report("loop", index, "it is its own ancestor");
  spans.forEach((span, index) => {
    const early = (spans[tree.parents[index] ?? -1]?.start ?? span.start) - span.start;
    if (early > EARLY_MS) {
      report("before parent", index, `it starts ${duration(early)} before its parent: a clock was set, or two differ`);
    }
  });
  if (count > 0 && !tree.top.some((index) => spans[index]?.localRoot)) {
    report("no root", null, "the root is missing");
  }
  for (const [id, times] of duplicates) {
    const at = indices.get(id) ?? null;
    report("duplicate", at, `it ended ${times + 1} times; the first is shown`);
  }
  walkAll(tree);
  return tree;
}

/** Moves one span of each loop to the top, because no walk from the top would reach the loop. */
function cutLoops(tree: Tree): number[] {
  const { parents, children, top } = tree;
  const reached = new Uint8Array(parents.length);
  const mark = (from: number[]) => {
    const open = [...from];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      reached[at] = 1;
      for (const child of children[at] ?? []) open.push(child);
    }
  };
  mark(top);
  const cut: number[] = [];
  for (let start = 0; start < parents.length; start += 1) {
    if (reached[start]) continue;
    const seen = new Set<number>();
    let at = start;
    while (!seen.has(at)) {
      seen.add(at);
      at = parents[at] ?? -1;
    }
    const parent = parents[at] ?? -1;
    if (parent >= 0) children[parent] = (children[parent] ?? []).filter((child) => child !== at);
    parents[at] = -1;
    top.push(at);
    cut.push(at);
    mark([at]);
  }
  top.sort((a, b) => a - b);
  return cut;
}

function walkAll(tree: Tree): void {
  const open = [...tree.top].reverse();
  let place = 0;
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    tree.walk[place] = at;
    place += 1;
    const parent = tree.parents[at] ?? -1;
    tree.depths[at] = parent < 0 ? 0 : (tree.depths[parent] ?? 0) + 1;
    const children = tree.children[at] ?? [];
    for (let last = children.length - 1; last >= 0; last -= 1) open.push(children[last] as number);
  }
}

/** Indices of the spans that are visible while some are collapsed. */
export function visible(tree: Tree, collapsed: ReadonlySet<string>): Int32Array | number[] {
  if (collapsed.size === 0) return tree.walk;
  const rows: number[] = [];
  let below = Infinity;
  for (const index of tree.walk) {
    const depth = tree.depths[index] ?? 0;
    if (depth > below) continue;
    rows.push(index);
    const folded = collapsed.has(tree.spans[index]?.id ?? "") && tree.children[index]?.length;
    below = folded ? depth : Infinity;
  }
  return rows;
}

/** The nearest span of a kind at or above this one; -1 if there is none. */
export function nearest(tree: Tree, index: number, kind: string): number {
  let at = index;
  while (at >= 0 && tree.spans[at]?.kind !== kind) at = tree.parents[at] ?? -1;
  return at;
}

/** For each span, 1 if it ran at the same time as a sibling. */
export function parallel(tree: Tree, now: number): Uint8Array {
  const marks = new Uint8Array(tree.spans.length);
  for (const siblings of [tree.top, ...tree.children]) {
    let [last, until] = [-1, -Infinity];
    for (const index of siblings) {
      const span = tree.spans[index];
      if (!span) continue;
      if (span.start < until) marks[index] = marks[last] = 1;
      const end = endOf(span, now);
      if (end > until) [last, until] = [index, end];
    }
  }
  return marks;
}
