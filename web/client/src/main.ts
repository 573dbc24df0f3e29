// The script of every page. It changes nothing until it has verified who reads: till
// then, and where it cannot run, the page works as without it.

import { caught, say, shut } from "./ui/failed";
import { fillIn, values } from "./ui/fields";
import { opener } from "./ui/open";
import { carryPin, circleOf, holdPin, load, newest, pin, type Site, views } from "./ui/site";
import { $, focus, type Lang, sayWay } from "./ui/view";
import { writer } from "./ui/write";

type Submit = (form: HTMLFormElement, by: HTMLButtonElement | null) => Promise<void>;

const lang = (): Lang => (document.documentElement.lang === "en" ? "en" : "id");

/** The form of the page that the script takes over, or null. */
const ours = (): HTMLFormElement | null => $("form#write") ?? $<HTMLElement>("#words")?.closest("form") ?? null;

function start(): void {
  carryPin();
  addEventListener("pageshow", (e) => e.persisted && location.reload());
  if (ours()) takeOver();
  else check().catch(block);
}

/** A page that sends nothing is held against the fingerprint alone. */
async function check(): Promise<void> {
  addEventListener("hashchange", () => caught(holdPin) && location.reload());
  if (pin()) await newest();
}

/** Says that nothing can be sent, also where no text came to say it with. */
async function block(err: unknown): Promise<void> {
  try {
    say(await views(lang()), err);
  } catch {
    shut(err);
    $("#offline")?.removeAttribute("hidden");
  }
}

function takeOver(): void {
  let site: Site | undefined;
  let submit: Submit = async () => {};
  let ready: Promise<void> | undefined;
  let leaving = false;
  const prepare = async () => {
    const loaded = await load(lang());
    const write = writer(loaded);
    submit = (form, by) => (form.id === "write" ? write(form, by) : opener(loaded, form));
    if ($("form#write")) circleOf(loaded);
    sayWay(loaded.views, document);
    site = loaded;
  };
  /** Once it has loaded: what is sent before waits. Nothing falls back to the server. */
  const once = async () => {
    holdPin();
    try {
      await (ready ??= prepare());
    } catch (err) {
      ready = undefined; // the next try asks again
      throw err;
    }
  };
  const act = (by: HTMLElement, what: (s: Site) => unknown) =>
    alone(by, async () => {
      try {
        await (site ? once() : awaited(once()));
        if (site) await what(site);
      } catch (err) {
        if (site) say(site.views, err);
        else await blocked(err);
      }
    });
  let told: Promise<void> | undefined;
  /** Says why once, for all who wait: who presses again is heard at once. */
  const blocked = (err: unknown) => (told ??= block(err).finally(() => (told = undefined)));
  once().catch(blocked);
  addEventListener("hashchange", () => void once().catch(blocked));
  document.addEventListener("submit", (e) => {
    const form = e.target as HTMLFormElement;
    const name = form.dataset["do"];
    if (form.dataset["way"] === "server") return void (leaving = !site?.pending && !$("[data-keep]"));
    e.preventDefault();
    act(form, (s) => (name ? s.acts[name]?.(form) : submit(form, e.submitter as HTMLButtonElement | null)));
  });
  document.addEventListener("click", (e) => {
    const on = e.target as Element;
    const link = on.closest("a");
    const button = on.closest<HTMLElement>("button[data-do]");
    if (link?.classList.contains("exit")) leaving = true;
    else if (link?.getAttribute("href")?.startsWith("#")) {
      e.preventDefault(); // the address keeps its fingerprint, and history nothing
      focus(document.getElementById(link.hash.slice(1)));
    } else if (link?.hreflang && site?.again) {
      e.preventDefault();
      act(link, change);
    } else if (button) act(button, (s) => s.acts[button.dataset["do"] ?? ""]?.(button));
  });
  addEventListener("beforeunload", (e) => {
    if (!leaving && (site?.pending || unsent() || typed() || site?.typed?.().trim())) e.preventDefault();
  });
  addEventListener("pagehide", () => {
    for (const form of document.forms) form.reset();
    $("main")?.replaceChildren();
    site = undefined;
  });
}

/** Says that the roster is waited for, before anything is sent. */
async function awaited(roster: Promise<void>): Promise<void> {
  const note = $("#checking");
  const form = ours();
  const at = document.activeElement as HTMLElement | null;
  const wait = (now: boolean) => {
    if (note) note.hidden = !now;
    if (form) form.inert = now;
  };
  wait(true);
  focus(note);
  await roster.finally(() => wait(false));
  at?.focus();
}

/** Whether the receipt is shown, which comes only once, or a file was chosen that is not sent. */
const unsent = (): boolean => !!$("[data-keep], [data-do=cancel]:not([hidden])");

/** Whether something would be lost. Words can be typed again. */
const typed = (): boolean =>
  [...document.querySelectorAll<HTMLTextAreaElement>("main textarea:not(#words)")].some((e) => e.value.trim());

const busy = new WeakSet<HTMLElement>();

/** Lets a button or form do one thing at a time. */
function alone(by: HTMLElement, what: () => Promise<void>): void {
  if (busy.has(by)) return;
  busy.add(by);
  void what().finally(() => busy.delete(by));
}

/** Shows the present view in the other language. A conversation's other forms keep themselves. */
async function change(s: Site): Promise<void> {
  s.views = await views(s.views.lang === "en" ? "id" : "en");
  const form = () => $("main > form, [data-do=delete]");
  const old = form();
  s.again?.();
  const now = form();
  if (old && now) fillIn(now, values(old));
}

start();
