// Turns every text of an answer into a hostile one, field by field, as the description of the API names its fields: whatever is no word
// of a closed set, no time and no number. The same text becomes the same, so that what belongs together still does.

import { readFileSync } from "node:fs";

import { HOSTILE } from "./company.mjs";

const DESCRIPTION = JSON.parse(readFileSync(new URL("../../proxy/console/openapi.json", import.meta.url), "utf8"));

/** What the page splits, so that a hostile part has to stand in it. */
const LISTS = new Set(["chain"]);

export class Poison {
  constructor() {
    /** What each text was before. */
    this.was = new Map();
    /** The fields that were made hostile, as `Schema.field`. */
    this.fields = new Set();
  }

  /** An answer of this path with hostile texts. */
  answer(path, value) {
    const known = Object.keys(DESCRIPTION.paths).find((one) => new RegExp(`^/api/v1${path}$`).test(one) || new RegExp(`^${one.replace(/\{\w+\}/g, "[^/]+")}$`).test(`/api/v1${path}`));
    const { get, post } = DESCRIPTION.paths[known] ?? {};
    const schema = (get ?? post)?.responses["200"].content["application/json"]?.schema;
    return schema ? this.of(schema, value, "answer") : value;
  }

  /** A value of this schema of the description. */
  named(name, value) {
    return this.of({ $ref: `#/components/schemas/${name}` }, value, name);
  }

  of(schema, value, field) {
    if (value === null || value === undefined) return value;
    if (schema.$ref) {
      const name = schema.$ref.split("/").at(-1);
      return this.of(DESCRIPTION.components.schemas[name], value, name);
    }
    const several = schema.allOf ?? schema.oneOf ?? schema.anyOf;
    if (several) return several.reduce((made, part) => (part.type === "null" ? made : this.of(part, made, field)), value);
    if (Array.isArray(value)) return value.map((item) => this.of(schema.items ?? {}, item, field));
    if (typeof value === "object") {
      const made = { ...value };
      for (const [name, inner] of Object.entries(schema.properties ?? {})) if (name in made) made[name] = this.of(inner, made[name], `${field}.${name}`);
      return made;
    }
    const isFree = typeof value === "string" && value !== "" && !schema.enum && schema.format === undefined && !this.was.has(value);
    return isFree ? this.#text(value, field) : value;
  }

  #text(value, field) {
    this.fields.add(field);
    if (LISTS.has(field.split(".").at(-1))) return value.split(",").map((part) => this.#text(part, `${field}.part`)).join(",");
    let sum = 0;
    for (const letter of value) sum = (sum * 31 + letter.codePointAt(0)) % 9973;
    const made = `${HOSTILE[sum % HOSTILE.length]}~${value}`;
    this.was.set(made, value);
    return made;
  }
}
