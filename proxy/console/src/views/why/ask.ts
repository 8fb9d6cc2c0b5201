/** Forms whose questions stand in the address, so that an answer can be shared. */

import { useEffect, useState } from "preact/hooks";

import { ApiError, token } from "../../api/client";
import { route, setParams } from "../../route";

export interface Answer<T> {
  data: T | null;
  fault: ApiError | null;
  isBusy: boolean;
}

/** The answer to what the address asks; `question` is `null` when it asks nothing. */
export function useAnswer<T>(question: string | null, ask: (abort: AbortSignal) => Promise<T>): [Answer<T>, () => void] {
  const [answer, setAnswer] = useState<Answer<T>>({ data: null, fault: null, isBusy: false });
  const [turn, again] = useState(0);
  const shown = token.value;
  useEffect(() => {
    if (question === null) {
      setAnswer({ data: null, fault: null, isBusy: false });
      return undefined;
    }
    const abort = new AbortController();
    setAnswer((before) => ({ ...before, isBusy: true }));
    ask(abort.signal).then(
      (data) => setAnswer({ data, fault: null, isBusy: false }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const fault = error instanceof ApiError ? error : new ApiError(0, "the gate does not answer");
        setAnswer({ data: null, fault, isBusy: false });
      },
    );
    return () => abort.abort();
  }, [question, turn, shown]);
  return [answer, () => again((count) => count + 1)];
}

/** What is typed into a form: begins with what the address has, and follows it when it changes. */
export function useFields<T extends string>(names: readonly T[]): [Record<T, string>, (name: T) => (value: string) => void, () => boolean] {
  const { params } = route.value;
  const held = () => Object.fromEntries(names.map((name) => [name, params.get(name) ?? ""])) as Record<T, string>;
  const key = names.map((name) => params.get(name) ?? "").join("\u0000");
  const [fields, setFields] = useState(held);
  useEffect(() => setFields(held()), [key]);
  const change = (name: T) => (value: string) => setFields((before) => ({ ...before, [name]: value }));
  /** Puts what is typed into the address. Gives whether that changes it. */
  const send = () => {
    const isNew = names.some((name) => (params.get(name) ?? "") !== fields[name]);
    if (isNew) setParams(fields);
    return isNew;
  };
  return [fields, change, send];
}
