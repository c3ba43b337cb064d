import type { Recorded } from "./google-stub.ts";

// These make nothing that anybody sees, and are made again.
const preparing = /^\/(?:upload\/|sources\/)|:generateServiceIdentity$/;

/** Whether a request makes, changes or removes something. */
export function isChange({ changes, path }: Recorded): boolean {
  return changes && !preparing.test(path);
}

/** What was changed, a line each, without what differs from run to run; in order, but for functions, which come last. */
export function linesOf(requests: readonly Recorded[], project: string): readonly string[] {
  const made = requests.filter((each) => isChange(each) && !each.refused);
  const lines = made.map(({ api, method, path, body }) => {
    const said = api === "monitoring" || api === "logging" ? titleOf(body) : summary(body);
    const text = `${api} ${method} ${path} ${said}`.trimEnd();
    return text.replaceAll(project, "PROJECT").replaceAll(/\b[0-9a-f]{16}\b/g, "HASH");
  });
  const ofFunctions = (line: string) => line.startsWith("cloudfunctions ");
  return [...lines.filter((line) => !ofFunctions(line)), ...lines.filter(ofFunctions).sort()];
}

// What is in them, test/infra/google/monitoring-gcloud.test.ts looks at.
function titleOf(body: unknown): string {
  const { name = "", displayName = name } = (body ?? {}) as { name?: string; displayName?: string };
  return displayName;
}

// Of policies, who has which role; of builds and sources, whose names are new each time, nothing.
function summary(body: unknown): string {
  const { policy, bindings, source, ...rest } = (body ?? {}) as {
    policy?: { bindings?: unknown };
    bindings?: unknown;
    source?: unknown;
  };
  if (source !== undefined) return "";
  const granted = policy?.bindings ?? bindings;
  return JSON.stringify(granted === undefined ? withoutVersions(rest) : granted);
}

function withoutVersions(body: object): unknown {
  return JSON.parse(
    JSON.stringify(body, (name, value: unknown) =>
      /client-version|nonce|^etag$|^storageSource$/.test(name) ? undefined : value,
    ),
  );
}
