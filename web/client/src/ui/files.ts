// Files, several at once: what each reveals, what is taken off, and how far it has
// arrived. A file's own name is shown here alone.

import { type Finding, inspect, MAX_PICTURE, strip } from "../evidence";
import { Failure } from "../failure";
import { type Content, neutral, seal, type Sealed } from "../item";
import { field } from "../receipt";
import { send, stands } from "../slices";
import { clear, keyOf, sentence, waiting } from "./failed";
import { fillIn, values } from "./fields";
import { undo } from "./handin";
import { port, type Way, within } from "./port";
import { chosen, ofReaders } from "./readers";
import { circleOf, refresh, type Site } from "./site";
import { slow, speed } from "./speed";
import { atWork, choose, number, refusedReaders, type Thread } from "./thread";
import { $, focus, noSwitch, size, slot, t, time, type Values, view, type Views } from "./view";

/** Above this, where sealing is slow, the server's way is offered. */
const large = 20 << 20;

export interface Files {
  part: HTMLElement | null;
  queue: Entry[];
  running: boolean; // files are looked at, or sent
}

export const newFiles = (): Files => ({ part: null, queue: [], running: false });

/** Breaks off whatever is in the queue. */
export const stopAll = ({ queue }: Files): void => queue.forEach(breakOff);

function breakOff(e: Entry): void {
  e.abort.abort();
  e.resume?.();
}

type Stand = "unsent" | "waiting" | "sealing" | Way | "paused" | "kept" | "cancelled" | "failed";

/** Where nothing is under way for a file. */
const idle: Stand[] = ["unsent", "waiting", "failed"];

/** The last sealing, while it is not known whether it arrived, with how it was sent; and a message's text. */
export type Doubt = { sealed: Sealed; n: number; as: string; text?: string } | null;

interface Entry {
  file: File;
  clean: Blob | null; // without what was hidden in it
  damaged: boolean; // a picture that cannot be stripped, and so is sent whole or not at all
  wrong: string; // why it is never sent, or ""
  element: HTMLElement;
  stand: Stand;
  sent: number;
  size: number; // as sealed; 0 before
  doubt: Doubt;
  abort: AbortController;
  resume: (() => void) | null;
  paused: Promise<void> | null;
}

/**
 * The part of a view that is for files. While something is in the queue, or about to be,
 * the part stays the same, also when the view around it changes.
 */
export function filesView(s: Site, thread: Thread, kind: "next" | "later"): () => DocumentFragment {
  return () => {
    const part = document.createDocumentFragment();
    const { files } = thread;
    s.acts["send-files"] = (button) => start(s, thread, kind, button);
    if (!files.part || !(files.queue.length || files.running)) files.part = fresh(s, thread, kind, files.part);
    part.append(files.part);
    return part;
  };
}

function fresh(s: Site, thread: Thread, kind: string, old: HTMLElement | null): HTMLElement {
  const section = document.createElement("section");
  const part = view(s.views, "files");
  slot(part, "readers", view(s.views, kind + "-readers"));
  fillIn(part, old ? values(old) : thread.chosen);
  section.append(part);
  const input = $<HTMLInputElement>("input[type=file]", section);
  input?.addEventListener("change", () => {
    const picked = [...(input.files ?? [])];
    input.value = "";
    void take(s, thread, section, picked);
  });
  return section;
}

async function take(s: Site, thread: Thread, section: HTMLElement, picked: File[]): Promise<void> {
  const note = waiting(s.views, "looking", $("form", section) ?? section);
  let first: HTMLElement | null = null;
  run(thread, section, true);
  try {
    for (const file of picked) {
      const entry = await look(s, thread, section, file);
      const { wrong } = entry;
      $(".queue", section)?.append(entry.element);
      thread.files.queue.push(entry);
      first ??= entry.element;
      if (wrong) breakOff(entry);
      stand(s, entry, wrong ? "failed" : entry.damaged ? "unsent" : "waiting", wrong && new Failure(wrong));
    }
  } finally {
    note.remove();
    noSwitch();
    run(thread, section, false);
    focus(first && $("h3", first));
  }
}

