/** Things to test with. */

import type { Decision, Graph, GraphEdge, GraphNode } from "../src/api/types";

export const A = "arn:aws:iam::111122223333:role/A";
export const B = "arn:aws:iam::444455556666:role/B";

export function decision(id: string, change: Partial<Decision> = {}): Decision {
  return {
    id, seq: 1, time: "2026-11-28T07:30:00.000000Z", gate: "demo", session: 1, user: "etl", database: "dev", application: "dbt", client_address: null,
    groups: ["etl"], kind: "unload", action: "forward", would_be: "forward", mode: "enforce", verdict: "allowed", codes: [], rules: [{ id: "permit-all", effect: "permit" }],
    role_uses: [{ clause: "iam_role", method: "chain", roles: [A, B], chain: `${A},${B}`, target: "s3://landing/orders/" }],
    stored_uses: [], statement: "unload", is_cut: false, decision_seconds: 0.00002, decision_path: "cached", outcome: null, ...change,
  };
}

export function node(id: string, kind: GraphNode["kind"], change: Partial<GraphNode> = {}): GraphNode {
  return { id, kind, name: id, account: null, arn: null, known: null, owner: null, uses: 1, first_seen: "2026-11-28T07:00:00Z", last_seen: "2026-11-28T07:30:00Z", ...change };
}

export function edge(from: string, to: string, kind: GraphEdge["kind"], verdict: GraphEdge["verdict"], uses = 1, change: Partial<GraphEdge> = {}): GraphEdge {
  const counts = { allowed: 0, would_be_refused: 0, refused: 0, undecided: 0, ...(verdict === "unused" ? {} : { [verdict]: uses }) };
  return { id: `${from}>${to}`, from, to, kind, verdict, counts, uses, first_seen: null, last_seen: null, users: [{ name: "etl", uses }], users_left_out: 0, codes: [], doubt: null, ...change };
}

export function graph(nodes: GraphNode[], edges: GraphEdge[]): Graph {
  return { gate: null, since: null, until: "2026-11-28T07:30:00Z", decisions: 1, nodes, edges, left_out: { nodes: 0, edges: 0, possible: false }, sources: [] };
}

/** A cluster, two accounts and two buckets. */
export const SAMPLE = graph(
  [
    node("cluster", "cluster"),
    node("a", "role", { account: "1", arn: A }),
    node("b", "role", { account: "2", arn: B }),
    node("c", "role", { account: "2" }),
    node("s1", "bucket", { name: "s3://one/x/" }),
    node("s2", "bucket", { name: "s3://two/" }),
  ],
  [
    edge("cluster", "a", "attachment", "allowed", 10),
    edge("a", "b", "hop", "allowed", 7),
    edge("a", "c", "hop", "refused", 3, { codes: ["RG203"], users: [{ name: "analyst", uses: 3 }] }),
    edge("b", "s1", "reach", "allowed", 7),
    edge("c", "s2", "reach", "refused", 3, { codes: ["RG203"], users: [{ name: "analyst", uses: 3 }] }),
  ],
);
