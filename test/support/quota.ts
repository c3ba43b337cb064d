import { parseQuota, type Quota } from "../../core/quota.ts";

/** Quotas as a setting says them. */
export function quotaOf(text: string): Quota {
  const quota = parseQuota(text);
  if (quota === undefined) throw new Error(`"${text}" is no quota`);
  return quota;
}
