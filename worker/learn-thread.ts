import { parentPort, workerData } from "node:worker_threads";
import { learnPlan, type PlanMaterial } from "./learn-plan.ts";

// Run as a thread by learn-apart.ts, which says what to learn from and takes the plan.
// oxlint-disable-next-line require-post-message-target-origin -- the other end is a thread, not a window
parentPort?.postMessage(learnPlan(workerData as PlanMaterial));
