// Properties of all parsers: of a valid input with some bytes changed they make
// something that is spelled just like it, or a Failure. Never another exception, and never
// more work than is stated.

import { sha256 } from "@noble/hashes/sha2.js";
import { base64, concat, hex, text, u16, unbase64, unhex, utf8 } from "../src/encoding";
import { Failure } from "../src/failure";
import * as hybrid from "../src/hybrid";
import * as parcel from "../src/parcel";
import * as receipt from "../src/receipt";
import * as reply from "../src/reply";
import * as roster from "../src/roster";
import * as sign from "../src/sign";
import * as strictjson from "../src/strictjson";
import * as taxonomy from "../src/taxonomy";
import * as week from "../src/week";
import { answers } from "./answers";
import { type Checks, checks, equal, type Report } from "./checks";
import type { Vector as File } from "./evidence";
import { files } from "./files";
import { gauge } from "./work";

type Vector = any;

/** Holds a mutated input: reads it and spells what was read, or says that there is nothing to compare. */
export interface Property {
  name: string;
  from: Uint8Array[];
  /** Inputs that chance seldom makes; all are refused. */
  odd?: Uint8Array[];
  /** Inputs that cost as much as can be. */
  heavy?: Uint8Array[];
  /** The most letters and bytes that are gone through, by the size of the input. */
  most?(size: number): number;
  /** It takes whatever there is. */
  never?: true;
  /** The input again from what was read; null if this has more than one spelling. */
  again(b: Uint8Array): Uint8Array | null | Promise<Uint8Array | null>;
}

/** How many inputs each parser gets, however slow the machine is. */
const least = 50;

/** Runs all for so many seconds together, of the vectors of both files; the seed stands in each failure. */
export async function properties(seconds: number, v: Vector, photos: File[], seed: number): Promise<Report> {
  const c = checks();
  const all = [...list(v), ...(await answers(v)), ...files(photos)];
  for (const p of all) {
    const work = p.most && gauge(); // it makes what is counted slower
    try {
      await holds(c, p, seed, (1000 * seconds) / all.length, () => work?.back() ?? 0);
    } finally {
      work?.end();
    }
  }
  return { checks: c.checks, failed: c.failed };
}

async function holds(c: Checks, p: Property, seed: number, milliseconds: number, work: () => number): Promise<void> {
  const end = performance.now() + milliseconds;
  const random = generator(seed);
  let refused = 0;
  /** What is wrong with what becomes of an input, or "". */
  const wrong = async (b: Uint8Array): Promise<string> => {
    work();
    try {
      const again = await p.again(b);
      if (again !== null && !equal(again, b)) return "it is spelled in another way";
    } catch (e) {
      refused++;
      if (p.never || !(e instanceof Failure)) return String(e);
    }
    const done = work();
    return p.most && done > p.most(b.length) ? `${done} letters and bytes were gone through` : "";
  };
  const hold = async (b: Uint8Array): Promise<void> => {
    const what = await wrong(b);
    c.that(what && `${p.name}, seed ${seed}, ${hex(b.subarray(0, 750))}: ${what}`, !what);
  };
  for (const b of [...p.from, ...(p.heavy ?? [])]) await hold(b);
  c.that(p.name + ": an input that is right was refused", refused === 0);
  for (const b of p.odd ?? []) await hold(b);
  c.that(p.name + ": an odd one was not refused", refused === (p.odd?.length ?? 0));
  for (let n = 0; n < least || performance.now() < end; n++) await hold(mutated(p.from, random));
  c.that(p.name + ": nothing was refused", p.never || refused > (p.odd?.length ?? 0));
}

function list(v: Vector): Property[] {
  const notes: Uint8Array[] = v.roster.rosters.map((r: Vector) => utf8(r.note));
  const recipients = utf8(v.roster.recipients_files[0].text);
  const first = roster.parse(v.roster.rosters[0].text);
  const jsons: Uint8Array[] = v.reply.replies.map((r: Vector) => utf8(r.json));
  const typed: Uint8Array[] = v.receipt.parse.filter((p: Vector) => !p.error).map((p: Vector) => utf8(p.input));
  return [
    {
      name: "roster",
      from: v.roster.rosters.map((r: Vector) => utf8(r.text)),
      again: (b) => utf8(roster.format(roster.parse(text(b)))),
    },
    { name: "roster, signed", from: notes, again: (b) => (roster.verify(b), null) },
    { name: "note", from: notes, again: joined },
    { name: "recipients", from: [recipients], again: (b) => recipientsAgain(first, b) },
    { name: "key", from: v.sign.keys.map((k: Vector) => utf8(k.public_key)), again: keyAgain },
    {
      name: "recipient",
      from: v.hybrid.keys.map((k: Vector) => utf8(k.recipient)),
      again: (b) => (hybrid.checkRecipient(text(b)), null),
    },
    { name: "words", from: typed, again: wordsAgain },
    { name: "reply", from: jsons, again: (b) => (reply.parse(b), null) },
    { name: "JSON", from: [...jsons, utf8('{"a":[1,2.5e3,true,{"b-/":"\\ud83d\\ude4f\\n"},[]],"c":{}}')], again: jsonAgain },
    { name: "answer", from: v.parcel.answers.map((a: Vector) => unhex(a.begin)), again: answerAgain },
    { name: "week", from: [utf8("2026-W47"), utf8("2026-W53")], again: (b) => utf8(week.parse(text(b))) },
    { name: "hex", from: [utf8("00ff1a")], again: (b) => utf8(hex(unhex(text(b)))) },
    { name: "base64", from: [utf8("c2Frc2k="), utf8("AAAA")], again: (b) => utf8(base64(unbase64(text(b)))) },
    { name: "taxonomy", from: [utf8(sample)], odd: ["2", '"Uji"', "{}", "[null]", "[2]"].map(withChoices), again: taxonomyAgain },
    { name: "age file", from: [unbase64(v.hybrid.sealed[0].sealed_base64)], again: ageAgain(v) },
  ];
}

