/** Runs of an imagined program, always the same: what the screenshots show. */

import { spanId, spanLine, traceId, type Made } from "./lines.ts";

/** Numbers that look random. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A chart of eight bars. */
export const PIXELS =
  "iVBORw0KGgoAAAANSUhEUgAAAGAAAAAwAQMAAADU2O2MAAAABlBMVEX6+vxPhuBpT3UbAAAALklEQVR42mNgoBOwP4CTc/gPkRyENgwOXCUhDlQblAORJIID0oaDA1Q5yiGWAwB1Zf4C6ZadVQAAAABJRU5ErkJggg==";

const text = (content: string) => ({ type: "text", content });

interface Call {
  model: string;
  input: number;
  output: number;
  cost?: number;
  before?: unknown[];
  after?: unknown[];
  more?: Record<string, unknown>;
}

function chat({ model, input, output, cost, before, after, more }: Call): Record<string, unknown> {
  return {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "example",
    "gen_ai.request.model": model,
    "gen_ai.usage.input_tokens": input,
    "gen_ai.usage.output_tokens": output,
    "gen_ai.usage.cache_read.input_tokens": Math.floor(input / 3),
    ...(cost === undefined ? {} : { "gen_ai.usage.cost": cost }),
    ...(before ? { "gen_ai.input.messages": before } : {}),
    ...(after ? { "gen_ai.output.messages": after } : {}),
    ...more,
  };
}

