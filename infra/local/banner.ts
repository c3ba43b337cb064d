import { describePackageSet, type PackageSet } from "../../core/package-set.ts";

/** What somebody who has just started firn wants to know. */
export function banner(up: {
  readonly host: string;
  readonly port: number;
  readonly packageSet: PackageSet;
  readonly revision: string;
}): string {
  const isEverywhere = up.host === "0.0.0.0" || up.host === "::";
  const host = isEverywhere || up.host === "127.0.0.1" ? "localhost" : up.host;
  const at = `${host}:${up.port}`;
  return [
    "",
    `  firn is up at http://${at}${isEverywhere ? ", and for every machine that reaches this one" : ""}`,
    `  packages: ${describePackageSet(up.packageSet)}, revision ${up.revision}`,
    "",
    `    docker pull ${at}/shell/git/curl`,
    `    podman pull --tls-verify=false ${at}/python3`,
    `    skopeo copy --src-tls-verify=false docker://${at}/hello oci:hello:latest`,
    "",
    `  what it is building, and what went wrong: http://${at}/status`,
    "",
  ].join("\n");
}
