import { readFileSync } from "node:fs";
import { expect, type Page } from "@playwright/test";

import { demo, judgement } from "../support/demo.ts";
import { spanId, spanLine, startLine, traceId } from "../support/lines.ts";
import { allRead, fileWith, test, throttled } from "../support/page.ts";

const quickstart = readFileSync(new URL("../fixtures/quickstart.jsonl", import.meta.url), "utf8");

test.beforeEach(({ page }) => {
  page.on("pageerror", (error) => {
    throw error;
  });
});

const tree = (page: Page) => page.getByRole("tree", { name: "Spans" });
const details = (page: Page) => page.getByRole("complementary", { name: "Details" });
const runs = (page: Page) => page.getByRole("listbox", { name: "Runs" });

test("the file of an example: tree, details, conversation, usage", async ({ page }) => {
  await page.goto(fileWith(quickstart));
  await expect(page.getByRole("heading", { name: "text report", level: 1 })).toBeVisible();
  await expect(page.getByRole("status")).toHaveText("22 spans");
  await expect(tree(page).getByRole("treeitem")).toHaveCount(22);
  await tree(page).getByRole("treeitem").filter({ hasText: "rank_words" }).first().click();
  await expect(details(page)).toContainText("Arguments");
  await page.getByRole("tab", { name: "Conversation" }).click();
  await expect(page.getByRole("log")).toContainText("The lamp at Skerry Point");
  await page.getByRole("log").getByRole("button", { name: "span" }).first().click();
  await expect(details(page)).toContainText("tool");
  await page.getByRole("tab", { name: "Usage" }).click();
  await expect(page.getByRole("row").filter({ hasText: "offline-analyst" }).first()).toBeVisible();
});

test("runs are listed newest first, searched and filtered", async ({ page }) => {
  await page.goto(fileWith(demo()));
  await allRead(page);
  await expect(page.getByText("90 runs")).toBeVisible();
  await expect(page.locator(".dot").first()).toBeVisible();
  await page.getByRole("searchbox", { name: "Search runs" }).fill("market status:error");
  await expect(page.getByText("10 of 90")).toBeVisible();
  await page.getByRole("searchbox", { name: "Search runs" }).fill("no such run");
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(page.getByText("90 runs")).toBeVisible();
  await page.getByRole("searchbox", { name: "Search runs" }).fill("market status:error");
  await page.getByRole("button", { name: "failed" }).click();
  await expect(page.getByText("30 of 90")).toBeVisible();
  await runs(page).getByRole("option").first().click();
  await expect(page.getByRole("heading", { name: "market report", level: 1 })).toBeVisible();
  await expect(page.locator("main")).toContainText("cost $0.0433");
});

test("runs of a user, a session or a tag, and what was said of them", async ({ page }) => {
  await page.goto(fileWith(`${demo()}${judgement("later", { trace: "report 87", span: "report 87.write" }, 260_000_000, "no")}\n`));
  await allRead(page);
  await page.getByRole("combobox", { name: "Only runs of this user" }).selectOption("u-3");
  await expect(page.getByText("18 of 90")).toBeVisible();
  await page.getByRole("combobox", { name: "Only runs of this tag" }).selectOption("large");
  await expect(page.getByRole("searchbox", { name: "Search runs" })).toHaveValue("user:u-3 tag:large");
  await expect(runs(page).getByRole("option").first()).toContainText("★");
  await page.getByRole("combobox", { name: "Only runs of this user" }).selectOption("");
  await runs(page).getByRole("option").first().click();
  const summary = page.locator(".summary");
  await expect(summary).toContainText("grounded 0.55 (fail)");
  await expect(summary).toContainText("helpful no");
  await expect(tree(page).getByRole("treeitem").filter({ hasText: "Writer" })).toContainText("★ 0.55★ no");
  await tree(page).getByRole("treeitem").filter({ hasText: "Writer" }).click();
  await expect(details(page)).toContainText("Two of three claims have a source.");
  await summary.getByRole("button", { name: "release 1.3.0" }).click();
  await expect(page.getByText("13 of 90")).toBeVisible();
  await details(page).getByRole("button", { name: "open" }).click();
  await expect(page.getByRole("heading", { name: "helpful", level: 1 })).toBeVisible();
});

