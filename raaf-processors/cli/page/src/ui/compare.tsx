import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { align, type Mark, type Pair } from "../model/align.ts";
import { contentsDiffer } from "../model/plain.ts";
import type { Run } from "../model/run.ts";
import { cost, dateTime, duration, oneLine, short, shortTime, whole } from "../model/text.ts";
import type { Tree } from "../model/tree.ts";
import { Contents } from "./difference.tsx";
import { Empty } from "./empty.tsx";
import { kindClass, StatusIcon } from "./icons.tsx";
import { useVirtual } from "./virtual.ts";

interface Side {
  run: Run;
  tree: Tree;
}

interface Props {
  /** The run to compare with. */
  left: Side | null;
  /** The run that is shown. */
  right: Side;
  runs: Run[];
  selected: string | null;
  onSelect: (id: string) => void;
  onWith: (id: string) => void;
}

const ROW = 24;

/** Two runs side by side: spans of the same component, with what differs. */
export function Compare({ left, right, runs, selected, onSelect, onWith }: Props) {
  const pairs = useMemo(() => (left ? align(left.tree, right.tree) : []), [left?.tree, right.tree]);
  const choice = <Choice left={left} right={right} runs={runs} onWith={onWith} />;
  return (
    <div class="compare">
      {left ? (
        <Pairs pairs={pairs} left={left} right={right} selected={selected} onSelect={onSelect} choice={choice} />
      ) : (
        <>
          <div class="bar-line">{choice}</div>
          <Empty>Choose a run above, or mark one with c and come back.</Empty>
        </>
      )}
    </div>
  );
}

/** Runs that are offered. */
const OFFERED = 500;

function Choice({ left, right, runs, onWith }: Pick<Props, "left" | "right" | "runs" | "onWith">) {
  const others = runs.filter((run) => run.id !== right.run.id).slice(0, OFFERED);
  const sameName = others.filter((run) => run.name === right.run.name);
  const offered = [...sameName, ...others.filter((run) => run.name !== right.run.name)];
  if (left && !offered.some((run) => run.id === left.run.id)) offered.unshift(left.run);
  return (
    <label>
      Compare with{" "}
      <select value={left?.run.id ?? ""} onChange={(event) => onWith(event.currentTarget.value)}>
        <option value="">choose a run</option>
        {offered.map((run) => (
          <option key={run.id} value={run.id}>
            {`${oneLine(run.name)} · ${dateTime(run.start)} · ${duration(run.duration)}`}
          </option>
        ))}
      </select>
    </label>
  );
}

interface PairsProps {
  pairs: Pair[];
  left: Side;
  right: Side;
  selected: string | null;
  onSelect: (id: string) => void;
  /** Where the other run is chosen. */
  choice: ComponentChildren;
}

