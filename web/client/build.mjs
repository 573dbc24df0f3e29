// Bundles the script that pages load, dist/saksi.js; with the argument "test", the
// tests, into test/out/tests.js or the file of the second argument. The same sources give the same bytes: no date, no path and
// no map goes into the script.
import { build } from "esbuild";

const shared = {
  bundle: true,
  format: "iife",
  target: "es2022",
  loader: { ".txt": "text" },
  logLevel: "warning",
  // Only hybrid recipients are sealed to: src/unused.ts says what is left out.
  alias: {
    "@noble/curves/nist.js": "./src/unused.ts",
    "@noble/hashes/scrypt.js": "./src/unused.ts",
  },
  absWorkingDir: import.meta.dirname,
};

const script = {
  ...shared,
  entryPoints: ["src/main.ts"],
  outfile: "dist/saksi.js",
  minify: true,
  sourcemap: false,
  legalComments: "none",
};

const tests = {
  ...shared,
  entryPoints: ["test/all.ts"],
  outfile: process.argv[3] ?? "test/out/tests.js",
};

await build(process.argv[2] === "test" ? tests : script);
