/** The decisions that the page holds: a bounded list, newest last. Pure. */

import type { Decision, OutcomeEvent } from "../../api/types";
import { bucketOf } from "../../filters";

/** What the page keeps; older ones go. */
export const MAX_HELD = 10_000;
/** Cut only when there is this much too much, so that cutting is rare. */
const SLACK = 1_000;

export class Held {
  #rows: Decision[] = [];
  #at = new Map<string, number>();
  /** How many went from the front since the start: places in `#at` count them. */
  #gone = 0;

  get size(): number {
    return Math.min(this.#rows.length, MAX_HELD);
  }

  /** The `index`th, newest first. */
  row(index: number): Decision | undefined {
    return this.#rows[this.#rows.length - 1 - index];
  }

  /** Where a decision stands, newest first; `null` when it is not held. */
  indexOf(id: string): number | null {
    const place = this.#at.get(id);
    if (place === undefined) return null;
    const index = this.#rows.length - 1 - (place - this.#gone);
    return index < this.size ? index : null;
  }

  find(id: string): Decision | undefined {
    const index = this.indexOf(id);
    return index === null ? undefined : this.row(index);
  }

  /** Takes decisions in their order, older ones first. Gives how many were new. */
  add(decisions: readonly Decision[]): number {
    let added = 0;
    for (const decision of decisions) {
      if (this.#at.has(decision.id)) continue;
      this.#at.set(decision.id, this.#gone + this.#rows.length);
      this.#rows.push(decision);
      added += 1;
    }
    if (this.#rows.length > MAX_HELD + SLACK) this.#cut();
    return added;
  }

  /** Takes older decisions, newest first as pages of the gate have them, in front of what is held. */
  addOlder(decisions: readonly Decision[]): void {
    const room = Math.max(0, MAX_HELD - this.#rows.length);
    const older = decisions.filter((decision) => !this.#at.has(decision.id)).slice(0, room).reverse();
    this.#rows = [...older, ...this.#rows];
    this.#gone = 0;
    this.#at = new Map(this.#rows.map((row, place) => [row.id, place]));
  }

  /** Notes what became of one. Gives whether it is held. */
  outcome({ of, ...outcome }: OutcomeEvent): boolean {
    const place = this.#at.get(of);
    const row = place === undefined ? undefined : this.#rows[place - this.#gone];
    if (place === undefined || row === undefined) return false;
    this.#rows[place - this.#gone] = { ...row, outcome };
    return true;
  }

  /** Values that were seen, for the filters. */
  seen(): Map<string, string[]> {
    const sets = new Map<string, Set<string>>();
    const note = (name: string, value: string | null | undefined) => {
      if (!value) return;
      const set = sets.get(name) ?? new Set();
      if (set.size < 200) sets.set(name, set.add(value));
    };
    for (const row of this.#rows.slice(-1_000)) {
      note("user", row.user);
      note("application", row.application);
      note("kind", row.kind);
      note("gate", row.gate);
      for (const group of row.groups) note("group", group);
      for (const code of row.codes) note("code", code);
      for (const rule of row.rules) note("rule", rule.id);
      for (const use of [...row.stored_uses, ...row.role_uses]) {
        note("chain", use.chain);
        for (const role of use.roles) note("role", role);
      }
      for (const use of row.role_uses) note("bucket", bucketOf(use.target));
    }
    return new Map([...sets].map(([name, set]) => [name, [...set].sort()]));
  }

  #cut(): void {
    const excess = this.#rows.length - MAX_HELD;
    for (const row of this.#rows.splice(0, excess)) this.#at.delete(row.id);
    this.#gone += excess;
  }
}
