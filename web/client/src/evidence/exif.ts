// EXIF blocks, as web/evidence reads them.

import { add, cut, type Finder, orName, starts, text, view, type What, wide } from "./bytes";

export const EXIF = "Exif\0\0";

/** A block that says which way is up, and nothing else. */
export function minimal(orientation: number): Uint8Array {
  return Uint8Array.of(77, 77, 0, 42, 0, 0, 0, 8, 0, 1, 1, 18, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0);
}

interface Entry {
  tag: number;
  kind: number;
  number: number;
  value: Uint8Array;
}

interface Block {
  b: Uint8Array;
  v: DataView;
  little: boolean;
}

function block(b: Uint8Array): Block | null {
  if (starts(b, EXIF)) b = b.subarray(6);
  const little = starts(b, "II*\0");
  return b.length >= 8 && (little || starts(b, "MM\0*")) ? { b, v: view(b), little } : null;
}

/** The directory at a place, and where the next one is, or 0. */
function entries(t: Block, at: number): [Entry[], number] {
  const list: Entry[] = [];
  if (at < 8 || at + 2 > t.b.length) return [list, 0];
  const count = t.v.getUint16(at, t.little);
  for (let i = 0; i < Math.min(count, 256); i++) {
    const line = at + 2 + 12 * i;
    if (line + 12 <= t.b.length) list.push(entry(t, line));
  }
  const end = at + 2 + 12 * count;
  return [list, end + 4 <= t.b.length ? t.v.getUint32(end, t.little) : 0];
}

function entry({ b, v, little }: Block, line: number): Entry {
  const kind = v.getUint16(line + 2, little);
  const size = (kind < 13 ? [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8][kind]! : 0) * v.getUint32(line + 4, little);
  const at = size > 4 ? v.getUint32(line + 8, little) : line + 8;
  const value = at + size <= b.length ? b.subarray(at, at + Math.min(size, 4096)) : b.subarray(0, 0);
  let number = 0;
  if (kind === 3 && value.length >= 2) number = v.getUint16(at, little);
  else if (kind === 4 && value.length >= 4) number = v.getUint32(at, little);
  return { tag: v.getUint16(line, little), kind, number, value };
}

export function orientation(b: Uint8Array): number {
  const t = block(b);
  const [lines] = t ? entries(t, t.v.getUint32(4, t.little)) : [[]];
  return lines.find((e) => e.tag === 0x0112 && e.number >= 1 && e.number <= 8)?.number ?? 1;
}

const tags: [What, ...number[]][] = [
  ["camera", 0x010f, 0x0110, 0x013c, 0xa431, 0xa433, 0xa434, 0xa435],
  ["software", 0x0131],
  ["time", 0x0132, 0x9003, 0x9004],
  ["author", 0x013b, 0x8298, 0x9c9d, 0xa430],
  ["comment", 0x010e, 0x9c9c, 0x9c9e, 0x9286],
  ["title", 0x9c9b, 0x9c9f],
  ["other", 0xa420],
];

export function exif(f: Finder, b: Uint8Array): void {
  const t = block(b);
  if (t && t.b.length === 26 && String(t.b) === String(minimal(orientation(b)))) return;
  orName(f, "EXIF", () => t && directories(f, t));
}

function directories(f: Finder, t: Block): void {
  const [first, next] = look(f, t, t.v.getUint32(4, t.little));
  lines(f, t, first);
  for (const e of first) {
    if (e.tag === 0x8769) lines(f, t, look(f, t, e.number)[0]);
    if (e.tag === 0x8825) place(f, t, look(f, t, e.number)[0]);
  }
  if (entries(t, next)[0].length > 0) add(f, "thumbnail");
}

/** A directory whose values are looked at, unless too many of the file were: they may share bytes. */
function look(f: Finder, t: Block, at: number): [Entry[], number] {
  const found: [Entry[], number] = f.lines < 1024 ? entries(t, at) : [[], 0];
  f.unknown ||= f.lines >= 1024;
  f.lines += found[0].length;
  return found;
}

function lines(f: Finder, t: Block, list: Entry[]): void {
  for (const { tag, value } of list) {
    const what = tags.find((of) => of.indexOf(tag) > 0)?.[0];
    if (tag === 0x927c) add(f, "other", "MakerNote");
    else if (!what) continue;
    else if (tag >= 0x9c9b && tag <= 0x9c9f) add(f, what, wide(value, false));
    else if (tag === 0x9286) add(f, what, comment(t, value));
    else add(f, what, text(cut(value)[0]));
  }
}

function comment(t: Block, b: Uint8Array): string {
  return starts(b, "UNICODE") ? wide(b.subarray(8), !t.little) : text(b.subarray(8));
}

function place(f: Finder, t: Block, list: Entry[]): void {
  const of = new Map(list.map((e) => [e.tag, e]));
  const said = (e?: Entry): string => (e ? text(e.value).replace(/^\0+|\0+$/g, "") : "");
  for (const e of list) if (e.tag === 0x1d) add(f, "time", said(e));
  const [latitude, longitude] = [tenths(t, of.get(2)), tenths(t, of.get(4))];
  if (latitude && longitude) add(f, "place", `${latitude}° ${said(of.get(1))}, ${longitude}° ${said(of.get(3))}`);
  else if (list.length > 0) add(f, "place", "GPS");
}

/** Degrees, minutes and seconds, to a tenth of a degree. */
function tenths(t: Block, e: Entry | undefined): string {
  if (e?.kind !== 5 || e.value.length < 24) return "";
  const v = view(e.value);
  const part = (i: number): number => {
    const under = v.getUint32(8 * i + 4, t.little);
    return under && v.getUint32(8 * i, t.little) / under;
  };
  const n = Math.floor((part(0) * 3600 + part(1) * 60 + part(2)) / 360 + 0.5);
  return n > 1800 ? "" : `${Math.floor(n / 10)}.${n % 10}`;
}
