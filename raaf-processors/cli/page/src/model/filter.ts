/** Filters of runs, as typed: words, `key:value`, `>1s`, `<100ms`. */

import type { Run } from "./run.ts";
import type { Trace } from "./store.ts";
import { WHO, type Fact } from "./who.ts";

export type RunFilter = (run: Run, trace: Trace) => boolean;

const UNITS: Record<string, number> = { us: 0.001, µs: 0.001, ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000 };

/** Keys of the filter, for the help. */
export const KEYS: [example: string, meaning: string][] = [
  ["word", "name, id, group, component, model, user, tag … or type of error"],
  ["status:error", "ok, error, cancelled, stale, unset, paused, skipped or running"],
  ["kind:tool", "a span of this kind"],
  ["model:gpt", "a model whose name contains this"],
  ["group:g-1", "the group"],
  ["user:u-7  session:s-1", "the user, the session"],
  ["tag:nightly", "a tag"],
  ["release:1.2", "the version of the program"],
  ["environment:test", "where it ran"],
  ["score:grounded<0.5", "a score of this name, also with > or its label: score:pass"],
  ["error:Timeout", "a type of error in the run"],
  ["content:word", "text anywhere in the spans' lines"],
  [">1s  <250ms", "longer, shorter"],
  ["-status:ok", "not"],
];

const split = (query: string): string[] => query.match(/-?[a-z]+:"[^"]*"|-?"[^"]*"|\S+/gi) ?? [];

/** The term of a filter for this value. */
const written = (fact: Fact, value: string): string =>
  /^[^\s"]+$/.test(value) ? `${fact}:${value}` : `${fact}:"${value.replaceAll('"', "")}"`;

/** The value that a filter asks for; empty if it asks for none. */
export function asked(query: string, fact: Fact): string {
  const found = split(query).find((one) => one.startsWith(`${fact}:`)) ?? "";
  return found.slice(fact.length + 1).replaceAll('"', "");
}

/** The filter with another value asked for; without one if that is empty. */
export function ask(query: string, fact: Fact, value: string): string {
  const others = split(query).filter((one) => !one.startsWith(`${fact}:`));
  return [...others, ...(value === "" ? [] : [written(fact, value)])].join(" ");
}

/** Parses a filter. Every term must hold. */
export function runFilter(query: string): RunFilter {
  const terms = split(query).map(term);
  return (run, trace) => terms.every((holds) => holds(run, trace));
}

function term(word: string): RunFilter {
  if (word.startsWith("-") && word.length > 1) {
    const inner = term(word.slice(1));
    return (run, trace) => !inner(run, trace);
  }
  const time = /^([<>])=?(\d+(?:\.\d+)?)(us|µs|ms|s|min|m|h)?$/.exec(word);
  if (time) {
    const limit = Number(time[2]) * (UNITS[time[3] ?? "ms"] ?? 1);
    return time[1] === "<" ? (run) => run.duration < limit : (run) => run.duration > limit;
  }
  const keyed = /^([a-z]+):(.*)$/i.exec(word);
  const value = (keyed?.[2] ?? word).replaceAll('"', "").toLowerCase();
  const has = (names: Iterable<string>) => [...names].some((name) => name.toLowerCase().includes(value));
  const key = keyed?.[1]?.toLowerCase();
  const fact = WHO.find(([one]) => one === key)?.[0];
  if (fact) return (run) => has(run.who.get(fact) ?? []);
  switch (key) {
    case "status":
      return (run) =>
        run.status === value || (value === "error" && run.errors > 0) || (value === "running" && run.running > 0);
    case "kind":
      return (run) => run.kinds.has(value);
    case "model":
      return (run) => has(run.models);
    case "group":
      return (run) => (run.group ?? "").toLowerCase().includes(value);
    case "error":
      return (run) => has(run.errorTypes);
    case "score":
      return scored(value);
    case "content":
      return (_, trace) => contains(trace, value);
    default: {
      const plain = keyed ? word.replaceAll('"', "").toLowerCase() : value;
      return (run) => mentions(run, plain);
    }
  }
}

function mentions(run: Run, word: string): boolean {
  const own = `${run.name}\n${run.id}\n${run.group ?? ""}`.toLowerCase();
  if (own.includes(word.replace(/^trace_/, ""))) return true;
  return [run.words, run.models, run.errorTypes, ...run.who.values()].some((names) =>
    [...names].some((name) => name.toLowerCase().includes(word)),
  );
}

/** A score by its name or label, with a limit of its number if there is one. */
function scored(value: string): RunFilter {
  const found = /^(.*?)(?:([<>])=?(-?\d+(?:\.\d+)?))?$/s.exec(value);
  const [name, sign, limit] = [found?.[1] ?? value, found?.[2], Number(found?.[3])];
  return (run) =>
    run.scores.some((score) => {
      if (![score.name, score.label ?? ""].some((text) => text.toLowerCase().includes(name))) return false;
      if (sign === undefined) return true;
      return score.value !== null && (sign === "<" ? score.value < limit : score.value > limit);
    });
}

function contains(trace: Trace, word: string): boolean {
  // As it is written in JSON.
  const written = JSON.stringify(word).slice(1, -1);
  for (const span of trace.spans()) if (span.line.toLowerCase().includes(written)) return true;
  return false;
}
