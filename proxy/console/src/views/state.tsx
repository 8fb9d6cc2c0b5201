/** How the gate stands, and what it depends on. */

import { usePolled } from "../api/poll";
import type { Catalog, Coverage, Facts } from "../api/types";
import { status } from "../status";
import { Fault, Nothing } from "../ui/parts";
import { CatalogPanel } from "./state/catalog";
import { CoveragePanel } from "./state/coverage";
import { FactsPanel } from "./state/facts";
import { CertificatesPanel, GatesPanel, LimitsPanel } from "./state/gates";
import { AuditPanel, ChecksPanel, ExceptionsPanel, MemoryPanel } from "./state/health";
import { SessionsPanel } from "./state/sessions";

const FACTS_SECONDS = 10;

export function State() {
  const said = status.value;
  const facts = usePolled<Facts>("/facts", {}, FACTS_SECONDS);
  const catalog = usePolled<Catalog>("/catalog", { limit: 200 }, FACTS_SECONDS);
  const coverage = usePolled<Coverage>("/coverage", {}, FACTS_SECONDS);
  return (
    <div class="state">
      <h1>State</h1>
      {said === null ? <Nothing>The state is being fetched.</Nothing> : (
        <>
          <div class="columns">
            <ChecksPanel of={said} />
            <AuditPanel of={said} />
            <MemoryPanel of={said} />
          </div>
          <GatesPanel of={said} />
          <LimitsPanel of={said} />
          <CertificatesPanel of={said} />
          <ExceptionsPanel of={said} />
        </>
      )}
      <Fault of={facts.fault} />
      {facts.data && <FactsPanel of={facts.data} />}
      <Fault of={catalog.fault} />
      {catalog.data && <CatalogPanel of={catalog.data} />}
      <Fault of={coverage.fault} />
      {coverage.data && <CoveragePanel of={coverage.data} />}
      <SessionsPanel />
    </div>
  );
}
