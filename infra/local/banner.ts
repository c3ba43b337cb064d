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
  const at = `${host.includes(":") ? `[${host}]` : host}:${up.port}`;
  // What other package sets hold is not known here.
  const isKnown = up.packageSet.kind === "starter" || up.packageSet.kind === "nixpkgs";
  const [first, second, third] = isKnown
    ? ["shell/git/curl", "python3", "hello"]
    : ["<package>", "<package>/<package>", "<package>"];
  return [
    "",
    `  firn is up at http://${at}${isEverywhere ? ", and for every machine that reaches this one" : ""}`,
    `  packages: ${describePackageSet(up.packageSet)}, revision ${up.revision}`,
    "",
    `    docker pull ${at}/${first}`,
    `    podman pull --tls-verify=false ${at}/${second}`,
    `    skopeo copy --src-tls-verify=false docker://${at}/${third} oci:layout:latest`,
    "",
    `  what it is building, and what went wrong: http://${at}/status`,
    "",
  ].join("\n");
}
