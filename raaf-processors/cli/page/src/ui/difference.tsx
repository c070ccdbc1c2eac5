import { useMemo, useState } from "preact/hooks";

import { bounded, difference, type Row } from "../model/difference.ts";
import { plainContents } from "../model/plain.ts";
import type { Span } from "../model/span.ts";
import { plural, shown, whole } from "../model/text.ts";

/** Characters of a difference that are shown at first. */
const SHOWN = 20_000;

/** The contents of a span in two runs: what is gone, and what was added. */
export function Contents({ before, after }: { before: Span | undefined; after: Span | undefined }) {
  const all = useMemo(() => {
    const [a, b] = [before ? plainContents(before) : [], after ? plainContents(after) : []];
    const titles = new Map([...a, ...b].map(({ key, title }) => [key, title]));
    const text = (of: typeof a, key: string) => of.find((one) => one.key === key)?.text ?? "";
    return [...titles].map(([key, title]) => ({ key, title, found: difference(text(a, key), text(b, key)) }));
  }, [before, after]);
  if (all.length === 0) return <p class="faint">Neither span has recorded contents.</p>;
  const same = all.filter(({ found }) => found === null).map(({ title }) => title.toLowerCase());
  return (
    <>
      {all.map(({ key, title, found }) =>
        found && (
          <section key={key}>
            <h3 title={key}>{title}</h3>
            <Rows rows={found.rows} />
            {found.uncompared > 0 && <p class="faint">{whole(found.uncompared)} more characters were not compared.</p>}
          </section>
        ),
      )}
      {same.length > 0 && <p class="faint">The same in both: {same.join(", ")}.</p>}
    </>
  );
}

const SIGNS = { gone: "−", added: "+", same: " " };

function Rows({ rows: all }: { rows: Row[] }) {
  const [most, setMost] = useState(SHOWN);
  const { rows, left } = useMemo(() => bounded(all, most), [all, most]);
  return (
    <div class="difference">
      {rows.map((row, place) =>
        row.type === "skipped" ? (
          <div class="d-skipped" key={place}>{plural(row.count, "equal line")}</div>
        ) : (
          <div class={`d-${row.type}`} key={place}>
            <span class="sign">{SIGNS[row.type]}</span>
            <span class="text" dir="auto">
              {row.pieces.map(({ text, changed }, piece) => {
                if (!changed) return shown(text);
                return row.type === "gone" ? <del key={piece}>{shown(text)}</del> : <ins key={piece}>{shown(text)}</ins>;
              })}
            </span>
          </div>
        ),
      )}
      {left > 0 && (
        <button type="button" class="more" onClick={() => setMost(most * 10)}>
          … more
        </button>
      )}
    </div>
  );
}
