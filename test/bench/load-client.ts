import { once } from "node:events";
import { request, Agent } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** The image that is there. */
export const warmPath = "/v2/warm/manifests/latest";

const connections = 20;
const everyMs = 10;

/** Begins pulls of as many images that nobody made before, and keeps them open. */
export async function holdPulls(port: number, count: number): Promise<readonly Socket[]> {
  const held: Socket[] = [];
  for (let i = 0; i < count; i++) {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(`GET /v2/held${i}/manifests/latest HTTP/1.1\r\nhost: x\r\n\r\n`);
    held.push(socket);
  }
  return held;
}

/** Asks for the warm image so many times a second; gives how many answers came, all of them 200. */
export async function askSteadily(
  port: number,
  perSecond: number,
  seconds: number,
): Promise<number> {
  let answered = 0;
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect(port, "127.0.0.1").setNoDelay().setEncoding("latin1");
      await once(socket, "connect");
      let rest = "";
      socket.on("data", (text: string) => {
        const parts = (rest + text).split("HTTP/1.1 200 OK\r\n");
        answered += parts.length - 1;
        rest = (parts.at(-1) ?? "").slice(-16);
      });
      return socket;
    }),
  );
  const asked = Buffer.from(`GET ${warmPath} HTTP/1.1\r\nhost: x\r\n\r\n`);
  const start = performance.now();
  let sent = 0;
  while (performance.now() - start < seconds * 1000) {
    const due = Math.floor(((performance.now() - start) / 1000) * perSecond);
    for (; sent < due; sent++) sockets[sent % connections]?.write(asked);
    await sleep(everyMs);
  }
  await sleep(500);
  for (const socket of sockets) socket.destroy();
  return answered;
}

/** Milliseconds that single pulls of the warm image take, one after the other, with pauses, until the signal. */
export async function probe(port: number, signal: AbortSignal): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const took: number[] = [];
  while (!signal.aborted) {
    const start = performance.now();
    await new Promise<void>((done, fail) => {
      request({ host: "127.0.0.1", port, path: warmPath, agent }, (response) => {
        response.resume().on("end", done);
      })
        .on("error", fail)
        .end();
    });
    took.push(performance.now() - start);
    await sleep(5);
  }
  agent.destroy();
  return took;
}
