import { expect, test } from "vitest";

import { align } from "../../src/model/align.ts";
import { readSpan, type Span } from "../../src/model/span.ts";
import { buildTree } from "../../src/model/tree.ts";
import { report } from "../support/demo.ts";
import { spanLine, type Made } from "../support/lines.ts";

const tree = (...made: Made[]) => buildTree(made.map((one) => readSpan(spanLine(one)) as Span));
const child = (id: string, at: number, more: Partial<Made> = {}): Made => ({ id, parent: "r", at, ms: 10, ...more });
const root: Made = { id: "r", ms: 100 };
const marks = (left: ReturnType<typeof tree>, right: ReturnType<typeof tree>) =>
  align(left, right).flatMap((pair) => {
    const name = left.spans[pair.left ?? -1]?.component ?? right.spans[pair.right ?? -1]?.component;
    return pair.marks.map((mark) => `${name} ${mark}`);
  });

test("a run does not differ from itself", () => {
  const one = buildTree(report("a", 0, 5, true).map((line) => readSpan(line) as Span));
  const pairs = align(one, one);
  expect(pairs).toHaveLength(one.spans.length);
  expect(pairs.flatMap((pair) => pair.marks)).toEqual([]);
});

test("what was added and what is gone", () => {
  const left = tree(root, child("x", 1), child("y", 20), child("z", 40));
  const right = tree(root, child("x", 1), child("new", 10), child("z", 40));
  expect(marks(left, right).sort()).toEqual(["new added", "y gone"]);
});

test("what is below an added span is added", () => {
  const right = tree(root, child("x", 1), { id: "below", parent: "x", at: 2 });
  expect(marks(tree(root), right)).toEqual(["x added", "below added"]);
});

test("slower and faster by a quarter and a millisecond, statuses, tokens, retries", () => {
  const usage = (input: number) => ({ attributes: { "gen_ai.usage.input_tokens": input } });
  const left = tree(root, child("a", 1), child("b", 20), child("c", 40, usage(5)), child("d", 60), child("e", 80, { ms: 0.1 }));
  const right = tree(
    root,
    child("a", 1, { ms: 20 }),
    child("b", 20, { ms: 5, status: "cancelled" }),
    child("c", 40, usage(6)),
    child("d", 60, { ms: 11, events: [{ name: "retry", at: 61 }] }),
    child("e", 80, { ms: 0.9 }),
  );
  expect(marks(left, right)).toEqual(["a slower", "b status", "b faster", "c tokens", "d retries"]);
});

test("many siblings are compared in time", () => {
  const many = (from: number) =>
    tree(root, ...Array.from({ length: 3_000 }, (_, at) => child(`s${from + at}`, at, { component: `c${(from + at) % 5_000}` })));
  const pairs = align(many(0), many(1_500));
  const both = pairs.filter((pair) => pair.left !== null && pair.right !== null);
  expect(both).toHaveLength(1_501);
  expect(pairs).toHaveLength(2 * 3_000 - 1_500 + 1);
});
