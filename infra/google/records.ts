import { collections } from "../../core/google/indexes.ts";
import { at, lastPart, listIn, textAt } from "./json.ts";
import type { Place } from "./place.ts";
import { gcloud, type Part, type Resource } from "./resource.ts";

/** The Firestore database: what goes by itself, and what queries ask by. */
export function recordsPart(place: Place): Part {
  const { database } = place;
  const flag = `--database=${database}`;
  const is = { kind: "database", name: database };
  const readFields =
    (kind: string, read: (field: unknown) => Readonly<Record<string, string | boolean>>) =>
    (answer: unknown) =>
      listIn(answer).map((each) => ({
        kind,
        name: fieldName(textAt(each, "name")),
        live: read(each),
      }));
  return {
    resources: [databaseResource(place), ...fieldResources(place)],
    readings: [
      {
        args: ["firestore", "databases", "list"],
        api: "firestore.googleapis.com",
        read: (answer) =>
          listIn(answer).map((each) => ({
            kind: "database",
            name: lastPart(textAt(each, "name")),
            live: { type: textAt(each, "type"), locationId: textAt(each, "locationId") },
          })),
      },
      {
        args: ["firestore", "fields", "ttls", "list", flag],
        api: "firestore.googleapis.com",
        of: is,
        read: readFields("time to live", () => ({})),
      },
      {
        args: ["firestore", "indexes", "fields", "list", flag],
        api: "firestore.googleapis.com",
        of: is,
        read: readFields("index", (field) => {
          const orders = listIn(at(field, "indexConfig", "indexes")).flatMap((index) =>
            listIn(index["fields"]).map((each) => textAt(each, "order").toLowerCase()),
          );
          return { orders: orders.join(",") };
        }),
      },
    ],
  };
}

function databaseResource({ database, location }: Place): Resource {
  return {
    kind: "database",
    name: database,
    why: "records are kept there",
    wanted: { type: "FIRESTORE_NATIVE", locationId: location },
    create: [
      gcloud(
        "firestore databases create",
        `--database=${database}`,
        `--location=${location}`,
        "--type=firestore-native",
      ),
    ],
    remove: [gcloud("firestore databases delete", `--database=${database}`)],
    keeps: "data",
    fixed: {
      type: "it serves Datastore: give firn a database of its own, by FIRN_DATABASE=firn",
      locationId:
        "a database stays where it was made: say where that is by FIRN_LOCATION, or give firn another one by FIRN_DATABASE=firn",
    },
  };
}

function fieldResources({ database }: Place): readonly Resource[] {
  const unused = "an index that no query uses costs a write each time";
  return [
    ...collections.map(({ collection }) => indexResource(database, collection, "*", "", unused)),
    ...collections.flatMap(({ collection, indexed }) =>
      indexed.map(({ field, order }) =>
        indexResource(database, collection, field, order, "a query asks by it"),
      ),
    ),
    ...collections.flatMap(({ collection, expiry }) =>
      expiry === undefined ? [] : [expiryResource(database, collection, expiry)],
    ),
  ];
}

// Each takes minutes, for which nobody has to wait; all of them go with the database.
function indexResource(
  database: string,
  collection: string,
  field: string,
  orders: string,
  why: string,
): Resource {
  const flags = [`--collection-group=${collection}`, `--database=${database}`, "--async"];
  const indexes = orders === "" ? "--disable-indexes" : `--index=order=${orders}`;
  return {
    kind: "index",
    name: `${collection}.${field}`,
    why,
    wanted: { orders },
    create: [gcloud("firestore indexes fields update", field, indexes, ...flags)],
    remove: [],
    within: { kind: "database", name: database },
  };
}

function expiryResource(database: string, collection: string, field: string): Resource {
  const flags = [`--collection-group=${collection}`, `--database=${database}`, "--async"];
  return {
    kind: "time to live",
    name: `${collection}.${field}`,
    why: "what lapsed goes by itself",
    wanted: {},
    create: [gcloud("firestore fields ttls update", field, "--enable-ttl", ...flags)],
    remove: [],
    within: { kind: "database", name: database },
  };
}

// projects/p/databases/d/collectionGroups/<collection>/fields/<field>
function fieldName(name: string): string {
  const [, collection = "", field = ""] =
    /\/collectionGroups\/([^/]+)\/fields\/(.+)$/.exec(name) ?? [];
  return `${collection}.${field.replaceAll("`", "")}`;
}
