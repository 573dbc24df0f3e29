// Requests. The script asks its own server alone, sends no cookie and keeps nothing
// in a cache.

import { Failure } from "../failure";
import type { Answer, Port } from "../slices";

const quiet: RequestInit = { credentials: "omit", cache: "no-store", redirect: "error", referrerPolicy: "no-referrer" };

/** How long an answer may take: a megabyte through a weak Tor circuit takes minutes. */
const patience = 600_000;

async function ask(
  method: string, path: string, headers: Record<string, string> = {}, body?: Uint8Array, stop?: AbortSignal,
): Promise<Response> {
  const sent = body?.length ? { body: body as BodyInit } : {};
  return fetch(path, { ...quiet, method, headers, ...sent, signal: within(patience, stop) });
}

/** Ends after so long, or with another one. AbortSignal.timeout is missing on telephones
 * that get no newer browser any more. */
export function within(milliseconds: number, stop?: AbortSignal): AbortSignal {
  const end = new AbortController();
  const abort = () => end.abort();
  setTimeout(abort, milliseconds);
  stop?.addEventListener("abort", abort);
  return end.signal;
}

/** The errors of the server's table that can befall these requests. What is said
 * about others is ours to say. */
const known = /^(busy|closed|no_reader|too_large|upload_cut|form_damaged|file_number_used|code_invalid|deleted|files_full|store|disk)$/;

/** What the server said that is wrong. */
export function reading(said: unknown): Answer["problem"] {
  const { error, minutes, limit } = Object(said) as Record<string, unknown>;
  return {
    error: typeof error === "string" && known.test(error) ? error : "internal",
    ...(typeof minutes === "number" && { minutes }), ...(typeof limit === "number" && { limit }),
  };
}

/** A length in bytes, or null for what is none. */
export const bytesIn = (header: string | null): number | null => (/^\d{1,16}$/.test(header ?? "") ? Number(header) : null);

async function problem(r: Response): Promise<Answer["problem"]> {
  return r.ok ? null : r.json().then(reading, () => null);
}

const rest = (milliseconds: number, stop?: AbortSignal): Promise<void> =>
  new Promise((done) => {
    if (stop?.aborted) done();
    setTimeout(done, milliseconds);
    stop?.addEventListener("abort", () => done());
  });

/** How the way to the server is: nothing comes back, it has too much to do, or all is well. */
export type Way = "lost" | "busy" | "sending";

/** A port for slices, which tells how the way is. What is under way when it is stopped ends. */
export function port(on: (way: Way) => void, stop: AbortSignal): Port {
  const none: Answer = { status: 0, offset: null, complete: false, problem: null };
  return {
    rest: (milliseconds) => rest(milliseconds, stop),
    now: () => performance.now(),
    ask: async (method, path, headers, body) => {
      try {
        const r = await ask(method, path, headers, body, stop);
        const answer = {
          status: r.status, offset: bytesIn(r.headers.get("Upload-Offset")),
          complete: r.headers.get("Upload-Complete") === "?1", problem: await problem(r),
        };
        on(r.status === 429 || r.status >= 500 ? "busy" : "sending");
        return answer;
      } catch {
        on("lost");
        return none;
      }
    },
  };
}

const tries = 4;
const octets = { "Content-Type": "application/octet-stream" };

/** How long somebody waits for what is small, in all tries. */
const short = 60_000;

/** Asks until there is an answer, some times; for requests that may be repeated. Of a try
 * that may have done its work, a later one that was let do nothing does not tell. */
async function insist(method: string, path: string, body?: Uint8Array): Promise<Uint8Array> {
  const signal = within(body ? 3 * short : short);
  for (let n = 1, before = ""; ; n++) {
    const r = signal.aborted ? null : await ask(method, path, body ? octets : {}, body, signal).catch(() => null);
    const bytes = r?.ok && (await r.arrayBuffer().catch(() => null));
    if (bytes) return new Uint8Array(bytes);
    const { error = "unreachable", ...values } = (r && (await problem(r))) ?? {};
    const key = (error === "busy" && before) || error;
    if (n === tries || signal.aborted || error === "closed" || (r && !r.ok && r.status < 500)) throw new Failure(key, values);
    before = key;
    await rest(1000 * n * n, signal);
  }
}

export const get = (path: string): Promise<Uint8Array> => insist("GET", path);

export const post = (path: string, body: Uint8Array): Promise<Uint8Array> => insist("POST", path, body);

/** A page of ours as a document, whose scripts never run. */
export function page(path: string): Promise<Document> {
  return new Promise((done, failed) => {
    const x = new XMLHttpRequest();
    x.open("GET", path);
    x.responseType = "document";
    x.timeout = 60_000;
    x.onload = () => (x.status === 200 && x.responseXML ? done(x.responseXML) : failed(new Failure("unreachable")));
    x.onerror = x.ontimeout = () => failed(new Failure("unreachable"));
    x.send();
  });
}
