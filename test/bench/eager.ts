import { join } from "node:path";
import { openCompileCache } from "../../functions/compile-cache.ts";

// The functions with all three clients of Google Cloud imported at the start: what the bundle is measured against.
openCompileCache(join(import.meta.dirname, "compile-cache"));
await Promise.all([
  import("@google-cloud/firestore"),
  import("@google-cloud/pubsub"),
  import("@google-cloud/storage"),
]);
await import("../../functions/index.ts");
