import { once } from "node:events";
import { connect, type Socket } from "node:net";

/**
 * Pulls one image that nobody made before so many times at once, in turn from the servers at these ports. Resolves, once
 * all have been sent, with what becomes of them: when each answer came, by the clock of `performance.now`.
 */
export async function pullAtOnce(ports: readonly number[], name: string, count: number) {
  const asked = `GET /v2/${name}/manifests/latest HTTP/1.1\r\nhost: x\r\n\r\n`;
  const sockets: Socket[] = [];
  const answers: Promise<number>[] = [];
  for (let i = 0; i < count; i++) {
    const socket = connect(ports[i % ports.length] ?? 0, "127.0.0.1");
    await once(socket, "connect");
    socket.write(asked);
    answers.push(answered(socket));
    sockets.push(socket);
  }
  const end = () => {
    for (const socket of sockets) socket.destroy();
  };
  return { answers: Promise.all(answers).finally(end) };
}

const good = Buffer.from("HTTP/1.1 200 ");

/** Costs next to nothing for each answer, so that a thousand of them are not held up by whoever measures. */
async function answered(socket: Socket): Promise<number> {
  const [answer] = (await once(socket, "data")) as [Buffer];
  const at = performance.now();
  if (answer.indexOf(good) !== 0) throw new Error(`a pull was answered with ${answer.toString()}`);
  return at;
}
