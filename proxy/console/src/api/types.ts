/** The answers of the gate, by the names of its description: `schema.d.ts` is made from `openapi.json` by `npm run types`. */

import type { components } from "./schema";

/** The gate writes every field, and `null` where there is nothing; the description calls such fields optional. */
type Present<T> = T extends readonly (infer Item)[] ? Present<Item>[]
  : T extends object ? { [Key in keyof T]-?: Present<Exclude<T[Key], undefined>> }
  : T;

type Schemas = { [Name in keyof components["schemas"]]: Present<components["schemas"][Name]> };

export type Action = Decision["action"];
export type Catalog = Schemas["Catalog"];
export type CanAssume = Schemas["CanAssume"];
export type Coverage = Schemas["Coverage"];
export type Decision = Schemas["Decision"];
export type DecisionRecord = Schemas["DecisionRecord"];
export type Decisions = Schemas["Decisions"];
export type Explain = Schemas["ExplainAnswer"];
export type Explanation = Schemas["Explanation"];
export type Facts = Schemas["Facts"];
export type Finding = Schemas["Finding"];
export type Graph = Schemas["Graph"];
export type GraphEdge = Schemas["GraphEdge"];
export type GraphNode = Schemas["GraphNode"];
export type Hop = Schemas["Hop"];
export type Lost = Schemas["LostEvent"];
export type OutcomeEvent = Schemas["OutcomeEvent"];
export type Paths = Schemas["Paths"];
export type RefusalGroup = Schemas["RefusalGroup"];
export type Refusals = Schemas["Refusals"];
export type RoleUse = Schemas["RoleUse"];
export type Session = Schemas["Session"];
export type Sessions = Schemas["Sessions"];
export type Status = Schemas["Status"];
export type StoredUse = Schemas["StoredUse"];
export type StreamOpen = Schemas["OpenEvent"];
export type Verdict = Schemas["Verdict"];
