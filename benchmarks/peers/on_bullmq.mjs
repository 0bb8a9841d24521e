// BullMQ: `node on_bullmq.mjs work`, or `node on_bullmq.mjs produce RECIPIENTS`. The same as job.py and produce.py do.
//
// `addBulk` for the sends, `add` with `delay` for the check; finished jobs are removed, as its production guide advises.
// It is installed in PEERS_NODE, outside of this folder, so it is required from there.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const require = createRequire(`${process.env.PEERS_NODE}/`);
const { Queue, Worker } = require("bullmq");
const { Redis } = require("ioredis");

const QUEUE = "inmail";
const CONCURRENCY = 100;
const BATCH = 1000;
const KEYS = ["wallet", "letters"];
const text = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const body = text("body.txt");
// Auto-pipelining, as ioredis advises for speed: what is asked in one turn of the loop goes out together.
const connect = () =>
  new Redis({ path: process.env.PEERS_REDIS_SOCKET, maxRetriesPerRequest: null, enableAutoPipelining: true });

const redis = connect();
redis.defineCommand("debit", { lua: text("debit.lua"), numberOfKeys: 2 });
redis.defineCommand("deliver", { lua: text("deliver.lua"), numberOfKeys: 3 });
redis.defineCommand("refund", { lua: text("refund.lua"), numberOfKeys: 2 });
const queue = new Queue(QUEUE, { connection: connect(), defaultJobOptions: { removeOnComplete: true } });

const render = (number) =>
  body
    .replace("{first_name}", `Person${number}`)
    .replace("{sender}", "Acme Talent")
    .replace("{number}", number);

async function send({ number, dueMs }) {
  if ((await redis.debit(...KEYS, number)) === -1) throw new Error(`no credit for ${number}`);
  await redis.deliver(...KEYS, `inbox:person.${number}@example.org`, number, `acme.${number}`, render(number));
  await queue.add("check", { number }, { delay: Math.max(0, dueMs - Date.now()) });
}

async function work() {
  const run = (job) => (job.name === "send" ? send(job.data) : redis.refund(...KEYS, job.data.number));
  const worker = new Worker(QUEUE, run, { connection: connect(), concurrency: CONCURRENCY });
  await worker.waitUntilReady();
  await redis.sadd("ready", `worker ${process.pid}`);
}

async function produce(recipients) {
  await queue.waitUntilReady();
  await redis.sadd("ready", "producer");
  for await (const line of createInterface({ input: process.stdin })) {
    const dueMs = Number(line);
    for (let start = 0; start < recipients; start += BATCH) {
      const size = Math.min(BATCH, recipients - start);
      await queue.addBulk(
        Array.from({ length: size }, (_, n) => ({ name: "send", data: { number: start + n, dueMs } })),
      );
    }
    break;
  }
  process.exit(0);
}

await (process.argv[2] === "work" ? work() : produce(Number(process.argv[3])));
