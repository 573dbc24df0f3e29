// The twelve words are read here, and never sent.

import { parse, type Reading, words } from "../receipt";
import { keyOf, put } from "./failed";
import { tidyForm } from "./handin";
import type { Site } from "./site";
import { newThread, open } from "./thread";
import { $, show, t, view } from "./view";

export async function opener(s: Site, form: HTMLFormElement): Promise<void> {
  tidyForm(form);
  const field = $<HTMLTextAreaElement>("#words", form);
  if (!field) return;
  let reading: Reading;
  try {
    reading = parse(field.value);
  } catch (err) {
    return wrong(s, field, err);
  }
  const thread = newThread(reading.code, 0, new Map());
  const typed = field.value;
  thread.mend = () => back(s, typed);
  if (!reading.mended.length) return open(s, thread, 0);
  suggest(s, reading, () => open(s, thread, 0), thread.mend);
}

function wrong(s: Site, field: HTMLElement, err: unknown): void {
  const values = (err as { values?: Record<string, string | number> }).values ?? {};
  const text = t(s.views, "problem." + keyOf(err), values);
  field.before(view(s.views, "wrong", { id: "words-problem", text }));
  field.setAttribute("aria-describedby", "words-problem words-hint");
  field.setAttribute("aria-invalid", "true");
  put(view(s.views, "problems", { problems: [{ id: "words", label: t(s.views, "open.words"), text }] }));
}

/** Asks whether other words were meant. */
function suggest(s: Site, reading: Reading, yes: () => Promise<void>, no: () => void): void {
  s.acts = { open: yes, words: no };
  s.again = () =>
    show(s.views, view(s.views, "suggest", {
      words: words(reading.code).map((word, i) => ({
        word, changed: reading.mended.includes(i), same: !reading.mended.includes(i),
      })),
    }));
  s.again();
}

/** Shows the form again, in the present language, with what was typed. */
function back(s: Site, words: string): void {
  s.again = () => show(s.views, view(s.views, "open", { words }));
  s.again();
  $("#words")?.focus();
}
