import { Agent, request } from "node:http";

/** Somebody who asks for images, through a proxy that is trusted. */
export interface Asker {
  readonly address: string;
  readonly authorization?: string;
}

/** Asks for the manifest of an image, and no further: gives the status that it is answered with. */
export async function ask(
  port: number,
  name: string,
  { address, authorization }: Asker,
  agent?: Agent,
): Promise<number> {
  return await new Promise((answer, fail) => {
    const headers = {
      "x-forwarded-for": address,
      ...(authorization !== undefined && { authorization }),
    };
    const path = `/v2/${name}/manifests/latest`;
    const asked = request({ host: "127.0.0.1", port, path, headers, agent }, (response) => {
      response.resume().on("end", () => answer(response.statusCode ?? 0));
    });
    asked.on("error", fail).end();
  });
}

/** How many requests of an attack are under way at once. */
const atOnce = 64;

/**
 * Asks for so many images that nobody made before, of several processes in turn, and as whoever `who` says for each;
 * gives how often each status was the answer.
 */
export async function attack(
  ports: readonly number[],
  count: number,
  who: (i: number) => Asker,
  named = "attack",
): Promise<ReadonlyMap<number, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const statuses = new Map<number, number>();
  let next = 0;
  const work = async () => {
    while (next < count) {
      const i = next++;
      const status = await ask(ports[i % ports.length] ?? 0, `${named}${i}`, who(i), agent);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  agent.destroy();
  return statuses;
}

/** An address of its own for each number below two to the sixteenth. */
export function addressOf(i: number): string {
  return `2001:db8:${Math.floor(i / 256).toString(16)}:${(i % 256).toString(16)}::1`;
}
