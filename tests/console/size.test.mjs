// What is built: small, nothing inline, and the lock file names no host.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const CONSOLE = new URL("../../proxy/console/", import.meta.url);
const MAX_BYTES = 300 * 1024;

test("all of it is under 300 KB, compressed", async () => {
  const names = (await readdir(new URL("dist/", CONSOLE), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  let sum = 0;
  for (const { parentPath, path, name } of names) sum += gzipSync(await readFile(`${parentPath ?? path}/${name}`), { level: 9 }).length;
  console.log(`# ${sum} bytes`);
  assert.ok(sum > 10_000 && sum < MAX_BYTES, `${sum} bytes`);
});

test("the page has no script and no style of its own", async () => {
  const page = await readFile(new URL("dist/index.html", CONSOLE), "utf8");
  assert.doesNotMatch(page, /<script(?![^>]*\bsrc=)/);
  assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|https?:/);
});

test("lock files hold versions and hashes, and no registry", async () => {
  for (const path of ["package-lock.json", "../../tests/console/package-lock.json"]) {
    const { packages } = JSON.parse(await readFile(new URL(path, CONSOLE), "utf8"));
    for (const [name, entry] of Object.entries(packages)) {
      assert.equal(entry.resolved, undefined, name);
      if (name !== "") assert.ok(entry.integrity, `${path}: ${name}`);
    }
  }
});

test("who has no Node.js is told what is missing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rolegate-path-"));
  await symlink("/usr/bin/dirname", join(folder, "dirname"));
  const { status, stderr } = spawnSync("/bin/sh", [fileURLToPath(new URL("build.sh", CONSOLE))], { env: { PATH: folder }, encoding: "utf8" });
  await rm(folder, { recursive: true });
  assert.deepEqual([status, stderr.split(":")[0]], [3, "node is missing"]);
});

test("the licences of what is in it are in it", async () => {
  const text = await readFile(new URL("dist/licences.txt", CONSOLE), "utf8");
  for (const name of ["preact", "@preact/signals", "d3-dag"]) assert.match(text, new RegExp(`^${name} \\d`, "m"));
});
