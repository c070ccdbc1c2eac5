import { useMemo } from "preact/hooks";

import type { Run } from "../model/run.ts";
import type { Store } from "../model/store.ts";
import { cost, duration, short, tick, whole } from "../model/text.ts";
import { Plot } from "./plot.tsx";
import { UsageView } from "./usage.tsx";

interface Props {
  store: Store;
  runs: Run[];
  /** There are more runs to come at once: sums wait for them. */
  reading: boolean;
  onSelect: (id: string) => void;
}

/** Spans beyond which the sums of all runs wait for a filter. */
const SUMS = 300_000;

/** A run that only judges another one has no duration to speak of. */
const isWork = (run: Run): boolean => run.kinds.size > 1 || !run.kinds.has("evaluator");

/** All runs that the filter lets through: plots and sums. */
export function Overview({ store, runs, reading, onSelect }: Props) {
  const oldest = useMemo(() => runs.filter(isWork).reverse(), [runs]);
  const spans = runs.reduce((sum, run) => sum + run.spans, 0);
  const trees = useMemo(
    () => (reading || spans > SUMS ? [] : runs.map((run) => store.traces.get(run.id)?.tree()).filter((tree) => tree !== undefined)),
    [runs, reading],
  );
  const sum = (of: (run: Run) => number) => runs.reduce((total, run) => total + of(run), 0);
  const priced = runs.filter((run) => run.cost !== null);
  const failed = sum((run) => (run.status === "error" ? 1 : 0));
  const middle = [...oldest].sort((a, b) => a.duration - b.duration)[Math.floor(oldest.length / 2)];
  const tiles: [string, string, string][] = [
    ["runs", whole(runs.length), ""],
    ["failed", failed > 0 ? `${whole(failed)} (${Math.round((failed / runs.length) * 100)} %)` : "0", failed ? "bad" : ""],
    ["median duration", middle ? duration(middle.duration) : "–", ""],
    ["spans", short(spans), ""],
    ["tokens", short(sum((run) => run.input + run.output)), ""],
    ["cost", priced.length > 0 ? cost(sum((run) => run.cost ?? 0), sum((run) => run.unpriced)) : "unknown", ""],
  ];
  return (
    <main class="overview scroll" data-main tabIndex={0} aria-label="Overview">
      <h1>Overview</h1>
      <div class="tiles">
        {tiles.map(([name, value, tone]) => (
          <div key={name}>
            <b class={tone}>{value}</b>
            <span>{name}</span>
          </div>
        ))}
      </div>
      <Plot title="Duration" runs={oldest} value={(run) => run.duration} format={duration} axis={tick} onSelect={onSelect} />
      <Plot title="Cost" runs={oldest} value={(run) => run.cost} format={(value) => cost(value)} axis={(value) => cost(value).replace(/(\.\d{2,}?)0+$/, "$1")} onSelect={onSelect} />
      {spans > SUMS ? (
        <p class="faint">Sums by model and agent are shown for at most {whole(SUMS)} spans: filter the runs.</p>
      ) : (
        <UsageView trees={trees} />
      )}
    </main>
  );
}
