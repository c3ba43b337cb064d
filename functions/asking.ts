import { RegistryError } from "../core/errors.ts";
import type { BeginningBuild, Clock, QuotaClient, Quotas, Refused } from "../core/ports.ts";
import type { Asker } from "../core/record.ts";
import { addressOf, networkOf } from "./client-address.ts";
import type { RegistryRequest } from "./exchange.ts";
import type { NoteRefusal } from "./refusals.ts";

/** Who asks, and at whose cost something is begun. */
export interface Asking {
  /** Whether anything is counted at all. */
  readonly isCounted: boolean;
  /**
   * To be called before the store is read for who asks. Who may have nothing begun now may still be after what is there, so
   * it is looked for, but not for all of them as often as they like: throws what the client is told then.
   */
  look(): void;
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

// Of a process and a second, for all together who are refused. What is in memory costs nothing, and does not count.
const looks = 20;

/** Makes the function that says who asks for `what`, such as `git:latest`. */
export function createAsking({ quotas, trustedHops = 0, note, now }: AskingTools) {
  const mayLook = upTo(looks, now);
  return (
    who: string,
    request: Pick<RegistryRequest, "peer" | "headers">,
    what: string,
  ): Asking => {
    const address = addressOf(request, trustedHops);
    const asker = { who, ...(address !== undefined && { address }) };

    function refuse(refused: Refused, isLookedFor = true): never {
      const why = `${refused.whose} may have no more than ${refused.quota}`;
      const would = isLookedFor ? "would have to be built" : "may have to be built";
      note(who, address, `${what} ${would}, and ${why}`);
      const ms = refused.until - now();
      const is = isLookedFor ? "is not there yet" : "may not be there yet";
      const message = `${what} ${is}, and ${why}: pull again in ${waitText(ms)}`;
      const seconds = String(Math.max(Math.ceil(ms / 1000), 1));
      throw new RegistryError(429, "TOOMANYREQUESTS", message, { "retry-after": seconds });
    }

    return {
      isCounted: quotas !== undefined,
      look() {
        const refused = quotas?.refused(clientOf(who, address));
        if (refused !== undefined && !mayLook()) refuse(refused, false);
      },
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

/** Makes the function that says so often a second that something may be done. */
function upTo(times: number, now: Clock): () => boolean {
  let second = 0;
  let done = 0;
  return () => {
    const current = Math.floor(now() / 1000);
    if (current !== second) [second, done] = [current, 0];
    done += 1;
    return done <= times;
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
