import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { criticalPath } from "../model/critical.ts";
import { scoreText, scoreTitle, type Score } from "../model/score.ts";
import { endOf, type Span } from "../model/span.ts";
import { duration, oneLine, short } from "../model/text.ts";
import { parallel, visible, type Tree } from "../model/tree.ts";
import { Chevron, kindClass, StatusIcon } from "./icons.tsx";
import { Splitter } from "./splitter.tsx";
import { Axis, Bar, Grid, type Range } from "./timeline.tsx";
import { useVirtual } from "./virtual.ts";

const ROW = 24;
const INDENT = 14;
const DEEPEST = 24;

interface Props {
  tree: Tree;
  now: number;
  selected: string | null;
  find: string;
  scoresOf: (span: Span) => Score[];
  onSelect: (id: string) => void;
}

export function Waterfall({ tree, now, selected, find, scoresOf, onSelect }: Props) {
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const [zoom, setZoom] = useState<Range | null>(null);
  const [split, setSplit] = useState(46);
  const scroller = useRef<HTMLDivElement>(null);
  const whole = useMemo(() => extent(tree, now), [tree, now]);
  const critical = useMemo(() => criticalPath(tree, now), [tree, now]);
  const beside = useMemo(() => parallel(tree, now), [tree, now]);
  const rows = useMemo(() => visible(tree, collapsed), [tree, collapsed]);
  const places = useMemo(() => new Map([...rows].map((index, place) => [index, place])), [rows]);
  const virtual = useVirtual({ count: rows.length, size: () => ROW, scroller, overscan: 12 });
  const range = zoom ?? whole;
  const index = selected === null ? -1 : (tree.indices.get(selected) ?? -1);
  const at = places.get(index) ?? -1;

  useEffect(() => {
    // A span below a collapsed one is made visible.
    const above = new Set<string>();
    for (let up = tree.parents[index] ?? -1; up >= 0; up = tree.parents[up] ?? -1) {
      const id = tree.spans[up]?.id ?? "";
      if (collapsed.has(id)) above.add(id);
    }
    if (above.size > 0) setCollapsed(new Set([...collapsed].filter((id) => !above.has(id))));
    else if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [selected, tree.indices.has(selected ?? "")]);

  const select = (place: number) => {
    const row = rows[Math.min(Math.max(place, 0), rows.length - 1)];
    if (row !== undefined) onSelect(tree.spans[row]?.id ?? "");
  };
  const fold = (id: string, closed: boolean) => {
    const next = new Set(collapsed);
    if (closed) next.add(id);
    else next.delete(id);
    setCollapsed(next);
  };
  const nextWhere = (holds: (row: number) => boolean) => {
    for (let step = 1; step <= tree.walk.length; step += 1) {
      const here = Math.max(0, tree.walk.indexOf(index));
      const row = tree.walk[(here + step) % tree.walk.length] ?? 0;
      if (holds(row)) return onSelect(tree.spans[row]?.id ?? "");
    }
  };
  const keys = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const span = tree.spans[index];
    const children = tree.children[index] ?? [];
    const isOpen = span !== undefined && children.length > 0 && !collapsed.has(span.id);
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW) - 2);
    const actions: Record<string, () => void> = {
      ArrowDown: () => select(at + 1),
      ArrowUp: () => select(at - 1),
      PageDown: () => select(at + page),
      PageUp: () => select(at - page),
      Home: () => select(0),
      End: () => select(rows.length - 1),
      ArrowRight: () => {
        if (isOpen) select(at + 1);
        else if (span) fold(span.id, false);
      },
      ArrowLeft: () => {
        if (isOpen && span) fold(span.id, true);
        else if ((tree.parents[index] ?? -1) >= 0) select(places.get(tree.parents[index] ?? -1) ?? 0);
        else document.getElementById("runs")?.focus();
      },
      Enter: () => document.getElementById("details")?.focus(),
      e: () => nextWhere((row) => tree.spans[row]?.status === "error"),
      n: () => nextWhere((row) => find !== "" && matches(tree, row, find)),
      p: () => nextWhere((row) => tree.located.has(row)),
      z: () => span && setZoom({ from: span.start, to: Math.max(endOf(span, now), span.start + 0.001) }),
      Z: () => setZoom(null),
      "0": () => setZoom(null),
      "-": () => setCollapsed(new Set(tree.spans.filter((_, one) => (tree.depths[one] ?? 0) > 0).map((one) => one.id))),
      "+": () => setCollapsed(new Set()),
    };
    const action = actions[event.key];
    if (!action) return;
    action();
    event.preventDefault();
  };
  return (
    <div class="waterfall" style={{ "--split": `${split}%` } as never}>
      <div class="head">
        <span>Span</span>
        <span class="num">Duration</span>
        <Axis range={range} origin={whole.from} />
        {zoom && (
          <button type="button" class="unzoom" onClick={() => setZoom(null)}>
            whole run
          </button>
        )}
        <Splitter at={split} onMove={setSplit} />
      </div>
      <div
        class="scroll"
        data-main
        ref={scroller}
        role="tree"
        aria-label="Spans"
        tabIndex={0}
        aria-activedescendant={at >= 0 ? `span-${selected}` : undefined}
        onKeyDown={keys}
      >
        <div class="rows" role="presentation" style={{ height: `${virtual.getTotalSize()}px` }}>
          <Grid range={range} origin={whole.from} />
          {virtual.getVirtualItems().map(({ index: place, start }) => {
            const row = rows[place] ?? 0;
            const span = tree.spans[row];
            if (!span) return null;
            const children = tree.children[row] ?? [];
            const problems = tree.located.get(row)?.filter((one) => one.kind !== "never ended") ?? [];
            const depth = tree.depths[row] ?? 0;
            const isOpen = !collapsed.has(span.id);
            const dim = find !== "" && !matches(tree, row, find);
            return (
              <div
                key={span.id}
                id={`span-${span.id}`}
                class={`row ${row === index ? "selected" : ""} ${dim ? "dim" : ""} ${critical.has(row) ? "on-path" : ""} is-${span.status}`}
                role="treeitem"
                aria-level={depth + 1}
                aria-setsize={rows.length}
                aria-posinset={place + 1}
                aria-selected={row === index}
                aria-expanded={children.length > 0 ? isOpen : undefined}
                style={{ transform: `translateY(${start}px)` }}
                onClick={() => onSelect(span.id)}
                onDblClick={() => setZoom({ from: span.start, to: Math.max(endOf(span, now), span.start + 0.001) })}
              >
                <div class="label" style={{ paddingLeft: `${Math.min(depth, DEEPEST) * INDENT + 4}px` }}>
                  {depth > 0 && <i class="guides" style={{ width: `${Math.min(depth, DEEPEST) * INDENT}px` }} />}
                  {children.length > 0 ? (
                    <button
                      type="button"
                      class="toggle"
                      tabIndex={-1}
                      aria-label={isOpen ? "Collapse" : "Expand"}
                      onClick={(event) => {
                        event.stopPropagation();
                        fold(span.id, isOpen);
                      }}
                    >
                      <Chevron open={isOpen} />
                    </button>
                  ) : (
                    <span class="toggle" />
                  )}
                  <StatusIcon status={span.status} />
                  {depth > DEEPEST && <span class="faint">{depth}</span>}
                  <span class="name" dir="auto">
                    {oneLine(span.component)}
                    {span.method !== "run" && <span class="faint">.{oneLine(span.method)}</span>}
                  </span>
                  <span class={`kind ${kindClass(span.kind)}`}>{oneLine(span.kind)}</span>
                  {beside[row] === 1 && <span class="mark" title="ran at the same time as a sibling">∥</span>}
                  {span.retries.length > 0 && <span class="warn" title="retries">↻ {span.retries.length}</span>}
                  {scoresOf(span).slice(0, 3).map((score, one) => (
                    <span class="score" key={one} title={oneLine(scoreTitle(score))}>★ {oneLine(scoreText(score)).slice(0, 16)}</span>
                  ))}
                  {span.lossy && <span class="warn" title="data is missing from this span">✂</span>}
                  {problems.map((problem) => (
                    <span class="badge bad" key={problem.kind} title={problem.text}>{problem.kind}</span>
                  ))}
                  {!isOpen && <span class="faint">+{short(below(tree, row))}</span>}
                  {span.input + span.output > 0 && (
                    <span class="tokens" title="input and output tokens">{short(span.input)}→{short(span.output)}</span>
                  )}
                </div>
                <span class="num">{duration(endOf(span, now) - span.start)}</span>
                <div class="lane">
                  <Bar span={span} end={endOf(span, now)} range={range} critical={critical.get(row)} />
                </div>
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function extent(tree: Tree, now: number): Range {
  let [from, to] = [Infinity, -Infinity];
  for (const span of tree.spans) {
    from = Math.min(from, span.start);
    to = Math.max(to, endOf(span, now));
  }
  return { from, to: Math.max(to, from + 0.001) };
}

/** Number of spans below one. */
function below(tree: Tree, row: number): number {
  let count = 0;
  const open = [...(tree.children[row] ?? [])];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    count += 1;
    for (const child of tree.children[at] ?? []) open.push(child);
  }
  return count;
}

/** Returns true if the span's own words contain the text. */
export function matches(tree: Tree, row: number, find: string): boolean {
  const span = tree.spans[row];
  if (!span) return false;
  const words = `${span.component}\n${span.method}\n${span.kind}\n${span.status}\n${span.id}\n${span.model ?? ""}\n${span.errorType ?? ""}\n${span.errorMessage ?? ""}`;
  return words.toLowerCase().includes(find.toLowerCase());
}
