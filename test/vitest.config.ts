import { defineConfig } from "vitest/config";

/** Where `.ci/run` wants a report in JSON to count from. */
const report = process.env["TEST_REPORT"];

const google = ["test/*/google/**/*.test.ts"];

/**
 * Five projects: `unit` is fast and runs files side by side; `google` needs emulators, which are started once for all
 * its files; `cloud` starts the programs of the deployment, and `e2e` the embedded registry, one file after another;
 * `clients` pulls with every client that can be had, and is `npm run test:clients`. Each begins when the one before is
 * through.
 */
export default defineConfig({
  test: {
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**", "test/cloud/**", "test/clients/**", ...google],
          // Many run real programs, and machines are shared: what hangs is still found.
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "google",
          include: google,
          globalSetup: ["test/support/emulators-setup.ts"],
          // The clients would look for the credentials of the machine they run on, and wait.
          env: { METADATA_SERVER_DETECTION: "none" },
          testTimeout: 60_000,
          maxConcurrency: 20,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "cloud",
          include: ["test/cloud/**/*.test.ts"],
          globalSetup: ["test/support/emulators-setup.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 240_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: "clients",
          include: ["test/clients/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 240_000,
          // They wait more than they work.
          maxWorkers: 3,
          maxConcurrency: 100,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
