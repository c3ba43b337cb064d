/**
 * Makes the folder that functions are deployed from: `index.js`, `package.json`, lock file and compile cache. The one
 * place that knows who makes it.
 */
export async function bundleFunctions(folder: string): Promise<void> {
  const file = new URL("bundle.ts", import.meta.url).href;
  const bundle = (await import(file)) as { bundleFunctions: (out: string) => Promise<void> };
  await bundle.bundleFunctions(folder);
}
