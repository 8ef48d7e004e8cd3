// Orders of twelve durable steps on Restate: one handler with twelve steps, or twelve handlers of which each
// sends to the next, as the shop's services do. Prints orders a second, and the CPU time of an order in
// milliseconds: that of Restate's server and of this process, which is the service and its callers.
//
//   node restate.mjs handler|sends ORDERS

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as restate from "@restatedev/restate-sdk";

const STEPS = 12;
const AT_ONCE = 32;
const WARM_UP = 20;
const [form, orders] = [process.argv[2], Number(process.argv[3])];

// The SDK calls `Promise.withResolvers`, which Node has only since version 22.
Promise.withResolvers ??= () => {
  const resolvers = {};
  resolvers.promise = new Promise((resolve, reject) => Object.assign(resolvers, { resolve, reject }));
  return resolvers;
};

const ended = new Set();
const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function place(ctx, order) {
  for (let step = 0; step < STEPS; step += 1) {
    await ctx.run(`step ${step}`, () => ({ order, step }));
  }
  ended.add(order);
  return order;
}

async function take(ctx, { order, step }) {
  await ctx.run("decide", () => ({ order, step }));
  if (step + 1 < STEPS) {
    ctx.serviceSendClient({ name: "step" }).take({ order, step: step + 1 });
  } else {
    ended.add(order);
  }
}

function freePort() {
  return new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
}

// The CPU time of another process, in milliseconds, by the kernel's ticks of ten.
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function send(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
}

async function run(ingress, first, last) {
  let next = first;
  const caller = async () => {
    while (next < last) {
      const order = `order-${next}`;
      next += 1;
      if (form === "handler") await send(`${ingress}/order/place`, order);
      else await send(`${ingress}/step/take/send`, { order, step: 0 });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
  while (ended.size < last) await wait(5);
}

const [ingressPort, adminPort, nodePort, servicePort] =
  await Promise.all([freePort(), freePort(), freePort(), freePort()]);
const data = mkdtempSync(join(tmpdir(), "restate-"));
const launcher = createRequire(import.meta.url).resolve(
  `@restatedev/restate-server-linux-${process.arch}/bin/restate-server`,
);
const server = spawn(launcher, ["--base-dir", data, "--log-filter", "error"], {
  env: {
    ...process.env,
    RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingressPort}`,
    RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${adminPort}`,
    RESTATE_BIND_ADDRESS: `127.0.0.1:${nodePort}`,
    RESTATE_DISABLE_TELEMETRY: "true",
    DO_NOT_TRACK: "1",
  },
  stdio: ["ignore", "ignore", "inherit"],
});
try {
  await restate.serve({
    services: [
      restate.service({ name: "order", handlers: { place } }),
      restate.service({ name: "step", handlers: { take } }),
    ],
    port: servicePort,
  });
  for (let tries = 0; ; tries += 1) {
    try {
      await send(`http://127.0.0.1:${adminPort}/deployments`, { uri: `http://127.0.0.1:${servicePort}` });
      break;
    } catch (error) {
      if (tries === 100) throw error;
      await wait(200);
    }
  }
  const ingress = `http://127.0.0.1:${ingressPort}`;
  await run(ingress, 0, WARM_UP);
  const [start, own, theirs] = [performance.now(), process.cpuUsage(), cpuOf(server.pid)];
  await run(ingress, WARM_UP, WARM_UP + orders);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(own);
  const cpu = (user + system) / 1000 + cpuOf(server.pid) - theirs;
  console.log(`${(orders / seconds).toFixed(1)} ${(cpu / orders).toFixed(2)}`);
} finally {
  server.kill("SIGKILL");
  await new Promise((gone) => server.once("exit", gone));
  rmSync(data, { recursive: true, force: true });
}
process.exit(0);