/** The file is read under a roster that pins it as it is. */
function recipientsAgain(r: roster.Roster, b: Uint8Array): Uint8Array {
  const periods = r.periods.map((p) => ({ ...p, hash: hex(sha256(b)) }));
  const circle = roster.circle({ ...r, periods }, b, new Date("2026-11-22T00:00:00Z"));
  const lines = circle.recipients.map((key, i) => `${r.reviewers[i]?.id} ${key}\n`);
  return utf8(`saksi/v1/recipients\nweeks ${periods[0]?.from} ${periods[0]?.to}\n${lines.join("")}`);
}

function joined(b: Uint8Array): Uint8Array {
  const n = sign.split(b);
  const lines = n.lines.map((l) => `— ${l.name} ${base64(concat(unhex(l.id), l.signature))}\n`);
  return utf8(n.text + "\n" + lines.join(""));
}

function keyAgain(b: Uint8Array): Uint8Array {
  const k = sign.parseKey(text(b));
  return utf8(`${k.name}+${k.id}+${base64(concat(Uint8Array.of(1), k.public))}`);
}

/** What was read is read again from its own words, without a mended one. */
function wordsAgain(b: Uint8Array): null {
  const r = receipt.parse(new TextDecoder().decode(b));
  const again = receipt.parse(receipt.words(r.code).join(" "));
  if (!equal(again.code, r.code) || again.mended.length > 0) throw new Error("a code does not come back");
  return null;
}

/** Whatever is taken, JSON.parse takes for the same value. */
function jsonAgain(b: Uint8Array): null {
  const value = strictjson.parse(b);
  if (JSON.stringify(plain(value)) !== JSON.stringify(sorted(JSON.parse(text(b))))) throw new Error("another value");
  return null;
}

function plain(v: strictjson.Value): unknown {
  if (typeof v === "bigint") return Number(v);
  if (Array.isArray(v)) return v.map(plain);
  if (v instanceof Map) return sorted(Object.fromEntries([...v].map(([k, x]) => [k, plain(x)])));
  return v;
}

function sorted(v: any): unknown {
  if (Array.isArray(v)) return v.map(sorted);
  if (typeof v !== "object" || v === null) return v;
  return Object.fromEntries(Object.keys(v).sort().map((k) => [k, sorted(v[k])]));
}

/** In entries nothing is parsed: mutations are of what stands before them. */
function answerAgain(b: Uint8Array): Uint8Array {
  const a = parcel.parseAnswer(concat(b, new Uint8Array(8 * 5755)));
  const weekBytes = (w: string) => concat(u16(Number(w.slice(0, 4))), Uint8Array.of(Number(w.slice(6))));
  const stands = ["unused", "waiting", "batched", "carried", "deleted", "expired", "lost"];
  const stand = (s: parcel.State) => Uint8Array.of(stands.indexOf(s.stand));
  const states = a.states.map((s) => concat(stand(s), weekBytes(s.week), weekBytes(s.until)));
  return concat(Uint8Array.of(a.ends ? 1 : 0), ...states);
}

const sample = JSON.stringify({
  format: "saksi/v1/taxonomy",
  name: "uji",
  version: "2026-11-22",
  title: { id: "Uji", en: "Test" },
  sections: [
    { title: { id: "a", en: "b" }, questions: [{ id: "q", kind: "one", label: { id: "a", en: "b" }, choices: [] }] },
  ],
});

const withChoices = (json: string) => utf8(sample.replace('"choices":[]', `"choices":${json}`));

function taxonomyAgain(b: Uint8Array): null {
  const t = taxonomy.parse(b);
  taxonomy.check(t, taxonomy.tidy(t, { q: ["a"] }), () => true);
  taxonomy.advice(t, { q: ["a"] });
  return null;
}

function ageAgain(v: Vector) {
  const [{ plain: want, identities }] = v.hybrid.sealed;
  return async (b: Uint8Array) => {
    const got = await hybrid.openBytes(b, identities[0], want.length / 2);
    if (hex(got) !== want) throw new Error("another plaintext");
    return null;
  };
}

/** Numbers from 0 to below n, by a seed. */
function generator(seed: number): (n: number) => number {
  let state = (seed % 2147483646) + 1;
  return (n) => (state = (state * 48271) % 2147483647) % n;
}

/** One of the inputs with one to three changes; now and then one that is not changed. */
function mutated(from: Uint8Array[], random: (n: number) => number): Uint8Array {
  let b = from[random(from.length)] ?? new Uint8Array(0);
  for (let n = random(4); n > 0; n--) {
    const at = random(b.length + 1);
    const end = Math.min(b.length, at + random(12));
    const other = from[random(from.length)] ?? b;
    const cut = random(other.length + 1);
    const middles: Uint8Array[] = [
      Uint8Array.of(random(256)),
      utf8(" 0123456789\n\r\t\"\\{}[],:+-—é\u0130\ud83d\ude4f|".slice(random(20), 20 + random(12))),
      other.slice(cut, cut + random(40)),
      concat(b.slice(at, end), b.slice(at, end)),
      new Uint8Array(0),
      b.slice(at, end).map((x) => x ^ (1 << random(8))),
    ];
    b = concat(b.slice(0, at), middles[random(middles.length)] ?? b, b.slice(end));
  }
  return b;
}
