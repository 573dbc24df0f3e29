// The first testimony: the form that the server made, sealed here.

import { Failure } from "../failure";
import { checkText, type Content, measure, type Readers } from "../item";
import { type Code, newCode, words } from "../receipt";
import { advice, type Answers, check, type Question, tidy } from "../taxonomy";
import { caught, keyOf, put, say } from "./failed";
import { fillIn, values } from "./fields";
import { filesView } from "./files";
import { handIn, tidyForm, type Tried, undo } from "./handin";
import { page } from "./port";
import { chosen, mark, ofReaders, problem, province, renew } from "./readers";
import { carryPin, prefix, readers, type Site, views } from "./site";
import { enter, newThread, type Thread } from "./thread";
import { $, focus, sayWay, show, slot, t, type Values, view } from "./view";

interface Draft {
  text: string;
  answers: Answers;
  place: string;
}

/** Reads the form. The second step of a place counts if it lies in the first. */
function draft(s: Site, form: HTMLFormElement): Draft {
  const data = new FormData(form);
  const answers: Answers = {};
  for (const q of s.taxonomy.questions) {
    const given = data.getAll("q." + q.id).map(String);
    const finer = String(data.get(`q.${q.id}.finer`) ?? "");
    answers[q.id] = given.length === 1 && finer.startsWith(given[0] + ".") ? [finer] : given;
  }
  const where = s.taxonomy.questions.find((q) => q.kind === "place");
  const tidied = tidy(s.taxonomy, answers);
  const text = $<HTMLTextAreaElement>("[name=text]", form)?.value ?? "";
  return { text, answers: tidied, place: (where && tidied[where.id]?.[0]) ?? "" };
}

interface Problem {
  question?: Question | undefined;
  key: string;
}

function problems(s: Site, form: HTMLFormElement, d: Draft): Problem[] {
  const known = (code: string) => s.places.some(([place]) => place === code);
  const wrong = new Map(check(s.taxonomy, d.answers, known).map((p) => [p.question, p.what as string]));
  const found: Problem[] = [];
  for (const question of s.taxonomy.questions) {
    const key = question.kind === "story" ? caught(() => checkText(d.text)) : wrong.get(question.id);
    if (key) found.push({ question, key });
  }
  const key = caught(() => chosen(s, form, d.place));
  if (key) found.push({ key });
  return found;
}

/** Says what is wrong as the server does: on top, and beside each field. */
function tell(s: Site, form: HTMLFormElement, d: Draft, found: Problem[]): void {
  const v = s.views;
  const about = (p: Problem) => t(v, "problem." + p.key, measure(d.text));
  const list: Values[] = found.map((p) => ({
    id: p.question ? "f-" + p.question.id : "readers",
    label: p.question ? p.question.label[v.lang] : t(v, "readers.heading"),
    text: p.question ? about(p) : problem(v, form, p.key),
  }));
  for (const p of found) {
    if (p.question) beside(s, p.question, about(p));
    else mark(v, form, p.key);
  }
  put(view(v, "problems", { problems: list }));
}

function beside(s: Site, q: Question, text: string): void {
  const control = document.getElementById("f-" + q.id);
  const group = q.kind === "one" || q.kind === "many" ? control?.closest("fieldset") : null;
  const id = `f-${q.id}-hint`;
  const wrong = view(s.views, "wrong", { id: `f-${q.id}-problem`, text });
  const room = document.getElementById(id);
  if (room) room.prepend(wrong);
  else if (group) $("legend", group)?.after(wrong);
  else control?.before(wrong);
  if (!room) (group ?? control)?.setAttribute("aria-describedby", `f-${q.id}-problem`);
  if (!group) control?.setAttribute("aria-invalid", "true");
  control?.closest("details")?.setAttribute("open", "");
}

/** Sends the form, or changes it. The code is made here; the one in the form is the
 * server's, and stays unused. */
export function writer(s: Site): (form: HTMLFormElement, by: HTMLButtonElement | null) => Promise<void> {
  const first: First = { code: newCode() };
  return (form, by) => submitted(s, form, first, by);
}

/** The first item's code, and whether a try that failed may have brought it all the same. */
interface First extends Tried {
  code: Code;
}

/** What an earlier try may have brought is deleted: it is not what is sent now. */
export async function renewCode(first: First): Promise<void> {
  if (!first.sealed?.doubted) return;
  await undo(first.code, 0);
  Object.assign(first, { code: newCode(), sealed: undefined });
}

