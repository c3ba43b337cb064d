import type { BuildKey } from "../core/build-key.ts";
import { RegistryError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { logEvent, secondsOf, type PullOutcome } from "../core/log-event.ts";
import type { Clock } from "../core/ports.ts";
import type { RegistryRequest, RegistryResponse } from "./exchange.ts";

/** Hears that a pull has to wait, and for which build, if for one. */
export type Waits = (key?: BuildKey) => void;

// Whatever somebody asked for ends up in lines of the log.
const longestText = 500;

/**
 * Makes the function that answers a pull and says what came of it, if it had to wait or failed: one line, which has the
 * keys of the builds it waited for, since these may have been started by others, in traces of their own. Of a pull that
 * is answered at once nothing is said, and so it costs nothing.
 */
export function createPullLog({ log, now }: { readonly log: Log; readonly now: Clock }) {
  return async (
    request: RegistryRequest,
    what: string,
    pull: (waits: Waits) => Promise<RegistryResponse>,
  ): Promise<RegistryResponse> => {
    const begun = now();
    const keys = new Set<BuildKey>();
    let isCold = false;
    const say = (status: number): void => {
      const outcome = request.signal.aborted ? "gone" : outcomeOf(status);
      if (!isCold && outcome !== "failed") return;
      const seconds = secondsOf(now() - begun);
      const message = `pull of ${what.slice(0, longestText)}: ${outcome} after ${seconds} s`;
      const event = { event: "pull", outcome, seconds, keys: [...keys] } as const;
      const httpRequest = { ...httpRequestOf(request, status), latency: `${seconds}s` };
      // The answers go first: of a thousand pulls that one build wakes, each would wait for the lines of those before it.
      setImmediate(() => logEvent(log, "INFO", message, event, { httpRequest }));
    };
    try {
      const response = await pull((key) => {
        isCold = true;
        if (key !== undefined) keys.add(key);
      });
      say(response.status);
      return response;
    } catch (error) {
      // What is thrown becomes a response, and where it is ours an error in the log, further out.
      say(error instanceof RegistryError ? error.status : 503);
      throw error;
    }
  };
}

/**
 * A request as Cloud Logging knows one
 * (https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#HttpRequest).
 */
export function httpRequestOf({ method, path, headers }: RegistryRequest, status: number) {
  return {
    requestMethod: method.slice(0, longestText),
    requestUrl: path.slice(0, longestText),
    status,
    userAgent: headers["user-agent"]?.slice(0, longestText),
  };
}

function outcomeOf(status: number): PullOutcome {
  if (status >= 500) return "failed";
  if (status === 429) return "sent-away";
  if (status >= 400) return "refused";
  return status === 307 ? "sent-round" : "served";
}
