import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test as base, type Page } from "@playwright/test";

/** Slows the page down as `THROTTLE` says: tests must not depend on how fast it reads and draws. */
export async function throttled(page: Page): Promise<Page> {
  const rate = Number(process.env.THROTTLE ?? 1);
  if (rate > 1) await (await page.context().newCDPSession(page)).send("Emulation.setCPUThrottlingRate", { rate });
  return page;
}

/** Waits until the page has read all of its lines: what it selects, and where, depends on them. */
export const allRead = (page: Page): Promise<void> =>
  expect(page.getByRole("status")).toHaveText(/^[1-9][\d,]* spans?(, [\d,]+ lines? not read)?$/);

export const test = base.extend({ page: async ({ page }, use) => use(await throttled(page)) });

const built = new URL("../../dist/index.html", import.meta.url);
const PLACE = '<script type="application/json" id="data"></script>';

/** Puts lines into the built page, as the program does. */
export function pageWith(lines: string): string {
  const [before, after] = readFileSync(built, "utf8").split(PLACE);
  const data = lines.replaceAll("<", "\\u003c");
  return `${before}<script type="application/json" id="data">${data}</script>${after}`;
}

/** Writes the page with these lines to a file, and returns its URL. */
export function fileWith(lines: string): string {
  const file = join(mkdtempSync(join(tmpdir(), "raaf-page-")), "page.html");
  writeFileSync(file, pageWith(lines));
  return pathToFileURL(file).href;
}
