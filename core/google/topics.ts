/** The topics of a deployment whose name is `prefix`. */
export function topicNames(prefix: string) {
  return {
    /** What somebody waits for. */
    jobs: `${prefix}-jobs`,
    /** What nobody waits for yet. */
    prebuildJobs: `${prefix}-prebuild-jobs`,
    /** Questions where a tag stands, which never wait for builds. */
    pins: `${prefix}-pins`,
    /** Names of images, which become jobs of the kind above. */
    prebuilds: `${prefix}-prebuilds`,
    /** Published to by the clock. */
    maintenance: `${prefix}-maintenance`,
    /** Published to by the clock once a day. */
    retention: `${prefix}-retention`,
    /** What was delivered too often, or could not be read. */
    dead: `${prefix}-dead`,
  } as const;
}

/** The subscriptions that a worker pulls from. */
export function pullSubscriptionNames(prefix: string) {
  const { jobs, prebuildJobs, pins } = topicNames(prefix);
  return {
    jobs: `${jobs}-pull`,
    prebuildJobs: `${prebuildJobs}-pull`,
    pins: `${pins}-pull`,
  } as const;
}

/** The subscriptions that push to a worker which does not pull. */
export function pushSubscriptionNames(prefix: string) {
  const { jobs, prebuildJobs, pins } = topicNames(prefix);
  return {
    jobs: `${jobs}-push`,
    prebuildJobs: `${prebuildJobs}-push`,
    pins: `${pins}-push`,
  } as const;
}
