/** The graph as a picture: nodes are buttons over lines; only what can be seen is there. */

import { useCallback, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { count, words } from "../../text/format";
import { visible } from "../../text/visible";
import { DASHES, VerdictBadge } from "../../ui/verdict";
import type { Layout } from "./layout";
import { matches, width, type Shown, type ShownEdge, type ShownNode } from "./model";
import { Outline } from "./outline";
import { NODE } from "./size";
import { useSlices } from "./slices";
import { stay, type Placed } from "./stay";
import { step, type Direction } from "./walk";
import { cut, FAR, fit, nearer, type Window } from "./zoom";

/** Beyond the edges of the window, so that scrolling meets no gap. */
const BEYOND = 360;
/** What is there changes by such steps, rather than with each that is scrolled. */
const STEP = 180;

const LEGEND = ["allowed", "would_be_refused", "refused", "undecided", "unused"] as const;
/** With more lines than this in view, each is drawn thinner. */
const DENSE = 150;

/** The layout that is drawn, and what was chosen when it came. */
interface Settled extends Placed {
  at: string | null;
}

export interface Pointed {
  node?: ShownNode;
  edge?: ShownEdge;
}

export function Plane(props: {
  shown: Shown;
  layout: Layout;
  isCurrent: boolean;
  find: string;
  at: string | null;
  point: (pointed: Pointed | null) => void;
  choose: (pointed: Pointed) => void;
  turn: (group: string) => void;
}) {
  const { shown, layout, isCurrent, find, at, point, choose, turn } = props;
  const box = useRef<HTMLDivElement>(null);
  const [zoom, setZoom] = useState<number | null>(null);
  const [view, setView] = useState<Window>({ left: 0, top: 0, width: 1000, height: 700 });
  const [lit, light] = useState<string | null>(null);
  const [tabbed, setTabbed] = useState<string | null>(null);
  const scale = zoom ?? fit(view.width, layout.width);

  const look = useCallback(() => {
    const element = box.current;
    if (!element) return;
    const next = { left: stepped(element.scrollLeft), top: stepped(element.scrollTop), width: element.clientWidth, height: element.clientHeight };
    setView((old) => (old.left === next.left && old.top === next.top && old.width === next.width && old.height === next.height ? old : next));
  }, []);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  // What is new begins where the chains begin, or at what is chosen; what changes by itself stays where it is looked at.
  const settled = useRef<Settled | null>(null);
  useLayoutEffect(() => {
    const [element, before] = [box.current, settled.current];
    if (!element) return;
    if (before?.layout === layout) {
      if (isCurrent) before.at = at;
      return;
    }
    settled.current = { layout, scale, at };
    const kept = before !== null && before.at === at ? stay(before, { layout, scale }, element, lit ?? tabbed) : null;
    const anchor = layout.nodes[at ?? ""] ?? layout.nodes[shown.nodes.find((node) => node.kind === "cluster")?.id ?? ""];
    if (kept) element.scrollTo(kept.left, kept.top);
    else if (anchor && (before === null || !inWindow(anchor.y * scale, element))) {
      element.scrollTop = (anchor.y + NODE.height / 2) * scale - element.clientHeight / 2;
    }
    look();
  });
  const zoomBy = (direction: 1 | -1, x: number, y: number) => {
    const element = box.current;
    const next = nearer(scale, direction);
    if (!element || next === scale) return;
    const [left, top] = [(element.scrollLeft + x) / scale, (element.scrollTop + y) / scale];
    setZoom(next);
    requestAnimationFrame(() => {
      element.scrollTo(left * next - x, top * next - y);
      look();
    });
  };
  useDrag(box, zoomBy);

  const places = layout.nodes;
  const inView = (x0: number, y0: number, x1: number, y1: number) =>
    x1 * scale > view.left - BEYOND && x0 * scale < view.left + view.width + BEYOND + STEP
    && y1 * scale > view.top - BEYOND && y0 * scale < view.top + view.height + BEYOND + STEP;
  // Lines are painted where they can be seen: they may be longer than anything should be that is painted at once.
  const canvas = cut({ left: (view.left - BEYOND) / scale, top: (view.top - BEYOND) / scale, width: (view.width + 2 * BEYOND + STEP) / scale, height: (view.height + 2 * BEYOND + STEP) / scale }, layout);
  const isFar = scale < FAR;
  const outline = useMemo(() => isFar && <Outline shown={shown} layout={layout} />, [isFar, shown, layout]);
  const wanted = isFar ? [] : shown.nodes.filter((node) => {
    const place = places[node.id];
    // What may have the focus is never taken out.
    return place !== undefined && (node.id === tabbed || inView(place.x, place.y, place.x + NODE.width, place.y + NODE.height));
  });
  const ids = useSlices(wanted.map((node) => node.id));
  const seen = wanted.filter((node) => ids.has(node.id));
  // A line with no end in view tells nothing here, and there may be thousands.
  const lines = isFar ? [] : shown.edges.filter((edge) => ids.has(edge.from) || ids.has(edge.to));
  const tabStop = tabbed !== null && ids.has(tabbed) ? tabbed : seen[0]?.id;
  const isLit = (edge: ShownEdge) => lit === null || edge.id === lit || edge.from === lit || edge.to === lit;
  const nearLit = new Set(lit === null ? [] : lines.filter((edge) => isLit(edge)).flatMap((edge) => [edge.from, edge.to]));

  const reveal = (id: string) => {
    const [element, place] = [box.current, places[id]];
    if (!element || !place) return;
    setTabbed(id);
    const [x, y] = [place.x * scale, place.y * scale];
    if (x < element.scrollLeft || x + NODE.width * scale > element.scrollLeft + element.clientWidth) element.scrollLeft = x - element.clientWidth / 2;
    if (y < element.scrollTop || y + NODE.height * scale > element.scrollTop + element.clientHeight) element.scrollTop = y - element.clientHeight / 2;
    look();
    focusSoon(element, id);
  };
  const onKey = (event: KeyboardEvent, node: ShownNode) => {
    const direction = { ArrowRight: "right", ArrowLeft: "left", ArrowDown: "down", ArrowUp: "up" }[event.key] as Direction | undefined;
    if (direction === undefined) return;
    event.preventDefault();
    const next = step(shown, layout, node.id, direction);
    if (next !== null) reveal(next);
  };

  return (
    <div class={`plane ${lines.length > DENSE ? "dense" : ""} ${lit === null ? "" : "has-lit"} ${isCurrent ? "" : "moving"}`}>
      <div class="plane-box" ref={box} onScroll={look} tabIndex={0} role="group" aria-label="Graph of chains; the table holds the same">
        <div class="plane-inner" style={{ width: `${layout.width * scale}px`, height: `${layout.height * scale}px` }}>
          <div class="plane-scaled" style={{ width: `${layout.width}px`, height: `${layout.height}px`, transform: `scale(${scale})` }}>
            {isFar ? outline : (
              <>
                {layout.frames.filter((frame) => inView(frame.x, frame.y, frame.x + frame.width, frame.y + frame.height)).map((frame) => (
                  <div class="frame" key={`${frame.x} ${frame.group}`}
                    style={{ transform: `translate(${frame.x}px, ${frame.y}px)`, width: `${frame.width}px`, height: `${frame.height}px` }}>
                    <button type="button" tabIndex={-1} onClick={() => turn(frame.group)} title="Fold or unfold">{visible(titleOf(frame.group))}</button>
                  </div>
                ))}
                <svg class="lines" width={canvas.width} height={canvas.height} viewBox={`${canvas.left} ${canvas.top} ${canvas.width} ${canvas.height}`}
                  style={{ transform: `translate(${canvas.left}px, ${canvas.top}px)` }} aria-hidden="true">
                  {lines.map((edge) => {
                    const line = layout.edges[edge.id];
                    return line && (
                      <g key={edge.id} class={`line ${edge.verdict} ${edge.kind} ${ids.has(edge.from) && ids.has(edge.to) ? "" : "half"} ${isLit(edge) ? "lit" : ""} ${edge.id === at ? "chosen" : ""}`}
                        data-edge={edge.id} data-verdict={edge.verdict}
                        onMouseEnter={() => { light(edge.id); point({ edge }); }} onMouseLeave={() => { light(null); point(null); }} onClick={() => choose({ edge })}>
                        <path class="reach" d={line.path} />
                        <path d={line.path} stroke-width={width(edge.uses) * (lines.length > DENSE ? 0.5 : 1)} stroke-dasharray={DASHES[edge.verdict]} />
                      </g>
                    );
                  })}
                </svg>
                {seen.map((node) => {
                  const place = places[node.id];
                  return place && (
                    <button type="button" key={node.id} data-node={node.id} tabIndex={node.id === tabStop ? 0 : -1}
                      class={`node ${node.kind} ${node.known === false ? "stranger" : ""} ${find !== "" && matches(node, find) ? "found" : ""} ${node.id === at ? "chosen" : ""} ${nearLit.size > 0 && !nearLit.has(node.id) ? "dim" : ""}`}
                      style={{ transform: `translate(${place.x}px, ${place.y}px)`, width: `${NODE.width}px`, height: `${NODE.height}px` }}
                      title={visible(node.arn ?? node.name)}
                      onMouseEnter={() => { light(node.id); point({ node }); }} onMouseLeave={() => { light(null); point(null); }}
                      onFocus={() => { setTabbed(node.id); light(node.id); point({ node }); }} onBlur={() => { light(null); point(null); }}
                      onKeyDown={(event) => onKey(event, node)} onClick={() => choose({ node })}>
                      <span class="name">{visible(node.name.replace(/^s3:\/\//, ""))}</span>
                      {node.account !== null && <span class="sr"> of account {visible(node.account)} </span>}
                      <span class="about">{about(node)}</span>
                    </button>
                  );
                })}
              </>
            )}
          </div>
        </div>
      </div>
      <div class="plane-foot">
        <ul class="legend" aria-label="Verdicts">
          {LEGEND.map((verdict) => <li key={verdict}><VerdictBadge of={verdict} /></li>)}
        </ul>
        <div class="zoom" role="group" aria-label="Zoom">
          <button type="button" class="small" onClick={() => zoomBy(-1, view.width / 2, view.height / 2)} aria-label="Zoom out">-</button>
          <button type="button" class="small" onClick={() => zoomBy(1, view.width / 2, view.height / 2)} aria-label="Zoom in">+</button>
          <button type="button" class="small" onClick={() => setZoom(null)}>Fit</button>
        </div>
      </div>
    </div>
  );
}

/** It may be put up a few frames later. */
function focusSoon(element: HTMLElement, id: string, frames = 60): void {
  requestAnimationFrame(() => {
    const node = element.querySelector<HTMLElement>(`[data-node="${CSS.escape(id)}"]`);
    if (node) node.focus();
    else if (frames > 0) focusSoon(element, id, frames - 1);
  });
}

const stepped = (at: number) => Math.floor(at / STEP) * STEP;

function inWindow(y: number, element: HTMLElement): boolean {
  return y > element.scrollTop && y < element.scrollTop + element.clientHeight;
}

export function titleOf(group: string): string {
  return { stored: "Stored in the cluster", bucket: "Buckets", function: "Functions", model: "Models", catalog: "Catalogues", secret: "Secrets", other: "Others", role: "Unknown account" }[group] ?? group;
}

export function about(node: ShownNode): string {
  const uses = node.uses === 0 ? "unused" : `${count(node.uses)} ${node.uses === 1 ? "use" : "uses"}`;
  if (node.kind === "stored_object" && node.uses === 0) return words(node.kind);
  if (node.kind === "folded") return `${uses}, unfold`;
  return node.known === false ? `${uses}, not in the facts` : `${words(node.kind)}, ${uses}`;
}

/** Moves the plane with the mouse, and zooms with the wheel and Ctrl. */
function useDrag(box: { current: HTMLDivElement | null }, zoomBy: (direction: 1 | -1, x: number, y: number) => void): void {
  const zoom = useRef(zoomBy);
  zoom.current = zoomBy;
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const down = (event: PointerEvent) => {
      if (event.pointerType !== "mouse" || event.button !== 0 || (event.target as Element).closest("button, .line")) return;
      const [x, y, left, top] = [event.clientX, event.clientY, element.scrollLeft, element.scrollTop];
      const move = (moved: PointerEvent) => element.scrollTo(left - (moved.clientX - x), top - (moved.clientY - y));
      const up = () => {
        removeEventListener("pointermove", move);
        removeEventListener("pointerup", up);
      };
      addEventListener("pointermove", move);
      addEventListener("pointerup", up);
    };
    const wheel = (event: WheelEvent) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const { left, top } = element.getBoundingClientRect();
      zoom.current(event.deltaY < 0 ? 1 : -1, event.clientX - left, event.clientY - top);
    };
    element.addEventListener("pointerdown", down);
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      element.removeEventListener("pointerdown", down);
      element.removeEventListener("wheel", wheel);
    };
  }, []);
}
