import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect } from "@playwright/test";
import type { AxeResults } from "axe-core";

import { demo } from "../support/demo.ts";
import { traceId } from "../support/lines.ts";
import { allRead, fileWith, test, throttled } from "../support/page.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

for (const colorScheme of ["light", "dark"] as const) {
  test(`roles, names and contrast, ${colorScheme}`, async ({ browser }) => {
    const url = fileWith(demo());
    // The policy of the page does not let the checker in.
    const page = await throttled(await browser.newPage({ bypassCSP: true, colorScheme }));
    for (const view of ["", "waterfall", "conversation", "usage", "compare"]) {
      await page.goto("about:blank");
      await page.goto(view === "" ? url : `${url}#trace=${traceId("report 87")}&view=${view}`);
      await expect(page.locator("[data-main]")).toBeVisible();
      await allRead(page);
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run());
      expect(violations.map((one) => `${one.id}: ${one.nodes[0]?.html}`), view).toEqual([]);
    }
    await page.close();
  });
}
