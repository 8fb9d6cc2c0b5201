/** The answers of the gate. */
export type Word<T extends string> = T;
export type Action = "forward" | "annotate" | "reject";
export type Verdict = "allowed" | "would_be_refused" | "refused" | "undecided";
export type HopResult = "allowed" | "denied" | "unknown";
export interface RoleUse { clause: string; method: string; roles: string[]; chain: string; target: string | null }
export interface RuleSpoke { id: string; effect: "permit" | "forbid" }
export interface Outcome { time: string; runs: number; outcome: string; rows: number | null; error: string | null; seconds: number }
export interface Decision {
  id: string; seq: number; time: string; gate: string; session: number; user: string; database: string; application: string; client_address: string | null;
  groups: string[]; kind: string; action: Action; would_be: Action; mode: string; verdict: Verdict; codes: string[]; rules: RuleSpoke[]; role_uses: RoleUse[];
  statement: string; is_cut: boolean; decision_seconds: number; decision_path: string; outcome: Outcome | null;
}
export interface Segment { text: string; role_use: number | null }
export interface Hop { role_use: number | null; number: number; from: string; to: string; result: HopResult; message: string | null; evidence: string[]; remedy: string | null; unseen: string | null }
export interface Finding { code: string; title: string; severity: string; message: string; detail: string | null; hint: string | null; hop: number | null; decided: boolean; lenience: string | null; lenient_by: string | null }
export interface DecisionRecord extends Decision {
  login_user: string; cluster: string | null; backend_pid: number | null; client_port: number | null; tls_subject: string | null; exceptions: string[]; break_glass: string | null;
  nonce: string | null; policy_version: string; facts_version: string | null; facts_age_seconds: number | null; fingerprint: string; segments: Segment[]; truncated: boolean;
  hops: Hop[]; evidence_current: boolean; findings: Finding[];
}
export interface StreamOpen { started_at: string; cursor: string }
export interface OutcomeEvent extends Outcome { of: string }
export interface Lost { count: number }
export interface Page<T> { items: T[]; next: string | null }
export interface Limit { name: string; used: number; limit: number | null }
export interface Certificate { leg: "frontend" | "backend"; name: string; not_after: string | null; days_left: number | null; fault: string | null }
export interface GateStatus { name: string; cluster: string; listen: string; upstream: string; mode: string; policy_version: string; policy_changed_at: string | null; rules: number; sessions_open: number; limits: Limit[]; certificates: Certificate[] }
export interface ExceptionStatus { id: string; owner: string; ticket: string; reason: string | null; users: string[]; groups: string[]; chains: string[]; codes: string[]; until: string; days_left: number | null }
export interface Status {
  version: string; commit: string | null; started_at: string; now: string; ready: boolean; standing: string; checks: { name: string; fault: string | null }[]; gates: GateStatus[];
  configuration: { applied_at: string | null; fault: string | null; restart_pending: string[] }; audit: { records: boolean; failing: boolean; refuses: boolean; waiting: number; lost: number };
  exceptions: ExceptionStatus[]; recent: { decisions: number; bytes: number; max_decisions: number; max_bytes: number; judged: number; since: string | null };
}
export interface ClientText { message: string; detail: string | null; hint: string | null; position: number | null }
export interface Explanation { policy_version: string; is_plain: boolean; action: Action; would_be: Action; mode: string; client: ClientText | null; statements: DecisionRecord[] }
export interface Explain { gate: string; in_force: Explanation; shadow: Explanation; with_rules: Explanation | null }
export interface CanAssume { cluster: string; decision: HopResult; steps: Hop[] }
export interface Paths { cluster: string; to: string; chains: { roles: string[]; doubts: string[] }[]; is_cut: boolean }
export interface GraphNode { id: string; kind: "cluster" | "role" | "bucket" | "function" | "model" | "catalog" | "secret" | "stored_object" | "other"; name: string; account: string | null; arn: string | null; known: boolean | null; uses: number; first_seen: string | null; last_seen: string | null }
export interface GraphEdge {
  id: string; from: string; to: string; kind: "attachment" | "hop" | "reach" | "stores"; verdict: Verdict | "unused"; counts: Record<Verdict, number>; uses: number;
  first_seen: string | null; last_seen: string | null; users: { name: string; uses: number }[]; users_left_out: number; codes: string[]; doubt: string | null;
}
export interface GraphSource { source: "recent" | "facts" | "catalog"; available: boolean; note: string | null }
export interface Graph { gate: string | null; since: string | null; until: string; decisions: number; nodes: GraphNode[]; edges: GraphEdge[]; left_out: { nodes: number; edges: number; possible: boolean }; sources: GraphSource[] }
export interface RefusalGroup { key: string; count: number; first_seen: string; last_seen: string; trend: number[]; users: number; message: string | null; hint: string | null; example: string }
export interface Refusals { by: string; view: string; since: string | null; until: string; bucket_seconds: number; total: number; left_out: number; groups: RefusalGroup[] }
export interface Session { gate: string; session: number; user: string; login_user: string; database: string; application: string; client_address: string | null; client_port: number | null; backend_pid: number | null; tls_subject: string | null; since: string; state: string; judged: number; refused: number }
export interface Sessions { items: Session[]; total: number; next: string | null }
export interface Facts {
  version: string | null; accounts: { account: string; source: string; roles: number; captured_at: string; age_seconds: number }[];
  clusters: { name: string; account: string | null; region: string | null; attached_roles: string[] }[];
  fetches: { account: string; roles: number; read_at: string | null; age_seconds: number | null; stale: boolean; failures: number; last_error: string | null }[];
  catalogs: { gate: string; groups: number; read_at: string | null; last_error: string | null }[];
}
export interface Catalog { available: boolean; reason: string | null }
