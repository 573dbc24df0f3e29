// Who may read, as offline roots signed it: crypto/roster.

import { sha256 } from "@noble/hashes/sha2.js";
import { hex, malformed, text, utf8 } from "./encoding";
import { Failure } from "./failure";
import { checkRecipient } from "./hybrid";
import { open, parseKey, split } from "./sign";
import * as week from "./week";

export interface Reviewer {
  id: string;
  region: string;
  organisation: string;
  key: string;
  direct: string;
  label: string;
}

export interface RootSet {
  threshold: number;
  keys: string[];
  endorsed: string[]; // signature lines by the set before, without their dash
}

export interface Period {
  from: string;
  to: string;
  hash: string;
}

export interface Revocation {
  key: string;
  from: number;
}

export interface Roster {
  origin: string;
  sequence: number;
  previous: string; // hex, or "-"
  hash: Uint8Array;
  from: string; // days
  until: string;
  quorum: { needed: number; outside: number };
  reviewers: Reviewer[]; // in slot order
  periods: Period[];
  revoked: Revocation[];
  rootSets: RootSet[]; // the first is the one on posters
  server: string;
}

/** A roster with the recipients of one period, in slot order. */
export interface Circle {
  roster: Roster;
  recipients: string[];
}

/** Limits. */
const most = { reviewers: 100, together: 20, roots: 20, rootSets: 50, periods: 60, revoked: 500, field: 80 };

const national = "00";

// Reading. What is read is written again and compared, so that a text has one
// spelling, and patterns here need not be strict.

/** The lines of a text that are left. */
type Lines = string[];

/** Takes the value of the next line, which must have this keyword. */
function take(lines: Lines, keyword: string): string {
  const line = lines.shift();
  if (!line?.startsWith(keyword + " ")) throw malformed();
  return line.slice(keyword.length + 1);
}

/** Takes the values of all next lines with this keyword, some at most. */
function takeAll(lines: Lines, keyword: string, limit: number): string[] {
  const values: string[] = [];
  while (lines[0]?.startsWith(keyword + " ")) {
    values.push(take(lines, keyword));
    if (values.length > limit) throw malformed();
  }
  return values;
}

/** The groups of a pattern that matches all of a value. */
function groups(value: string, pattern: RegExp): string[] {
  const m = pattern.exec(value);
  if (!m) throw malformed();
  return m.slice(1);
}

/** A number that floating point holds exactly: whoever counts beyond is refused. */
function number(s: string | undefined): number {
  const n = Number(s);
  if (!/^(0|[1-9]\d{0,15})$/.test(s ?? "") || !Number.isSafeInteger(n)) throw malformed();
  return n;
}

/** Whether no two are the same. */
function unique(values: string[]): boolean {
  return new Set(values).size === values.length;
}

/** Throws unless all of it holds. */
function hold(...conditions: boolean[]): void {
  if (conditions.includes(false)) throw malformed();
}

/** Takes a roster's text apart: its form, its counts, and that nothing stands twice. */
export function parse(body: string): Roster {
  const lines = body.split("\n");
  hold(lines.shift() === "saksi/v1/roster", lines.pop() === "");
  const head = parseHead(lines);
  const rootSets = parseRootSets(lines);
  const server = take(lines, "server");
  const reviewers = takeAll(lines, "reviewer", most.reviewers).map(parseReviewer);
  const periods = takeAll(lines, "recipients", most.periods).map(parsePeriod);
  const revoked = takeAll(lines, "revoked", most.revoked).map(parseRevocation);
  const r: Roster = { ...head, rootSets, server, reviewers, periods, revoked, hash: sha256(utf8(body)) };
  hold(lines.length === 0);
  check(r);
  hold(format(r) === body);
  return r;
}

function parseHead(lines: Lines) {
  const origin = take(lines, "origin");
  const sequence = number(take(lines, "sequence"));
  const previous = take(lines, "previous");
  const [from = "", until = ""] = groups(take(lines, "valid"), /^(\S+) (\S+)$/);
  const [needed, outside] = groups(take(lines, "quorum"), /^(\d+) outside (\d+)$/);
  return { origin, sequence, previous, from, until, quorum: { needed: number(needed), outside: number(outside) } };
}

function parseRootSets(lines: Lines): RootSet[] {
  const sets: RootSet[] = [];
  while (lines[0]?.startsWith("roots ") && sets.length < most.rootSets) {
    const [i, threshold] = groups(take(lines, "roots"), /^(\d+) threshold (\d+)$/);
    hold(number(i) === sets.length + 1);
    const keys = takeAll(lines, "root", most.roots);
    sets.push({ threshold: number(threshold), keys, endorsed: takeAll(lines, "endorsed", most.roots) });
  }
  return sets;
}

function parseReviewer(value: string): Reviewer {
  const fields = value.split(" | ");
  const [id = "", region = "", organisation = "", key = "", direct = "", label = ""] = fields;
  hold(fields.length === 6);
  return { id, region, organisation, key, direct, label };
}

