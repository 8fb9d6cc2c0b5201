/** What of the gate's graph is shown: what passes through a choice, and accounts folded into one node. Pure. */

import type { GraphEdge, GraphNode, Graph } from "../../api/types";
import { bucketOf, type Filters } from "../../filters";

/** A node as it is shown. */
export interface ShownNode {
  id: string;
  kind: GraphNode["kind"] | "folded";
  name: string;
  account: string | null;
  arn: string | null;
  known: boolean | null;
  /** Who stores it, of an object of the cluster. */
  owner: string | null;
  uses: number;
  first: string | null;
  last: string | null;
  /** The ids that a folded node stands for. */
  members: readonly string[];
  /** Nodes of a group are drawn beside each other. */
  group: string;
}

/** An edge as it is shown; between folded nodes it stands for several. */
export interface ShownEdge {
  id: string;
  from: string;
  to: string;
  kind: GraphEdge["kind"];
  verdict: GraphEdge["verdict"];
  counts: GraphEdge["counts"];
  uses: number;
  first: string | null;
  last: string | null;
  users: readonly { name: string; uses: number }[];
  usersLeftOut: number;
  codes: readonly string[];
  /** What cannot be told of a step that nobody took. */
  doubt: string | null;
  /** The ids of the edges that it stands for. */
  members: readonly string[];
}

export interface Shown {
  nodes: readonly ShownNode[];
  edges: readonly ShownEdge[];
}

export interface Choices {
  filters: Filters;
  /** A node or an edge: what passes through it stays. */
  at: string | null;
  /** A part of a name, account or ARN: what matches stays, with what is near. */
  find: string;
  /** How many steps from what was chosen or found. */
  near: number;
  /** Whether accounts are folded; `null`: when there is too much to read. */
  fold: boolean | null;
  /** Groups that are turned over: open where all are folded, folded where all are open. */
  turned: ReadonlySet<string>;
}

/** More nodes than this are folded, unless somebody says otherwise. */
export const READABLE = 80;

const GRAVITY = ["unused", "allowed", "undecided", "would_be_refused", "refused"] as const;
const REACHED = new Set<string>(["bucket", "function", "model", "catalog", "secret", "other"]);

/** The group of a node: its account, or what it is. */
export function groupOf(node: Pick<GraphNode, "kind" | "account">): string {
  if (node.kind === "cluster") return "cluster";
  if (node.kind === "stored_object") return "stored";
  return node.account ?? node.kind;
}

export function isReached(kind: ShownNode["kind"]): boolean {
  return REACHED.has(kind);
}

/** What is shown of a graph. */
export function show(graph: Graph, choices: Choices): Shown {
  const kept = narrow(graph, choices);
  const isFolded = choices.fold ?? kept.nodes.length > READABLE;
  return fold(kept, (group) => isFolded !== choices.turned.has(group));
}

interface Raw {
  nodes: readonly GraphNode[];
  edges: readonly GraphEdge[];
}

/** The gate has filtered already; what is chosen narrows the picture at once, and its steps that nobody used too. */
function narrow(graph: Raw, { filters, at, find, near }: Choices): Raw {
  const seeds = seedsOf(graph, filters, at, find);
  return seeds === null ? graph : through(graph, seeds, near);
}

/** Where what is kept begins; `null`: everywhere. */
function seedsOf({ nodes, edges }: Raw, filters: Filters, at: string | null, find: string): Seeds | null {
  const edge = at === null ? undefined : edges.find((one) => one.id === at);
  if (edge) return { up: [edge.from], down: [edge.to], edge };
  const ids = nodes.filter((node) => isSeed(node, filters, at, find)).map((node) => node.id);
  const isAsked = at !== null || find !== "" || filters.role !== undefined || filters.bucket !== undefined;
  return isAsked ? { up: ids, down: ids, edge: null } : null;
}

interface Seeds {
  up: readonly string[];
  down: readonly string[];
  edge: GraphEdge | null;
}

