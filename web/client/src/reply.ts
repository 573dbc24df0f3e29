import { malformed } from "./encoding";
import type { Keys } from "./receipt";
import type { Reviewer, Roster } from "./roster";
export interface Opened {
  author: Reviewer; status: string; forwarded: string; items: number[]; text: string;
  number: bigint; revoked: boolean; hash: string; previous: string;
}
/** A reply with what markChain found out. */
export interface Marked extends Opened { gap: boolean; repeat: boolean }
export type Entry = { kind: "reply"; reply: Opened } | { kind: "unsigned" } | { kind: "none" };
export async function openReply(_entry: Uint8Array, _keys: Keys, _rosters: Roster[]): Promise<Entry> { throw malformed(); }
export function markChain(_replies: Opened[], _last: boolean): Marked[] { throw malformed(); }
