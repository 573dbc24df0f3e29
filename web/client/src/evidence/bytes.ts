// Bytes of files that strangers made, and what is noted of them.

import { join, latin, text as strict, unlatin } from "../encoding";

export { join, latin, unlatin };

export type What =
  | "camera" | "place" | "time" | "author" | "software" | "organisation" | "title" | "comment" | "thumbnail" | "other";

export type Kind = "jpeg" | "png" | "webp" | "pdf" | "office" | "opendocument" | "archive" | "sealed" | "unknown";

/** Value is a stranger's text in one line, or empty. */
export interface Reveal {
  what: What;
  value: string;
}

/** What one file tells, as far as it was found. */
export interface Finder {
  kind: Kind;
  found: Reveal[];
  unknown: boolean;
  inflates: number;
  inflated: number;
  looks: number;
  lines: number; // of EXIF
}

/** How much of a file is looked at, and up to which size pictures are stripped. */
export const MAX_PICTURE = 32 << 20;
export const MAX_PARTS = 1 << 16;
export const MAX_INFLATED = 1 << 20;

export function add(f: Finder, what: What, value = ""): void {
  value = tidy(value);
  const known = f.found.some((r) => r.what === what && r.value === value);
  if (f.found.length < 32 && (value || what === "thumbnail") && !known) f.found.push({ what, value });
}

/** Runs what tells of a block; one of which nothing is understood is named. */
export function orName(f: Finder, name: string, tell: () => void): void {
  const before = f.found.length;
  tell();
  if (f.found.length === before) add(f, "other", name);
}

export function tidy(s: string): string {
  const line = [...s.replace(/[\0-\x20\x7f-\xa0]+/g, " ").replace(/^ | $/g, "")];
  return line.length > 100 ? line.slice(0, 100).join("") + "…" : line.join("");
}

/** Bytes as UTF-8, else as Latin-1. */
export function text(b: Uint8Array): string {
  b = b.subarray(0, MAX_INFLATED);
  try {
    return strict(b);
  } catch {
    return latin(b);
  }
}

export function wide(b: Uint8Array, big: boolean): string {
  const label = big ? "utf-16be" : "utf-16le";
  return new TextDecoder(label, { ignoreBOM: true }).decode(b.subarray(0, b.length & ~1));
}

export function starts(b: Uint8Array, with_: string): boolean {
  return latin(b.subarray(0, with_.length)) === with_;
}

/** The text before the first NUL, and what is behind it. */
export function cut(b: Uint8Array): [Uint8Array, Uint8Array] {
  const at = b.indexOf(0);
  return at < 0 ? [b, b.subarray(b.length)] : [b.subarray(0, at), b.subarray(at + 1)];
}

export function view(b: Uint8Array): DataView {
  return new DataView(b.buffer, b.byteOffset, b.length);
}

export function rest(f: Finder, n: number): void {
  if (n > 0) add(f, "other", `+${n} B`);
}

/** Colour profiles that programs give to everybody, by their names with the lengths before them. */
const plain = [
  "\x12sRGB IEC61966-2.1", "\x08\x1csRGB", "\x14\x1cDisplay P3",
];

/** Tells of any other profile, which may be that of a screen. */
export function profile(f: Finder, b: Uint8Array): void {
  const s = latin(b).replace(/\0/g, "");
  if (b.length > 4096 || !plain.some((name) => s.includes(name))) add(f, "other", "ICC");
}

/** A profile without when it was made, and the checksum by which that could be found again. */
export function dateless(b: Uint8Array, at: number): Uint8Array {
  return b.slice().fill(0, at + 24, at + 36).fill(0, at + 84, at + 100);
}

/** Whether as much was opened of one file as may be: then there is more. */
export function full(f: Finder): boolean {
  const full = f.inflates >= 64 || f.inflated >= 4 << 20;
  f.unknown ||= full;
  return full;
}

/** What was compressed, as far as it goes: a part that breaks off tells, too. */
export async function inflate(f: Finder, b: Uint8Array, format: CompressionFormat): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  if (full(f)) return join(parts);
  f.inflates++;
  let left = Math.min(MAX_INFLATED, (4 << 20) - f.inflated);
  try {
    const unpacked = new Blob([b as BlobPart]).stream().pipeThrough(new DecompressionStream(format));
    const reader = unpacked.getReader();
    while (left >= 0) { // one more piece says that there is more
      const { value } = await reader.read();
      if (!value) break;
      parts.push(value.subarray(0, left));
      f.inflated += Math.min(left, value.length);
      left -= value.length;
    }
    f.unknown ||= left < 0;
    void reader.cancel().catch(() => undefined);
  } catch {
    f.unknown = true; // and what came before the damage tells, where a browser hands it out
  }
  return join(parts);
}
