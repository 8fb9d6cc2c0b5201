/** What was judged and why: the text, the findings, each chain hop by hop, the rules that spoke. Live and Why share it. */

import type { DecisionRecord, Finding, Hop, RoleUse, StoredUse } from "../api/types";
import { counted, span, took, words } from "../text/format";
import { Copy, Pair } from "../ui/parts";
import { Chain, Name, Role, Text } from "../ui/text";
import { Moment } from "../ui/time";
import { HopBadge, VerdictBadge } from "../ui/verdict";

type Judgement = Pick<DecisionRecord, "kind" | "action" | "would_be" | "verdict" | "codes" | "rules" | "role_uses" | "stored_uses" | "segments" | "hops" | "findings">;

export function Judged({ of, evidenceCurrent = true }: { of: Judgement; evidenceCurrent?: boolean }) {
  return (
    <>
      <p class="headline">
        <VerdictBadge of={of.verdict} />
        <span>{words(of.kind)}</span>
        <span class="codes"><Text of={of.codes.join(" ")} /></span>
      </p>
      <Statement of={of} />
      {of.findings.length > 0 && (
        <section class="part">
          <h3>What was found</h3>
          <ul class="findings">{of.findings.map((finding, index) => <FindingItem key={index} of={finding} />)}</ul>
        </section>
      )}
      {of.role_uses.map((use, index) => (
        <RoleUseItem key={index} of={use} hops={of.hops.filter((hop) => (hop.role_use ?? 0) === index)} />
      ))}
      {of.stored_uses.length > 0 && <StoredUses of={of.stored_uses} />}
      {!evidenceCurrent && <p class="note">Policy or facts have changed since: the evidence is that of the facts in force now.</p>}
      <Rules of={of} />
    </>
  );
}

function Statement({ of }: { of: Judgement }) {
  if (of.segments.length === 0) return null;
  return (
    <section class="part">
      <h3>Statement</h3>
      <pre class="sql" tabIndex={0} aria-label="Statement">
        {of.segments.map((segment, index) => segment.role_use === null
          ? <Text key={index} of={segment.text} lines />
          : <mark key={index} class={of.verdict}><Text of={segment.text} lines /></mark>)}
      </pre>
    </section>
  );
}

function FindingItem({ of }: { of: Finding }) {
  return (
    <li>
      <p><strong class={`severity ${of.severity}`}><Text of={of.code} /></strong> <Text of={of.message} /></p>
      {of.detail !== null && <p class="detail"><Text of={of.detail} lines /></p>}
      {of.lenience !== null && (
        <p class="detail">Would refuse, but for <Text of={words(of.lenience)} />{of.lenient_by !== null && <> <Text of={of.lenient_by} /></>}</p>
      )}
      {of.hint !== null && <Remedy text={of.hint} />}
    </li>
  );
}

/** What to do, to be copied. */
function Remedy({ text }: { text: string }) {
  return (
    <div class="remedy">
      <pre tabIndex={0} aria-label="Remedy"><Text of={text} lines /></pre>
      <Copy text={text} what="remedy" />
    </div>
  );
}

function RoleUseItem({ of, hops }: { of: RoleUse; hops: readonly Hop[] }) {
  return (
    <section class="part">
      <h3>{of.roles.length > 1 ? "Chain" : "Role"}: <Chain roles={of.roles} method={of.method} /></h3>
      <p class="detail">{words(of.clause)}{of.target !== null && <> to <Text of={of.target} /></>}</p>
      {hops.length > 0 && <ol class="hops">{hops.map((hop) => <HopItem key={hop.number} of={hop} />)}</ol>}
    </section>
  );
}

