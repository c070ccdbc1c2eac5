import type { ComponentChildren } from "preact";
import { useErrorBoundary } from "preact/hooks";

import { shown } from "../model/text.ts";

/** Keeps the rest of the page when a part of it cannot be drawn. */
export function Guard({ children }: { children: ComponentChildren }) {
  const [error, again] = useErrorBoundary() as [unknown, () => void];
  if (!error) return <>{children}</>;
  return (
    <div class="empty" role="alert">
      <p>This cannot be shown: {shown(String(error))}</p>
      <button type="button" class="chip" onClick={again}>
        try again
      </button>
    </div>
  );
}
