import { useLayoutEffect, useRef, useState } from "preact/hooks";

import type { Run } from "../model/run.ts";
import { clock, dateTime, oneLine } from "../model/text.ts";

interface Props {
  title: string;
  /** Oldest first. */
  runs: Run[];
  value: (run: Run) => number | null;
  format: (value: number) => string;
  /** Writes the round values of the axis. */
  axis: (value: number) => string;
  onSelect: (id: string) => void;
}

/** In pixels; the width is that of the page. */
const [WIDEST, HEIGHT] = [1_100, 190];
const [LEFT, BOTTOM, TOP, RIGHT] = [64, 24, 12, 12];
/** More dots than this are not told apart; of each group, the highest is drawn. */
const DOTS = 1_200;

interface Dot {
  run: Run;
  value: number;
}

/** One dot a run, over time, on a logarithmic scale. */
export function Plot({ title, runs, value, format, axis, onSelect }: Props) {
  const [figure, width] = useWidth();
  const all: Dot[] = [];
  for (const run of runs) {
    const here = value(run);
    if (here !== null && here > 0) all.push({ run, value: here });
  }
  if (all.length < 2) return null;
  const dots = thinned(all);
  const [first, last] = [all[0]?.run.start ?? 0, all[all.length - 1]?.run.start ?? 1];
  const [low, high] = bounds(all);
  const x = (time: number) => LEFT + ((time - first) / Math.max(last - first, 1)) * (width - LEFT - RIGHT);
  const y = (at: number) => {
    const share = (Math.log(at) - Math.log(low)) / Math.max(Math.log(high) - Math.log(low), 1e-9);
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP);
  };
  const median = [...all].sort((a, b) => a.value - b.value)[Math.floor(all.length / 2)]?.value ?? low;
  return (
    <figure class="plot" ref={figure}>
      <figcaption>
        {title}
        <span class="faint">
          {" "}median {format(median)}, highest {format(Math.max(...dots.map((dot) => dot.value)))}
        </span>
      </figcaption>
      <svg viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={`${title} of ${all.length} runs over time`}>
        {marks(low, high).map((at) => (
          <g key={at} class="mark">
            <line x1={LEFT} x2={width - RIGHT} y1={y(at)} y2={y(at)} />
            <text x={LEFT - 6} y={y(at) + 3} text-anchor="end">{axis(at)}</text>
          </g>
        ))}
        <line class="median" x1={LEFT} x2={width - RIGHT} y1={y(median)} y2={y(median)} />
        {dots.map(({ run, value: at }) => (
          <circle key={run.id} class={`dot d-${run.status}`} cx={x(run.start)} cy={y(at)} r={3} onClick={() => onSelect(run.id)}>
            <title>{`${oneLine(run.name)}: ${format(at)}, ${dateTime(run.start)}`}</title>
          </circle>
        ))}
        <text class="when" x={LEFT} y={HEIGHT - 7}>{dateTime(first)}</text>
        <text class="when" x={width - RIGHT} y={HEIGHT - 7} text-anchor="end">{last - first < CLOSE_MS ? clock(last) : dateTime(last)}</text>
      </svg>
    </figure>
  );
}

/** Times that are closer are told apart by milliseconds. */
const CLOSE_MS = 60_000;

/** The width of a figure, so that its texts keep their size. */
function useWidth() {
  const figure = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(WIDEST);
  useLayoutEffect(() => {
    if (!figure.current) return;
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.max(LEFT * 4, Math.round(entry.contentRect.width))));
    observer.observe(figure.current);
    return () => observer.disconnect();
  }, [figure.current]);
  return [figure, width] as const;
}

function thinned(all: Dot[]): Dot[] {
  if (all.length <= DOTS) return all;
  const size = all.length / DOTS;
  const result: Dot[] = [];
  for (let group = 0; group < DOTS; group += 1) {
    const some = all.slice(Math.floor(group * size), Math.floor((group + 1) * size));
    result.push(some.reduce((a, b) => (b.value > a.value ? b : a)));
  }
  return result;
}

function bounds(all: Dot[]): [number, number] {
  let [low, high] = [Infinity, 0];
  for (const { value } of all) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return high > low * 1.01 ? [low, high] : [low / 2, high * 2];
}

/** Round values between two, three to five of them. */
function marks(low: number, high: number): number[] {
  const found: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const one of [1, 2, 5]) {
      const at = one * 10 ** power;
      if (at >= low && at <= high) found.push(at);
    }
  }
  const step = Math.max(1, Math.ceil(found.length / 4));
  return found.filter((_, place) => place % step === 0);
}
