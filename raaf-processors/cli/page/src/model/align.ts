/** Two runs side by side. */

import type { Span } from "./span.ts";
import type { Tree } from "./tree.ts";

export type Mark = "added" | "gone" | "status" | "slower" | "faster" | "tokens" | "cost" | "retries" | "model" | "error" | "contents";

export interface Pair {
  left: number | null;
  right: number | null;
  depth: number;
  marks: Mark[];
}

/** Largest product of two lists of siblings that are compared in all ways. */
const MOST = 1_000_000;

/** Pairs the spans of two trees: those of the same component under paired parents, in order. */
export function align(left: Tree, right: Tree): Pair[] {
  const rows: Pair[] = [];
  const open: Pair[] = pairs(left, left.top, right, right.top, 0).reverse();
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    rows.push(pair);
    const below = (tree: Tree, at: number | null) => (at === null ? [] : (tree.children[at] ?? []));
    const next = pairs(left, below(left, pair.left), right, below(right, pair.right), pair.depth + 1);
    for (let last = next.length - 1; last >= 0; last -= 1) open.push(next[last] as Pair);
  }
  return rows;
}

function pairs(left: Tree, a: number[], right: Tree, b: number[], depth: number): Pair[] {
  const keys = (tree: Tree, all: number[]) => all.map((at) => key(tree.spans[at]));
  return matched(keys(left, a), keys(right, b)).map(([i, j]) => {
    const [at, to] = [i === null ? null : (a[i] ?? null), j === null ? null : (b[j] ?? null)];
    const marks = differences(at === null ? undefined : left.spans[at], to === null ? undefined : right.spans[to]);
    return { left: at, right: to, depth, marks };
  });
}

const key = (span: Span | undefined): string => (span ? `${span.kind}\n${span.component}\n${span.method}` : "");

type Match = [number | null, number | null];

/** A longest common subsequence; beyond a size, whatever comes next in both. */
function matched(a: string[], b: string[]): Match[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let [endA, endB] = [a.length, b.length];
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) [endA, endB] = [endA - 1, endB - 1];
  const result: Match[] = [];
  for (let same = 0; same < start; same += 1) result.push([same, same]);
  const [m, n] = [endA - start, endB - start];
  if (m * n > MOST) result.push(...greedy(a, start, endA, b, start, endB));
  else result.push(...longest(a, start, m, b, n));
  for (let same = 0; same < a.length - endA; same += 1) result.push([endA + same, endB + same]);
  return result;
}

function longest(a: string[], start: number, m: number, b: string[], n: number): Match[] {
  const wide = n + 1;
  const lengths = new Uint32Array((m + 1) * wide);
  const at = (i: number, j: number) => lengths[i * wide + j] ?? 0;
  for (let i = m - 1; i >= 0; i -= 1) {
    for (let j = n - 1; j >= 0; j -= 1) {
      const same = a[start + i] === b[start + j];
      lengths[i * wide + j] = same ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const result: Match[] = [];
  let [i, j] = [0, 0];
  while (i < m || j < n) {
    if (i < m && j < n && a[start + i] === b[start + j]) result.push([start + i++, start + j++]);
    else if (j >= n || (i < m && at(i + 1, j) >= at(i, j + 1))) result.push([start + i++, null]);
    else result.push([null, start + j++]);
  }
  return result;
}

function greedy(a: string[], fromA: number, toA: number, b: string[], fromB: number, toB: number): Match[] {
  const places = new Map<string, number[]>();
  for (let j = toB - 1; j >= fromB; j -= 1) {
    const known = places.get(b[j] ?? "");
    if (known) known.push(j);
    else places.set(b[j] ?? "", [j]);
  }
  const result: Match[] = [];
  let next = fromB;
  for (let i = fromA; i < toA; i += 1) {
    const found = places.get(a[i] ?? "") ?? [];
    while (found.length > 0 && (found[found.length - 1] ?? 0) < next) found.pop();
    const j = found.pop();
    if (j === undefined) {
      result.push([i, null]);
      continue;
    }
    while (next < j) result.push([null, next++]);
    result.push([i, j]);
    next = j + 1;
  }
  while (next < toB) result.push([null, next++]);
  return result;
}

/** A duration differs if it is a quarter longer or shorter, and by a millisecond or more. */
function differences(left: Span | undefined, right: Span | undefined): Mark[] {
  if (!left) return right ? ["added"] : [];
  if (!right) return ["gone"];
  const marks: Mark[] = [];
  if (left.status !== right.status) marks.push("status");
  if (left.errorType !== right.errorType) marks.push("error");
  if (left.model !== right.model) marks.push("model");
  if (left.retries.length !== right.retries.length) marks.push("retries");
  if (left.input !== right.input || left.output !== right.output) marks.push("tokens");
  if (left.cost !== right.cost) marks.push("cost");
  const [a, b] = [left.duration, right.duration];
  if (a !== null && b !== null && Math.abs(a - b) >= 1) {
    if (b > a * 1.25) marks.push("slower");
    else if (a > b * 1.25) marks.push("faster");
  }
  return marks;
}
