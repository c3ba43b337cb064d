/**
 * What the functions are to be told where a bundle is deployed, so that what the framework loads before them is taken
 * from the cache as well.
 */
export const bundleEnvironment = {
  NODE_COMPILE_CACHE: "/workspace/compile-cache",
  NODE_COMPILE_CACHE_PORTABLE: "1",
} as const;
