import type { Retained, Total } from "./retention.ts";

/** What retention did, or would do, for people at a terminal. */
export function retainedText({ manifests, blobs, revisions, isWhole }: Retained, dry: boolean) {
  const did = dry ? "would remove" : "removed";
  return [
    `${did} ${manifests.removed} images and indexes that nobody pulled; ${manifests.kept} stay`,
    `${did} ${sizeOf(blobs.removed)} that nothing needs`,
    `${sizeOf(blobs.waiting)} wait for the grace to be over`,
    `${sizeOf(blobs.needed)} are needed`,
    `${dry ? "would forget" : "forgot"} ${revisions} revisions that nothing is left of`,
    ...(isWhole ? [] : ["that is not all: it was interrupted"]),
  ];
}

const units = ["bytes", "kB", "MB", "GB", "TB"];

function sizeOf({ count, bytes }: Total): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const size = Math.round((bytes / 1000 ** power) * 10) / 10;
  return `${count} blobs (${size} ${units[power]})`;
}
