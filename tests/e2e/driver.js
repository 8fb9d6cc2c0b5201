// One session of node-postgres, as test_drivers.py tells it; prints one JSON object.
"use strict";
const path = require("path");
const modules = path.resolve(__dirname, "../../target/node/node_modules");
const { Client } = require(path.join(modules, "pg"));
const Cursor = require(path.join(modules, "pg-cursor"));
const fs = require("fs");
const net = require("net");

async function failure(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return error.code;
  }
}

async function main() {
  const [port, ca, refused] = process.argv.slice(2);
  const settings = { host: "127.0.0.1", port: Number(port), user: "postgres", database: "postgres", ssl: { ca: fs.readFileSync(ca), servername: "gate.example" } };
  const client = new Client(settings);
  await client.connect();
  const seen = {};
  seen.query = (await client.query("select 41 + 1 as n")).rows[0].n;
  seen.prepared = [];
  for (let round = 0; round < 3; round += 1) {
    const result = await client.query({ name: "twice", text: "select $1::int * 2 as n", values: [round] });
    seen.prepared.push(result.rows[0].n);
  }
  const cursor = client.query(new Cursor("select generate_series(1, 1000) as n"));
  let rows;
  let sum = 0;
  do {
    rows = await cursor.read(100);
    for (const row of rows) sum += row.n;
  } while (rows.length > 0);
  await cursor.close();
  seen.cursor = sum;
  seen.error = await failure(client.query("select 1/0"));
  seen.refusal = await failure(client.query(refused));
  seen.refusal_prepared = await failure(client.query({ text: refused + " -- $1", values: [] , name: "bad" }));
  await client.query("begin");
  seen.in_transaction = await failure(client.query(refused));
  seen.aborted = await failure(client.query("select 1"));
  await client.query("rollback");
  const pid = (await client.query("select pg_backend_pid() as n")).rows[0].n;
  if (pid !== client.processID) throw new Error("the cancel key is not the backend's own");
  const slow = failure(client.query("select pg_sleep(30)"));
  setTimeout(() => {
    const request = Buffer.alloc(16);
    [16, 80877102, client.processID, client.secretKey].forEach((value, index) => request.writeInt32BE(value, index * 4));
    net.connect(settings.port, settings.host, function connected() { this.write(request); });
  }, 300);
  seen.cancel = await slow;
  seen.after = (await client.query("select 1 as n")).rows[0].n;
  await client.end();
  console.log(JSON.stringify(seen));
}

main();
