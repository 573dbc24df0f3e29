// Handing in one sealed text, with what the page says meanwhile.

import { type Content, seal } from "../item";
import type { Code } from "../receipt";
import { send } from "../slices";
import { clear } from "./failed";
import { port } from "./port";
import type { Site } from "./site";
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

/** Seals an item and hands it in, until there is an answer. */
export async function handIn(
  s: Site, form: HTMLElement, code: Code, n: number, content: Content,
): Promise<{ again: boolean }> {
  const note = status(form);
  const say = (key: string) => (note.textContent = t(s.views, "client.status." + key));
  say("sending");
  focus(note);
  form.inert = true; // what is on its way is not changed
  s.pending++;
  let doubted = false;
  const onLost = (lost: boolean) => {
    doubted ||= lost;
    say(lost ? "lost" : "sending");
  };
  try {
    const sealed = await seal(s.circle, code, n, content, s.hasher);
    // What an earlier try of the same item may have brought is no other item.
    return { again: (await send(sealed, port(onLost), () => {})) === "again" && !doubted };
  } finally {
    s.pending--;
    form.inert = false;
    note.remove();
  }
}

function status(form: HTMLElement): HTMLElement {
  const note = document.createElement("p");
  note.setAttribute("role", "status");
  note.className = "notice";
  form.after(note);
  return note;
}
