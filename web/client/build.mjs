// Bundles the script that pages load, dist/saksi.js; with the argument "test", the
// tests, into test/out/tests.js or the file of the second argument. The same sources give the same bytes: no date, no path and
// no map goes into the script.
import { readFile } from "node:fs/promises";
import { build } from "esbuild";

// The sorted list of words, each as the number of letters that it shares with the one
// before it, and its own: that is 700 bytes less over Tor.
const frontCoded = {
  name: "front-coded words",
  setup: (b) => b.onLoad({ filter: /words\.txt$/ }, async (args) => {
    let before = "";
    const contents = (await readFile(args.path, "utf8")).trimEnd().split("\n").map((word) => {
      let n = 0;
      while (before[n] === word[n]) n++;
      before = word;
      return n + word.slice(n);
    }).join("");
    return { contents, loader: "text" };
  }),
};

// Kinds of keys that nothing is sealed to here, which their library sets up whether or
// not anybody asks for them: marked as what may be left out. Those on NIST curves, which
// age-encryption names, are as the curves: src/unused.ts.
const unasked = {
  name: "unasked keys",
  setup: (b) => b.onLoad({ filter: /post-quantum\/hybrid\.js$/ }, async (args) => {
    const text = await readFile(args.path, "utf8");
    const unused = /^export const \w+ = (QSF|createKitchenSink)\(.*/gm;
    const nist = /concreteHybridKem\('.*', \w+, (p\d+), \d+\)/g;
    if (!unused.test(text) || !nist.test(text)) throw new Error("nothing is left out of " + args.path);
    const marked = text.replace(unused, (line) => line.replace(/(= |, )(?=\w+\()/g, "$&/* @__PURE__ */ "));
    return { contents: marked.replace(nist, "$1") };
  }),
};

const shared = {
  bundle: true,
  format: "iife",
  target: "es2022",
  plugins: [frontCoded, unasked],
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
