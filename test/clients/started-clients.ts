import { join } from "node:path";
import type { TestContext } from "vitest";
import { messageOf } from "../../core/log.ts";
import { clientRoot } from "../support/clients.ts";
import type { Client, ClientKind } from "../support/client.ts";
import { needIn, needRoot, skipFor } from "../support/need.ts";
import { openSpace, type Space } from "../support/space.ts";

/** The clients of a test file, each started when it is first asked for, and all of them gone afterwards. */
export interface StartedClients extends AsyncDisposable {
  /** Skips the test, and says why, where the client cannot be had. */
  start(context: TestContext, kind: ClientKind): Promise<Client>;
}

/** Keeps what they store below `folder`. */
export function createStartedClients(folder: string): StartedClients {
  const spaces: Space[] = [];
  const started = new Map<ClientKind, Promise<Client>>();

  async function open(kind: ClientKind): Promise<Client> {
    const space = await openSpace(join(folder, kind.name), clientRoot);
    spaces.push(space);
    return await kind.start(space);
  }

  return {
    async start(context, kind) {
      needRoot(context);
      needIn("/", context, "unshare", "nsenter");
      needIn(clientRoot, context, ...kind.programs);
      const starting = started.get(kind) ?? open(kind);
      started.set(kind, starting);
      try {
        return await starting;
      } catch (error) {
        return skipFor(context, messageOf(error));
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(started.values());
      for (const space of spaces) await space[Symbol.asyncDispose]();
    },
  };
}
