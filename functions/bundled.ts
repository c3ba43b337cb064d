import { join } from "node:path";
import { openCompileCache } from "./compile-cache.ts";

// What Google Cloud loads where the functions are bundled (infra/google/bundle.ts).
openCompileCache(join(import.meta.dirname, "compile-cache"));
await import("./index.ts");
