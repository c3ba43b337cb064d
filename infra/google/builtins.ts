import type { Plugin } from "esbuild";

/**
 * Has a bundle of ES modules `require` Node's HTTP. An import makes a namespace of it, for which each of its properties is
 * read once, and WebSocket among them loads all of undici: a tenth of what a function takes to start.
 */
export const builtinsByRequire: Plugin = {
  name: "builtins-by-require",
  setup(build) {
    build.onResolve({ filter: /^(?:node:)?https?$/ }, ({ path, kind }) =>
      kind === "require-call" ? undefined : { path, namespace: "builtin" },
    );
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};
