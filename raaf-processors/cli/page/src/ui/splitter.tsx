const LEAST = 15;
const MOST = 80;

/** A handle that moves the border between two columns; `at` is in percent. */
export function Splitter({ at, onMove }: { at: number; onMove: (at: number) => void }) {
  const limited = (value: number) => onMove(Math.min(MOST, Math.max(LEAST, value)));
  const drag = (event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement;
    const box = handle.parentElement?.getBoundingClientRect();
    if (!box) return;
    handle.setPointerCapture(event.pointerId);
    const move = (moved: PointerEvent) => limited(((moved.clientX - box.left) / box.width) * 100);
    handle.addEventListener("pointermove", move);
    handle.addEventListener("lostpointercapture", () => handle.removeEventListener("pointermove", move), { once: true });
  };
  return (
    <div
      class="splitter"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the tree"
      aria-valuenow={Math.round(at)}
      aria-valuemin={LEAST}
      aria-valuemax={MOST}
      tabIndex={0}
      onPointerDown={drag}
      onKeyDown={(event) => {
        const step = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
        if (step === undefined) return;
        limited(at + step);
        event.preventDefault();
      }}
    />
  );
}
