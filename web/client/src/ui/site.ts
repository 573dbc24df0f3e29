// What the script works with, once the roster is verified.

import { hex, malformed } from "../encoding";
import { Failure } from "../failure";
import { type Circle, circle, follows, parseRoster, type Roster, verify } from "../roster";
import * as strictjson from "../strictjson";
import { parse, type Taxonomy } from "../taxonomy";
import { get, page } from "./port";
import type { Lang, Views } from "./view";

export interface Site {
  views: Views;
  roster: Roster;
  circle: Circle | Error; // or why nothing can be sealed now
  taxonomy: Taxonomy;
  places: [code: string, name: string][];
  /** How much is on its way or in doubt: who leaves then is asked. */
  pending: number;
  /** What was typed for a message, also while another view is shown. */
  typed?: () => string;
  /** Shows the present view again, in the language of views. */
  again: (() => void) | null;
  /** What the buttons and forms of the present view do, by their data-do. */
  acts: Record<string, (e: HTMLElement) => unknown>;
}

/**
 * What the end of an address names: a fingerprint, however it was typed, or "" for
 * nothing and for a place of this page. A slip is not taken for nothing.
 */
export function named(hash: string, isPlace: (id: string) => boolean): string | Failure {
  const letters = hash.toLowerCase().replace(/%20|[^a-z0-9]/g, "");
  if (/^[a-z2-7]{20}$/.test(letters)) return letters.replace(/.{4}(?=.)/g, "$&-");
  return hash.length < 2 || isPlace(hash.slice(1)) ? "" : new Failure("pin");
}

const ends = (): string | Failure => named(location.hash, (id) => !!document.getElementById(id));
const inPage = typeof document !== "undefined";
const hashAtLoad = inPage ? location.hash : "";
const pinAtLoad = inPage ? ends() : "";

/** The fingerprint that the address had when the page was loaded, or "". */
export function pin(): string {
  if (pinAtLoad instanceof Failure) throw pinAtLoad;
  return pinAtLoad;
}

/** Throws where the address names another fingerprint by now: it was not checked. */
export function holdPin(): void {
  const now = location.hash === hashAtLoad ? "" : ends();
  if (now && now !== pinAtLoad) throw new Failure("pin_changed");
}

export const prefix = (lang: Lang): string => (lang === "en" ? "/en" : "");

export async function views(lang: Lang): Promise<Views> {
  return { lang, document: await page(prefix(lang) + "/client") };
}

/** The newest roster, verified against the address's fingerprint if it has one. */
export async function newest(before?: Roster): Promise<Roster> {
  const fingerprint = pin();
  const roster = verify(await get("/roster.note"), fingerprint ? { fingerprint } : undefined);
  if (before && roster.sequence < before.sequence) throw new Failure("replayed");
  if (before && roster.sequence === before.sequence && hex(roster.hash) !== hex(before.hash)) throw new Failure("replayed");
  return roster;
}

type Readers = Pick<Site, "roster" | "circle">;

/** Asks who may read now. Under a roster that has expired old answers can be read. */
export async function readers(s: Partial<Readers>): Promise<Readers> {
  const [roster, recipients] = await Promise.all([newest(s.roster), get("/roster.recipients").catch(ofError)]);
  let who: Circle | Error;
  try {
    who = recipients instanceof Error ? recipients : circle(roster, recipients, new Date());
  } catch (err) {
    who = ofError(err);
  }
  return Object.assign(s, { roster, circle: who });
}

/** Asks who may read by now. While no roster comes, what was verified before holds. */
export async function refresh(s: Site): Promise<void> {
  await readers(s).catch((err) => {
    if (!["unreachable", "busy"].includes(err.key)) throw err;
  });
}

const ofError = (err: unknown): Error => (err instanceof Error ? err : new Failure("internal"));

export function circleOf(s: Site): Circle {
  if (s.circle instanceof Error) throw s.circle;
  return s.circle;
}

export async function load(lang: Lang): Promise<Site> {
  const [shown, who, questions, regions] = await Promise.all([
    views(lang), readers({}), get("/taxonomy.json"), get("/regions.json"),
  ]);
  return {
    ...who, views: shown, taxonomy: parse(questions), pending: 0, again: null, acts: {},
    places: pairs(regions),
  };
}

/** The codes and names in a file of places. */
export function pairs(file: Uint8Array): [string, string][] {
  const list = strictjson.parse(file) as [string, string][];
  if (!Array.isArray(list) || list.some((p) => !Array.isArray(p) || p.length !== 2 || p.some((s) => typeof s !== "string"))) {
    throw malformed();
  }
  return list;
}

/** The newest roster and those before it that a reply may name, which is kept for 52 weeks: as
 * many, whatever is in a mailbox. Six are from longer, unless the roots made some out of turn. */
export async function rosters(s: Site): Promise<Roster[]> {
  let last = await newest(s.roster); // a reviewer may have been revoked since
  const all = [last];
  const since = new Date(Date.now() - 53 * 7 * 86_400_000).toISOString();
  do {
    const wanted = [1, 2, 3, 4, 5, 6].map((i) => last.sequence - i).filter((n) => n > 0);
    const before = await Promise.all(wanted.map(async (n) => parseRoster(await get(`/rosters/${n}.note`))));
    for (const r of before) {
      follows(last, r);
      all.push((last = r));
    }
  } while (last.sequence > 1 && last.from > since);
  return all;
}

/** Links of ours carry the fingerprint on. */
export function carryPin(): void {
  if (!pinAtLoad || pinAtLoad instanceof Failure) return;
  for (const a of document.querySelectorAll<HTMLAnchorElement>('a[href^="/"]')) a.hash = pinAtLoad;
}
