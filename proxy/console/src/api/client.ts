/** Asking the gate: the token, which is kept in memory alone, and whether it answers at all. */

import { signal } from "@preact/signals";

/** An answer that says no. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly field: string | null = null,
  ) {
    super(message);
  }
}

/** Whether the gate answers. */
export interface Contact {
  answeredAt: Date | null;
  failingSince: Date | null;
}

export const contact = signal<Contact>({ answeredAt: null, failingSince: null });

/** The token, until the page is closed. */
export const token = signal<string | null>(null);
/** Whether the gate asks for a token, and whether it refused one. */
export const asksForToken = signal<"no" | "asked" | "refused">("no");

export type Params = Record<string, string | number | boolean | null | undefined>;

export function answered(): void {
  contact.value = { answeredAt: new Date(), failingSince: null };
}

export function silent(): void {
  const { answeredAt, failingSince } = contact.value;
  if (failingSince === null) contact.value = { answeredAt, failingSince: new Date() };
}

export function address(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return `/api/v1${path}${text ? `?${text}` : ""}`;
}

/** Asks, and gives the answer when it says yes. */
export async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const shown = token.value;
  if (shown !== null) headers.set("Authorization", `Bearer ${shown}`);
  let response: Response;
  try {
    response = await fetch(url, { ...init, headers, cache: "no-store", credentials: "same-origin" });
  } catch (error) {
    if (!init.signal?.aborted) silent();
    throw error;
  }
  answered();
  if (response.ok) return response;
  if (response.status === 401) {
    asksForToken.value = shown === null ? "asked" : "refused";
    throw new ApiError(401, "the gate asks for a token");
  }
  throw await fault(response);
}

async function fault(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  try {
    const { error, field } = JSON.parse(text) as { error?: string; field?: string | null };
    return new ApiError(response.status, error ?? text, field ?? null);
  } catch {
    return new ApiError(response.status, text.trim() || response.statusText);
  }
}

export async function get<T>(path: string, params: Params = {}, abort?: AbortSignal): Promise<T> {
  const response = await ask(address(path, params), abort ? { signal: abort } : {});
  return (await response.json()) as T;
}

export async function post<T>(path: string, body: unknown, abort?: AbortSignal): Promise<T> {
  const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await ask(address(path), abort ? { ...init, signal: abort } : init);
  return (await response.json()) as T;
}

/** Fetches a file with the token, and hands it to the browser to keep. */
export async function download(path: string, params: Params, name: string): Promise<void> {
  const response = await ask(address(path, params));
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
