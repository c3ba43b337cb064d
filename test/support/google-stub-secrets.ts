import {
  below,
  bodyOf,
  create,
  find,
  policyOf,
  route,
  setPolicy,
  shown,
  Refused,
  type Policy,
  type Route,
} from "./google-stub-state.ts";

/** Secret Manager. What is in a secret is not kept: nobody who deploys reads it. */
export const secretRoutes: readonly Route[] = [
  route("secretmanager", "POST", /^\/v1\/(projects\/[^/]+\/secrets)$/, (call) => {
    const name = `${call.parts[0]}/${call.asked.query.get("secretId")}`;
    return create(call, "secretmanager", name, { ...bodyOf(call), name });
  }),
  route(
    "secretmanager",
    "POST",
    /^\/v1\/(projects\/[^/]+\/secrets\/[^/:]+):addVersion$/,
    (call) => {
      const [secret = ""] = call.parts;
      const name = `${secret}/versions`;
      const number = below(call, "secretmanager", name).length + 1;
      // gcloud asks whether what arrived is what it sent.
      const version = {
        name: `${name}/${number}`,
        state: "ENABLED",
        clientSpecifiedPayloadChecksum: true,
      };
      find(call, "secretmanager", secret);
      return create(call, "secretmanager", version.name, version);
    },
  ),
  shown("secretmanager", /^\/v1\/(projects\/[^/]+\/secrets\/[^/:]+)$/),
  route(
    "secretmanager",
    "GET",
    /^\/v1\/(projects\/[^/]+\/secrets\/([^/:]+))\/versions$/,
    (call) => {
      const [secret = ""] = call.parts;
      const { state } = call;
      if (!state.resources.has(`secretmanager ${secret}`))
        throw new Refused(404, "NOT_FOUND", `Secret [${secret}] not found.`);
      return { versions: below(call, "secretmanager", `${secret}/versions`).toReversed() };
    },
  ),
  route(
    "secretmanager",
    "GET",
    /^\/v1\/(projects\/[^/]+\/secrets\/[^/:]+):getIamPolicy$/,
    (call) => {
      find(call, "secretmanager", call.parts[0] ?? "");
      return policyOf(call, "secretmanager", call.parts[0] ?? "");
    },
  ),
  route(
    "secretmanager",
    "POST",
    /^\/v1\/(projects\/[^/]+\/secrets\/[^/:]+):setIamPolicy$/,
    (call) => {
      find(call, "secretmanager", call.parts[0] ?? "");
      const policy = bodyOf(call)["policy"] as Policy;
      return setPolicy(call, "secretmanager", call.parts[0] ?? "", policy);
    },
  ),
];
