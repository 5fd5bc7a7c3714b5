// The WebAssembly side of `cargo xtask bench`, in Node: runs transfers and prints one line of JSON for each.
//
//   node run.mjs MODULE.js VARIANTS BUFFERS BYTES ROUNDS
//
// CPU time is that of the whole process (process.cpuUsage). The first round compiles the module to the end, and is
// not printed.
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [module, variants, buffers, bytes, rounds] = process.argv.slice(2);
const bench = createRequire(import.meta.url)(resolve(module));

for (const buffer of buffers.split(",").map(Number)) {
  for (let round = 0; round <= Number(rounds); round++) {
    for (const variant of variants.split(",")) {
      bench.prepare(variant, buffer, Number(bytes));
      const before = process.cpuUsage();
      bench.run();
      const { user, system } = process.cpuUsage(before);
      if (round > 0) {
        console.log(`{"variant":"${variant}","buffer":${buffer},"seconds":${(user + system) / 1e6},${bench.counts()}}`);
      }
    }
  }
}
