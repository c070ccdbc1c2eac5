/** Scores: judgements of a span by a person, a test or a model. */

import { isObject } from "./span.ts";

export interface Score {
  name: string;
  value: number | null;
  label: string | null;
  /** The span that was made to judge another; null if the scored span has the score itself. */
  by: { trace: string; span: string } | null;
}

/** Name of the event that records a score. */
export const SCORE = "gen_ai.evaluation.result";
const PREFIX = "gen_ai.evaluation.";

const NONE: Score[] = [];

/** Reads the scores among a span's events. */
export function scores(events: unknown, by: Score["by"]): Score[] {
  if (!Array.isArray(events) || events.length === 0) return NONE;
  const found = events.filter((event) => isObject(event) && event.name === SCORE);
  if (found.length === 0) return NONE;
  return found.map((event) => {
    const said = isObject(event.attributes) ? event.attributes : {};
    const [name, value, label] = [said[`${PREFIX}name`], said[`${PREFIX}score.value`], said[`${PREFIX}score.label`]];
    return {
      name: typeof name === "string" ? name : "score",
      value: typeof value === "number" ? value : null,
      label: typeof label === "string" ? label : null,
      by,
    };
  });
}

/** A score in few characters: its number, otherwise its label. */
export function scoreText({ value, label }: Score): string {
  if (value === null) return label ?? "";
  return Number.isInteger(value) || Math.abs(value) >= 1_000 ? String(value) : String(Number(value.toPrecision(3)));
}

/** A score with its name. */
export function scoreTitle(score: Score): string {
  const label = score.value !== null && score.label !== null ? ` (${score.label})` : "";
  return `${score.name} ${scoreText(score)}${label}`;
}