/** Meanwhile nothing more is chosen, neither files nor readers: nothing is sent that was
 * not there when it was asked for. */
function run(thread: Thread, section: HTMLElement, now: boolean): void {
  thread.files.running = now;
  const form = $("form", section);
  if (form) form.inert = now;
  offer(thread, section);
}

/** The button to send is there while something waits. */
function offer(thread: Thread, section: HTMLElement): void {
  const button = $<HTMLButtonElement>("[data-do=send-files]", section);
  if (button) button.hidden = thread.files.running || !thread.files.queue.some(waits);
}

const waits = (e: Entry): boolean => e.stand === "waiting";

async function look(s: Site, thread: Thread, section: HTMLElement, file: File): Promise<Entry> {
  let wrong = file.size ? "" : "empty_file";
  const found = await inspect(file).catch((): Finding => {
    wrong = "size"; // it went, or may not be read
    return { type: "unknown", reveals: [], strippable: false, unknown: true };
  });
  const { clean, damaged } = await stripped(file, found);
  const perSecond = await speed();
  const seconds = file.size / perSecond;
  const nothing = !found.reveals.length && !found.unknown;
  const part = view(s.views, "file", {
    name: file.name, size: size(s.views, file.size), seen: neutral(file.name),
    reveals: kinds(s.views, found), clean: nothing && !damaged, strips: clean !== null && !nothing,
    picture: isPicture(found), damaged, whole: clean !== null || damaged,
    stays: !clean && !damaged && found.type !== "sealed" && (found.unknown || found.reveals.length > 0 || isPicture(found)),
    long: slow(perSecond) && seconds > 20 ? Math.ceil(seconds / 60) : 0, speed: Math.round(perSecond / 1e5) / 10,
    server: slow(perSecond) && file.size > large,
  });
  const entry: Entry = {
    file, clean, damaged, wrong, element: part.firstElementChild as HTMLElement, stand: "waiting", sent: 0, size: 0,
    doubt: null, abort: new AbortController(), resume: null, paused: null,
  };
  buttons(s, thread, entry, section);
  if (isPicture(found)) picture(entry);
  return entry;
}

/** What a file tells, a line for each kind, with the values behind it. */
function kinds(v: Views, { reveals }: Finding): Values[] {
  return [...new Set(reveals.map((r) => r.what))].map((what) => {
    const said = reveals.filter((r) => r.what === what && r.value);
    const values = said.map(({ value }) => ({ value: what === "time" ? time(v, value) : value }));
    return { kind: t(v, "reveals." + what), values, bare: !values.length };
  });
}

const isPicture = (f: Finding): boolean => ["jpeg", "png", "webp"].includes(f.type);

async function stripped(file: File, found: Finding): Promise<Pick<Entry, "clean" | "damaged">> {
  if (!found.strippable || file.size > MAX_PICTURE) return { clean: null, damaged: false };
  try {
    const clean = strip(new Uint8Array(await file.arrayBuffer()));
    return { clean: clean && new Blob([clean as BlobPart]), damaged: false };
  } catch {
    return { clean: null, damaged: true };
  }
}

/** What reviewers will see, of the bytes that will be sent. */
function picture(e: Entry): void {
  const img = $<HTMLImageElement>("img", e.element);
  if (!img) return;
  const url = URL.createObjectURL(bytes(e));
  img.onload = img.onerror = () => URL.revokeObjectURL(url);
  img.src = url;
}

const ticked = (e: Entry, name: string): boolean => !!$<HTMLInputElement>(`[name=${name}]`, e.element)?.checked;
const bytes = (e: Entry): Blob => (e.clean && !ticked(e, "whole") ? e.clean : e.file);

