import { expect, it } from "vitest";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalPins } from "../../core/local/pins.ts";
import type { Job } from "../../core/ports.ts";
import { askForPin } from "../../functions/ask-for-pin.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

it("a look-up that could not be published holds up nobody who asks after that", async () => {
  await using folder = await temporaryFolder();
  using database = openDatabase(folder.path);
  const pins = createLocalPins(database);
  const published: Job[] = [];
  let isOut = true;
  const queue = {
    consume: async () => undefined,
    async publish(job: Job) {
      if (isOut) throw new Error("Pub/Sub is out of reach");
      published.push(job);
    },
  };
  const ask = async () =>
    await askForPin({ pins, queue, now: Date.now }, "id", "main", await pins.read("id"));

  await expect(ask()).rejects.toThrow("Pub/Sub is out of reach");
  isOut = false;
  await ask();
  await ask();
  expect(published).toEqual([{ kind: "pin", pinId: "id" }]);
});
