/** Times: local, with UTC on hover. */

import { signal } from "@preact/signals";

import { ago, clock, moment, utc } from "../text/format";

/** The clock of everything that says how long ago; once a second. */
export const now = signal(new Date());
setInterval(() => {
  if (document.visibilityState === "visible") now.value = new Date();
}, 1000);

export function Clock({ of }: { of: string }) {
  return <time dateTime={of} title={utc(of)}>{clock(new Date(of))}</time>;
}

export function Moment({ of }: { of: string | null }) {
  return of === null ? <span class="none">never</span> : <time dateTime={of} title={utc(of)}>{moment(new Date(of))}</time>;
}

export function Ago({ of }: { of: string | null }) {
  if (of === null) return <span class="none">never</span>;
  const then = new Date(of);
  return <time dateTime={of} title={`${moment(then)} local, ${utc(of)}`}>{ago(then, now.value)}</time>;
}
