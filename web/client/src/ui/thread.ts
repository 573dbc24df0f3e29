// A conversation: what a code opens, and what is added to it or deleted.

import { Failure } from "../failure";
import { checkText, type Content, measure } from "../item";
import { type Conversation, next, read } from "../mailbox";
import { burnRequest } from "../parcel";
import { type Code, keys, maxItems } from "../receipt";
import type { Marked } from "../reply";
import { keyOf, put, say, unsure, waiting } from "./failed";
import { fillIn, values } from "./fields";
import { arrived, type Doubt, type Files, filesView, newFiles, stopAll } from "./files";
import { handIn, tidyForm, type Tried } from "./handin";
import { post } from "./port";
import { chosen, mark, ofReaders, problem, renew } from "./readers";
import { readers, type Site } from "./site";
import type { Outcome } from "../slices";
import { $, item, show, slot, t, type Values, view, type Views, week } from "./view";

const mostItems = 24; // listed, as in the page without script

export interface Thread {
  code: Code;
  next: number;
  /** The choice of readers, for the next form. */
  chosen: Map<string, string>;
  page: number;
  /** The message's form. It stays, with what stands in it, whatever is shown meanwhile. */
  part: HTMLElement | null;
  files: Files;
  /** Of the last message. */
  doubt: Doubt;
  /** What is being sent, and what ends it. */
  work: Set<Promise<unknown>>;
  /** Goes back to the words, if they were typed. */
  mend?: () => void;
  stop: AbortController;
}

export function newThread(code: Code, n: number, choice: Map<string, string>): Thread {
  return {
    code, next: n, chosen: choice, page: 0, part: null, files: newFiles(), doubt: null, work: new Set(),
    stop: new AbortController(),
  };
}

/** The next item's number. Another page may have taken it: then it is refused, and the one behind it is next. */
export function number(thread: Thread): number {
  const n = thread.next++;
  if (n < 1 || n >= maxItems) throw new Failure("full");
  return n;
}

/** Marks something as being sent until it has ended. */
export async function atWork<T>(thread: Thread, what: Promise<T>): Promise<T> {
  thread.work.add(what);
  try {
    return await what;
  } finally {
    thread.work.delete(what);
  }
}

/** Ends whatever is being sent: nothing may be kept after all was deleted. */
export async function stop(thread: Thread): Promise<void> {
  thread.stop.abort(new Failure("cancelled"));
  stopAll(thread.files);
  await Promise.allSettled(thread.work);
  thread.stop = new AbortController();
}

/** The part of a view that has a message's form: another one in another language, but for what is on its way. */
function messagePart(v: Views, thread: Thread): HTMLElement {
  const old = thread.part;
  if (old && (old.lang === v.lang || $("[inert]", old))) return old;
  const part = (thread.part = document.createElement("section"));
  part.lang = v.lang;
  part.append(view(v, "message"));
  fillIn(part, old ? values(old) : thread.chosen);
  return part;
}

/** What was typed for a message. */
const typed = ({ part }: Thread): string => (part && $<HTMLTextAreaElement>("textarea", part)?.value) || "";

/** Notes a choice of readers. Whom it leaves out, the other form leaves out, too. */
export function choose(thread: Thread, form: HTMLElement): void {
  thread.chosen = values($("details.readers", form) ?? form);
  const out = new Map([...thread.chosen].filter(([, value]) => value && value !== "false"));
  for (const part of [thread.part, thread.files.part]) if (part) fillIn(part, out);
}

/** The buttons of a thread's views do what they say. */
export function enter(s: Site, thread: Thread): void {
  s.typed = () => typed(thread);
  s.acts = {
    open: () => open(s, thread, 0),
    words: () => thread.mend?.(),
    older: () => open(s, thread, thread.page + 1),
    newer: () => open(s, thread, Math.max(0, thread.page - 1)),
    message: (form) => message(s, thread, form),
    delete: (form) => confirm(s, thread, $<HTMLSelectElement>("select", form)?.value ?? ""),
  };
}

/** Asks the server, and shows what came. What is on the page stays if nothing came. */
export async function open(s: Site, thread: Thread, page: number, notice = ""): Promise<void> {
  const note = waiting(s.views, "reading");
  try {
    const found = await read(s, thread.code, page);
    thread.page = page;
    const { doubt } = thread;
    // The page says that it is there; unless the same may be sent again.
    if (doubt && doubt.text !== typed(thread) && found.states[doubt.n]?.stand !== "unused") thread.doubt = null;
    const free = next(found.states);
    thread.next = free < 0 ? free : Math.max(thread.next, free); // some may be on their way
    enter(s, thread);
    s.again = () => render(s, thread, found, notice);
    s.again();
  } catch (err) {
    say(s.views, unsure(err, "unread"), notice);
  } finally {
    note.remove();
  }
}

