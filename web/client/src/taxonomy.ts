import { malformed } from "./encoding";
export interface Text { id: string; en: string }
export type Kind = "one" | "list" | "many" | "month" | "place" | "line" | "story";
export interface Choice { code: string; label: Text; default?: boolean; unknown?: boolean; advice?: Text[] }
export interface Question {
  id: string; kind: Kind; required?: boolean; label: Text; hint?: Text;
  risk?: { level: string; text: Text }; months?: number; choices?: Choice[];
}
export interface Taxonomy {
  reference: string; name: string; version: string; title: Text;
  sections: { title: Text; folded?: boolean; questions: Question[] }[]; questions: Question[];
}
export type Answers = Record<string, string[]>;
export interface Problem { question: string; what: "missing" | "strange" | "long" | "sign" }
export function parse(_file: Uint8Array): Taxonomy { throw malformed(); }
export function tidy(_t: Taxonomy, _a: Answers): Answers { throw malformed(); }
/** isPlace says whether a code is of a province, regency or city: from /regions.json. */
export function check(_t: Taxonomy, _a: Answers, _isPlace: (code: string) => boolean): Problem[] { throw malformed(); }
export function advice(_t: Taxonomy, _a: Answers): Text[] { throw malformed(); }
