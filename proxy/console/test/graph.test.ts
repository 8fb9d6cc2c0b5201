import { expect, test } from "vitest";

import { layout } from "../src/views/graph/layout";
import { show, width, type Choices } from "../src/views/graph/model";
import { questionOf } from "../src/views/graph/place";
import { NODE } from "../src/views/graph/size";
import { slice } from "../src/views/graph/slices";
import { stay } from "../src/views/graph/stay";
import { step } from "../src/views/graph/walk";
import { fit, nearer } from "../src/views/graph/zoom";
import { B, edge, graph, node, SAMPLE } from "./samples";

const ALL: Choices = { filters: {}, at: null, find: "", near: Infinity, fold: null, turned: new Set() };
const ids = (choices: Partial<Choices>, of = SAMPLE) => {
  const { nodes, edges } = show(of, { ...ALL, ...choices });
  return [nodes.map((one) => one.id).sort().join(" "), edges.map((one) => one.id).sort().join(" ")];
};
const EVERYTHING = ["a b c cluster s1 s2", "a>b a>c b>s1 c>s2 cluster>a"];

test.each<[string, Partial<Choices>, string, string]>([
  ["nothing chosen", {}, EVERYTHING[0] ?? "", EVERYTHING[1] ?? ""],
  ["a role: what leads there and what it leads to", { filters: { role: B } }, "a b cluster s1", "a>b b>s1 cluster>a"],
  ["a bucket, by whatever path in it", { filters: { bucket: "two" } }, "a c cluster s2", "a>c c>s2 cluster>a"],
  ["one step around a role", { filters: { role: B }, near: 1 }, "a b s1", "a>b b>s1"],
  ["an edge", { at: "a>c" }, "a c cluster s2", "a>c c>s2 cluster>a"],
  ["a node that is gone", { at: "nobody" }, "", ""],
  ["a name", { find: "ONE/x", near: 1 }, "b s1", "b>s1"],
  ["an account, whatever the case of its ARN", { find: "ARN:AWS:IAM::4444", near: 1 }, "a b s1", "a>b b>s1"],
])("%s", (_what, choices, nodes, edges) => {
  expect(ids(choices)).toEqual([nodes, edges]);
});

test("folding an account sums what it holds, and takes the gravest verdict", () => {
  const { nodes, edges } = show(SAMPLE, { ...ALL, fold: true });
  const folded = nodes.find((one) => one.account === "2");
  expect([folded?.kind, folded?.name, folded?.members, folded?.uses]).toEqual(["folded", "2 roles", ["b", "c"], 2]);
  const into = edges.filter((one) => one.to === folded?.id);
  expect(into.map(({ verdict, uses, counts, codes, users }) => ({ verdict, uses, counts, codes, users: users.map((user) => user.name) }))).toEqual([
    { verdict: "refused", uses: 10, counts: { allowed: 7, would_be_refused: 0, refused: 3, undecided: 0 }, codes: ["RG203"], users: ["etl", "analyst"] },
  ]);
  // One role alone is not hidden behind a number, and the cluster never is.
  expect(nodes.map((one) => one.id)).toContain("a");
  expect(nodes.map((one) => one.id)).toContain("cluster");
});

test("one account is unfolded while the rest stays folded, and the other way round", () => {
  expect(ids({ fold: true, turned: new Set(["2", "bucket"]) })).toEqual(EVERYTHING);
  expect(ids({ fold: false, turned: new Set(["2"]) })[0]).toContain("folded:2");
});

test("many nodes are folded by themselves", () => {
  const roles = Array.from({ length: 100 }, (_, index) => node(`r${index}`, "role", { account: "1" }));
  const large = graph([node("cluster", "cluster"), ...roles], roles.map((one) => edge("cluster", one.id, "attachment", "allowed")));
  expect(show(large, ALL).nodes.map((one) => one.id).sort()).toEqual(["cluster", "folded:1:1"]);
  expect(show(large, { ...ALL, fold: false }).nodes).toHaveLength(101);
});

test("circles of roles end", () => {
  const round = graph([node("cluster", "cluster"), node("x", "role"), node("y", "role")], [edge("cluster", "x", "attachment", "allowed"), edge("x", "y", "hop", "allowed"), edge("y", "x", "hop", "allowed")]);
  const shown = show(round, { ...ALL, at: "x" });
  expect(shown.nodes).toHaveLength(3);
  expect(Object.keys(layout(questionOf(shown)).edges)).toHaveLength(3);
});

const placed = layout(questionOf(show(SAMPLE, ALL)));

