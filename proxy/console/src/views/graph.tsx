/** The chains as a graph: from the cluster over roles to what they reach. */

import { useMemo, useState } from "preact/hooks";

import type { Graph as Answer } from "../api/types";
import { usePolled } from "../api/poll";
import { filtersOf, isEmpty, isOfStatements } from "../filters";
import { route, setParams } from "../route";
import { counted } from "../text/format";
import { visible } from "../text/visible";
import { FilterBar } from "../ui/filterbar";
import { Choice, Fault, Nothing } from "../ui/parts";
import { Text } from "../ui/text";
import { Moment } from "../ui/time";
import { bucketOfNode, groupOf, READABLE, show, type Shown } from "./graph/model";
import { filterOf, GraphPanel } from "./graph/panel";
import { useLayout } from "./graph/place";
import { Plane, titleOf, type Pointed } from "./graph/plane";
import { GraphTable } from "./graph/table";

const EVERY_SECONDS = 5;
const EMPTY: Shown = { nodes: [], edges: [] };
const NEAR = [["1", "1 step"], ["2", "2 steps"], ["all", "all the way"]] as const;

export function Graph() {
  const { params } = route.value;
  const filters = filtersOf(params);
  const unused = params.get("unused") === "yes";
  const { data, fault, isCurrent: isAnswered } = usePolled<Answer>("/graph", { ...filters, unused: unused || null, nodes: 2000 }, EVERY_SECONDS);
  const choices = useChoices();
  const shown = useMemo(() => (data === null ? EMPTY : show(data, choices)), [data, JSON.stringify([...params])]);
  const { layout, isCurrent } = useLayout(shown);
  const [pointed, point] = useState<Pointed | null>(null);
  const chosen = chosenOf(shown, choices);
  const pick = (one: Pointed) => choose(one, shown);
  const isTable = params.get("as_table") === "yes";
  const known = useMemo(() => knownOf(data), [data]);
  return (
    <div class="graph">
      <h1>Graph</h1>
      <FilterBar known={known} />
      <Toolbar of={data} shown={shown} find={choices.find} isFolded={choices.fold ?? (data?.nodes.length ?? 0) > READABLE} />
      <Fault of={fault} />
      {data === null ? <Nothing>The graph is being fetched.</Nothing> : shown.nodes.length === 0 ? (
        <Nothing>{isEmpty(filters) && choices.find === "" ? "No chain was used yet, and no facts name one." : "Nothing that the gate still holds passes these filters."}</Nothing>
      ) : (
        <div class="graph-main">
          {isTable || layout === null ? <GraphTable shown={shown} choose={pick} />
            : <Plane shown={shown} layout={layout} isCurrent={isCurrent && isAnswered} find={choices.find} at={chosen?.node?.id ?? chosen?.edge?.id ?? null} point={point} choose={pick} turn={turn} />}
          <GraphPanel of={pointed ?? chosen} shown={shown} isChosen={chosen !== null && (pointed === null || idOf(pointed) === idOf(chosen))} />
        </div>
      )}
      {data && <Notes of={data} isWithoutUnused={unused && isOfStatements(filters)} />}
    </div>
  );
}

function useChoices() {
  const { params } = route.value;
  const near = params.get("near");
  const fold = params.get("fold");
  return {
    filters: filtersOf(params),
    at: params.get("at") ?? null,
    find: params.get("find") ?? "",
    near: near === "1" || near === "2" ? Number(near) : Infinity,
    fold: fold === undefined ? null : fold === "yes",
    turned: new Set((params.get("turned") ?? "").split(",").filter((group) => group !== "")),
  };
}

/** What the address has chosen, as it is shown. */
function chosenOf(shown: Shown, { at, filters }: { at: string | null; filters: { role?: string; bucket?: string } }): Pointed | null {
  const edge = shown.edges.find((one) => one.id === at);
  if (edge) return { edge };
  const node = shown.nodes.find((one) => (at !== null ? one.id === at
    : filters.role !== undefined ? one.arn === filters.role
    : filters.bucket !== undefined && bucketOfNode(one) === filters.bucket));
  return node ? { node } : null;
}

const idOf = ({ node, edge }: Pointed) => node?.id ?? edge?.id;

