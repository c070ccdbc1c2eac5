/** The whole of a span, for the details. */

import { isObject, readTime, type Json, type Span } from "./span.ts";

export interface Event {
  name: string;
  time: number | null;
  attributes: [string, Json][];
}

export interface Link {
  trace: string;
  span: string | null;
  attributes: [string, Json][];
}

export interface Detail {
  name: string;
  sources: string[];
  attributes: Map<string, Json>;
  events: Event[];
  links: Link[];
  metadata: [string, Json][];
  lost: [string, Json][];
  tracestate: string | null;
  /** The line itself. */
  json: Json;
}

type Source = { source?: string };

/** Parses JSON, and keeps integers that a double cannot represent. */
export function parseExact(text: string): Json {
  const exact = (_: string, value: unknown, context?: Source) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")
      ? BigInt(context?.source as string)
      : value;
  try {
    return JSON.parse(text, exact as (key: string, value: unknown) => unknown) as Json;
  } catch (error) {
    // Nested too deeply for the function above, not for the parser.
    if (error instanceof RangeError) return JSON.parse(text) as Json;
    throw error;
  }
}

const entries = (value: unknown): [string, Json][] =>
  isObject(value) ? (Object.entries(value) as [string, Json][]) : [];
const list = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter(isObject) : [];
const string = (value: unknown): string | null => (typeof value === "string" ? value : null);

const recent = new Map<string, Detail>();
const RECENT = 64;

/** Reads the rest of a span from its line. */
export function detail(span: Span): Detail {
  const known = recent.get(span.line);
  if (known) return known;
  const read = readDetail(span.line);
  const oldest = recent.keys().next();
  if (recent.size >= RECENT && !oldest.done) recent.delete(oldest.value);
  recent.set(span.line, read);
  return read;
}

function readDetail(line: string): Detail {
  const json = parseExact(line);
  const fields = isObject(json) ? json : {};
  const error = isObject(fields.error) ? fields.error : {};
  const facts = isObject(fields.trace) ? fields.trace : fields;
  const sources = fields.error_sources ?? error.sources;
  return {
    name: string(fields.name) ?? "",
    sources: Array.isArray(sources) ? sources.filter((one) => typeof one === "string") : [],
    attributes: new Map(entries(fields.attributes)),
    events: list(fields.events).map((event) => ({
      name: string(event.name) ?? "",
      time: readTime(event.time),
      attributes: entries(event.attributes),
    })),
    links: list(fields.links).map((link) => ({
      trace: string(link.trace_id) ?? "",
      span: string(link.span_id),
      attributes: entries(link.attributes),
    })),
    metadata: entries(facts.metadata),
    lost: entries(fields.lost),
    tracestate: string(facts.tracestate),
    json,
  };
}

/** Reads JSON in a string; other values as they are. */
export function unpacked(value: Json | undefined): Json | undefined {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return parseExact(value);
  } catch {
    return value;
  }
}
