import { useMemo, useState } from "preact/hooks";

import { ask } from "../model/filter.ts";
import type { Run } from "../model/run.ts";
import { scoreTitle } from "../model/score.ts";
import type { Store, Trace } from "../model/store.ts";
import { cost, dateTime, duration, oneLine, plural, short, shown } from "../model/text.ts";
import type { Tree } from "../model/tree.ts";
import { WHO } from "../model/who.ts";
import { VIEWS, type Route, type View } from "../route.ts";
import { Compare } from "./compare.tsx";
import { ConversationView } from "./conversation.tsx";
import { Details } from "./details.tsx";
import { StatusIcon } from "./icons.tsx";
import { UsageView } from "./usage.tsx";
import { Waterfall } from "./waterfall.tsx";

interface Props {
  store: Store;
  trace: Trace;
  route: Route;
  runs: Run[];
  now: number;
  onRoute: (change: Partial<Route>, replace?: boolean) => void;
  onQuery: (query: string) => void;
}

const TITLES: [View, string][] = [
  ["waterfall", "Waterfall"],
  ["conversation", "Conversation"],
  ["usage", "Usage"],
  ["compare", "Compare"],
];

/** A run: its sums, one of its views, and the details of the selected span. */
export function RunView({ store, trace, route, runs, now, onRoute, onQuery }: Props) {
  const [find, setFind] = useState("");
  const run = trace.run();
  const tree = trace.tree();
  const index = route.span === null ? -1 : (tree.indices.get(route.span) ?? -1);
  const shownIndex = index >= 0 ? index : (tree.walk[0] ?? -1);
  const selected = tree.spans[shownIndex]?.id ?? null;
  const onSelect = (span: string) => onRoute({ span }, true);
  const other = otherRun(store, run, runs, route.with);
  const trees = useMemo(() => [tree], [tree]);
  return (
    <>
      <main class="run-view">
        <Summary run={run} tree={tree} now={now} onQuery={onQuery} />
        <div class="tabs">
          <div
            role="tablist"
            aria-label="Views"
            onKeyDown={(event) => {
              const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
              const view = step && VIEWS[VIEWS.indexOf(route.view) + step];
              if (!view) return;
              onRoute({ view });
              event.preventDefault();
              requestAnimationFrame(() => document.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]')?.focus());
            }}
          >
            {TITLES.map(([view, title]) => (
              <button
                type="button"
                role="tab"
                key={view}
                aria-selected={route.view === view}
                tabIndex={route.view === view ? 0 : -1}
                onClick={() => onRoute({ view })}
              >
                {title}
              </button>
            ))}
          </div>
          <span class="gap" />
          {route.view === "waterfall" && (
            <input
              id="find"
              type="search"
              placeholder="Find in run  ( f )"
              aria-label="Find in run"
              spellcheck={false}
              value={find}
              onInput={(event) => setFind(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key === "Escape") setFind("");
                if (event.key !== "Enter" && event.key !== "Escape") return;
                const list = document.querySelector<HTMLElement>("[data-main]");
                list?.focus();
                if (event.key === "Enter") list?.dispatchEvent(new KeyboardEvent("keydown", { key: "n", bubbles: true }));
                event.preventDefault();
                event.stopPropagation();
              }}
            />
          )}
        </div>
        {route.span !== null && index < 0 && (
          <p class="notice">There is no span {shown(route.span)} in this run.</p>
        )}
        {route.view === "waterfall" && (
          <Waterfall key={trace.id} tree={tree} now={now} selected={selected} find={find} scoresOf={(span) => trace.scoresOf(span)} onSelect={onSelect} />
        )}
        {route.view === "conversation" && (
          <ConversationView key={trace.id} tree={tree} selected={selected} onSelect={onSelect} />
        )}
        {route.view === "usage" && (
          <div class="scroll padded" data-main tabIndex={0}>
            <UsageView trees={trees} />
          </div>
        )}
        {route.view === "compare" && (
          <Compare
            left={other ? { run: other.run(), tree: other.tree() } : null}
            right={{ run, tree }}
            runs={runs}
            selected={selected}
            onSelect={onSelect}
            onWith={(id) => onRoute({ with: id || null }, true)}
          />
        )}
      </main>
      <Details
        key={trace.id}
        tree={tree}
        index={shownIndex}
        now={now}
        scores={tree.spans[shownIndex] ? trace.scoresOf(tree.spans[shownIndex]) : []}
        known={(id) => store.traces.has(id)}
        onOpen={(id, span) => onRoute({ trace: id, span })}
      />
    </>
  );
}

/** The run to compare with: the chosen one, otherwise the one of this name before it. */
function otherRun(store: Store, run: Run, runs: Run[], chosen: string | null): Trace | undefined {
  if (chosen !== null && chosen !== run.id) return store.traces.get(chosen);
  const older = runs.find((one) => one.name === run.name && one.id !== run.id && one.start <= run.start);
  return older && store.traces.get(older.id);
}

interface SummaryProps {
  run: Run;
  tree: Tree;
  now: number;
  onQuery: (query: string) => void;
}

/** Scores, and values of each fact, that the summary of a run shows at most. */
const SUMMED = 4;

function Summary({ run, tree, now, onQuery }: SummaryProps) {
  const problems = tree.problems.filter((problem) => problem.kind !== "never ended");
  const kinds = new Map<string, number>();
  for (const problem of problems) kinds.set(problem.kind, (kinds.get(problem.kind) ?? 0) + 1);
  const price = cost(run.cost, run.unpriced);
  const length = run.running > 0 ? Math.max(run.duration, now - run.start) : run.duration;
  return (
    <header class="summary">
      <StatusIcon status={run.status} />
      <h1 dir="auto">{oneLine(run.name)}</h1>
      <span class="faint">{dateTime(run.start)}</span>
      <span class="num">{duration(length)}</span>
      <span>{plural(run.spans, "span")}</span>
      {run.input + run.output > 0 && <span>tokens {short(run.input)} in, {short(run.output)} out</span>}
      {price && price !== "?" && <span>cost {price}</span>}
      {run.errors > 0 && <span class="bad">{plural(run.errors, "error")}</span>}
      {run.retries > 0 && <span class="warn">{plural(run.retries, "retry", "retries")}</span>}
      {run.running > 0 && <span class="live">{run.running} not ended</span>}
      {[...kinds].map(([kind, count]) => (
        <span class="badge bad" key={kind} title={problems.filter((one) => one.kind === kind).slice(0, 5).map((one) => one.text).join("\n")}>
          {count > 1 ? `${count} ` : ""}{kind}
        </span>
      ))}
      {run.scores.slice(0, SUMMED).map((score, place) => (
        <span class="score" key={place}>★ {oneLine(scoreTitle(score))}</span>
      ))}
      {run.scores.length > SUMMED && <span class="score">+{run.scores.length - SUMMED}</span>}
      {run.group !== null && <span class="faint">group {oneLine(run.group)}</span>}
      {WHO.flatMap(([fact]) =>
        [...(run.who.get(fact) ?? [])].slice(0, SUMMED).map((value) => (
          <button
            type="button"
            class="chip fact"
            key={`${fact} ${value}`}
            title={`Show the runs of this ${fact}`}
            onClick={() => onQuery(ask("", fact, value))}
          >
            {fact} <b>{oneLine(value)}</b>
          </button>
        )),
      )}
    </header>
  );
}
