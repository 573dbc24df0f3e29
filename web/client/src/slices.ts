// Sending a sealed item, over connections that break: crypto/parcel's upload in
// slices. The slice that the server has not acknowledged is the only ciphertext that
// is kept. If the server has lost what it had acknowledged, the payload is sealed
// anew and sent from its beginning. Each sealing is uploaded under a random name of
// its own, so that bytes of two never come together.

import { concat, hex } from "./encoding";
import { Failure, unclear } from "./failure";
import type { Sealed } from "./item";
import { close, type Source, source, take } from "./source";

export interface Answer {
  status: number; // 0: no answer came
  offset: number | null; // Upload-Offset
  complete: boolean; // Upload-Complete is ?1
  problem: { error: string; minutes?: number; limit?: number } | null; // the JSON of an error
}

/** The requests that this makes, so that tests can play a bad server. */
export interface Port {
  ask(
    method: "POST" | "HEAD" | "PATCH" | "DELETE",
    path: string,
    headers: Record<string, string>,
    body: Uint8Array,
  ): Promise<Answer>;
  rest(milliseconds: number): Promise<void>;
  now(): number; // milliseconds
}

export interface Control {
  signal?: AbortSignal;
  /** While this returns a promise, nothing more is sent until it resolves. */
  paused?(): Promise<void> | null;
}

export const smallSlice = 1 << 20;
export const largeSlice = 4 << 20;
const fast = 4000; // milliseconds for a small slice, below which large ones follow
const tries = 12; // without an answer in between, about six minutes
const longest = 60_000; // milliseconds between two tries
const restarts = 5;

const nothing = new Uint8Array(0);

export type Outcome = "kept" | "again" | "taken";

/**
 * Sends an item until the server has said that it is kept: now, or "again" by an earlier
 * try of this sealing; or that it is not, as another item has its number: "taken". on is called with the bytes of the payload that the server has for good.
 * Rejects with a Failure: "cancelled" after an abort, "unreachable" when no answer
 * came for long, else what the server said.
 */
export async function send(
  sealed: Sealed,
  port: Port,
  on: (acknowledged: number) => void,
  control: Control = {},
): Promise<Outcome> {
  const u: Upload = { sealed, port, on, control, name: nothing, path: "" };
  try {
    return sealed.size <= smallSlice ? await sendWhole(u) : await sendSliced(u);
  } catch (e) {
    const gone = u.path ? forget(u) : undefined;
    if (!control.signal?.aborted) throw e;
    await gone;
    throw new Failure("cancelled");
  }
}

interface Upload {
  sealed: Sealed;
  port: Port;
  on: (acknowledged: number) => void;
  control: Control;
  name: Uint8Array; // under which the present sealing is uploaded
  path: string; // of that
  tries?: number; // if they are to be few: somebody waits who sent nothing
}

/** Thrown inside when the server has fewer bytes than it acknowledged, or none. */
class Lost extends Error {
  constructor(readonly answer: Answer) {
    super("lost");
  }
}

async function sendWhole(u: Upload): Promise<Outcome> {
  const payload = await take(source(await u.sealed.payload()), u.sealed.size);
  return hand(u, concat(u.sealed.head(), payload), false);
}

/** Begins again, with the payload sealed anew, each time the server has lost what it had. */
async function sendSliced(u: Upload): Promise<Outcome> {
  for (let i = 0; ; i++) {
    u.name = crypto.getRandomValues(new Uint8Array(16));
    u.path = "/v1/uploads/" + hex(u.name);
    const from = source(await u.sealed.payload());
    try {
      await sendSlices(u, from);
      return await hand(u, u.sealed.head(u.name), true);
    } catch (e) {
      if (!(e instanceof Lost)) throw e;
      if (i === restarts) throw refusal(e.answer);
      await forget(u);
      u.on(0);
    } finally {
      await close(from);
    }
  }
}

/** Gives an upload up. If the server does not hear it, it sweeps it in a day: nobody waits long for that. */
async function forget(u: Upload): Promise<void> {
  const asked = u.port.ask("DELETE", u.path, {}, nothing).catch(() => undefined);
  await Promise.race([asked, new Promise((done) => setTimeout(done, longest))]);
}

/** The server refuses so what it does not have: of what it has, it looks at nothing else. */
const absent = ["no_reader", "too_large", "store", "deleted"];

/** What became of a sealing that was in doubt: it is kept, another item has its number, or neither. */
export async function stands(sealed: Sealed, port: Port, control: Control = {}): Promise<"again" | "taken" | "none"> {
  const nowhere = crypto.getRandomValues(new Uint8Array(16)); // an upload that does not exist
  const u: Upload = { sealed, port, on: () => {}, control, name: nothing, path: "", tries: 3 };
  try {
    return (await hand(u, sealed.head(nowhere), true)) === "taken" ? "taken" : "again";
  } catch (e) {
    if (e instanceof Lost || absent.includes((e as Failure).key)) return "none";
    throw e;
  }
}

/** Whether it says that an item is kept, as a drop's server does and nothing in between. */
const isKept = (a: Answer): boolean => a.status < 300 && a.complete;

