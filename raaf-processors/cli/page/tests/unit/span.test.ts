import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import { detail, parseExact } from "../../src/model/record.ts";
import { bareId, readSpan, readTime } from "../../src/model/span.ts";
import { Store } from "../../src/model/store.ts";
import { judgement } from "../support/demo.ts";
import { EPOCH, spanLine, startLine, traceId } from "../support/lines.ts";

const made = { trace: "a", id: "1", at: 1.5, ms: 0.25, kind: "tool", component: "Search" };

test("a line of version 2 is read", () => {
  const error = { type: "Timeout", message: "no answer", sources: ["reset"] };
  const span = readSpan(spanLine({ ...made, parent: "0", error, workflow: "w", group: "g" }));
  expect(span).toMatchObject({
    start: EPOCH + 1.5,
    duration: 0.25,
    status: "error",
    kind: "tool",
    component: "Search",
    method: "run",
    workflow: "w",
    group: "g",
    errorType: "Timeout",
    errorMessage: "no answer",
    localRoot: false,
  });
  expect(span && detail(span).sources).toEqual(["reset"]);
});

test("a line of version 1 is read", () => {
  const line = JSON.stringify({
    v: 1,
    type: "span",
    trace_id: "trace_0af7651916cd43dd8448eb211c80319c",
    span_id: "span_b7ad6b7169203331",
    parent_id: null,
    start: "2026-01-01T00:00:00.001500Z",
    end: "2026-01-01T00:00:00.003500Z",
    status: "error",
    kind: "llm",
    component: "m",
    error: { type: "E", message: "m", sources: ["s"] },
    trace: { workflow_name: "w", group_id: "g", metadata: { team: "x" } },
    attributes: { "gen_ai.usage.input_tokens": 7, "gen_ai.request.model": "gpt" },
    events: [],
  });
  const span = readSpan(line);
  expect(span).toMatchObject({ workflow: "w", group: "g", errorType: "E", input: 7, model: "gpt" });
  expect(span?.duration).toBeCloseTo(2, 6);
  expect(span && detail(span).sources).toEqual(["s"]);
  expect(span && detail(span).metadata).toEqual([["team", "x"]]);
});

test("other lines are no spans", () => {
  const start = spanLine(made);
  for (const line of ["{", "[]", "null", '"text"', '{"type":"later"}', start.slice(0, 100), '{"type":"span"}']) {
    expect(readSpan(line), line).toBeNull();
  }
});

test("unknown statuses, missing fields and wrong types do no harm", () => {
  const line = `{"type":"span","trace_id":"A","span_id":"B","started_at":"2026-01-01T00:00:00Z","status":"odd","duration_ms":"x","events":[1,{"name":"retry"}],"attributes":[]}`;
  expect(readSpan(line)).toMatchObject({ trace: "a", id: "b", status: "unset", duration: 0, retries: [] });
});

test("times have microseconds", () => {
  expect(readTime("2026-01-01T00:00:00.123456Z")).toBeCloseTo(Date.UTC(2026, 0, 1) + 123.456, 3);
  expect(readTime("2026-01-01T00:00:00Z")).toBe(Date.UTC(2026, 0, 1));
  expect(readTime("2026-01-01T01:00:00.5+01:00")).toBe(Date.UTC(2026, 0, 1) + 500);
  expect(readTime("yesterday")).toBeNull();
  expect(readTime(5)).toBeNull();
});

test("ids are compared without their prefix", () => {
  expect(bareId("trace_0AF7")).toBe("0af7");
  expect(bareId("0af7")).toBe("0af7");
});

test("cost that is unknown is not zero", () => {
  expect(readSpan(spanLine({ ...made, attributes: { "gen_ai.usage.cost": -1 } }))?.cost).toBeNull();
  // The program adds the cost by its prices as the first field.
  expect(readSpan(`{"cost":0.00000015,${spanLine(made).slice(1)}`)?.cost).toBe(0.00000015);
  expect(readSpan(spanLine(made))?.cost).toBeNull();
  expect(readSpan(spanLine({ ...made, attributes: { "gen_ai.usage.cost": 0 } }))?.cost).toBe(0);
});

test("integers beyond doubles keep their digits", () => {
  expect(parseExact('{"n":18446744073709551615,"f":1.5,"e":1e300}')).toEqual({ n: expect.anything(), f: 1.5, e: 1e300 });
  // Runtimes that do not give the source fall back to doubles.
  const exact = (parseExact("18446744073709551615") as bigint).toString();
  expect(["18446744073709551615", "18446744073709552000"]).toContain(exact);
});

test("an end replaces its start, in any order; the first of two ends stays", () => {
  for (const lines of [
    [startLine(made), spanLine(made)],
    [spanLine(made), startLine(made)],
  ]) {
    const store = new Store();
    for (const line of lines) store.add(line);
    expect(store.spans).toBe(1);
    expect(store.runs()[0]).toMatchObject({ spans: 1, running: 0 });
  }
  const store = new Store();
  store.add(spanLine({ ...made, component: "first" }));
  store.add(spanLine({ ...made, component: "second" }));
  const tree = [...store.traces.values()][0]?.tree();
  expect(tree?.spans.map((span) => span.component)).toEqual(["first"]);
  expect(tree?.problems.map((problem) => problem.kind)).toEqual(["duplicate"]);
});

test("a store with a limit forgets the oldest runs", () => {
  const store = new Store(10);
  for (let run = 0; run < 12; run += 1) store.add(spanLine({ ...made, trace: `t${run}` }));
  expect(store.spans).toBe(10);
  expect(store.traces.size).toBe(10);
});

test("a real file is read whole", () => {
  const store = new Store();
  const file = readFileSync(new URL("../fixtures/quickstart.jsonl", import.meta.url), "utf8");
  for (const line of file.split("\n")) store.add(line);
  expect(store.unreadable).toBe(0);
  const runs = store.runs();
  expect(runs).toHaveLength(1);
  expect(runs[0]).toMatchObject({ name: "text report", status: "ok", running: 0, errors: 0 });
  expect([...store.traces.values()][0]?.tree().problems).toEqual([]);
});

test("a run that has paused ends as the part that went on last", () => {
  const paused = { ...made, trace: "p", status: "unset", attributes: { paused: true } };
  const lines = [
    spanLine({ ...paused, id: "root", parent: null, at: 0 }),
    spanLine({ ...paused, id: "first", parent: "root", at: 1 }),
    spanLine({ ...made, trace: "p", id: "second", parent: "first", at: 90, status: "ok", attributes: { resumed: true } }),
  ];
  const status = (count: number) => {
    const store = new Store();
    for (const line of lines.slice(0, count)) store.add(line);
    return store.runs()[0]?.status;
  };
  expect([status(2), status(3)]).toEqual(["paused", "ok"]);
});

test("a trace that only judges another is no run", () => {
  const store = new Store();
  for (const line of [spanLine({ ...made, trace: "a", id: "a" }), judgement("j", { trace: "a", span: "a" }, 50, "good")])
    store.add(line);
  expect(store.runs().map((run) => run.id)).toEqual([traceId("a")]);
});
