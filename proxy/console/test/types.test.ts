import { readFile } from "node:fs/promises";

import openapiTS, { astToString } from "openapi-typescript";
import { expect, test } from "vitest";

test("the types are those of the description; npm run types writes them anew", async () => {
  const at = (path: string) => new URL(`../${path}`, import.meta.url);
  const made = astToString(await openapiTS(at("openapi.json")));
  const kept = await readFile(at("src/api/schema.d.ts"), "utf8");
  expect(kept.slice(kept.indexOf("export interface paths"))).toBe(made.slice(made.indexOf("export interface paths")));
});
