/** A run as the messages that its agents and models exchanged. */

import { messages, type Message } from "./content.ts";
import { detail } from "./record.ts";
import type { Span } from "./span.ts";
import { nearest, type Tree } from "./tree.ts";

export type Entry =
  | { type: "agent"; span: number; name: string }
  | { type: "message"; span: number; message: Message; output: boolean }
  | { type: "error"; span: number }
  | { type: "empty"; span: number };

export interface Conversation {
  entries: Entry[];
  /** Index of the tool's span by the id of the call. */
  tools: Map<string, number>;
  /** Model calls with messages. */
  recorded: number;
  calls: number;
}

/**
 * Lists messages by agent, in the order in which the agents began. A call repeats the messages of
 * those before it by the same agent, which are shown once.
 */
export function conversation(tree: Tree): Conversation {
  const tools = new Map<string, number>();
  const threads = new Map<number, Thread>();
  const result: Conversation = { entries: [], tools, recorded: 0, calls: 0 };
  tree.spans.forEach((span, index) => {
    if (span.kind === "tool") noteTool(tools, tree, index);
    if (span.kind !== "llm" && span.kind !== "response") return;
    result.calls += 1;
    const agent = nearest(tree, index, "agent");
    // A model that is called without an agent has a conversation of its own.
    const at = agent < 0 ? index : agent;
    let thread = threads.get(at);
    if (!thread) {
      thread = { entries: [{ type: "agent", span: at, name: tree.spans[at]?.component ?? "" }], before: [] };
      threads.set(at, thread);
    }
    if (addCall(thread, span, index)) result.recorded += 1;
  });
  for (const thread of threads.values()) for (const entry of thread.entries) result.entries.push(entry);
  return result;
}

type Key = string | null;

interface Thread {
  entries: Entry[];
  /** What the last call had said and heard. */
  before: Key[];
}

/** Adds what is new in a call; false if none of its messages were recorded. */
function addCall(thread: Thread, span: Span, index: number): boolean {
  const { entries, before } = thread;
  const attributes = detail(span).attributes;
  const system = messages(attributes.get("gen_ai.system_instructions"), "system");
  const input = messages(attributes.get("gen_ai.input.messages"), "user");
  const output = messages(attributes.get("gen_ai.output.messages"), "assistant");
  const said = [...system, ...input];
  const keys = said.map(key);
  for (const message of said.slice(common(before, keys))) {
    entries.push({ type: "message", span: index, message, output: false });
  }
  for (const message of output) entries.push({ type: "message", span: index, message, output: true });
  const recorded = said.length + output.length > 0;
  if (span.status === "error") entries.push({ type: "error", span: index });
  else if (!recorded) entries.push({ type: "empty", span: index });
  if (said.length > 0) thread.before = [...keys, ...output.map(key)];
  return recorded;
}

function noteTool(tools: Map<string, number>, tree: Tree, index: number): void {
  const span = tree.spans[index];
  if (!span || !/call[._]id/.test(span.line)) return;
  const attributes = detail(span).attributes;
  const id = attributes.get("tool.call_id") ?? attributes.get("gen_ai.tool.call.id");
  if (typeof id === "string") tools.set(`${agentOf(tree, index)} ${id}`, index);
}

/** The agent whose conversation a span is part of; -1 without one. */
export const agentOf = (tree: Tree, index: number): number => nearest(tree, tree.parents[index] ?? -1, "agent");

/** Equal for equal messages; null for one that cannot be compared, because it is nested too deeply. */
function key(message: Message): string | null {
  try {
    return JSON.stringify([message.role, message.parts], (_, value: unknown) =>
      typeof value === "bigint" ? String(value) : value,
    );
  } catch {
    return null;
  }
}

function common(a: Key[], b: Key[]): number {
  let count = 0;
  while (count < a.length && count < b.length && a[count] !== null && a[count] === b[count]) count += 1;
  return count;
}

/** Input and output of a span of any kind, in the keys under which they can be. */
export const CONTENT: [key: string, title: string][] = [
  ["gen_ai.system_instructions", "Instructions"],
  ["gen_ai.input.messages", "Input messages"],
  ["gen_ai.output.messages", "Output messages"],
  ["tool.arguments", "Arguments"],
  ["gen_ai.tool.call.arguments", "Arguments"],
  ["tool.result", "Result"],
  ["gen_ai.tool.call.result", "Result"],
  ["input", "Input"],
  ["input.value", "Input"],
  ["output", "Output"],
  ["output.value", "Output"],
];
