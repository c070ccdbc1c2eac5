import { useMemo } from "preact/hooks";

import { cost, duration, oneLine, short, whole } from "../model/text.ts";
import type { Tree } from "../model/tree.ts";
import { usages, type Usage } from "../model/usage.ts";

/** Tokens and cost of runs, by model and by agent, and their errors. */
export function UsageView({ trees }: { trees: Tree[] }) {
  const all = useMemo(() => usages(trees), [trees]);
  if (all.models.length + all.errors.length === 0) return <p class="faint">No model was called.</p>;
  return (
    <>
      {all.models.length > 0 && <UsageTable parts={[["Models", all.models], ["Agents", all.agents]]} />}
      {all.errors.length > 0 && (
        <section class="usage">
          <h2>Errors</h2>
          <table class="narrow">
            <thead>
              <tr>
                <th>type</th>
                <th class="num">spans</th>
              </tr>
            </thead>
            <tbody>
              {all.errors.slice(0, 50).map(({ type, count }) => (
                <tr key={type}>
                  <td class="bad">{oneLine(type)}</td>
                  <td class="num">{whole(count)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </>
  );
}

const MOST = 200;

/** Models and agents in one table, so that their columns are aligned. */
function UsageTable({ parts }: { parts: [title: string, rows: Usage[]][] }) {
  const all = parts.flatMap(([, rows]) => rows);
  const [priced, cached, reasoned] = [
    all.some((row) => row.cost !== null),
    all.some((row) => row.cached > 0),
    all.some((row) => row.reasoning > 0),
  ];
  return (
    <section class="usage">
      <table>
        {parts.map(([title, rows]) => (
          <tbody key={title}>
            <tr>
              <th scope="rowgroup"><h2>{title}</h2></th>
              <th class="num">calls</th>
              <th class="num">failed</th>
              <th class="num">time</th>
              <th class="num">input</th>
              {cached && <th class="num">cached</th>}
              <th class="num">output</th>
              {reasoned && <th class="num">reasoning</th>}
              {priced && <th class="num">cost</th>}
              <th class="share">tokens</th>
            </tr>
            {rows.slice(0, MOST).map((row) => (
              <Line key={row.name} row={row} most={mostTokens(rows)} priced={priced} cached={cached} reasoned={reasoned} />
            ))}
            {rows.length > MOST && (
              <tr>
                <td class="faint">{whole(rows.length - MOST)} more are not listed.</td>
              </tr>
            )}
          </tbody>
        ))}
      </table>
    </section>
  );
}

const mostTokens = (rows: Usage[]): number => rows.reduce((most, row) => Math.max(most, row.input + row.output), 1);

interface LineProps {
  row: Usage;
  most: number;
  priced: boolean;
  cached: boolean;
  reasoned: boolean;
}

function Line({ row, most, priced, cached, reasoned }: LineProps) {
  return (
    <tr>
      <td dir="auto">{oneLine(row.name)}</td>
      <td class="num">{whole(row.calls)}</td>
      <td class={`num ${row.errors > 0 ? "bad" : "faint"}`}>{whole(row.errors)}</td>
      <td class="num">{duration(row.time)}</td>
      <td class="num">{whole(row.input)}</td>
      {cached && <td class="num faint">{row.cached > 0 ? whole(row.cached) : ""}</td>}
      <td class="num">{whole(row.output)}</td>
      {reasoned && <td class="num faint">{row.reasoning > 0 ? whole(row.reasoning) : ""}</td>}
      {priced && <td class="num">{cost(row.cost, row.unpriced)}</td>}
      <td class="share" title={short(row.input + row.output)}>
        <i class="in" style={{ width: `${(row.input / most) * 100}%` }} />
        <i class="out" style={{ width: `${(row.output / most) * 100}%` }} />
      </td>
    </tr>
  );
}
