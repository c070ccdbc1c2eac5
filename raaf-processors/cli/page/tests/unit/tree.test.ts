import { expect, test } from "vitest";

import { criticalPath, selfTime } from "../../src/model/critical.ts";
import { readSpan, type Span } from "../../src/model/span.ts";
import { buildTree, parallel, visible } from "../../src/model/tree.ts";
import { EPOCH, spanLine, startLine, type Made } from "../support/lines.ts";

const span = (made: Made): Span => readSpan(spanLine(made)) as Span;
const names = (tree: ReturnType<typeof buildTree>, rows: Iterable<number> = tree.walk) =>
  [...rows].map((index) => `${"  ".repeat(tree.depths[index] ?? 0)}${tree.spans[index]?.component}`);
const kinds = (tree: ReturnType<typeof buildTree>) => tree.problems.map((problem) => problem.kind);

const family = [
  span({ id: "c", parent: "b", at: 3, ms: 1 }),
  span({ id: "d", parent: "a", at: 6, ms: 2 }),
  span({ id: "b", parent: "a", at: 1, ms: 4 }),
  span({ id: "a", at: 0, ms: 10 }),
];

test("children follow their parents in the order of their starts", () => {
  const tree = buildTree(family);
  expect(names(tree)).toEqual(["a", "  b", "    c", "  d"]);
  expect(tree.problems).toEqual([]);
});

test("what is below a collapsed span is not visible", () => {
  const tree = buildTree(family);
  expect(names(tree, visible(tree, new Set([tree.spans[1]?.id ?? ""])))).toEqual(["a", "  b", "  d"]);
});

test("spans whose parents are missing are at the top, as orphans", () => {
  const tree = buildTree([...family, span({ id: "lost", parent: "gone", at: 2 })]);
  expect(names(tree)).toEqual(["a", "  b", "    c", "  d", "lost"]);
  expect(kinds(tree)).toEqual(["orphan"]);
});

test("a parent in another process is no problem", () => {
  const tree = buildTree([span({ id: "x", parent: "elsewhere", root: true })]);
  expect(tree.problems).toEqual([]);
});

test("each loop is cut once, and nothing is lost", () => {
  const loop = [
    span({ id: "1", parent: "3", at: 1 }),
    span({ id: "2", parent: "1", at: 2 }),
    span({ id: "3", parent: "2", at: 3 }),
    span({ id: "4", parent: "2", at: 4 }),
    span({ id: "5", parent: "5", at: 5 }),
  ];
  const tree = buildTree(loop);
  expect(names(tree)).toEqual(["1", "  2", "    3", "    4", "5"]);
  expect(kinds(tree)).toEqual(["loop", "loop", "no root"]);
});

test("a very deep tree is no problem", () => {
  const chain = Array.from({ length: 20_000 }, (_, at) => span({ id: `n${at}`, parent: at ? `n${at - 1}` : null, at, ms: 1 }));
  const tree = buildTree(chain);
  expect(tree.walk).toHaveLength(20_000);
  expect(criticalPath(tree, 0).size).toBeGreaterThan(0);
});

test("a child that starts before its parent says so: a clock was set", () => {
  const tree = buildTree([span({ id: "a", at: 0 }), span({ id: "b", parent: "a", at: -250 }), span({ id: "c", parent: "a", at: 0 })]);
  expect(tree.problems).toMatchObject([{ kind: "before parent", text: expect.stringContaining("250 ms") }]);
});

test("a span that has not ended says so", () => {
  const tree = buildTree([readSpan(startLine({ id: "a" })) as Span]);
  expect(kinds(tree)).toEqual(["never ended"]);
});

test("the critical path goes back from the end over what ended last", () => {
  const tree = buildTree([
    span({ id: "root", at: 0, ms: 100 }),
    span({ id: "plan", parent: "root", at: 0, ms: 20 }),
    span({ id: "fast", parent: "root", at: 20, ms: 30 }),
    span({ id: "slow", parent: "root", at: 21, ms: 60 }),
    span({ id: "write", parent: "root", at: 85, ms: 15 }),
  ]);
  const path = criticalPath(tree, 0);
  expect([...path.keys()].map((index) => tree.spans[index]?.component).sort()).toEqual(["plan", "root", "slow", "write"]);
  const own = path.get(tree.indices.get(tree.spans[0]?.id ?? "") ?? -1);
  expect(own?.map(([from, to]) => [from - EPOCH, to - EPOCH])).toEqual([[20, 21], [81, 85]]);
});

test("children that outlive their parent count up to its end", () => {
  const tree = buildTree([
    span({ id: "root", at: 0, ms: 10 }),
    span({ id: "late", parent: "root", at: 5, ms: 50 }),
  ]);
  const late = tree.spans.findIndex((one) => one.component === "late");
  expect(criticalPath(tree, 0).get(late)).toEqual([[EPOCH + 5, EPOCH + 10]]);
});

test("parts of the critical path fill the run without overlap", () => {
  const tree = buildTree(family);
  const parts = [...criticalPath(tree, 0).values()].flat().sort((a, b) => a[0] - b[0]);
  let at = EPOCH;
  for (const [from, to] of parts) {
    expect(from).toBeCloseTo(at, 6);
    at = to;
  }
  expect(at).toBeCloseTo(EPOCH + 10, 6);
});

test("time of its own is what no child covers", () => {
  expect(selfTime(buildTree(family), 0, 0)).toBeCloseTo(4, 6);
});

test("siblings at the same time are marked", () => {
  const tree = buildTree([
    span({ id: "r", at: 0, ms: 50 }),
    span({ id: "x", parent: "r", at: 1, ms: 10 }),
    span({ id: "y", parent: "r", at: 5, ms: 10 }),
    span({ id: "z", parent: "r", at: 20, ms: 10 }),
  ]);
  expect([...parallel(tree, 0)]).toEqual([0, 1, 1, 0]);
});
