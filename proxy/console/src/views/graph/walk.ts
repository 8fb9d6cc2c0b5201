/** Walking the graph by arrow keys. Pure. */

import type { Layout } from "./layout";
import type { Shown } from "./model";

export type Direction = "left" | "right" | "up" | "down";

/** The node beside another: along an edge to the left and right, in the column up and down. */
export function step({ nodes, edges }: Shown, { nodes: places }: Pick<Layout, "nodes">, id: string, direction: Direction): string | null {
  const here = places[id];
  if (!here) return null;
  const candidates = direction === "right" ? edges.filter((edge) => edge.from === id).map((edge) => edge.to)
    : direction === "left" ? edges.filter((edge) => edge.to === id).map((edge) => edge.from)
    : nodes.map((node) => node.id).filter((one) => places[one]?.column === here.column && isBeyond(places[one]?.y ?? 0, here.y, direction));
  let best: string | null = null;
  let distance = Infinity;
  for (const candidate of candidates) {
    const place = places[candidate];
    const away = place ? Math.abs(place.y - here.y) : Infinity;
    if (away < distance) [best, distance] = [candidate, away];
  }
  return best;
}

function isBeyond(y: number, from: number, direction: Direction): boolean {
  return direction === "down" ? y > from : y < from;
}