function buttons(s: Site, thread: Thread, e: Entry, section: HTMLElement): void {
  const on = (name: string, act: () => void) => $(`[data-do=${name}]`, e.element)?.addEventListener("click", act);
  on("pause", () => {
    e.paused = new Promise((done) => (e.resume = done));
    stand(s, e, "paused");
  });
  const goOn = (now: Stand) => {
    e.resume?.();
    e.resume = e.paused = null;
    stand(s, e, now);
  };
  on("resume", () => goOn("sending"));
  on("retry", () => {
    goOn("waiting");
    offer(thread, section);
    $("[data-do=send-files]", section)?.click();
  });
  on("cancel", () => {
    breakOff(e);
    if (idle.includes(e.stand)) void cancelled(s, thread, e);
    offer(thread, section);
  });
  $("form", e.element)?.addEventListener("submit", (event) => throughServer(thread, event.target as HTMLElement, section));
  e.element.addEventListener("change", (event) => {
    const box = event.target as HTMLInputElement;
    if (box.name === "whole") {
      picture(e);
      if (e.damaged) stand(s, e, box.checked ? "waiting" : "unsent");
      offer(thread, section);
    }
    const seen = $(".seen", e.element);
    if (box.name === "keep" && seen) seen.textContent = box.checked ? e.file.name : neutral(e.file.name);
  });
}

/** The server's own form needs the code, and what was chosen of readers until now. */
function throughServer(thread: Thread, form: HTMLElement, section: HTMLElement): void {
  if (!$<HTMLInputElement>("[type=file]", form)?.files?.length) return;
  for (const old of form.querySelectorAll("[type=hidden]")) old.remove();
  const hidden = (name: string, value: string) => {
    const input = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    form.prepend(input); // the file stays the last field
  };
  hidden("code", field(thread.code));
  hidden("n", String(thread.next));
  for (const e of section.querySelectorAll<HTMLInputElement>(".readers [name]")) {
    if (e.type !== "checkbox" || e.checked) hidden(e.name, e.value);
  }
}

/** Shows where a file stands: in words at each tenth, so that nobody hears every step. */
function stand(s: Site, e: Entry, now: Stand, err?: unknown): void {
  const tenth = (n: number) => (e.size ? Math.floor((10 * n) / e.size) : 0);
  const bar = $<HTMLProgressElement>("progress", e.element);
  const said = $(".state", e.element);
  const moved = bar && tenth(e.sent) !== tenth(bar.value * e.size);
  if (bar) {
    bar.value = e.size ? e.sent / e.size : 0;
    bar.hidden = !["sending", "lost", "busy", "paused"].includes(now);
  }
  if (said && (err || moved || e.stand !== now || !said.textContent)) {
    said.textContent = err
      ? sentence(s.views, err)
      : t(s.views, "client.files." + now, { sent: size(s.views, e.sent), size: size(s.views, e.size) });
  }
  e.stand = now;
  const at = document.activeElement;
  const show = (name: string, shown: boolean) => {
    const button = $<HTMLButtonElement>(`[data-do=${name}]`, e.element);
    if (button) button.hidden = !shown;
  };
  show("pause", ["sending", "lost", "busy"].includes(now));
  show("resume", now === "paused");
  show("retry", now === "failed" && !e.abort.signal.aborted);
  show("cancel", !["kept", "cancelled"].includes(now));
  const care = $(".care", e.element);
  if (care) care.hidden = !idle.includes(now);
  if (e.element.contains(at) && at?.closest("[hidden]")) focus($(next, e.element) ?? said);
}

/** What takes the place of a button that has the focus and goes: another one, or what is said. */
const next = "[data-do=pause]:not([hidden]), [data-do=resume]:not([hidden])";

