/** The contents of a span as texts that can be compared. */

import { messages, type Message, type Part } from "./content.ts";
import { CONTENT } from "./conversation.ts";
import { detail, unpacked } from "./record.ts";
import type { Json, Span } from "./span.ts";

export interface Plain {
  key: string;
  title: string;
  text: string;
}

const HAS_CONTENT = new RegExp(CONTENT.map(([key]) => `"${key.replaceAll(".", "\\.")}"`).join("|"));

/** Inputs, outputs, messages, arguments and results, without the ids of calls, which differ in each run. */
export function plainContents(span: Span): Plain[] {
  if (!HAS_CONTENT.test(span.line)) return [];
  const { attributes } = detail(span);
  return CONTENT.flatMap(([key, title]) => {
    const value = attributes.get(key);
    return value === undefined ? [] : [{ key, title, text: plain(key, value) }];
  });
}

/** Returns true if any of the contents of two spans differ. */
export function contentsDiffer(one: Span, other: Span): boolean {
  const [a, b] = [plainContents(one), plainContents(other)];
  return a.length !== b.length || a.some(({ key, text }, at) => key !== b[at]?.key || text !== b[at]?.text);
}

function plain(key: string, value: Json): string {
  if (/messages$|system_instructions$/.test(key)) {
    const role = key.includes("output") ? "assistant" : key.includes("system") ? "system" : "user";
    return messages(value, role).map(ofMessage).join("\n\n");
  }
  return ofJson(unpacked(value) ?? null);
}

const ofMessage = ({ role, parts }: Message): string => `${role}:\n${parts.map(ofPart).join("\n")}`;

function ofPart(part: Part): string {
  switch (part.type) {
    case "text":
      return part.text;
    case "reasoning":
    case "refusal":
      return `(${part.type}) ${part.text}`;
    case "call":
      return `call of ${part.name} ${ofJson(part.arguments)}`;
    case "result":
      return `result ${part.parts.length > 0 ? part.parts.map(ofPart).join("\n") : ofJson(part.result)}`;
    case "image":
      return `(image) ${part.name} ${fingerprint(part.source)}`;
    case "media":
      return `(${part.what}) ${part.detail}`;
    case "other":
      return ofJson(part.json);
  }
}

function ofJson(value: Json): string {
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? String(one) : one), 2);
  } catch {
    return "(nested too deeply to be compared)";
  }
}

/** Tells images apart whose data nobody reads. */
function fingerprint(data: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < data.length; at += 1) hash = Math.imul(hash ^ data.charCodeAt(at), 0x01000193);
  return `${data.length} characters, #${(hash >>> 0).toString(16).padStart(8, "0")}`;
}
