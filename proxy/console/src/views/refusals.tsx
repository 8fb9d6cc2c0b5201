/** What is refused, and what would be: grouped, with trends, to be exported. */

import { useState } from "preact/hooks";

import { ApiError, download } from "../api/client";
import { usePolled } from "../api/poll";
import type { RefusalGroup, Refusals as Answer } from "../api/types";
import { filtersOf, isEmpty, type FilterName, type Filters } from "../filters";
import { formatRoute, route, setParams } from "../route";
import { count, counted, shortChain, span, words } from "../text/format";
import { visible } from "../text/visible";
import { FilterBar } from "../ui/filterbar";
import { Choice, Copy, Fault, Nothing, Scroll } from "../ui/parts";
import { Name, Text } from "../ui/text";
import { Ago, Moment } from "../ui/time";
import { Spark } from "./refusals/spark";

const BY = [["code", "Code"], ["rule", "Rule"], ["chain", "Chain"], ["user", "User"], ["application", "Application"]] as const;
type By = (typeof BY)[number][0];
const SEEN = [["refused", "Refused"], ["would_be", "Would break when enforced"]] as const;
type Seen = (typeof SEEN)[number][0];
/** The live view can follow these. */
const LIVE: Readonly<Record<By, FilterName>> = { code: "code", rule: "rule", chain: "chain", user: "user", application: "application" };
const EVERY_SECONDS = 5;

export function Refusals() {
  const { params } = route.value;
  const by: By = BY.find(([name]) => name === params.get("by"))?.[0] ?? "code";
  const view: Seen = SEEN.find(([name]) => name === params.get("seen"))?.[0] ?? "refused";
  const asked = { ...filtersOf(params), by, view };
  const { data, fault, isCurrent } = usePolled<Answer>("/refusals", asked, EVERY_SECONDS);
  const known = new Map(data === null ? [] : [[LIVE[data.by], data.groups.map((group) => group.key).filter((key) => key !== "")]]);
  return (
    <div class="refusals">
      <h1>{view === "refused" ? "Refusals" : "Would break when enforced"}</h1>
      <FilterBar known={known} />
      <div class="graph-tools">
        <Choice label="What" value={view} of={SEEN} choose={(seen) => setParams({ seen: seen === "refused" ? null : seen })} />
        <Choice label="Grouped by" value={by} of={BY} choose={(name) => setParams({ by: name, open: null })} />
        <Exports asked={asked} />
      </div>
      <Fault of={fault} />
      {data === null || !isCurrent ? fault === null && <Nothing>The groups are being fetched.</Nothing>
        : data.groups.length === 0 ? (
          <Nothing>
            {view === "refused" ? "Nothing was refused" : "Nothing went on that enforcement would refuse"}{isEmpty(filtersOf(params)) ? "" : " and passes these filters"}
            {data.since === null ? "." : <> since <Moment of={data.since} />.</>}
          </Nothing>
        ) : <Groups of={data} by={by} view={view} />}
    </div>
  );
}

function Exports({ asked }: { asked: Filters & { by: By; view: Seen } }) {
  const [fault, setFault] = useState<ApiError | null>(null);
  const keep = async (format: string, name: string) => {
    setFault(null);
    try {
      await download("/refusals", { ...asked, format }, name);
    } catch (error) {
      setFault(error instanceof ApiError ? error : new ApiError(0, "the gate does not answer"));
    }
  };
  return (
    <span class="exports">
      <button type="button" onClick={() => void keep("csv", `rolegate-${asked.view}-by-${asked.by}.csv`)}>Export CSV</button>
      <button type="button" onClick={() => void keep("cases", `rolegate-${asked.view}-cases.toml`)}>Export test cases</button>
      <Fault of={fault} />
    </span>
  );
}

function Groups({ of, by, view }: { of: Answer; by: By; view: Seen }) {
  const open = route.value.params.get("open");
  const most = Math.max(1, ...of.groups.flatMap((group) => group.trend));
  return (
    <div class={`panel ${view}`}>
      <Scroll label="Groups of refusals">
        <table class="many">
          <caption>
            {counted(of.total, "statement")} since {of.since === null ? "the start" : <Moment of={of.since} />}; each bar of the trend is {span(of.bucket_seconds)}
          </caption>
          <thead>
            <tr>
              <th scope="col">{BY.find(([name]) => name === by)?.[1]}</th>
              <th scope="col" class="number">Count</th>
              <th scope="col">Trend</th>
              <th scope="col" class="number">Users</th>
              {view === "would_be" && <th scope="col">Let through by</th>}
              <th scope="col">First seen</th>
              <th scope="col">Last seen</th>
            </tr>
          </thead>
          <tbody>{of.groups.map((group) => <Group key={group.key} of={group} by={by} view={view} most={most} isOpen={group.key === open} />)}</tbody>
        </table>
      </Scroll>
      {of.left_out > 0 && <p class="note">{counted(of.left_out, "smaller group")} left out.</p>}
    </div>
  );
}

function Group({ of, by, view, most, isOpen }: { of: RefusalGroup; by: By; view: Seen; most: number; isOpen: boolean }) {
  const held = { ...filtersOf(route.value.params), verdict: view === "refused" ? "refused" : "would_be_refused", ...(of.key === "" ? {} : { [LIVE[by]]: of.key }) };
  const through = Object.entries(held);
  const shown = by === "chain" ? shortChain(of.key.split(",")).join(" → ") : of.key;
  return (
    <>
      <tr class={isOpen ? "open" : ""}>
        <th scope="row">
          <button type="button" class="plain" aria-expanded={isOpen} title={visible(of.key)} onClick={() => setParams({ open: isOpen ? null : of.key })}>
            <Name of={shown} />
          </button>
          {of.message !== null && by === "code" && <p class="detail"><Text of={of.message} /></p>}
        </th>
        <td class="number">{count(of.count)}</td>
        <td><Spark of={of.trend} most={most} /></td>
        <td class="number">{count(of.users)}</td>
        {view === "would_be" && <td>{letThrough(of)}</td>}
        <td class="when"><Moment of={of.first_seen} /></td>
        <td class="when"><Ago of={of.last_seen} /></td>
      </tr>
      {isOpen && (
        <tr class="more">
          <td colSpan={view === "would_be" ? 7 : 6}>
            {of.message !== null && <p><Text of={of.message} lines /></p>}
            {of.hint !== null && <p class="detail"><Text of={of.hint} lines /> <Copy text={of.hint} what="remedy" /></p>}
            {by === "chain" && <p class="detail"><code><Text of={of.key} /></code></p>}
            <p class="links">
              <a href={formatRoute("live", [...through, ["id", of.example]])}>The last of them</a>
              {of.key !== "" && <a href={formatRoute("live", through)}>All of them, live</a>}
              {of.key !== "" && <a href={formatRoute("graph", through)}>In the graph</a>}
            </p>
          </td>
        </tr>
      )}
    </>
  );
}

function letThrough({ let_through }: RefusalGroup): string {
  return Object.entries(let_through).filter(([, uses]) => uses > 0).map(([by, uses]) => `${words(by)} ${count(uses)}`).join(", ");
}
