import { describe, expect, it } from "vitest";
import { holdMs, hopOf } from "../../functions/hold.ts";

const times = { shortMs: 25_000, longMs: 280_000 };

describe("a pull is held", () => {
  it.each([
    "docker/20.10.24 go/go1.19.8 git-commit/5d6db84 kernel/6.1 os/linux arch/amd64",
    "skopeo/1.9.3",
    "containers/5.23.1 (github.com/containers/image)",
    "Buildah/1.28.2",
    "cri-o/1.29.1 go/go1.21 os/linux arch/amd64",
    "go-containerregistry/v0.20.7",
    "oras/1.3.3",
    "python-requests/2.31.0",
  ])("for long by %s", (agent) => {
    expect(holdMs(agent, times)).toBe(280_000);
  });

  it.each([
    "containerd/v2.3.4",
    "docker/29.7.0 go/go1.25 containerd-client/2.3.4+unknown storage-driver/overlayfs",
    "buildkit/v0.32",
    "curl/8.5.0",
    "",
    undefined,
  ])("for less than 30 s by %s", (agent) => {
    expect(holdMs(agent, times)).toBe(25_000);
  });
});

it.each([
  ["", 0],
  ["wait=1", 1],
  ["wait=9", 9],
  ["wait=10", 9],
  ["wait=999999999999", 9],
  ["wait=-3", 0],
  ["wait=1.5", 0],
  ["wait=x", 0],
  ["wait=", 0],
  ["wait=2&wait=7", 2],
])("the hop of ?%s is %i", (query, hop) => {
  expect(hopOf(new URLSearchParams(query))).toBe(hop);
});
