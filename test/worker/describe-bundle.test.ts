import { expect, test } from "vitest";
import { describer } from "../../worker/describe-bundle.ts";
import type { LayerPlan, PlannedBundle } from "../../worker/layer-plan.ts";
import { bundleOf, merged } from "../../worker/plan-bundle.ts";

// Half of the images have git, and as many have pcre: all but a few have either both or none.
const [count, withGit, support] = [200, 100, 8];

test("a bundle is written down with the parts that images have, and without rare ones", () => {
  expect(written(8)).toEqual({
    share: 0.54,
    names: ["git", "pcre"],
    parts: [
      { share: 0.04, names: ["git"] },
      { share: 0.46, names: ["git", "pcre"] },
      { share: 0.04, names: ["pcre"] },
    ],
  });
  expect(written(7).parts).toEqual([{ share: 0.47, names: ["git", "pcre"] }]);
});

test("of one path there are no parts", () => {
  const alone = bundleOf([1], 1, Int32Array.of(3, 4), new Int32Array(0), costOfByte);
  const describe = describer({
    names: ["pcre", "git"],
    images: images(0),
    support,
    previous: undefined,
  });
  expect(describe(alone)).toEqual({ share: 0.01, names: ["git"] });
});

test("shares stay as they were in the plan before while they are about right", () => {
  const before = written(20);
  expect(written(22, before)).toEqual(before);
  expect(written(22)).not.toEqual(before);
  expect(shares(written(26, before))).toEqual([0.13, 0.4, 0.13]);
  expect(written(26, before).share).toBe(0.6);
});

test("a part that the plan before had goes when half as many images have it as a new one needs", () => {
  const before = written(8);
  expect(shares(written(6, before))).toEqual([0.03, 0.46, 0.03]);
  expect(shares(written(4, before))).toEqual([0.02, 0.46, 0.02]);
  expect(shares(written(3, before))).toEqual([0.46]);
});

const costOfByte = new Float64Array(count + 1);

function shares({ parts = [] }: PlannedBundle): readonly number[] {
  return parts.map(({ share }) => share);
}

function written(apart: number, before?: PlannedBundle): PlannedBundle {
  const previous: LayerPlan | undefined = before && { bundles: [before] };
  const having = images(apart);
  const audience = (node: number) =>
    Int32Array.from(having.keys().filter((image) => having[image]?.includes(node)));
  const [git, pcre] = [1, 0].map((node) =>
    bundleOf([node], 1, audience(node), new Int32Array(0), costOfByte),
  );
  if (git === undefined || pcre === undefined) throw new Error("there are two");
  return describer({ names: ["pcre", "git"], images: having, support, previous })(
    merged(git, pcre, costOfByte),
  );
}

function images(apart: number): readonly Int32Array[] {
  return Array.from({ length: count }, (_, image) => {
    if (image < apart) return Int32Array.of(1);
    if (image < withGit) return Int32Array.of(0, 1);
    return image < withGit + apart ? Int32Array.of(0) : new Int32Array(0);
  });
}
