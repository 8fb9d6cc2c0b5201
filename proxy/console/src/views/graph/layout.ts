/** Places nodes in layers from left to right, those of an account beside each other. Pure; runs in a worker of its own. */

import {
  coordGreedy,
  coordSimplex,
  graph as newGraph,
  layeringLongestPath,
  sugiyama,
  type Graph,
  type Separation,
  type SugiNode,
  type SugiSeparation,
} from "d3-dag";

import { NODE } from "./size";

export interface LayoutNode {
  id: string;
  group: string;
  /** What roles reach stands in the last column. */
  isReached: boolean;
  /** What nothing leads to stands in the first column, but for roles. */
  isRoot: boolean;
}

export interface LayoutQuestion {
  key: string;
  nodes: readonly LayoutNode[];
  edges: readonly { id: string; from: string; to: string }[];
}

/** A frame around nodes of one group in one column. */
export interface Frame {
  group: string;
  x: number;
  y: number;
  width: number;
  height: number;
  first: string;
}

export interface Layout {
  key: string;
  width: number;
  height: number;
  /** Upper left corners. */
  nodes: Record<string, { x: number; y: number; column: number }>;
  edges: Record<string, { path: string; top: number; bottom: number }>;
  frames: Frame[];
}

const COLUMN_GAP = 70;
const ROW_GAP = 10;
/** Room for the name of an account above its nodes. */
const GROUP_GAP = 26;
const MARGIN = 16;
/** Beyond it, the exact assignment of coordinates takes too long. */
const EXACT = 120;
const SWEEPS = 8;

type Data = LayoutNode;
type Sugi = SugiNode<Data, unknown>;

export function layout({ key, nodes, edges }: LayoutQuestion): Layout {
  const graph = build(nodes, edges);
  if (nodes.length === 0) return { key, width: 0, height: 0, nodes: {}, edges: {}, frames: [] };
  const place = sugiyama()
    .nodeSize([NODE.height, NODE.width] as const)
    .gap([ROW_GAP, COLUMN_GAP] as const)
    .layering(inColumns)
    .decross(together)
    .coord(nodes.length <= EXACT ? apart(coordSimplex()) : apart(coordGreedy()));
  const size = place(graph);
  return read(key, graph, edges, size);
}

function build(nodes: readonly LayoutNode[], edges: LayoutQuestion["edges"]): Graph<Data, undefined> {
  const graph = newGraph<Data, undefined>();
  const placed = new Map(nodes.map((node) => [node.id, graph.node(node)]));
  const linked = new Set<string>();
  const link = (from: string, to: string) => {
    const [source, target] = [placed.get(from), placed.get(to)];
    // Coordinates are the same for edges between the same two nodes.
    if (!source || !target || linked.has(`${from}\u0000${to}`)) return;
    linked.add(`${from}\u0000${to}`);
    graph.link(source, target, undefined);
  };
  for (const { from, to } of edges) link(from, to);
  const root = nodes.find((node) => node.isRoot);
  const led = new Set(edges.map((edge) => edge.to));
  // A role that nothing leads to stands beside those that are attached; the line is not drawn.
  if (root) for (const node of nodes) if (!node.isRoot && !led.has(node.id)) link(root.id, node.id);
  return graph;
}

type Coordinates = <N extends Data, L>(layers: SugiNode<N, L>[][], sep: SugiSeparation<N, L>) => number;

/** Leaves room between groups. */
function apart(coord: Coordinates): Coordinates {
  return <N extends Data, L>(layers: SugiNode<N, L>[][], sep: SugiSeparation<N, L>) => {
    const group = (node: SugiNode<N, L> | undefined) => (node?.data.role === "node" ? node.data.node.data.group : undefined);
    const wide: SugiSeparation<N, L> = (a, b) => sep(a, b) + (group(b) !== undefined && group(a) !== group(b) ? GROUP_GAP : 0);
    return coord(layers, wide);
  };
}

/** Columns by the longest way from the cluster; what is reached in the last. */
function inColumns<N extends Data, L>(graph: Graph<N, L>, sep: Separation<N, L>): number {
  const height = layeringLongestPath().topDown(true)(graph, sep);
  let last = 0;
  for (const node of graph.nodes()) last = Math.max(last, node.y);
  for (const node of graph.nodes()) if (node.data.isReached && node.nchildren() === 0) node.y = last;
  return height;
}

/** Orders each column by where its neighbours stand, and keeps a group together. */
function together(layers: Sugi[][]): void {
  const at = new Map<Sugi, number>();
  const note = (layer: Sugi[]) => layer.forEach((node, index) => at.set(node, index / layer.length));
  for (const layer of layers) {
    layer.sort((a, b) => name(a).localeCompare(name(b)));
    note(layer);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isDown = sweep % 2 === 0;
    for (const layer of isDown ? layers : [...layers].reverse()) {
      order(layer, at, isDown);
      note(layer);
    }
  }
}

function name(node: Sugi): string {
  const { data } = node;
  return data.role === "node" ? `${data.node.data.group} ${data.node.data.id}` : "";
}