test("the keyboard reaches everything", async ({ page }) => {
  await page.goto(fileWith(demo()));
  // The newest run comes last.
  await allRead(page);
  await page.keyboard.press("/");
  await page.keyboard.type("market");
  await page.keyboard.press("Enter");
  await expect(runs(page)).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(runs(page).getByRole("option", { selected: true })).toContainText("market report");
  await page.keyboard.press("Enter");
  await expect(tree(page)).toBeFocused();
  const selected = tree(page).getByRole("treeitem", { selected: true });
  await expect(selected).toContainText("Report");
  await page.keyboard.press("ArrowRight");
  await expect(selected).toContainText("Planner");
  await page.keyboard.press("ArrowLeft");
  await expect(selected).toHaveAttribute("aria-expanded", "false");
  await page.keyboard.press("ArrowDown");
  await expect(selected).toContainText("Gather");
  await page.keyboard.press("End");
  await expect(selected).toContainText("No promises");
  await page.keyboard.press("e");
  await expect(selected).toContainText(/Report|web_search/);
  await page.keyboard.press("f");
  await page.keyboard.type("Writer");
  await page.keyboard.press("Enter");
  await expect(selected).toContainText("Writer");
  await page.keyboard.press("Enter");
  await expect(details(page)).toBeFocused();
  await page.keyboard.press("2");
  await expect(page.getByRole("tab", { name: "Conversation" })).toHaveAttribute("aria-selected", "true");
  await page.getByRole("tab", { name: "Conversation" }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("tab", { name: "Usage" })).toBeFocused();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Help" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog", { name: "Help" })).toHaveCount(0);
  await page.keyboard.press("o");
  await expect(page.locator(".overview")).toBeVisible();
});

test("an address opens a span, and the address follows the selection", async ({ page }) => {
  const [trace, span] = [traceId("report 3"), spanId("report 3.write.1")];
  await page.goto(`${fileWith(demo())}#trace=trace_${trace}&span=span_${span}`);
  await expect(tree(page).getByRole("treeitem", { selected: true })).toContainText("sage-large");
  await expect(details(page)).toContainText(span);
  await allRead(page);
  const image = details(page).getByRole("img", { name: "prices.png" });
  await expect(image).toBeVisible();
  await expect.poll(() => image.evaluate((element: HTMLImageElement) => element.naturalWidth)).toBe(96);
  await tree(page).getByRole("treeitem").filter({ hasText: "Writer" }).click();
  expect(page.url()).toContain(`span=${spanId("report 3.write")}`);
  await page.goto(`${page.url().split("#")[0]}#trace=abcdef`);
  await expect(page.getByText("There is no run abcdef.")).toBeVisible();
});

test("each outcome has its own look", async ({ page }) => {
  await page.goto(`${fileWith(demo())}#trace=${traceId("report 6")}`);
  await allRead(page);
  await expect(page.locator(".b-error")).toHaveCount(3);
  await expect(page.locator(".b-cancelled")).toHaveCount(1);
  await expect(page.locator(".b-skipped")).toHaveCount(1);
  await expect(page.locator("i.retry")).toHaveCount(2);
  await expect(page.locator("i.critical").first()).toBeVisible();
  await expect(page.locator("[title='ran at the same time as a sibling']")).toHaveCount(4);
  const looks = await page.locator(".b-error, .b-cancelled, .b-skipped, .b-ok.k-agent").evaluateAll((bars) =>
    [...new Set(bars.map((bar) => { const style = getComputedStyle(bar); return style.background + style.border; }))].length,
  );
  expect(looks).toBe(4);
});

test("problems are shown as what they are", async ({ page }) => {
  const lines = [
    spanLine({ id: "root", ms: 100 }),
    spanLine({ id: "orphan", parent: "gone", at: 5 }),
    spanLine({ id: "twice", parent: "root", at: 6 }),
    spanLine({ id: "twice", parent: "root", at: 6 }),
    spanLine({ id: "loop", parent: "loop", at: 7 }),
    startLine({ id: "open", parent: "root", at: 8 }),
    spanLine({ id: "early", parent: "root", at: -500 }),
    '{"v":2,"type":"span","trace_id":"tr',
  ];
  await page.goto(fileWith(lines.join("\n")));
  await expect(page.getByRole("status")).toHaveText("6 spans, 1 line not read");
  for (const kind of ["orphan", "duplicate", "loop", "before parent"]) {
    const row = tree(page).getByRole("treeitem").filter({ has: page.locator(".badge", { hasText: kind }) });
    await expect(row).toHaveCount(1);
    await row.click();
    await expect(details(page).locator(".notice")).toContainText(kind);
  }
  await expect(page.locator(".b-running")).toHaveCount(1);
  await expect(page.locator(".summary")).toContainText("1 not ended");
});