function parsePeriod(value: string): Period {
  const [from = "", to = "", hash = ""] = groups(value, /^(\S+) (\S+) ([0-9a-f]{64})$/);
  return { from: week.parse(from), to: week.parse(to), hash };
}

function parseRevocation(value: string): Revocation {
  const [key = "", from] = groups(value, /^(\S+) from (\d+)$/);
  return { key, from: number(from) };
}

// Writing.

/** The roster in its one spelling. */
export function format(r: Roster): string {
  return [
    "saksi/v1/roster",
    `origin ${r.origin}`,
    `sequence ${r.sequence}`,
    `previous ${r.previous}`,
    `valid ${r.from} ${r.until}`,
    `quorum ${r.quorum.needed} outside ${r.quorum.outside}`,
    ...r.rootSets.flatMap((set, i) => [
      `roots ${i + 1} threshold ${set.threshold}`,
      ...set.keys.map((k) => `root ${k}`),
      ...set.endorsed.map((e) => `endorsed ${e}`),
    ]),
    `server ${r.server}`,
    ...r.reviewers.map((v) => "reviewer " + [v.id, v.region, v.organisation, v.key, v.direct, v.label].join(" | ")),
    ...r.periods.map((p) => `recipients ${p.from} ${p.to} ${p.hash}`),
    ...r.revoked.map((v) => `revoked ${v.key} from ${v.from}`),
    "",
  ].join("\n");
}

/** The text of a root set, without endorsements. */
function formatRoots(set: RootSet): string {
  return `saksi/v1/roots\nthreshold ${set.threshold}\n` + set.keys.map((k) => `root ${k}\n`).join("");
}

// Checking.

function check(r: Roster): void {
  const { needed, outside: elsewhere } = r.quorum;
  hold(
    /^[a-z0-9][a-z0-9.-]{0,59}$/.test(r.origin),
    r.sequence >= 1,
    /^(-|[0-9a-f]{64})$/.test(r.previous),
    (r.sequence === 1) === (r.previous === "-"),
    r.previous !== "0".repeat(64), // what a first roster is known by elsewhere
    isDay(r.from) && isDay(r.until) && r.from <= r.until,
    r.rootSets.length > 0 && r.reviewers.length > 0 && r.periods.length > 0,
    needed >= 1 && needed <= r.reviewers.length && elsewhere <= needed,
    (needed === 1 && elsewhere === 0) || r.reviewers.length <= most.together,
    r.rootSets[0]?.endorsed.length === 0,
  );
  r.rootSets.forEach(checkRoots);
  r.periods.forEach((p, i) => {
    const last = r.periods[i - 1]?.to;
    hold(p.from <= p.to, last === undefined || last < p.from);
  });
  hold(r.revoked.every((v) => v.from >= 1 && v.from <= r.sequence));
  hold(unique(r.revoked.map((v) => publicOf(v.key))));
  checkReviewers(r);
  hold(["", ...r.reviewers.map((v) => province(v.region))].every((p) => count(outside(r, p)) >= elsewhere));
}

/** A day that there is, spelled 2026-11-22. */
function isDay(s: string): boolean {
  const at = new Date(s + "T00:00:00Z");
  return /^\d{4}-\d\d-\d\d$/.test(s) && !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 10) === s;
}

function publicOf(key: string): string {
  return hex(parseKey(key).public);
}

function checkRoots(set: RootSet): void {
  const keys = set.keys.map(parseKey);
  hold(set.threshold >= 1, set.threshold <= keys.length, keys.length <= most.roots);
  hold(unique(keys.map((k) => k.name)), unique(keys.map((k) => hex(k.public))));
}

function checkReviewers(r: Roster): void {
  const all = r.reviewers;
  for (const v of all) {
    hold(/^[a-z][a-z0-9-]{0,15}$/.test(v.id), /^\d\d(\.\d\d)?$/.test(v.region), parseKey(v.key).name === v.id);
    hold(isPlain(v.organisation), isPlain(v.label));
    checkRecipient(v.direct);
  }
  hold(unique(all.map((v) => v.id)), unique(all.map((v) => v.label)), unique(all.map((v) => v.direct)));
  hold(unique([publicOf(r.server), ...all.map((v) => publicOf(v.key))]));
}

/** Text that prints, without a bar, and no space at either end. */
function isPlain(s: string): boolean {
  const prints = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u.test(s);
  return prints && s.trim() === s && !/[|\ufffd]/.test(s) && utf8(s).length <= most.field;
}

// Trust.

/** The roster in a signed note, whoever signed it. */
export function parseRoster(note: Uint8Array): Roster {
  return parse(split(note).text);
}

/**
 * The roster in a note that the threshold of its last root set signed, each set
 * endorsed by the one before it. Throws Failure "roots" if the first set is not
 * the one that is trusted; without one, the server's word is taken for it.
 */
