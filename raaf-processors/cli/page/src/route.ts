/** What is shown, as the part of the address behind `#`. */

import { bareId } from "./model/span.ts";

export type View = "waterfall" | "conversation" | "usage" | "compare";

export const VIEWS: View[] = ["waterfall", "conversation", "usage", "compare"];

export interface Route {
  trace: string | null;
  span: string | null;
  view: View;
  /** The run to compare with. */
  with: string | null;
}

export function parseRoute(hash: string): Route {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const id = (name: string) => {
    const value = said.get(name);
    return value ? bareId(value) : null;
  };
  const view = VIEWS.find((one) => one === said.get("view")) ?? "waterfall";
  return { trace: id("trace"), span: id("span"), view, with: id("with") };
}

export function formatRoute(route: Route): string {
  const said = new URLSearchParams();
  if (route.trace) said.set("trace", route.trace);
  if (route.span) said.set("span", route.span);
  if (route.view !== "waterfall") said.set("view", route.view);
  if (route.with) said.set("with", route.with);
  return `#${said}`;
}
