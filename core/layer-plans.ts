import type { Digest } from "./digest.ts";
import type { Architecture } from "./image.ts";
import type { Pin } from "./package-set.ts";
import type { Plans } from "./ports.ts";

/** The layer plans, by the digests of their bytes, that group the images of a pin. */
export type AppliedPlans = Readonly<Partial<Record<Architecture, Digest>>>;

const architectures: readonly Architecture[] = ["amd64", "arm64"];

/** By which name the plan that was learned last is found: one for each package set, architecture and number of layers. */
export function planId(
  packageSet: string,
  architecture: Architecture,
  layerBudget: number,
): string {
  return JSON.stringify([packageSet, architecture, layerBudget]);
}

/**
 * A revision with the plans that its images are grouped by: those that were learned last when anybody first asked, from
 * then on always the same ones, since another plan is another image. Asked anew for a pin, it is read once.
 */
export async function withPlans(
  plans: Pick<Plans, "read" | "applied" | "apply">,
  pin: Pin,
  layerBudget: number,
): Promise<Pin> {
  const decided = await plans.applied(pin);
  if (decided !== undefined) return planned(pin, decided);
  const learned = await Promise.all(
    architectures.map(async (architecture) => {
      const record = await plans.read(planId(pin.packageSet, architecture, layerBudget));
      return record?.current && ([architecture, record.current.digest] as const);
    }),
  );
  const proposed = Object.fromEntries(learned.filter((each) => each !== undefined));
  return planned(pin, await plans.apply(pin, undefined, proposed));
}

/** A pin with plans, or without where there are none. */
export function planned({ packageSet, revision }: Pin, plans: AppliedPlans | undefined = {}): Pin {
  const hasSome = Object.keys(plans).length > 0;
  return { packageSet, revision, ...(hasSome && { plans }) };
}
