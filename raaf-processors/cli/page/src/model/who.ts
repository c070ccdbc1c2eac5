/** For whom, where and in which release a run was: filters, and the summary of a run. */

import { isObject } from "./span.ts";

/** The word of the filter, and the attribute or metadata that it looks at. */
export const WHO = [
  ["user", "user.id"],
  ["session", "session.id"],
  ["tag", "tag.tags"],
  ["release", "service.version"],
  ["environment", "deployment.environment.name"],
] as const;

export type Fact = (typeof WHO)[number][0];

/** Values by the word of their filter. */
export type Who = ReadonlyMap<Fact, ReadonlySet<string>>;

export const NOBODY: Who = new Map();

/** Most spans of a file say the same: those share one. */
const shared = new Map<string, Who>();
const SHARED = 10_000;

/** Reads the metadata of a trace and the attributes of a span. */
export function readWho(metadata: unknown, attributes: unknown): Who {
  let found: Map<Fact, Set<string>> | undefined;
  for (const fields of [metadata, attributes]) {
    if (!isObject(fields)) continue;
    for (const [fact, key] of WHO) {
      if (!(key in fields)) continue;
      for (const value of values(fields[key])) {
        found ??= new Map();
        found.set(fact, (found.get(fact) ?? new Set()).add(value));
      }
    }
  }
  if (!found) return NOBODY;
  const text = JSON.stringify([...found].map(([fact, all]) => [fact, ...all]));
  const known = shared.get(text);
  if (known) return known;
  if (shared.size >= SHARED) shared.clear();
  shared.set(text, found);
  return found;
}

/** Joins what two spans say. */
export function joinWho(one: Who, other: Who): Who {
  if (other.size === 0 || one === other) return one;
  if (one.size === 0) return other;
  const all = new Map(one);
  for (const [fact, values] of other) all.set(fact, new Set([...(all.get(fact) ?? []), ...values]));
  return all;
}

/** A value, or each of a list, also of one that is JSON in a string. */
function values(value: unknown): string[] {
  if (typeof value === "string" && value.startsWith("[")) {
    try {
      return values(JSON.parse(value));
    } catch {
      return [value];
    }
  }
  if (Array.isArray(value)) return value.filter((one) => typeof one === "string" && one !== "");
  return (typeof value === "string" && value !== "") || typeof value === "number" ? [String(value)] : [];
}
