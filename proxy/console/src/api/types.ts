/** The answers of the gate. */
export type Word<T extends string> = T;
export type Action = "forward" | "annotate" | "reject";
export type Verdict = "allowed" | "would_be_refused" | "refused" | "undecided";
export type HopResult = "allowed" | "denied" | "unknown";
export interface RoleUse { clause: string; method: string; roles: string[]; chain: string; target: string | null }
export interface RuleSpoke { id: string; effect: "permit" | "forbid" }
export interface Outcome { outcome: string; rows: number | null; error: string | null; seconds: number }
export interface Decision {
  id: string; seq: number; time: string; gate: string; session: string; user: string; database: string; application: string; client_address: string | null;
  groups: string[]; kind: string; action: Action; would_be: Action; mode: string; verdict: Verdict; codes: string[]; rules: RuleSpoke[]; role_uses: RoleUse[];
  statement: string; is_cut: boolean; decision_seconds: number; decision_path: string; outcome: Outcome | null;
}
export interface Segment { text: string; role_use: number | null }
export interface Hop { role_use: number | null; number: number; from: string; to: string; result: HopResult; message: string | null; evidence: string[]; remedy: string | null }
export interface Finding { code: string; severity: string; message: string; detail: string | null; hint: string | null; hop: number | null; decided: boolean; lenience: unknown }
export interface DecisionRecord extends Decision {
  login_user: string; cluster: string | null; backend_pid: number | null; client_port: number | null; tls_subject: string | null; exceptions: string[]; break_glass: string | null;
  nonce: string | null; policy_version: string; facts_version: string | null; facts_age_seconds: number | null; fingerprint: string; segments: Segment[]; truncated: boolean;
  hops: Hop[]; evidence_current: boolean; findings: Finding[];
}
export interface StreamOpen { started_at: string; cursor: string }
export interface OutcomeEvent extends Outcome { of: string; time: string }
export interface Lost { count: number }
export interface Page<T> { items: T[]; next: string | null }
export interface Limit { name: string; used: number | null; limit: number | null }
export interface Certificate { leg: "frontend" | "backend"; name: string; not_after: string | null; days_left: number | null; fault: string | null }
export interface GateStatus { name: string; cluster: string | null; listen: string; upstream: string; mode: string; policy_version: string; policy_changed_at: string; sessions_open: number; limits: Limit[]; certificates: Certificate[] }
export interface ExceptionStatus { id: string; owner?: string; reason?: string; until: string; days_left: number; expired: boolean }
export interface Status {
  version: string; commit: string | null; started_at: string; now: string; ready: boolean; standing: string; checks: { name: string; fault: string | null }[]; gates: GateStatus[];
  configuration: { applied_at: string | null; fault: string | null; restart_pending: string[] }; audit: { records: boolean; refuses: boolean; waiting: number; dropped: number };
  exceptions: ExceptionStatus[]; recent: { decisions: number; bytes: number; max_decisions: number; max_bytes: number; since: string | null };
}
export interface ClientText { message: string; detail: string | null; hint: string | null }
export interface Explained { kind: string; action: Action; would_be: Action; verdict: Verdict; codes: string[]; rules: RuleSpoke[]; role_uses: RoleUse[]; segments: Segment[]; hops: Hop[]; findings: Finding[]; statement_cut?: boolean }
export interface Explanation { policy_version: string; is_plain: boolean; action: Action; would_be: Action; mode: string; verdict: Verdict; client: ClientText | null; statements: Explained[] }
export interface Explain { gate: string; in_force: Explanation; shadow: Explanation; with_rules: Explanation | null }
export interface CanAssume { cluster: string; decision: HopResult; steps: (Hop & { unseen: string | null })[] }
export interface Paths { cluster: string; to: string; chains: { roles: string[]; doubts: string[] }[]; is_cut: boolean }
