/** Judges a statement that is typed in: by the policy in force, and beside it by shadow or by other rules. */

import { useState } from "preact/hooks";

import { post } from "../../api/client";
import type { Explain, Explanation, Verdict } from "../../api/types";
import { route } from "../../route";
import { words } from "../../text/format";
import { Area, Field, Form } from "../../ui/form";
import { Choice, Fault, Nothing } from "../../ui/parts";
import { Text } from "../../ui/text";
import { VerdictBadge } from "../../ui/verdict";
import { Judged } from "../record";
import { useAnswer, useFields } from "./ask";
import { GateField } from "./gate";
import { localOf, utcOf } from "./time";

const NAMES = ["sql", "as", "groups", "database", "app", "client", "at", "at_gate", "rules"] as const;
const EXAMPLE = "unload ('select ...') to 's3://bucket/prefix' iam_role 'arn:aws:iam::<account>:role/<first>,arn:aws:iam::<account>:role/<next>'";
/** What no address should hold. */
const SECRET = /secret_access_key|access_key_id|session_token|client_secret|password/i;

export function StatementForm() {
  const [fields, change, send] = useFields(NAMES);
  // A statement with a secret is asked about without going through the address.
  const [secret, setSecret] = useState<string | null>(null);
  const [beside, setBeside] = useState<"shadow" | "rules">(fields.rules === "" ? "shadow" : "rules");
  const asked = secret ?? fields.sql;
  const question = questionOf(secret);
  const [answer, again] = useAnswer<Explain>(question, (abort) => post("/explain", JSON.parse(question ?? "{}"), abort));
  const submit = () => {
    if (asked.trim() === "") return;
    if (SECRET.test(asked)) {
      setSecret(asked);
      again();
    } else if (!send()) again();
  };
  const typeSql = (text: string) => {
    if (secret !== null) setSecret(null);
    change("sql")(text);
  };
  return (
    <>
      <Form label="Statement" submit={submit} action="Explain" isBusy={answer.isBusy}>
        <Area name="sql" label="Statement" value={asked} change={typeSql} rows={6} hint={EXAMPLE} />
        <Field name="as" label="User" value={fields.as} change={change("as")} />
        <Field name="groups" label="Groups" value={fields.groups} change={change("groups")} hint="a, b" />
        <Field name="database" label="Database" value={fields.database} change={change("database")} />
        <Field name="app" label="Application" value={fields.app} change={change("app")} />
        <Field name="client" label="Client address" value={fields.client} change={change("client")} />
        <Field name="at" label="Time (now if empty)" type="datetime-local" value={localOf(fields.at)} change={(value) => change("at")(utcOf(value))} />
        <GateField value={fields.at_gate} change={change("at_gate")} />
        <div class="wide">
          <Choice label="Beside the policy in force" value={beside} choose={(value) => { setBeside(value); if (value === "shadow") change("rules")(""); }}
            of={[["shadow", "Beside shadow"], ["rules", "Beside rules of your own"]]} />
        </div>
        {beside === "rules" && (
          <Area name="rules" label="Rules, in place of those in force; judged in memory, kept nowhere" value={fields.rules} change={change("rules")} rows={8}
            hint={'@id("no-cross-account-unload")\nforbid (principal, action == Rolegate::Action::"Unload", resource)\nwhen { resource.leaves_cluster_account };'} />
        )}
      </Form>
      <div aria-live="polite">
        <Fault of={answer.fault} />
        {answer.data && <Answers of={answer.data} />}
      </div>
    </>
  );
}

/** What the address asks, as the body of the request. */
function questionOf(secret: string | null): string | null {
  const { params } = route.value;
  const sql = secret ?? params.get("sql") ?? "";
  if (sql === "") return null;
  const groups = (params.get("groups") ?? "").split(",").map((group) => group.trim()).filter((group) => group !== "");
  const optional = {
    gate: params.get("at_gate"),
    user: params.get("as"),
    database: params.get("database"),
    application: params.get("app"),
    client_address: params.get("client"),
    time: params.get("at"),
    rules: params.get("rules"),
  };
  const given = Object.entries(optional).filter(([, value]) => value);
  return JSON.stringify({ sql, ...(groups.length > 0 ? { groups } : {}), ...Object.fromEntries(given) });
}

function Answers({ of }: { of: Explain }) {
  const other = of.with_rules ?? of.shadow;
  return (
    <div class="answers">
      <AnswerPanel id="in-force" title="Policy in force" of={of.in_force} />
      <AnswerPanel id="beside" title={of.with_rules ? "With your rules" : "In shadow"} of={other} />
    </div>
  );
}

function AnswerPanel({ id, title, of }: { id: string; title: string; of: Explanation }) {
  return (
    <section class="panel answer" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {!of.is_plain && <VerdictBadge of={verdictOf(of)} />}
      </header>
      {of.is_plain ? <Nothing>Nothing to be judged: the statement names no credentials and goes to the cluster as it is.</Nothing> : (
        <>
          <p class="detail">
            {done(of)} Policy <code><Text of={of.policy_version} /></code>, {of.mode}.
          </p>
          {of.client && (
            <section class="part">
              <h3>What the client reads</h3>
              <pre class="client" tabIndex={0} aria-label="What the client reads">
                {of.action === "reject" ? "ERROR: " : "WARNING: "}<Text of={of.client.message} lines />
                {of.client.detail !== null && <>{"\n"}DETAIL: <Text of={of.client.detail} lines /></>}
                {of.client.hint !== null && <>{"\n"}HINT: <Text of={of.client.hint} lines /></>}
              </pre>
            </section>
          )}
          {of.statements.map((statement, index) => <Judged key={index} of={statement} />)}
        </>
      )}
    </section>
  );
}

/** The gravest verdict of its statements. */
function verdictOf(of: Explanation): Verdict {
  if (of.action === "reject") return "refused";
  if (of.would_be === "reject") return "would_be_refused";
  return of.statements.some((statement) => statement.verdict === "undecided") ? "undecided" : "allowed";
}

function done(of: Explanation): string {
  const said = { forward: "It goes to the cluster.", annotate: "It goes to the cluster with a comment and a warning.", reject: "It is refused." }[of.action];
  return of.would_be === of.action ? said : `${said} Enforcement would ${words(of.would_be)} it.`;
}
