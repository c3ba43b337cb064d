const longest = 2000;

/**
 * A message about trouble of ours, as clients may read it: where things are on this machine is none of their business.
 * Store paths say nothing of the machine.
 */
export function forClients(message: string): string {
  const short = message.length > longest ? `${message.slice(0, longest)}…` : message;
  return short.replaceAll(/(?<![\w.:/-])\/(?!nix\/store\/)[\w.@+~-]+(?:\/[\w.@+~-]+)+/g, "…");
}
