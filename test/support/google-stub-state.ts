/** Whatever the API says of a thing. */
export type Body = { readonly [member: string]: unknown };

export interface StubState {
  readonly project: string;
  readonly number: string;
  readonly urlOf: (name: string) => string;
  /** By API and path, such as `iam projects/p/serviceAccounts/...`. */
  readonly resources: Map<string, Body>;
  /** The same for who may do what. */
  readonly policies: Map<string, Policy>;
  /** The APIs that are enabled. */
  readonly enabled: Set<string>;
}

export interface Policy {
  readonly bindings?: readonly { readonly role: string; readonly members: readonly string[] }[];
  readonly etag?: string;
  readonly version?: number;
}

export interface Asked {
  readonly api: string;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly bytes: Buffer;
}

export interface Answer {
  readonly code?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Call {
  readonly asked: Asked;
  /** What the parentheses of the route's path matched. */
  readonly parts: readonly string[];
  readonly state: StubState;
}

export interface Route {
  readonly api: string;
  readonly method: string;
  readonly path: RegExp;
  readonly answer: (call: Call) => Answer | Promise<Answer>;
}

/** What Google answers in place of what was asked for. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly code: number;
  readonly status: string;

  constructor(code: number, status: string, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export function route(
  api: string,
  method: string,
  path: RegExp,
  answer: (call: Call) => unknown,
): Route {
  return { api, method, path, answer: (call) => ({ body: answer(call) }) };
}

/** GET of all things below the one that the path names. */
export function listed(api: string, path: RegExp, member: string): Route {
  return route(api, "GET", path, (call) => ({ [member]: below(call, api, call.parts[0] ?? "") }));
}

/** GET of the thing that the path names. */
export function shown(api: string, path: RegExp): Route {
  return route(api, "GET", path, (call) => find(call, api, call.parts[0] ?? ""));
}

export function changed(api: string, method: "PATCH" | "PUT", path: RegExp): Route {
  return route(api, method, path, (call) => change(call, api, call.parts[0] ?? "", bodyOf(call)));
}

export function removed(api: string, path: RegExp): Route {
  return route(api, "DELETE", path, (call) => remove(call, api, call.parts[0] ?? ""));
}

export function bodyOf(call: Call): Body {
  return (call.asked.body ?? {}) as Body; // gcloud sends objects
}

/** The things of an API below a path, by their names. */
export function below({ state }: Call, api: string, parent: string): readonly Body[] {
  const prefix = `${api} ${parent}/`;
  const found = [...state.resources].filter(
    ([key]) => key.startsWith(prefix) && !key.slice(prefix.length).includes("/"),
  );
  return found.map(([, body]) => body);
}

export function find({ state }: Call, api: string, name: string): Body {
  const found = state.resources.get(`${api} ${name}`);
  if (found === undefined) throw new Refused(404, "NOT_FOUND", `${name} was not found`);
  return found;
}

export function create(call: Call, api: string, name: string, body: Body): Body {
  const key = `${api} ${name}`;
  if (call.state.resources.has(key))
    throw new Refused(409, "ALREADY_EXISTS", `${name} is there already`);
  needEnabled(call.state, api);
  call.state.resources.set(key, body);
  return body;
}

export function change(call: Call, api: string, name: string, body: Body): Body {
  const next = { ...find(call, api, name), ...body };
  call.state.resources.set(`${api} ${name}`, next);
  return next;
}

/** Removes a thing with what is below it, and who may do what with it. */
export function remove(call: Call, api: string, name: string): Body {
  find(call, api, name);
  const key = `${api} ${name}`;
  for (const map of [call.state.resources, call.state.policies]) {
    for (const each of map.keys()) if (each === key || each.startsWith(`${key}/`)) map.delete(each);
  }
  return {};
}

const always = new Set(["serviceusage", "cloudresourcemanager", "storage"]);

function needEnabled(state: StubState, api: string): void {
  if (always.has(api) || state.enabled.has(`${api}.googleapis.com`)) return;
  throw new Refused(
    403,
    "PERMISSION_DENIED",
    `${api}.googleapis.com has not been used in project ${state.number} before or it is disabled`,
  );
}

/** An operation that is over. */
export function done(name: string, response: Body, metadata: Body = {}): Body {
  return {
    name,
    done: true,
    metadata: { "@type": "type.googleapis.com/none", ...metadata },
    response: { "@type": "type.googleapis.com/none", ...response },
  };
}

const etag = Buffer.from("1").toString("base64");

export function policyOf({ state }: Call, api: string, name: string): Policy {
  return state.policies.get(`${api} ${name}`) ?? { etag };
}

/** Members that do not exist are refused, as Google does. */
export function setPolicy(call: Call, api: string, name: string, policy: Policy): Policy {
  for (const member of policy.bindings?.flatMap(({ members }) => members) ?? []) {
    const own = new RegExp(
      `^serviceAccount:(.*@${call.state.project}\\.iam\\.gserviceaccount\\.com)$`,
    ).exec(member);
    if (own === null) continue;
    const account = `iam projects/${call.state.project}/serviceAccounts/${own[1]}`;
    if (!call.state.resources.has(account)) {
      throw new Refused(400, "INVALID_ARGUMENT", `Service account ${own[1]} does not exist.`);
    }
  }
  const kept = { ...policy, etag };
  call.state.policies.set(`${api} ${name}`, kept);
  return kept;
}

/** The project and the region in a name. */
export function locationOf(name: string): string {
  return name.split("/").slice(0, 4).join("/");
}