function render(s: Site, thread: Thread, c: Conversation, notice: string): void {
  const v = s.views;
  const sent = c.states.flatMap((state, n) => (state.stand === "unused" ? [] : [{ n, state }]));
  const hidden = Math.max(0, sent.length - mostItems);
  const items = sent.slice(hidden).map(({ n, state }) => ({
    n, item: item(v, n), state: t(v, "state." + state.stand), kept: !!state.until,
    when: state.until
      ? t(v, "conversation.week", { week: week(v, state.week), until: week(v, state.until) })
      : t(v, "conversation.gone_week", { week: week(v, state.week) }),
  }));
  const silent = (r: Marked) => r.status === "diambil" && !r.text;
  const part = view(v, "conversation", {
    notice, nothing: !items.length && !c.replies.length && !c.page, mend: !!thread.mend,
    newer: c.page > 0, page: c.page + 1, unchecked: c.unchecked,
    replies: c.replies.filter((r) => !silent(r)).map((r) => shown(v, r)), silent: !c.replies.length,
    confirmed: c.replies.filter(silent).map((r) => shown(v, r)),
    items, hidden, kept: items.filter((i) => i.kept), full: thread.next < 0,
    closed: thread.next > 0 && keyOf(s.circle) === "closed",
  });
  if (thread.next > 0 || typed(thread)) slot(part, "message", messagePart(v, thread));
  if (thread.next > 0) slot(part, "files", filesView(s, thread, "later")());
  show(v, part);
}

function shown(v: Views, r: Marked): Values {
  return {
    label: r.author.label, organisation: r.author.organisation, text: r.text, number: String(r.number),
    status: t(v, "status." + r.status) || t(v, "status.other"), forwarded: r.forwarded,
    revoked: r.revoked, repeat: r.repeat, gap: r.gap,
  };
}

async function message(s: Site, thread: Thread, form: HTMLElement): Promise<void> {
  tidyForm(form);
  const field = $<HTMLTextAreaElement>("[name=text]", form);
  if (!field) return;
  try {
    checkText(field.value);
    choose(thread, form);
    const text = field.value;
    const content = (): Content => ({ kind: "message", language: s.views.lang, readers: chosen(s, form), text });
    const note = waiting(s.views, "sending");
    form.inert = true;
    const end = () => {
      form.inert = false;
      note.remove();
    };
    const n = await sendOnce(thread, text, JSON.stringify([...thread.chosen]), (n, tried, signal) => {
      end();
      return handIn(s, form, thread.code, n, content, signal, tried);
    }).finally(end);
    field.value = "";
    await open(s, thread, 0, t(s.views, "conversation.kept", { item: item(s.views, n) }));
  } catch (err) {
    await refused(s, form, err);
  }
}

/** Hands a message in under the next number that is free, unless an earlier try has brought
 * it. Returns the number. */
export async function sendOnce(
  thread: Thread, text: string, as: string, hand: (n: number, tried: Tried, stop: AbortSignal) => Promise<Outcome>,
): Promise<number> {
  let n = thread.doubt?.n ?? 0;
  const { signal } = thread.stop; // the next one is for what is sent after a deletion
  let taken = !(await arrived(thread, thread, as, text).finally(() => signal.throwIfAborted()));
  while (taken) {
    const tried: Tried = {};
    n = number(thread);
    try {
      taken = (await atWork(thread, hand(n, tried, signal))) === "taken";
    } finally {
      thread.doubt = tried.sealed?.doubted ? { sealed: tried.sealed, n, as, text } : null;
    }
  }
  return n;
}

/** Says what is wrong with a message, on top and at its field. */
async function refused(s: Site, form: HTMLElement, err: unknown): Promise<void> {
  const key = keyOf(err);
  if (key === "cancelled") return; // by a deletion
  if (ofReaders(key)) return refusedReaders(s, form, key, "later-readers");
  const field = $<HTMLTextAreaElement>("[name=text]", form);
  const text = t(s.views, "problem." + key, measure(field?.value ?? ""));
  if (!text || !field) return say(s.views, err);
  field.before(view(s.views, "wrong", { id: "text-problem", text }));
  field.setAttribute("aria-invalid", "true");
  put(view(s.views, "problems", { problems: [{ id: "text", label: t(s.views, "message.label"), text }] }));
}

/** Says what is wrong with a choice of readers; under a new roster it is made anew. */
export async function refusedReaders(s: Site, form: HTMLElement, key: string, id: string): Promise<void> {
  try {
    if (key === "no_reader") {
      await readers(s);
      await renew(s.views, form, id);
    }
  } catch (err) {
    return say(s.views, err);
  }
  mark(s.views, form, key);
  const label = t(s.views, "readers.heading");
  put(view(s.views, "problems", { problems: [{ id: "readers-problem", label, text: problem(s.views, form, key) }] }));
}

function confirm(s: Site, thread: Thread, n: string): void {
  if (!n) return;
  s.acts["burn"] = () => burn(s, thread, n);
  s.again = () => {
    const v = s.views;
    const heading = n === "all" ? t(v, "confirm.heading_all") : t(v, "confirm.heading", { item: item(v, Number(n)) });
    show(v, view(v, "confirm", { heading }));
  };
  s.again();
}

async function burn(s: Site, thread: Thread, n: string): Promise<void> {
  const everything = n === "all";
  const note = waiting(s.views, "deleting");
  try {
    const items = everything ? Array.from({ length: maxItems }, (_, i) => i) : [Number(n)];
    if (everything) await stop(thread);
    await post("/v1/burn", burnRequest(thread.code, items, everything ? await keys(thread.code) : undefined));
    if (everything) thread.part = null;
    s.again = () => show(s.views, view(s.views, "gone", { everything, one: !everything }));
    s.again();
  } catch (err) {
    say(s.views, unsure(err, "undeleted", "undone"));
  } finally {
    note.remove();
  }
}

