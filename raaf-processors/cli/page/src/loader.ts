/** Lines from the page itself, or from the server that it came from. */

import { Store } from "./model/store.ts";

export interface Source {
  store: Store;
  state: "reading" | "ready" | "live" | "unavailable";
  /** Share of the text that has been read, 0 to 1. */
  done: number;
  /** When all that the server had at first had been read, in milliseconds since 1970. */
  since: number;
}

const SLICE_MS = 12;
const POLL_MS = 1_000;
/** A response of this size is probably not the last. */
const FULL = 1 << 20;
/** Spans kept of a server's, which has no end. */
const LIVE_LIMIT = 500_000;

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** Opens the lines, and calls `changed` whenever there is more to show. */
export function open(changed: () => void): Source {
  const element = document.getElementById("data");
  const text = element?.textContent ?? "";
  const embedded = text.trim() !== "";
  const source: Source = { store: new Store(embedded ? Infinity : LIVE_LIMIT), state: "reading", done: 0, since: Infinity };
  if (embedded) {
    element?.remove();
    void feed(source, text, changed).then(() => {
      source.state = "ready";
      changed();
    });
  } else {
    void poll(source, changed);
  }
  return source;
}

/** Reads lines in slices of time, so that the page stays responsive. */
async function feed(source: Source, text: string, changed: () => void): Promise<void> {
  let at = 0;
  let since = performance.now();
  while (at < text.length) {
    const end = text.indexOf("\n", at);
    const stop = end < 0 ? text.length : end;
    source.store.add(text.slice(at, stop));
    at = stop + 1;
    if (performance.now() - since > SLICE_MS) {
      source.done = at / text.length;
      changed();
      await pause(0);
      since = performance.now();
    }
  }
  source.done = 1;
}

async function poll(source: Source, changed: () => void): Promise<void> {
  let after = 0;
  for (;;) {
    let full = false;
    if (!document.hidden) {
      try {
        const response = await fetch(`./api/lines?after=${after}`, { cache: "no-store" });
        const next = Number(response.headers.get("x-next"));
        if (!response.ok || !Number.isSafeInteger(next)) throw new Error("not the server of traces");
        const body = await response.text();
        if (next < after) {
          // The server has been started anew.
          source.store.clear();
          after = 0;
          continue;
        }
        await feed(source, body, changed);
        full = body.length >= FULL && next > after;
        after = next;
        if (!full) source.since = Math.min(source.since, Date.now());
        if (body !== "" || source.state !== "live") {
          source.state = "live";
          changed();
        }
      } catch {
        if (source.state !== "unavailable") {
          source.state = "unavailable";
          changed();
        }
      }
    }
    if (!full) await pause(POLL_MS);
  }
}
