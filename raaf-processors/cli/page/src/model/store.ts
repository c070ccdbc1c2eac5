/** All spans that the page has, by trace. */

import { summarize, type Run } from "./run.ts";
import type { Score } from "./score.ts";
import { readSpan, type Span } from "./span.ts";
import { buildTree, type Tree } from "./tree.ts";

/** Without news for so long, what has not ended never will: its program is gone. */
const YOUNG_MS = 3_600_000;

/** The spans of a trace, and what follows from them. */
export class Trace {
  readonly id: string;
  readonly #spans = new Map<string, Span>();
  readonly #duplicates = new Map<string, number>();
  /** Scores that other spans gave later, by the scored span and by the one that judges. */
  readonly #later: Judgements;
  #tree: Tree | null = null;
  #run: Run | null = null;
  #latest = 0;
  /** When a line of it was last read, in milliseconds since 1970. */
  #touched = 0;

  constructor(id: string, later: Judgements = new Map()) {
    this.id = id;
    this.#later = later;
  }

  add(span: Span): void {
    const known = this.#spans.get(span.id);
    this.#touched = Date.now();
    this.#latest = Math.max(this.#latest, span.start + (span.duration ?? 0));
    if (known && known.duration !== null) {
      if (span.duration === null) return;
      this.#duplicates.set(span.id, (this.#duplicates.get(span.id) ?? 0) + 1);
    } else {
      this.#spans.set(span.id, span);
    }
    this.#tree = null;
    this.#run = null;
  }

  /** Adds the judgement of one of its spans. */
  judge(judge: Span, span: string): void {
    keep(this.#later, judge, span);
    this.#tree = null;
    this.#run = null;
  }

  /** The scores of a span, its own and later ones. */
  scoresOf(span: Span): Score[] {
    // What judges a span of its own trace is counted there.
    const own = span.judges?.trace === this.id ? [] : span.scores;
    const later = this.#later.get(span.id);
    return later ? [...own, ...[...later.values()].flat()] : own;
  }

  get size(): number {
    return this.#spans.size;
  }

  /** Latest time at which anything is known to have happened. */
  get latest(): number {
    return this.#latest;
  }

  /** Returns true if it can still be going on: it has grown since then, or is young. */
  goesOn(since: number, now: number): boolean {
    return this.#touched > since || now - this.#latest < YOUNG_MS;
  }

  spans(): Iterable<Span> {
    return this.#spans.values();
  }

  tree(): Tree {
    this.#tree ??= buildTree(this.#spans.values(), this.#duplicates);
    return this.#tree;
  }

  run(): Run {
    this.#run ??= summarize(this);
    return this.#run;
  }
}

/** Scores by the scored span and by the span that judges it. */
type Judgements = Map<string, Map<string, Score[]>>;

function keep(all: Judgements, judge: Span, span: string): void {
  const known = all.get(span) ?? new Map<string, Score[]>();
  all.set(span, known.set(judge.id, judge.scores));
}

/** Traces that were judged and are not known themselves. */
const AWAITED = 10_000;

export class Store {
  readonly traces = new Map<string, Trace>();
  spans = 0;
  /** Lines that are no span, such as one that a killed program left. */
  unreadable = 0;
  /** Beyond this number of spans, the runs that were seen first are forgotten. */
  readonly #limit: number;
  /** Judgements of traces that are not known yet. */
  readonly #awaited = new Map<string, Judgements>();

  constructor(limit = Infinity) {
    this.#limit = limit;
  }

  add(line: string): void {
    if (line === "" || line.trim() === "") return;
    const span = readSpan(line);
    if (!span) {
      this.unreadable += 1;
      return;
    }
    let trace = this.traces.get(span.trace);
    if (!trace) {
      trace = new Trace(span.trace, this.#awaited.get(span.trace));
      this.#awaited.delete(span.trace);
      this.traces.set(span.trace, trace);
    }
    if (span.judges && span.scores.length > 0) this.#judge(span, span.judges);
    const before = trace.size;
    trace.add(span);
    this.spans += trace.size - before;
    while (this.spans > this.#limit && this.traces.size > 1) this.#forgetFirst();
  }

  #judge(judge: Span, { trace: id, span }: { trace: string; span: string }): void {
    const trace = this.traces.get(id);
    if (trace) return trace.judge(judge, span);
    const awaited = this.#awaited.get(id) ?? new Map<string, Map<string, Score[]>>();
    keep(awaited, judge, span);
    this.#awaited.set(id, awaited);
    const oldest = this.#awaited.keys().next();
    if (this.#awaited.size > AWAITED && !oldest.done) this.#awaited.delete(oldest.value);
  }

  #forgetFirst(): void {
    for (const [id, trace] of this.traces) {
      this.traces.delete(id);
      this.spans -= trace.size;
      return;
    }
  }

  clear(): void {
    this.traces.clear();
    this.#awaited.clear();
    this.spans = 0;
    this.unreadable = 0;
  }

  /** Newest first, without traces that only judge others. */
  runs(): Run[] {
    const runs = [...this.traces.values()].filter((trace) => !onlyJudges(trace)).map((trace) => trace.run());
    return runs.sort((a, b) => b.start - a.start || (a.id < b.id ? -1 : 1));
  }
}

function onlyJudges(trace: Trace): boolean {
  for (const span of trace.spans()) if (!span.judges) return false;
  return true;
}
