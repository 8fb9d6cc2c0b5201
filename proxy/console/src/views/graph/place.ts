/** The layout of what is shown, from the worker; the last one stays until the next is there. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Layout, LayoutQuestion } from "./layout";
import { isReached, type Shown } from "./model";

/** The question of a graph. Its key is the same for graphs that differ in numbers alone. */
export function questionOf({ nodes, edges }: Shown): LayoutQuestion {
  const key = `${nodes.map((node) => node.id).join("\n")}\n\n${edges.map((edge) => edge.id).join("\n")}`;
  return {
    key,
    nodes: nodes.map(({ id, kind, group, members, account }) => ({
      id,
      group,
      isReached: isReached(kind) || (kind === "folded" && members.length > 0 && account === null && group !== "stored"),
      isRoot: kind === "cluster" || group === "stored",
    })),
    edges: edges.map(({ id, from, to }) => ({ id, from, to })),
  };
}

export function useLayout(shown: Shown): { layout: Layout | null; isCurrent: boolean } {
  const question = useMemo(() => questionOf(shown), [shown]);
  const [layout, setLayout] = useState<Layout | null>(null);
  const worker = useRef<Worker | null>(null);
  useEffect(() => {
    worker.current = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.current.addEventListener("message", (event: MessageEvent<Layout>) => setLayout(event.data));
    return () => worker.current?.terminate();
  }, []);
  useEffect(() => worker.current?.postMessage(question), [question.key]);
  return { layout, isCurrent: layout?.key === question.key };
}
