import { isModelCall, type Status } from "../model/span.ts";

const PATHS: Record<Status, string> = {
  ok: "M3.5 8.5l3 3 6-7",
  error: "M4 4l8 8M12 4l-8 8",
  cancelled: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M4.2 4.2l7.6 7.6",
  stale: "M4.5 2.5h7M4.5 13.5h7M5 2.5c0 3.5 6 7.5 6 11M11 2.5c0 3.5-6 7.5-6 11",
  unset: "M8 7.2a.8.8 0 1 0 0 1.6a.8.8 0 1 0 0-1.6",
  running: "M5 3l7 5-7 5z",
  paused: "M5.5 3v10M10.5 3v10",
  skipped: "M2.5 8c1-4 7-5.5 9-1M12.5 3.5v4h-4",
};

const WORDS: Record<Status, string> = {
  ok: "ok",
  error: "error",
  cancelled: "cancelled",
  stale: "stale: left open for too long",
  unset: "no status was set",
  running: "has not ended",
  paused: "paused: waits, or goes on later",
  skipped: "skipped",
};

export function StatusIcon({ status }: { status: Status }) {
  return (
    <svg class={`icon s-${status}`} viewBox="0 0 16 16" role="img" aria-label={WORDS[status]}>
      <title>{WORDS[status]}</title>
      <path d={PATHS[status]} />
    </svg>
  );
}

export function Chevron({ open }: { open: boolean }) {
  return (
    <svg class="icon chevron" viewBox="0 0 16 16" aria-hidden="true">
      <path d={open ? "M4 6l4 4 4-4" : "M6 4l4 4-4 4"} />
    </svg>
  );
}

const KINDS = ["agent", "llm", "tool", "pipeline", "guardrail", "handoff", "trace", "step"];

/** The class that gives a kind its colour. */
export const kindClass = (kind: string): string => `k-${isModelCall(kind) ? "llm" : KINDS.includes(kind) ? kind : "other"}`;