function order(layer: Sugi[], at: ReadonlyMap<Sugi, number>, isDown: boolean): void {
  const own = new Map<Sugi, number>();
  const groups = new Map<string, { sum: number; count: number }>();
  const groupOf = (node: Sugi, index: number) => (node.data.role === "node" ? node.data.node.data.group : `line ${index}`);
  const keys = new Map<Sugi, string>();
  layer.forEach((node, index) => {
    const near = [...(isDown ? node.parents() : node.children())].map((one) => at.get(one) ?? 0);
    const mean = near.length > 0 ? near.reduce((sum, one) => sum + one, 0) / near.length : (at.get(node) ?? 0);
    own.set(node, mean);
    const key = groupOf(node, index);
    keys.set(node, key);
    const group = groups.get(key) ?? { sum: 0, count: 0 };
    groups.set(key, { sum: group.sum + mean, count: group.count + 1 });
  });
  const mean = (node: Sugi) => {
    const group = groups.get(keys.get(node) ?? "");
    return group ? group.sum / group.count : 0;
  };
  const means = new Map(layer.map((node) => [node, mean(node)]));
  layer.sort((a, b) =>
    (means.get(a) ?? 0) - (means.get(b) ?? 0)
    || (keys.get(a) ?? "").localeCompare(keys.get(b) ?? "")
    || (own.get(a) ?? 0) - (own.get(b) ?? 0));
}

/** Turns the layout, which runs downwards, to the right, and draws the lines. */
function read(key: string, graph: Graph<Data, undefined>, edges: LayoutQuestion["edges"], size: { width: number; height: number }): Layout {
  const columns = [...new Set([...graph.nodes()].map((node) => Math.round(node.y)))].sort((a, b) => a - b);
  const nodes: Layout["nodes"] = {};
  for (const node of graph.nodes()) {
    nodes[node.data.id] = {
      x: MARGIN + node.y - NODE.width / 2,
      y: MARGIN + node.x - NODE.height / 2,
      column: columns.indexOf(Math.round(node.y)),
    };
  }
  const points = new Map<string, readonly (readonly [number, number])[]>();
  for (const link of graph.links()) points.set(`${link.source.data.id}\u0000${link.target.data.id}`, link.points);
  const drawn: Layout["edges"] = {};
  const many = new Map<string, number>();
  for (const edge of edges) {
    const pair = `${edge.from}\u0000${edge.to}`;
    const before = many.get(pair) ?? 0;
    many.set(pair, before + 1);
    const line = points.get(pair)?.map(([x, y]) => [MARGIN + y, MARGIN + x] as const);
    const [from, to] = [nodes[edge.from], nodes[edge.to]];
    if (line && from && to) drawn[edge.id] = curve(line, from, to, before * 8);
  }
  return { key, width: size.height + 2 * MARGIN, height: size.width + 2 * MARGIN, nodes, edges: drawn, frames: frames(graph, nodes) };
}

type Corner = { x: number; y: number };

function curve(line: readonly (readonly [number, number])[], from: Corner, to: Corner, shift: number): { path: string; top: number; bottom: number } {
  const isBack = to.x <= from.x;
  const start = [isBack ? from.x : from.x + NODE.width, from.y + NODE.height / 2 + shift] as const;
  const end = [isBack ? to.x + NODE.width : to.x, to.y + NODE.height / 2 + shift] as const;
  // Lines that pass a column cross it level, so that they bend between columns alone and run over no node.
  const across = line.slice(1, -1).flatMap(([x, y]) => {
    const half = ((isBack ? -1 : 1) * NODE.width) / 2;
    return [[x - half, y], [x + half, y]] as const;
  });
  const stops = [start, ...across, end];
  let path = `M${round(start[0])} ${round(start[1])}`;
  for (let index = 1; index < stops.length; index += 1) {
    const [x0, y0] = stops[index - 1] ?? start;
    const [x1, y1] = stops[index] ?? end;
    const middle = round((x0 + x1) / 2);
    path += `C${middle} ${round(y0)} ${middle} ${round(y1)} ${round(x1)} ${round(y1)}`;
  }
  const heights = stops.map(([, y]) => y);
  return { path, top: Math.min(...heights), bottom: Math.max(...heights) };
}

const round = (value: number) => Math.round(value * 10) / 10;

function frames(graph: Graph<Data, undefined>, places: Layout["nodes"]): Frame[] {
  const runs = new Map<string, { group: string; column: number; nodes: { id: string; x: number; y: number }[] }>();
  for (const { data } of graph.nodes()) {
    const place = places[data.id];
    if (!place || data.group === "cluster") continue;
    const key = `${place.column} ${data.group}`;
    const run = runs.get(key) ?? { group: data.group, column: place.column, nodes: [] };
    run.nodes.push({ id: data.id, ...place });
    runs.set(key, run);
  }
  return [...runs.values()].map(({ group, nodes }) => {
    const sorted = [...nodes].sort((a, b) => a.y - b.y);
    const [top, bottom] = [sorted[0], sorted.at(-1)];
    const y = (top?.y ?? 0) - 22;
    return { group, x: (top?.x ?? 0) - 6, y, width: NODE.width + 12, height: (bottom?.y ?? 0) + NODE.height + 6 - y, first: top?.id ?? "" };
  });
}
