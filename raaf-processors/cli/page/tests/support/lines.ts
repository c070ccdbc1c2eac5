/** Lines of the trace file format, for tests. */

export interface Made {
  trace?: string;
  id: string;
  parent?: string | null;
  /** Milliseconds after `EPOCH`. */
  at?: number;
  ms?: number;
  status?: string;
  kind?: string;
  component?: string;
  method?: string;
  workflow?: string | null;
  group?: string | null;
  error?: { type: string; message: string; sources?: string[] };
  attributes?: Record<string, unknown>;
  events?: { name: string; at: number; attributes?: Record<string, unknown> }[];
  links?: unknown[];
  metadata?: Record<string, unknown>;
  lost?: Record<string, number>;
  root?: boolean;
}

export const EPOCH = Date.UTC(2026, 0, 5, 9, 0, 0);

const hex = (text: string, length: number) => {
  const code = [...text].reduce((sum, char) => (sum * 31 + (char.codePointAt(0) ?? 0)) % 0xffffffff, 7);
  return (text.replace(/[^0-9a-f]/g, "") + code.toString(16)).padStart(length, "0").slice(-length);
};

export const traceId = (name: string): string => hex(name, 32);
export const spanId = (name: string): string => hex(name, 16);

/** A time as the format writes it, with microseconds. */
export function time(at: number): string {
  const micros = Math.round((EPOCH + at) * 1_000);
  const millis = Math.floor(micros / 1_000);
  return new Date(millis).toISOString().replace("Z", `${String(micros % 1_000).padStart(3, "0")}Z`);
}

function head(made: Made) {
  const { trace = "t", id, parent = null, at = 0, kind = "agent", component = id, method = "run" } = made;
  return {
    trace_id: `trace_${traceId(trace)}`,
    span_id: `span_${spanId(id)}`,
    parent_id: parent === null ? null : `span_${spanId(parent)}`,
    local_root: made.root ?? parent === null,
    started_at: time(at),
    kind,
    component,
    method,
    workflow_name: made.workflow ?? null,
    group_id: made.group ?? null,
    name: `run.workflow.${kind}.${component}`,
  };
}

export const startLine = (made: Made): string => JSON.stringify({ v: 2, type: "span_start", ...head(made) });

export function spanLine(made: Made): string {
  const { at = 0, ms = 10, attributes = {}, error } = made;
  const said = (key: string) => attributes[`gen_ai.${key}`];
  return JSON.stringify({
    v: 2,
    type: "span",
    ...head(made),
    duration_ms: ms,
    status: made.status ?? (error ? "error" : "ok"),
    error_type: error?.type ?? null,
    model: said("request.model"),
    input_tokens: said("usage.input_tokens"),
    output_tokens: said("usage.output_tokens"),
    ended_at: time(at + ms),
    error_message: error?.message ?? null,
    error_sources: error?.sources,
    attributes,
    events: (made.events ?? []).map((event) => ({
      name: event.name,
      time: time(event.at),
      attributes: event.attributes ?? {},
    })),
    links: made.links,
    metadata: made.metadata,
    lost: made.lost,
  });
}
