/** The whole record of one decision. */

import { useEffect, useRef } from "preact/hooks";

import type { DecisionRecord } from "../../api/types";
import { usePolled } from "../../api/poll";
import { route, formatRoute } from "../../route";
import { filtersOf } from "../../filters";
import { Fault, Nothing } from "../../ui/parts";
import { Circumstances, Judged } from "../record";

/** The record does not change, but for its outcome. */
const SELDOM_SECONDS = 20;

export function Details(props: { id: string; again: unknown; close: () => void }) {
  const { id, again, close } = props;
  const { data, fault } = usePolled<DecisionRecord>(`/decisions/${encodeURIComponent(id)}`, {}, SELDOM_SECONDS, again);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [id]);
  const record = data?.id === id ? data : null;
  return (
    <aside class="details" aria-labelledby="details-title" onKeyDown={(event) => { if (event.key === "Escape") close(); }}>
      <header>
        <h2 id="details-title" ref={heading} tabIndex={-1}>Decision</h2>
        <span class="buttons">
          {record && <a class="button" href={why(record)}>Ask why</a>}
          <button type="button" onClick={close}>Close</button>
        </span>
      </header>
      <Fault of={fault} />
      {record === null ? fault === null && <Nothing>The record is being fetched.</Nothing> : (
        <>
          <Judged of={record} evidenceCurrent={record.evidence_current} />
          <Circumstances of={record} />
        </>
      )}
    </aside>
  );
}

/** The same question, to be asked of the policy that is in force now. */
function why(record: DecisionRecord): string {
  const filters = filtersOf(route.value.params);
  const hasKeys = record.role_uses.some((use) => use.method === "access_keys");
  const params = {
    ...filters,
    ask: "statement",
    sql: hasKeys ? "" : record.segments.map((segment) => segment.text).join(""),
    as: record.user,
    groups: record.groups.join(","),
    database: record.database,
    app: record.application,
    at_gate: record.gate,
  };
  return formatRoute("why", Object.entries(params));
}
