/** Coverage: statements with roles that ran in the cluster and did not pass the gate. */

import type { Coverage } from "../../api/types";
import { count, counted, words } from "../../text/format";
import { Panel, Scroll } from "../../ui/parts";
import { Name, Text } from "../../ui/text";
import { Ago, Moment } from "../../ui/time";
import { Mark } from "./health";

export function CoveragePanel({ of }: { of: Coverage }) {
  const unseen = of.gates.reduce((sum, gate) => sum + gate.unseen, 0);
  const isLooked = of.gates.some((gate) => gate.available);
  const rows = of.gates.flatMap((gate) => gate.statements.map((statement) => ({ gate: gate.gate, ...statement })));
  return (
    <Panel title="Coverage" id="coverage" aside={isLooked && <Mark isGood={unseen === 0} good="nothing unseen" bad={`${count(unseen)} unseen`} />}>
      <ul class="checks">{of.gates.map((gate) => <GateItem key={gate.gate} of={gate} />)}</ul>
      {rows.length > 0 && <Unseen of={rows} />}
      {unseen > rows.length && <p class="note">The last {rows.length} of {count(unseen)}; the audit has them all.</p>}
    </Panel>
  );
}

function GateItem({ of }: { of: Coverage["gates"][number] }) {
  return (
    <li>
      <span>Gate <Text of={of.gate} /></span>
      {!of.available ? <span class="none">What passes the gate by is not looked for{of.reason === null ? "." : <>: <Text of={of.reason} /></>}</span> : (
        <>
          <span>{count(of.seen)} seen, {count(of.cannot_tell)} cannot be told, looked at <Ago of={of.looked_at} /></span>
          {of.fault !== null && <p class="bad"><Text of={of.fault} /></p>}
          {of.gaps.map((gap, index) => <p key={index} class="detail"><Text of={gap} /></p>)}
        </>
      )}
    </li>
  );
}

function Unseen({ of }: { of: readonly (Coverage["gates"][number]["statements"][number] & { gate: string })[] }) {
  return (
    <Scroll label="Unseen statements">
      <table class="many">
        <caption>Statements with roles that did not pass the gate ({counted(of.length, "statement")})</caption>
        <thead>
          <tr><th scope="col">Time</th><th scope="col">User</th><th scope="col">Statement</th><th scope="col">Text</th><th scope="col">From</th><th scope="col">Application</th><th scope="col">Because</th><th scope="col">Gate</th></tr>
        </thead>
        <tbody>
          {of.map((row, index) => (
            <tr key={index}>
              <td class="when"><Moment of={row.time} /></td>
              <th scope="row"><Name of={row.user} /></th>
              <td class="fixed"><Text of={words(row.kind)} /></td>
              <td><code class="text"><Text of={row.statement} /></code></td>
              <td class="fixed"><Name of={row.client_address} /></td>
              <td><Name of={row.application} /></td>
              <td class="fixed"><Text of={words(row.reason)} /></td>
              <td class="fixed"><Text of={row.gate} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
