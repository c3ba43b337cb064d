import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf } from "../log.ts";

/** What the SQLite adapters share: one connection, so that a transaction is one turn of the event loop. */
export interface Database extends Disposable {
  readonly get: (sql: string, ...values: SQLInputValue[]) => Row | undefined;
  readonly all: (sql: string, ...values: SQLInputValue[]) => readonly Row[];
  /** Rows changed. */
  readonly run: (sql: string, ...values: SQLInputValue[]) => number;
  /** All of it or nothing; `work` must not wait for anything. */
  readonly transaction: <T>(work: () => T) => T;
}

export type Row = Readonly<Record<string, unknown>>;

const schema = `
  create table if not exists images (
    key text primary key, record text not null, manifest text, published integer not null,
    published_at integer not null, changed_at integer not null) strict;
  create index if not exists images_changed on images (changed_at);
  create index if not exists images_ready on images (
    record ->> '$.image.packages', record ->> '$.image.shell', record ->> '$.image.architecture',
    record ->> '$.pin.packageSet', record ->> '$.pin.revision') where record ->> '$.state' = 'ready';
  create table if not exists leases (
    key text primary key, owner text not null, epoch integer not null, expires_at integer not null) strict;
  create index if not exists images_manifest on images (manifest);
  create index if not exists images_revision on images (
    record ->> '$.pin.packageSet', record ->> '$.pin.revision');
  create table if not exists manifests (
    digest text primary key, media_type text not null, bytes blob not null, used_at integer) strict;
  create table if not exists layers (key text primary key, entry text not null) strict;
  create index if not exists layers_digest on layers (entry ->> '$.digest');
  create table if not exists pins (id text primary key, version integer not null, pin text not null) strict;
  create index if not exists pins_standing on pins (id) where pin ->> '$.current' is not null;
  create index if not exists pins_made_up on pins (pin ->> '$.askedAt') where pin ->> '$.current' is null;
  create table if not exists plans (id text primary key, version integer not null, plan text not null) strict;
  create table if not exists applied_plans (
    package_set text not null, revision text not null, plans text not null, decided_at integer,
    primary key (package_set, revision)) strict;
  create table if not exists pulls (
    pin_id text not null, image text not null, at integer not null, primary key (pin_id, image)) strict;
  create table if not exists quotas (
    id text primary key, books text not null, expires_at integer not null) strict;
  create table if not exists referrers (
    subject text not null, digest text not null, descriptor text not null, primary key (subject, digest)) strict;
  create table if not exists jobs (
    id integer primary key autoincrement, job text not null, attempt integer not null,
    available_at integer not null) strict;
  create table if not exists prebuild_jobs (
    id integer primary key autoincrement, job text not null, attempt integer not null,
    available_at integer not null) strict;
  create table if not exists pin_jobs (
    id integer primary key autoincrement, job text not null, attempt integer not null,
    available_at integer not null) strict;
  create index if not exists jobs_job on jobs (job);
  create index if not exists prebuild_jobs_job on prebuild_jobs (job);
  create index if not exists pin_jobs_job on pin_jobs (job);
`;

/**
 * Opens, or makes, the database of a data folder, and holds the folder for this process alone: throws when another
 * one has it. Whatever a former process was working on is free again afterwards.
 */
export function openDatabase(folder: string): Database {
  makeFolder(folder);
  const lock = lockFolder(folder);
  const sqlite = new DatabaseSync(join(folder, "firn.sqlite"));
  sqlite.exec("pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 5000");
  sqlite.exec(schema);
  addMissing(sqlite, "manifests", "used_at");
  addMissing(sqlite, "applied_plans", "decided_at");
  sqlite.exec("delete from leases");
  sqlite.exec("update jobs set available_at = 0; update prebuild_jobs set available_at = 0");
  sqlite.exec("update pin_jobs set available_at = 0");
  // Whoever starts anew may have changed what made builds fail.
  sqlite.exec(
    `update images set record = json_set(record, '$.retryAt', 0) where record ->> '$.state' = 'failed'`,
  );
  return over(sqlite, () => lock.close());
}

/** A database in memory: of its adapters nothing lasts, and nothing is locked. */
export function openDatabaseInMemory(): Database {
  const sqlite = new DatabaseSync(":memory:");
  sqlite.exec(schema);
  return over(sqlite, () => undefined);
}

/** The database of a data folder, only to be read, whether a registry uses it or not; throws where there is none. */
export function openDatabaseToRead(folder: string): Database {
  const path = join(folder, "firn.sqlite");
  if (!existsSync(path)) {
    throw new Error(`${folder} is no data folder: set FIRN_DATA to the one that is meant`);
  }
  return over(new DatabaseSync(path, { readOnly: true }), () => undefined);
}

// What a former version left does not have the columns that came later.
function addMissing(sqlite: DatabaseSync, table: string, column: string): void {
  const columns = sqlite.prepare(`pragma table_info(${table})`).all();
  if (columns.some(({ name }) => name === column)) return;
  sqlite.exec(`alter table ${table} add column ${column} integer`);
}

function over(sqlite: DatabaseSync, close: () => void): Database {
  const prepared = new Map<string, ReturnType<DatabaseSync["prepare"]>>();
  const statement = (sql: string) => {
    const known = prepared.get(sql) ?? sqlite.prepare(sql);
    prepared.set(sql, known);
    return known;
  };
  return {
    get: (sql, ...values) => statement(sql).get(...values),
    all: (sql, ...values) => statement(sql).all(...values),
    run: (sql, ...values) => Number(statement(sql).run(...values).changes),
    transaction(work) {
      sqlite.exec("begin immediate");
      try {
        const result = work();
        sqlite.exec("commit");
        return result;
      } catch (error) {
        // A full disk ends the transaction by itself; then there is nothing left to roll back.
        if (sqlite.isTransaction) sqlite.exec("rollback");
        throw error;
      }
    },
    [Symbol.dispose]() {
      sqlite.close();
      close();
    },
  };
}

/** Makes a folder and those above it; not `recursive`, with which Node tries for ever below /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  const above = dirname(folder);
  if (above !== folder) makeFolder(above);
  try {
    mkdirSync(folder);
  } catch (error) {
    const message = `the data folder ${folder} cannot be made: ${messageOf(error)}; set FIRN_DATA to another one`;
    throw new Error(message, { cause: error });
  }
}

function openLock(folder: string): DatabaseSync {
  try {
    return new DatabaseSync(join(folder, "lock.sqlite"));
  } catch (error) {
    const message = `the data folder ${folder} cannot be used: ${messageOf(error)}; set FIRN_DATA to another one`;
    throw new Error(message, { cause: error });
  }
}

// The operating system frees this lock when the process ends, however it ends.
function lockFolder(folder: string): DatabaseSync {
  const lock = openLock(folder);
  try {
    lock.exec("pragma busy_timeout = 0; begin exclusive");
    return lock;
  } catch (error) {
    lock.close();
    if (!/locked|busy/.test(messageOf(error))) throw error;
    throw new Error(
      `another firn uses the data folder ${folder}: stop it, or set FIRN_DATA to a folder of its own`,
      { cause: error },
    );
  }
}