/** A report by several agents, with parallel searches. `hard` has failures in it. */
export function report(trace: string, at: number, seed: number, hard: boolean): string[] {
  const random = numbers(seed);
  const around = (ms: number) => Math.round(ms * (0.7 + random() * 0.7) * 1_000) / 1_000;
  const lines: string[] = [];
  const add = (made: Made) => {
    lines.push(spanLine({ trace, workflow: "market report", group: `desk-${seed % 3}`, ...made, id: `${trace}.${made.id}`, parent: made.parent == null ? null : `${trace}.${made.parent}` }));
    return (made.at ?? 0) + (made.ms ?? 0);
  };
  let now = at + 4;
  const question = { role: "user", parts: [text("Write a short report on the market for small wind turbines in coastal towns.")] };
  const asked = {
    role: "assistant",
    finish_reason: "tool_call",
    parts: [
      { type: "reasoning", content: "Three questions: prices, rules, and who sells. Prices and rules can be searched at once." },
      { type: "tool_call", id: "call_1", name: "outline", arguments: { topic: "small wind turbines", sections: ["prices", "rules", "sellers"] } },
    ],
  };
  const answered = { role: "tool", parts: [{ type: "tool_call_response", id: "call_1", response: { accepted: true, sections: 3 } }] };
  const planned = { role: "assistant", finish_reason: "stop", parts: [text("Search for:\n1. prices of turbines below 20 kW\n2. rules on height and noise\n3. sellers with a service within 100 km")] };
  // Planner
  const plan = now;
  let end = add({ id: "plan.1", parent: "plan", at: now + 2, ms: around(820), kind: "llm", component: "sage-large", attributes: chat({ model: "sage-large", input: 412, output: 96, cost: 0.0041, before: [question], after: [asked], more: { "gen_ai.system_instructions": "You plan reports. Use the tool `outline` once, then list what to search for." } }) });
  end = add({ id: "plan.2", parent: "plan", at: end + 1, ms: around(35), kind: "tool", component: "outline", attributes: { "tool.call_id": "call_1", "tool.arguments": { topic: "small wind turbines", sections: ["prices", "rules", "sellers"] }, "tool.result": { accepted: true, sections: 3 } } });
  end = add({ id: "plan.3", parent: "plan", at: end + 1, ms: around(640), kind: "llm", component: "sage-large", attributes: chat({ model: "sage-large", input: 545, output: 61, cost: 0.0044, before: [question, { role: "assistant", parts: asked.parts }, answered], after: [planned], more: { "gen_ai.system_instructions": "You plan reports. Use the tool `outline` once, then list what to search for." } }) });
  now = add({ id: "plan", parent: "report", at: plan, ms: end - plan + 1, component: "Planner" });
  // Three searches at once
  const started = now + 2;
  let last = started;
  ["prices", "rules", "sellers"].forEach((topic, place) => {
    const searcher = `search.${place}`;
    let here = started + 1 + place * 3;
    const tries = topic === "rules" ? [{ name: "retry", at: here + 180, attributes: { "retry.attempt": 1, "retry.reason": "rate_limited", "http.response.status_code": 429, "retry.delay_ms": 250 } }, { name: "retry", at: here + 520, attributes: { "retry.attempt": 2, "retry.reason": "rate_limited", "http.response.status_code": 429, "retry.delay_ms": 500 } }] : [];
    here = add({ id: `${searcher}.1`, parent: searcher, at: here, ms: around(topic === "rules" ? 1900 : 700), kind: "llm", component: "sage-small", events: tries, attributes: chat({ model: "sage-small", input: 260, output: 40, cost: 0.0003 }) });
    const failed = hard && topic === "sellers";
    here = add({ id: `${searcher}.2`, parent: searcher, at: here + 1, ms: around(topic === "prices" ? 480 : 900), kind: "tool", component: "web_search", attributes: { "tool.arguments": { query: topic, limit: 10 }, ...(failed ? {} : { "tool.result": { hits: 7, best: "https://example.org/turbines" } }) }, ...(failed ? { error: { type: "Timeout", message: "no answer from search.example within 900 ms", sources: ["connection to 192.0.2.10:443 timed out", "deadline has elapsed"] } } : {}) });
    here = add({ id: `${searcher}.3`, parent: searcher, at: here + 1, ms: around(600), kind: "llm", component: "sage-small", attributes: chat({ model: "sage-small", input: 900, output: 150, cost: 0.0009 }), status: "ok" });
    here = add({ id: searcher, parent: "gather", at: started + place * 3, ms: here - started - place * 3 + 1, component: `Searcher ${topic}` });
    last = Math.max(last, here);
  });
  if (hard) add({ id: "search.3", parent: "gather", at: started + 9, ms: last - started - 9, component: "Searcher news", status: "cancelled" });
  now = add({ id: "gather", parent: "report", at: started, ms: last - started + 1, kind: "pipeline", component: "Gather" });
  add({ id: "translate", parent: "report", at: now + 1, ms: 0.02, kind: "step", component: "Translate", attributes: { "step.skipped": true, "step.skip_reason": "condition not met: the sources are in another language" } });
  // Writer
  const write = now + 2;
  const chart = { type: "blob", modality: "image", mime_type: "image/png", name: "prices.png", content: PIXELS };
  const draft = { role: "assistant", finish_reason: "stop", parts: [text("## Small wind turbines on the coast\n\nPrices have fallen by a fifth in two years. Rules differ by town: most allow 12 m without a permit.")] };
  end = add({ id: "write.1", parent: "write", at: write + 2, ms: around(2600), kind: "llm", component: "sage-large", attributes: chat({ model: "sage-large", input: 3210, output: 640, cost: 0.0312, before: [{ role: "user", parts: [text("Write the report from these notes. The chart shows prices."), chart] }], after: [draft], more: { "gen_ai.usage.reasoning.output_tokens": 210, "gen_ai.response.time_to_first_chunk": 0.64, "gen_ai.request.temperature": 0.3 } }) });
  now = add({ id: "write", parent: "report", at: write, ms: end - write + 1, component: "Writer", events: [{ name: "gen_ai.evaluation.result", at: end, attributes: { "gen_ai.evaluation.name": "grounded", "gen_ai.evaluation.score.value": hard ? 0.55 : 0.93, "gen_ai.evaluation.score.label": hard ? "fail" : "pass", "gen_ai.evaluation.explanation": "Two of three claims have a source." } }] });
  end = add({ id: "check", parent: "report", at: now + 1, ms: around(140), kind: "guardrail", component: "No promises", attributes: { "guardrail.stage": "output", "guardrail.triggered": hard }, ...(hard ? { error: { type: "GuardrailTriggered", message: "the report promises savings" } } : {}) });
  add({ id: "report", at, ms: end - at + 2, kind: "pipeline", component: "Report", metadata: { "user.id": `u-${seed % 5}`, "tag.tags": ["nightly", hard ? "large" : "small"], "service.version": seed > 50 ? "1.3.0" : "1.2.4" }, ...(hard ? { error: { type: "GuardrailTriggered", message: "the report promises savings" } } : {}) });
  return lines;
}