function isSeed(node: GraphNode, filters: Filters, at: string | null, find: string): boolean {
  if (at !== null && node.id !== at) return false;
  if (filters.role !== undefined && node.arn !== filters.role) return false;
  if (filters.bucket !== undefined && bucketOfNode(node) !== filters.bucket) return false;
  return find === "" || matches(node, find);
}

/** The bucket of a node: nodes tell the beginnings of paths in a bucket apart. */
export function bucketOfNode({ kind, name }: Pick<ShownNode, "kind" | "name">): string | null {
  return kind === "bucket" ? (bucketOf(name) ?? name) : null;
}

/** Whether a name, an account or an ARN holds a text, whatever the case. */
export function matches(node: Pick<ShownNode, "name" | "account" | "arn">, find: string): boolean {
  const text = find.toLowerCase();
  return [node.name, node.account, node.arn].some((part) => part?.toLowerCase().includes(text));
}

/** What leads to the seeds and what they lead to, up to so many steps. */
function through({ nodes, edges }: Raw, seeds: Seeds, near: number): Raw {
  const walked = new Set<GraphEdge>();
  if (seeds.edge) walked.add(seeds.edge);
  const kept = new Set<string>([...seeds.up, ...seeds.down]);
  walk(seeds.up, near, by(edges, "to"), (edge) => edge.from, walked, kept);
  walk(seeds.down, near, by(edges, "from"), (edge) => edge.to, walked, kept);
  return { nodes: nodes.filter((node) => kept.has(node.id)), edges: edges.filter((edge) => walked.has(edge)) };
}

/** The edges of each node, by one of their ends. */
function by(edges: readonly GraphEdge[], end: "from" | "to"): (id: string) => readonly GraphEdge[] {
  const found = new Map<string, GraphEdge[]>();
  for (const edge of edges) {
    const list = found.get(edge[end]);
    if (list) list.push(edge);
    else found.set(edge[end], [edge]);
  }
  return (id) => found.get(id) ?? [];
}

function walk(
  from: readonly string[],
  steps: number,
  edgesOf: (id: string) => readonly GraphEdge[],
  far: (edge: GraphEdge) => string,
  walked: Set<GraphEdge>,
  kept: Set<string>,
): void {
  const seen = new Set(from);
  let front: string[] = [...from];
  for (let step = 0; step < steps && front.length > 0; step += 1) {
    const next: string[] = [];
    for (const edge of front.flatMap(edgesOf)) {
      walked.add(edge);
      const id = far(edge);
      kept.add(id);
      if (!seen.has(id)) {
        seen.add(id);
        next.push(id);
      }
    }
    front = next;
  }
}

/** Steps from the cluster, by which nodes of an account that stand in different columns are folded apart. */
function depths({ nodes, edges }: Raw): Map<string, number> {
  const out = by(edges, "from");
  const depth = new Map<string, number>();
  let front = nodes.filter((node) => node.kind === "cluster").map((node) => node.id);
  for (let step = 0; front.length > 0; step += 1) {
    for (const id of front) depth.set(id, step);
    front = [...new Set(front.flatMap((id) => out(id).map((edge) => edge.to)))].filter((id) => !depth.has(id));
  }
  return depth;
}

function fold(raw: Raw, isFolded: (group: string) => boolean): Shown {
  const depth = depths(raw);
  const place = new Map<string, string>();
  const folds = new Map<string, GraphNode[]>();
  for (const node of raw.nodes) {
    const group = groupOf(node);
    if (node.kind === "cluster" || !isFolded(group)) continue;
    const id = `folded:${group}:${isReached(node.kind) ? "reached" : (depth.get(node.id) ?? 0)}`;
    const members = folds.get(id);
    if (members) members.push(node);
    else folds.set(id, [node]);
  }
  const nodes: ShownNode[] = [];
  for (const [id, members] of folds) {
    // One that stands for one alone hides more than it saves.
    if (members.length < 2) continue;
    for (const member of members) place.set(member.id, id);
    nodes.push(folded(id, members));
  }
  for (const node of raw.nodes) if (!place.has(node.id)) nodes.push(plain(node));
  return { nodes, edges: mergedEdges(raw.edges, (id) => place.get(id) ?? id) };
}