function Pairs({ pairs, left, right, selected, onSelect, choice }: PairsProps) {
  const [only, setOnly] = useState(false);
  /** A pair without a span of this run. */
  const [gone, setGone] = useState<Pair | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const changed = useContents(pairs, left.tree, right.tree);
  const marksOf = (pair: Pair): Mark[] => (changed?.has(pair) ? [...pair.marks, "contents"] : pair.marks);
  const rows = useMemo(() => (only ? pairs.filter((pair) => marksOf(pair).length > 0) : pairs), [pairs, only, changed]);
  const counts = useMemo(() => countMarks(pairs.map(marksOf)), [pairs, changed]);
  const virtual = useVirtual({ count: rows.length, size: () => ROW, scroller });
  const idOf = (pair: Pair) => right.tree.spans[pair.right ?? -1]?.id ?? null;
  const at = rows.findIndex((pair) => (gone ? pair === gone : selected !== null && idOf(pair) === selected));
  const picked = rows[at];
  const pick = (place: number) => {
    const pair = rows[Math.min(Math.max(place, 0), rows.length - 1)];
    if (!pair) return;
    const id = idOf(pair);
    setGone(id === null ? pair : null);
    if (id !== null) onSelect(id);
    virtual.scrollToIndex(rows.indexOf(pair), { align: "auto" });
  };
  const keys = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW) - 1);
    const next = (step: number) => {
      let place = at + step;
      while (rows[place] && marksOf(rows[place] as Pair).length === 0) place += step;
      if (rows[place]) pick(place);
    };
    const actions: Record<string, () => void> = {
      ArrowDown: () => pick(at + 1),
      ArrowUp: () => pick(at - 1),
      PageDown: () => pick(at + page),
      PageUp: () => pick(at - page),
      Home: () => pick(0),
      End: () => pick(rows.length - 1),
      Enter: () => document.getElementById("differences")?.focus(),
      n: () => next(1),
      N: () => next(-1),
    };
    const action = actions[event.key];
    if (!action) return;
    action();
    event.preventDefault();
  };
  return (
    <>
      <div class="bar-line">
        {choice}
        <label>
          <input type="checkbox" checked={only} onChange={(event) => setOnly(event.currentTarget.checked)} /> differences only
        </label>
        <span class="counts">
          {[...counts].map(([mark, count]) => (
            <span class={`badge m-${mark}`} key={mark}>{`${whole(count)} ${mark}`}</span>
          ))}
          {!changed && <span class="faint">comparing contents …</span>}
          {changed && counts.size === 0 && <span class="faint">no differences</span>}
        </span>
      </div>
      <div class="pair head">
        <span title={dateTime(left.run.start)}>before: {shortTime(left.run.start)}</span>
        <span class="num">{duration(left.run.duration)}</span>
        <span title={dateTime(right.run.start)}>this run: {shortTime(right.run.start)}</span>
        <span class="num">{duration(right.run.duration)}</span>
        <span class="num">{change(left.run.duration, right.run.duration)}</span>
        <span>differences</span>
      </div>
      <div
        class="scroll"
        data-main
        ref={scroller}
        tabIndex={0}
        role="listbox"
        aria-label="Compared spans"
        aria-activedescendant={at >= 0 ? `pair-${at}` : undefined}
        onKeyDown={keys}
      >
        <div class="rows" role="presentation" style={{ height: `${virtual.getTotalSize()}px` }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const pair = rows[index];
            return (
              pair && (
                <Row
                  key={`${pair.left} ${pair.right}`}
                  pair={pair}
                  marks={marksOf(pair)}
                  place={index}
                  count={rows.length}
                  top={start}
                  left={left.tree}
                  right={right.tree}
                  selected={index === at}
                  onPick={() => pick(index)}
                />
              )
            );
          })}
        </div>
      </div>
      {picked && <Picked pair={picked} marks={marksOf(picked)} left={left.tree} right={right.tree} />}
    </>
  );
}

/** Pairs whose contents differ; null until all are compared, in slices of time. */
function useContents(pairs: Pair[], left: Tree, right: Tree): ReadonlySet<Pair> | null {
  const [found, setFound] = useState<{ of: Pair[]; changed: ReadonlySet<Pair> } | null>(null);
  useEffect(() => {
    let [at, timer] = [0, 0];
    const changed = new Set<Pair>();
    const go = () => {
      const since = performance.now();
      for (; at < pairs.length; at += 1) {
        if (performance.now() - since > SLICE_MS) {
          timer = window.setTimeout(go, 0);
          return;
        }
        const pair = pairs[at] as Pair;
        const [a, b] = [left.spans[pair.left ?? -1], right.spans[pair.right ?? -1]];
        if (a && b && contentsDiffer(a, b)) changed.add(pair);
      }
      setFound({ of: pairs, changed });
    };
    go();
    return () => clearTimeout(timer);
  }, [pairs]);
  return found?.of === pairs ? found.changed : null;
}

const SLICE_MS = 12;

interface PickedProps {
  pair: Pair;
  marks: Mark[];
  left: Tree;
  right: Tree;
}

