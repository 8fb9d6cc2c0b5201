/** Keeps what the stream brings, and lets the page know once a frame. */

import { signal, type Signal } from "@preact/signals";

import { get } from "../../api/client";
import { follow } from "../../api/stream";
import type { Decision, Decisions, OutcomeEvent } from "../../api/types";
import type { Filters } from "../../filters";
import { Held } from "./store";

export type FeedState = "connecting" | "following" | "broken";

/** How many may wait while the list is paused; then the oldest of them go. */
const MAX_WAITING = 10_000;
const PAGE = 100;

export class Feed {
  readonly held = new Held();
  /** Counts up with every change of `held`. */
  readonly version: Signal<number> = signal(0);
  readonly state: Signal<FeedState> = signal<FeedState>("connecting");
  readonly reason: Signal<string | null> = signal<string | null>(null);
  /** How many the gate says this page missed. */
  readonly lost: Signal<number> = signal(0);
  readonly waiting: Signal<number> = signal(0);
  readonly older: Signal<number | null> = signal<number | null>(null);
  readonly isPaused: Signal<boolean> = signal(false);
  /** How many rows came on top since the list was last at its top. */
  readonly fresh: Signal<number> = signal(0);
  /** The sum of all that were added on top: the list shifts by it to stay where it is. */
  added = 0;

  #decisions: Decision[] = [];
  #outcomes: OutcomeEvent[] = [];
  #frame: number | null = null;
  #stop: (() => void) | null = null;
  #abort = new AbortController();

  constructor(readonly filters: Filters) {}

  start(): void {
    void this.#first();
    this.#stop = follow(this.filters, {
      open: (isNewProcess) => {
        this.state.value = "following";
        this.reason.value = null;
        if (isNewProcess) void this.#first();
      },
      decision: (decision) => this.#take(() => this.#decisions.push(decision)),
      outcome: (outcome) => this.#take(() => this.#outcomes.push(outcome)),
      lost: ({ count }) => {
        this.lost.value += count;
      },
      broken: (reason) => {
        this.state.value = "broken";
        this.reason.value = reason;
      },
    });
  }

  stop(): void {
    this.#stop?.();
    this.#abort.abort();
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
  }

  pause(isPaused: boolean): void {
    this.isPaused.value = isPaused;
    if (!isPaused) this.#plan();
  }

  async more(): Promise<void> {
    const before = this.older.value;
    if (before !== null) await this.#page({ before });
  }

  async #first(): Promise<void> {
    await this.#page({});
  }

  /** A fault here is shown by the stream, which asks the same gate. */
  async #page(params: { before?: number }): Promise<void> {
    try {
      const all = { ...this.filters, ...params, limit: PAGE };
      const page = await get<Decisions>("/decisions", all, this.#abort.signal);
      if (params.before === undefined) this.#add([...page.items].reverse());
      else this.held.addOlder(page.items);
      if (params.before !== undefined || this.older.value === null) this.older.value = page.next;
      this.version.value += 1;
    } catch {
      // See above.
    }
  }

  #take(put: () => void): void {
    put();
    if (this.#decisions.length > MAX_WAITING) this.#decisions.splice(0, this.#decisions.length - MAX_WAITING);
    this.#plan();
  }

  #plan(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.isPaused.value) {
      this.waiting.value = this.#decisions.length;
      return;
    }
    this.waiting.value = 0;
    const changes = this.#add(this.#decisions);
    this.#decisions = [];
    let noted = 0;
    for (const outcome of this.#outcomes) noted += this.held.outcome(outcome) ? 1 : 0;
    this.#outcomes = [];
    if (changes + noted > 0) this.version.value += 1;
  }

  #add(decisions: readonly Decision[]): number {
    const added = this.held.add(decisions);
    this.added += added;
    this.fresh.value += added;
    return added;
  }
}