function plain(node: GraphNode): ShownNode {
  const { id, kind, name, account, arn, known, owner, uses, first_seen, last_seen } = node;
  return { id, kind, name, account, arn, known, owner, uses, first: first_seen, last: last_seen, members: [], group: groupOf(node) };
}

const PLURALS: Readonly<Record<string, string>> = { bucket: "buckets", function: "functions", model: "models", catalog: "catalogues", secret: "secrets", stored_object: "stored objects", other: "others", role: "roles" };

function folded(id: string, members: readonly GraphNode[]): ShownNode {
  const [first] = members;
  const kind = first?.kind ?? "other";
  return {
    id,
    kind: "folded",
    name: `${members.length} ${PLURALS[kind] ?? kind}`,
    account: first?.account ?? null,
    arn: null,
    known: null,
    owner: null,
    uses: members.reduce((sum, node) => sum + node.uses, 0),
    first: extreme(members.map((node) => node.first_seen), (a, b) => a < b),
    last: extreme(members.map((node) => node.last_seen), (a, b) => a > b),
    members: members.map((node) => node.id),
    group: first ? groupOf(first) : "other",
  };
}

function extreme(times: readonly (string | null)[], isBefore: (a: string, b: string) => boolean): string | null {
  let best: string | null = null;
  for (const time of times) if (time !== null && (best === null || isBefore(time, best))) best = time;
  return best;
}

function mergedEdges(edges: readonly GraphEdge[], place: (id: string) => string): ShownEdge[] {
  const bundles = new Map<string, GraphEdge[]>();
  for (const edge of edges) {
    const [from, to] = [place(edge.from), place(edge.to)];
    if (from === to) continue;
    const isWhole = from === edge.from && to === edge.to;
    const key = isWhole ? edge.id : `${edge.kind}:${from}>${to}`;
    const bundle = bundles.get(key);
    if (bundle) bundle.push(edge);
    else bundles.set(key, [edge]);
  }
  return [...bundles].flatMap(([id, bundle]) => (bundle[0] ? [bundled(id, bundle[0], bundle, place)] : []));
}

function bundled(id: string, first: GraphEdge, bundle: readonly GraphEdge[], place: (id: string) => string): ShownEdge {
  const users = new Map<string, number>();
  const counts = { allowed: 0, would_be_refused: 0, refused: 0, undecided: 0 };
  let gravest = 0;
  for (const edge of bundle) {
    gravest = Math.max(gravest, GRAVITY.indexOf(edge.verdict));
    for (const { name, uses } of edge.users) users.set(name, (users.get(name) ?? 0) + uses);
    counts.allowed += edge.counts.allowed;
    counts.would_be_refused += edge.counts.would_be_refused;
    counts.refused += edge.counts.refused;
    counts.undecided += edge.counts.undecided;
  }
  return {
    id,
    from: place(first.from),
    to: place(first.to),
    kind: first.kind,
    verdict: GRAVITY[gravest] ?? "unused",
    counts,
    uses: bundle.reduce((sum, edge) => sum + edge.uses, 0),
    first: extreme(bundle.map((edge) => edge.first_seen), (a, b) => a < b),
    last: extreme(bundle.map((edge) => edge.last_seen), (a, b) => a > b),
    users: [...users].map(([name, uses]) => ({ name, uses })).sort((a, b) => b.uses - a.uses).slice(0, 10),
    usersLeftOut: bundle.reduce((sum, edge) => sum + edge.users_left_out, 0) + Math.max(0, users.size - 10),
    codes: [...new Set(bundle.flatMap((edge) => edge.codes))].sort(),
    doubt: bundle.length > 1 ? null : first.doubt,
    members: bundle.length > 1 ? bundle.map((edge) => edge.id) : [],
  };
}

/** How wide an edge is drawn: it doubles with every hundredfold of uses. */
export function width(uses: number): number {
  return uses === 0 ? 1.25 : Math.min(7, 1.5 + Math.log10(uses) * 1.4);
}
