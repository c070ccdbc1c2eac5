import { expect, test } from "vitest";

import { imageOfUrl, imageSource, messages } from "../../src/model/content.ts";
import { conversation } from "../../src/model/conversation.ts";
import { ask, asked, runFilter } from "../../src/model/filter.ts";
import { scoreTitle } from "../../src/model/score.ts";
import { Store } from "../../src/model/store.ts";
import { cost, duration, oneLine, short, shown } from "../../src/model/text.ts";
import { usages } from "../../src/model/usage.ts";
import { formatRoute, parseRoute } from "../../src/route.ts";
import { demo, judgement, PIXELS, report } from "../support/demo.ts";
import { spanLine, traceId } from "../support/lines.ts";

const store = (text: string) => {
  const all = new Store();
  for (const line of text.split("\n")) all.add(line);
  return all;
};

test("images are data of few types", () => {
  expect(imageSource("image/png", PIXELS)).toMatch(/^data:image\/png;base64,/);
  for (const type of ["image/svg+xml", "text/html", "image/png;x", "", "IMAGE/SVG+XML"]) {
    expect(imageSource(type, PIXELS), type).toBeNull();
  }
  expect(imageSource("image/png", "<script>")).toBeNull();
  expect(imageSource("image/gif", PIXELS)).toBeNull();
  expect(imageOfUrl("https://example.org/a.png")).toBeNull();
  expect(imageOfUrl("data:text/html;base64,AAAA")).toBeNull();
  expect(imageOfUrl(`data:image/png;base64,${PIXELS}`)).toMatch(/^data:image\/png/);
});

test("messages in the forms that libraries record", () => {
  const read = (value: unknown) => messages(value as never, "user");
  expect(read("plain")).toEqual([{ role: "user", parts: [{ type: "text", text: "plain" }], finish: null }]);
  expect(read('[{"role":"user","parts":[{"type":"text","content":"hi"}]}]')[0]?.parts).toEqual([{ type: "text", text: "hi" }]);
  expect(read([{ role: "user", content: "hi" }])[0]?.parts).toEqual([{ type: "text", text: "hi" }]);
  expect(
    read([{ role: "assistant", content: null, tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: '{"a":1}' } }] }])[0]?.parts,
  ).toEqual([{ type: "call", id: "1", name: "f", arguments: { a: 1 } }]);
  expect(read([{ role: "tool", tool_call_id: "1", content: "done" }])[0]?.parts).toEqual([{ type: "result", id: "1", result: "done", parts: [] }]);
  expect(read([{ type: "text", content: "x" }])[0]?.parts).toEqual([{ type: "text", text: "x" }]);
  expect(read([5, null, [], { role: 7, parts: "odd" }])).toHaveLength(4);
});

test("a conversation shows each message once", () => {
  const all = store(report("a", 0, 3, false).join("\n"));
  const tree = [...all.traces.values()][0]?.tree();
  if (!tree) throw new Error("no tree");
  const { entries, tools } = conversation(tree);
  const planner = entries.slice(0, entries.findIndex((entry, at) => at > 0 && entry.type === "agent"));
  const roles = planner.map((entry) => (entry.type === "message" ? entry.message.role : entry.type));
  expect(roles).toEqual(["agent", "system", "user", "assistant", "tool", "assistant"]);
  expect(tools.size).toBe(1);
});

