// Views are templates of the page /client, in the language of the page: all markup
// and all words are made in Go. Here values are put in, as text and never as markup.

import { monday } from "../week";
import { carryPin } from "./site";

export type Value = string | number | boolean | Values[] | undefined;
export interface Values {
  [name: string]: Value;
}
export type Lang = "id" | "en";

/** Views takes from one language's page of templates. */
export interface Views {
  lang: Lang;
  document: Document;
}

function put(text: string, values: Values): string {
  return text.replace(/\{([a-z]+)\}/g, (all, name: string) => (name in values ? String(values[name]) : all));
}

function template(v: Views, id: string): DocumentFragment | null {
  const e = v.document.getElementById(id) as HTMLTemplateElement | null;
  return e && document.importNode(e.content, true);
}

/** The text of a key, or "" if there is none. */
export function t(v: Views, key: string, values: Values = {}): string {
  return put(template(v, "t:" + key)?.textContent ?? "", written(v, values));
}

/** Numbers as a reader of the language writes them. */
function written(v: Views, values: Values): Values {
  const number = (x: Value) => (typeof x === "number" ? x.toLocaleString(v.lang) : x);
  return Object.fromEntries(Object.entries(values).map(([name, x]) => [name, number(x)]));
}

/** A view with its values. What it leaves out or repeats is said by the template. */
export function view(v: Views, id: string, values: Values = {}): DocumentFragment {
  const part = template(v, id) ?? document.createDocumentFragment();
  fill(v, part, values);
  sayWay(v, part);
  return part;
}

/** Says that sealing happens here, where a page says that the server does it. A form
 * that the server has handed back was read by it: there its own sentence stays. */
export function sayWay(v: Views, within: ParentNode): void {
  for (const e of within.querySelectorAll<HTMLElement>(":not([data-back] *).sealing")) {
    e.textContent = t(v, "client.sealing." + e.dataset["key"]) || e.textContent;
  }
}

function fill(v: Views, part: DocumentFragment, values: Values): void {
  // What is repeated has values of its own: it is taken out, so that nothing that
  // was put into it is read as a place for a value once more.
  const lists = [...part.querySelectorAll<HTMLElement>("[data-each]:not([data-each] *)")].map((one) => {
    const place = document.createComment("");
    one.replaceWith(place);
    return { one, place };
  });
  for (const e of part.querySelectorAll<HTMLElement>("[data-if]")) {
    const value = values[e.dataset["if"] ?? ""];
    if (!value || (Array.isArray(value) && !value.length)) e.remove();
  }
  write(part, written(v, values));
  for (const { one, place } of lists) {
    place.replaceWith(...((values[one.dataset["each"] ?? ""] ?? []) as Values[]).map((entry) => repeat(v, one, entry)));
  }
}

function repeat(v: Views, one: HTMLElement, values: Values): DocumentFragment {
  const part = document.createDocumentFragment();
  part.append(one.cloneNode(true));
  (part.firstChild as HTMLElement).removeAttribute("data-each");
  fill(v, part, values);
  return part;
}

function write(part: DocumentFragment, values: Values): void {
  const texts = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode;
    const text = node.nodeValue ?? "";
    if (text.includes("{")) node.nodeValue = put(text, values);
  }
  for (const e of part.querySelectorAll("*")) {
    for (const a of e.attributes) if (a.value.includes("{")) a.value = put(a.value, values);
  }
}

export function $<E extends Element = HTMLElement>(selector: string, within: ParentNode = document): E | null {
  return within.querySelector<E>(selector);
}

/** Puts a part where a view left room for it. */
export function slot(part: ParentNode, name: string, content: Node): void {
  $(`[data-slot=${name}]`, part)?.replaceWith(content);
}

/** Focus goes where the eyes are to go, also to what is no control. */
export function focus(e: HTMLElement | null): void {
  if (!e) return;
  if (e.tabIndex < 0) e.tabIndex = -1;
  e.focus();
  e.scrollIntoView({ block: "center" });
}

/** Shows a view in place of what the page had. */
export function show(v: Views, part: DocumentFragment): void {
  document.documentElement.lang = v.lang;
  document.title = v.document.title;
  const header = v.document.querySelector("header");
  if (header) $("header")?.replaceWith(document.importNode(header, true));
  $("main")?.replaceChildren(part);
  noSwitch();
  carryPin();
  $("main h1")?.focus();
  scrollTo(0, 0);
}

/** While files are in a queue the language stays: what is said of them is part of it. */
export function noSwitch(): void {
  if ($(".queue > li")) $("header a[hreflang]")?.remove();
}

/** A size as people read it. */
export function size(v: Views, bytes: number): string {
  if (bytes < 1 << 10) return t(v, "client.size.bytes", { n: bytes });
  if (bytes < 1 << 20) return t(v, "format.kilobytes", { n: Math.round(bytes / 1024) });
  return t(v, "format.megabytes", { n: Math.round(bytes / 104857.6) / 10 });
}

/** A time as files write it, in words. */
export function time(v: Views, written: string): string {
  const [, y, m, d, hour, min] = /(\d{4})[:-]?(\d\d)[:-]?(\d\d)(?:[T ]?(\d\d):?(\d\d))?/.exec(written) ?? [];
  const at = new Date(`${y}-${m}-${d}T${hour ?? "00"}:${min ?? "00"}Z`);
  const how: Intl.DateTimeFormatOptions = { dateStyle: "long", timeZone: "UTC" };
  if (hour) how.timeStyle = "short";
  return +at ? at.toLocaleString(v.lang, how) : written;
}

/** An ISO week by the date of its Monday. */
export function week(v: Views, iso: string): string {
  const [year = 0, n = 0] = iso.split("-W").map(Number);
  const day = new Date(monday(year, n));
  const month = day.toLocaleDateString(v.lang, { month: "long", timeZone: "UTC" });
  return t(v, "format.week", { day: day.getUTCDate(), month, year: String(day.getUTCFullYear()) });
}

export function item(v: Views, n: number): string {
  return n ? t(v, "item.later", { n }) : t(v, "item.first");
}
