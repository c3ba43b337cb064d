import { isDigestSyntax, parseDigest } from "../core/digest.ts";
import { RegistryError } from "../core/errors.ts";
import { checkName } from "../core/image.ts";
import type { PackageSet } from "../core/package-set.ts";
import type { BlobStore, Clock, Pins, Plans, Referrers } from "../core/ports.ts";
import { messageOf } from "../core/log.ts";
import type { Access, Caller } from "./access.ts";
import { serveBlob } from "./blob.ts";
import { withDeadline } from "./deadline.ts";
import type { RegistryRequest, RegistryResponse } from "./exchange.ts";
import { holdMs, hopOf, lastHop, type HoldTimes } from "./hold.ts";
import type { Grant } from "./identify.ts";
import { NotBuilt } from "./outcome.ts";
import { createPull, Unavailable, type PullTools } from "./pull.ts";
import { createMending } from "./mending.ts";
import { createReferrersAnswer } from "./referrers.ts";
import * as respond from "./respond.ts";
import { parseRoute, type Route } from "./route.ts";
import { serveBuildStatus, serveStatus } from "./status.ts";
import { createTags } from "./tags.ts";
import { createWarmAnswers, type WarmAnswers } from "./warm-answers.ts";

export interface RegistryTools extends PullTools {
  readonly blobs: BlobStore;
  readonly packageSet: PackageSet;
  readonly references: Pick<Pins, "list">;
  readonly plans: Pick<Plans, "applied">;
  readonly referrers: Pick<Referrers, "list">;
  readonly hold: HoldTimes;
  /** Left out, everybody may pull, and have everything built. */
  readonly access?: Access | undefined;
  /** How long a tag is taken to stand where it was just served from. */
  readonly warmMs: number;
  readonly now: Clock;
  /** Aborts when the process is about to end: pulls that wait are then sent on to their next hop at once. */
  readonly draining: AbortSignal;
}

/** The HTTP function. */
export interface Registry {
  /** Never rejects: every failure is a response in the specification's form and a line in the log. */
  answer(request: RegistryRequest): Promise<RegistryResponse>;
  /** What a request without conditions is answered with at once; undefined where `answer` has to be asked. */
  readonly warm: (
    ...request: [...Parameters<WarmAnswers["find"]>, caller?: () => Caller]
  ) => RegistryResponse | undefined;
}

