import type { DocumentSnapshot, Timestamp } from "@google-cloud/firestore";
import { parseBuildKey } from "../build-key.ts";
import { digestOf, parseDigest } from "../digest.ts";
import { imageName, type Architecture, type Image } from "../image.ts";
import { isSettled } from "../record.ts";
import type { BuildRecord, Failure, Lane, Phase, Progress, StoredManifest } from "../record.ts";
import { decodeAsker, encodeAsker } from "./asker-fields.ts";
import { fieldsOf, type Fields } from "./fields.ts";
import { decodePlans, encodePlans } from "./plans.ts";

/**
 * The documents `images/{build key}` and `manifests/{hex}`. A record holds the bytes of its manifest, 20 KB where a
 * document may have a mebibyte, so that a warm pull is one read.
 */

/** What is stored of a build: its record, and what the other questions of the port are answered from. */
export interface Build {
  readonly record: BuildRecord;
  /** How often its job was published since the build began, and when for the last time. */
  readonly published: number;
  readonly publishedAt: number;
  readonly changedAt: number;
  /** Who builds: the same as in the lease, which is written in the same batch. Who owns a build shows here alone. */
  readonly holder?: Holder | undefined;
}

export interface Holder {
  readonly owner: string;
  readonly epoch: number;
}

/** A build as it was read; `updated` is the precondition of whoever wants to change it. */
export type SeenBuild = Build & { readonly mark: string; readonly updated: Timestamp };

// Failures that nobody asks about again, such as those of typos, go after a day; the policy is in `indexes.ts`.
const failuresKeptMs = 24 * 60 * 60_000;

// An update leaves alone what it does not name.
const absent = {
  startedAt: null,
  progress: null,
  settledAt: null,
  manifest: null,
  failure: null,
  retryAt: null,
  holder: null,
  asker: null,
  expireAt: null,
};

export function encodeBuild({ record, published, publishedAt, changedAt, holder }: Build) {
  const { state, lane, requestedAt, attempt } = record;
  const { architecture, shell, packages } = record.image;
  const { packageSet, revision, plans } = record.pin;
  return {
    ...absent,
    ...encodeState(record),
    state,
    lane,
    requestedAt,
    attempt,
    image: { architecture, shell, packages },
    pin: { packageSet, revision, plans: encodePlans(plans) },
    published,
    // So that a query for old ones finds only what is open, with no other index than this field's.
    publishedAt: isSettled(record) ? null : publishedAt,
    changedAt,
    readyAs: record.state === "ready" ? readyAs(record.pin.packageSet, record.image) : null,
    ...(holder && { holder: { owner: holder.owner, epoch: holder.epoch } }),
    ...(record.asker && { asker: encodeAsker(record.asker) }),
  };
}

/** By which an image is found at all revisions; hashed, since a text longer than 1,500 bytes cannot be searched for. */
export function readyAs(packageSet: string, image: Image): string {
  return digestOf(JSON.stringify([packageSet, imageName(image)]));
}

function encodeState(record: BuildRecord) {
  switch (record.state) {
    case "queued":
      return {};
    case "building": {
      const { startedAt, progress } = record;
      const { phase, done, total, message } = progress;
      return { startedAt, progress: { phase, done, total, message: storable(message) } };
    }
    case "ready": {
      const { settledAt, manifest } = record;
      return { settledAt, manifest: { digest: manifest.digest, ...encodeManifest(manifest) } };
    }
    case "failed": {
      const { settledAt, retryAt, failure } = record;
      const { reason, message, log } = failure;
      return {
        settledAt,
        retryAt,
        failure: { reason, message: storable(message), log: log.map(storable) },
        expireAt: new Date(retryAt + failuresKeptMs), // only what is stored as a timestamp can expire
      };
    }
  }
}

export function encodeManifest({ mediaType, bytes }: StoredManifest) {
  return { mediaType, bytes };
}

const longestText = 20_000;

// What a text was cut from may have left half a character, which Firestore refuses; and a document has its limit.
function storable(text: string): string {
  return text.slice(0, longestText).toWellFormed();
}

export function decodeBuild(snapshot: DocumentSnapshot): SeenBuild | undefined {
  const fields = fieldsOf(snapshot);
  if (fields === undefined || snapshot.updateTime === undefined) return undefined;
  return {
    record: decodeRecord(snapshot.id, fields),
    published: fields.number("published"),
    publishedAt: fields.has("publishedAt") ? fields.number("publishedAt") : 0,
    changedAt: fields.number("changedAt"),
    holder: fields.has("holder") ? decodeHolder(fields.map("holder")) : undefined,
    mark: fields.text("mark"),
    updated: snapshot.updateTime,
  };
}

const states = { queued: true, building: true, ready: true, failed: true } as const;

export function decodeRecord(id: string, fields: Fields): BuildRecord {
  const key = parseBuildKey(id);
  if (key === undefined) throw new Error(`document images/${id} is not named after a build key`);
  const image = fields.map("image");
  const pin = fields.map("pin");
  const plans = decodePlans(pin);
  const common = {
    key,
    image: {
      architecture: image.word<Architecture>("architecture", { amd64: true, arm64: true }),
      shell: image.truth("shell"),
      packages: image.texts("packages"),
    },
    pin: {
      packageSet: pin.text("packageSet"),
      revision: pin.text("revision"),
      ...(plans && { plans }),
    },
    lane: fields.word<Lane>("lane", { pull: true, prebuild: true }),
    requestedAt: fields.number("requestedAt"),
    attempt: fields.number("attempt"),
    ...(fields.has("asker") && { asker: decodeAsker(fields.map("asker")) }),
  };
  const state = fields.word<BuildRecord["state"]>("state", states);
  switch (state) {
    case "queued":
      return { ...common, state };
    case "building": {
      const progress = decodeProgress(fields.map("progress"));
      return { ...common, state, startedAt: fields.number("startedAt"), progress };
    }
    case "ready": {
      const stored = fields.map("manifest");
      const manifest = { digest: stored.parsed("digest", parseDigest), ...decodeManifest(stored) };
      return { ...common, state, settledAt: fields.number("settledAt"), manifest };
    }
    case "failed": {
      const failure = decodeFailure(fields.map("failure"));
      const times = { settledAt: fields.number("settledAt"), retryAt: fields.number("retryAt") };
      return { ...common, state, ...times, failure };
    }
  }
}

function decodeHolder(fields: Fields): Holder {
  return { owner: fields.text("owner"), epoch: fields.number("epoch") };
}

function decodeProgress(fields: Fields): Progress {
  return {
    phase: fields.word<Phase>("phase", { evaluating: true, realising: true, packing: true }),
    done: fields.number("done"),
    total: fields.number("total"),
    message: fields.text("message"),
  };
}

export function decodeManifest(fields: Fields): Omit<StoredManifest, "digest"> {
  return { mediaType: fields.text("mediaType"), bytes: fields.bytes("bytes") };
}

const reasons = {
  "packages-unknown": true,
  "revision-unknown": true,
  "evaluation-failed": true,
  "build-failed": true,
  "timed-out": true,
  "not-allowed": true,
  service: true,
} as const;

function decodeFailure(fields: Fields): Failure {
  const log = fields.texts("log");
  return {
    reason: fields.word<Failure["reason"]>("reason", reasons),
    message: fields.text("message"),
    log,
  };
}
