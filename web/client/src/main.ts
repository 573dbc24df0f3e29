// The script of every page. It changes nothing until it has verified who reads: till
// then, and where it cannot run, the page works as without it.

import { hash, hashers } from "./ui/hasher";
import { say } from "./ui/failed";
import { fillIn, values } from "./ui/fields";
import { opener } from "./ui/open";
import { carryPin, load, newest, pin, sayWay, type Site, views } from "./ui/site";
import { $, focus, type Lang } from "./ui/view";
import { writer } from "./ui/write";

type Submit = (form: HTMLFormElement, by: HTMLButtonElement | null) => Promise<void>;

const script = typeof document === "undefined" ? "" : ((document.currentScript as HTMLScriptElement | null)?.src ?? "");
const lang = (): Lang => (document.documentElement.lang === "en" ? "en" : "id");

/** The form of the page that the script takes over, or null. */
const ours = (): HTMLFormElement | null => $("form#write") ?? $<HTMLElement>("#words")?.closest("form") ?? null;

function start(): void {
  carryPin();
  addEventListener("pageshow", (e) => e.persisted && location.reload());
  if (ours()) takeOver();
  else if (pin()) newest().catch(block);
}

/** The roster is not the one that the address promises, or none at all. */
async function block(err: unknown): Promise<void> {
  say(await views(lang()), err);
}

function takeOver(): void {
  let site: Site | undefined;
  let submit: Submit = async () => {};
  let leaving = false;
  const ready = load(lang(), hashers(script)).then((loaded) => {
    site = loaded;
    const write = writer(loaded);
    submit = (form, by) => (form.id === "write" ? write(form, by) : opener(loaded, form));
    sayWay(loaded);
  });
  ready.catch(block);
  // What is sent before all is loaded waits for it. Nothing falls back to the server.
  document.addEventListener("submit", (e) => {
    const form = e.target as HTMLFormElement;
    if (form.dataset["way"] === "server") return void (leaving = true);
    e.preventDefault();
    void act(ready, form, () => form.dataset["do"] ? site?.acts[form.dataset["do"]]?.(form) : submit(form, e.submitter as HTMLButtonElement));
  });
  document.addEventListener("click", (e) => {
    const on = e.target as Element;
    const link = on.closest("a");
    const button = on.closest<HTMLElement>("button[data-do]");
    if (link?.classList.contains("exit")) leaving = true;
    else if (link?.hash && link.getAttribute("href")?.startsWith("#")) {
      e.preventDefault(); // the address keeps its fingerprint, and history nothing
      focus(document.getElementById(link.hash.slice(1)));
    } else if (link?.hreflang && site?.again) {
      e.preventDefault();
      void change(site);
    } else if (button) void act(ready, button, () => site?.acts[button.dataset["do"] ?? ""]?.(button));
  });
  addEventListener("beforeunload", (e) => {
    if (!leaving && (site?.pending || typed())) e.preventDefault();
  });
  addEventListener("pagehide", () => {
    for (const form of document.forms) form.reset();
    $("main")?.replaceChildren();
    site = undefined;
  });
}

/** Whether something would be lost. Words can be typed again. */
const typed = (): boolean =>
  [...document.querySelectorAll<HTMLTextAreaElement>("main textarea:not(#words)")].some((e) => e.value.trim());

const busy = new WeakSet<HTMLElement>();

/** Does what was asked for, once at a time. */
async function act(ready: Promise<void>, by: HTMLElement, what: () => unknown): Promise<void> {
  if (busy.has(by)) return;
  busy.add(by);
  try {
    await ready;
    await what();
  } finally {
    busy.delete(by);
  }
}

/** Shows the present view in the other language. */
async function change(site: Site): Promise<void> {
  const { lang: before } = site.views;
  const typed = values(document);
  try {
    site.views = await views(before === "en" ? "id" : "en");
    site.again?.();
    fillIn(document, typed);
  } catch (err) {
    say(site.views, err);
  }
}

if (typeof document === "undefined") hash();
else start();
