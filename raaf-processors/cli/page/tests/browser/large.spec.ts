import { expect } from "@playwright/test";

import { answer, many } from "../support/demo.ts";
import { fileWith, test } from "../support/page.ts";

const SPANS = 100_000;

interface TraceEvent {
  name: string;
  /** In microseconds, as `dur` is. */
  ts: number;
  dur?: number;
}

test("a run of 100,000 spans", async ({ browser, page }) => {
  const text = many(SPANS);
  const url = fileWith(text);
  await page.addInitScript(() => {
    const seen: Record<string, number> = {};
    Object.assign(window, { seen });
    const note = (name: string, selector: string) => {
      if (!(name in seen) && document.querySelector(selector)) {
        requestAnimationFrame(() => setTimeout(() => (seen[name] ??= performance.now()), 0));
      }
    };
    new MutationObserver(() => {
      note("frame", ".page");
      note("first run", ".run");
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(url, { waitUntil: "commit" });
  await expect(page.locator(".run").first()).toBeVisible();
  await page.locator(".run").first().click();
  await expect(page.getByRole("treeitem").first()).toBeVisible();
  await expect(page.getByRole("status")).toHaveText("100,001 spans", { timeout: 120_000 });
  await expect(page.getByRole("treeitem").first()).toContainText("Many");
  const read = await page.evaluate(() => performance.now());
  expect(await page.getByRole("treeitem").count()).toBeLessThan(120);
  // Scrolls through the run, recorded by the browser's own trace.
  await browser.startTracing(page, { categories: ["devtools.timeline", "disabled-by-default-devtools.timeline"] });
  await page.getByRole("tree").evaluate(
    (tree) =>
      new Promise<void>((done) => {
        let frames = 0;
        const step = () => {
          tree.scrollBy(0, 700);
          frames += 1;
          if (frames < 120) requestAnimationFrame(step);
          else done();
        };
        requestAnimationFrame(step);
      }),
  );
  const trace = JSON.parse((await browser.stopTracing()).toString("utf8")) as { traceEvents: TraceEvent[] };
  const fired = trace.traceEvents.filter((event) => event.name === "FireAnimationFrame");
  const times = fired.map((event) => event.ts / 1_000).sort((a, b) => a - b);
  const frames = times.slice(1).map((time, place) => time - (times[place] ?? time)).sort((a, b) => a - b);
  const long = trace.traceEvents.filter((event) => event.name === "RunTask" && (event.dur ?? 0) > 50_000).length;
  const before = await page.evaluate(() => performance.now());
  await page.getByRole("tree").press("End");
  await expect(page.getByRole("treeitem", { selected: true })).toBeVisible();
  const jump = (await page.evaluate(() => performance.now())) - before;
  const seen = await page.evaluate(() => (window as unknown as { seen: Record<string, number> }).seen);
  const ms = (value: number | undefined) => `${Math.round(value ?? Number.NaN)} ms`;
  const at = (share: number) => ms(frames[Math.floor(frames.length * share)]);
  console.log(
    [
      `${SPANS} spans, ${(text.length / 1e6).toFixed(0)} MB:`,
      `frame of the page ${ms(seen.frame)}, first run ${ms(seen["first run"])}, all read and shown ${ms(read)};`,
      `${frames.length} frames while scrolling: median ${at(0.5)}, p95 ${at(0.95)}, ${long} tasks over 50 ms; jump to the end ${ms(jump)}`,
    ].join(" "),
  );
});

test("50,000 runs", async ({ page }) => {
  const lines: string[] = [];
  for (let run = 0; run < 50_000; run += 1) lines.push(...answer(`answer ${run}`, run * 1_000, run));
  await page.goto(fileWith(lines.join("\n")), { waitUntil: "commit" });
  await expect(page.locator(".run").first()).toBeVisible();
  const first = await page.evaluate(() => performance.now());
  await expect(page.getByRole("status")).toHaveText("100,000 spans", { timeout: 120_000 });
  await expect(page.getByText("50,000 runs")).toBeVisible();
  await expect(page.locator(".usage").first()).toBeVisible();
  const all = await page.evaluate(() => performance.now());
  expect(await page.locator(".run").count()).toBeLessThan(80);
  expect(await page.locator(".dot").count()).toBeLessThanOrEqual(2 * 1_200);
  const typed = await page.evaluate(async () => {
    const before = performance.now();
    const box = document.getElementById("search") as HTMLInputElement;
    box.value = "content:\"parcel 31234\"";
    box.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
    return performance.now() - before;
  });
  await expect(page.getByText("1 of 50k")).toBeVisible();
  console.log(`50,000 runs: first run ${Math.round(first)} ms, all and their sums ${Math.round(all)} ms, search in contents ${Math.round(typed)} ms`);
});
