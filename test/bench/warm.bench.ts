import { startFirn } from "../support/firn.ts";
import { compare, median, target } from "./rounds.ts";
import { giveFirstCore, load, startBare } from "./wrk.ts";

// How fast is a pull of an image that was built before?
// Opponent: a bare node:http server that answers every request with the same bytes and headers.
// The server has one core and wrk the other.

const path = "/v2/hello/manifests/latest";
await using firn = await startFirn({ env: { FIRN_LOG_LEVEL: "info" } });
using bare = await startBare(await firn.manifest("hello"));
await giveFirstCore(firn.pid);

const costs = { firn: [] as number[], bare: [] as number[] };
const busy = async (port: number, pid: number, cost: number[]) => {
  const { perSecond, cpuMicros } = await load(`http://127.0.0.1:${port}${path}`, pid, 16);
  cost.push(cpuMicros);
  return perSecond;
};
const medians = await compare("requests/s", 5, {
  firn: async () => await busy(firn.port, firn.pid, costs.firn),
  "node:http": async () => await busy(bare.port, bare.pid, costs.bare),
});
const latencies: number[] = [];
for (let i = 0; i < 3; i++) {
  latencies.push((await load(`http://127.0.0.1:${firn.port}${path}`, firn.pid, 1)).medianMs);
}
console.log(
  `  CPU: firn ${median(costs.firn).toFixed(0)} us a request, node:http ${median(costs.bare).toFixed(0)} us`,
);
console.log(
  `  one client at a time: median ${median(latencies).toFixed(2)} ms (${latencies.join(" ")})`,
);
target("under 2 ms at the median", median(latencies) < 2);
target("5,000 a second on one core", (medians["firn"] ?? 0) >= 5000);
