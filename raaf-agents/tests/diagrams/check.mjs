// Reads diagrams as JSON lines, `{ "mermaid": …, "dot": … }`, by the parsers of Mermaid and Graphviz, and writes
// what each of them sees: boxes with their lines, arrows with their labels, and groups.

import { createInterface } from "node:readline";
import { JSDOM } from "jsdom";
import { Graphviz } from "@hpcc-js/wasm-graphviz";

const { window } = new JSDOM("");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");
const graphviz = await Graphviz.load();

// Mermaid keeps entities encoded until it draws.
const decoded = (text) =>
  text.replace(/ﬂ°°(\d+)¶ß/g, (_, code) => String.fromCodePoint(Number(code)));
const plain = (text) => text.replace(/[\s\u00a0]+/g, " ").trim();
const lines = (texts) => texts.map((text) => plain(decoded(text)));

async function ofMermaid(text) {
  await mermaid.parse(text);
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
  return {
    boxes: [...db.getVertices().values()].map((box) => lines(box.text.split("<br>"))),
    arrows: db.getEdges().map((arrow) => [arrow.start, arrow.end, plain(decoded(arrow.text))]),
    groups: db.getSubGraphs().map((group) => plain(decoded(group.title))),
  };
}

function ofDot(text) {
  const svg = new JSDOM(graphviz.layout(text, "svg", "dot"), { contentType: "text/xml" });
  const all = (kind) => [...svg.window.document.querySelectorAll(`g.${kind}`)];
  const texts = (group) => [...group.querySelectorAll("text")].map((text) => text.textContent);
  return {
    boxes: all("node").map((box) => lines(texts(box))),
    arrows: all("edge").map((arrow) => [
      ...arrow.querySelector("title").textContent.split("->"),
      plain(texts(arrow).join(" ")),
    ]),
    groups: all("cluster").map((group) => plain(texts(group).join(" "))),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { mermaid: chart, dot } = JSON.parse(line);
  console.log(JSON.stringify({ mermaid: await ofMermaid(chart), dot: ofDot(dot) }));
}
