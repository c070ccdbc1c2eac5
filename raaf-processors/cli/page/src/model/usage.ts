/** Tokens and cost, by model and by agent. */

import { isModelCall } from "./span.ts";
import { nearest, type Tree } from "./tree.ts";

export interface Usage {
  name: string;
  calls: number;
  errors: number;
  input: number;
  output: number;
  cached: number;
  reasoning: number;
  cost: number | null;
  unpriced: number;
  /** In milliseconds. */
  time: number;
}

export interface Usages {
  models: Usage[];
  agents: Usage[];
  errors: { type: string; count: number }[];
}

export function usages(trees: Iterable<Tree>): Usages {
  const models = new Map<string, Usage>();
  const agents = new Map<string, Usage>();
  const errors = new Map<string, number>();
  for (const tree of trees) {
    tree.spans.forEach((span, index) => {
      if (span.errorType !== null) errors.set(span.errorType, (errors.get(span.errorType) ?? 0) + 1);
      if (!isModelCall(span.kind)) return;
      const agent = tree.spans[nearest(tree, index, "agent")];
      for (const row of [
        entry(models, span.model ?? span.component),
        entry(agents, agent?.component ?? "(no agent)"),
      ]) {
        row.calls += 1;
        row.errors += span.status === "error" ? 1 : 0;
        row.input += span.input;
        row.output += span.output;
        row.cached += span.cached;
        row.reasoning += span.reasoning;
        row.time += span.duration ?? 0;
        if (span.cost !== null) row.cost = (row.cost ?? 0) + span.cost;
        else if (span.counted) row.unpriced += 1;
      }
    });
  }
  const dearest = (a: Usage, b: Usage) =>
    (b.cost ?? 0) - (a.cost ?? 0) || b.input + b.output - a.input - a.output || b.calls - a.calls;
  return {
    models: [...models.values()].sort(dearest),
    agents: [...agents.values()].sort(dearest),
    errors: [...errors].map(([type, count]) => ({ type, count })).sort((a, b) => b.count - a.count),
  };
}

function entry(rows: Map<string, Usage>, name: string): Usage {
  const known = rows.get(name);
  if (known) return known;
  const row = { name, calls: 0, errors: 0, input: 0, output: 0, cached: 0, reasoning: 0 };
  const fresh = { ...row, cost: null, unpriced: 0, time: 0 };
  rows.set(name, fresh);
  return fresh;
}
