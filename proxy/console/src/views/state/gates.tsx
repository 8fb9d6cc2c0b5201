/** Gates, their limits and their certificates. */

import type { Status } from "../../api/types";
import { count, words } from "../../text/format";
import { visible } from "../../text/visible";
import { Nothing, Panel, Scroll } from "../../ui/parts";
import { Name, Text } from "../../ui/text";
import { Ago, Moment } from "../../ui/time";

/** A certificate with fewer days is to be seen to. */
const SOON_DAYS = 30;
/** A limit that is used more than this is to be seen to. */
const MUCH = 0.8;

export function GatesPanel({ of: { gates } }: { of: Status }) {
  return (
    <Panel title="Gates" id="gates">
      <Scroll label="Gates">
        <table class="many">
          <caption class="sr">Gates</caption>
          <thead>
            <tr>
              <th scope="col">Gate</th><th scope="col">Mode</th><th scope="col">Cluster</th><th scope="col">Listens on</th><th scope="col">Leads to</th>
              <th scope="col" class="number">Sessions</th><th scope="col" class="number">Rules</th><th scope="col">Policy</th><th scope="col">Changed</th>
            </tr>
          </thead>
          <tbody>
            {gates.map((gate) => (
              <tr key={gate.name}>
                <th scope="row"><Text of={gate.name} /></th>
                <td class={gate.mode === "shadow" ? "warn" : ""}>{gate.mode}</td>
                <td><Name of={gate.cluster} /></td>
                <td class="fixed"><Text of={gate.listen} /></td>
                <td class="fixed"><Text of={gate.upstream} /></td>
                <td class="number">{count(gate.sessions_open)}</td>
                <td class="number">{count(gate.rules)}</td>
                <td class="fixed"><code title={visible(gate.policy_version)}><Text of={gate.policy_version.slice(0, 16)} /></code></td>
                <td class="when"><Ago of={gate.policy_changed_at} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </Panel>
  );
}

export function LimitsPanel({ of: { gates } }: { of: Status }) {
  const rows = gates.flatMap((gate) => gate.limits.map((limit) => ({ gate: gate.name, ...limit })));
  return (
    <Panel title="Limits" id="limits">
      {rows.length === 0 ? <Nothing>The gate tells of no limits.</Nothing> : (
        <Scroll label="Limits">
          <table>
            <caption class="sr">Limits and how far they are used</caption>
            <thead><tr><th scope="col">Gate</th><th scope="col">Limit</th><th scope="col" class="number">Used</th><th scope="col" class="number">At most</th><th scope="col">Share</th></tr></thead>
            <tbody>
              {rows.map((row) => {
                const share = row.limit === null || row.limit === 0 ? null : row.used / row.limit;
                return (
                  <tr key={`${row.gate} ${row.name}`}>
                    <td><Text of={row.gate} /></td>
                    <th scope="row">{words(row.name)}</th>
                    <td class="number">{count(row.used)}</td>
                    <td class="number">{row.limit === null ? <span class="none">any</span> : count(row.limit)}</td>
                    <td>{share !== null && <Share of={share} />}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}

function Share({ of }: { of: number }) {
  const shown = Math.min(1, of);
  return (
    <span class="share">
      <svg width="100" height="8" viewBox="0 0 100 8" aria-hidden="true" class={of > MUCH ? "much" : ""}>
        <rect class="all" width="100" height="8" rx="2" />
        <rect class="used" width={shown * 100} height="8" rx="2" />
      </svg>
      {(of * 100).toFixed(of < 0.1 ? 1 : 0)} %
    </span>
  );
}

export function CertificatesPanel({ of: { gates } }: { of: Status }) {
  const rows = gates.flatMap((gate) => gate.certificates.map((certificate) => ({ gate: gate.name, ...certificate })));
  return (
    <Panel title="Certificates" id="certificates">
      {rows.length === 0 ? <Nothing>No gate uses a certificate.</Nothing> : (
        <Scroll label="Certificates">
          <table>
            <caption class="sr">Certificates and the days that they have left</caption>
            <thead><tr><th scope="col">Gate</th><th scope="col">Side</th><th scope="col">Certificate</th><th scope="col" class="number">Days left</th><th scope="col">Ends</th></tr></thead>
            <tbody>
              {rows.map((row) => (
                <tr key={`${row.gate} ${row.leg} ${row.name}`}>
                  <td><Text of={row.gate} /></td>
                  <td>{row.leg === "frontend" ? "clients" : "cluster"}</td>
                  <th scope="row"><Text of={row.name} />{row.fault !== null && <p class="bad"><Text of={row.fault} /></p>}</th>
                  <td class={`number ${row.days_left === null ? "" : row.days_left < 0 ? "bad" : row.days_left < SOON_DAYS ? "warn" : ""}`}>{row.days_left === null ? "" : count(row.days_left)}</td>
                  <td class="when">{row.not_after !== null && <Moment of={row.not_after} />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </Panel>
  );
}
