/** Spans, read from lines of the trace file format, versions 1 and 2. */

import { scores, type Score } from "./score.ts";
import { readWho, type Who } from "./who.ts";

export type Status = "ok" | "error" | "cancelled" | "stale" | "unset" | "running" | "skipped" | "paused";

export type Json = string | number | bigint | boolean | null | Json[] | { [key: string]: Json };

/** What lists and trees show of a span. The rest is read from its line when it is asked for. */
export interface Span {
  trace: string;
  id: string;
  parent: string | null;
  /** No span of its process encloses it. */
  localRoot: boolean;
  /** Milliseconds since 1970, with fractions. */
  start: number;
  /** In milliseconds; null while the span has not ended. */
  duration: number | null;
  status: Status;
  kind: string;
  component: string;
  method: string;
  workflow: string | null;
  group: string | null;
  errorType: string | null;
  errorMessage: string | null;
  model: string | null;
  input: number;
  output: number;
  cached: number;
  reasoning: number;
  /** It reports its tokens. */
  counted: boolean;
  /** In US dollars; null where it is unknown, which is not the same as 0. */
  cost: number | null;
  /** From the start to the first chunk of a streamed answer, in milliseconds. */
  firstChunk: number | null;
  /** Times of retries, in milliseconds since 1970. */
  retries: number[];
  /** Judgements of this span; of one of kind `evaluator`, of the span that it links to. */
  scores: Score[];
  /** The span that one of kind `evaluator` judges. */
  judges: { trace: string; span: string } | null;
  /** It goes on with work that had paused. */
  resumed: boolean;
  who: Who;
  /** Something of the span was cut or dropped. */
  lossy: boolean;
  line: string;
}

type Fields = Record<string, unknown>;

export const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
const number = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;
const price = (value: unknown): number | null => (typeof value === "number" && value >= 0 ? number(value) : null);
const count = (value: unknown): number => Math.max(0, number(value) ?? 0);
const seconds = (value: unknown): number | null =>
  typeof value === "number" && value >= 0 ? value * 1_000 : null;
const NONE: number[] = [];
const STATUSES = new Set(["ok", "error", "cancelled", "stale", "unset"]);

/** The cost of a model call as its program knew it. The program `raaf` adds others by today's prices. */
export const COST = "gen_ai.usage.cost";

const MODEL_CALLS = new Set(["llm", "response", "embedding"]);
/** Returns true for the kinds of spans whose tokens and costs are summed. */
export const isModelCall = (kind: string): boolean => MODEL_CALLS.has(kind);

/** Removes the prefix of an id; other tools write ids without it. */
export const bareId = (id: string): string => id.replace(/^(?:trace|span)_/i, "").toLowerCase();

/** Reads an RFC 3339 time as milliseconds since 1970, with fractions; null if it is none. */
export function readTime(value: unknown): number | null {
  if (typeof value !== "string") return null;
  const dot = value.indexOf(".");
  if (dot < 0) return number(Date.parse(value));
  let end = dot + 1;
  while (end < value.length && value.charCodeAt(end) >= 48 && value.charCodeAt(end) <= 57) end += 1;
  const whole = Date.parse(value.slice(0, dot) + value.slice(end));
  const fraction = Number(`0${value.slice(dot, end)}`) * 1_000;
  return number(whole + fraction);
}

/** Reads a line as a span; null if it is no span, or of a type that a later version added. */
export function readSpan(line: string): Span | null {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return null;
  }
  return isObject(json) ? fromFields(json, line) : null;
}

function fromFields(json: Fields, line: string): Span | null {
  const ended = json.type === "span";
  if (!ended && json.type !== "span_start") return null;
  const [trace, id] = [text(json.trace_id), text(json.span_id)];
  const start = readTime(json.started_at ?? json.start);
  if (trace === null || id === null || start === null) return null;
  const facts = isObject(json.trace) ? json.trace : json;
  const error = isObject(json.error) ? json.error : null;
  const attributes = isObject(json.attributes) ? json.attributes : {};
  const said = text(json.status) ?? "unset";
  const status = STATUSES.has(said) ? (said as Status) : "unset";
  const paused = status === "unset" && attributes.paused === true;
  const parent = text(json.parent_id);
  const usage = "gen_ai.usage.";
  const [input, output] = [
    json.input_tokens ?? attributes[`${usage}input_tokens`],
    json.output_tokens ?? attributes[`${usage}output_tokens`],
  ];
  const kind = text(json.kind) ?? "span";
  const judges = kind === "evaluator" ? firstLink(json.links) : null;
  const by = judges && { trace: bareId(trace), span: bareId(id) };
  return {
    trace: bareId(trace),
    id: bareId(id),
    parent: parent === null ? null : bareId(parent),
    localRoot: json.local_root === true || parent === null,
    start,
    duration: ended ? Math.max(0, duration(json, start)) : null,
    status: !ended ? "running" : attributes["step.skipped"] === true ? "skipped" : paused ? "paused" : status,
    resumed: attributes.resumed === true,
    kind,
    component: text(json.component) ?? text(json.name) ?? "",
    method: text(json.method) ?? "run",
    workflow: text(facts.workflow_name),
    group: text(facts.group_id),
    errorType: text(json.error_type) ?? text(error?.type),
    errorMessage: text(json.error_message) ?? text(error?.message),
    model: text(json.model) ?? text(attributes["gen_ai.request.model"]),
    input: count(input),
    output: count(output),
    cached: count(attributes[`${usage}cache_read.input_tokens`]),
    reasoning: count(attributes[`${usage}reasoning.output_tokens`]),
    counted: typeof input === "number" || typeof output === "number",
    cost: price(attributes[COST]) ?? price(json.cost),
    firstChunk: seconds(attributes["gen_ai.response.time_to_first_chunk"]),
    retries: retries(json.events),
    scores: scores(json.events, by),
    judges,
    who: readWho(facts.metadata, json.attributes),
    lossy: isObject(json.lost),
    line,
  };
}

function duration(json: Fields, start: number): number {
  return number(json.duration_ms) ?? (readTime(json.ended_at ?? json.end) ?? start) - start;
}

function retries(events: unknown): number[] {
  if (!Array.isArray(events) || events.length === 0) return NONE;
  const found = events.filter((event) => isObject(event) && event.name === "retry");
  return found.map((event) => readTime(event.time)).filter((time) => time !== null);
}

function firstLink(links: unknown): Span["judges"] {
  const link: unknown = Array.isArray(links) ? links[0] : null;
  if (!isObject(link)) return null;
  const [trace, span] = [text(link.trace_id), text(link.span_id)];
  return trace === null || span === null ? null : { trace: bareId(trace), span: bareId(span) };
}

/** When a span ended, or `now` if it has not. */
export const endOf = (span: Span, now: number): number =>
  span.duration === null ? Math.max(span.start, now) : span.start + span.duration;
