import type { ComponentChildren } from "preact";

/** A view that has nothing to show; the keyboard reaches it like the others. */
export const Empty = ({ children }: { children: ComponentChildren }) => (
  <div class="scroll empty" data-main tabIndex={0}>
    {children}
  </div>
);
