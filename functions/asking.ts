import { RegistryError } from "../core/errors.ts";
import type { BeginningBuild, Clock, QuotaClient, Quotas, Refused } from "../core/ports.ts";
import type { Asker } from "../core/record.ts";
import { clientAddress, networkOf } from "./client-address.ts";
import type { RegistryRequest } from "./exchange.ts";
import type { NoteRefusal } from "./refusals.ts";

/** Who asks, and at whose cost something is begun. */
export interface Asking {
  /** Whether anything is counted at all. */
  readonly isCounted: boolean;
  /** Counts a build, or a look-up, that is about to begin. Throws what the client is told where no quota has room. */
  charge(build?: BeginningBuild): Promise<Paid>;
}

/** What was counted, and who asked. */
export interface Paid {
  readonly asker: Asker;
  /** Takes it back, if it was counted for this. */
  refund(): Promise<void>;
}

export interface AskingTools {
  /** Undefined where there are no quotas. */
  readonly quotas?: Quotas | undefined;
  /** None, if not said. */
  readonly trustedHops?: number | undefined;
  readonly note: NoteRefusal;
  readonly now: Clock;
}

/** Makes the function that says who asks for `what`, such as `git:latest`. */
export function createAsking({ quotas, trustedHops = 0, note, now }: AskingTools) {
  return (
    who: string,
    { peer, headers }: Pick<RegistryRequest, "peer" | "headers">,
    what: string,
  ): Asking => {
    const address = clientAddress(peer, headers["x-forwarded-for"], trustedHops);
    const asker = { who, ...(address !== undefined && { address }) };

    function refuse(refused: Refused): never {
      const why = `${refused.whose} may have no more than ${refused.quota}`;
      note(who, address, `${what} would have to be built, and ${why}`);
      const ms = refused.until - now();
      const message = `${what} is not there yet, and ${why}: pull again in ${waitText(ms)}`;
      const seconds = String(Math.max(Math.ceil(ms / 1000), 1));
      throw new RegistryError(429, "TOOMANYREQUESTS", message, { "retry-after": seconds });
    }

    return {
      isCounted: quotas !== undefined,
      async charge(build) {
        if (quotas === undefined) return { asker, refund: async () => undefined };
        const charged = await quotas.charge(clientOf(who, address), build);
        if (charged.state === "refused") return refuse(charged);
        const { charge, isNew } = charged;
        const refund = async () => {
          if (isNew) await quotas.refund(charge, build?.key);
        };
        return { asker: { ...asker, charge }, refund };
      },
    };
  };
}

/** Whom it is counted for: an account, or the network that somebody without one asks from. */
function clientOf(who: string, address: string | undefined): QuotaClient {
  if (who !== "anonymous") return { id: who, isAnonymous: false };
  if (address === undefined) return { id: "whoever has no address", isAnonymous: true };
  const network = networkOf(address.toLowerCase());
  const id = network.includes(":") ? `${network}::/64` : network;
  return { id, isAnonymous: true };
}

function waitText(ms: number): string {
  const seconds = Math.max(Math.ceil(ms / 1000), 1);
  if (seconds <= 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes <= 120 ? `${minutes} minutes` : `${Math.ceil(minutes / 60)} hours`;
}