export function verify(note: Uint8Array, trusted?: { fingerprint: string }): Roster {
  const r = parseRoster(note);
  const [first] = r.rootSets;
  if (!first || (trusted && fingerprint(first) !== trusted.fingerprint)) throw new Failure("roots");
  const last = r.rootSets.reduce((before, next) => {
    if (next.endorsed.length === 0) throw new Failure("signatures");
    open(utf8(endorsement(before, next)), before.threshold, before.keys.map(parseKey));
    return next;
  });
  open(note, last.threshold, last.keys.map(parseKey));
  return r;
}

/** What a root set signs for the next, as a note with the signatures that are there. */
function endorsement(before: RootSet, next: RootSet): string {
  const hash = hex(sha256(utf8(formatRoots(before))));
  const lines = next.endorsed.map((e) => `— ${e}\n`).join("");
  return `saksi/v1/successor\nbefore ${hash}\n${formatRoots(next)}\n${lines}`;
}

/** Five groups of four characters, joined by dashes, as they stand on posters. */
export function fingerprint(set: RootSet): string {
  return aloud(sha256(utf8(formatRoots(set))));
}

/** The first 100 bits of a hash in base32. */
export function aloud(hash: Uint8Array): string {
  const bits = Array.from(hash.subarray(0, 13), (b) => b.toString(2).padStart(8, "0")).join("");
  const letters = Array.from({ length: 20 }, (_, i) => parseInt(bits.slice(5 * i, 5 * i + 5), 2));
  const spelled = letters.map((n) => "abcdefghijklmnopqrstuvwxyz234567"[n]).join("");
  return (spelled.match(/.{4}/g) ?? []).join("-");
}

/** Throws Failure "roster_chain" unless later is the next roster after earlier. */
export function follows(later: Roster, earlier: Roster): void {
  const roots = (r: Roster) => r.rootSets.map(formatRoots);
  const kept = earlier.revoked.every((v) => {
    const again = voidFrom(later, v.key);
    return again !== undefined && again <= v.from;
  });
  const follow =
    later.origin === earlier.origin &&
    later.sequence === earlier.sequence + 1 &&
    later.previous === hex(earlier.hash) &&
    roots(earlier).every((set, i) => roots(later)[i] === set) &&
    kept;
  if (!follow) throw new Failure("roster_chain");
}

/** The first sequence under which answers signed by the key are void. */
export function voidFrom(r: Roster, key: string): number | undefined {
  return r.revoked.find((v) => publicOf(v.key) === publicOf(key))?.from;
}

// Sealing.

/**
 * Whom the roster seals to now. The failures are "not_yet", "expired",
 * "no_recipients", or that the file does not fit.
 */
export function circle(r: Roster, recipients: Uint8Array, now: Date): Circle {
  const hours = 3_600_000;
  const skew = 24 * hours;
  if (now.getTime() + skew < Date.parse(r.from + "T00:00:00Z")) throw new Failure("not_yet");
  if (now.getTime() - skew > Date.parse(r.until + "T00:00:00Z") + 24 * hours) throw new Failure("expired");
  const hash = hex(sha256(recipients));
  const at = (ms: number) => week.of(new Date(now.getTime() + ms));
  // Which week it is, the server's clock says: the device's may be off.
  const period = r.periods.find((p) => p.hash === hash && p.from <= at(skew) && at(-skew) <= p.to);
  if (!period) throw new Failure("no_recipients");
  return { roster: r, recipients: parseRecipients(r, period, text(recipients)) };
}

/** The keys of a recipients file, which names the reviewers in their order. */
function parseRecipients(r: Roster, period: Period, body: string): string[] {
  const lines = body.split("\n");
  const head = ["saksi/v1/recipients", `weeks ${period.from} ${period.to}`];
  hold(lines.pop() === "", head.every((line) => lines.shift() === line), lines.length === r.reviewers.length);
  const keys = r.reviewers.map((v) => take(lines, v.id));
  keys.forEach(checkRecipient);
  hold(unique([...keys, ...r.reviewers.map((v) => v.direct)]));
  return keys;
}

function province(region: string): string {
  return region.slice(0, 2);
}

function count(marks: boolean[]): number {
  return marks.filter(Boolean).length;
}

/** For each slot, whether its reviewer is from elsewhere, for an incident in a province such as "73". */
export function outside(r: Roster, place: string): boolean[] {
  const known = place !== "" && place !== national;
  const marks = r.reviewers.map((v) => {
    const own = province(v.region);
    return own === national || (known && own !== place);
  });
  if (count(marks) >= r.quorum.outside) return marks;
  const largest = largestOrganisation(r);
  return r.reviewers.map((v) => v.organisation !== largest);
}

/** The organisation with most reviewers, the first of those that are as large. */
function largestOrganisation(r: Roster): string {
  const members = (name: string) => r.reviewers.filter((v) => v.organisation === name).length;
  return r.reviewers.reduce((best, v) => (members(v.organisation) > members(best) ? v.organisation : best), "");
}
