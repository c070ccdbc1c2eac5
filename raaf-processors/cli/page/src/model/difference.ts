/** What differs between two texts, by lines, and within lines by words. */

import { diffArrays } from "diff/lib/diff/array.js";

export interface Piece {
  text: string;
  /** One of the words of a line that changed. */
  changed: boolean;
}

export type Row = { type: "same" | "gone" | "added"; pieces: Piece[] } | { type: "skipped"; count: number };

export interface Difference {
  rows: Row[];
  /** Characters behind the limit, which were not compared. */
  uncompared: number;
}

/** Characters of a text that are compared. */
const COMPARED = 400_000;
/** Lines, then words, that may differ; beyond that, all of them are shown as changed. */
const LINES = 1_000;
const WORDS = 600;
/** Characters in which words are compared. */
const WORDY = 40_000;
/** Equal lines around a change. */
const AROUND = 3;
/** Share of the words that must be equal for the others to be marked. */
const ALIKE = 0.4;

/** Compares two texts; null if they are equal. */
export function difference(before: string, after: string): Difference | null {
  if (before === after) return null;
  const uncompared = Math.max(0, before.length - COMPARED, after.length - COMPARED);
  const rows = compared(lines(before), lines(after));
  return { rows: folded(rows), uncompared };
}

const lines = (text: string): string[] => (text === "" ? [] : text.slice(0, COMPARED).split("\n"));

const whole = (type: "same" | "gone" | "added", lines: string[]): Row[] =>
  lines.map((text) => ({ type, pieces: [{ text, changed: false }] }));

function compared(a: string[], b: string[]): Row[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const rows = whole("same", a.slice(0, start));
  let gone: string[] = [];
  for (const { value, added, removed } of diffArrays(left, right, { maxEditLength: LINES }) ?? [
    { value: left, removed: true, added: false },
    { value: right, removed: false, added: true },
  ]) {
    if (removed) {
      gone = value;
      continue;
    }
    rows.push(...(added ? changed(gone, value) : [...whole("gone", gone), ...whole("same", value)]));
    gone = [];
  }
  rows.push(...whole("gone", gone), ...whole("same", a.slice(a.length - end)));
  return rows;
}

/** Lines that became others, with the words that changed. */
function changed(before: string[], after: string[]): Row[] {
  const [a, b] = [before.join("\n"), after.join("\n")];
  const plain = [...whole("gone", before), ...whole("added", after)];
  if (before.length === 0 || a.length > WORDY || b.length > WORDY) return plain;
  const [left, right] = [words(a), words(b)];
  const parts = diffArrays(left, right, { maxEditLength: WORDS });
  const equal = (parts ?? []).flatMap((part) => (part.added || part.removed ? [] : part.value)).filter(isWord).length;
  if (!parts || equal < ALIKE * Math.min(left.filter(isWord).length, right.filter(isWord).length)) return plain;
  const side = (type: "gone" | "added", leftOut: "added" | "removed"): Row[] => {
    const rows: Piece[][] = [[]];
    for (const part of parts) {
      if (part[leftOut]) continue;
      const isChanged = part.added || part.removed;
      part.value.join("").split("\n").forEach((text, place) => {
        if (place > 0) rows.push([]);
        if (text !== "") rows[rows.length - 1]?.push({ text, changed: isChanged });
      });
    }
    return rows.map((pieces) => ({ type, pieces }));
  };
  return [...side("gone", "added"), ...side("added", "removed")];
}

const words = (text: string): string[] => text.match(/[\p{L}\p{N}_]+|\s|[^\p{L}\p{N}_\s]/gu) ?? [];

const isWord = (token: string): boolean => /[\p{L}\p{N}_]/u.test(token);

/** Leaves out equal lines that are far from any change. */
function folded(rows: Row[]): Row[] {
  const near = new Uint8Array(rows.length);
  rows.forEach((row, at) => {
    if (row.type === "same") return;
    near.fill(1, Math.max(0, at - AROUND), at + AROUND + 1);
  });
  const result: Row[] = [];
  for (let at = 0; at < rows.length; at += 1) {
    let count = 0;
    while (at + count < rows.length && !near[at + count]) count += 1;
    if (count > 1) {
      result.push({ type: "skipped", count });
      at += count - 1;
    } else {
      result.push(rows[at] as Row);
    }
  }
  return result;
}

/** The rows that fit into a number of characters; the last of them may be cut. */
export function bounded(rows: Row[], most: number): { rows: Row[]; left: number } {
  const result: Row[] = [];
  let room = most;
  for (const row of rows) {
    if (room <= 0) break;
    // A line has a price of its own, for texts of empty ones.
    room -= 40;
    if (row.type === "skipped") {
      result.push(row);
      continue;
    }
    const pieces: Piece[] = [];
    for (const piece of row.pieces) {
      if (room <= 0) break;
      const text = piece.text.length > room ? `${piece.text.slice(0, room)} …` : piece.text;
      pieces.push({ ...piece, text });
      room -= piece.text.length;
    }
    result.push({ ...row, pieces });
  }
  return { rows: result, left: room > 0 ? 0 : Math.max(1, rows.length - result.length) };
}
