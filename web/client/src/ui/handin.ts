// Handing in one sealed text, with what the page says meanwhile.

import { type Content, type Sealed, seal } from "../item";
import { burnRequest } from "../parcel";
import type { Code } from "../receipt";
import { type Outcome, type Port, send } from "../slices";
import { Failure } from "../failure";
import { clear, keyOf, waiting } from "./failed";
import { port, post, type Way } from "./port";
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
  const note = waiting(s.views, "checking", form);
  const say = (key: string) => (note.textContent = t(s.views, "client.status." + key));
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
      if (!sealed.doubted) throw err;
      if (!["unreachable", "busy"].includes(keyOf(err))) throw ofLater(err);
      await to.rest(10_000);
    }
  }
}

/** A full disk says nothing of an earlier try, which may be kept. */
const ofLater = (err: unknown): unknown => (keyOf(err) === "store" ? new Failure("internal") : err);

/** Deletes what an earlier try may have brought. */
export async function undo(code: Code, n: number): Promise<void> {
  await post("/v1/burn", burnRequest(code, [n])).catch((err) => {
    throw ofLater(err);
  });
}