/** Whether an answer leaves no doubt. */
const sure = (a: Answer): boolean => isKept(a) || (a.problem !== null && !unclear.includes(a.problem.error));

/** Hands in the parcel: 201 it is kept, 200 it was before, 409 another item has its number. */
async function hand(u: Upload, parcel: Uint8Array, patient: boolean): Promise<Outcome> {
  const headers = { "Content-Type": "application/octet-stream" };
  const ask = async () => {
    const a = await u.port.ask("POST", "/v1/items", headers, parcel);
    if (!sure(a)) u.sealed.doubted = true;
    return a.status < 300 && !a.complete ? { ...a, status: 0 } : a; // nobody's answer
  };
  const a = await insist(u, ask, patient);
  const taken = a.status === 409 && a.problem?.error === "file_number_used";
  if (isKept(a) || taken) u.sealed.doubted = false;
  if (taken) return "taken";
  if (a.status === 404) throw new Lost(a);
  if (!isKept(a)) throw refusal(a);
  u.on(u.sealed.size);
  return a.status === 201 ? "kept" : "again";
}

async function sendSlices(u: Upload, from: Source): Promise<void> {
  await begin(u);
  let size = smallSlice;
  for (let done = 0; done < u.sealed.size; ) {
    const slice = await take(from, Math.min(size, u.sealed.size - done));
    const start = u.port.now();
    await sendSlice(u, done, slice);
    done += slice.length;
    size = u.port.now() - start < (fast * slice.length) / smallSlice ? largeSlice : smallSlice;
  }
}

/** Announces the upload. What is there under the name is this one, whose first answer was lost. */
async function begin(u: Upload): Promise<void> {
  const headers = { "Upload-Length": String(u.sealed.size), "Upload-Complete": "?0" };
  const a = await insist(u, () => u.port.ask("POST", u.path, headers, nothing), false);
  if (a.status === 200 && a.offset !== 0) throw new Lost(a);
  if (a.status !== 201 && a.status !== 200) throw refusal(a);
}

/** Sends a slice until all of it is acknowledged. */
async function sendSlice(u: Upload, start: number, slice: Uint8Array): Promise<void> {
  const end = start + slice.length;
  let at = start;
  for (let n = 0; at < end; ) {
    await allowed(u);
    const before = at;
    const a = await patch(u, at, slice.subarray(at - start), end === u.sealed.size);
    at = await arrived(u, a);
    if (at < start || at > end) throw new Lost(a);
    if (at > before) u.on(at);
    n = at > before ? 0 : n + 1;
    if (at < end && (a.status !== 204 || at === before)) await pause(u, n, a);
  }
}

function patch(u: Upload, at: number, body: Uint8Array, last: boolean): Promise<Answer> {
  const headers = {
    "Content-Type": "application/partial-upload",
    "Upload-Offset": String(at),
    "Upload-Complete": last ? "?1" : "?0",
  };
  return u.port.ask("PATCH", u.path, headers, body);
}

/** How far the upload has come after a slice, by its answer, or by asking. */
async function arrived(u: Upload, a: Answer, asked = false): Promise<number> {
  if (a.status === 404) throw new Lost(a);
  if (a.status >= 500 && !passes(a)) throw refusal(a); // it takes no more, and may say how much it has
  if (a.offset !== null) return a.offset;
  if (asked || (a.status !== 409 && !passes(a))) throw refusal(a);
  return arrived(u, await insist(u, () => u.port.ask("HEAD", u.path, {}, nothing), true), true);
}

/** Whether it passes by itself: no answer, too many at once, a server in trouble; not a
 * roster that ran out, nor a disk that has failed. */
function passes(a: Answer): boolean {
  if (["closed", "disk"].includes(a.problem?.error ?? "")) return false;
  return a.status === 0 || a.status === 408 || a.status === 429 || (a.status >= 500 && a.status !== 507);
}

/**
 * Asks until there is an answer that does not pass by itself. Who is not patient takes
 * a server's word for when to come back, unless an earlier try may have succeeded; and
 * who waits for a whole item is told of a fault at once.
 */
async function insist(u: Upload, ask: () => Promise<Answer>, patient: boolean): Promise<Answer> {
  for (let n = 0; ; n++) {
    await allowed(u);
    const a = await ask();
    const told = !patient && n === 0 && a.problem?.minutes !== undefined;
    if (!passes(a) || told || (!u.path && a.problem?.error === "internal")) return a;
    await pause(u, n, a);
  }
}

/** Waits longer each time, and gives up after many. */
async function pause(u: Upload, n: number, a: Answer): Promise<void> {
  if (n >= (u.tries ?? tries)) throw refusal(a);
  await u.port.rest(Math.min(longest, 1000 * 2 ** n));
}

/** Waits while it is paused; throws if it was cancelled, which ends a pause. */
async function allowed({ control: { signal, paused } }: Upload): Promise<void> {
  for (let p; !signal?.aborted && (p = paused?.()); ) await p;
  signal?.throwIfAborted();
}

function refusal(a: Answer): Failure {
  const { error = "unreachable", ...values } = a.problem ?? {};
  return new Failure(error, values);
}