/** Sends what waits, one after the other. */
async function start(s: Site, thread: Thread, kind: string, button: HTMLElement): Promise<void> {
  const section = button.closest("section");
  const form = section && $("form", section);
  const { files } = thread;
  if (!form || files.running) return;
  clear();
  for (const e of form.querySelectorAll(".wrong")) e.remove();
  const here = document.activeElement === button;
  const note = waiting(s.views, "checking");
  run(thread, section, true);
  try {
    await refresh(s);
    choose(thread, form);
    chosen(s, form);
    note.remove();
    if (here) focus($(".state", files.queue.find(waits)?.element));
    for (let e; (e = files.queue.find(waits)); ) {
      await atWork(thread, deliver(s, thread, e, form));
    }
  } catch (err) {
    if (!ofReaders(keyOf(err))) throw err;
    await refusedReaders(s, form, keyOf(err), kind + "-readers");
  } finally {
    note.remove();
    run(thread, section, false);
  }
}

async function deliver(s: Site, thread: Thread, e: Entry, form: HTMLElement): Promise<void> {
  s.pending++;
  try {
    stand(s, e, "sealing");
    await attempt(s, thread, e, form);
    stand(s, e, "kept");
  } catch (err) {
    if (keyOf(err) === "cancelled") await cancelled(s, thread, e);
    else stand(s, e, "failed", failure(e, err));
  } finally {
    s.pending--;
  }
}

/** What is said of a failed file. */
function failure(e: Entry, err: unknown): unknown {
  const key = keyOf(err);
  if (key === "unreachable" || (e.doubt && !["disk", "internal"].includes(key))) return new Failure("file_unsent");
  return err;
}

/** Says that a file is not kept once that is so: what may have arrived is deleted. */
async function cancelled(s: Site, thread: Thread, e: Entry): Promise<void> {
  try {
    await arrived(thread, e, "");
    stand(s, e, "cancelled");
  } catch {
    stand(s, e, "failed", new Failure("file_doubted"));
  }
}

/** Whether it is kept by an earlier try, as it would be sent now. If it may have arrived otherwise,
 * it is deleted; but another message that is kept stays: nobody asked for its deletion. */
export async function arrived(thread: Thread, e: { doubt: Doubt }, as: string, text?: string): Promise<boolean> {
  if (!e.doubt) return false;
  const { sealed, n, as: was, text: said } = e.doubt;
  const now = await stands(sealed, port(() => {}, within(60_000)));
  const same = now === "again" && said === text;
  const ours = same && was === as;
  // What is not there may still be on its way. What another page sent stays.
  if (now === "none" || (same && !ours)) await undo(thread.code, n);
  e.doubt = null;
  return ours;
}

/** Sends a file under the next number that is free. Whoever is left out by now, with a
 * message that was sent meanwhile, is left out of it, too. */
async function attempt(s: Site, thread: Thread, e: Entry, form: HTMLElement): Promise<void> {
  if (e.abort.signal.aborted) throw new Failure("cancelled");
  const readers = chosen(s, form);
  const circle = circleOf(s);
  const as = JSON.stringify([readers, ticked(e, "keep"), ticked(e, "whole")]);
  if (await arrived(thread, e, as)) return;
  const content: Content = {
    kind: "attachment", language: s.views.lang, readers,
    file: { size: bytes(e).size, name: e.file.name, keepName: ticked(e, "keep"), stream: () => stream(bytes(e)) },
  };
  const on = (way: Way) => {
    if (!["paused", "failed"].includes(e.stand)) stand(s, e, way); // what is given up is said after it failed
  };
  const onBytes = (sent: number) => {
    e.sent = sent;
    stand(s, e, e.stand === "sealing" ? "sending" : e.stand);
  };
  const control = { signal: e.abort.signal, paused: () => e.paused };
  for (let taken = true; taken; ) {
    const n = number(thread);
    const sealed = await seal(circle, thread.code, n, content);
    e.size = sealed.size;
    try {
      taken = (await send(sealed, port(on, control.signal), onBytes, control)) === "taken";
    } finally {
      e.doubt = sealed.doubted ? { sealed, n, as } : null;
    }
  }
}

const stream = (b: Blob): ReadableStream<Uint8Array> => b.stream() as ReadableStream<Uint8Array>;