test("columns run from the cluster to what is reached", () => {
  const columns = Object.fromEntries(Object.entries(placed.nodes).map(([id, place]) => [id, place.column]));
  expect(columns).toEqual({ cluster: 0, a: 1, b: 2, c: 2, s1: 3, s2: 3 });
  const short = layout(questionOf(show(graph([...SAMPLE.nodes, node("s3", "bucket")], [...SAMPLE.edges, edge("a", "s3", "reach", "allowed")]), ALL)));
  expect(short.nodes["s3"]?.column, "what the first role reaches stands with the rest").toBe(3);
});

test("no node lies on another, an account stands together, and all is on the plane", () => {
  const roles = Array.from({ length: 60 }, (_, index) => node(`r${index}`, "role", { account: String(index % 7) }));
  const wide = layout(questionOf(show(graph([node("cluster", "cluster"), ...roles], roles.map((one, index) => edge(index < 20 ? "cluster" : `r${index % 20}`, one.id, "hop", "allowed"))), ALL)));
  const places = Object.values(wide.nodes);
  for (const [index, one] of places.entries()) {
    expect(one.x >= 0 && one.y >= 0 && one.x + NODE.width <= wide.width && one.y + NODE.height <= wide.height).toBe(true);
    for (const other of places.slice(index + 1)) {
      expect(Math.abs(one.x - other.x) >= NODE.width || Math.abs(one.y - other.y) >= NODE.height).toBe(true);
    }
  }
  for (const [index, one] of wide.frames.entries()) {
    for (const other of wide.frames.slice(index + 1)) {
      const isApart = one.x + one.width <= other.x || other.x + other.width <= one.x || one.y + one.height <= other.y || other.y + other.height <= one.y;
      expect(isApart, `${one.group} and ${other.group}`).toBe(true);
    }
  }
});

test("arrow keys walk along edges and columns", () => {
  const shown = show(SAMPLE, ALL);
  const walk = (id: string, direction: "left" | "right" | "up" | "down") => step(shown, placed, id, direction);
  expect([walk("cluster", "right"), walk("a", "left"), walk("s1", "right"), walk("cluster", "up")]).toEqual(["a", "cluster", null, null]);
  const [upper, lower] = (placed.nodes["b"]?.y ?? 0) < (placed.nodes["c"]?.y ?? 0) ? ["b", "c"] : ["c", "b"];
  expect([walk(upper, "down"), walk(lower, "up"), walk(lower, "down")]).toEqual([lower, upper, null]);
});

test("zoom has ends, and wide graphs stay legible", () => {
  expect([nearer(1, 1), nearer(1, -1), nearer(2, 1), nearer(0.06, -1), nearer(0.9, 1)]).toEqual([1.25, 0.8, 2, 0.06, 1]);
  expect([fit(1000, 500), fit(1000, 1250), fit(300, 3000), fit(300, 0)]).toEqual([1, 0.8, 0.66, 1]);
});

test("lines grow with use, and not beyond measure", () => {
  expect(width(0) < width(1) && width(1) < width(100) && width(1e12) === 7).toBe(true);
});

test("what is looked at stays where it is while the graph grows around it", () => {
  const at = (nodes: Record<string, [number, number]>) => ({ nodes: Object.fromEntries(Object.entries(nodes).map(([id, [x, y]]) => [id, { x, y, column: 0 }])) });
  const window = { scrollLeft: 0, scrollTop: 1_000, clientWidth: 800, clientHeight: 400 };
  const before = { layout: at({ far: [0, 0], near: [100, 1_180], edge: [100, 1_020] }), scale: 1 };
  expect(stay(before, { layout: at({ far: [0, 0], near: [100, 1_480], edge: [100, 1_100] }), scale: 1 }, window, null)).toEqual({ left: 0, top: 1_300 });
  expect(stay(before, { layout: at({ near: [100, 1_480], edge: [100, 1_100] }), scale: 1 }, window, "edge"), "what has the focus").toEqual({ left: 0, top: 1_080 });
  expect(stay(before, { layout: at({ near: [100, 1_180] }), scale: 0.5 }, window, null), "another scale").toEqual({ left: -50, top: 410 });
  expect(stay(before, { layout: at({ edge: [100, 1_120] }), scale: 1 }, window, null), "the next in view").toEqual({ left: 0, top: 1_100 });
  expect(stay(before, { layout: at({ far: [0, 0] }), scale: 1 }, window, null), "nothing in view is left").toBeNull();
});

test("what comes into view comes in slices, and what was there stays", () => {
  const all = ["a", "b", "c", "d", "e"];
  const first = slice(all, new Set(), 2);
  const second = slice(all, first, 2);
  expect([[...first], [...second].sort(), [...slice(all, second, 2)].sort()]).toEqual([["a", "b"], ["a", "b", "c", "d"], all]);
  expect([...slice(["d", "e"], second, 2)].sort(), "what is out of view goes at once").toEqual(["d", "e"]);
});
