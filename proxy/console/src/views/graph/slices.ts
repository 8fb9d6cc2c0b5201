/** What comes into view all at once is put there a slice at a time: one in each frame, so that none takes long. */

import { useEffect, useRef, useState } from "preact/hooks";

/** Nodes, with their lines, that one frame puts up; a few milliseconds of work. */
const SLICE = 30;

/** Those of `ids` that are there by now, the first of them first. What was there stays. */
export function useSlices(ids: readonly string[]): ReadonlySet<string> {
  const there = useRef<ReadonlySet<string>>(new Set());
  const [, again] = useState(0);
  const next = slice(ids, there.current, SLICE);
  there.current = next;
  const isWhole = next.size === ids.length;
  useEffect(() => {
    if (isWhole) return undefined;
    const frame = requestAnimationFrame(() => again((turn) => turn + 1));
    return () => cancelAnimationFrame(frame);
  });
  return next;
}

/** Those that are wanted and there already, and so many more. Pure. */
export function slice(wanted: readonly string[], there: ReadonlySet<string>, most: number): Set<string> {
  const next = new Set(wanted.filter((id) => there.has(id)));
  let room = most;
  for (const id of wanted) {
    if (room === 0) break;
    if (!next.has(id)) {
      next.add(id);
      room -= 1;
    }
  }
  return next;
}