/** Credentials that the cluster stores and that the statement names nowhere. */
function StoredUses({ of }: { of: readonly StoredUse[] }) {
  return (
    <section class="part stored">
      <h3>Stored in the cluster</h3>
      <ul class="findings">
        {of.map((use, index) => (
          <li key={index}>
            <p><Chain roles={use.roles} method={use.method} /> <span class="detail">kept by</span> <Text of={use.object} />{!use.certain && <span class="detail"> (as far as can be told)</span>}</p>
            <p class="detail">
              Used through a {words(use.via)}
              {use.through.length > 0 && <>: {use.through.map((name, place) => <span key={place}>{place > 0 && <span class="arrow" aria-label="then"> → </span>}<Text of={name} /></span>)}</>}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function HopItem({ of }: { of: Hop }) {
  return (
    <li class={of.result}>
      <p class="hop">
        <span class="number">{of.number === 0 ? "attached" : `hop ${of.number}`}</span>
        <span class="ends"><Role arn={of.from} /> <span class="arrow" aria-label="to">→</span> <Role arn={of.to} /></span>
        <HopBadge of={of.result} />
      </p>
      {of.message !== null && <p><Text of={of.message} /></p>}
      {of.evidence.map((line, index) => <p key={index} class="detail"><Text of={line} lines /></p>)}
      {of.unseen !== null && <p class="detail">Not seen by the gate: <Text of={of.unseen} /></p>}
      {of.remedy !== null && <Remedy text={of.remedy} />}
    </li>
  );
}

function Rules({ of }: { of: Judgement }) {
  return (
    <section class="part">
      <h3>Rules that spoke</h3>
      {of.rules.length === 0 ? <p class="none">none</p> : (
        <ul class="rules">
          {of.rules.map((rule, index) => <li key={index}><span class={`effect ${rule.effect}`}>{rule.effect}</span> <Text of={rule.id} /></li>)}
        </ul>
      )}
    </section>
  );
}

/** Everything else that the record holds. */
export function Circumstances({ of }: { of: DecisionRecord }) {
  return (
    <section class="part">
      <h3>Circumstances</h3>
      <dl class="pairs">
        <Pair name="Time"><Moment of={of.time} /></Pair>
        <Pair name="Done">{of.action}{of.action !== of.would_be && ` (enforcement would ${of.would_be})`}</Pair>
        <Pair name="Mode">{of.mode}</Pair>
        <Pair name="Outcome">{outcomeText(of)}</Pair>
        <Pair name="User"><Name of={of.user} />{of.login_user !== of.user && <> (logged in as <Name of={of.login_user} />)</>}</Pair>
        <Pair name="Groups">{of.groups.length === 0 ? <Name of={null} /> : of.groups.map((group, index) => <span key={index}>{index > 0 && ", "}<Text of={group} /></span>)}</Pair>
        <Pair name="Database"><Name of={of.database} /></Pair>
        <Pair name="Application"><Name of={of.application} /></Pair>
        <Pair name="Client"><Name of={of.client_address} />{of.client_port !== null && ` port ${of.client_port}`}</Pair>
        {of.tls_subject !== null && <Pair name="Certificate"><Text of={of.tls_subject} /></Pair>}
        <Pair name="Gate"><Text of={of.gate} /></Pair>
        <Pair name="Cluster"><Name of={of.cluster} /></Pair>
        <Pair name="Session">{of.session}</Pair>
        {of.backend_pid !== null && <Pair name="Cluster's process">{of.backend_pid}</Pair>}
        {of.exceptions.length > 0 && <Pair name="Exceptions"><Text of={of.exceptions.join(", ")} /></Pair>}
        {of.break_glass !== null && <Pair name="Break-glass"><Text of={of.break_glass} /></Pair>}
        <Pair name="Decided in">{took(of.decision_seconds)}, {of.decision_path}</Pair>
        <Pair name="Policy"><code><Text of={of.policy_version} /></code></Pair>
        <Pair name="Facts"><code><Name of={of.facts_version} /></code>{of.facts_age_seconds !== null && `, ${span(of.facts_age_seconds)} old`}</Pair>
        {of.nonce !== null && <Pair name="In the cluster's log as"><code><Text of={of.nonce} /></code></Pair>}
        <Pair name="Fingerprint"><code><Text of={of.fingerprint} /></code></Pair>
        <Pair name="Audit record"><code><Text of={of.id} /></code></Pair>
      </dl>
      {of.truncated && <p class="note">The record holds the beginning of the statement alone.</p>}
    </section>
  );
}

function outcomeText(of: DecisionRecord): string {
  if (of.outcome === null) return of.action === "reject" ? "not sent to the cluster" : "none yet";
  const { outcome, rows, error, seconds, runs } = of.outcome;
  const said: string[] = [outcome];
  if (rows !== null) said.push(counted(rows, "row"));
  if (error !== null) said.push(`SQLSTATE ${error}`);
  if (runs > 1) said.push(`run ${runs} times, the last`);
  return `${said.join(", ")} after ${took(seconds)}`;
}
