// What travels beside a sealed item: questions to the mailbox with their answers,
// and orders to delete: crypto/parcel.

import { concat, malformed, u32, utf8 } from "./encoding";
import { sealedSize } from "./hybrid";
import { burn, type Code, itemID, type Keys, maxItems } from "./receipt";
import * as week from "./week";

export const pageEntries = 8;
const entrySize = sealedSize(4096);
const stateSize = 7;
const statesSize = 1 + maxItems * stateSize;

const stands = ["unused", "waiting", "batched", "carried", "deleted", "expired", "lost"] as const;

/** Where an item stands. */
export type Stand = (typeof stands)[number];

/** week is that of acceptance, or of deletion; until is the last on the server. Either is "" where there is none. */
export interface State {
  stand: Stand;
  week: string;
  until: string;
}

export interface Answer {
  ends: boolean; // no page behind this one has a reply
  states: State[]; // of all items that a code can have
  entries: Uint8Array[];
}

/** Asks for a page of the mailbox, and for the states of all items. Its size is always the same. */
export function readRequest(keys: Keys, page: number, code: Code): Uint8Array {
  return concat(utf8("saksi/v1/read\n"), keys.token, keys.keyHash, u32(page), ...all((n) => itemID(code, n)));
}

function all<T>(of: (n: number) => T): T[] {
  return Array.from({ length: maxItems }, (_, n) => of(n));
}

export function parseAnswer(b: Uint8Array): Answer {
  const ends = b[0] ?? 2;
  if (b.length !== statesSize + pageEntries * entrySize || ends > 1) throw malformed();
  const part = (at: number, size: number) => b.slice(at, at + size);
  const entries = Array.from({ length: pageEntries }, (_, i) => part(statesSize + i * entrySize, entrySize));
  return { ends: ends === 1, states: all((n) => parseState(part(1 + n * stateSize, stateSize))), entries };
}

/** A state has the weeks of its stand, and no others. */
function parseState(b: Uint8Array): State {
  const [code = 0] = b;
  const stand = stands[code];
  const state = { week: parseWeek(b.subarray(1, 4)), until: parseWeek(b.subarray(4)) };
  const used = code > 0;
  const there = used && code < 4; // what is behind "carried" is gone
  if (!stand || used !== (state.week !== "") || there !== (state.until !== "")) throw malformed();
  return { stand, ...state };
}

function parseWeek(b: Uint8Array): string {
  const [high = 0, low = 0, number = 0] = b;
  return high || low || number ? week.parse(week.name((high << 8) | low, number)) : "";
}

/** Deletes items of a code; with keys, empties their mailbox, too. */
export function burnRequest(code: Code, items: number[], empties?: Keys): Uint8Array {
  const tokens = items.flatMap((n) => [itemID(code, n), burn(code, n)]);
  const mailbox = empties ? [Uint8Array.of(1), empties.token, empties.keyHash] : [Uint8Array.of(0)];
  return concat(utf8("saksi/v1/burn\n"), Uint8Array.of(items.length), ...tokens, ...mailbox);
}
