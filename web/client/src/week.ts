// ISO 8601 weeks in UTC, spelled 2026-W47: the finest time that is written down. They
// compare as their spellings do, as years have four digits.

import { malformed } from "./encoding";

const day = 86_400_000;

/** The week of a moment. */
export function of(date: Date): string {
  const midnight = Math.floor(date.getTime() / day) * day;
  const weekday = (new Date(midnight).getUTCDay() + 6) % 7;
  // A week belongs to the year that has its Thursday.
  const thursday = new Date(midnight + (3 - weekday) * day);
  const first = new Date(thursday);
  first.setUTCMonth(0, 1);
  const number = 1 + Math.floor((thursday.getTime() - first.getTime()) / (7 * day));
  return name(thursday.getUTCFullYear(), number);
}

/** The spelling of a week, whether there is such a week or not. */
export function name(year: number, number: number): string {
  return `${String(year).padStart(4, "0")}-W${String(number).padStart(2, "0")}`;
}

/** Returns the name of a week that there is. */
export function parse(s: string): string {
  const m = /^([2-9]\d{3})-W(\d\d)$/.exec(s);
  if (!m || of(new Date(monday(Number(m[1]), Number(m[2])))) !== s) throw malformed();
  return s;
}

/** The Monday of a week, in milliseconds. 4 January is always in the first week. */
export function monday(year: number, number: number): number {
  const fourth = Date.UTC(year, 0, 4);
  return fourth + (7 * (number - 1) - ((new Date(fourth).getUTCDay() + 6) % 7)) * day;
}
