/** Text and numbers as people read them. */

const NAMES: Record<number, string> = { 0x200b: "ZWSP", 0xfeff: "BOM" };
// Controls, marks that change the direction of text, and characters that nobody sees.
// eslint-disable-next-line no-control-regex
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]|[\u{e0000}-\u{e007f}]/gu;

/** Makes characters visible that would change how other text looks, or hide it. */
export function shown(text: string): string {
  HIDDEN.lastIndex = 0;
  if (!HIDDEN.test(text)) return text;
  return text.replace(HIDDEN, (found) => {
    const code = found.codePointAt(0) ?? 0;
    if (code === 0x0d) return "";
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `⟨${NAMES[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, "0")}`}⟩`;
  });
}

/** The same in one line. */
export const oneLine = (text: string): string => shown(text.replace(/\s*\n\s*/g, " ⏎ "));

/** A duration, from milliseconds. */
export function duration(ms: number): string {
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms === 0) return "0";
  if (ms < 0.001) return "<1 µs";
  if (ms < 1) return `${Math.round(ms * 1_000)} µs`;
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 100) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms < 59_950) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`;
}

/** A round duration, for an axis. */
export const tick = (ms: number): string => duration(ms).replace(/(\.\d*?)0+(?= )/, "$1").replace(". ", " ");

const GROUPS = new Intl.NumberFormat("en-US");

export const whole = (count: number): string => GROUPS.format(count);

/** A count in few characters. */
export function short(count: number): string {
  if (count < 1_000) return whole(count);
  const [value, unit] = count < 999_500 ? [count / 1_000, "k"] : [count / 1_000_000, "M"];
  return `${value.toFixed(value < 99.95 ? 1 : 0).replace(/\.0$/, "")}${unit}`;
}

/** A cost in US dollars, in the digits of `raaf list`; `≥` if that of some calls is unknown. */
export function cost(amount: number | null, unpriced = 0): string {
  if (amount === null) return unpriced > 0 ? "?" : "";
  const decimals = (amount < 0.01 ? 1 : 2) - Math.floor(Math.log10(amount));
  const digits = amount.toFixed(amount > 0 ? Math.min(12, Math.max(2, decimals)) : 0);
  return `${unpriced > 0 ? "≥ " : ""}$${digits}`;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** A time of the day, with milliseconds. */
export function clock(time: number): string {
  const date = new Date(time);
  const millis = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${millis}`;
}

/** A day and time in few characters, for lists. */
export const shortTime = (time: number): string => dateTime(time).slice(5, 16);

/** A day and time, in the reader's zone. */
export function dateTime(time: number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "";
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export const plural = (count: number, noun: string, many = `${noun}s`): string =>
  `${whole(count)} ${count === 1 ? noun : many}`;
