// The questions of a form, from the same file and by the same rules as web/taxonomy.

import { sha256 } from "@noble/hashes/sha2.js";
import { hex, malformed, text, utf8 } from "./encoding";

export interface Text {
  id: string;
  en: string;
}

export type Kind = "one" | "list" | "many" | "month" | "place" | "line" | "story";

export interface Choice {
  code: string;
  label: Text;
  default?: boolean;
  unknown?: boolean;
  advice?: Text[];
}

export interface Question {
  id: string;
  kind: Kind;
  required?: boolean;
  label: Text;
  hint?: Text;
  risk?: { level: string; text: Text };
  months?: number;
  choices?: Choice[];
}

export interface Section {
  title: Text;
  folded?: boolean;
  questions: Question[];
}

export interface Taxonomy {
  reference: string; // name, version and hash, as a manifest carries it
  name: string;
  version: string;
  title: Text;
  sections: Section[];
  questions: Question[]; // of all sections, in order
}

/** From the id of a question to its values. */
export type Answers = Record<string, string[]>;

export interface Problem {
  question: string;
  what: "missing" | "strange" | "long" | "sign";
}

const maxLine = 300;

/** Reads a file. The server has held it against all rules; here is seen that it is one at all. */
export function parse(file: Uint8Array): Taxonomy {
  try {
    const t: Taxonomy & { format: string } = JSON.parse(text(file));
    const questions = t.sections.flatMap((s) => s.questions);
    const whole = questions.every((q) => q.id && q.kind && (q.choices ?? []).every((c) => c.code));
    if (t.format === "saksi/v1/taxonomy" && whole) {
      return { ...t, reference: `${t.name} ${t.version} ${hex(sha256(file))}`, questions };
    }
  } catch {
    // Another form: refused below.
  }
  throw malformed();
}

function find(t: Taxonomy, id: string): Question | undefined {
  return t.questions.find((q) => q.id === id);
}

function choice(q: Question | undefined, code: string): Choice | undefined {
  return q?.choices?.find((c) => c.code === code);
}

/** The answers to questions of this form, without blank values and without spaces around a value. */
export function tidy(t: Taxonomy, answers: Answers): Answers {
  const tidied: Answers = {};
  for (const [id, values] of Object.entries(answers)) {
    const kind = find(t, id)?.kind;
    const trimmed = values.map((v) => v.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, ""));
    const kept = [...new Set(trimmed)].filter((v) => v !== "");
    if (kind && kind !== "story" && kept.length > 0) tidied[id] = kept;
  }
  return tidied;
}

/**
 * What is wrong with tidy answers, in the order of the questions. isPlace says
 * whether a code is of a province, regency or city.
 */
export function check(t: Taxonomy, answers: Answers, isPlace: (code: string) => boolean): Problem[] {
  return t.questions.flatMap((q) => {
    const what = wrong(q, answers[q.id] ?? [], isPlace);
    return what ? [{ question: q.id, what }] : [];
  });
}

type What = Problem["what"] | "";

function wrong(q: Question, values: string[], isPlace: (code: string) => boolean): What {
  if (q.kind === "story") return "";
  if (values.length === 0 && q.required) return "missing";
  if (values.length > 1 && q.kind !== "many") return "strange";
  return values.map((v) => wrongValue(q, v, isPlace)).find((what) => what !== "") ?? "";
}

function wrongValue(q: Question, v: string, isPlace: (code: string) => boolean): What {
  if (q.kind === "line") return utf8(v).length > maxLine ? "long" : isLine(v) ? "" : "sign";
  const offered =
    choice(q, v) !== undefined ||
    (q.kind === "month" && /^\d{4}-(0[1-9]|1[0-2])$/.test(v)) ||
    (q.kind === "place" && isPlace(v));
  return offered ? "" : "strange";
}

/** Whether a text has no control character, no sign that ends a line for some readers, and none that was lost. */
function isLine(s: string): boolean {
  return !/[\p{Cc}\ufffd\u2028\u2029\p{Surrogate}]/u.test(s);
}

/** What the chosen answers advise, in the order of the questions. */
export function advice(t: Taxonomy, answers: Answers): Text[] {
  return t.questions.flatMap((q) => (answers[q.id] ?? []).flatMap((v) => choice(q, v)?.advice ?? []));
}
