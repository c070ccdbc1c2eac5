import { render } from "preact";

import { open } from "./loader.ts";
import "./style.css";
import { applyTheme } from "./theme.ts";
import { App } from "./ui/app.tsx";

const SOON_MS = 150;

applyTheme();
const root = document.getElementById("app") as HTMLElement;
let version = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
let pause = 0;

function draw(): void {
  timer = undefined;
  version += 1;
  const before = performance.now();
  render(<App source={source} version={version} />, root);
  // Drawing takes at most a fifth of the time.
  pause = Math.max(SOON_MS, (performance.now() - before) * 4);
}

const source = open(() => {
  timer ??= setTimeout(draw, version < 2 ? 0 : pause);
});
draw();
