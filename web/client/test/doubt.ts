// What becomes of what may have arrived, by what the server says of it.

import type { Sealed } from "../src/item";
import { newCode } from "../src/receipt";
import { keyOf, unsure } from "../src/ui/failed";
import { arrived, type Doubt } from "../src/ui/files";
import { Failure } from "../src/failure";
import { newThread, sendOnce, stop, type Thread } from "../src/ui/thread";
import { renewCode } from "../src/ui/write";
import { type Checks, checks, type Report } from "./checks";
import { answer, played } from "./port";

const kept = answer(200, "", { "Upload-Complete": "?1" });
const missing = answer(404, "upload_cut");
const burned = answer(204);

export async function doubt(): Promise<Report> {
  const c = checks();
  await asks(c);
  await deletes(c);
  await sendsOnce(c);
  await stops(c);
  says(c);
  return { checks: c.checks, failed: c.failed };
}

/** A sealing that was handed in without an answer. */
function doubted(text?: string): NonNullable<Doubt> {
  const sealed: Sealed = {
    id: new Uint8Array(16), size: 70_000, head: () => new Uint8Array(8), doubted: true,
    payload: () => Promise.reject(new Error("it is not sent again")),
  };
  return { sealed, n: 1, as: "once", ...(text && { text }) };
}

function inDoubt(text?: string): Thread {
  return Object.assign(newThread(newCode(), 2, new Map()), { doubt: doubted(text) });
}

/** Whether it is kept as it is sent now, how often it was deleted, and whether it is in doubt still. */
async function settled(item: Response | null, as: string, text?: string, now = text, burn = burned): Promise<unknown[]> {
  const thread = inDoubt(text);
  let burns = 0;
  let ours = false;
  const server = (path: string) => (path === "/v1/burn" ? (burns++, burn) : item);
  const [, came] = await played(server, async () => (ours = await arrived(thread, thread, as, now)));
  return [came || ours, burns, !!thread.doubt];
}

/** Only what the server answers of this very item tells. It refuses for other reasons what it does not have. */
async function asks(c: Checks) {
  c.same("a file that is kept as it is sent now", await settled(kept, "once"), [true, 0, false]);
  c.same("one that is sent otherwise, or cancelled", await settled(kept, ""), [false, 1, false]);
  c.same("a text that is kept", await settled(kept, "once", "a"), [true, 0, false]);
  c.same("the same text for other readers", await settled(kept, "other", "a"), [false, 1, false]);
  c.same("another text", await settled(kept, "once", "a", "b"), [false, 0, false]);
  for (const none of [missing, answer(422, "no_reader"), answer(413, "too_large"), answer(507, "store"), answer(410, "deleted")]) {
    for (const now of ["a", "b"]) c.same(`not kept: ${none.status}`, await settled(none, "once", "a", now), [false, 1, false]);
    c.same(`a file that is not kept: ${none.status}`, await settled(none, ""), [false, 1, false]);
  }
  c.same("another page's", await settled(answer(409, "file_number_used"), "once", "a"), [false, 0, false]);
  for (const [status, key] of [[429, "busy"], [503, "disk"], [500, "internal"], [503, "closed"], [400, "form_damaged"]] as const) {
    c.same(`${key} does not tell`, await settled(answer(status, key), "once", "a"), [key, 0, true]);
  }
  c.same("no answer", await settled(null, "once", "a"), ["unreachable", 0, true]);
}

/** A full disk at a deletion means that there is something. */
async function deletes(c: Checks) {
  c.same("a full disk", await settled(missing, "once", "a", "a", answer(507, "store")), ["internal", 4, true]);
  c.same("too many at once", await settled(missing, "once", "a", "a", answer(429, "busy")), ["busy", 1, true]);
  const code = newCode();
  const first = { code, sealed: doubted().sealed };
  c.same("a full disk, first", (await played(() => answer(507, "store"), () => renewCode(first)))[1], "internal");
  c.that("what may be kept has its code", first.code === code);
  c.same("a first that is deleted", (await played(() => burned, () => renewCode(first)))[1], "");
  c.that("what is sent then has another code", first.code !== code);
}

/** What was handed in under which numbers, and which number the message has. */
async function handed(thread: Thread, item: Response, text: string): Promise<unknown[]> {
  const numbers: number[] = [];
  let n = 0;
  const hand = async (n: number) => (numbers.push(n), "kept" as const);
  await played((path) => (path === "/v1/burn" ? burned : item), async () => (n = await sendOnce(thread, text, "once", hand)));
  return [n, numbers];
}

async function sendsOnce(c: Checks) {
  c.same("a message that is kept", await handed(inDoubt("a"), kept, "a"), [1, []]);
  c.same("one that is not", await handed(inDoubt("a"), missing, "a"), [2, [2]]);
  c.same("another one", await handed(inDoubt("a"), kept, "b"), [2, [2]]);
  c.same("one without doubt", await handed(newThread(newCode(), 2, new Map()), kept, "a"), [2, [2]]);
}

/** Once all is deleted, nothing is sent by what waited for an answer; nor is it said to have failed. */
async function stops(c: Checks) {
  for (const item of [missing, kept, null]) {
    const thread = inDoubt("a");
    const signals: AbortSignal[] = [];
    let come: ((r: Response | null) => void) | undefined;
    const first = new Promise<Response | null>((done) => (come = done));
    let asked = 0;
    const server = (path: string) => (path === "/v1/burn" ? burned : asked++ ? item : first);
    const [, came] = await played(server, async () => {
      const sent = sendOnce(thread, "b", "once", async (_, __, signal) => (signals.push(signal), "kept"));
      for (let i = 0; i < 1000 && !asked; i++) await null;
      await stop(thread);
      come?.(item);
      await sent;
    });
    c.same(`stopped while it asks: ${item?.status}`, [came, signals.length, thread.next], ["cancelled", 0, 2]);
  }
  const thread = newThread(newCode(), 2, new Map());
  const { signal } = thread.stop;
  const hand = async (_: number, __: unknown, stop: AbortSignal) => (stop === signal ? "kept" : "taken");
  c.same("what is sent is stopped by its own", await sendOnce(thread, "a", "once", hand as never), 2);
}

/** Of a deletion the page says whether an answer came. */
function says(c: Checks) {
  for (const [key, want] of [
    ["unreachable", "undeleted"], ["store", "undone"], ["disk", "undone"], ["internal", "undone"], ["busy", "busy"],
  ] as const) {
    c.same(`a deletion: ${key}`, keyOf(unsure(new Failure(key), "undeleted", "undone")), want);
  }
  c.same("what was to be read", keyOf(unsure(new Failure("disk"), "unread")), "unread");
}