/** What differs between the spans of a pair. */
function Picked({ pair, marks, left, right }: PickedProps) {
  const [a, b] = [left.spans[pair.left ?? -1], right.spans[pair.right ?? -1]];
  const span = b ?? a;
  if (!span) return null;
  return (
    <section id="differences" class="differences" tabIndex={0} aria-label="Differences" key={`${pair.left} ${pair.right}`}>
      <header class="line">
        <h2 dir="auto">{oneLine(span.component)}</h2>
        <span class={`kind ${kindClass(span.kind)}`}>{oneLine(span.kind)}</span>
        {!a && <span class="badge m-added">only in this run</span>}
        {!b && <span class="badge m-gone">only in the run before</span>}
        {a && b && marks.filter((mark) => mark !== "contents").map((mark) => (
          <span key={mark}><span class={`badge m-${mark}`}>{mark}</span> {explain(mark, a, b)}</span>
        ))}
        {marks.length === 0 && <span class="faint">no differences</span>}
      </header>
      <Contents before={a} after={b} />
    </section>
  );
}

interface RowProps extends PickedProps {
  place: number;
  count: number;
  top: number;
  selected: boolean;
  onPick: () => void;
}

function Row({ pair, marks, place, count, top, left, right, selected, onPick }: RowProps) {
  const a = pair.left === null ? undefined : left.spans[pair.left];
  const b = pair.right === null ? undefined : right.spans[pair.right];
  const tone = marks.includes("added") ? "added" : marks.includes("gone") ? "gone" : "";
  return (
    <div
      id={`pair-${place}`}
      class={`pair ${tone} ${selected ? "selected" : ""}`}
      role="option"
      aria-selected={selected}
      aria-setsize={count}
      aria-posinset={place + 1}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onPick}
    >
      <Cell span={a} depth={pair.depth} />
      <span class="num">{a?.duration != null ? duration(a.duration) : ""}</span>
      <Cell span={b} depth={pair.depth} known={a?.kind} />
      <span class="num">{b?.duration != null ? duration(b.duration) : ""}</span>
      <span class="num">{a?.duration != null && b?.duration != null ? change(a.duration, b.duration) : ""}</span>
      <span class="marks" title={marks.join(", ")}>
        {marks.map((mark) => (
          <span class={`badge m-${mark}`} key={mark} title={a && b ? explain(mark, a, b) : mark}>{mark}</span>
        ))}
      </span>
    </div>
  );
}

type Span = Tree["spans"][number];

/** `known` is the kind that the other side has shown. */
function Cell({ span, depth, known }: { span: Span | undefined; depth: number; known?: string | undefined }) {
  return (
    <span class="side" style={{ paddingLeft: `${Math.min(depth, 24) * 12 + 4}px` }}>
      {span && (
        <>
          <StatusIcon status={span.status} />
          <span class="name" dir="auto">{oneLine(span.component)}</span>
          {known !== span.kind && <span class={`kind ${kindClass(span.kind)}`}>{oneLine(span.kind)}</span>}
        </>
      )}
    </span>
  );
}

function explain(mark: Mark, a: Span, b: Span): string {
  const times = `${duration(a.duration ?? 0)} → ${duration(b.duration ?? 0)}`;
  const said: Partial<Record<Mark, string>> = {
    status: `${a.status} → ${b.status}`,
    error: `${a.errorType ?? "none"} → ${b.errorType ?? "none"}`,
    model: `${a.model ?? "none"} → ${b.model ?? "none"}`,
    retries: `${a.retries.length} → ${b.retries.length}`,
    tokens: `${short(a.input)} in, ${short(a.output)} out → ${short(b.input)} in, ${short(b.output)} out`,
    cost: `${cost(a.cost) || "unknown"} → ${cost(b.cost) || "unknown"}`,
    slower: times,
    faster: times,
  };
  return oneLine(said[mark] ?? mark);
}

function change(a: number, b: number): string {
  if (a <= 0) return "";
  const percent = ((b - a) / a) * 100;
  if (Math.abs(percent) < 0.5) return "±0 %";
  if (percent >= 1_000) return `× ${(b / a).toFixed(0)}`;
  return `${percent > 0 ? "+" : "−"}${Math.abs(percent).toFixed(0)} %`;
}

function countMarks(all: Mark[][]): Map<Mark, number> {
  const counts = new Map<Mark, number>();
  for (const mark of all.flat()) counts.set(mark, (counts.get(mark) ?? 0) + 1);
  return counts;
}
