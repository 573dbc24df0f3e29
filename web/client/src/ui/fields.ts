// What stands in a form, to be put into another one: after a change of language.

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

const picked = (e: Field): e is HTMLInputElement => e.type === "checkbox" || e.type === "radio";
const held = (within: ParentNode): Field[] =>
  [...within.querySelectorAll<Field>("input[name]:not([type=hidden]):not([type=file]), textarea, select")];
const nameOf = (e: Field): string => e.name + (picked(e) ? "=" + e.value : "");

export function values(within: ParentNode): Map<string, string> {
  return new Map(held(within).map((e) => [nameOf(e), picked(e) ? String(e.checked) : e.value]));
}

export function fillIn(within: ParentNode, values: Map<string, string>): void {
  for (const e of held(within)) {
    const value = values.get(nameOf(e));
    if (value === undefined) continue;
    if (picked(e)) e.checked = value === "true";
    else e.value = value;
  }
  for (const e of within.querySelectorAll<HTMLDetailsElement>("details")) {
    e.open ||= held(e).some((f) => (picked(f) ? f.checked !== f.defaultChecked : f.value));
  }
}
