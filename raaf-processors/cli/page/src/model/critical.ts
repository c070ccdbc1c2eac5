/** The critical path: the work that made a run take as long as it did. */

import { endOf } from "./span.ts";
import type { Tree } from "./tree.ts";

/** Parts of each span, by index, in which it and none of its children held up the run. */
export type Critical = Map<number, [from: number, to: number][]>;

/**
 * Goes back from the end of the longest root: what ended last is on the path, then what ended last
 * before that started. Children that outlive their parents are cut to them.
 */
export function criticalPath(tree: Tree, now: number): Critical {
  const path: Critical = new Map();
  const root = longest(tree, now);
  const open: [index: number, until: number][] = root === null ? [] : [[root, Infinity]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [index, until] = next;
    const span = tree.spans[index];
    if (!span) continue;
    const parts: [number, number][] = [];
    const end = Math.min(endOf(span, now), until);
    let cursor = end;
    const ends = (tree.children[index] ?? []).map((child) => {
      const start = Math.max(tree.spans[child]?.start ?? 0, span.start);
      const stop = tree.spans[child] ? Math.min(endOf(tree.spans[child], now), end) : start;
      return { child, start, stop };
    });
    ends.sort((a, b) => b.stop - a.stop);
    for (const { child, start, stop } of ends) {
      if (stop > cursor || start >= stop) continue;
      if (stop < cursor) parts.push([stop, cursor]);
      open.push([child, stop]);
      cursor = start;
    }
    if (cursor > span.start || ends.length === 0) parts.push([span.start, cursor]);
    path.set(index, parts.reverse());
  }
  return path;
}

function longest(tree: Tree, now: number): number | null {
  let best: number | null = null;
  let length = -1;
  for (const index of tree.top) {
    const span = tree.spans[index];
    if (!span) continue;
    const taken = endOf(span, now) - span.start;
    if (taken > length) [best, length] = [index, taken];
  }
  return best;
}

/** The time in which a span ran and none of its children did, in milliseconds. */
export function selfTime(tree: Tree, index: number, now: number): number {
  const span = tree.spans[index];
  if (!span) return 0;
  const end = endOf(span, now);
  let [own, until] = [0, span.start];
  for (const child of tree.children[index] ?? []) {
    const below = tree.spans[child];
    if (!below) continue;
    own += Math.max(0, Math.min(below.start, end) - until);
    until = Math.max(until, endOf(below, now));
  }
  return own + Math.max(0, end - until);
}
