// Runs the tests in node, with the bundle of the first argument: all of them, or with
// "interop" behind it the requests on standard input, one JSON a line, each answered
// by one; with "fuzz" the properties alone, from another seed each time. FUZZTIME is how
// long properties are tried, as in 1m30s; SEED is where they begin.
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

await import(pathToFileURL(process.argv[2]));
const { vectors, evidence, properties, slices, digests, site, port, doubt, interop } = globalThis.saksiTests;

if (process.argv[3] === "interop") {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await interop(JSON.parse(line))));
  }
} else if (process.argv[3] === "fuzz") {
  await tried(await vectorsOf("crypto"), await vectorsOf("web/evidence"), Date.now() % 1e9);
} else {
  const [all, files] = [await vectorsOf("crypto"), await vectorsOf("web/evidence")];
  await report("vectors", vectors(all));
  await report("evidence", evidence(files));
  await report("digests", digests());
  await report("site", site(all));
  await report("port", port());
  await report("doubt", doubt());
  await report("slices", slices());
  await tried(all, files, 1);
  process.exit(); // and not when the last timer of a request has run out
}

async function vectorsOf(folder) {
  return JSON.parse(await readFile(new URL(`../../../${folder}/testdata/vectors.json`, import.meta.url), "utf8"));
}

async function tried(all, files, seed) {
  await report("properties", properties(seconds(process.env.FUZZTIME ?? "5s"), all, files, Number(process.env.SEED ?? seed)));
}

function seconds(time) {
  const units = { h: 3600, m: 60, s: 1, ms: 0.001 };
  return [...time.matchAll(/([\d.]+)(h|ms|m|s)/g)].reduce((n, [, of, unit]) => n + of * units[unit], 0);
}

async function report(name, run) {
  const { checks, failed } = await run;
  console.log(`${name}: ${checks} checks, ${failed.length} failed`);
  for (const f of failed) console.log("  " + f);
  if (failed.length > 0 || !(checks > 0)) process.exitCode = 1;
}