test("usage adds up by model and by agent, and unknown costs stay unknown", () => {
  const attributes = { "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5 };
  const all = store(
    [
      spanLine({ id: "a", component: "A" }),
      spanLine({ id: "b", parent: "a", kind: "llm", attributes: { ...attributes, "gen_ai.usage.cost": 0.5 } }),
      spanLine({ id: "c", parent: "a", kind: "llm", attributes }),
      spanLine({ id: "d", kind: "response", attributes: { ...attributes, "gen_ai.request.model": "free" } }),
    ].join("\n"),
  );
  const { models, agents } = usages([...all.traces.values()].map((trace) => trace.tree()));
  expect(models).toMatchObject([
    { name: "m", calls: 2, input: 20, output: 10, cost: 0.5, unpriced: 1 },
    { name: "free", calls: 1, cost: null, unpriced: 1 },
  ]);
  expect(agents.map((agent) => agent.name)).toEqual(["A", "(no agent)"]);
  expect([cost(0.5, 1), cost(null, 1), cost(null)]).toEqual(["≥ $0.500", "?", ""]);
  const amounts = [0, 0.000_000_15, 0.001_725, 0.012_345, 0.5, 1, 12.345, 1234.5].map((amount) => cost(amount));
  // As the program writes them.
  expect(amounts).toEqual(["$0", "$0.00000015", "$0.0017", "$0.0123", "$0.500", "$1.00", "$12.35", "$1234.50"]);
});

test("filters of runs", () => {
  const all = store(demo());
  const runs = all.runs();
  const found = (query: string) => runs.filter((run) => runFilter(query)(run, all.traces.get(run.id) as never)).length;
  expect(found("")).toBe(runs.length);
  expect(found("market")).toBe(30);
  expect(found("-market")).toBe(60);
  expect(found("planner kind:guardrail")).toBe(30);
  expect(found("status:error")).toBe(10);
  expect(found("error:timeout")).toBe(10);
  expect(found("model:sage-large")).toBe(30);
  expect(found('content:"parcel 1001"')).toBe(1);
  expect(found(">5s") + found("<5s")).toBe(runs.length);
  expect(found("group:desk")).toBe(30);
  expect(found("no(thing[")).toBe(0);
});

test("filters by user, session, tag, release, environment and score", () => {
  const lines = [
    spanLine({ trace: "a", id: "a", metadata: { "user.id": "Ada", "session.id": "s 1", "tag.tags": ["x", "y"] } }),
    spanLine({ trace: "b", id: "b", metadata: { "user.id": "bob", "tag.tags": '["y","z"]' } }),
    spanLine({ trace: "b", id: "c", parent: "b", attributes: { "service.version": "1.2", "deployment.environment.name": "test" } }),
    judgement("j", { trace: "a", span: "a" }, 50, "good"),
    spanLine({ trace: "c", id: "d", events: [{ name: "gen_ai.evaluation.result", at: 1, attributes: { "gen_ai.evaluation.name": "grounded", "gen_ai.evaluation.score.value": 0.4 } }] }),
  ];
  const all = store(lines.join("\n"));
  const names = ["a", "b", "c", "j"];
  const found = (query: string) => {
    const holds = runFilter(query);
    return names.filter((name) => holds(all.traces.get(traceId(name))?.run() as never, all.traces.get(traceId(name)) as never)).join("");
  };
  expect([found("user:ada"), found("user:"), found("-user:ada"), found("ada")]).toEqual(["a", "ab", "bcj", "a"]);
  expect([found('session:"s 1"'), found("tag:y"), found("tag:z tag:y"), found("release:1.2"), found("environment:test")]).toEqual(["a", "ab", "b", "b", "b"]);
  expect([found("score:helpful"), found("score:good"), found("score:grounded<0.5"), found("score:grounded>0.5"), found("score:<1")]).toEqual(["aj", "aj", "c", "", "c"]);
  expect(ask("market", "user", "Ada L")).toBe('market user:"Ada L"');
  expect(ask('market user:"Ada L"', "user", "")).toBe("market");
  expect(asked('x user:"Ada L"', "user")).toBe("Ada L");
});

test("a run is named by its workflow, its root, or the first agent below a runner", () => {
  const agent = { trace: "a", kind: "agent", component: "Clerk", at: 5 };
  const later = { ...agent, component: "Writer", at: 9 };
  const below = (kind: string, workflow: string | null) =>
    [spanLine({ trace: "a", id: "a", kind, component: "Outer", workflow }), spanLine({ ...later, id: "c", parent: "b" }), spanLine({ ...agent, id: "b", parent: "a" })].join("\n");
  const name = (lines: string) => store(lines).traces.get(traceId("a"))?.run().name;
  expect([name(below("pipeline", null)), name(below("runner", null)), name(below("runner", "nightly"))]).toEqual(["Outer", "Clerk", "nightly"]);
  expect(name(spanLine({ ...agent, id: "b", parent: "a" }))).toBe("Clerk");
});

test("a run that went on after a pause lasts until its end", () => {
  const paused = spanLine({ trace: "a", id: "a", kind: "runner", ms: 10, status: "unset", attributes: { paused: true } });
  const resumed = spanLine({ trace: "a", id: "b", parent: "a", at: 900, ms: 50, attributes: { resumed: true } });
  const run = (lines: string) => store(lines).traces.get(traceId("a"))?.run();
  expect([run(paused)?.status, run(paused)?.duration]).toEqual(["paused", 10]);
  expect([run(`${paused}\n${resumed}`)?.status, run(`${paused}\n${resumed}`)?.duration]).toEqual(["ok", 950]);
  // A part around it ends at the same time, and determines the status of the run.
  const outer = spanLine({ trace: "a", id: "c", parent: "a", at: 800, ms: 150, status: "error", attributes: { resumed: true } });
  for (const lines of [[paused, resumed, outer], [outer, resumed, paused]]) expect(run(lines.join("\n"))?.status).toBe("error");
});

test("a score that another span gave is one of the scored span, whichever is read first", () => {
  const scored = spanLine({ trace: "a", id: "a" });
  const judge = judgement("j", { trace: "a", span: "a" }, 50, "good");
  for (const lines of [[scored, judge, judge], [judge, scored]]) {
    const all = store(lines.join("\n"));
    const trace = all.traces.get(traceId("a"));
    const span = [...(trace?.spans() ?? [])][0];
    expect(span && trace?.scoresOf(span).map(scoreTitle)).toEqual(["helpful good"]);
    expect(trace?.run().scores).toHaveLength(1);
  }
  // In the same trace, it counts once.
  const all = store([scored, judgement("a", { trace: "a", span: "a" }, 50, "good")].join("\n"));
  expect(all.runs().map((run) => run.scores.length)).toEqual([1]);
});

test("hidden characters are made visible", () => {
  expect(shown("a\u202eb")).toBe("a⟨U+202E⟩b");
  expect(shown("\u001b[31mred")).toBe("␛[31mred");
  expect(shown("a\u{e0041}b")).toBe("a⟨U+E0041⟩b");
  expect(shown("tab\tline\n")).toBe("tab\tline\n");
  expect(shown("a\u200bb\u009b")).toBe("a⟨ZWSP⟩b⟨U+009B⟩");
  expect(oneLine("a\n  b")).toBe("a ⏎ b");
  expect(shown("👩‍🚀 é")).toBe("👩‍🚀 é");
});

test("durations and counts", () => {
  expect([0, 0.0004, 0.25, 5, 50, 500, 5_000, 59_940, 61_000, 7_200_000, 90_000_000].map(duration)).toEqual([
    "0", "<1 µs", "250 µs", "5.00 ms", "50.0 ms", "500 ms", "5.00 s", "59.9 s", "1 min 1 s", "2 h 0 min", "1 d 1 h",
  ]);
  expect([999, 9_014, 123_456, 12_345_678].map(short)).toEqual(["999", "9k", "123k", "12.3M"]);
});

test("the address says what is shown", () => {
  const route = parseRoute("#trace=trace_AB&span=span_CD&view=compare&with=ef");
  expect(route).toEqual({ trace: "ab", span: "cd", view: "compare", with: "ef" });
  expect(parseRoute(formatRoute(route))).toEqual(route);
  expect(parseRoute("#view=javascript:alert(1)")).toEqual({ trace: null, span: null, view: "waterfall", with: null });
});
