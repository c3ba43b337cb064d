/**
 * What is kept or made on the disk between reading and storing a layer is not what it should be, or cannot be written:
 * the layer can still be made, from the store paths.
 */
export class SegmentTrouble extends Error {
  override readonly name = "SegmentTrouble";
}

/** Whether a disk is full, whatever has been put around the error that says so. */
export function isDiskFull(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause) {
    if ((each as NodeJS.ErrnoException).code === "ENOSPC") return true;
  }
  return false;
}

/** The trouble behind an error, whatever a blob store has put around it; undefined for any other error. */
export function segmentTroubleOf(error: unknown): SegmentTrouble | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof SegmentTrouble) return each;
  }
  return undefined;
}
