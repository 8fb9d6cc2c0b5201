/** The filters that all views share; the gate itself applies them, to lists, the stream, the graph and refusals alike. Pure. */

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
  "at",
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
  { name: "at", label: "Passes", hint: "id of a node or an edge of the graph" },
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

/** Filters that only a judged statement can fit: under them the gate leaves out what nobody used. */
const OF_STATEMENTS: readonly FilterName[] = ["verdict", "user", "group", "code", "rule", "kind", "would_be", "application"];

export function isOfStatements(filters: Filters): boolean {
  return OF_STATEMENTS.some((name) => filters[name] !== undefined);
}
