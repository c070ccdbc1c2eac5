import type { Span } from "../model/span.ts";
import { tick } from "../model/text.ts";
import { kindClass } from "./icons.tsx";

/** The part of time that is shown, in milliseconds since 1970. */
export interface Range {
  from: number;
  to: number;
}

const share = (time: number, { from, to }: Range) => ((time - from) / Math.max(to - from, 1e-6)) * 100;
const percent = (value: number) => `${Math.round(value * 1_000) / 1_000}%`;
const clip = (value: number) => Math.min(100, Math.max(0, value));
/** Percent below which two marks are one. */
const NEAR = 0.3;

interface BarProps {
  span: Span;
  end: number;
  range: Range;
  critical: [number, number][] | undefined;
}

export function Bar({ span, end, range, critical }: BarProps) {
  const [left, right] = [share(span.start, range), share(end, range)];
  if (right < 0 || left > 100) {
    return <span class={`outside ${left > 100 ? "right" : ""}`} aria-hidden="true" />;
  }
  const [from, to] = [clip(left), clip(right)];
  return (
    <>
      <i
        class={`bar b-${span.status} ${kindClass(span.kind)}`}
        style={{ left: percent(Math.min(from, 99.7)), width: percent(to - from) }}
      />
      {merged(critical ?? [], range).map(([a, b]) => (
        <i class="critical" key={a} style={{ left: percent(Math.min(a, 99.7)), width: percent(b - a) }} />
      ))}
      {span.firstChunk !== null && (
        <i class="first-chunk" title="first chunk" style={{ left: percent(clip(share(span.start + span.firstChunk, range))) }} />
      )}
      {span.retries.slice(0, 50).map((time) => (
        <i class="retry" key={time} title="retry" style={{ left: percent(clip(share(time, range))) }} />
      ))}
    </>
  );
}

/** Parts in percent of the range; those that nobody can tell apart are one. */
function merged(parts: [number, number][], range: Range): [number, number][] {
  const result: [number, number][] = [];
  for (const [start, stop] of parts) {
    const [from, to] = [clip(share(start, range)), clip(share(stop, range))];
    const last = result[result.length - 1];
    if (last && from - last[1] < NEAR) last[1] = Math.max(last[1], to);
    else if (to > 0 && from < 100) result.push([from, to]);
  }
  return result.filter(([from, to]) => to - from >= NEAR || parts.length === 1);
}

export function Axis({ range, origin }: { range: Range; origin: number }) {
  return (
    <div class="axis" aria-hidden="true">
      {ticks(range, origin).map((time) => (
        <span key={time} style={{ left: percent(share(time, range)) }}>
          {tick(time - origin)}
        </span>
      ))}
    </div>
  );
}

/** Lines of the grid, for the whole height. */
export function Grid({ range, origin }: { range: Range; origin: number }) {
  return (
    <div class="grid" aria-hidden="true">
      {ticks(range, origin).map((time) => (
        <i key={time} style={{ left: percent(share(time, range)) }} />
      ))}
    </div>
  );
}

/** Round times, four to eight of them. */
function ticks(range: Range, origin: number): number[] {
  const length = range.to - range.from;
  if (!(length > 0)) return [range.from];
  const rough = length / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? rough;
  const first = Math.ceil((range.from - origin) / step - 1e-9);
  const result: number[] = [];
  for (let at = first; at * step + origin <= range.to - length * 0.03 && result.length < 20; at += 1) {
    result.push(at * step + origin);
  }
  return result;
}
