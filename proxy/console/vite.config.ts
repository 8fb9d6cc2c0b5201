import { readdirSync, readFileSync } from "node:fs";

import { defineConfig, type Plugin } from "vite";

/** Where the packages lie that are in what is built: in the page and in its worker. */
const folders = new Set<string>();

const collect: Plugin = {
  name: "packages",
  moduleParsed({ id }) {
    const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0];
    if (folder) folders.add(folder);
  },
};

/** Writes the licences of these packages beside what is built, as they ask for. */
const licences: Plugin = {
  name: "licences",
  generateBundle() {
    const texts = [...folders].sort().map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      return `${name} ${version}: ${license}\n\n${file ? readFileSync(`${folder}/${file}`, "utf8").trim() : ""}\n`;
    });
    this.emitFile({ type: "asset", fileName: "licences.txt", source: texts.join(`\n${"-".repeat(72)}\n\n`) });
  },
};

// What is built is embedded in the gate and served under a policy that allows nothing inline and no other host.
export default defineConfig({
  base: "/",
  plugins: [collect, licences],
  build: {
    outDir: "dist",
    assetsDir: "assets",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    cssCodeSplit: false,
    reportCompressedSize: false,
  },
  worker: { format: "es", plugins: () => [collect] },
});
