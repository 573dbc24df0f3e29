// How much is done with an input, without a clock: the letters and bytes that
// functions of the language go through.

type Step = [of: any, name: string, size: (self: any, given: any[], got: any) => number];

const whole = (s: string): number => s.length;

const steps: Step[] = [
  [String.prototype, "indexOf", (s, [, at = 0], found) => (found < 0 ? s.length : found) - Math.min(at, s.length)],
  [String.prototype, "lastIndexOf", whole],
  [String.prototype, "includes", whole],
  [String.prototype, "split", whole],
  [String.prototype, "replace", whole],
  [String.prototype, "charCodeAt", () => 1],
  [String, "fromCharCode", (_, __, got) => got.length],
  [TextDecoder.prototype, "decode", (_, [b]) => b?.length ?? 0],
  [Uint8Array.prototype, "indexOf", (b, [, at = 0], found) => (found < 0 ? b.length : found) - Math.min(at, b.length)],
  [Uint8Array.prototype, "set", (_, [from]) => from.length],
];

/** Counts until it is ended. What was counted is read by setting it back. */
export function gauge(): { back(): number; end(): void } {
  let count = 0;
  const before = steps.map(([of, name]) => Object.getOwnPropertyDescriptor(of, name));
  steps.forEach(([of, name, size]) => {
    const own = of[name] ?? Object.getPrototypeOf(of)[name];
    const value = function (this: unknown, ...given: unknown[]): unknown {
      const got = own.apply(this, given);
      count += size(this, given, got);
      return got;
    };
    Object.defineProperty(of, name, { value, configurable: true, writable: true });
  });
  const back = (): number => {
    const counted = count;
    count = 0;
    return counted;
  };
  const end = (): void =>
    steps.forEach(([of, name], i) => (before[i] ? Object.defineProperty(of, name, before[i]) : delete of[name]));
  return { back, end };
}
