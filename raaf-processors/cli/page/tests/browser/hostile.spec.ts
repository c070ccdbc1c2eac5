import { expect, type Page } from "@playwright/test";

import { hostile, HOSTILE } from "../support/hostile.ts";
import { traceId } from "../support/lines.ts";
import { allRead, fileWith, test } from "../support/page.ts";

/** Opens the page with these lines. `check` looks for elements, requests and effects that text must not have. */
async function open(page: Page, lines: string) {
  const wrong: string[] = [];
  page.on("dialog", (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("popup", () => wrong.push("popup"));
  page.on("console", (message) => message.type() === "error" && wrong.push(`console: ${message.text()}`));
  const url = fileWith(lines);
  page.on("request", (request) => {
    const asked = request.url();
    if (asked !== url && !asked.startsWith("data:")) wrong.push(`request: ${asked}`);
  });
  await page.addInitScript(() => {
    const seen: string[] = [];
    Object.assign(window, { violations: seen });
    document.addEventListener("securitypolicyviolation", (event) => seen.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  const check = async (where: string) => {
    const found = await page.evaluate(() => {
      const all = [...document.querySelectorAll("*")];
      const allowed = ["HTML", "HEAD", "META", "TITLE", "LINK", "STYLE", "BODY", "NOSCRIPT", "SCRIPT", "DIV", "HEADER", "B", "SPAN", "BUTTON", "NAV", "INPUT", "svg", "title", "path", "MAIN", "H1", "H2", "H3", "I", "ASIDE", "DL", "DT", "DD", "CODE", "P", "SECTION", "DEL", "INS", "OL", "LI", "WBR", "DETAILS", "SUMMARY", "TABLE", "THEAD", "TBODY", "TR", "TH", "TD", "LABEL", "SELECT", "OPTION", "FIGURE", "FIGCAPTION", "g", "line", "text", "circle"];
      return {
        odd: all.filter((element) => !allowed.includes(element.tagName)).map((element) => element.tagName),
        handlers: all.filter((element) => [...element.attributes].some((one) => /^on|^(href|src|action|srcdoc)$/i.test(one.name) && element.tagName !== "LINK")).length,
        counts: ["script", "style", "meta", "link", "title", "img", "a"].map((name) => document.querySelectorAll(`html ${name}:not(svg *)`).length),
        hit: "hit" in window,
        violations: (window as unknown as { violations: string[] }).violations,
        polluted: Object.keys(Object.prototype),
      };
    });
    expect(found, where).toEqual({ odd: [], handlers: 0, counts: [1, 1, 4, 1, 1, 0, 0], hit: false, violations: [], polluted: [] });
  };
  await page.goto(url);
  await allRead(page);
  return { url, wrong, check };
}

test("hostile content is text", async ({ page }) => {
  const { url, wrong, check } = await open(page, hostile());
  await expect(page.locator(".overview")).toBeVisible();
  await check("overview");
  for (let runs = 0; runs < 6; runs += 1) await page.keyboard.press("]");
  await page.goto(`${url}#trace=${traceId("hostile")}`);
  const tree = page.getByRole("tree", { name: "Spans" });
  await tree.focus();
  for (const text of HOSTILE) {
    await page.keyboard.press("ArrowDown");
    await expect(tree.getByRole("treeitem", { selected: true })).toBeVisible();
    await check(text.slice(0, 40));
  }
  await expect(page.getByRole("treeitem").filter({ hasText: "<script>window.hit = 1; alert(1)</script>" }).first()).toBeVisible();
  await expect(page.getByRole("treeitem").filter({ hasText: "⟨U+202E⟩⟨U+2066⟩gnp.exe" })).toBeVisible();
  await expect(page.getByRole("treeitem").filter({ hasText: "␛[31mred" })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await expect(tree.getByRole("treeitem", { selected: true })).toContainText("deep");
  await expect(page.getByRole("complementary", { name: "Details" })).toContainText("Attributes");
  await check("nested deeply");
  for (const view of ["2", "3", "4", "1"]) {
    await page.keyboard.press(view);
    await page.waitForFunction(() => new Promise((done) => requestAnimationFrame(() => done(true))));
    for (let screens = 0; view === "2" && screens < 30; screens += 1) {
      await page.locator(".conversation").evaluate((element) => element.scrollBy(0, 900));
      await page.waitForFunction(() => new Promise((done) => requestAnimationFrame(() => done(true))));
    }
    await check(`view ${view}`);
    await expect(page.getByRole("alert")).toHaveCount(0);
  }
  await page.getByRole("button", { name: "JSON" }).click();
  await check("the line itself");
  for (const text of HOSTILE.filter((one) => !/[\n\0]/.test(one) && one.length < 200)) {
    await page.getByRole("searchbox", { name: "Search runs" }).fill(text);
    const name = encodeURIComponent(text.replaceAll(/[\ud800-\udfff]/g, ""));
    await page.evaluate((hash) => (location.hash = hash), `trace=${name}&span=${name}&view=${name}&with=${name}`);
    await check(`search and address: ${text}`);
  }
  expect(wrong).toEqual([]);
});

test("differences of hostile contents are text", async ({ page }) => {
  const lines = `${hostile("before")}\n${hostile("hostile", [...HOSTILE].reverse())}`;
  const { wrong, check } = await open(page, lines);
  await page.evaluate((hash) => (location.hash = hash), `trace=${traceId("hostile")}&view=compare&with=${traceId("before")}`);
  const list = page.getByRole("listbox", { name: "Compared spans" });
  await list.focus();
  await expect(page.locator(".bar-line .m-contents")).toHaveText(`${HOSTILE.length} contents`);
  for (const text of HOSTILE) {
    await page.keyboard.press("n");
    await expect(page.getByRole("region", { name: "Differences" })).toContainText("Arguments");
    await check(text.slice(0, 40));
  }
  expect(wrong).toEqual([]);
});

test("the policy stops what got in all the same", async ({ page }) => {
  await page.goto(fileWith(""));
  const stopped = await page.evaluate(async () => {
    const refused = (action: () => void) => {
      try {
        action();
        return false;
      } catch {
        return true;
      }
    };
    const script = document.createElement("script");
    const inline = refused(() => (script.textContent = "window.hit = 1")) || refused(() => document.body.append(script));
    const markup = refused(() => (document.body.innerHTML = "<b>x</b>"));
    const later = refused(() => setTimeout("window.hit = 2" as never, 0));
    await new Promise((done) => setTimeout(done, 50));
    const image = await new Promise((done) => {
      const element = new Image();
      element.onload = () => done(false);
      element.onerror = () => done(true);
      element.src = "https://example.org/leak.png";
    });
    const asked = await fetch("https://example.org/").then(() => false, () => true);
    return { inline, markup, later, image, asked, hit: "hit" in window };
  });
  expect(stopped).toEqual({ inline: true, markup: true, later: true, image: true, asked: true, hit: false });
});
