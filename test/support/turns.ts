/**
 * Has what goes on at the same time wait its turn before each call of a port, so that a test decides in which order
 * calls happen. Between two turns everything runs until it waits for the next one.
 */
export interface Turns {
  /** A port whose calls wait their turns, in the name of whoever is its user then; `watch` is not a call. */
  port<P extends object>(name: string, port: P, actor: () => Actor): P;
  /** The calls that wait. */
  waiting(): readonly Waiting[];
  /** Lets one of them happen. */
  grant(waiting: Waiting, fault?: Fault): Promise<void>;
  /** Resolves when whoever goes on waits for its next turn. */
  settled(): Promise<void>;
}

/** Somebody who calls ports. One that has crashed never comes to its turn. */
export interface Actor {
  readonly kind: string;
  crashed: boolean;
}

export interface Waiting {
  readonly actor: Actor;
  /** `port.method` */
  readonly call: string;
  /** Since when. */
  readonly since: number;
  readonly go: (fault: Fault | undefined) => void;
}

/** What goes wrong with a call: it never arrives, or its answer does not. */
export type Fault = "before" | "after";

export class StoreAway extends Error {
  override readonly name = "StoreAway";
}

export function createTurns(now: () => number): Turns {
  let waiting: Waiting[] = [];

  async function take(actor: Actor, call: string): Promise<Fault | undefined> {
    return await new Promise((go) => waiting.push({ actor, call, since: now(), go }));
  }

  // What goes on waits for nothing but its turn: after one round of the event loop all do.
  const settled = () => new Promise<void>((done) => setImmediate(done));

  return {
    port(name, target, actor) {
      const called = Object.entries(target).map(([method, work]) => {
        if (typeof work !== "function" || method === "watch") return [method, work] as const;
        const call = `${name}.${method}`;
        const inTurn = async (...values: readonly unknown[]): Promise<unknown> => {
          const fault = await take(actor(), call);
          if (fault === "before") throw new StoreAway(`${call} did not arrive`);
          const answer: unknown = await Reflect.apply(work as () => unknown, target, values);
          if (fault === "after") throw new StoreAway(`${call} was not answered`);
          return answer;
        };
        return [method, inTurn] as const;
      });
      return Object.fromEntries(called) as typeof target; // the same methods, each in its turn
    },
    waiting: () => (waiting = waiting.filter(({ actor }) => !actor.crashed)),
    async grant(one, fault) {
      waiting = waiting.filter((each) => each !== one);
      one.go(fault);
      await settled();
    },
    settled,
  };
}
