/** The filters that all views share: their names, what the gate takes, and what of them a thing must hold to stay. Pure. */

import type { Decision } from "./api/types";

export interface Filter {
  name: FilterName;
  label: string;
  /** The values of a closed set. */
  choices?: readonly string[];
  hint?: string;
}

export const FILTER_NAMES = [
  "verdict",
  "user",
  "group",
  "role",
  "chain",
  "code",
  "rule",
  "kind",
  "would_be",
  "application",
  "bucket",
  "gate",
] as const;
export type FilterName = (typeof FILTER_NAMES)[number];

export const VERDICTS = ["allowed", "would_be_refused", "refused", "undecided"] as const;

export const FILTERS: readonly Filter[] = [
  { name: "verdict", label: "Verdict", choices: VERDICTS },
  { name: "user", label: "User" },
  { name: "group", label: "Group" },
  { name: "role", label: "Role", hint: "ARN of a role of the chain" },
  { name: "chain", label: "Chain", hint: "ARNs of all its roles, joined by commas" },
  { name: "code", label: "Code", hint: "such as RG203" },
  { name: "rule", label: "Rule", hint: "id of a rule that spoke" },
  { name: "kind", label: "Statement", hint: "such as unload" },
  { name: "would_be", label: "Would be", choices: ["forward", "annotate", "reject"] },
  { name: "application", label: "Application" },
  { name: "bucket", label: "Bucket" },
  { name: "gate", label: "Gate" },
];

export type Filters = Partial<Record<FilterName, string>>;

/** The filters among the params of an address. */
export function filtersOf(params: ReadonlyMap<string, string>): Filters {
  const filters: Filters = {};
  for (const name of FILTER_NAMES) {
    const value = params.get(name);
    if (value !== undefined) filters[name] = value;
  }
  return filters;
}

export function isEmpty(filters: Filters): boolean {
  return Object.keys(filters).length === 0;
}

/** The bucket of a target such as `s3://bucket/key`, or `null`. */
export function bucketOf(target: string | null): string | null {
  return /^s3:\/\/([^/]+)/.exec(target ?? "")?.[1] ?? null;
}

const HOLDS: Record<FilterName, (decision: Decision, value: string) => boolean> = {
  verdict: (decision, value) => decision.verdict === value,
  user: (decision, value) => decision.user === value,
  group: (decision, value) => decision.groups.includes(value),
  role: (decision, value) => decision.role_uses.some((use) => use.roles.includes(value)),
  chain: (decision, value) => decision.role_uses.some((use) => use.chain === value),
  code: (decision, value) => decision.codes.includes(value),
  rule: (decision, value) => decision.rules.some((rule) => rule.id === value),
  kind: (decision, value) => decision.kind === value,
  would_be: (decision, value) => decision.would_be === value,
  application: (decision, value) => decision.application === value,
  bucket: (decision, value) => decision.role_uses.some((use) => bucketOf(use.target) === value),
  gate: (decision, value) => decision.gate === value,
};

/** Whether a decision passes all filters: what the gate itself does with them. */
export function passes(decision: Decision, filters: Filters): boolean {
  return FILTER_NAMES.every((name) => {
    const value = filters[name];
    return value === undefined || HOLDS[name](decision, value);
  });
}
