/** Where the page is: the view and its filters, in the fragment, which browsers never send. */

import { signal } from "@preact/signals";

export const VIEWS = ["graph", "live", "why", "refusals", "state"] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  view: View;
  params: ReadonlyMap<string, string>;
}

/** Reads a fragment such as `#/live?user=etl`. What is unknown leads to the first view. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = split(hash.replace(/^#/, ""));
  const name = path.replace(/^\//, "");
  const view = VIEWS.find((known) => known === name) ?? VIEWS[0];
  const params = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(query)) if (value !== "") params.set(key, value);
  return { view, params };
}

function split(text: string): [string, string] {
  const at = text.indexOf("?");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

export function formatRoute(view: View, params: Iterable<readonly [string, string]>): string {
  const query = new URLSearchParams();
  for (const [key, value] of params) if (value !== "") query.set(key, value);
  const text = query.toString();
  return `#/${view}${text ? `?${text}` : ""}`;
}

export const route = signal<Route>(parseRoute(location.hash));

addEventListener("hashchange", () => {
  route.value = parseRoute(location.hash);
});

/** Changes for params: a text sets, `null` removes. */
export type Changes = Readonly<Record<string, string | null>>;

export function changed(params: ReadonlyMap<string, string>, changes: Changes): Map<string, string> {
  const next = new Map(params);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(key);
    else next.set(key, value);
  }
  return next;
}

/** Sets params of the view. With `quietly`, the way back is not lengthened: for every letter that is typed. */
export function setParams(changes: Changes, quietly = false): void {
  const { view, params } = route.value;
  const target = formatRoute(view, changed(params, changes));
  if (target === location.hash) return;
  if (quietly) {
    history.replaceState(null, "", target);
    route.value = parseRoute(target);
  } else location.hash = target;
}
