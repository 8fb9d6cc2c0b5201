/** Asking again and again, without losing the last answer when none comes. */

import { useEffect, useRef, useState } from "preact/hooks";

import { ApiError, get, token, type Params } from "./client";

export interface Polled<T> {
  data: T | null;
  /** When `data` was answered. */
  at: Date | null;
  /** Why the last question was answered with no. */
  fault: ApiError | null;
  /** Whether `data` answers what is asked now, rather than what was asked before. */
  isCurrent: boolean;
}

/**
 * Asks now, then every `seconds` while the page can be seen. Other params, or another
 * `again`, ask at once and keep what is shown until the answer. */
export function usePolled<T>(path: string | null, params: Params, seconds: number, again: unknown = null): Polled<T> {
  const [state, setState] = useState<Answered<T>>({ data: null, at: null, fault: null, of: null });
  const key = path === null ? null : `${path} ${JSON.stringify(params)}`;
  const asked = useRef(params);
  asked.current = params;
  const shown = token.value;
  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const turn = async () => {
      if (document.visibilityState === "visible") {
        try {
          const data = await get<T>(path, asked.current, abort.signal);
          if (!abort.signal.aborted) setState({ data, at: new Date(), fault: null, of: key });
        } catch (error) {
          if (error instanceof ApiError && !abort.signal.aborted) setState((before) => ({ ...before, fault: error }));
        }
      }
      if (!abort.signal.aborted) timer = setTimeout(() => void turn(), seconds * 1000);
    };
    void turn();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, seconds, shown, again]);
  const { data, at, fault, of } = state;
  return { data, at, fault, isCurrent: data !== null && of === key };
}

interface Answered<T> extends Omit<Polled<T>, "isCurrent"> {
  /** The question. */
  of: string | null;
}
