import { readFileSync } from "node:fs";
import { Ajv, type SchemaObject, type ValidateFunction } from "ajv";
import { fixture } from "./framework.ts";

// Of each document the schema, and what the specification asks for in its text besides.
const documents: Readonly<Record<string, { readonly file: string; readonly more: SchemaObject }>> =
  {
    "application/vnd.oci.image.manifest.v1+json": {
      file: "image-manifest-schema.json",
      more: {
        required: ["mediaType"],
        properties: {
          mediaType: { const: "application/vnd.oci.image.manifest.v1+json" },
          artifactType: { $ref: "defs-descriptor.json#/definitions/mediaType" },
          subject: { $ref: "content-descriptor.json" },
        },
      },
    },
    "application/vnd.oci.image.index.v1+json": {
      file: "image-index-schema.json",
      more: {
        required: ["mediaType"],
        properties: {
          mediaType: { const: "application/vnd.oci.image.index.v1+json" },
          artifactType: { $ref: "defs-descriptor.json#/definitions/mediaType" },
          subject: { $ref: "content-descriptor.json" },
        },
      },
    },
    "application/vnd.oci.image.config.v1+json": { file: "config-schema.json", more: {} },
  };

const definitions = ["content-descriptor.json", "defs-descriptor.json", "defs.json"];

// [RFC 3339, 5.6]
const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * Throws, with all that is wrong, where a document is not what its media type says: by the JSON schemas of the OCI image
 * specification. Of other media types it knows nothing, and throws as well.
 */
export function checkDocument(mediaType: string, bytes: Uint8Array | string): void {
  const valid = validators.get(mediaType) ?? compile(mediaType);
  validators.set(mediaType, valid);
  const text = typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes);
  if (valid(JSON.parse(text))) return;
  const wrong = (valid.errors ?? []).map(
    ({ instancePath, message }) => `${instancePath} ${message}`,
  );
  throw new Error(`this is no ${mediaType}: ${wrong.join("; ")}\n${text}`);
}

/** Whether a document of this media type can be checked. */
export function isDocument(mediaType: unknown): mediaType is string {
  return typeof mediaType === "string" && Object.hasOwn(documents, mediaType);
}

const validators = new Map<string, ValidateFunction>();

function compile(mediaType: string): ValidateFunction {
  const document = documents[mediaType];
  if (document === undefined) throw new Error(`there is no schema of "${mediaType}"`);
  const ajv = new Ajv({ allErrors: true, strict: false });
  ajv.addFormat("date-time", dateTime);
  ajv.addFormat("uri", (text: string) => URL.canParse(text));
  for (const name of definitions) ajv.addSchema(schemaIn(name), name);
  ajv.addSchema(schemaIn(document.file), document.file);
  return ajv.compile({ allOf: [{ $ref: document.file }, document.more] });
}

/** A schema without what only draft 4 writes so: the files name each other by their own names. */
function schemaIn(name: string): SchemaObject {
  const text = readFileSync(fixture("oci-schema", name), "utf8");
  return JSON.parse(text, (key, value: unknown) =>
    (key === "id" && typeof value === "string") || key === "$schema" ? undefined : value,
  ) as SchemaObject;
}
