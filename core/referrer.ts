import { parseDigest, type Digest } from "./digest.ts";
import { mediaTypes } from "./manifest.ts";
import type { StoredManifest } from "./record.ts";

/**
 * The descriptor of a manifest that refers to another one by its `subject`: a signature, a bill of materials.
 * Its size is in bytes. [OCI distribution specification 1.1, "Listing Referrers"]
 */
export interface Referrer {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  /** The manifest's own, else the media type of its configuration; an index may have none. */
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What a manifest or index refers to, and how it is listed there; undefined where it has no subject that firn could hold. */
export function referrerOf({
  digest,
  mediaType,
  bytes,
}: StoredManifest): { readonly subject: Digest; readonly referrer: Referrer } | undefined {
  const document = JSON.parse(new TextDecoder().decode(bytes)) as Referring;
  const subject = parseDigest(document.subject?.digest ?? "");
  if (subject === undefined) return undefined;
  const config = mediaType === mediaTypes.index ? undefined : document.config?.mediaType;
  const artifactType = document.artifactType ?? config;
  const { annotations } = document;
  return {
    subject,
    referrer: {
      mediaType,
      digest,
      size: bytes.byteLength,
      ...(artifactType !== undefined && { artifactType }),
      ...(annotations !== undefined && { annotations }),
    },
  };
}

/** The parts of a manifest, checked when it was stored, that a referrer is made of. */
interface Referring {
  readonly artifactType?: string;
  readonly config?: { readonly mediaType: string };
  readonly subject?: { readonly digest: string };
  readonly annotations?: Readonly<Record<string, string>>;
}
