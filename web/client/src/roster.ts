import { malformed } from "./encoding";
export interface Reviewer {
  id: string; region: string; organisation: string; key: string; direct: string; label: string;
}
export interface RootSet { threshold: number; keys: string[]; endorsed: string[] }
export interface Period { from: string; to: string; hash: string }
export interface Revocation { key: string; from: bigint }
export interface Roster {
  origin: string; sequence: number; previous: string; hash: Uint8Array; from: string; until: string;
  quorum: { needed: number; outside: number };
  reviewers: Reviewer[]; periods: Period[]; revoked: Revocation[]; rootSets: RootSet[]; server: string;
}
/** A roster with the recipients of one period, in slot order. */
export interface Circle { roster: Roster; recipients: string[] }
export function parseRoster(_note: Uint8Array): Roster { throw malformed(); }
export function verify(_note: Uint8Array, _trusted?: { fingerprint: string }): Roster { throw malformed(); }
export function fingerprint(_set: RootSet): string { throw malformed(); }
export function follows(_later: Roster, _earlier: Roster): void { throw malformed(); }
export function outside(_r: Roster, _province: string): boolean[] { throw malformed(); }
export function circle(_r: Roster, _recipients: Uint8Array, _now: Date): Circle { throw malformed(); }
