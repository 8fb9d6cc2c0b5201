/** Numbers, times and names as people read them. Pure: what depends on the clock takes it. */

const NUMBERS = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export function count(value: number): string {
  return NUMBERS.format(value);
}

/** A count with its noun: "1 use", "2 uses". */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A time that something took. */
export function took(seconds: number): string {
  if (seconds < 0.000_999_5) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds < 0.999_5) return `${(seconds * 1e3).toFixed(seconds < 0.01 ? 2 : 0)} ms`;
  return seconds < 59.95 ? `${seconds.toFixed(1)} s` : span(seconds);
}

/** A longer time, in the two units that matter. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const units: [string, number][] = [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ];
  const first = units.findIndex(([, size]) => whole >= size);
  if (first < 0) return "0 s";
  const parts: string[] = [];
  let rest = whole;
  for (const [unit, size] of units.slice(first, first + 2)) {
    const many = Math.floor(rest / size);
    rest -= many * size;
    if (many > 0) parts.push(`${many} ${unit}`);
  }
  return parts.join(" ");
}

/** How long ago, or in how long. */
export function ago(then: Date, now: Date): string {
  const seconds = (now.getTime() - then.getTime()) / 1000;
  if (Math.abs(seconds) < 1.5) return "now";
  return seconds > 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
}

const pad = (value: number, width = 2) => String(value).padStart(width, "0");

/** The time of day, local, to the millisecond. */
export function clock(time: Date): string {
  return `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}.${pad(time.getMilliseconds(), 3)}`;
}

/** Day and time, local, to the second. */
export function moment(time: Date): string {
  const day = `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}`;
  return `${day} ${clock(time).slice(0, 8)}`;
}

/** For the hover: the same in UTC, as precise as it came. */
export function utc(text: string): string {
  return `${text.replace("T", " ").replace(/Z$/, "")} UTC`;
}

const ARN = /^arn:[^:]*:iam::(?<account>\d*):role\/(?<path>.*\/)?(?<name>[^/]+)$/;

/** The parts of a role's ARN, or `null`. */
export function roleOf(arn: string): { account: string; name: string } | null {
  const groups = ARN.exec(arn)?.groups;
  return groups ? { account: groups["account"] ?? "", name: groups["name"] ?? "" } : null;
}

/** The last word of an ARN, or the text itself. */
export function shortName(arn: string): string {
  return roleOf(arn)?.name ?? arn;
}

/** A chain's roles by their short names. */
export function shortChain(roles: readonly string[]): string[] {
  return roles.map(shortName);
}

/** A word of the interface as people write it: `would_be_refused` is "would be refused". */
export function words(word: string): string {
  return word.replaceAll("_", " ");
}
