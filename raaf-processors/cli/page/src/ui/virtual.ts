import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useRef } from "preact/hooks";

interface Options {
  count: number;
  size: (index: number) => number;
  scroller: RefObject<HTMLElement | null>;
  overscan?: number;
}

export type Virtual = Virtualizer<HTMLElement, HTMLElement>;

/** A list of which only the visible rows are in the document. */
export function useVirtual({ count, size, scroller, overscan = 8 }: Options): Virtual {
  const [, redraw] = useReducer((times: number) => times + 1, 0);
  const kept = useRef<Virtual | null>(null);
  const options = {
    count,
    estimateSize: size,
    getScrollElement: () => scroller.current,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    overscan,
    initialRect: { width: 800, height: 800 },
    onChange: () => redraw(undefined as never),
  };
  kept.current ??= new Virtualizer<HTMLElement, HTMLElement>(options);
  const virtual = kept.current;
  virtual.setOptions(options);
  useLayoutEffect(() => virtual._didMount(), [virtual]);
  useLayoutEffect(() => virtual._willUpdate());
  return virtual;
}
