import type { Access } from "./access.ts";
import type { AccessSettings, AccessWorld } from "./open-access.ts";

/**
 * Who may pull and who may build. Undefined where everybody may do everything: nothing is looked at then, and nothing of
 * it is loaded, so that a registry for everybody starts as fast as it did without.
 */
export async function accessWhereNeeded(
  settings: AccessSettings,
  world: AccessWorld,
): Promise<Access | undefined> {
  if (isOpen(settings)) return undefined;
  const { openAccess } = await import("./open-access.ts");
  return await openAccess(settings, world);
}

function isOpen({ access, blocked }: AccessSettings): boolean {
  const isForAll = access.some(
    ({ kind, permission }) => kind === "anonymous" && permission === "build",
  );
  return isForAll && access.length === 1 && blocked === undefined;
}
