// The real gate: what `make demo` starts, on ports of its own, and somebody who speaks SQL to it.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import pg from "pg";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PROGRAM = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug", "demo");

const [OWN, OTHER] = ["arn:aws:iam::123456789012:role/", "arn:aws:iam::210987654321:role/"];
export const ROLES = { A: `${OWN}RoleA`, B: `${OTHER}RoleB`, C: `${OTHER}RoleC`, D: `${OTHER}RoleD`, Partner: `${OTHER}RolePartner` };

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class Demo {
  static async start({ idle = true } = {}) {
    const demo = new Demo();
    demo.idle = idle;
    demo.folder = await mkdtemp(join(tmpdir(), "rolegate-demo-"));
    demo.ports = { gate: await freePort(), standin: await freePort(), admin: await freePort() };
    demo.url = `http://127.0.0.1:${demo.ports.admin}/`;
    await demo.run();
    return demo;
  }

  /** Starts it, again too: on the same ports. */
  async run() {
    const options = Object.entries(this.ports).flatMap(([name, port]) => [`--${name}`, `127.0.0.1:${port}`]);
    if (this.idle) options.push("--idle");
    this.process = spawn(PROGRAM, options, { env: { ...process.env, ROLEGATE_DEMO_DIR: join(this.folder, "data") }, stdio: "ignore" });
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    for (let attempt = 0; attempt < 300; attempt += 1) {
      const answer = await fetch(`${this.url}readyz`).catch(() => null);
      if (answer?.ok) return;
      if (this.process.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`${PROGRAM} does not get ready`);
  }

  async halt() {
    this.process.kill("SIGINT");
    await this.ended;
  }

  async stop() {
    await this.halt();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A session; `run` gives what became of a statement: its SQLSTATE, or `null` when it was done. */
  async login(user, application = "psql") {
    const client = new pg.Client({ host: "127.0.0.1", port: this.ports.gate, user, password: "demo", database: "dev", application_name: application });
    client.on("error", () => undefined);
    await client.connect();
    return {
      run: (sql) => client.query(sql).then(() => null, (error) => error.code),
      end: () => client.end(),
    };
  }

  get(path) {
    return fetch(`${this.url}api/v1${path}`).then((answer) => answer.json());
  }
}

export const unload = (roles, path = "companyb/redshift/venue_") => `unload ('select * from venue limit 10') to 's3://${path}' iam_role '${roles.join(",")}'`;
