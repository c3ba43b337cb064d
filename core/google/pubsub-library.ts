// What is used of the library, by name: a bundle knows no names of a CommonJS package that is imported as a whole.
export { Duration, PubSub } from "@google-cloud/pubsub";
