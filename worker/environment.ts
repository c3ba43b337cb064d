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

export function hasProxy(environment: Environment): boolean {
  return Object.keys(environment).some((name) => /^(?:https?|all)_proxy$/i.test(name));
}
