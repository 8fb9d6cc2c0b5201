/** The state of the gate, asked for all the time: it is also how the page notices that the gate is gone. */

import { effect, signal } from "@preact/signals";

import { ApiError, asksForToken, contact, get, token } from "./api/client";
import type { Status } from "./api/types";

export const status = signal<Status | null>(null);

const EVERY_MS = 3_000;
const WHILE_SILENT_MS = 1_000;

let timer: ReturnType<typeof setTimeout> | undefined;

async function turn(): Promise<void> {
  clearTimeout(timer);
  if (document.visibilityState === "visible" && asksForToken.peek() === "no") {
    try {
      status.value = await get<Status>("/status");
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof TypeError)) throw error;
    }
  }
  timer = setTimeout(() => void turn(), contact.peek().failingSince === null ? EVERY_MS : WHILE_SILENT_MS);
}

// A new token is tried at once, and so is a page that comes back to the front.
effect(() => {
  void token.value;
  void turn();
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void turn();
});
