/** Text that tries to be more than text. */

import { spanLine, type Made } from "./lines.ts";

const SVG = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>').toString("base64");

export const HOSTILE: string[] = [
  "<script>window.hit = 1; alert(1)</script>",
  "</script><script>window.hit = 2; alert(2)</script>",
  "</script><img src=x onerror=alert(3)>",
  "<!--<script>alert(4)",
  "--></script></style></title></textarea><svg onload=alert(5)>",
  "<img src='https://example.org/leak.png' onerror='window.hit=6'>",
  "<iframe src='https://example.org/'></iframe><iframe srcdoc='<script>parent.hit=7</script>'></iframe>",
  "<link rel=stylesheet href='https://example.org/a.css'><style>body{display:none}</style>",
  "<meta http-equiv=refresh content='0;url=https://example.org/'><base href='https://example.org/'>",
  "<form action='https://example.org/'><input type=submit autofocus onfocus=alert(8)></form>",
  "<a href='javascript:alert(9)'>click</a>",
  "javascript:alert(10)",
  "JaVaScRiPt:alert(11)//\u0001",
  "data:text/html,<script>alert(12)</script>",
  "https://example.org/?q=secret",
  "//example.org/a.js",
  "![leak](https://example.org/leak.png?data=secret)",
  "[click](javascript:alert(13)) <https://example.org/>",
  "{{constructor.constructor('alert(14)')()}} ${alert(15)} #{alert(16)} <%= alert(17) %>",
  "\u202e\u2066gnp.exe\u2069 \u200f\u061c",
  "\u001b[31mred\u001b[0m \u001b]8;;https://example.org/\u0007link\u001b]8;;\u0007 \u009b2J",
  "\u{e0041}\u{e0042}\u200b\ufeff\u2028\u2029 \u0000",
  "'\"`><svg/onload=alert(18)>",
  "%3Cscript%3Ealert(19)%3C/script%3E &lt;script&gt; &#x3c;script&#x3e;",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "\ud800 lone \udfff",
  "A".repeat(5_000),
  "\n\n\r\n\t\v\f",
];

/** A run with each text in every place where a program can put one. `contents` are those of its messages. */
export function hostile(trace = "hostile", contents = HOSTILE): string {
  const lines = [spanLine({ trace, id: "root", ms: 10_000, workflow: HOSTILE.slice(0, 5).join(" ") })];
  HOSTILE.forEach((text, at) => {
    const content = contents[at] ?? "";
    const common: Made = { trace, id: `s${at}`, parent: "root", at: at * 10, ms: 5 };
    const message = {
      role: text,
      finish_reason: text,
      parts: [
        { type: "text", content: `${text} ${content}` },
        { type: "reasoning", content: text },
        { type: "refusal", content: text },
        { type: "tool_call", id: text, name: text, arguments: { [text]: content } },
        { type: "tool_call_response", id: text, response: [{ type: "text", content: text }, { type: "uri", uri: text, modality: text }] },
        { type: "blob", modality: "image", mime_type: "image/svg+xml", content: SVG, name: text },
        { type: "blob", modality: "image", mime_type: text, content: SVG },
        { type: "blob", modality: "image", mime_type: "image/png", content: text },
        { type: "uri", uri: `data:image/svg+xml;base64,${SVG}`, modality: "image" },
        { type: "image_url", image_url: { url: text } },
        { type: text, [text]: text },
      ],
    };
    lines.push(
      spanLine({
        ...common,
        kind: at % 3 === 0 ? "tool" : at % 3 === 1 ? "llm" : text,
        component: text,
        method: text,
        group: text,
        error: { type: text, message: text, sources: [text, text] },
        attributes: {
          [text]: text,
          json: { [text]: [text, { deep: text }] },
          packed: JSON.stringify({ [text]: text }),
          "gen_ai.request.model": text,
          "gen_ai.input.messages": [message],
          "gen_ai.output.messages": JSON.stringify([message]),
          "gen_ai.system_instructions": text,
          "tool.arguments": content,
          "tool.result": content,
          "tool.call_id": text,
          "step.skip_reason": text,
        },
        events: [{ name: text, at, attributes: { [text]: text } }, { name: "gen_ai.evaluation.result", at, attributes: { "gen_ai.evaluation.name": text, "gen_ai.evaluation.score.label": text, "gen_ai.evaluation.explanation": text } }],
        links: [{ trace_id: text, span_id: text, attributes: { [text]: text } }],
        metadata: { [text]: text, "user.id": text, "session.id": text, "tag.tags": [text, text] },
      }),
    );
    // Ids, and a run of its own whose name is the text.
    lines.push(
      JSON.stringify({ v: 2, type: "span", trace_id: text, span_id: text, parent_id: null, local_root: true, started_at: "2026-01-05T09:00:00Z", duration_ms: 5, status: text, kind: text, component: text, method: text, workflow_name: text, attributes: {}, events: [] }),
    );
  });
  // Nested more deeply than functions can call themselves.
  const deep = `${"[".repeat(40_000)}1${"]".repeat(40_000)}`;
  const content = `{"type":"text","content":"deep"},{"type":"tool_call","id":"1","name":"deep","arguments":${deep}}`;
  const place = '"attributes":{}';
  const nested = spanLine({ trace, id: "deep", parent: "root", at: 900, kind: "llm", component: "deep" });
  lines.push(nested.replace(place, `"attributes":{"deep":${deep},"gen_ai.input.messages":[{"role":"user","parts":[${content}]}]}`));
  return lines.join("\n");
}