/** A short exchange with one model call. */
export function answer(trace: string, at: number, seed: number): string[] {
  const random = numbers(seed);
  const ms = 300 + random() * random() * 9_000;
  const stopped = seed % 11 === 0;
  const metadata = { "user.id": `u-${seed % 5}`, "session.id": `s-${seed % 7}` };
  const common = { trace, workflow: "support chat", group: `chat-${seed % 7}`, metadata };
  const before = [{ role: "user", parts: [text(`Where is my parcel ${1_000 + seed}?`)] }];
  const after = [{ role: "assistant", finish_reason: "stop", parts: [text("It left the depot this morning.")] }];
  const attributes = chat({ model: "sage-small", input: 150 + (seed % 90), output: 30 + (seed % 40), before, after, ...(seed % 4 === 0 ? {} : { cost: 0.0002 * (1 + random()) }) });
  return [
    spanLine({ ...common, id: `${trace}.m`, parent: `${trace}.a`, at: at + 1, ms: ms - 2, kind: "llm", component: "sage-small", attributes, ...(stopped ? { status: "cancelled" } : {}) }),
    spanLine({ ...common, id: `${trace}.a`, at, ms, component: "Support", ...(stopped ? { status: "cancelled" } : {}) }),
  ];
}

/** A score that a person gave later: a span of its own, in a trace of its own, that links to the scored one. */
export function judgement(trace: string, of: { trace: string; span: string }, at: number, label: string): string {
  const attributes = { "gen_ai.evaluation.name": "helpful", "gen_ai.evaluation.score.label": label };
  const events = [{ name: "gen_ai.evaluation.result", at, attributes }];
  const links = [{ trace_id: `trace_${traceId(of.trace)}`, span_id: `span_${spanId(of.span)}`, attributes: {} }];
  return spanLine({ trace, id: `${trace}.e`, at, ms: 0.05, kind: "evaluator", component: "helpful", events, links });
}

/** Some days of runs. */
export function demo(): string {
  const lines: string[] = [];
  for (let hour = 0; hour < 90; hour += 1) {
    const at = hour * 2_700_000 + (hour % 7) * 61_000;
    if (hour % 3 === 0) lines.push(...report(`report ${hour}`, at, hour + 1, hour % 9 === 6 || hour === 87));
    else lines.push(...answer(`answer ${hour}`, at, hour));
  }
  return `${lines.join("\n")}\n`;
}

/** One run of many spans: agents that call models and tools. */
export function many(count: number): string {
  const lines: string[] = [];
  const perAgent = 20;
  const agents = Math.ceil((count - 1) / perAgent);
  for (let agent = 0; agent < agents; agent += 1) {
    const at = (agent % 997) * 13;
    for (let step = 0; step < perAgent - 1; step += 1) {
      const isModel = step % 2 === 0;
      const attributes = isModel ? chat({ model: "sage-small", input: 100 + step, output: 10, cost: 0.0001 }) : { "tool.arguments": { step }, "tool.result": "done" };
      lines.push(spanLine({ trace: "many", id: `${agent}.${step}`, parent: `${agent}.`, at: at + step * 5, ms: 4.5, kind: isModel ? "llm" : "tool", component: isModel ? "sage-small" : "look", attributes, workflow: "many" }));
    }
    lines.push(spanLine({ trace: "many", id: `${agent}.`, parent: "root", at, ms: 100, component: `Agent ${agent}`, workflow: "many" }));
  }
  lines.push(spanLine({ trace: "many", id: "root", ms: 14_000, kind: "pipeline", component: "Many", workflow: "many" }));
  return `${lines.join("\n")}\n`;
}
