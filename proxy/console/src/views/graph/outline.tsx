/** The graph from far away: one path for all lines of a verdict and one for all nodes of a kind, so that thousands cost little. */

import type { Layout } from "./layout";
import type { Shown } from "./model";
import { NODE } from "./size";

export function Outline({ shown, layout }: { shown: Shown; layout: Layout }) {
  const lines = new Map<string, string[]>();
  for (const edge of shown.edges) push(lines, edge.verdict, layout.edges[edge.id]?.path);
  const nodes = new Map<string, string[]>();
  for (const node of shown.nodes) {
    const place = layout.nodes[node.id];
    push(nodes, node.kind, place && `M${place.x} ${place.y}h${NODE.width}v${NODE.height}h-${NODE.width}z`);
  }
  return (
    <svg class="lines far" width={layout.width} height={layout.height} aria-hidden="true">
      {[...lines].map(([verdict, paths]) => <path key={verdict} class={`line ${verdict}`} d={paths.join("")} />)}
      {[...nodes].map(([kind, paths]) => <path key={kind} class={`dot ${kind}`} d={paths.join("")} />)}
    </svg>
  );
}

function push(map: Map<string, string[]>, key: string, text: string | undefined): void {
  if (text === undefined) return;
  const list = map.get(key);
  if (list) list.push(text);
  else map.set(key, [text]);
}
