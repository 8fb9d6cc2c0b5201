/** Numbers of what is pointed at or chosen, and the last decisions that went through it. */

import type { Decisions } from "../../api/types";
import { usePolled } from "../../api/poll";
import { filtersOf, type Filters } from "../../filters";
import { formatRoute, route } from "../../route";
import { count, counted, words } from "../../text/format";
import { Copy, Pair } from "../../ui/parts";
import { Name, Text } from "../../ui/text";
import { Ago, Clock, Moment } from "../../ui/time";
import { VerdictBadge } from "../../ui/verdict";
import { type Shown, type ShownEdge, type ShownNode } from "./model";
import type { Pointed } from "./plane";

export function GraphPanel({ of, shown, isChosen }: { of: Pointed | null; shown: Shown; isChosen: boolean }) {
  const through = isChosen && of ? filterOf(of) : null;
  return (
    <section class="panel graph-panel" aria-label="Details">
      {of?.node ? <NodeFacts of={of.node} shown={shown} /> : of?.edge ? <EdgeFacts of={of.edge} shown={shown} /> : <Overview shown={shown} />}
      {through !== null && <Recent filters={{ ...filtersOf(route.value.params), ...through }} />}
    </section>
  );
}

function Overview({ shown }: { shown: Shown }) {
  const kinds = ["allowed", "would_be_refused", "refused", "undecided", "unused"] as const;
  return (
    <>
      <h2>What is shown</h2>
      <p class="detail">{counted(shown.nodes.length, "node")}, {counted(shown.edges.length, "edge")}. Point at one for its numbers; choose one to see only what passes through it.</p>
      <table>
        <caption class="sr">Edges and uses by verdict</caption>
        <thead><tr><th scope="col">Verdict</th><th scope="col" class="number">Edges</th><th scope="col" class="number">Uses</th></tr></thead>
        <tbody>
          {kinds.map((kind) => {
            const edges = shown.edges.filter((edge) => edge.verdict === kind);
            return (
              <tr key={kind}>
                <th scope="row"><VerdictBadge of={kind} /></th>
                <td class="number">{count(edges.length)}</td>
                <td class="number">{count(edges.reduce((sum, edge) => sum + edge.uses, 0))}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <p class="detail">A line is as wide as it is used. An edge has the gravest verdict that was passed on it.</p>
    </>
  );
}

function NodeFacts({ of, shown }: { of: ShownNode; shown: Shown }) {
  const into = shown.edges.filter((edge) => edge.to === of.id);
  const out = shown.edges.filter((edge) => edge.from === of.id);
  return (
    <>
      <h2><Name of={of.name} /></h2>
      <dl class="pairs">
        <Pair name="What">{of.kind === "folded" ? "folded, choose it to unfold" : words(of.kind)}{of.known === false && ", not in the facts"}</Pair>
        {of.account !== null && <Pair name="Account"><Text of={of.account} /></Pair>}
        {of.owner !== null && <Pair name="Stored by"><Text of={of.owner} /></Pair>}
        <Pair name="Uses">{count(of.uses)}</Pair>
        <Pair name="Last use"><Ago of={of.last} /></Pair>
        <Pair name="First use"><Moment of={of.first} /></Pair>
      </dl>
      {of.arn !== null && <p class="detail"><code><Text of={of.arn} /></code> <Copy text={of.arn} what="ARN" /></p>}
      <Ends title="Reached from" edges={into} far={(edge) => edge.from} shown={shown} />
      <Ends title="Leads to" edges={out} far={(edge) => edge.to} shown={shown} />
    </>
  );
}

const MOST = 8;

function Ends(props: { title: string; edges: readonly ShownEdge[]; far: (edge: ShownEdge) => string; shown: Shown }) {
  const { title, edges, far, shown } = props;
  if (edges.length === 0) return null;
  const sorted = [...edges].sort((a, b) => b.uses - a.uses);
  return (
    <div class="part">
      <h3>{title}</h3>
      <ul class="lines-of">
        {sorted.slice(0, MOST).map((edge) => (
          <li key={edge.id}><span><NodeName id={far(edge)} shown={shown} /></span><VerdictBadge of={edge.verdict} /><span class="number">{count(edge.uses)}</span></li>
        ))}
        {edges.length > MOST && <li class="detail">and {count(edges.length - MOST)} more</li>}
      </ul>
    </div>
  );
}

export function NodeName({ id, shown }: { id: string; shown: Shown }) {
  const node = shown.nodes.find((one) => one.id === id);
  return node ? <><Text of={node.name} />{node.account !== null && <span class="account"> <Text of={node.account} /></span>}</> : <Text of={id} />;
}

function EdgeFacts({ of, shown }: { of: ShownEdge; shown: Shown }) {
  const counts = Object.entries(of.counts).filter(([, uses]) => uses > 0);
  return (
    <>
      <h2><NodeName id={of.from} shown={shown} /> <span class="arrow" aria-label="to">→</span> <NodeName id={of.to} shown={shown} /></h2>
      <dl class="pairs">
        <Pair name="What">{words(of.kind)}{of.members.length > 0 && `, ${counted(of.members.length, "edge")} in one`}</Pair>
        <Pair name="Verdict"><VerdictBadge of={of.verdict} /></Pair>
        <Pair name="Uses">{count(of.uses)}</Pair>
        <Pair name="Last use"><Ago of={of.last} /></Pair>
        <Pair name="First use"><Moment of={of.first} /></Pair>
        {of.codes.length > 0 && <Pair name="Codes"><Text of={of.codes.join(" ")} /></Pair>}
      </dl>
      {of.doubt !== null && <p class="detail">Cannot tell: <Text of={of.doubt} /></p>}
      {counts.length > 1 && <ul class="lines-of">{counts.map(([verdict, uses]) => <li key={verdict}><VerdictBadge of={verdict} /><span class="number">{count(uses)}</span></li>)}</ul>}
      {of.users.length > 0 && (
        <div class="part">
          <h3>Users</h3>
          <ul class="lines-of">
            {of.users.map((user) => <li key={user.name}><span><Name of={user.name} /></span><span class="number">{count(user.uses)}</span></li>)}
            {of.usersLeftOut > 0 && <li class="detail">and {count(of.usersLeftOut)} more</li>}
          </ul>
        </div>
      )}
    </>
  );
}

/** The filter by which every view shows what passes here; `null` for what stands for several. */
export function filterOf({ node, edge }: Pointed): Filters | null {
  const isFolded = (end: string) => end.startsWith("folded:");
  if (node?.kind === "folded" || (edge && (edge.members.length > 0 || isFolded(edge.from) || isFolded(edge.to)))) return null;
  if (node?.kind === "role" && node.arn !== null) return { role: node.arn };
  const id = node?.id ?? edge?.id;
  return id === undefined ? null : { at: id };
}

function Recent({ filters }: { filters: Filters }) {
  const { data } = usePolled<Decisions>("/decisions", { ...filters, limit: 6 }, 5);
  if (data === null) return null;
  return (
    <div class="part">
      <h3>Last decisions</h3>
      {data.items.length === 0 ? <p class="none">none that the gate still holds</p> : (
        <ul class="lines-of">
          {data.items.map((one) => (
            <li key={one.id}>
              <a href={formatRoute("live", [...Object.entries(filters), ["id", one.id]])}><Clock of={one.time} /></a>
              <span><Name of={one.user} /></span>
              <VerdictBadge of={one.verdict} />
            </li>
          ))}
        </ul>
      )}
      <p><a href={formatRoute("live", Object.entries(filters))}>All of them, live</a></p>
    </div>
  );
}
