/** Messages of model calls, as their spans record them. */

import { unpacked } from "./record.ts";
import { isObject, type Json } from "./span.ts";

export type Part =
  | { type: "text" | "reasoning" | "refusal"; text: string }
  | { type: "call"; id: string; name: string; arguments: Json }
  | { type: "result"; id: string; result: Json; parts: Part[] }
  | { type: "image"; source: string; name: string }
  | { type: "media"; what: string; detail: string }
  | { type: "other"; json: Json };

export interface Message {
  role: string;
  parts: Part[];
  finish: string | null;
}

/** The types of images that are shown, and how their data begin in base 64. */
const IMAGES: ReadonlyMap<string, string> = new Map([
  ["image/png", "iVBORw0KGgo"],
  ["image/jpeg", "/9j/"],
  ["image/gif", "R0lGOD"],
  ["image/webp", "UklGR"],
]);
const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

/** An image as a `data:` URL; null for what is not one of few types, in base 64. */
export function imageSource(type: string, data: string): string | null {
  const kind = type.toLowerCase().trim();
  const start = IMAGES.get(kind);
  if (start === undefined || !data.startsWith(start) || !BASE64.test(data)) return null;
  return `data:${kind};base64,${data.replace(/\s+/g, "")}`;
}

/** An image of a `data:` URL; null for all other URLs. */
export function imageOfUrl(url: string): string | null {
  const found = /^data:([a-z/]+);base64,([\s\S]*)$/i.exec(url);
  return found ? imageSource(found[1] ?? "", found[2] ?? "") : null;
}

/** Reads messages: a list with roles and parts, or JSON of one in a string, or text. */
export function messages(value: Json | undefined, role: string): Message[] {
  const read = unpacked(value);
  if (read === undefined || read === null) return [];
  const all = Array.isArray(read) ? read : [read];
  return all.map((one) => message(one, role));
}

function message(json: Json, role: string): Message {
  if (!isObject(json)) return { role, parts: [part(json)], finish: null };
  const fields = json as { [key: string]: Json };
  const own = text(fields.role) || role;
  const finish = text(fields.finish_reason) || null;
  // A part that stands for a message.
  if (!("parts" in fields) && !("content" in fields && "role" in fields) && !("tool_calls" in fields)) {
    return { role: own, parts: [part(json)], finish };
  }
  const body = fields.parts ?? fields.content;
  const parts = body === null || body === undefined ? [] : (Array.isArray(body) ? body : [body]).map(part);
  if (Array.isArray(fields.tool_calls)) parts.push(...fields.tool_calls.map(part));
  if (own === "tool" && typeof fields.tool_call_id === "string") {
    const [id, result] = [fields.tool_call_id, (fields.content ?? null) as Json];
    return { role: own, parts: [{ type: "result", id, result: unpacked(result) ?? null, parts: [] }], finish };
  }
  return { role: own, parts, finish };
}

const text = (value: Json | undefined): string => (typeof value === "string" ? value : "");

function part(json: Json): Part {
  if (!isObject(json)) {
    return typeof json === "string" ? { type: "text", text: json } : { type: "other", json };
  }
  const fields = json as { [key: string]: Json };
  const type = text(fields.type);
  const content = text(fields.content) || text(fields.text);
  if (type === "text" || type === "input_text" || type === "output_text") {
    return { type: "text", text: content };
  }
  if (type === "reasoning" || type === "thinking") {
    return { type: "reasoning", text: content || text(fields.thinking) };
  }
  if (type === "refusal") return { type: "refusal", text: content || text(fields.refusal) };
  if (type === "tool_call" || type === "function" || isObject(fields.function)) {
    const called = isObject(fields.function) ? (fields.function as { [key: string]: Json }) : fields;
    const given = unpacked(called.arguments) ?? null;
    return { type: "call", id: text(fields.id), name: text(called.name), arguments: given };
  }
  if (type === "tool_call_response" || type === "tool_result") {
    const result = unpacked(fields.response ?? fields.result ?? fields.content) ?? null;
    const id = text(fields.id) || text(fields.call_id);
    return { type: "result", id, result, parts: partsOf(result) };
  }
  return media(type, fields) ?? { type: "other", json };
}

/** A result that is a list of parts. */
function partsOf(result: Json): Part[] {
  const isPart = (one: Json) => isObject(one) && ["text", "blob", "uri", "file"].includes(text(one.type as Json));
  return Array.isArray(result) && result.length > 0 && result.every(isPart) ? result.map(part) : [];
}

function media(type: string, fields: { [key: string]: Json }): Part | null {
  const url = isObject(fields.image_url) ? text(fields.image_url.url as Json) : text(fields.image_url);
  const address = text(fields.uri) || text(fields.url) || url;
  if (!["blob", "uri", "file", "image", "image_url", "input_image", "audio"].includes(type)) return null;
  const mime = text(fields.mime_type) || text(fields.media_type);
  const name = text(fields.name);
  const source = imageOfUrl(address) ?? imageSource(mime, text(fields.content) || text(fields.data));
  if (source) return { type: "image", source, name };
  const what = text(fields.modality) || type;
  const size = typeof fields.size === "number" ? `${fields.size} bytes` : "";
  const place = address.startsWith("data:") ? "" : address || text(fields.file_id);
  return { type: "media", what, detail: [name, mime, size, place].filter(Boolean).join(" · ") };
}
