import { malformed } from "./encoding";
import type { Code } from "./receipt";
import type { Circle } from "./roster";
export interface Readers { withheld: string[]; province: string }
export interface File { size: number; name: string; keepName: boolean; stream(): ReadableStream<Uint8Array> }
export interface Content {
  kind: "testimony" | "message" | "attachment"; language: "id" | "en"; readers: Readers;
  text?: string; answers?: Record<string, string[]>; taxonomy?: string; file?: File;
}
export interface Hasher { update(b: Uint8Array): void | Promise<void>; digest(): Promise<Uint8Array> }
export interface Sealed {
  id: Uint8Array; size: number; head(staged: boolean): Uint8Array; payload(): Promise<ReadableStream<Uint8Array>>;
}
export function checkText(_t: string): void { throw malformed(); }
export function checkReaders(_c: Circle, _r: Readers): void { throw malformed(); }
/** newHasher makes one for each payload(): an upload may have to begin again. */
export async function seal(
  _circle: Circle, _code: Code, _n: number, _c: Content, _newHasher?: () => Hasher,
): Promise<Sealed> { throw malformed(); }
