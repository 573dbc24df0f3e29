// Office Open XML and OpenDocument: what their properties tell, of an archive that is
// never read as a whole.

import { add, type Finder, full, inflate, latin, MAX_INFLATED, starts, text, view } from "./bytes";
import { markup, plain, type Property } from "./xml";

/** Up to n bytes of a file from a place. */
export type Read = (at: number, n: number) => Promise<Uint8Array>;

interface Member {
  name: string;
  method: number;
  size: number;
  at: number;
}

/** The directory, as far as it can be read. */
async function directory(read: Read, size: number): Promise<Member[]> {
  const list: Member[] = [];
  const tail = await read(Math.max(0, size - 22 - (1 << 16)), 22 + (1 << 16));
  const end = latin(tail).lastIndexOf("PK\x05\x06");
  if (end < 0 || end + 22 > tail.length) return list;
  const record = view(tail);
  let b = await read(record.getUint32(end + 16, true), Math.min(record.getUint32(end + 12, true), 4 << 20));
  while (b.length >= 46 && starts(b, "PK\x01\x02") && list.length < 4096) {
    const v = view(b);
    const u16 = (at: number): number => v.getUint16(at, true);
    const next = 46 + u16(28);
    if (next > b.length) break;
    const [at, stored] = [v.getUint32(42, true), v.getUint32(20, true)];
    list.push({ name: text(b.subarray(46, next)), method: u16(10), size: stored, at });
    b = b.subarray(next + u16(30) + u16(32));
  }
  return list;
}

const about = /^(docProps\/(core|app|custom)|meta)\.xml$/;
const bodies = /(^|\/)(document|content|comments?|threadedComment|footnotes|endnotes|header|footer)\d*\.xml$/;
const lists = /(^|\/)(people|person|authors|commentAuthors)\d*\.xml$/;
const authors = "author creator";

/** A document has more parts, and in those that are read more than is looked for. */
export async function zip(f: Finder, read: Read, size: number): Promise<void> {
  f.unknown = true;
  const list = await directory(read, size);
  const has = (name: string): boolean => list.some((m) => m.name === name);
  if (has("[Content_Types].xml")) f.kind = "office";
  else if (has("mimetype") && has("content.xml")) f.kind = "opendocument";
  else return;
  const tell = async (m: Member, of?: Property[]) => markup(f, text(await content(f, read, m)), of);
  const names = (m: Member, of: string) => tell(m, [["author", of]]);
  for (const m of list) if (about.test(m.name)) await tell(m);
  for (const m of list) {
    if (lists.test(m.name)) await names(m, authors + " name displayName userId");
    else if (bodies.test(m.name)) await names(m, authors);
    else if (/^docprops\/thumbnail/i.test(m.name) || m.name === "Thumbnails/thumbnail.png") add(f, "thumbnail");
  }
  for (const m of list) {
    if (!/(workbook\.xml|\.rels)$/.test(m.name)) continue;
    const s = text(await content(f, read, m));
    for (const [, path] of [...s.matchAll(/="((?:file:|\w:\\|\/Users\/)[^"]*)/g)].slice(0, 16)) add(f, "other", plain(path!));
  }
}

async function content(f: Finder, read: Read, m: Member): Promise<Uint8Array> {
  const head = await read(m.at, full(f) ? 0 : 30);
  if (head.length < 30) return head.subarray(0, 0);
  const names = view(head).getUint16(26, true) + view(head).getUint16(28, true);
  const b = await read(m.at + 30 + names, Math.min(m.size, MAX_INFLATED));
  if (m.method === 8) return inflate(f, b, "deflate-raw");
  f.inflates++;
  f.inflated += b.length;
  return b;
}
