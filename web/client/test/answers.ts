// Properties of what is read of a server's answers, of replies, of shares and of an address.

import { malformed, text, unbase64, unhex, utf8 } from "../src/encoding";
import { Failure } from "../src/failure";
import { openBytes } from "../src/hybrid";
import * as receipt from "../src/receipt";
import * as reply from "../src/reply";
import * as roster from "../src/roster";
import { combine, split } from "../src/shamir";
import { bytesIn, reading } from "../src/ui/port";
import { named, pairs } from "../src/ui/site";
import { equal } from "./checks";
import type { Property } from "./properties";

type Vector = any;

const some = (...list: string[]): Uint8Array[] => list.map((s) => utf8(s));

export async function answers(v: Vector): Promise<Property[]> {
  const errors = some(
    '{"error":"busy","minutes":3}', '{"error":"too_large","limit":4096}', '{"error":{"toString":1,"valueOf":1}}',
    '{"error":["busy"],"__proto__":{"error":"busy"}}', "null", "7", "[]",
  );
  const places = some('[["11","Aceh"],["11.01","Kab. Aceh Selatan"]]', "[]");
  const otherPlaces = some(
    "", "{}", "[1]", '["ab"]', '[["11"]]', '[["11","Aceh","x"]]', '[["11",7]]', '[["11",["Aceh"]]]', '[["11","Aceh"]',
  );
  return [
    ...(await replies(v)),
    { name: "shares", from: some("\x01\x02\x05\x07\x09\x0brahasia", "\x02\x00abcd", "\x00\x00x7"), again: shared },
    { name: "error", from: errors, again: said },
    { name: "length", from: some("0", "4194304", "9007199254740991", "9999999999999999"), again: length },
    { name: "address", from: some("#k7qa-2mfe-x4d4-tt6p-b3rw", "#K7QA%202MFE%20X4D4TT6P.B3RW", "#readers", "#"), again: address },
    { name: "places", from: places, odd: otherPlaces, again: placesAgain },
  ];
}

async function replies(v: Vector): Promise<Property[]> {
  const keys = await receipt.keys(unhex(v.reply.code));
  const rosters = v.roster.rosters.map((r: Vector) => roster.parseRoster(utf8(r.note)));
  const sealed: Uint8Array[] = v.reply.replies.map((r: Vector) => unbase64(r.sealed_base64));
  const plain = await Promise.all(sealed.map((b) => openBytes(b, keys.reply.identity, 4096)));
  // Nobody but a reviewer makes another one: what is taken for a reply is one of these.
  const known = new Set(v.reply.replies.map((r: Vector) => r.hash));
  const isKnown = (r: reply.Opened): void => {
    if (!known.has(r.hash)) throw new Error("taken for a reply");
  };
  return [
    { name: "reply, opened", from: plain, again: (b) => (isKnown(reply.openPlain(b, keys, rosters)), null) },
    {
      name: "reply, sealed",
      from: sealed,
      again: async (b) => {
        const e = await reply.openReply(b, keys, rosters);
        if (e.kind === "none") throw malformed();
        if (e.kind === "unsigned") throw new Error("another plaintext");
        isKnown(e.reply);
        return null;
      },
    },
  ];
}

/** What was shared comes back of any that are enough, and of all; and any bytes are no shares, or make a secret of their size. */
function shared(b: Uint8Array): null {
  const k = 1 + (b[0] ?? 0) % 4;
  const n = k + (b[1] ?? 0) % 4;
  const [xs, secret] = [[...b.slice(2, 2 + n)], b.slice(2 + n)];
  const any = Array.from({ length: Math.ceil(b.length / 4) }, (_, i) => ({ x: b[4 * i] ?? 0, y: b.slice(4 * i + 1, 4 * i + 4) }));
  try {
    if (combine(any).length !== any[0]?.y.length) throw new Error("another size");
  } catch (err) {
    if (!(err instanceof RangeError)) throw err;
  }
  const shares = refusing(() => split(secret, k, xs)).map((y, i) => ({ x: xs[i] ?? 0, y }));
  for (const enough of [shares, shares.slice(0, k), shares.slice(-k)]) {
    if (!equal(combine(enough), secret)) throw new Error("another secret");
  }
  return null;
}

function refusing<T>(f: () => T): T {
  try {
    return f();
  } catch (err) {
    throw err instanceof RangeError ? malformed() : err;
  }
}

/** What the server says is a key of ours and two numbers, and nothing else of it. */
function said(b: Uint8Array): null {
  let json: unknown;
  try {
    json = JSON.parse(text(b));
  } catch {
    throw malformed(); // a browser has refused it by itself
  }
  const p = reading(json);
  const { error, minutes = 0, limit = 0, ...more } = p!;
  const ours = /^[a-z_]{4,20}$/.test(error) && typeof minutes === "number" && typeof limit === "number";
  if (!ours || Object.keys(more).length > 0) throw new Error("taken for an error of ours");
  if (JSON.stringify(reading(p)) !== JSON.stringify(p)) throw new Error("it is spelled in another way");
  return null;
}

function length(b: Uint8Array): null {
  const header = text(b);
  const n = bytesIn(header);
  if (n === null) throw malformed();
  const same = !Number.isSafeInteger(n) || String(n) === header.replace(/^0+(?=.)/, "");
  if (!(n >= 0 && n <= 1e16) || !same) throw new Error("another length");
  return null;
}

/** A fingerprint comes out in its one spelling. What is none, nothing and no place is refused. */
function address(b: Uint8Array): null {
  const hash = text(b);
  const isPlace = (id: string): boolean => id === "readers";
  const got = named(hash, isPlace);
  if (got instanceof Failure) throw got;
  if (!got && hash.length > 1 && hash.slice(1) !== "readers") throw new Error("a slip is taken for nothing");
  const spelled = /^([a-z2-7]{4}-){4}[a-z2-7]{4}$/.test(got) && named("#" + got, isPlace) === got;
  if (got && !spelled) throw new Error("it is spelled in another way");
  return null;
}

function placesAgain(b: Uint8Array): null {
  const list = pairs(b);
  if (list.some((p) => p.length !== 2 || p.some((s) => typeof s !== "string"))) throw new Error("no pairs");
  if (JSON.stringify(list) !== JSON.stringify(JSON.parse(text(b)))) throw new Error("another value");
  return null;
}
