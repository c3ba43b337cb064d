/**
 * The part of the environment that programs inherit: where they and the user's keys are, and how the network is
 * reached. Nothing that changes what Nix makes, such as NIXPKGS_ALLOW_UNFREE: the same pin is the same image.
 */
const inherited =
  /^(?:PATH|HOME|USER|LOGNAME|TMPDIR|SSH_AUTH_SOCK|SSL_CERT_FILE|SSL_CERT_DIR|CURL_CA_BUNDLE|NIX_SSL_CERT_FILE|NIX_REMOTE|NIX_CONF_DIR|NIX_USER_CONF_FILES|GIT_.*|XDG_.*|(?:https?|all|no|ftp)_proxy)$/i;

export type Environment = Readonly<Record<string, string | undefined>>;

export function inheritedEnvironment(environment: Environment): Readonly<Record<string, string>> {
  const kept = Object.entries(environment).flatMap(([name, value]) =>
    value !== undefined && inherited.test(name) ? [[name, value] as const] : [],
  );
  return {
    HOME: "/root",
    // Nobody is there to type a passphrase; a key that needs one is refused instead of waited for.
    GIT_SSH_COMMAND: "ssh -o BatchMode=yes",
    ...Object.fromEntries(kept),
    LANG: "C.UTF-8",
  };
}

/** The part of that in which nothing signs anybody in: for what runs a package set's own programs. */
export function withoutKeys(
  all: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const kept = Object.entries(all).filter(([name]) => !/^(?:GIT_.*|SSH_AUTH_SOCK)$/.test(name));
  return Object.fromEntries(kept);
}

/**
 * What git finds a file of credentials by, `https://<user>:<token>@<host>` a line. It is asked for a password and never told
 * to forget one: the file may be mounted read-only.
 */
export function gitCredentialEnvironment(
  all: Readonly<Record<string, string>>,
  file: string,
): Readonly<Record<string, string>> {
  const count = Number(all["GIT_CONFIG_COUNT"] ?? 0);
  return {
    GIT_CONFIG_COUNT: String(count + 1),
    [`GIT_CONFIG_KEY_${count}`]: "credential.helper",
    [`GIT_CONFIG_VALUE_${count}`]: askOnly,
    // Git runs what begins with ! in a shell, which reads the name from here.
    GIT_CREDENTIALS_FILE: file,
    GIT_TERMINAL_PROMPT: "0",
  };
}

const askOnly =
  '!f() { test "$1" != get || git credential-store --file "$GIT_CREDENTIALS_FILE" get; }; f';

export function hasProxy(environment: Environment): boolean {
  return Object.keys(environment).some((name) => /^(?:https?|all)_proxy$/i.test(name));
}
