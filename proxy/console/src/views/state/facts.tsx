/** The facts per account, with their age and faults, and the groups that are read from clusters. */

import type { Facts } from "../../api/types";
import { count, counted, span } from "../../text/format";
import { visible } from "../../text/visible";
import { Nothing, Panel, Scroll } from "../../ui/parts";
import { Name, Text } from "../../ui/text";
import { Ago } from "../../ui/time";
import { Mark } from "./health";

export function FactsPanel({ of }: { of: Facts }) {
  const fetches = new Map(of.fetches.map((fetch) => [fetch.account, fetch]));
  const missing = of.fetches.filter((fetch) => !of.accounts.some((account) => account.account === fetch.account));
  return (
    <Panel title="Facts" id="facts" aside={of.version !== null && <code title={visible(of.version)}><Text of={of.version.slice(0, 16)} /></code>}>
      {of.accounts.length + missing.length === 0 ? <Nothing>There are no IAM facts: chains are judged by their syntax and by rules alone.</Nothing> : (
        <Scroll label="Accounts of the facts">
          <table>
            <caption class="sr">Accounts of the facts</caption>
            <thead><tr><th scope="col">Account</th><th scope="col">From</th><th scope="col" class="number">Roles</th><th scope="col" class="number">Age</th><th scope="col">State</th></tr></thead>
            <tbody>
              {of.accounts.map((account) => {
                const fetch = fetches.get(account.account);
                return (
                  <tr key={`${account.account} ${account.source}`}>
                    <th scope="row"><Text of={account.account} /></th>
                    <td>{account.source}</td>
                    <td class="number">{count(account.roles)}</td>
                    <td class="number" title={account.captured_at}>{span(account.age_seconds)}</td>
                    <td>{fetch ? <Fetched of={fetch} /> : <Mark isGood good="good" bad="" />}</td>
                  </tr>
                );
              })}
              {missing.map((fetch) => (
                <tr key={fetch.account}><th scope="row"><Text of={fetch.account} /></th><td>aws</td><td class="number">0</td><td class="number">never</td><td><Fetched of={fetch} /></td></tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {of.clusters.length > 0 && (
        <ul class="checks">
          {of.clusters.map((cluster) => (
            <li key={`${cluster.account} ${cluster.region} ${cluster.name}`}>
              <span>Cluster <Text of={cluster.name} /></span>
              <span class="detail"><Name of={[cluster.account, cluster.region].filter((part) => part !== null).join(", ")} />, {counted(cluster.attached_roles.length, "attached role")}</span>
            </li>
          ))}
        </ul>
      )}
      {of.catalogs.length > 0 && (
        <ul class="checks">
          {of.catalogs.map((one) => (
            <li key={one.gate}>
              <span>Groups of <Text of={one.gate} /></span>
              <span>{counted(one.groups, "group")}, read <Ago of={one.read_at} /></span>
              {one.last_error !== null && <p class="detail"><Text of={one.last_error} /></p>}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Fetched({ of }: { of: Facts["fetches"][number] }) {
  const isGood = !of.stale && of.failures === 0;
  return (
    <>
      <Mark isGood={isGood} good="good" bad={of.stale ? "too old" : counted(of.failures, "failure")} />
      {of.last_error !== null && <p class="detail"><Text of={of.last_error} /></p>}
    </>
  );
}
