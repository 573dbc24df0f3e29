// Handing in one sealed text, with what the page says meanwhile.

import { type Content, type Sealed, seal } from "../item";
import type { Code } from "../receipt";
import { type Outcome, type Port, send } from "../slices";
import { Failure } from "../failure";
import { clear, keyOf } from "./failed";
import { port, type Way } from "./port";
import { circleOf, refresh, type Site } from "./site";
import { focus, t } from "./view";

/** Takes away what was said about the last try. */
export function tidyForm(form: HTMLElement): void {
  clear();
  for (const e of form.querySelectorAll(".wrong")) {
    for (const of of form.querySelectorAll(`[aria-describedby="${e.id}"]`)) of.removeAttribute("aria-describedby");
    e.remove();
  }
  for (const e of form.querySelectorAll("[aria-invalid]")) e.removeAttribute("aria-invalid");
}

/** What was sealed last. It tells whether it may have arrived, though sending it failed. */
export interface Tried {
  sealed?: Sealed | undefined;
}

/** Seals an item for who reads now, and hands it in, until there is an answer. What it
 * holds is asked for once that is known: a choice holds for the readers that were shown. */
export async function handIn(
  s: Site, form: HTMLElement, code: Code, n: number, content: () => Content, stop: AbortSignal, tried: Tried,
): Promise<Outcome> {
  const note = status(form);
  const say = (key: string) => (note.textContent = t(s.views, "client.status." + key));
  say("checking");
  focus(note);
  form.inert = true; // what is on its way is not changed
  s.pending++;
  const on = (way: Way) => say(way === "busy" && tried.sealed?.doubted ? "lost" : way);
  try {
    await refresh(s);
    const sealed = (tried.sealed = await seal(circleOf(s), code, n, content()));
    say("sending");
    return await insist(sealed, port(on, stop), stop);
  } finally {
    s.pending--;
    form.inert = false;
    note.remove();
  }
}

/** A text that may have arrived is sent until that is known: its words depend on it. A
 * server in trouble does not tell: then the text is in the form again, as without script. */
async function insist(sealed: Sealed, to: Port, stop: AbortSignal): Promise<Outcome> {
  for (;;) {
    try {
      return await send(sealed, to, () => {}, { signal: stop });
    } catch (err) {
      const key = keyOf(err);
      if (sealed.doubted && key === "store") throw new Failure("internal"); // of the earlier try that says nothing
      if (!sealed.doubted || !["unreachable", "busy"].includes(key)) throw err;
      await to.rest(10_000);
    }
  }
}

function status(form: HTMLElement): HTMLElement {
  const note = document.createElement("p");
  note.setAttribute("role", "status");
  note.className = "notice";
  form.after(note);
  return note;
}
