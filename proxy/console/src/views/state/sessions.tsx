/** Open sessions: who, since when, from where, and how many statements. */

import { useEffect, useState } from "preact/hooks";

import { ApiError, get } from "../../api/client";
import { usePolled } from "../../api/poll";
import type { Session, Sessions } from "../../api/types";
import { filtersOf } from "../../filters";
import { formatRoute, route } from "../../route";
import { count, counted, words } from "../../text/format";
import { FilterBar } from "../../ui/filterbar";
import { Fault, Nothing, Panel, Scroll } from "../../ui/parts";
import { Name, Text } from "../../ui/text";
import { Ago } from "../../ui/time";

const EVERY_SECONDS = 3;
const PAGE = 100;

export function SessionsPanel() {
  const { user, gate } = filtersOf(route.value.params);
  const asked = { user, gate, limit: PAGE };
  const { data, fault } = usePolled<Sessions>("/sessions", asked, EVERY_SECONDS);
  const [more, setMore] = useState<{ items: Session[]; next: number | null } | null>(null);
  useEffect(() => setMore(null), [user, gate]);
  const next = more === null ? (data?.next ?? null) : more.next;
  const fetchMore = async () => {
    try {
      const page = await get<Sessions>("/sessions", { ...asked, after: next });
      setMore((before) => ({ items: [...(before?.items ?? []), ...page.items], next: page.next }));
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof TypeError)) throw error;
    }
  };
  const first = data?.items ?? [];
  const rows = [...first, ...(more?.items ?? []).filter((one) => !first.some((other) => other.session === one.session && other.gate === one.gate))];
  return (
    <Panel title="Sessions" id="sessions" aside={data && <span class="note">{counted(data.total, "session")}</span>}>
      <FilterBar takes={["user", "gate"]} known={new Map([["user", [...new Set(rows.map((row) => row.user))]]])} />
      <Fault of={fault} />
      {data === null ? <Nothing>The sessions are being fetched.</Nothing> : rows.length === 0 ? <Nothing>No session is open{user || gate ? " that passes these filters" : ""}.</Nothing> : (
        <Scroll label="Sessions">
          <table class="many">
            <caption class="sr">Open sessions</caption>
            <thead>
              <tr>
                <th scope="col" class="number">Session</th><th scope="col">User</th><th scope="col">State</th><th scope="col">Since</th><th scope="col">From</th><th scope="col">Database</th><th scope="col">Application</th>
                <th scope="col">Gate</th><th scope="col" class="number">Cluster's process</th><th scope="col" class="number">Judged</th><th scope="col" class="number">Refused</th>
              </tr>
            </thead>
            <tbody>{rows.map((row) => <Row key={`${row.gate} ${row.session}`} of={row} />)}</tbody>
          </table>
        </Scroll>
      )}
      {next !== null && <p><button type="button" onClick={() => void fetchMore()}>More sessions</button></p>}
    </Panel>
  );
}

function Row({ of }: { of: Session }) {
  return (
    <tr>
      <td class="number">{of.session}</td>
      <th scope="row">
        <a href={formatRoute("live", [["user", of.user]])}><Name of={of.user} /></a>
        {of.login_user !== of.user && <p class="detail">logged in as <Name of={of.login_user} /></p>}
        {of.tls_subject !== null && <p class="detail"><Text of={of.tls_subject} /></p>}
      </th>
      <td class="fixed">{words(of.state)}</td>
      <td class="when"><Ago of={of.since} /></td>
      <td class="fixed"><Name of={of.client_address} />{of.client_port !== null && `:${of.client_port}`}</td>
      <td><Name of={of.database} /></td>
      <td><Name of={of.application} /></td>
      <td><Text of={of.gate} /></td>
      <td class="number">{of.backend_pid ?? ""}</td>
      <td class="number">{count(of.judged)}</td>
      <td class="number">{count(of.refused)}</td>
    </tr>
  );
}
