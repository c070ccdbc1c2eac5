/** What a list of runs shows. */

import { endOf, isModelCall, type Span, type Status } from "./span.ts";
import type { Score } from "./score.ts";
import type { Trace } from "./store.ts";
import { joinWho, NOBODY, type Who } from "./who.ts";

export interface Run {
  id: string;
  name: string;
  group: string | null;
  start: number;
  /** In milliseconds: of the root, as `raaf list` has it; without one, and if a run went on after a pause, from the first start to the last end. */
  duration: number;
  status: Status;
  spans: number;
  errors: number;
  running: number;
  retries: number;
  input: number;
  output: number;
  /** Null if the cost of no model call is known. */
  cost: number | null;
  /** Model calls that report tokens, and whose cost is unknown. */
  unpriced: number;
  kinds: Set<string>;
  models: Set<string>;
  /** Names of components, in lower case, for the search. */
  words: Set<string>;
  errorTypes: Set<string>;
  scores: Score[];
  who: Who;
}

export function summarize(trace: Trace): Run {
  let root: Span | null = null;
  let agent: Span | null = null;
  const run: Run = {
    id: trace.id,
    name: trace.id,
    group: null,
    start: Infinity,
    duration: 0,
    status: "unset",
    spans: trace.size,
    errors: 0,
    running: 0,
    retries: 0,
    input: 0,
    output: 0,
    cost: null,
    unpriced: 0,
    kinds: new Set(),
    models: new Set(),
    words: new Set(),
    errorTypes: new Set(),
    scores: [],
    who: NOBODY,
  };
  let last = NOBODY;
  let resumed: Span | null = null;
  for (const span of trace.spans()) {
    if (!root || isMoreOfARoot(span, root)) root = span;
    if (span.kind === "agent" && (!agent || span.start < agent.start)) agent = span;
    run.start = Math.min(run.start, span.start);
    if (span.resumed && (!resumed || isLater(span, resumed))) resumed = span;
    if (span.status === "error") run.errors += 1;
    if (span.status === "running") run.running += 1;
    if (span.errorType !== null) run.errorTypes.add(span.errorType);
    run.scores.push(...trace.scoresOf(span));
    if (span.who !== last) run.who = joinWho(run.who, span.who);
    last = span.who;
    run.retries += span.retries.length;
    run.group ??= span.group;
    run.kinds.add(span.kind);
    run.words.add(span.component.toLowerCase());
    if (isModelCall(span.kind)) addUsage(run, span);
  }
  run.duration = Math.max(0, trace.latest - run.start);
  if (root) {
    // The resumed part that ended last determines the status of the run.
    const rest = resumed && endOf(resumed, Infinity) > endOf(root, Infinity) ? resumed : null;
    if (root.parent === null && !rest) run.duration = root.duration ?? run.duration;
    // As in `raaf list`: a runner has the same name in all runs, and without a root an agent tells most.
    const named = (root.parent !== null || root.kind === "runner") && agent ? agent : root;
    run.name = root.workflow ?? named.component;
    run.status = rest?.status ?? (root.parent === null || root.localRoot ? root.status : "unset");
    // Before its end, a span does not show whether it goes on with paused work.
    if (run.status === "paused" && run.running > 0) run.status = "running";
  }
  return run;
}

function addUsage(run: Run, span: Span): void {
  run.input += span.input;
  run.output += span.output;
  if (span.model !== null) run.models.add(span.model);
  if (span.cost !== null) run.cost = (run.cost ?? 0) + span.cost;
  else if (span.counted) run.unpriced += 1;
}

/** Returns whether a part ends after another one. If both end at once, the outer one counts as later. */
function isLater(span: Span, than: Span): boolean {
  const ends = endOf(span, Infinity) - endOf(than, Infinity);
  return ends > 0 || (ends === 0 && span.start < than.start);
}

function isMoreOfARoot(span: Span, than: Span): boolean {
  const rank = (one: Span) => (one.parent === null ? 2 : one.localRoot ? 1 : 0);
  return rank(span) - rank(than) > 0 || (rank(span) === rank(than) && span.start < than.start);
}
