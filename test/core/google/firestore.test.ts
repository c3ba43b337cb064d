import { createGoogleLayerCache } from "../../../core/google/layer-cache.ts";
import { createGooglePins } from "../../../core/google/pins.ts";
import { createGooglePlans } from "../../../core/google/plans.ts";
import { createGooglePulls } from "../../../core/google/pulls.ts";
import { createGoogleQuotas } from "../../../core/google/quotas.ts";
import { createGoogleReferrers } from "../../../core/google/referrers.ts";
import { createGoogleStoredManifests } from "../../../core/google/stored-manifests.ts";
import { buildCacheContract } from "../../contract/build-cache.ts";
import { buildRecordsContract } from "../../contract/build-records.ts";
import { layerCacheContract } from "../../contract/layer-cache.ts";
import { pinsContract } from "../../contract/pins.ts";
import { plansContract } from "../../contract/plans.ts";
import { pullsContract } from "../../contract/pulls.ts";
import { quotasContract } from "../../contract/quotas.ts";
import { referrersContract } from "../../contract/referrers.ts";
import { storedManifestsContract } from "../../contract/stored-manifests.ts";
import { needEmulators } from "../../support/emulators.ts";
import { quotaOf } from "../../support/quota.ts";
import { connect, openBuildCaches } from "./firestore-set-up.ts";

needEmulators();

function openFresh() {
  const firestore = connect();
  return { firestore, [Symbol.asyncDispose]: () => firestore[Symbol.asyncDispose]() };
}

buildCacheContract("Firestore", async () => await openBuildCaches());
buildRecordsContract("Firestore", async () => await openBuildCaches());

storedManifestsContract("Firestore", async () => {
  const set = await openBuildCaches();
  return { ...set, manifests: createGoogleStoredManifests(set.beside) };
});

layerCacheContract("Firestore", async () => {
  const open = openFresh();
  return { ...open, layers: createGoogleLayerCache(open.firestore) };
});

pinsContract("Firestore", async () => {
  const open = openFresh();
  return { ...open, pins: createGooglePins(open.firestore) };
});

plansContract("Firestore", async () => {
  const open = openFresh();
  return { ...open, plans: createGooglePlans(open.firestore) };
});

referrersContract("Firestore", async () => {
  const open = openFresh();
  return { ...open, referrers: createGoogleReferrers(open.firestore) };
});

pullsContract("Firestore", async () => {
  const open = openFresh();
  return { ...open, pulls: createGooglePulls(open.firestore) };
});

quotasContract("Firestore", async () => {
  const set = await openBuildCaches();
  const quotas = (text: string) =>
    createGoogleQuotas(set.beside, quotaOf(text), set.cache, set.now);
  return { ...set, quotas };
});
