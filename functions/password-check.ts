import { once } from "node:events";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import pLimit from "p-limit";

export interface PasswordQuestion {
  readonly password: string;
  /** bcrypt's or scrypt's, as `users.ts` accepts them. */
  readonly hash: string;
}

export interface PasswordAnswer {
  readonly matches: boolean;
}

/** Whether a password has this hash; "busy" where so many wait already that it is not looked at. */
export type CheckPassword = (password: string, hash: string) => Promise<boolean | "busy">;

const mostWaiting = 32;
// Where the functions are bundled, the thread's file lies beside this one as well (infra/google/bundle.ts).
const extension = extname(import.meta.filename);

/**
 * Checks passwords, which is meant to take long: in a thread of their own, one after the other, so that however many are
 * tried it takes one core, and no pull waits for it. The thread is started with the first, and keeps no process alive.
 */
export function createPasswordCheck(): CheckPassword {
  const inTurn = pLimit(1);
  let thread: Worker | undefined;

  function started(): Worker {
    const fresh = new Worker(new URL(`password-thread${extension}`, import.meta.url));
    // The one who waits for an answer sees the error as well.
    fresh.on("error", () => undefined);
    fresh.on("exit", () => {
      if (thread === fresh) thread = undefined;
    });
    fresh.unref();
    return fresh;
  }

  async function ask(question: PasswordQuestion): Promise<boolean> {
    thread ??= started();
    const asked = thread;
    asked.ref();
    try {
      const answer = once(asked, "message");
      // oxlint-disable-next-line require-post-message-target-origin -- the other end is a thread, not a window
      asked.postMessage(question);
      const [{ matches }] = (await answer) as [PasswordAnswer]; // password-thread.ts
      return matches;
    } finally {
      asked.unref();
    }
  }

  return async (password, hash) => {
    if (inTurn.pendingCount >= mostWaiting) return "busy";
    return await inTurn(() => ask({ password, hash }));
  };
}
