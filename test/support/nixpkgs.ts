import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { unbuiltExpression } from "./package-set.ts";
import { program } from "./program.ts";

/** A git repository that holds package sets, each commit another one. */
export interface Repository {
  readonly path: string;
  /** Commits a package set on a branch, one that nobody has built where its text is not given; gives the commit. */
  commit(branch: string, text?: string): Promise<string>;
  git(...args: readonly string[]): Promise<string>;
}

export async function createRepository(folder: string): Promise<Repository> {
  const path = join(folder, "repository");
  await mkdir(path);
  let commits = 0;
  const git = async (...args: readonly string[]): Promise<string> => {
    const author = ["-c", "user.name=Firn", "-c", "user.email=firn@example.com"];
    const { stdout } = await program("git", ["-C", path, ...author, ...args], {
      env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
    });
    return stdout.trim();
  };
  await git("init", "--quiet", "--initial-branch=main");
  return {
    path,
    git,
    async commit(branch, text) {
      commits += 1;
      await git("symbolic-ref", "HEAD", `refs/heads/${branch}`);
      const written = text ?? (await unbuiltExpression(`${path} ${commits}`));
      await writeFile(join(path, "default.nix"), written);
      await git("add", "default.nix");
      await git("commit", "--quiet", "-m", `package set ${commits}`);
      return await git("rev-parse", "HEAD");
    },
  };
}

/** What stands in for nixpkgs: a repository whose branches are channels, and a tarball of each commit. */
export async function createNixpkgs(folder: string) {
  const repository = await createRepository(folder);
  const tarballs = join(folder, "tarballs");
  await mkdir(tarballs);
  const publish = async (branch: string, text?: string): Promise<string> => {
    const commit = await repository.commit(branch, text);
    const file = join(tarballs, `${commit}.tar.gz`);
    await repository.git("archive", `--prefix=nixpkgs-${commit}/`, "-o", file, commit);
    return commit;
  };
  const env = {
    FIRN_NIXPKGS_REPOSITORY: `file://${repository.path}`,
    FIRN_NIXPKGS_TARBALL: `file://${tarballs}/{revision}.tar.gz`,
    FIRN_PIN_SECONDS: "1",
  };
  const packageSet = "nixpkgs:nixos-25.11";
  return { repository, tarballs, publish, options: { packageSet, env } };
}
