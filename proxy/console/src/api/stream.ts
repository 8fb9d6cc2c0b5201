/** The stream of decisions, over fetch so that it can carry the token; it connects again by itself. */

import { ApiError, address, ask, silent, type Params } from "./client";
import { EventParser } from "./sse";
import type { Decision, Lost, OutcomeEvent, StreamOpen } from "./types";

export interface Listener {
  /** A connection stands; `isNewProcess` when the gate was started anew since the one before. */
  open(isNewProcess: boolean): void;
  decision(decision: Decision): void;
  outcome(outcome: OutcomeEvent): void;
  lost(lost: Lost): void;
  /** It cannot be followed; the next try comes by itself, unless the gate refuses what was asked. */
  broken(reason: string): void;
}

/** Longer without a heartbeat (they come every 10 s), and the connection counts as dead. */
const SILENCE_MS = 25_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;

/** Follows the stream until the returned function is called. */
export function follow(params: Params, listener: Listener): () => void {
  const follower = new Follower(params, listener);
  void follower.run();
  return () => follower.stop();
}

class Follower {
  #stopped = false;
  #abort = new AbortController();
  #cursor: string | null = null;
  #startedAt: string | null = null;
  #pause = FIRST_PAUSE_MS;

  constructor(
    readonly params: Params,
    readonly listener: Listener,
  ) {}

  stop(): void {
    this.#stopped = true;
    this.#abort.abort();
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#connect();
      } catch (error) {
        if (this.#stopped) return;
        this.listener.broken(error instanceof Error ? error.message : String(error));
        // Asking again would be refused again; a new token or filter begins anew.
        if (error instanceof ApiError && error.status >= 400 && error.status < 429) return;
      }
      await new Promise((resolve) => setTimeout(resolve, this.#pause));
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    }
  }

  async #connect(): Promise<void> {
    this.#abort = new AbortController();
    let watch = this.#watch();
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (this.#cursor !== null) headers["Last-Event-ID"] = this.#cursor;
      const response = await ask(address("/decisions/stream", this.params), { headers, signal: this.#abort.signal });
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      if (!reader) return;
      const parser = new EventParser();
      for (;;) {
        const { done, value } = await reader.read();
        clearTimeout(watch);
        if (done) break;
        watch = this.#watch();
        for (const { event, data, id } of parser.push(value)) {
          if (id !== null) this.#cursor = id;
          this.#take(event, data);
        }
      }
      throw new Error("the gate has closed the stream");
    } catch (error) {
      if (!this.#stopped && !(error instanceof ApiError)) silent();
      throw error;
    } finally {
      clearTimeout(watch);
    }
  }

  #watch(): ReturnType<typeof setTimeout> {
    const abort = this.#abort;
    return setTimeout(() => abort.abort(), SILENCE_MS);
  }

  #take(event: string, data: string): void {
    if (event === "open") {
      const { started_at } = JSON.parse(data) as StreamOpen;
      this.listener.open(this.#startedAt !== null && this.#startedAt !== started_at);
      this.#startedAt = started_at;
      this.#pause = FIRST_PAUSE_MS;
    } else if (event === "decision") this.listener.decision(JSON.parse(data) as Decision);
    else if (event === "outcome") this.listener.outcome(JSON.parse(data) as OutcomeEvent);
    else if (event === "lost") this.listener.lost(JSON.parse(data) as Lost);
  }
}
