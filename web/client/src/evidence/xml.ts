// XMP and the properties of office documents, as web/evidence reads them.

import { add, type Finder, MAX_INFLATED, orName, text, type What } from "./bytes";

export type Property = [What, string];

const properties: Property[] = [
  ["camera", "Make Model Lens LensModel SerialNumber"],
  ["place", "GPSLatitude GPSLongitude City State Country Location"],
  ["time", "CreateDate ModifyDate MetadataDate DateCreated DateTimeOriginal created modified creation-date date " +
    "lastPrinted print-date"],
  ["author", "creator lastModifiedBy initial-creator printed-by Manager Credit rights OwnerName author"],
  ["software", "CreatorTool Producer Application generator Software"],
  ["organisation", "Company"],
  ["title", "title subject Headline"],
  ["comment", "description keywords UserComment"],
  ["other", "DocumentID InstanceID OriginalDocumentID Template HyperlinkBase property user-defined"],
];

export function xmp(f: Finder, b: Uint8Array): void {
  f.unknown ||= b.length > MAX_INFLATED;
  orName(f, "XMP", () => markup(f, text(b)));
}

/** Tells the values of properties, be they attributes or elements. */
export function markup(f: Finder, s: string, of = properties): void {
  for (const [what, names] of of) for (const name of names.split(" ")) property(f, s, what, name);
  f.unknown ||= f.looks >= 4096;
}

function property(f: Finder, s: string, what: What, name: string): void {
  let values = 0;
  for (let at = 0; values < 16 && f.looks < 4096; f.looks++, at += name.length) {
    if ((at = s.indexOf(name, at)) < 0) return;
    const value = valueAt(s, at, name);
    if (value === null) continue;
    values++;
    add(f, what, name.startsWith("GPS") ? "GPS" : value); // it would be exact
  }
}

function valueAt(s: string, at: number, name: string): string | null {
  let from = at;
  if (s[from - 1] === ":") {
    for (from--; from > 0 && at - from < 32 && /[\w-]/.test(s[from - 1]!); ) from--;
  }
  const before = s[from - 1];
  const rest = s.slice(at + name.length, at + name.length + 4096);
  if (before === "<") return element(rest, s.slice(from, at) + name);
  return before !== undefined && before <= " " ? attribute(rest) : null;
}

function attribute(rest: string): string | null {
  const value = /^=("([^"]*)"|'([^']*)')/.exec(rest);
  return value && plain(value[2] ?? value[3]!);
}

function element(rest: string, name: string): string | null {
  const open = rest.indexOf(">");
  const end = rest.indexOf("</" + name);
  if (open < 0 || (rest[0] !== ">" && rest[0]! > " ") || rest[open - 1] === "/" || end < open) return null;
  const parts = rest.slice(open + 1, end).split("<");
  return plain(parts.map((p) => (p.includes(">") ? " " + p.slice(p.indexOf(">") + 1) : p)).join(""));
}

/** Undoes what XML writes for letters of its own. */
export function plain(s: string): string {
  const letters: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return s.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => letters[name]!);
}
