"use strict";

// Every few seconds; text is set as text, never as markup.
const PAUSE_MS = 3000;

function cell(row, text, className) {
  const td = row.insertCell();
  td.textContent = text;
  if (className) td.className = className;
}

async function refresh() {
  const status = document.getElementById("status");
  try {
    const [state, uses] = await Promise.all(
      ["/api/v1/status", "/api/v1/chains"].map(async (path) => (await fetch(path)).json()),
    );
    const gates = state.gates.map((g) => `${g.name}: ${g.sessions_open} sessions, policy ${g.policy_version}`);
    status.textContent = `version ${state.version}, ${state.ready ? "ready" : "draining"}; ${gates.join("; ")}`;
    const body = document.getElementById("chains");
    body.replaceChildren();
    for (const use of uses.chains.sort((a, b) => b.uses - a.uses)) {
      const row = body.insertRow();
      for (const key of ["gate", "chain", "user", "kind"]) cell(row, use[key]);
      cell(row, use.verdict, use.verdict);
      cell(row, use.would_be, use.would_be);
      cell(row, String(use.uses));
    }
  } catch (error) {
    status.textContent = `the gate does not answer: ${error}`;
  }
  setTimeout(refresh, PAUSE_MS);
}

refresh();
