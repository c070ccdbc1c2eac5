import { expect, test } from "vitest";

import { bounded, difference, type Row } from "../../src/model/difference.ts";
import { contentsDiffer, plainContents } from "../../src/model/plain.ts";
import { readSpan, type Span } from "../../src/model/span.ts";
import { report } from "../support/demo.ts";
import { spanLine } from "../support/lines.ts";

/** Rows as text; changed words in brackets. */
const drawn = (rows: Row[] | undefined) =>
  rows?.map((row) => {
    if (row.type === "skipped") return `… ${row.count}`;
    const text = row.pieces.map((piece) => (piece.changed ? `[${piece.text}]` : piece.text)).join("");
    return `${{ same: " ", gone: "-", added: "+" }[row.type]}${text}`;
  });
const diff = (a: string, b: string) => drawn(difference(a, b)?.rows);

test("equal texts do not differ", () => {
  expect(difference("a\nb", "a\nb")).toBeNull();
});

test("words that changed are marked in their lines", () => {
  expect(diff("one\nthe cat sat there", "one\nthe dog sat there")).toEqual([" one", "-the [cat] sat there", "+the [dog] sat there"]);
  expect(diff("a b c", "a b c d")).toEqual(["-a b c", "+a b c[ d]"]);
});

test("lines of which little is equal are not marked by words", () => {
  expect(diff("alpha beta gamma", "one two three four")).toEqual(["-alpha beta gamma", "+one two three four"]);
});

test("added and removed lines, with equal ones around them", () => {
  const lines = Array.from({ length: 20 }, (_, at) => `${at}`);
  expect(diff(lines.join("\n"), [...lines.slice(0, 10), "new", ...lines.slice(10)].join("\n"))).toEqual(["… 7", " 7", " 8", " 9", "+new", " 10", " 11", " 12", "… 7"]);
  expect(diff("a\nb\nc", "a\nc")).toEqual([" a", "-b", " c"]);
  expect(diff("", "x")).toEqual(["+x"]);
});

test("the rows are the texts", () => {
  const text = (rows: Row[], of: "gone" | "added") =>
    rows.flatMap((row) => (row.type === of || row.type === "same" ? [row.pieces.map((piece) => piece.text).join("")] : [])).join("\n");
  for (const [a, b] of [["x y\nz w", "x q\nz\nw v"], ["a  b\n\n c", "a b\n c\n"], ["\u202e<b>\n", "<i>\n\n"], ["one", "one\ntwo"]] as const) {
    const rows = difference(a, b)?.rows ?? [];
    expect([text(rows, "gone"), text(rows, "added")]).toEqual([a, b]);
  }
});

test("large texts are compared in bounds", () => {
  const words = (seed: number) => Array.from({ length: 60_000 }, (_, at) => `w${(at * seed) % 9_973}`);
  const found = difference(words(7).join("\n"), words(11).join("\n"));
  expect(found?.rows.length).toBeLessThan(2 * 400_000);
  const line = difference(`${"a ".repeat(300_000)}x`, `${"a ".repeat(300_000)}y`);
  expect(line?.uncompared).toBe(200_001);
  const one = difference(words(7).join(" "), words(11).join(" "));
  const cut = bounded(one?.rows ?? [], 1_000);
  expect(JSON.stringify(cut.rows).length).toBeLessThan(1_300);
  expect(cut.left).toBeGreaterThan(0);
  expect(bounded([{ type: "same", pieces: [{ text: "x", changed: false }] }], 1_000).left).toBe(0);
});

test("ids of calls make no difference, arguments and images do", () => {
  const span = (id: string, args: unknown, data = "AAAA") =>
    readSpan(spanLine({ id: "m", kind: "llm", attributes: { "gen_ai.output.messages": [{ role: "assistant", parts: [{ type: "tool_call", id, name: "f", arguments: args }, { type: "blob", mime_type: "image/png", content: `iVBORw0KGgo${data}` }] }] } })) as Span;
  expect(contentsDiffer(span("1", { a: 1 }), span("2", { a: 1 }))).toBe(false);
  expect(contentsDiffer(span("1", { a: 1 }), span("1", { a: 2 }))).toBe(true);
  expect(contentsDiffer(span("1", {}), span("1", {}, "AAAB"))).toBe(true);
  expect(contentsDiffer(span("1", {}), readSpan(spanLine({ id: "m" })) as Span)).toBe(true);
});

test("contents are texts", () => {
  const spans = report("a", 0, 3, false).map((line) => readSpan(line) as Span);
  const texts = spans.flatMap(plainContents).map(({ title, text }) => `${title}: ${text}`);
  expect(texts).toContain('Instructions: system:\nYou plan reports. Use the tool `outline` once, then list what to search for.');
  expect(texts.join("\n")).toContain('call of outline {\n  "topic"');
});
