/** Between the time of a form, local, and the time of a question, UTC. Pure but for the time zone. */

/** `2026-11-28T07:30:00Z` as a `datetime-local` field has it. */
export function localOf(utc: string): string {
  const time = new Date(utc);
  if (utc === "" || Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

export function utcOf(local: string): string {
  const time = new Date(local);
  return local === "" || Number.isNaN(time.getTime()) ? "" : time.toISOString();
}
