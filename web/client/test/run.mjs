// Runs the tests in node: all of them, or with the argument "interop" the requests
// on standard input, one JSON a line, each answered by one.
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";

await import("./out/tests.js");
const { vectors, properties, slices, hashes, interop } = globalThis.saksiTests;

if (process.argv[2] === "interop") {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await interop(JSON.parse(line))));
  }
} else {
  const file = new URL("../../../crypto/testdata/vectors.json", import.meta.url);
  await report("vectors", vectors(JSON.parse(await readFile(file, "utf8"))));
  await report("hashes", hashes(true));
  await report("slices", slices());
  await report("properties", properties(4));
}

async function report(name, run) {
  const { checks, failed } = await run;
  console.log(`${name}: ${checks} checks, ${failed.length} failed`);
  for (const f of failed) console.log("  " + f);
  if (failed.length > 0 || !(checks > 0)) process.exitCode = 1;
}
