import { malformed } from "./encoding";
import type { Code, Keys } from "./receipt";
export type Stand = "unused" | "waiting" | "batched" | "carried" | "deleted" | "expired";
/** week and until are "" where there is none. */
export interface State { stand: Stand; week: string; until: string }
export interface Answer { ends: boolean; states: State[]; entries: Uint8Array[] }
export function readRequest(_keys: Keys, _page: number, _code: Code): Uint8Array { throw malformed(); }
export function parseAnswer(_b: Uint8Array): Answer { throw malformed(); }
/** empties: also empty the mailbox of these keys. */
export function burnRequest(_code: Code, _items: number[], _empties?: Keys): Uint8Array { throw malformed(); }
