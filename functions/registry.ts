import { isDigestSyntax, parseDigest } from "../core/digest.ts";
import { RegistryError } from "../core/errors.ts";
import { checkName } from "../core/image.ts";
import type { BlobStore, Pins, Plans, Referrers } from "../core/ports.ts";
import { messageOf } from "../core/log.ts";
import { logEvent } from "../core/log-event.ts";
import { inTrace, traceOfHeaders } from "../core/trace.ts";
import { needsOf } from "../core/retention.ts";
import type { Access, Caller } from "./access.ts";
import { createAsking, type AskingTools } from "./asking.ts";
import { serveBlob } from "./blob.ts";
import { addressOf } from "./client-address.ts";
import { withDeadline } from "./deadline.ts";
import type { RegistryRequest, RegistryResponse } from "./exchange.ts";
import { conditional, inNamespace, nextHop } from "./for-request.ts";
import { holdMs, hopOf, lastHop, type HoldTimes } from "./hold.ts";
import type { Grant } from "./identify.ts";
import { NotBuilt } from "./outcome.ts";
import { createPull, NotAllowed, Unavailable, type PullTools } from "./pull.ts";
import { createRefusals } from "./refusals.ts";
import { createPullLog, httpRequestOf, type Waits } from "./pull-log.ts";
import { createMending } from "./mending.ts";
import { createReferrersAnswer } from "./referrers.ts";
import * as respond from "./respond.ts";
import { parseRoute, type Route } from "./route.ts";
import { serveBuildStatus, serveStatus } from "./status.ts";
import { createTags } from "./tags.ts";
import { createUseNotes } from "./use-notes.ts";
import { createWarmAnswers, type WarmAnswers } from "./warm-answers.ts";

export interface RegistryTools extends Omit<PullTools, "uses">, Omit<AskingTools, "note"> {
  readonly blobs: BlobStore;
  readonly references: Pick<Pins, "list">;
  readonly plans: Pick<Plans, "applied">;
  readonly referrers: Pick<Referrers, "list">;
  readonly hold: HoldTimes;
  /** Left out, everybody may pull, and have everything built. */
  readonly access?: Access | undefined;
  /** How long a tag is taken to stand where it was just served from. */
  readonly warmMs: number;
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
  const uses = createUseNotes(tools);
  const pull = createPull({ ...tools, uses });
  const logged = createPullLog(tools);
  const note = createRefusals(tools.log, tools.now);
  const asking = createAsking({ ...tools, note });
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
    readAt: number,
  ): void {
    warm.keep(path, headers["accept"], { response, repository }, by, readAt);
  }

  async function manifestByTag(
    request: RegistryRequest,
    name: string,
    tag: string,
    waits: Waits,
    grant: Grant | undefined,
  ): Promise<RegistryResponse> {
    const { who, mayBuild } = grant ?? { who: "anonymous", mayBuild: true };
    const hold = holdMs(request.headers["user-agent"], tools.hold);
    const pulled = await withDeadline(hold, [request.signal, tools.draining], (deadline) =>
      pull(
        name,
        tag,
        request.headers["accept"],
        (key) => {
          waits(key);
          return deadline();
        },
        mayBuild ? asking(who, request, `${name}:${tag}`) : undefined,
      ),
    ).catch((error: unknown) => {
      if (error instanceof NotAllowed) {
        const address = addressOf(request, tools.trustedHops ?? 0);
        note(grant?.who ?? "anonymous", address, `${name}:${tag}: ${error.message}`);
      }
      if (!(error instanceof NotBuilt) || access === undefined || grant === undefined) throw error;
      throw access.refuseBuild(grant, request, name, tag);
    });
    if (pulled.state === "served") {
      const { isWhole } = pulled;
      const response = forWhoAsks(pulled.response);
      if (isWhole) keepWarm(request, response, name, "tag", tools.now());
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
    const readAt = tools.now();
    const stored = digest && (await tools.cache.manifest(digest));
    if (stored === undefined) {
      throw new RegistryError(404, "MANIFEST_UNKNOWN", `there is no manifest ${text}`);
    }
    // Whoever pulls an index goes on with one of its manifests.
    await uses.note([stored.digest, ...needsOf(stored).manifests]);
    const response = forWhoAsks(respond.manifest(stored, "digest"));
    keepWarm(request, response, name, "digest", readAt);
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
        return await logged(request, `${route.name}:${route.tag}`, (waits) =>
          manifestByTag(request, route.name, route.tag, waits, grant),
        );
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
      const ours = "the registry has trouble of its own, which is in its log";
      const response = respond.unavailable(error instanceof Unavailable ? error.message : ours);
      const message = `${method} ${path} failed: ${messageOf(error)}`;
      const httpRequest = httpRequestOf(request, response.status);
      logEvent(tools.log, "ERROR", message, { event: "request-failed" }, { error, httpRequest });
      return response;
    }
  }

  return {
    answer: async (request) => {
      const { trace = {} } = request;
      const response = await inTrace(
        () => traceOfHeaders(trace),
        () => answer(request),
      );
      return inNamespace(request, response);
    },
    warm(method, url, accept, caller) {
      const found = warm.find(method, url, accept);
      if (found === undefined || access === undefined) return found?.response;
      return caller && access.admitsAtOnce(caller(), found.repository) ? found.response : undefined;
    },
  };
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
