/** What gcloud says when something is wrong that somebody can do something about, and what that is. */
const known: readonly { readonly said: RegExp; readonly advice: string }[] = [
  {
    said: /do not currently have an active account|Reauthentication (?:failed|required)|invalid_grant|UNAUTHENTICATED|There was a problem refreshing/i,
    advice: "sign in: gcloud auth login",
  },
  {
    said: /billing (?:account|must be|is disabled|not found)|BILLING_DISABLED|UREQ_PROJECT_BILLING_NOT_(?:FOUND|OPEN)/i,
    advice:
      "the project has no billing account: link one, gcloud billing projects link <project> --billing-account=<account> (gcloud billing accounts list shows yours)",
  },
  {
    said: /access projects instance \[[^\]:]*\]|PROJECT_NOT_FOUND|project .* (?:not found or permission denied|has been deleted)|property \[project\]/i,
    advice:
      "look at the name of the project (gcloud projects list shows yours) and at the account you are signed in with (gcloud auth list)",
  },
  {
    said: /orgpolicy|constraints\/|organization policy/i,
    advice:
      "a policy of your organization forbids it: ask for an exception, or choose another project",
  },
  {
    said: /Location .* (?:is )?not (?:found|valid|supported)|invalid location|Invalid choice.*location|not a valid (?:location|region)|LOCATION_/i,
    advice:
      "look at the region (gcloud run regions list), and at FIRN_LOCATION if bucket or database are refused",
  },
  {
    said: /The requested bucket name is not available|already own this bucket|bucket.*already exists/i,
    advice: "names of buckets are everybody's: choose another one by FIRN_BUCKET",
  },
  {
    said: /quota|RESOURCE_EXHAUSTED|rate limit/i,
    advice: "a quota is used up: wait, or ask for more of it",
  },
  {
    said: /unrecognized arguments|Invalid choice: '(?:worker-pools|nodejs24)'|not a supported runtime/i,
    advice: "this gcloud is too old: gcloud components update",
  },
  {
    said: /PERMISSION_DENIED|does not have permission|forbidden|\b403\b/i,
    advice:
      "the account that you are signed in with may not do this: it needs to be an owner of the project, or be given the role for it",
  },
];

export function adviceFor(said: string): string | undefined {
  return known.find((each) => each.said.test(said))?.advice;
}

/** Whether it goes by itself: what was just made or enabled is not known everywhere at once. */
export function isPassing(said: string): boolean {
  return /Service account .* does not exist|has not been used in project .* before or it is disabled|concurrent policy changes|\bABORTED\b|\bUNAVAILABLE\b|\bDEADLINE_EXCEEDED\b|Permission denied on secret|service agent.*(?:not|being) (?:ready|created)|wait a few minutes|could take up to \d+ minutes|try again (?:in|later)|Cloud Storage .* not yet|currently being (?:created|provisioned)/i.test(
    said,
  );
}

/** Whether what was asked for is not there. */
export function isAbsence(said: string): boolean {
  return /NOT_FOUND|\b404\b|does not exist|was not found|Policy binding with .* not found/i.test(
    said,
  );
}
