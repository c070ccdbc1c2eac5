import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { ask, asked } from "../model/filter.ts";
import type { Run } from "../model/run.ts";
import { scoreText, scoreTitle } from "../model/score.ts";
import { cost, dateTime, duration, oneLine, plural, short, shortTime } from "../model/text.ts";
import { WHO, type Fact } from "../model/who.ts";
import { StatusIcon } from "./icons.tsx";
import { useVirtual } from "./virtual.ts";

const ROW = 46;

interface Props {
  runs: Run[];
  /** All runs, also those that the filter leaves out. */
  all: Run[];
  query: string;
  selected: string | null;
  compared: string | null;
  onQuery: (query: string) => void;
  onSelect: (id: string | null) => void;
}

const QUICK: [label: string, term: string][] = [
  ["failed", "status:error"],
  ["running", "status:running"],
  ["slow", ">10s"],
];

export function Runs(props: Props) {
  const { runs, all, query, selected, onQuery, onSelect } = props;
  const total = all.length;
  const has = (term: string) => query.split(/\s+/).includes(term);
  const toggle = (term: string) =>
    onQuery(has(term) ? query.split(/\s+/).filter((one) => one !== term).join(" ") : `${query} ${term}`.trim());
  return (
    <nav class="runs" aria-label="Runs">
      <div class="search">
        <input
          id="search"
          type="search"
          placeholder="Search runs  ( / )"
          aria-label="Search runs"
          spellcheck={false}
          value={query}
          onInput={(event) => onQuery(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") onQuery("");
            if (event.key === "ArrowDown" || event.key === "Enter" || event.key === "Escape") {
              document.getElementById("runs")?.focus();
              event.preventDefault();
              event.stopPropagation();
            }
          }}
        />
        <div class="chips">
          {QUICK.map(([label, term]) => (
            <button type="button" class="chip" key={term} aria-pressed={has(term)} onClick={() => toggle(term)}>
              {label}
            </button>
          ))}
          <span class="count" aria-live="polite">{runs.length === total ? plural(total, "run") : `${short(runs.length)} of ${short(total)}`}</span>
        </div>
        <Who all={all} query={query} onQuery={onQuery} />
      </div>
      {total > 1 && (
        <button type="button" class="all" aria-pressed={selected === null} onClick={() => onSelect(null)}>
          Overview
        </button>
      )}
      {runs.length === 0 && total > 0 && (
        <p class="faint none">
          No run matches. <button type="button" class="more" onClick={() => onQuery("")}>Show all</button>
        </p>
      )}
      <List {...props} />
    </nav>
  );
}

/** Values that are offered of each fact. */
const OFFERED = 500;

/** Filters by user, session, tag, release and environment, as far as the runs have them. */
function Who({ all, query, onQuery }: Pick<Props, "all" | "query" | "onQuery">) {
  const known = useMemo(() => {
    const found = new Map<Fact, Set<string>>();
    for (const run of all) {
      for (const [fact, values] of run.who) {
        const offered = found.get(fact) ?? new Set();
        found.set(fact, offered);
        for (const value of values) if (offered.size < OFFERED) offered.add(value);
      }
    }
    return found;
  }, [all]);
  if (known.size === 0) return null;
  return (
    <div class="who">
      {WHO.map(([fact]) => {
        const values = known.get(fact);
        if (!values) return null;
        const chosen = asked(query, fact);
        return (
          <select
            key={fact}
            class={chosen ? "chosen" : ""}
            aria-label={`Only runs of this ${fact}`}
            value={chosen}
            onChange={(event) => onQuery(ask(query, fact, event.currentTarget.value))}
          >
            <option value="">{`any ${fact}`}</option>
            {chosen !== "" && !values.has(chosen) && <option value={chosen}>{oneLine(chosen)}</option>}
            {[...values].sort().map((value) => (
              <option key={value} value={value}>{oneLine(value)}</option>
            ))}
          </select>
        );
      })}
    </div>
  );
}

function List({ runs, selected, compared, onSelect }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtual({ count: runs.length, size: () => ROW, scroller });
  const at = runs.findIndex((run) => run.id === selected);
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [selected, at >= 0]);
  useLayoutEffect(() => virtual.measure(), []);
  const keys = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW) - 1);
    const steps: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: runs.length - 1,
    };
    const next = steps[event.key];
    if (next !== undefined && runs.length > 0) {
      onSelect(runs[Math.min(Math.max(next, 0), runs.length - 1)]?.id ?? null);
    } else if (event.key === "Enter" || event.key === "ArrowRight") {
      document.querySelector<HTMLElement>("[data-main]")?.focus();
    } else {
      return;
    }
    event.preventDefault();
  };
  return (
    <div
      id="runs"
      class="scroll"
      ref={scroller}
      role="listbox"
      aria-label="Runs"
      tabIndex={0}
      aria-activedescendant={at >= 0 ? `run-${selected}` : undefined}
      onKeyDown={keys}
    >
      <div class="rows" role="presentation" style={{ height: `${virtual.getTotalSize()}px` }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const run = runs[index];
          return (
            run && (
              <Row
                key={run.id}
                run={run}
                top={start}
                place={index}
                count={runs.length}
                selected={run.id === selected}
                compared={run.id === compared}
                onSelect={onSelect}
              />
            )
          );
        })}
      </div>
    </div>
  );
}

interface RowProps {
  run: Run;
  top: number;
  place: number;
  count: number;
  selected: boolean;
  compared: boolean;
  onSelect: (id: string) => void;
}

function Row({ run, top, place, count, selected, compared, onSelect }: RowProps) {
  const price = cost(run.cost, run.unpriced);
  return (
    <div
      id={`run-${run.id}`}
      class={`run ${selected ? "selected" : ""}`}
      role="option"
      aria-selected={selected}
      aria-setsize={count}
      aria-posinset={place + 1}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onSelect(run.id)}
    >
      <div class="line">
        <StatusIcon status={run.status} />
        <span class="name" dir="auto">{oneLine(run.name)}</span>
        {run.scores[0] && (
          <span class="score" title={run.scores.slice(0, 20).map(scoreTitle).map(oneLine).join("\n")}>
            ★ {oneLine(scoreText(run.scores[0])).slice(0, 12)}
            {run.scores.length > 1 && ` +${run.scores.length - 1}`}
          </span>
        )}
        {compared && <span class="badge live" title="other runs are compared with this one">base</span>}
        <span class={`num ${run.running > 0 ? "live" : ""}`}>{duration(run.duration)}</span>
      </div>
      <div class="line faint">
        <span title={dateTime(run.start)}>{shortTime(run.start)}</span>
        <span class="gap" />
        {run.errors > 0 && run.status !== "error" && <span class="bad" title="failed spans">✕ {run.errors}</span>}
        {run.retries > 0 && <span class="warn" title="retries">↻ {run.retries}</span>}
        <span title="spans">{short(run.spans)} sp</span>
        {run.input + run.output > 0 && <span title="tokens">{short(run.input + run.output)} tok</span>}
        {price && price !== "?" && <span title="cost">{price}</span>}
      </div>
    </div>
  );
}
