import { join } from "node:path";
import { expect, it } from "vitest";
import { accountsFolder, passwords } from "../support/accounts.ts";
import { startFramework } from "../support/framework.ts";

const source = join(import.meta.dirname, "../../functions/index.ts");
// Nothing of it is asked before somebody pulls.
const env = { FIRN_PROJECT: "p", FIRN_BUCKET: "b", METADATA_SERVER_DETECTION: "none" };

it("the function that clients talk to has them sign in, and is told apart by its public address", async () => {
  await using files = await accountsFolder();
  await using registry = await startFramework(source, "registry", {
    env: {
      ...env,
      FUNCTION_TARGET: "registry",
      FIRN_ACCESS: "user:*=pull",
      FIRN_USERS: files.path("users"),
      FIRN_TOKEN_KEYS: files.path("keys"),
      FIRN_PUBLIC_URL: "https://firn.example.com",
    },
  });
  const refused = await fetch(`${registry.url}/v2/`);
  expect(refused.status).toBe(401);
  expect(refused.headers.get("www-authenticate")).toBe(
    'Bearer realm="https://firn.example.com/token",service="firn.example.com"',
  );
  const service = "firn.example.com";
  const form = { grant_type: "password", username: "bob", password: passwords.bob, service };
  const body = new URLSearchParams(form);
  const given = await fetch(`${registry.url}/token`, { method: "POST", body });
  expect(given.status).toBe(200);
  const { token } = (await given.json()) as { token: string };
  const authorization = `Bearer ${token}`;
  expect((await fetch(`${registry.url}/v2/`, { headers: { authorization } })).status).toBe(200);
});

it("a function that lacks the keys of its accounts does not start; those that no client talks to need none", async () => {
  const access = { ...env, FIRN_ACCESS: "google:*@example.com=pull" };
  const started = startFramework(source, "registry", {
    env: { ...access, FUNCTION_TARGET: "registry" },
  });
  await expect(started).rejects.toThrow(
    /FIRN_GOOGLE_AUDIENCES has to say(?:.|\n)*FIRN_TOKEN_KEYS: it has to be/,
  );
  await using maintenance = await startFramework(source, "maintenance", {
    env: { ...access, FUNCTION_TARGET: "maintenance" },
  });
  expect(maintenance.said).toContain("Serving function...");
});
