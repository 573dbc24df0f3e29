// What the script takes from a server's answers.

import { Failure } from "../src/failure";
import { bytesIn, get, port as portOf, post, reading } from "../src/ui/port";
import { checks, type Report } from "./checks";

/** A server's word is not taken for a number or a text of the page's own. */
export async function port(): Promise<Report> {
  const c = checks();
  for (const [header, want] of [["0", 0], ["4194304", 4194304], ["9999999999999999", 1e16]] as const) {
    c.same(header, bytesIn(header), want);
  }
  for (const none of [null, "", "x", "-1", "1.5", "1e3", "0x10", " 1", "12345678901234567", "Infinity"]) {
    c.same(`offset ${none}`, bytesIn(none), null);
  }
  c.same("a known error", reading({ error: "busy", minutes: 3 }), { error: "busy", minutes: 3 });
  for (const error of ["cancelled", "roots", "full", "busy\n", "", 7, null]) {
    c.same(`error ${error}`, reading({ error, minutes: "3", more: 1 }), { error: "internal" });
  }
  for (const said of [null, 7, "busy", []]) c.same(`error ${said}`, reading(said), { error: "internal" });
  c.same("a roster that never comes", await waited(() => get("/roster.note")), [60_000, "unreachable"]);
  const burn = () => post("/v1/burn", new Uint8Array(1));
  c.same("a deletion without an answer", await waited(burn), [180_000, "unreachable"]);
  const rested = async () => {
    await portOf(() => {}, AbortSignal.abort()).rest(60_000);
    throw new Failure("stopped");
  };
  c.same("a rest after it was stopped", await waited(rested), [0, "stopped"]);
  return { checks: c.checks, failed: c.failed };
}

/** How long something waits for a server that never answers, by a clock of its own, and what comes of it. */
async function waited(what: () => Promise<unknown>): Promise<[number, string]> {
  const { fetch, setTimeout } = globalThis;
  const timers: { at: number; ring: () => void }[] = [];
  let now = 0;
  let came = "";
  Object.assign(globalThis, {
    setTimeout: (ring: () => void, after: number) => timers.push({ at: now + after, ring }),
    fetch: (_: string, { signal }: { signal: AbortSignal }) =>
      new Promise((_, fail) => (signal.aborted ? fail(signal.reason) : signal.addEventListener("abort", fail))),
  });
  try {
    what().then(() => (came = "an answer"), (err) => (came = err instanceof Failure ? err.key : String(err)));
    for (;;) {
      await new Promise((done) => setTimeout(done, 0)); // the real one: what can go on goes on
      const next = timers.sort((a, b) => a.at - b.at).shift();
      if (came || !next) return [now, came];
      now = next.at;
      next.ring();
    }
  } finally {
    Object.assign(globalThis, { fetch, setTimeout });
  }
}
