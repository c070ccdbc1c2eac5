import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "@playwright/test";

import { spanLine, startLine } from "../support/lines.ts";
import { fileWith, pageWith, test } from "../support/page.ts";

/** What `raaf serve` answers. */
class Lines {
  lines: string[] = [];
  readonly asked: string[] = [];
  readonly server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://127.0.0.1");
    this.asked.push(url.pathname + url.search);
    if (url.pathname === "/") {
      response.writeHead(200, { "content-type": "text/html" }).end(pageWith(""));
    } else if (url.pathname === "/api/lines") {
      const after = Number(url.searchParams.get("after"));
      const body = this.lines.slice(after).map((line) => `${line}\n`).join("");
      response.writeHead(200, { "content-type": "text/plain", "x-next": String(this.lines.length) }).end(body);
    } else {
      response.writeHead(404).end();
    }
  });
  async url(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }
}

const now = (ms: number) => Date.now() - Date.UTC(2026, 0, 5, 9, 0, 0) + ms;

test("running spans appear, grow and end", async ({ page }) => {
  const served = new Lines();
  const url = await served.url();
  await page.goto(url);
  await expect(page.getByText("Waiting for spans.")).toBeVisible();
  const at = now(-2_000);
  served.lines.push(startLine({ id: "root", at, component: "Live" }), startLine({ id: "child", parent: "root", at: at + 5, kind: "tool" }));
  await page.getByRole("option").click();
  const row = page.getByRole("treeitem").first();
  await expect(row).toContainText("Live");
  await expect(page.locator(".b-running")).toHaveCount(2);
  const length = () => row.locator(".num").textContent();
  const before = await length();
  await expect.poll(length).not.toBe(before);
  served.lines.push(spanLine({ id: "child", parent: "root", at: at + 5, ms: 900, kind: "tool" }), spanLine({ id: "root", at, ms: 3_210, component: "Live" }));
  await expect(page.locator(".b-running")).toHaveCount(0);
  await expect(row).toContainText("3.21 s");
  await expect(page.getByRole("status")).toContainText("live");
  const asked = () => [...new Set(served.asked)];
  await expect.poll(asked).toEqual(["/", "/api/lines?after=0", "/api/lines?after=2", "/api/lines?after=4"]);
  // A server that was started anew begins at 0.
  served.lines = [spanLine({ trace: "new", id: "x", component: "Fresh" })];
  await expect(page.getByRole("option")).toHaveCount(1);
  await expect(page.getByRole("option")).toContainText("Fresh");
  served.server.closeAllConnections();
  served.server.close();
  await expect(page.getByText("the server does not answer")).toBeVisible();
});

test("what was left open long ago does not grow", async ({ page }) => {
  const served = new Lines();
  served.lines = [startLine({ id: "root", component: "Old" }), spanLine({ id: "child", parent: "root", at: 20, ms: 80 })];
  await page.goto(await served.url());
  await page.getByRole("option").click();
  await expect(page.locator(".b-running")).toHaveCount(1);
  const row = page.getByRole("treeitem").first();
  await expect(row.locator(".num")).toHaveText("100 ms");
  // With news, it is going on.
  served.lines.push(startLine({ id: "next", parent: "root", at: 150 }));
  await expect(row.locator(".num")).toContainText(" d ");
  served.server.closeAllConnections();
  served.server.close();
});

test("a page without traces and without a server explains itself", async ({ page }) => {
  await page.goto(fileWith(""));
  await expect(page.getByText("This page has no traces")).toBeVisible();
});
