/** What might keep the gate from being ready, the audit, exceptions, and how far back the page looks. */

import type { Status } from "../../api/types";
import { count, counted, span } from "../../text/format";
import { Nothing, Pair, Panel, Scroll } from "../../ui/parts";
import { Name, Text } from "../../ui/text";
import { now, Moment } from "../../ui/time";

export function Mark({ isGood, good, bad }: { isGood: boolean; good: string; bad: string }) {
  return <span class={`mark ${isGood ? "good" : "bad"}`}>{isGood ? good : bad}</span>;
}

export function ChecksPanel({ of }: { of: Status }) {
  const pending = of.configuration.restart_pending;
  return (
    <Panel title="Readiness" id="readiness" aside={<Mark isGood={of.ready} good="ready" bad={of.standing === "ready" ? "not ready" : of.standing} />}>
      <ul class="checks">
        {of.checks.map((check) => (
          <li key={check.name}><span><Text of={check.name} /></span><Mark isGood={check.fault === null} good="good" bad="fault" />{check.fault !== null && <p class="detail"><Text of={check.fault} /></p>}</li>
        ))}
      </ul>
      <dl class="pairs">
        <Pair name="Version"><Text of={of.version} />{of.commit !== null && <> <code><Text of={of.commit.slice(0, 12)} /></code></>}</Pair>
        <Pair name="Running for">{span((now.value.getTime() - new Date(of.started_at).getTime()) / 1000)}</Pair>
        <Pair name="Configuration applied"><Moment of={of.configuration.applied_at} /></Pair>
        <Pair name="Waits for a restart">{pending.length === 0 ? <span class="none">nothing</span> : <span class="warn"><Text of={pending.join(", ")} /></span>}</Pair>
      </dl>
      {of.configuration.fault !== null && <p class="fault">The files as they are now are not in force: <Text of={of.configuration.fault} /></p>}
    </Panel>
  );
}

export function AuditPanel({ of: { audit } }: { of: Status }) {
  const isGood = audit.records && !audit.failing && audit.lost === 0;
  return (
    <Panel title="Audit" id="audit" aside={<Mark isGood={isGood} good="good" bad={!audit.records ? "off" : audit.failing ? "failing" : "records lost"} />}>
      {!audit.records ? <Nothing>Nothing is recorded: the configuration names no audit.</Nothing> : (
        <dl class="pairs">
          <Pair name="Waiting to be written">{count(audit.waiting)}</Pair>
          <Pair name="Lost since the last gap">{count(audit.lost)}</Pair>
          <Pair name="Statements with roles">{audit.refuses ? "refused until it can be written" : "go on"}</Pair>
        </dl>
      )}
    </Panel>
  );
}

export function MemoryPanel({ of: { recent } }: { of: Status }) {
  const megabytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`;
  return (
    <Panel title="What this page sees" id="memory">
      <dl class="pairs">
        <Pair name="Decisions kept">{count(recent.decisions)} of {count(recent.max_decisions)}</Pair>
        <Pair name="Memory">{megabytes(recent.bytes)} of {megabytes(recent.max_bytes)}</Pair>
        <Pair name="Since"><Moment of={recent.since} /></Pair>
        <Pair name="Judged since the start">{count(recent.judged)}</Pair>
      </dl>
      <p class="note">Older decisions are in the audit alone.</p>
    </Panel>
  );
}

export function ExceptionsPanel({ of: { exceptions } }: { of: Status }) {
  return (
    <Panel title="Exceptions" id="exceptions">
      {exceptions.length === 0 ? <Nothing>No refusal is borne with for a while.</Nothing> : (
        <Scroll label="Exceptions">
          <table class="many">
            <caption class="sr">Refusals that are borne with for a while</caption>
            <thead><tr><th scope="col">Exception</th><th scope="col">Owner</th><th scope="col">Ticket</th><th scope="col">For</th><th scope="col" class="number">Days left</th><th scope="col">Until</th></tr></thead>
            <tbody>
              {exceptions.map((one) => (
                <tr key={one.id}>
                  <th scope="row"><Text of={one.id} />{one.reason !== null && <p class="detail"><Text of={one.reason} /></p>}</th>
                  <td><Name of={one.owner} /></td>
                  <td><Name of={one.ticket} /></td>
                  <td>{whom(one) === "" ? <span class="none">all</span> : <Text of={whom(one)} />}</td>
                  <td class={`number ${one.days_left === null ? "bad" : one.days_left <= 14 ? "warn" : ""}`}>{one.days_left === null ? "over" : count(one.days_left)}</td>
                  <td class="when"><Moment of={one.until} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}

function whom({ users, groups, chains, codes }: Status["exceptions"][number]): string {
  const parts = [...users, ...groups.map((group) => `group ${group}`), ...codes];
  if (chains.length > 0) parts.push(counted(chains.length, "chain"));
  return parts.join(", ");
}
