import { useEffect, useRef } from "preact/hooks";

import { KEYS } from "../model/filter.ts";

const SHORTCUTS: [keys: string, meaning: string][] = [
  ["/", "search runs"],
  ["f", "find in this run; Enter or n: next"],
  ["n N", "next, previous difference of two runs"],
  ["↑ ↓ PgUp PgDn Home End", "move in the list or the tree"],
  ["→ ←", "expand, collapse; to the parent; between list and tree"],
  ["Enter", "from the list to the run, from the tree to the details"],
  ["[ ]", "newer, older run"],
  ["1 2 3 4", "waterfall, conversation, usage, compare"],
  ["e", "next error"],
  ["p", "next problem: orphans, duplicates, loops"],
  ["z Z", "zoom to the span, show the whole run (or double-click)"],
  ["+ −", "expand all, collapse all"],
  ["j k", "next, previous model call of a conversation"],
  ["c", "mark this run: others are compared with it"],
  ["t", "dark or light"],
  ["o", "overview"],
  ["? Esc", "this help"],
];

const LOOKS: [name: string, meaning: string][] = [
  ["b-ok k-agent", "agent"],
  ["b-ok k-llm", "model call"],
  ["b-ok k-tool", "tool"],
  ["b-ok k-pipeline", "pipeline"],
  ["b-error", "error"],
  ["b-cancelled", "cancelled"],
  ["b-stale", "stale: left open"],
  ["b-paused", "paused: waits, or goes on later"],
  ["b-skipped", "skipped"],
  ["b-running k-agent", "has not ended"],
];

export function Help({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="help" aria-label="Help" onClose={onClose} onClick={(event) => event.target === dialog.current && onClose()}>
      <div>
        <h2>Keys</h2>
        <Table rows={SHORTCUTS} />
      </div>
      <div>
        <h2>Search</h2>
        <Table rows={KEYS} />
        <h2>Bars</h2>
        <ul class="looks">
          {LOOKS.map(([name, meaning]) => (
            <li key={name}>
              <i class={`bar ${name}`} /> {meaning}
            </li>
          ))}
          <li><i class="critical" /> critical path</li>
          <li><i class="retry" /> retry</li>
          <li><i class="bar b-ok k-llm streamed"><i class="first-chunk" /></i> first chunk</li>
        </ul>
        <button type="button" class="chip" onClick={onClose}>Close</button>
      </div>
    </dialog>
  );
}

const Table = ({ rows }: { rows: [string, string][] }) => (
  <table>
    <tbody>
      {rows.map(([first, second]) => (
        <tr key={first}>
          <td><kbd>{first}</kbd></td>
          <td>{second}</td>
        </tr>
      ))}
    </tbody>
  </table>
);