/** A node or an edge becomes a filter, which every view follows; what is folded unfolds. Twice undoes it. */
function choose(pointed: Pointed, { nodes }: Shown): void {
  const { params } = route.value;
  const filter = filterOf(pointed);
  if (filter === null) {
    const ends = [pointed.node?.id, pointed.edge?.from, pointed.edge?.to];
    return turn(...nodes.filter((one) => one.kind === "folded" && ends.includes(one.id)).map((one) => one.group));
  }
  const isSame = Object.entries(filter).every(([name, value]) => params.get(name) === value);
  setParams({ role: null, bucket: null, at: null, find: null, ...(isSame ? {} : filter) });
}

function turn(...groups: readonly string[]): void {
  const turned = new Set((route.value.params.get("turned") ?? "").split(",").filter((one) => one !== ""));
  for (const group of new Set(groups)) if (!turned.delete(group)) turned.add(group);
  setParams({ turned: [...turned].join(",") });
}

function Toolbar({ of, shown, find, isFolded }: { of: Answer | null; shown: Shown; find: string; isFolded: boolean }) {
  const { params } = route.value;
  const groups = [...new Set((of?.nodes ?? []).filter((node) => node.kind === "role").map(groupOf))].sort();
  const isNarrowed = find !== "" || params.has("at") || params.has("role") || params.has("bucket");
  return (
    <div class="graph-tools">
      <label class="find"><span class="sr">Find a node</span>
        <input type="search" placeholder="Find a role, an account, a bucket" value={find} spellcheck={false} autocomplete="off"
          onInput={(event) => setParams({ find: event.currentTarget.value, at: null }, true)} />
      </label>
      {isNarrowed && <Choice label="How far" value={params.get("near") ?? "all"} of={NEAR} choose={(near) => setParams({ near: near === "all" ? null : near })} />}
      {params.has("at") && <button type="button" onClick={() => setParams({ at: null })}>Show all again</button>}
      <Choice label="Accounts" value={isFolded ? "yes" : "no"} of={[["yes", "Folded"], ["no", "Unfolded"]]} choose={(fold) => setParams({ fold, turned: null })} />
      {groups.length > 1 && groups.length <= 400 && (
        <label><span class="sr">Fold or unfold an account</span>
          <select value="" onChange={(event) => { if (event.currentTarget.value) turn(event.currentTarget.value); event.currentTarget.value = ""; }}>
            <option value="">{isFolded ? "Unfold one" : "Fold one"}</option>
            {groups.map((group) => <option key={group} value={group}>{visible(titleOf(group))}</option>)}
          </select>
        </label>
      )}
      <label class="check"><input type="checkbox" checked={params.get("unused") === "yes"} onChange={(event) => setParams({ unused: event.currentTarget.checked ? "yes" : null })} /> Possible but unused</label>
      <Choice label="Shown as" value={params.get("as_table") ?? "no"} of={[["no", "Picture"], ["yes", "Table"]]} choose={(table) => setParams({ as_table: table === "no" ? null : table })} />
      <span class="note" role="status">{counted(shown.nodes.length, "node")}, {counted(shown.edges.length, "edge")}</span>
    </div>
  );
}

/** Where the picture comes from, and what it leaves out. */
function Notes({ of, isWithoutUnused }: { of: Answer; isWithoutUnused: boolean }) {
  const { nodes, edges, possible } = of.left_out;
  return (
    <div class="note notes">
      <p>{counted(of.decisions, "decision")} since {of.since === null ? "the start" : <Moment of={of.since} />}.
        {nodes + edges > 0 && ` Left out: ${counted(nodes, "node")} and ${counted(edges, "edge")}, least used first.`}
        {possible && " There are more possible steps than were looked for."}
        {isWithoutUnused && " Steps that nobody used fit none of these filters."}</p>
      {of.sources.filter((note) => note.note !== null).map((note) => (
        <p key={note.source}>{note.source === "catalog" ? "Stored chains" : note.source === "facts" ? "Facts" : "Decisions"}: <Text of={note.note ?? ""} /></p>
      ))}
    </div>
  );
}

function knownOf(data: Answer | null): Map<string, string[]> {
  if (data === null) return new Map();
  const sorted = (values: Iterable<string>) => [...new Set(values)].sort().slice(0, 300);
  return new Map([
    ["user", sorted(data.edges.flatMap((edge) => edge.users.map((user) => user.name)))],
    ["code", sorted(data.edges.flatMap((edge) => edge.codes))],
    ["role", sorted(data.nodes.flatMap((node) => (node.kind === "role" && node.arn !== null ? [node.arn] : [])))],
    ["bucket", sorted(data.nodes.flatMap((node) => (node.kind === "bucket" ? [bucketOfNode(node) ?? node.name] : [])))],
  ]);
}
