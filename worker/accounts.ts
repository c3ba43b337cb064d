// What stands for a shell where there is none: programs take it for "may not log in".
const noShell = "/sbin/nologin";

/**
 * The files that C libraries read to name users, groups and hosts, as path and text. `shell` is what
 * the image has for one. `nonroot` and its number are those of the "distroless" images.
 */
export function accountFiles(shell = noShell): readonly (readonly [path: string, text: string])[] {
  return [
    [
      "etc/passwd",
      lines(
        `root:x:0:0:root:/root:${shell}`,
        `nobody:x:65534:65534:nobody:/nonexistent:${noShell}`,
        `nonroot:x:65532:65532:nonroot:/tmp:${shell}`,
      ),
    ],
    ["etc/group", lines("root:x:0:", "nobody:x:65534:", "nonroot:x:65532:")],
    // Without "files" before "dns", /etc/hosts, which runtimes write, would count for nothing.
    ["etc/nsswitch.conf", lines("passwd: files", "group: files", "hosts: files dns")],
  ];
}

function lines(...texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}
