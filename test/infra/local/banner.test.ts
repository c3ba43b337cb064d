import { describe, expect, it } from "vitest";
import { banner } from "../../../infra/local/banner.ts";

const up = { port: 8080, packageSet: { kind: "starter" }, revision: "abc" } as const;

describe("what is printed when firn is up", () => {
  it("has the address, the package set with its revision, three commands to copy and the status", () => {
    const text = banner({ ...up, host: "127.0.0.1" });
    expect(text).toContain("http://localhost:8080\n");
    expect(text).toMatch(/packages: .*starter.*, revision abc\n/);
    expect(text).toContain("\n    docker pull localhost:8080/shell/git/curl\n");
    expect(text).toContain("\n    podman pull --tls-verify=false localhost:8080/");
    expect(text).toContain("\n    skopeo copy --src-tls-verify=false docker://localhost:8080/");
    expect(text).toContain("http://localhost:8080/status\n");
  });

  it("names no packages that a package set of one's own may lack", () => {
    const packageSet = { kind: "path", path: "/srv/packages" } as const;
    expect(banner({ ...up, host: "127.0.0.1", packageSet })).toContain(
      "docker pull localhost:8080/<package>\n",
    );
  });

  it("names the address that it listens on, and says so where that is every one", () => {
    expect(banner({ ...up, host: "10.0.0.7" })).toContain("docker pull 10.0.0.7:8080/");
    expect(banner({ ...up, host: "::1" })).toContain("docker pull [::1]:8080/");
    const everywhere = banner({ ...up, host: "0.0.0.0" });
    expect(everywhere).toContain("docker pull localhost:8080/");
    expect(everywhere).toContain("every machine that reaches this one");
  });
});
