/** Asks for a token, which is kept in memory until the page is closed. */

import { useState } from "preact/hooks";

import { asksForToken, token } from "./api/client";

export function TokenForm() {
  const [typed, type] = useState("");
  const wasRefused = asksForToken.value === "refused";
  const send = (event: Event) => {
    event.preventDefault();
    if (typed === "") return;
    token.value = typed;
    asksForToken.value = "no";
  };
  return (
    <form class="token panel" onSubmit={send}>
      <h1>Token</h1>
      <p>This gate asks who is there. The token is kept in memory until this page is closed.</p>
      {wasRefused && <p class="fault" role="alert">The gate does not know this token.</p>}
      <label>
        <span>Token</span>
        <input type="password" autocomplete="off" value={typed} onInput={(event) => type(event.currentTarget.value)} />
      </label>
      <button type="submit" class="primary">Continue</button>
    </form>
  );
}
