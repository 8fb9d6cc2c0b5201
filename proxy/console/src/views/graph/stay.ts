/** Keeps what is looked at where it is while the graph around it changes. Pure. */

import type { Layout } from "./layout";
import { NODE } from "./size";

export interface Placed {
  layout: Pick<Layout, "nodes">;
  scale: number;
}

export interface Scrolled {
  scrollLeft: number;
  scrollTop: number;
  clientWidth: number;
  clientHeight: number;
}

/** Where to scroll so that a node stays where it is in the window: `held`, or that nearest the middle. `null` when none of those in it is left. */
export function stay(before: Placed, after: Placed, window: Scrolled, held: string | null): { left: number; top: number } | null {
  const middle = window.scrollTop + window.clientHeight / 2;
  let found: { left: number; top: number } | null = null;
  let nearest = Infinity;
  for (const [id, was] of Object.entries(before.layout.nodes)) {
    const is = after.layout.nodes[id];
    const [x, y] = [was.x * before.scale, was.y * before.scale];
    if (!is || !isIn(x, y, before.scale, window)) continue;
    const away = id === held ? -1 : Math.abs(y + (NODE.height * before.scale) / 2 - middle);
    if (away >= nearest) continue;
    nearest = away;
    found = { left: window.scrollLeft + is.x * after.scale - x, top: window.scrollTop + is.y * after.scale - y };
  }
  return found;
}

function isIn(x: number, y: number, scale: number, window: Scrolled): boolean {
  return x + NODE.width * scale > window.scrollLeft && x < window.scrollLeft + window.clientWidth
    && y + NODE.height * scale > window.scrollTop && y < window.scrollTop + window.clientHeight;
}
