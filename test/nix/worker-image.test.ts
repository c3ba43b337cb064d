import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test, type TestContext } from "vitest";
import { need } from "../support/need.ts";
import { program } from "../support/program.ts";

const root = resolve(import.meta.dirname, "../..");
const dockerfile = readFileSync(join(root, "worker/Dockerfile"), "utf8").replaceAll("\\\n", " ");

/** What nix/worker-image.nix tells dockerTools. */
interface Recorded {
  readonly uid: number;
  readonly gid: number;
  readonly contents: readonly string[];
  readonly scripts: readonly string[];
  readonly extraCommands: string;
  readonly config: {
    readonly User: string;
    readonly WorkingDir: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly StopSignal: string;
    readonly Labels: Readonly<Record<string, string>>;
  };
}

/** Has Nix evaluate it with what records its arguments in nixpkgs' place; skips the test where there is no Nix. */
async function record(context: TestContext): Promise<Recorded> {
  need(context, "nix-instantiate");
  const expression = `import ${root}/nix/worker-image.nix {
    registry = "https://registry.example.com";
    pkgs = import ${root}/test/fixtures/recorded-nixpkgs.nix;
  }`;
  const args = ["--eval", "--strict", "--json", "--expr", expression];
  return JSON.parse((await program("nix-instantiate", args)).stdout) as Recorded;
}

/** The instructions of the last stage, such as `ENV`, without their names. */
function instructions(name: string): readonly string[] {
  const last = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
  return [...last.matchAll(new RegExp(`^${name} +(.*)$`, "gm"))].map(([, text = ""]) => text);
}

/** `a=b c="d e"` as it is meant. */
function pairs(texts: readonly string[]): Readonly<Record<string, string>> {
  const found = texts.join(" ").matchAll(/(\S+?)=(?:"([^"]*)"|(\S+))/g);
  return Object.fromEntries([...found].map(([, name, quoted, plain]) => [name, quoted ?? plain]));
}

test("both images start the same, as the same user, in the same environment", async (context) => {
  const { config, uid, gid } = await record(context);
  expect([config.User]).toEqual(instructions("USER"));
  expect(dockerfile).toContain(`--uid ${uid} --gid firn`);
  expect(dockerfile).toContain(`groupadd --gid ${gid} firn`);
  expect([config.WorkingDir]).toEqual(instructions("WORKDIR"));
  expect([JSON.stringify(config.Entrypoint)]).toEqual(
    instructions("ENTRYPOINT").map((text) => JSON.stringify(JSON.parse(text))),
  );
  expect([config.StopSignal]).toEqual(instructions("STOPSIGNAL"));
  expect(config.Labels).toEqual(pairs(instructions("LABEL")));
  const { FIRN_SEED, ...common } = pairs(instructions("ENV"));
  // Its programs are in /nix, so that no disk can be mounted there.
  expect(FIRN_SEED).toBe("/seed/nix");
  const { PATH, SSL_CERT_FILE, NIX_SSL_CERT_FILE, ...its } = pairs(config.Env);
  expect(its).toEqual(common);
  expect(PATH).toBe("/bin");
  expect([SSL_CERT_FILE, NIX_SSL_CERT_FILE]).toContainEqual(
    expect.stringMatching(/ca-bundle.crt$/),
  );
});

test("both images have the same programs, but for the starter set's", async (context) => {
  const names: Readonly<Record<string, string>> = {
    "ca-certificates": "cacert",
    git: "git",
    iproute2: "iproute2",
    isal: "isa-l",
    "nix-bin": "nix",
    "openssh-client": "openssh",
    tini: "tini",
  };
  const [, list = ""] =
    /apt-get install --yes --no-install-recommends\s+(ca-certificates git[^&]*)/.exec(dockerfile) ??
    [];
  const wanted = list
    .trim()
    .split(/\s+/)
    .filter((name) => name !== "patchelf");
  expect(wanted.sort()).toEqual(Object.keys(names).sort());
  const { contents } = await record(context);
  expect(contents).toEqual(
    expect.arrayContaining([...Object.values(names), "nodejs_24", "util-linux"]),
  );
});

test("the modules are those that npm installs for production, from the same files", async (context) => {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Readonly<Record<string, { dev?: boolean }>>;
  };
  const production = Object.keys(packages).filter(
    (path) => path !== "" && packages[path]?.dev !== true,
  );
  const {
    scripts: [script = ""],
  } = await record(context);
  const placed = [...script.matchAll(/^ *mkdir -p \$out\/firn\/(node_modules\S+)$/gm)].map(
    ([, path = ""]) => path,
  );
  expect(placed.sort()).toEqual(production.sort());
  const copied = [...script.matchAll(/\$out\/firn\/(\w[\w.]*)$/gm)].map(([, name]) => name ?? "");
  const copies =
    dockerfile
      .match(/^COPY (?!--from).*$/gm)
      ?.slice(1)
      .join(" ") ?? "";
  for (const name of copied) expect(copies).toContain(name);
  expect(copied.sort()).toEqual(["LICENSE", "core", "nix", "package.json", "worker"]);
});
