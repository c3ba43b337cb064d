import { defineConfig } from "vitest/config";

/** Where `.ci/run` wants a report in JSON to count from. */
const report = process.env["TEST_REPORT"];

/**
 * Two projects: `unit` is fast and runs files side by side; `e2e` starts the registry itself, one file after another,
 * once `unit` is through.
 */
export default defineConfig({
  test: {
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**"],
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 240_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
