import { hashOf } from "./environment-flag.ts";
import { at } from "./json.ts";
import { gcloud, type Command, type Properties } from "./resource.ts";
import { mountsOf, namesOf, type Secrets } from "./secrets.ts";

/** How gcloud mounts secrets in functions and services: these, and no others. Nothing where there are none. */
export function secretFlags(secrets: Secrets): readonly string[] {
  const mounts = Object.entries(mountsOf(secrets)).map(([path, what]) => `${path}=${what}`);
  return mounts.length === 0 ? [] : [`--set-secrets=${mounts.join(",")}`];
}

/**
 * The same for worker pools, beside what is mounted there. Of these gcloud's `--set-secrets` mounts nothing, and it takes
 * secrets as volumes in its alpha version alone.
 */
export function secretVolumeFlags(secrets: Secrets): readonly string[] {
  return Object.entries(mountsOf(secrets)).flatMap(([path, what]) => {
    const [secret = "", version = ""] = what.split(":");
    const folder = path.slice(0, path.lastIndexOf("/"));
    const name = `secret-${hashOf(what)}`;
    return [
      `--add-volume=name=${name},type=secret,secret=${secret},version=${version},path=value`,
      `--add-volume-mount=volume=${name},mount-path=${folder}`,
    ];
  });
}

/** Unmounts what is mounted in a function or a service, where nothing is to be mounted in its place. */
export function unmountFlags(secrets: Secrets, live: Properties): readonly string[] {
  const isLast = namesOf(secrets).length === 0 && mountedIn(live).length > 0;
  return isLast ? ["--clear-secrets"] : [];
}

/** Unmounts what is mounted in a worker pool, before anything is mounted by the same command. */
export function unmountVolumeFlags(live: Properties): readonly string[] {
  return mountedIn(live).length > 0 ? ["--clear-volumes", "--clear-volume-mounts"] : [];
}

/**
 * Takes the right to secrets away that are mounted there and that the settings do not name; whoever has it is `email`.
 * To be done after they are unmounted, since nothing starts that mounts what it may not read.
 */
export function forgetting(secrets: Secrets, live: Properties, email: string): readonly Command[] {
  const wanted = namesOf(secrets);
  const strays = mountedIn(live).filter((name) => !wanted.includes(name));
  const flags = [`--member=serviceAccount:${email}`, "--role=roles/secretmanager.secretAccessor"];
  return strays.map((name) => {
    const { program, args } = gcloud("secrets remove-iam-policy-binding", name, ...flags);
    // Somebody may have removed the secret, or the right, already.
    return { program, args, mayBeGone: true };
  });
}

/** What a reading says of a program that mounts secrets of these names; it is compared with nothing. */
export function mounting(names: readonly string[]): Properties {
  return { given: { secrets: [...new Set(names)] } };
}

function mountedIn(live: Properties): readonly string[] {
  const names = at(live, "given", "secrets");
  return Array.isArray(names) ? names.map(String) : [];
}
