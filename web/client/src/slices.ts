import { malformed } from "./encoding";
import type { Sealed } from "./item";
/** status 0: no answer came. */
export interface Answer {
  status: number;
  offset: number | null; // Upload-Offset
  complete: boolean; // Upload-Complete is ?1
  problem: { error: string; minutes?: number; limit?: number } | null; // JSON body of an error
}
/** The requests that the script makes, so that tests can play a bad server. */
export interface Port {
  ask(method: "POST" | "HEAD" | "PATCH" | "DELETE", path: string, headers: Record<string, string>, body: Uint8Array): Promise<Answer>;
  rest(milliseconds: number): Promise<void>;
  now(): number; // milliseconds
}
export interface Control {
  signal?: AbortSignal;
  /** While this returns a promise, nothing more is sent until it resolves. */
  paused?(): Promise<void> | null;
}
/** on is called with the bytes of the payload that the server has for good. Rejects with Failure("cancelled") after an abort. */
export async function send(
  _sealed: Sealed, _port: Port, _on: (acknowledged: number) => void, _control?: Control,
): Promise<"kept" | "again"> { throw malformed(); }
