// What the end of an address names, and which rosters are asked for.

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { base64, concat, hex, utf8 } from "../src/encoding";
import { Failure } from "../src/failure";
import { split } from "../src/sign";
import { named, rosters, type Site } from "../src/ui/site";
import { checks, type Checks, type Report } from "./checks";

type Vector = any;

const pin = "k7qa-2mfe-x4d4-tt6p-b3rw";

/** A fingerprint with a slip is never taken for none: the site would go unchecked. */
export async function site(v: Vector): Promise<Report> {
  const c = checks();
  const name = (hash: string) => {
    const got = named(hash, (id) => id === "readers" || id === pin);
    return got instanceof Failure ? got.key : got;
  };
  const spellings = ["", ".", "%20", "/"].map((end) => pin + end);
  for (const typed of [...spellings, pin.toUpperCase(), pin.replaceAll("-", ""), pin.replaceAll("-", "%20")]) {
    c.same(typed, name("#" + typed), pin);
  }
  for (const slip of [pin.slice(1), pin + "a", pin.replace("7", "1"), "x", "-", "%", "readers2"]) {
    c.same(slip, name("#" + slip), "pin");
  }
  for (const none of ["", "#", "#readers"]) c.same(none, name(none), "");
  await replies(c, v);
  return { checks: c.checks, failed: c.failed };
}

/** Answers are kept for a year: who signed one is known, however often the roster changed meanwhile. */
async function replies(c: Checks, v: Vector) {
  const { fetch, setTimeout } = globalThis;
  for (const [days, want] of [[100, 7], [50, 9], [20, 9]] as const) {
    const notes = history(v, 9, days);
    const answer = async (path: string) => {
      const n = /^\/rosters\/(\d+)\.note$/.exec(path)?.[1] ?? String(notes.length);
      return new Response(notes[Number(n) - 1] as BodyInit);
    };
    Object.assign(globalThis, { fetch: answer, setTimeout: () => 0 });
    const found = await rosters({} as Site).finally(() => Object.assign(globalThis, { fetch, setTimeout }));
    c.same(`rosters, one in ${days} days`, found.map((r) => r.sequence), Array.from({ length: want }, (_, i) => 9 - i));
  }
}

/** So many rosters, each from so many days before the next, and the last from today; of one root. */
function history(v: Vector, count: number, days: number): Uint8Array[] {
  const secret = new Uint8Array(32).fill(7);
  const raw = concat(Uint8Array.of(1), ed25519.getPublicKey(secret));
  const id = sha256(concat(utf8("akar\n"), raw)).subarray(0, 4);
  const { text } = split(utf8(v.roster.rosters[0].note));
  const rooted = text.replace(/^roots [^]*?(?=^server )/m, `roots 1 threshold 1\nroot akar+${hex(id)}+${base64(raw)}\n`);
  let previous = "-";
  return Array.from({ length: count }, (_, i) => {
    const from = new Date(Date.now() - (count - 1 - i) * days * 86_400_000).toISOString().slice(0, 10);
    const now = rooted.replace("\nsequence 1\nprevious -\n", `\nsequence ${i + 1}\nprevious ${previous}\n`);
    const dated = now.replace(/^valid .*$/m, `valid ${from} 2999-12-31`);
    previous = hex(sha256(utf8(dated)));
    return utf8(`${dated}\n— akar ${base64(concat(id, ed25519.sign(utf8(dated), secret)))}\n`);
  });
}