test("two runs side by side", async ({ page }) => {
  await page.goto(`${fileWith(demo())}#trace=${traceId("report 6")}&view=compare&with=${traceId("report 3")}`);
  await allRead(page);
  const list = page.getByRole("listbox", { name: "Compared spans" });
  await expect(list.getByRole("option").filter({ hasText: "Searcher news" })).toContainText("added");
  await expect(list.getByRole("option").filter({ hasText: "No promises" })).toContainText("status");
  await page.getByRole("checkbox", { name: "differences only" }).check();
  await expect(list.getByRole("option").filter({ hasNot: page.locator(".badge") })).toHaveCount(0);
  await expect(list.getByRole("option").filter({ hasText: "Searcher news" })).toBeVisible();
  await list.focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("n");
  const differences = page.getByRole("region", { name: "Differences" });
  await expect(differences).toBeVisible();
});

test("contents of two runs, by their words", async ({ page }) => {
  const run = (trace: string, at: number, message: string, args: unknown, more = "") => [
    spanLine({ trace, id: `${trace}.r`, at, ms: 30, component: "Writer" }),
    spanLine({ trace, id: `${trace}.m`, parent: `${trace}.r`, at: at + 1, kind: "llm", component: "m", attributes: { "gen_ai.input.messages": [{ role: "user", parts: [{ type: "text", content: message }] }], "gen_ai.output.messages": [{ role: "assistant", parts: [{ type: "text", content: `Same.${more}` }, { type: "tool_call", id: trace, name: "f", arguments: { a: 1 } }] }] } }),
    spanLine({ trace, id: `${trace}.t`, parent: `${trace}.r`, at: at + 15, kind: "tool", component: "f", attributes: { "tool.arguments": args, "tool.result": "done" } }),
  ];
  const long = Array.from({ length: 40 }, (_, line) => `line ${line}`).join("\n");
  const lines = [
    ...run("a", 0, `${long}\nWrite about <b>cats</b> in Oslo.`, { city: "Oslo", days: 3 }),
    ...run("b", 1_000, `${long}\nWrite about <b>dogs</b> in Oslo.`, { city: "Rome", days: 3 }),
  ];
  await page.goto(`${fileWith(lines.join("\n"))}#trace=${traceId("b")}&view=compare`);
  const list = page.getByRole("listbox", { name: "Compared spans" });
  await expect(list.getByRole("option").filter({ hasText: "contents" })).toHaveCount(2);
  await list.focus();
  await page.keyboard.press("n");
  const differences = page.getByRole("region", { name: "Differences" });
  await expect(differences.locator("del")).toHaveText("cats");
  await expect(differences.locator("ins")).toHaveText("dogs");
  await expect(differences).toContainText("Write about <b>dogs</b> in Oslo.");
  await expect(differences).toContainText("38 equal lines");
  await expect(differences).toContainText("The same in both: output messages.");
  await page.keyboard.press("n");
  await expect(differences.locator("del")).toHaveText("Oslo");
  await expect(differences.locator("ins")).toHaveText("Rome");
  await expect(differences).toContainText("The same in both: result.");
});

test("integers beyond doubles keep their digits", async ({ page }) => {
  const line = spanLine({ id: "a" }).replace('"attributes":{}', '"attributes":{"big":18446744073709551615}');
  await page.goto(fileWith(line));
  await expect(details(page)).toContainText("18446744073709551615");
});

/** Pictures of the README are made anew when asked for: fonts differ between machines. */
const picture = (name: string) => `${process.env.PICTURES ? "screenshots" : "test-results"}/${name}.png`;

test("dark and light", async ({ browser, page }) => {
  const url = `${fileWith(demo())}#trace=${traceId("report 87")}&span=${spanId("report 87.search.2.2")}`;
  await page.goto(url);
  await allRead(page);
  const back = (on: Page) => on.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  expect(await back(page)).toBe("rgb(251, 251, 252)");
  await expect(page.getByText("deadline has elapsed")).toBeVisible();
  await page.setViewportSize({ width: 1280, height: 700 });
  await page.screenshot({ path: picture("light") });
  await page.getByRole("button", { name: "theme" }).click();
  expect(await back(page)).toBe("rgb(22, 24, 28)");
  const dark = await throttled(await browser.newPage({ colorScheme: "dark", timezoneId: "UTC", viewport: { width: 1280, height: 700 } }));
  await dark.goto(url);
  await allRead(dark);
  expect(await back(dark)).toBe("rgb(22, 24, 28)");
  await expect(dark.getByText("deadline has elapsed")).toBeVisible();
  await dark.screenshot({ path: picture("dark") });
  await dark.close();
});