async function submitted(s: Site, form: HTMLFormElement, first: First, by: HTMLButtonElement | null): Promise<void> {
  if (by?.name === "switch") return by.value === "place" ? finer(s, by) : changeLanguage(s, form);
  tidyForm(form);
  const d = draft(s, form);
  const found = problems(s, form, d);
  if (found.some((p) => p.key === "no_reader")) await renewAll(s, form);
  if (found.length) return tell(s, form, d, found);
  try {
    let who: Readers | undefined;
    const content = () => testimony(s, d, (who = chosen(s, form, d.place)));
    // Kept before means by an earlier try of this page: nobody else has this code.
    await renewCode(first);
    const outcome = await handIn(s, form, first.code, 0, content, new AbortController().signal, first);
    if (outcome === "taken") throw new Failure("internal");
    const thread = newThread(first.code, 1, values($("details.readers", form) ?? form));
    if (d.place) thread.chosen.set("province", province(s, d.place));
    receipt(s, thread, d, who?.withheld ?? []);
  } catch (err) {
    if (ofReaders(keyOf(err))) {
      await renewAll(s, form);
      return tell(s, form, d, [{ key: keyOf(err) }]);
    }
    say(s.views, err);
  }
}

/** The roster changed while the page was open: both it and the form's list are asked for. */
async function renewAll(s: Site, form: HTMLElement): Promise<void> {
  try {
    await readers(s);
    await renew(s.views, form);
  } catch (err) {
    say(s.views, err);
  }
}

function testimony(s: Site, d: Draft, who: Readers): Content {
  const { lang } = s.views;
  return {
    kind: "testimony", language: lang, readers: who, text: d.text, answers: d.answers, taxonomy: s.taxonomy.reference,
  };
}

/** Answers whose advice is to send no evidence. */
const alone = ["sedikit", "hanya_saya"];

function receipt(s: Site, thread: Thread, d: Draft, withheld: string[]): void {
  const held = filesView(s, thread, "next");
  const folded = Object.values(d.answers).flat().some((code) => alone.includes(code));
  s.again = () => {
    const v = s.views;
    const part = view(v, "receipt", {
      folded, unfolded: !folded,
      words: words(thread.code).map((word) => ({ word })),
      advice: advice(s.taxonomy, d.answers).map((text) => ({ text: text[v.lang] })),
      withheld: s.roster.reviewers
        .filter((r) => withheld.includes(r.id))
        .map((r) => ({ label: `${r.label}, ${r.organisation}` })),
    });
    slot(part, "files", held());
    show(v, part);
  };
  enter(s, thread);
  s.again();
}

/** The regencies of a province come from the list of all: nobody is asked for those of one. */
function finer(s: Site, by: HTMLButtonElement): void {
  const id = new URL(by.formAction).hash.slice(1);
  const place = document.getElementById(id) as HTMLSelectElement | null;
  if (!place) return;
  for (const e of document.querySelectorAll(`[id="${id}-finer"], [for="${id}-finer"]`)) e.remove();
  const within = s.places.filter(([code]) => place.value && code.startsWith(place.value + "."));
  if (within.length) {
    const places = within.map(([code, name]) => ({ code, place: name }));
    place.after(view(s.views, "finer", { id, name: place.name, places }));
  }
  focus(document.getElementById(id + "-finer") ?? place);
}

/** The other language's form takes the place of this one, with all that was typed: unless
 * there is none, as the drop was closed meanwhile. */
async function changeLanguage(s: Site, form: HTMLFormElement): Promise<void> {
  const lang = s.views.lang === "en" ? "id" : "en";
  const typed = values(form);
  try {
    const [shown, other] = await Promise.all([views(lang), page(prefix(lang) + "/write")]);
    if (!$("#write", other)) throw new Failure("closed");
    s.views = shown;
    swap(other, lang);
  } catch (err) {
    return say(s.views, err);
  }
  const next = $<HTMLFormElement>("#write")!;
  Object.assign(next.dataset, form.dataset);
  const place = s.taxonomy.questions.find((q) => q.kind === "place");
  const step = place && $<HTMLButtonElement>(`[formaction$="#f-${place.id}"]`, next);
  fillIn(next, typed);
  if (step && typed.has(`q.${place.id}.finer`)) finer(s, step);
  fillIn(next, typed);
  sayWay(s.views, document);
  carryPin();
}

function swap(other: Document, lang: string): void {
  document.documentElement.lang = lang;
  document.title = other.title;
  for (const part of ["header", "main"]) {
    const e = other.querySelector(part);
    if (e) $(part)?.replaceWith(document.importNode(e, true));
  }
}
