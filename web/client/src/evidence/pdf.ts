// PDF: what the Info dictionary and XMP tell, by looking for them.

import { add, type Finder, full, inflate, latin, text, unlatin, type What, wide } from "./bytes";
import { EXIF, exif } from "./exif";
import { xmp } from "./xml";

// The first five are those by which the dictionary is found: titles have bookmarks, too.
const keys: [string, What][] = [
  ["/Producer", "software"],
  ["/Creator", "software"],
  ["/Author", "author"],
  ["/CreationDate", "time"],
  ["/ModDate", "time"],
  ["/Company", "organisation"],
  ["/Title", "title"],
  ["/Subject", "title"],
  ["/Keywords", "comment"],
];
const NEAR = 4096;

export async function pdf(f: Finder, b: Uint8Array, whole: boolean): Promise<void> {
  const s = latin(b);
  f.unknown = !whole || s.includes("/Encrypt");
  dictionaries(f, s);
  packets(f, s);
  for (const at of places(f, s, EXIF)) exif(f, b.subarray(at, at + (1 << 16)));
  await streams(f, s);
}

/** Where a word stands, at most so often. That it stands in other places, too, is noted. */
function places(f: Finder, s: string, word: string, most = 4): number[] {
  const list: number[] = [];
  let at = s.indexOf(word);
  for (; at >= 0 && list.length < most; at = s.indexOf(word, at + word.length)) list.push(at);
  f.unknown ||= at >= 0;
  return list;
}

/** Tells what stands near a key of the Info dictionary. */
function dictionaries(f: Finder, s: string): void {
  for (const [key] of keys.slice(0, 5)) {
    for (const at of places(f, s, key)) {
      const before = s.slice(Math.max(0, at - NEAR), at);
      const after = s.slice(at, at + NEAR);
      const begin = Math.max(0, before.lastIndexOf("endobj"));
      dictionary(f, before.slice(begin) + after.split("endobj", 1)[0]!);
    }
  }
}

function dictionary(f: Finder, s: string): void {
  for (const [key, what] of keys) {
    for (let tries = 0, at = 0; tries < 4 && (at = s.indexOf(key, at)) >= 0; tries++) {
      at += key.length;
      const value = string(f, s.slice(at, at + 2 * NEAR));
      if (value === null) continue;
      add(f, what, value);
      break;
    }
  }
}

/** The string that s begins with. The number of an object is not looked up: a name may stand there. */
function string(f: Finder, s: string): string | null {
  s = s.replace(/^[ \n\r\t\f\0]+/, "").slice(0, 4096);
  f.unknown ||= /^\d/.test(s);
  if (s[0] === "(") return decode(literal(s.slice(1)));
  return s[0] === "<" && s[1] && s[1] !== "<" ? decode(hexadecimal(s.slice(1))) : null;
}

function decode(s: string): string {
  if (s.startsWith("\xfe\xff")) return wide(unlatin(s.slice(2)), true);
  return text(unlatin(s.replace(/^\xef\xbb\xbf/, "")));
}

/** What stands up to the bracket that closes. */
function literal(s: string): string {
  let out = "";
  let depth = 1;
  for (let i = 0; i < s.length; i++) {
    let c = s[i]!;
    if (c === "(") depth++;
    if (c === ")" && --depth === 0) break;
    if (c === "\\") {
      const code = /^[0-7]{1,3}/.exec(s.slice(i + 1, i + 4))?.[0];
      if (i + 1 === s.length) break;
      c = code ? String.fromCharCode(parseInt(code, 8) & 255) : s[i + 1]!.replace(/[nrtbf\r\n]/, " ");
      i += code?.length ?? 1;
    }
    out += c;
  }
  return out;
}

function hexadecimal(s: string): string {
  const digits = s.split(">", 1)[0]!.replace(/[ \n\r\t\f\0]/g, "") + "0";
  let out = "";
  for (const pair of digits.match(/../g) ?? []) {
    if (!/^[0-9a-fA-F]{2}$/.test(pair)) break;
    out += String.fromCharCode(parseInt(pair, 16));
  }
  return out;
}

/** Tells what XMP tells that is not compressed. */
function packets(f: Finder, s: string): void {
  for (const at of places(f, s, "<rdf:RDF")) {
    const [packet, end] = s.slice(at, at + (1 << 18)).split("</rdf:RDF>", 2);
    f.unknown ||= end === undefined;
    xmp(f, unlatin(packet!));
  }
}

/** Tells what stands in compressed object streams and metadata. */
async function streams(f: Finder, s: string): Promise<void> {
  for (const at of places(f, s, "stream", 10_000)) {
    let head = s.slice(Math.max(0, at - 1024), at);
    if (head.endsWith("end")) continue;
    head = head.slice(Math.max(0, head.lastIndexOf("obj")));
    const isXMP = head.includes("/Metadata");
    if ((isXMP || head.includes("/ObjStm")) && head.includes("/Fl")) await stream(f, s, at + 6, isXMP);
  }
}

async function stream(f: Finder, s: string, at: number, isXMP: boolean): Promise<void> {
  if (full(f)) return;
  const body = s.slice(at, at + (4 << 20)).replace(/^\r?\n?/, "");
  const end = body.indexOf("endstream");
  if (end < 0) {
    f.inflates++;
    f.unknown = true;
    return;
  }
  const packed = body.slice(0, end).replace(/\r?\n?$/, "");
  const plain = await inflate(f, unlatin(packed), "deflate");
  if (isXMP && plain.length > 0) xmp(f, plain);
  else dictionaries(f, latin(plain));
}