export function createRegistry(tools: RegistryTools): Registry {
  const { access } = tools;
  const isPrivate = access?.isPrivate ?? false;
  const pull = createPull(tools);
  const tags = createTags(tools);
  const mend = createMending(tools);
  const referrers = createReferrersAnswer(tools);
  const warm = createWarmAnswers(tools.warmMs, tools.now, tools.platforms.length > 1);

  const forWhoAsks = (response: RegistryResponse) =>
    isPrivate ? respond.forOneAlone(response) : response;

  function keepWarm(
    { path, headers }: RegistryRequest,
    response: RegistryResponse,
    repository: string,
    by: "tag" | "digest",
  ): void {
    warm.keep(path, headers["accept"], { response, repository }, by);
  }

  async function manifestByTag(
    request: RegistryRequest,
    name: string,
    tag: string,
    grant: Grant | undefined,
  ): Promise<RegistryResponse> {
    const mayBuild = grant?.mayBuild ?? true;
    const hold = holdMs(request.headers["user-agent"], tools.hold);
    const pulled = await withDeadline(hold, [request.signal, tools.draining], (deadline) =>
      pull(name, tag, request.headers["accept"], deadline, mayBuild),
    ).catch((error: unknown) => {
      if (!(error instanceof NotBuilt) || access === undefined || grant === undefined) throw error;
      throw access.refuseBuild(grant, request, name, tag);
    });
    if (pulled.state === "served") {
      const { isWhole } = pulled;
      const response = forWhoAsks(pulled.response);
      if (isWhole) keepWarm(request, response, name, "tag");
      return conditional(request, response);
    }
    const hop = hopOf(request.query);
    if (hop < lastHop) return respond.redirect(nextHop(request, hop + 1));
    const at = pulled.key === undefined ? "/status" : `/status/${pulled.key}`;
    const host = request.headers["host"] ?? "";
    const message = `${name}:${tag} is still being built: pull again, or see how far it is at ${host}${at}`;
    throw new RegistryError(429, "TOOMANYREQUESTS", message, { "retry-after": "5" });
  }

  async function manifestByDigest(request: RegistryRequest, name: string, text: string) {
    checkName(name);
    if (!isDigestSyntax(text)) {
      throw new RegistryError(400, "DIGEST_INVALID", `"${text}" is not a digest`);
    }
    const digest = parseDigest(text);
    const stored = digest && (await tools.cache.manifest(digest));
    if (stored === undefined) {
      throw new RegistryError(404, "MANIFEST_UNKNOWN", `there is no manifest ${text}`);
    }
    const response = forWhoAsks(respond.manifest(stored, "digest"));
    keepWarm(request, response, name, "digest");
    return conditional(request, response);
  }

  async function answerTo(route: Route, request: RegistryRequest): Promise<RegistryResponse> {
    if (route.kind === "token") {
      if (access?.token !== undefined) return await access.token(request);
      throw new RegistryError(404, "NAME_UNKNOWN", "there are no accounts here to get tokens for");
    }
    const grant = await access?.admit(route, request);
    switch (route.kind) {
      case "greeting":
        return respond.text(greeting(request.headers["host"] ?? "localhost"));
      case "base":
        return respond.base();
      case "manifest-by-tag":
        return await manifestByTag(request, route.name, route.tag, grant);
      case "manifest-by-digest":
        return await manifestByDigest(request, route.name, route.digest);
      case "blob":
        checkName(route.name);
        return forWhoAsks(
          await serveBlob(tools.blobs, route.digest, request, (digest) => mend(route.name, digest)),
        );
      case "tags":
        return await tags(route.name, request.query);
      case "referrers":
        return await referrers(route.name, route.digest, request);
      case "status":
        return await serveStatus(tools.cache);
      case "build-status":
        return await serveBuildStatus(tools.cache, route.key);
    }
  }

  async function answer(request: RegistryRequest): Promise<RegistryResponse> {
    try {
      return await answerTo(parseRoute(request.method, request.path), request);
    } catch (error) {
      if (error instanceof RegistryError) return respond.error(error);
      const { method, path } = request;
      tools.log("ERROR", `${method} ${path} failed: ${messageOf(error)}`, { error });
      if (error instanceof Unavailable) return respond.unavailable(error.message);
      return respond.unavailable("the registry has trouble of its own, which is in its log");
    }
  }

  return {
    answer: async (request) => inNamespace(request, await answer(request)),
    warm(method, url, accept, caller) {
      const found = warm.find(method, url, accept);
      if (found === undefined || access === undefined) return found?.response;
      return caller && access.admitsAtOnce(caller(), found.repository) ? found.response : undefined;
    },
  };
}

/** What a client is told that may have the answer already [RFC 9110, 13.1.2]. */
function conditional(request: RegistryRequest, response: RegistryResponse): RegistryResponse {
  const held = (request.headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim());
  const etag = String(response.headers["etag"]);
  const isHeld = held.some((tag) => tag === "*" || tag.replace(/^W\//, "") === etag);
  return isHeld ? respond.notModified(response) : response;
}

// A host, maybe with a port, as containerd names the registry that it has this one stand in for.
const namespacePattern = /^[a-zA-Z0-9][a-zA-Z0-9.-]{0,253}(?::\d{1,5})?$/;

/** Says for which registry it was answered, where the client has named one; there is one set of names for all. */
function inNamespace(request: RegistryRequest, response: RegistryResponse): RegistryResponse {
  const namespace = request.query.get("ns");
  if (namespace === null || !namespacePattern.test(namespace)) return response;
  return { ...response, headers: { ...response.headers, "oci-namespace": namespace } };
}

function nextHop(request: RegistryRequest, hop: number): string {
  const query = new URLSearchParams(request.query);
  query.set("wait", String(hop));
  return `${request.path}?${query.toString()}`;
}

function greeting(host: string): readonly string[] {
  return [
    "firn: a container registry that builds what you ask for.",
    "",
    `  docker pull ${host}/shell/git/curl`,
    "",
    `What it is building, and what went wrong: http://${host}/status`,
  ];
}
