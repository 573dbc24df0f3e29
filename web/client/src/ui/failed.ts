// What went wrong, in words.

import { Failure, unclear } from "../failure";
import { $, focus, size, t, type Values, view, type Views } from "./view";

/** The key of what went wrong. What is no Failure is our own fault. */
export function keyOf(err: unknown): string {
  return err instanceof Failure ? err.key : "internal";
}

/** One paragraph about a failure. */
export function sentence(v: Views, err: unknown): string {
  return lines(v, err).join(" ");
}

function lines(v: Views, err: unknown): string[] {
  const key = keyOf(err);
  const values: Values = err instanceof Failure ? { ...err.values } : {};
  if (values["limit"]) values["limit"] = size(v, Number(values["limit"]));
  const own = t(v, "client.problem." + key, values) || t(v, "problem." + key, values);
  if (own) return [own];
  const known = t(v, `failure.${key}.title`) ? key : "internal";
  return ["title", "text", "advice"].map((part) => t(v, `failure.${known}.${part}`, values));
}

/** What is unclear has words of its own where nothing was typed; others, if a server in
 * trouble did answer. */
export function unsure(err: unknown, unanswered: string, answered = unanswered): unknown {
  const key = keyOf(err);
  if (key === "unreachable") return new Failure(unanswered);
  return [...unclear, "store"].includes(key) ? new Failure(answered) : err;
}

/** Says on top of the page that something failed, in place of what was said before. What
 * is known comes first. */
export function say(v: Views, err: unknown, known = ""): void {
  shut(err);
  const all = lines(v, err);
  if (known) all.unshift(known);
  const title = all.length > 1 ? (all.shift() ?? "") : "";
  put(view(v, "blocked", { title, lines: all.map((line) => ({ line })) }));
}

/** Where the site may be another one, there is nothing to type into. */
export function shut(err: unknown): void {
  if (!["roots", "pin"].includes(keyOf(err))) return;
  for (const form of document.querySelectorAll<HTMLElement>("main form")) form.hidden = true;
}

/** Says what happens, behind an element: else at the place that has the focus. */
export function waiting(v: Views, key: string, at?: Element): HTMLElement {
  const note = document.createElement("p");
  note.setAttribute("role", "status");
  note.className = "notice";
  (at ?? document.activeElement?.closest("main form, main button") ?? $("main h1"))?.after(note);
  note.textContent = t(v, "client.status." + key);
  return note;
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
