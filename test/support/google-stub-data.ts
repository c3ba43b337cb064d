import {
  below,
  bodyOf,
  change,
  changed,
  create,
  done,
  find,
  listed,
  policyOf,
  remove,
  removed,
  route,
  setPolicy,
  shown,
  type Body,
  type Policy,
  type Route,
} from "./google-stub-state.ts";

/** Where things are kept and what goes between them: Cloud Storage, Firestore, access to Pub/Sub, and the clock. */
export const dataRoutes: readonly Route[] = [
  route("storage", "GET", /^\/storage\/v1\/b$/, (call) => ({
    kind: "storage#buckets",
    items: below(call, "storage", "b"),
  })),
  route("storage", "POST", /^\/storage\/v1\/b$/, (call) => {
    const body = bodyOf(call);
    return create(call, "storage", `b/${String(body["name"])}`, {
      kind: "storage#bucket",
      id: body["name"],
      projectNumber: call.state.number,
      ...body,
    });
  }),
  route("storage", "GET", /^\/storage\/v1\/b\/([^/]+)$/, (call) =>
    find(call, "storage", `b/${call.parts[0]}`),
  ),
  route("storage", "PATCH", /^\/storage\/v1\/b\/([^/]+)$/, (call) =>
    change(call, "storage", `b/${call.parts[0]}`, bodyOf(call)),
  ),
  route("storage", "DELETE", /^\/storage\/v1\/b\/([^/]+)$/, (call) =>
    remove(call, "storage", `b/${call.parts[0]}`),
  ),
  route("storage", "GET", /^\/storage\/v1\/b\/([^/]+)\/iam$/, (call) =>
    policyOf(call, "storage", `b/${call.parts[0]}`),
  ),
  route("storage", "PUT", /^\/storage\/v1\/b\/([^/]+)\/iam$/, (call) =>
    setPolicy(call, "storage", `b/${call.parts[0]}`, bodyOf(call)),
  ),
  route("storage", "GET", /^\/storage\/v1\/b\/([^/]+)\/storageLayout$/, (call) => ({
    kind: "storage#storageLayout",
    bucket: call.parts[0],
    hierarchicalNamespace: { enabled: false },
  })),
  route("storage", "GET", /^\/storage\/v1\/b\/([^/]+)\/managedFolders$/, () => ({ items: [] })),
  route("storage", "GET", /^\/storage\/v1\/b\/([^/]+)\/o$/, () => ({
    kind: "storage#objects",
    items: [],
  })),
  // Sources of builds; what is in them nobody asks.
  route(
    "storage",
    "POST",
    /^\/(?:resumable\/)?upload\/(?:storage\/v1\/)?b\/([^/]+)\/o$/,
    (call) => ({
      kind: "storage#object",
      bucket: call.parts[0],
      name: call.asked.query.get("name") ?? "source.tgz",
      generation: "1",
      size: String(sizeOf(call.asked.bytes)),
    }),
  ),

  listed("firestore", /^\/v1\/(projects\/[^/]+\/databases)$/, "databases"),
  route("firestore", "POST", /^\/v1\/(projects\/[^/]+\/databases)$/, (call) => {
    const name = `${call.parts[0]}/${call.asked.query.get("databaseId")}`;
    return done(`${name}/operations/1`, create(call, "firestore", name, { ...bodyOf(call), name }));
  }),
  route("firestore", "DELETE", /^\/v1\/(projects\/[^/]+\/databases\/[^/]+)$/, (call) => {
    remove(call, "firestore", call.parts[0] ?? "");
    return done(`${call.parts[0]}/operations/1`, {});
  }),
  route(
    "firestore",
    "GET",
    /^\/v1\/(projects\/[^/]+\/databases\/[^/]+)\/collectionGroups\/-\/fields$/,
    (call) => {
      const prefix = `firestore ${call.parts[0]}/collectionGroups/`;
      const fields = [...call.state.resources]
        .filter(([key]) => key.startsWith(prefix))
        .map(([, body]) => body);
      // filter=indexConfig.usesAncestorConfig=false, or filter=ttlConfig:*
      const byTtl = (call.asked.query.get("filter") ?? "").startsWith("ttlConfig");
      return {
        fields: fields.filter((field) => (byTtl ? "ttlConfig" in field : "indexConfig" in field)),
      };
    },
  ),
  route(
    "firestore",
    "PATCH",
    /^\/v1\/(projects\/[^/]+\/databases\/[^/]+)(\/collectionGroups\/[^/]+\/fields\/[^/]+)$/,
    (call) => {
      const [database = "", rest = ""] = call.parts;
      find(call, "firestore", database);
      const name = `${database}${rest}`;
      const { indexConfig, ttlConfig } = bodyOf(call) as { indexConfig?: Body; ttlConfig?: Body };
      const field = {
        ...call.state.resources.get(`firestore ${name}`),
        name,
        ...(indexConfig && { indexConfig }),
        ...(ttlConfig && { ttlConfig: { state: "CREATING" } }),
      };
      call.state.resources.set(`firestore ${name}`, field);
      return done(`${database}/operations/2`, field);
    },
  ),

  // The emulator knows no policies.
  route(
    "pubsub",
    "GET",
    /^\/v1\/(projects\/[^/]+\/(?:topics|subscriptions)\/[^/:]+):getIamPolicy$/,
    (call) => policyOf(call, "pubsub", call.parts[0] ?? ""),
  ),
  route(
    "pubsub",
    "POST",
    /^\/v1\/(projects\/[^/]+\/(?:topics|subscriptions)\/[^/:]+):setIamPolicy$/,
    (call) => setPolicy(call, "pubsub", call.parts[0] ?? "", bodyOf(call)["policy"] as Policy),
  ),

  listed("cloudscheduler", /^\/v1\/(projects\/[^/]+\/locations\/[^/]+\/jobs)$/, "jobs"),
  route("cloudscheduler", "POST", /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/jobs$/, (call) =>
    create(call, "cloudscheduler", String(bodyOf(call)["name"]), {
      state: "ENABLED",
      ...bodyOf(call),
    }),
  ),
  shown("cloudscheduler", /^\/v1\/(projects\/[^/]+\/locations\/[^/]+\/jobs\/[^/]+)$/),
  changed("cloudscheduler", "PATCH", /^\/v1\/(projects\/[^/]+\/locations\/[^/]+\/jobs\/[^/]+)$/),
  removed("cloudscheduler", /^\/v1\/(projects\/[^/]+\/locations\/[^/]+\/jobs\/[^/]+)$/),
];

// Of the second part of a multipart upload, behind the object's description.
function sizeOf(bytes: Buffer): number {
  const boundary = Buffer.from(bytes.subarray(0, bytes.indexOf("\n")).toString("latin1").trim());
  const second = bytes.indexOf(boundary, boundary.length);
  const header = bytes.subarray(second, second + 1000).toString("latin1");
  const blank = /\r?\n\r?\n/.exec(header);
  const start = second + (blank?.index ?? 0) + (blank?.[0].length ?? 0);
  const end = bytes.lastIndexOf(boundary);
  return end - (bytes[end - 2] === 13 ? 2 : 1) - start;
}
