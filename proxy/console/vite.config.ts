import { defineConfig } from "vite";

// What is built is embedded in the gate and served under a policy that allows nothing inline and no other host.
export default defineConfig({
  base: "/",
  build: {
    outDir: "dist",
    assetsDir: "assets",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    cssCodeSplit: false,
    reportCompressedSize: false,
  },
  worker: { format: "es" },
});
