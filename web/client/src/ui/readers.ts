// Who may read, and who may not: the same choice as in the form without script.

import { hex, malformed } from "../encoding";
import { Failure } from "../failure";
import { checkReaders, type Readers } from "../item";
import type { Reviewer } from "../roster";
import { fillIn, values } from "./fields";
import { page } from "./port";
import { circleOf, prefix, type Site } from "./site";
import { $, sayWay, t, view, type Views } from "./view";

function matches(value: string, r: Reviewer): boolean {
  const [kind = "", rest = ""] = [value.slice(0, value.indexOf(":")), value.slice(value.indexOf(":") + 1)];
  if (kind === "id") return r.id === rest;
  if (kind === "org") return r.organisation === rest;
  return kind === "region" && (r.region === rest || (rest !== "00" && r.region.startsWith(rest + ".")));
}

/** The province that a place lies in, or "" for what is none. */
export function province(s: Site, place: string): string {
  const code = place.slice(0, 2);
  return s.places.some(([known]) => known === code) && /^\d\d(\.|$)/.test(place) ? code : "";
}

/** The boxes are the server's: each must stand beside the name that the roster has. */
function compare({ roster, places }: Site, form: ParentNode): void {
  const { reviewers, quorum } = roster;
  const boxes = [...form.querySelectorAll<HTMLInputElement>("[name=skip]")];
  const all = reviewers.every((r) => boxes.some((box) => box.value === "id:" + r.id));
  const right = ({ value, labels }: HTMLInputElement) => {
    const text = labels?.[0]?.textContent?.trim() ?? "";
    const r = reviewers.find((r) => value === "id:" + r.id);
    const rest = value.slice(value.indexOf(":") + 1);
    const place = places.find(([code]) => value === "region:" + code)?.[1].replace(/^(Kab\.|DI|DKI) /, "");
    return r ? text.startsWith(`${r.label}, ${r.organisation}, `) : text.includes(place ?? rest);
  };
  if (!boxes.every(right) || (!all && reviewers.length > quorum.needed)) throw malformed();
}

/**
 * What a form chose. The choice holds under the roster that the form showed alone:
 * under another one somebody might read whom its writer never saw.
 */
export function chosen(s: Site, form: ParentNode, place?: string): Readers {
  const { roster } = s;
  if ($<HTMLInputElement>("[name=roster]", form)?.value !== hex(roster.hash)) throw new Failure("no_reader");
  compare(s, form);
  const withheld: string[] = [];
  for (const box of form.querySelectorAll<HTMLInputElement>("[name=skip]:checked")) {
    const meant = roster.reviewers.filter((r) => matches(box.value, r)).map((r) => r.id);
    if (!meant.length) throw new Failure("no_reader");
    withheld.push(...meant);
  }
  const own = $<HTMLSelectElement>("[name=province]", form)?.value ?? "";
  const readers = { withheld: [...new Set(withheld)], province: province(s, place ?? own) };
  checkReaders(circleOf(s), readers);
  return readers;
}

export const ofReaders = (key: string): boolean => key === "few_readers" || key === "no_reader";

/** The sentence for a problem with the choice. */
export function problem(v: Views, form: ParentNode, key: string): string {
  const place = $<HTMLSelectElement>("[name=province]", form);
  const first = key === "few_readers" && place && !place.value ? " " + t(v, "readers.place_first") : "";
  const lost = $("details[data-lost]", form) ? " " + t(v, "client.problem.reader_lost") : "";
  return (t(v, "problem." + key) || t(v, "client.problem." + key)) + first + lost;
}

/** Says what is wrong with the choice, where it is made. */
export function mark(v: Views, form: ParentNode, key: string): void {
  const details = $<HTMLDetailsElement>("details.readers", form);
  if (!details) return;
  details.open = true;
  const wrong = view(v, "wrong", { id: "readers-problem", text: problem(v, form, key) });
  ($("legend", details) ?? $("summary", details))?.after(wrong);
}

/**
 * Fetches the form's readers anew, as the server shows them now. Who was excluded and
 * is still there stays excluded; that somebody is not there any more is said.
 */
export async function renew(v: Views, form: ParentNode, id?: string): Promise<void> {
  v.document = await page(prefix(v.lang) + "/client"); // the other forms' readers, too
  const shown = id ? view(v, id) : await page(prefix(v.lang) + "/write");
  const old = $("details.readers", form);
  const next = $("details.readers", shown);
  if (!old || !next) return;
  const fresh = document.importNode(next, true);
  const before = values(old);
  fillIn(fresh, before);
  const after = values(fresh);
  for (const [name, value] of before) if (value === "true" && !after.has(name)) fresh.dataset["lost"] = "";
  old.replaceWith(fresh);
  sayWay(v, form);
}
