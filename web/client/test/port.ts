// What the script takes from a server's answers.

import { Failure } from "../src/failure";
import { bytesIn, get, port as portOf, post, reading } from "../src/ui/port";
import { refresh, type Site } from "../src/ui/site";
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
  const never = () => null;
  c.same("a roster that never comes", await played(never, () => get("/roster.note")), [60_000, "unreachable"]);
  const burn = () => post("/v1/burn", new Uint8Array(1));
  c.same("a deletion without an answer", await played(never, burn), [180_000, "unreachable"]);
  const rested = async () => {
    await portOf(() => {}, AbortSignal.abort()).rest(60_000);
    throw new Failure("stopped");
  };
  c.same("a rest after it was stopped", await played(never, rested), [0, "stopped"]);
  const busy = answer(429, "busy");
  for (const [about, answers, want] of [
    ["busy at once", [busy], "busy"],
    ["busy before, too", [answer(503, "busy"), busy], "busy"],
    ["busy after an answer was lost", [lost, busy], "unreachable"],
    ["busy after a fault", [answer(500, "internal"), busy], "internal"],
    ["busy at last", [answer(503, "disk"), answer(503, "busy"), lost, busy], "unreachable"],
    ["a disk at last", [lost, lost, lost, answer(503, "disk")], "disk"],
    ["an answer at last", [lost, answer(500, "internal"), answer(204)], ""],
    ["an answer that broke off before", [torn, answer(204)], ""],
    ["nothing but such answers", [torn, torn, torn, torn], "unreachable"],
  ] as const) {
    const left = [...answers];
    c.same(about, (await played(() => left.shift() ?? null, burn))[1], want);
  }
  for (const none of [busy, answer(503, "internal"), null]) {
    const [, came] = await played(() => none, () => refresh({} as Site));
    c.same(`a roster from before: ${none?.status}`, came, none?.status === 503 ? "internal" : "");
  }
  return { checks: c.checks, failed: c.failed };
}

/** What a server says. */
export function answer(status: number, error = "", headers: Record<string, string> = {}): Response {
  return {
    ok: status < 300, status, headers: new Headers(headers),
    json: async () => ({ error }), arrayBuffer: async () => new ArrayBuffer(0),
  } as Response;
}

const lost = answer(0);
const torn = { ...answer(200), arrayBuffer: () => Promise.reject(new Error("broken off")) };

/** What comes of something, and when, by a clock of its own. The server answers null for nothing that ever comes. */
export async function played(
  server: (path: string) => Response | null | Promise<Response | null>, what: () => Promise<unknown>,
): Promise<[number, string]> {
  const { fetch, setTimeout } = globalThis;
  const timeout = Object.getOwnPropertyDescriptor(AbortSignal, "timeout") as PropertyDescriptor;
  const timers: { at: number; ring: () => void }[] = [];
  let now = 0;
  let came = "";
  let over = false;
  const after = (ring: () => void, wait: number) => timers.push({ at: now + wait, ring });
  const never = (signal: AbortSignal) =>
    new Promise<never>((_, fail) => (signal.aborted ? fail(signal.reason) : signal.addEventListener("abort", fail)));
  Object.assign(globalThis, {
    setTimeout: after,
    fetch: async (path: string, { signal }: { signal: AbortSignal }) => {
      const r = (await server(path)) ?? (await never(signal));
      if (r === lost) throw new Error("lost");
      return r;
    },
  });
  Object.defineProperty(AbortSignal, "timeout", { value: undefined, configurable: true }); // as in iOS 15
  try {
    what().catch((err) => (came = err instanceof Failure ? err.key : String(err))).finally(() => (over = true));
    for (;;) {
      await new Promise((done) => setTimeout(done, 0)); // the real one: what can go on goes on
      const next = timers.sort((a, b) => a.at - b.at).shift();
      if (over || !next) return [now, over ? came : "waits"];
      now = next.at;
      next.ring();
    }
  } finally {
    Object.assign(globalThis, { fetch, setTimeout });
    Object.defineProperty(AbortSignal, "timeout", timeout);
  }
}
