import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import type { Json } from "../model/span.ts";
import { shown } from "../model/text.ts";

const LONG = 2_000;
const MANY = 100;

/** Text as it is, long text in part. */
export function Text({ text, class: name = "" }: { text: string; class?: string }) {
  const [all, setAll] = useState(false);
  const long = text.length > LONG * 1.25 && !all;
  return (
    <div class={`text ${name}`} dir="auto">
      {shown(long ? text.slice(0, LONG) : text)}
      {long && <More what={`${(text.length - LONG).toLocaleString("en-US")} more characters`} onMore={() => setAll(true)} />}
    </div>
  );
}

function More({ what, onMore }: { what: string; onMore: () => void }) {
  return (
    <button type="button" class="more" onClick={onMore}>
      … {what}
    </button>
  );
}

/** JSON, formatted; what is long can be folded. */
export function JsonView({ value }: { value: Json }) {
  if (typeof value === "string") return <Text text={value} />;
  return (
    <div class="json">
      <Value value={value} depth={0} />
    </div>
  );
}

function Value({ value, depth }: { value: Json; depth: number }): ComponentChildren {
  if (value === null) return <span class="j-null">null</span>;
  if (typeof value === "string") return <Quoted text={value} />;
  if (typeof value !== "object") return <span class={`j-${typeof value}`}>{String(value)}</span>;
  const isList = Array.isArray(value);
  const items: [string | null, Json][] = isList ? value.map((one) => [null, one]) : Object.entries(value);
  const [open, close] = isList ? ["[", "]"] : ["{", "}"];
  if (items.length === 0) return `${open}${close}`;
  if (isSmall(items)) return <Inline items={items} open={open} close={close} />;
  return <Block items={items} open={open} close={close} depth={depth} />;
}

function isSmall(items: [string | null, Json][]): boolean {
  if (items.length > 6) return false;
  let length = 0;
  for (const [key, value] of items) {
    if (typeof value === "object" && value !== null) return false;
    length += (key?.length ?? 0) + String(value).length + 4;
  }
  return length < 60;
}

interface Items {
  items: [string | null, Json][];
  open: string;
  close: string;
}

function Inline({ items, open, close }: Items) {
  return (
    <span>
      {open}
      {items.map(([key, value], index) => (
        <>
          {index > 0 && ", "}
          {key !== null && <Key name={key} />}
          <Value value={value} depth={0} />
        </>
      ))}
      {close}
    </span>
  );
}

function Block({ items, open, close, depth }: Items & { depth: number }) {
  const [folded, setFolded] = useState(depth > 4);
  const [most, setMost] = useState(MANY);
  const toggle = () => setFolded(!folded);
  return (
    <span>
      <button type="button" class="fold" aria-expanded={!folded} onClick={toggle}>
        {open}
        {folded && ` ${items.length} … ${close}`}
      </button>
      {!folded && (
        <>
          <div class="j-block">
            {items.slice(0, most).map(([key, value]) => (
              <div>
                {key !== null && <Key name={key} />}
                <Value value={value} depth={depth + 1} />
              </div>
            ))}
            {items.length > most && <More what={`${items.length - most} more`} onMore={() => setMost(most * 10)} />}
          </div>
          {close}
        </>
      )}
    </span>
  );
}

const Key = ({ name }: { name: string }) => (
  <>
    <span class="j-key">{shown(name)}</span>
    {": "}
  </>
);

function Quoted({ text }: { text: string }) {
  const [all, setAll] = useState(false);
  const long = text.length > LONG && !all;
  return (
    <span class="j-string" dir="auto">
      "{shown(long ? text.slice(0, LONG) : text)}"
      {long && <More what={`${text.length - LONG} more characters`} onMore={() => setAll(true)} />}
    </span>
  );
}
