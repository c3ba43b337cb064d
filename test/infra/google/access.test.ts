import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { DocumentReference, Firestore, Query, WriteBatch } from "@google-cloud/firestore";
import { Subscription, Topic } from "@google-cloud/pubsub";
import { Bucket, File } from "@google-cloud/storage";
import { expect, it } from "vitest";
import {
  calls,
  customRoles,
  googleRoles,
  grants,
  type Call,
} from "../../../infra/google/access.ts";

const AsyncGenerator = {
  prototype: Object.getPrototypeOf(async function* () {}.prototype) as object,
};
const root = join(import.meta.dirname, "../../..");

function sourcesOf(folder: string): readonly { readonly file: string; readonly text: string }[] {
  const names = readdirSync(join(root, folder)).filter((name) => name.endsWith(".ts"));
  return names.map((name) => {
    return { file: `${folder}/${name}`, text: readFileSync(join(root, folder, name), "utf8") };
  });
}

const namesIn = (...classes: readonly { readonly prototype: object }[]) =>
  new Set(classes.flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype)));
// What Cloud Storage and Pub/Sub can be asked for, as methods of what the code has of them.
const methods = namesIn(File, Bucket, Topic, Subscription);
// Names that much else has as well: these are Google's only on what is called so.
const common = namesIn(Map, Array, Promise, EventEmitter, AsyncGenerator, Readable).union(
  namesIn(DocumentReference, Query, WriteBatch, Firestore),
);
const clients = /^(?:file|bucket|publisher)\./;
// They only make an object, or put one away.
const silent = /^(?:\w+\.open|bucket\.file|storage\.bucket|pubsub\.topic|source\.close)$/;

/** Calls of Google's libraries that the adapters make, as `receiver.method`. */
function callsInCode(): ReadonlySet<string> {
  const code = sourcesOf("core/google")
    .map(({ text }) => text.replaceAll(/\bbucket\.file\([^()]*\)\./g, "file."))
    .join("\n");
  const found = [...code.matchAll(/\b([a-z]\w*)\.([a-z]\w*)\(/gi)];
  const named = found.filter(([call, , method = ""]) => {
    return methods.has(method) && (!common.has(method) || clients.test(call));
  });
  const called = named.map(([, receiver = "", method = ""]) => `${receiver}.${method}`);
  return new Set(called.filter((call) => !silent.test(call)));
}

it("every call of Google's that the code makes is in the table, and the table has no other", () => {
  // The one has a way of its own, the other is Cloud Run's.
  const apart = new Set(["firestore", "mounted secret"]);
  const known = Object.keys(calls).filter((call) => !apart.has(call));
  expect([...callsInCode()].sort()).toEqual(known.sort());
});

it("every call is somebody's right, and every right of ours is for a call", () => {
  const granted = new Set(grants.flatMap((grant) => grant.calls));
  expect([...granted].sort()).toEqual(Object.keys(calls).sort());
  const ours = grants.filter(({ member }) => ["registry", "events", "worker"].includes(member));
  expect(ours.filter((grant) => grant.calls.length === 0)).toEqual([]);
});

it("a role of the deployment's own permits what its calls need, and to tell what is not there", () => {
  for (const { calls: needed, permissions } of Object.values(customRoles)) {
    const necessary = new Set<string>(needed.flatMap((call): readonly string[] => calls[call]));
    if (permissions.some((each) => each.startsWith("storage."))) {
      necessary.add("storage.objects.list");
    }
    expect([...permissions]).toEqual([...necessary].sort());
  }
});

it("a role of Google's is given for the permission that the call needs", () => {
  for (const { role, calls: needed } of grants) {
    if (!(role in googleRoles)) continue;
    const permission = googleRoles[role as keyof typeof googleRoles]; // it is one of them
    expect(needed.flatMap((call: Call): readonly string[] => calls[call])).toEqual(
      needed.map(() => permission),
    );
  }
});

it("nobody owns, edits or administers anything", () => {
  const roles = grants.map(({ role }) => role);
  expect(roles.filter((role) => /owner|editor|admin/i.test(role))).toEqual([]);
});

it("everybody may pull, and that is all that everybody may", () => {
  const everybody = grants.filter(({ member }) => member === "everybody");
  expect(everybody.map(({ on }) => on)).toEqual([{ kind: "service", service: "registry" }]);
});

it("functions store no blobs, and so have no right to", () => {
  const stores = /\bblobs\.write\(/;
  expect(sourcesOf("functions").filter(({ text }) => stores.test(text))).toEqual([]);
  expect(sourcesOf("worker").some(({ text }) => stores.test(text))).toBe(true);
});

it("each program publishes to the topics that it has a right to, and takes from those that it names", () => {
  const namedIn = (file: string) => {
    const found = readFileSync(join(root, file), "utf8").matchAll(/\btopics\.(?!ts\b)(\w+)/g);
    return [...new Set([...found].map(([, topic = ""]) => topic))].sort();
  };
  const rights = (...members: readonly string[]) => {
    const found = grants.flatMap(({ member, on }) =>
      members.includes(member) && "topic" in on ? [on.topic] : [],
    );
    return [...new Set(found)].sort();
  };
  expect(rights("registry", "events")).toEqual(namedIn("functions/compose.ts"));
  expect(rights("worker")).toEqual(namedIn("worker/compose.ts"));
});
