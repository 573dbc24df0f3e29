// What went wrong, in words.

import { Failure } from "../failure";
import { $, focus, t, type Values, view, type Views } from "./view";

/** The key of what went wrong. What is no Failure is our own fault. */
export function keyOf(err: unknown): string {
  return err instanceof Failure ? err.key : "internal";
}

/** One paragraph about a failure. */
export function sentence(v: Views, err: unknown, more: Values = {}): string {
  return lines(v, err, more).join(" ");
}

function lines(v: Views, err: unknown, more: Values): string[] {
  const key = keyOf(err);
  const values = { ...more, ...(err instanceof Failure ? err.values : {}) };
  const own = t(v, "client.problem." + key, values) || t(v, "problem." + key, values);
  if (own) return [own];
  const known = t(v, `failure.${key}.title`) ? key : "internal";
  return ["title", "text", "advice"].map((part) => t(v, `failure.${known}.${part}`, values));
}

/** Says on top of the page that something failed, in place of what was said before. */
export function say(v: Views, err: unknown, more: Values = {}): void {
  const all = lines(v, err, more);
  const title = all.length > 1 ? (all.shift() ?? "") : "";
  put(view(v, "blocked", { title, lines: all.map((line) => ({ line })) }));
}

/** Puts a notice of a problem below the heading. */
export function put(part: DocumentFragment): void {
  clear();
  $("main h1")?.after(part);
  focus($("main > .problem"));
}

export function clear(): void {
  for (const e of document.querySelectorAll("main > .problem")) e.remove();
}

/** The key of a rule's failure, or "". */
export function caught(rule: () => unknown): string {
  try {
    rule();
    return "";
  } catch (err) {
    return keyOf(err);
  }
}
