import { expect, it } from "vitest";
import { adviceFor, isAbsence, isPassing } from "../../../infra/google/problems.ts";

// As gcloud and Google's APIs say it.
it.each([
  [
    "ERROR: (gcloud.projects.describe) You do not currently have an active account selected.",
    "gcloud auth login",
  ],
  [
    "ERROR: (gcloud.services.enable) FAILED_PRECONDITION: Billing account for project '123' is not found. Billing must be enabled for activation of service(s) 'run.googleapis.com' to proceed.",
    "gcloud billing projects link",
  ],
  [
    "ERROR: (gcloud.projects.describe) [me@example.com] does not have permission to access projects instance [nobodys] (or it may not exist): The caller does not have permission.",
    "gcloud projects list",
  ],
  [
    "ERROR: (gcloud.iam.service-accounts.create) PERMISSION_DENIED: Permission 'iam.serviceAccounts.create' denied",
    "an owner of the project",
  ],
  [
    "ERROR: (gcloud.storage.buckets.create) HTTPError 409: The requested bucket name is not available.",
    "FIRN_BUCKET",
  ],
  [
    "ERROR: (gcloud.firestore.databases.create) INVALID_ARGUMENT: Location europe-west99 is not valid",
    "gcloud run regions list",
  ],
  [
    "ERROR: (gcloud.functions.deploy) unrecognized arguments: --build-service-account",
    "gcloud components update",
  ],
  [
    "ERROR: One or more users named in the policy do not belong to a permitted customer, constraints/iam.allowedPolicyMemberDomains",
    "a policy of your organization",
  ],
])("%s is answered with what to do", (said, advice) => {
  expect(adviceFor(said)).toContain(advice);
});

it("what goes by itself is waited for, and a refusal is not", () => {
  expect(
    isPassing("INVALID_ARGUMENT: Service account a@p.iam.gserviceaccount.com does not exist."),
  ).toBe(true);
  expect(
    isPassing("Cloud Run Admin API has not been used in project 1 before or it is disabled"),
  ).toBe(true);
  expect(
    isPassing(
      "Permission denied on secret: projects/1/secrets/firn-users/versions/latest for Revision service account a@p.iam.gserviceaccount.com.",
    ),
  ).toBe(true);
  expect(isPassing("There were concurrent policy changes")).toBe(true);
  expect(isPassing("PERMISSION_DENIED: no")).toBe(false);
});

it("that a thing is not there is an answer, and needs no advice", () => {
  const said = "ERROR: (gcloud.iam.roles.describe) NOT_FOUND: projects/p/roles/r was not found.";
  expect(isAbsence(said)).toBe(true);
  const right =
    "ERROR: (gcloud.secrets.remove-iam-policy-binding) Policy binding with the specified principal, role, and condition not found!";
  expect(isAbsence(right)).toBe(true);
  expect(adviceFor(said)).toBeUndefined();
});
