// Runs the tests in node, with the bundle of the first argument: all of them, or with
// "interop" behind it the requests on standard input, one JSON a line, each answered
// by one.
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

await import(pathToFileURL(process.argv[2]));
const { vectors, evidence, properties, slices, digests, site, port, doubt, interop } = globalThis.saksiTests;

if (process.argv[3] === "interop") {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await interop(JSON.parse(line))));
  }
} else {
  const file = new URL("../../../crypto/testdata/vectors.json", import.meta.url);
  const all = JSON.parse(await readFile(file, "utf8"));
  await report("vectors", vectors(all));
  const files = new URL("../../evidence/testdata/vectors.json", import.meta.url);
  await report("evidence", evidence(JSON.parse(await readFile(files, "utf8"))));
  await report("digests", digests());
  await report("site", site());
  await report("port", port());
  await report("doubt", doubt());
  await report("slices", slices());
  await report("properties", properties(5, all));
}

async function report(name, run) {
  const { checks, failed } = await run;
  console.log(`${name}: ${checks} checks, ${failed.length} failed`);
  for (const f of failed) console.log("  " + f);
  if (failed.length > 0 || !(checks > 0)) process.exitCode = 1;
}
