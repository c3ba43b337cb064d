/** How long a request for a manifest that is being built is held before it is sent on to its next hop. */
export interface HoldTimes {
  /** For clients that give up when no response header comes within 30 s, and for unknown ones. */
  readonly shortMs: number;
  /** For clients known to wait. */
  readonly longMs: number;
}

/** Most clients follow ten redirects in all. */
export const lastHop = 9;

const impatient = /containerd|buildkit/i;
const patient =
  /^docker\/|skopeo\/|containers\/|Buildah\/|cri-o\/|go-containerregistry|oras\/|python-requests/i;

/** By User-Agent, since one number does not suit all: measured with the real clients. */
export function holdMs(userAgent: string | undefined, times: HoldTimes): number {
  const agent = userAgent ?? "";
  return patient.test(agent) && !impatient.test(agent) ? times.longMs : times.shortMs;
}

/** The hop a request is on, from `?wait=`: a counter and nothing else, so anything odd in it is 0 or the last. */
export function hopOf(query: URLSearchParams): number {
  const hop = Number(query.get("wait") ?? 0);
  return Number.isInteger(hop) ? Math.min(Math.max(hop, 0), lastHop) : 0;
}
