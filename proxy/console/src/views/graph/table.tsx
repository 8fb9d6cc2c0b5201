/** The graph as a table: the same, for the keyboard and for screen readers. */

import { useState } from "preact/hooks";

import { count, words } from "../../text/format";
import { Nothing, Scroll } from "../../ui/parts";
import { Name, Text } from "../../ui/text";
import { Ago } from "../../ui/time";
import { VerdictBadge } from "../../ui/verdict";
import type { Shown, ShownEdge, ShownNode } from "./model";
import type { Pointed } from "./plane";

/** Rows of a page. */
const PAGE = 200;

export function GraphTable({ shown, choose }: { shown: Shown; choose: (pointed: Pointed) => void }) {
  const [rows, setRows] = useState(PAGE);
  const nodes = new Map(shown.nodes.map((node) => [node.id, node]));
  const linked = new Set(shown.edges.flatMap((edge) => [edge.from, edge.to]));
  const alone = shown.nodes.filter((node) => !linked.has(node.id));
  const sorted = [...shown.edges].sort((a, b) => b.uses - a.uses);
  if (shown.nodes.length === 0) return <Nothing>Nothing to list.</Nothing>;
  return (
    <div class="panel graph-table">
      <Scroll label="Edges of the graph">
        <table class="many">
          <caption>Every edge, most used first; choosing a name shows only what passes through it</caption>
          <thead>
            <tr>
              <th scope="col">From</th><th scope="col">To</th><th scope="col">What</th><th scope="col">Verdict</th>
              <th scope="col" class="number">Uses</th><th scope="col">Users</th><th scope="col">Codes</th><th scope="col">Last use</th>
            </tr>
          </thead>
          <tbody>{sorted.slice(0, rows).map((edge) => <Row key={edge.id} of={edge} nodes={nodes} choose={choose} />)}</tbody>
        </table>
      </Scroll>
      {sorted.length > rows && <p><button type="button" onClick={() => setRows(rows + PAGE)}>Show {count(Math.min(PAGE, sorted.length - rows))} more of {count(sorted.length)}</button></p>}
      {alone.length > 0 && <p class="detail">Without an edge: {alone.slice(0, PAGE).map((node, index) => <span key={node.id}>{index > 0 && ", "}<NodeButton of={node} choose={choose} /></span>)}</p>}
    </div>
  );
}

function Row({ of, nodes, choose }: { of: ShownEdge; nodes: ReadonlyMap<string, ShownNode>; choose: (pointed: Pointed) => void }) {
  const [from, to] = [nodes.get(of.from), nodes.get(of.to)];
  return (
    <tr data-edge-row={of.id}>
      <td>{from && <NodeButton of={from} choose={choose} />}</td>
      <td>{to && <NodeButton of={to} choose={choose} />}</td>
      <td class="fixed">{words(of.kind)}</td>
      <td class="fixed"><VerdictBadge of={of.verdict} /></td>
      <td class="number">{count(of.uses)}</td>
      <td>{of.users.slice(0, 3).map((user, index) => <span key={user.name}>{index > 0 && ", "}<Name of={user.name} /></span>)}{of.users.length + of.usersLeftOut > 3 && ` and ${count(of.users.length + of.usersLeftOut - 3)} more`}</td>
      <td class="fixed"><Text of={of.codes.join(" ")} /></td>
      <td class="when"><Ago of={of.last} /></td>
    </tr>
  );
}

function NodeButton({ of, choose }: { of: ShownNode; choose: (pointed: Pointed) => void }) {
  return (
    <button type="button" class="plain" onClick={() => choose({ node: of })}>
      <Name of={of.name} />{of.account !== null && <span class="account"> <Name of={of.account} /></span>}
    </button>
  );
}
